//! Texts as words that can be compared: abbreviations written out, numbers in figures, doubled letters single.

use crate::fold::{Glue, Piece, pieces, squeezed};
use crate::lexicon::{expanded, roman};

/// Words of one name that are looked at.
pub const MOST_WORDS: usize = 24;

/// Between the forms of one word of a name.
pub const OR: char = '|';

/// The words of a name with blanks between, each with the form in which it is written where that is another: somebody may
/// begin to type either.
pub fn forms(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let pieces = pieces(name, MOST_WORDS);
    for word in of_pieces(&pieces, false) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
        let is_form = |piece: &&Piece| {
            let alone = Piece { text: piece.text.clone(), glue: Glue::Space };
            piece.text.len() > 1 && squeezed(&piece.text) != word && of_pieces(&[alone], false) == [word.as_str()]
        };
        if let Some(other) = pieces.iter().find(is_form) {
            out.push(OR);
            out.push_str(&squeezed(&other.text));
        }
    }
    out
}

/// The words of a name.
pub fn words(name: &str) -> Vec<String> {
    of_pieces(&pieces(name, MOST_WORDS), false)
}

/// The words of some pieces. Where the last is `open` it may be unfinished: a letter or two are then no abbreviation.
pub fn of_pieces(pieces: &[Piece], open: bool) -> Vec<String> {
    let mut found = Vec::with_capacity(pieces.len());
    let mut place = 0;
    while let Some(piece) = pieces.get(place) {
        let next = pieces.get(place + 1).filter(|next| next.glue == Glue::Dot && !next.is_number());
        if let Some(whole) = next.and_then(|next| expanded(&format!("{}{}", piece.text, next.text))) {
            found.extend_from_slice(whole);
            place += 2;
            continue;
        }
        let is_last = place + 1 == pieces.len();
        place += 1;
        if piece.is_number() {
            // Zeros before a number say nothing.
            let trimmed = piece.text.trim_start_matches('0');
            found.push(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() });
        } else if open && is_last && piece.text.len() < 3 {
            found.push(squeezed(&piece.text));
        } else if let Some(number) = roman(&piece.text) {
            found.push(number);
        } else if let Some(whole) = expanded(&piece.text) {
            found.extend_from_slice(whole);
        } else {
            found.push(squeezed(&piece.text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_a_name_are_the_same_words() {
        for (a, b) in [
            ("P.zza S. Marco", "piazza san marco"),
            ("v.le Garibaldi", "VIALE GARIBALDI"),
            ("Rio Terà dei Saoneri", "rio terra' dei saoneri"),
            ("r.t. Saoneri", "rio tera saoneri"),
            ("Sottoportico del Pistor", "Sotoportego del Pistor"),
            ("Via XXV Aprile", "via 25 aprile"),
            ("f.lli Bandiera", "Fratelli Bandiera"),
            ("Calle dell'Ogio", "cale dell olio"),
            ("Salizzada Sant’Anzolo", "Salizada S. Angelo"),
            ("Fond.ta Nove", "fondamenta nove"),
            ("via primo maggio", "via 1° maggio"),
        ] {
            assert_eq!(words(a), words(b), "{a}");
        }
    }

    #[test]
    fn words_keep_the_form_in_which_they_are_written() {
        assert_eq!(forms("Riva Sant'Anzolo"), "riva san|sant angelo|anzolo");
        assert_eq!(forms("Via XXV Aprile"), "via 25|xv aprile");
        assert_eq!(forms("P.zza S. Marco"), "piaza san marco");
    }

    #[test]
    fn a_letter_that_is_being_typed_is_no_abbreviation() {
        assert_eq!(of_pieces(&pieces("calle s", 9), true), ["cale", "s"]);
        assert_eq!(of_pieces(&pieces("calle s", 9), false), ["cale", "san"]);
    }
}
