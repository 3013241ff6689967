//! Addresses as people write them: which number is that of the house, and what belongs to it.
//!
//! `San Marco 1234` is the number of a sestiere, `via Piave 12/B Mestre` that of a street, `via XXV Aprile` none: what a
//! text may mean is a short list, and what is there decides.

use crate::fold::{Glue, Piece, pieces};
use crate::lexicon::{EVERYWHERE, INSIDE, MONTHS, NO_NUMBER, NUMBER_WORDS, SUFFIX_WORDS};
use crate::words::{MOST_WORDS, of_pieces};

/// Numbers of a text that are tried as that of the house.
const TRIED: usize = 2;
/// Digits of a house number at most.
const DIGITS: usize = 5;
/// Digits of a postcode.
const POSTCODE: usize = 5;

/// A house number: `12`, `12/B`, `12 bis`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HouseNumber {
    /// The number.
    pub number: u32,
    /// What stands after it (esponente), in upper case; empty where there is nothing.
    pub suffix: String,
}

impl HouseNumber {
    /// Reads a number and a suffix as layers keep them: apart, or both in the first.
    pub fn read(number: &str, suffix: &str) -> Option<Self> {
        let pieces = pieces(number, 4);
        let first = pieces.first().filter(|piece| piece.is_number() && piece.text.len() <= DIGITS + 1)?;
        let own = pieces.get(1).filter(|piece| piece.glue != Glue::Hyphen || !piece.is_number());
        let suffix = match (suffix.trim(), own) {
            ("", own) => own.map(|piece| piece.text.to_uppercase()).unwrap_or_default(),
            (suffix, _) => suffix.trim_start_matches('/').trim().to_uppercase(),
        };
        Some(Self { number: first.text.parse().ok()?, suffix })
    }
}

impl std::fmt::Display for HouseNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number)?;
        if self.suffix.is_empty() { Ok(()) } else { write!(f, "/{}", self.suffix) }
    }
}

/// One thing that a text may mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Words of names.
    pub words: Vec<String>,
    /// The number of the house.
    pub number: Option<HouseNumber>,
    /// The last word may be unfinished.
    pub open_word: bool,
    /// The number may be.
    pub open_number: bool,
}

/// What a text may mean, the likeliest first. With `open` it is still being typed.
pub fn readings(text: &str, open: bool) -> Vec<Reading> {
    // What is being typed is not finished where a blank or a comma stands after it.
    let open = open && text.ends_with(|last: char| last.is_alphanumeric());
    let pieces = without_asides(pieces(text, MOST_WORDS));
    let numbers: Vec<usize> = (0..pieces.len()).filter(|place| pieces[*place].is_number()).collect();
    let mut found = Vec::new();
    for place in numbers.iter().rev().filter(|place| may_be_house(&pieces, **place, numbers.len())).take(TRIED) {
        found.extend(with_number(&pieces, *place, open));
    }
    let words = of_pieces(&pieces, open);
    if !words.is_empty() {
        found.push(Reading { words, open_word: open, ..Reading::default() });
    }
    found
}

/// The reading of a text that is known to be names and nothing else.
pub fn name_only(text: &str) -> Reading {
    Reading { words: of_pieces(&pieces(text, MOST_WORDS), false), ..Reading::default() }
}

/// Without which door inside the house, that there is no number, and in which country.
fn without_asides(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut rest = pieces.into_iter().peekable();
    while let Some(piece) = rest.next() {
        let text = piece.text.as_str();
        let after_number = kept.iter().any(Piece::is_number);
        if after_number && INSIDE.contains(&text) && rest.peek().is_some() {
            rest.next();
            continue;
        }
        let is_aside = NO_NUMBER.contains(&text) || EVERYWHERE.contains(&text);
        // The only word is what is asked for.
        if is_aside && !kept.is_empty() {
            continue;
        }
        kept.push(piece);
    }
    kept
}

fn may_be_house(pieces: &[Piece], place: usize, numbers: usize) -> bool {
    let piece = &pieces[place];
    let is_day = pieces.get(place + 1).is_some_and(|next| {
        let word = crate::fold::squeezed(&next.text);
        MONTHS.contains(&word.as_str())
    });
    let is_suffix = piece.glue == Glue::Slash && place > 0 && pieces[place - 1].is_number();
    let is_end_of_range = piece.glue == Glue::Hyphen && place > 0 && pieces[place - 1].is_number();
    let is_postcode = piece.text.len() == POSTCODE && numbers > 1;
    let is_alone = pieces.len() == 1;
    piece.text.len() <= DIGITS && !is_day && !is_suffix && !is_end_of_range && !is_postcode && !is_alone
}

/// The readings in which the number at a place is that of the house.
fn with_number(pieces: &[Piece], place: usize, open: bool) -> Vec<Reading> {
    let Ok(number) = pieces[place].text.parse::<u32>() else { return Vec::new() };
    let mut before = &pieces[..place];
    if let [rest @ .., word] = before
        && NUMBER_WORDS.contains(&word.text.as_str())
        && !rest.is_empty()
    {
        before = rest;
    }
    let after = &pieces[place + 1..];
    let mut found = Vec::new();
    let mut push = |suffix: &str, rest: &[Piece]| {
        let is_postcode = |piece: &&Piece| piece.is_number() && piece.text.len() == POSTCODE;
        let names: Vec<Piece> = before.iter().chain(rest).filter(|piece| !is_postcode(piece)).cloned().collect();
        let open_word = open && !rest.is_empty();
        let words = of_pieces(&names, open_word);
        if !words.is_empty() {
            let number = Some(HouseNumber { number, suffix: suffix.to_uppercase() });
            let open_number = open && rest.is_empty() && suffix.is_empty();
            found.push(Reading { words, number, open_word, open_number });
        }
    };
    match after {
        [next, rest @ ..] => {
            let is_short = next.text.chars().count() <= 2 || SUFFIX_WORDS.contains(&next.text.as_str());
            let ends = rest.first().is_none_or(|piece| piece.glue == Glue::Comma);
            match next.glue {
                // `12-14`: the first door of a house that has several.
                Glue::Hyphen if next.is_number() => push("", rest),
                Glue::Slash | Glue::Joined | Glue::Hyphen if is_short => push(&next.text, rest),
                Glue::Space if SUFFIX_WORDS.contains(&next.text.as_str()) => push(&next.text, rest),
                Glue::Space if next.text.chars().count() == 1 && !next.is_number() && ends => {
                    push(&next.text, rest);
                    push("", after);
                }
                _ => push("", after),
            }
        }
        [] => push("", after),
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words, `#` and the number of each reading.
    fn read(text: &str) -> Vec<String> {
        let shown = |reading: &Reading| {
            let number = reading.number.as_ref().map(|number| format!(" #{number}")).unwrap_or_default();
            format!("{}{number}", reading.words.join(" "))
        };
        readings(text, false).iter().map(shown).collect()
    }

    #[test]
    fn both_ways_to_number_houses_are_read() {
        assert_eq!(read("San Marco 1234")[0], "san marco #1234");
        assert_eq!(read("Cannaregio 12/A")[0], "canaregio #12/A");
        assert_eq!(read("via Piave 12/B Mestre")[0], "via piave mestre #12/B");
        assert_eq!(read("via Piave 12b, 30171 Mestre (VE)")[0], "via piave mestre #12/B");
        assert_eq!(read("Via Piave, n. 12 bis")[0], "via piave #12/BIS");
        assert_eq!(read("via piave n°12")[0], "via piave #12");
        assert_eq!(read("Via Piave 12-14")[0], "via piave #12");
        assert_eq!(read("Via Piave 12 int. 3 Mestre")[0], "via piave mestre #12");
        assert_eq!(read("Dorsoduro 3246, Calle Foscari")[0], "dorsoduro cale foscari #3246");
        assert_eq!(read("12/2 via Piave")[0], "via piave #12/2");
    }

    #[test]
    fn a_number_may_be_part_of_a_name() {
        assert_eq!(read("via XXV Aprile 12"), ["via 25 aprile #12", "via 25 aprile 12"]);
        assert_eq!(read("Via 25 Aprile"), ["via 25 aprile"]);
        assert_eq!(read("Varco 7"), ["varco #7", "varco 7"]);
        assert_eq!(read("12 m")[..2], ["m #12", "12 m"]);
        assert_eq!(read("via Piave 12 m")[..2], ["via piave #12/M", "via piave m #12"]);
        assert_eq!(read("1234"), ["1234"]);
        assert_eq!(read("Via Piave snc"), ["via piave"]);
    }

    #[test]
    fn numbers_as_layers_keep_them_are_read() {
        let read = |number: &str, suffix: &str| HouseNumber::read(number, suffix).map(|it| it.to_string());
        assert_eq!(read("12", ""), Some("12".to_owned()));
        assert_eq!(read("12", "b"), Some("12/B".to_owned()));
        assert_eq!(read("12/b", ""), Some("12/B".to_owned()));
        assert_eq!(read("0012", "/A"), Some("12/A".to_owned()));
        assert_eq!(read("12-14", ""), Some("12".to_owned()));
        assert_eq!((read("snc", ""), read("", "A"), read("1234567", "")), (None, None, None));
    }

    #[test]
    fn what_is_being_typed_is_open_until_a_blank_ends_it() {
        let open = |text: &str| readings(text, true).first().map(|it| (it.open_word, it.open_number));
        assert_eq!(open("via pia"), Some((true, false)));
        assert_eq!(open("via piave "), Some((false, false)));
        assert_eq!(open("via piave 1"), Some((false, true)));
        assert_eq!(open("via piave 12/b"), Some((false, false)));
        assert_eq!(open("via piave 12 mes"), Some((true, false)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_a_number_is_one_of_the_text(text in "\\PC{0,60}|([a-z]{1,8}|[0-9]{1,6}|[ ./,'-]){1,14}") {
            for open in [false, true] {
                for reading in readings(&text, open) {
                    prop_assert!(!reading.words.is_empty());
                    prop_assert!(reading.words.len() <= 2 * MOST_WORDS);
                    if let Some(number) = reading.number {
                        let again = HouseNumber::read(&number.to_string(), "");
                        prop_assert_eq!(again.as_ref(), Some(&number));
                        let digits = number.number.to_string();
                        prop_assert!(pieces(&text, MOST_WORDS).iter().any(|it| it.text.trim_start_matches('0') == digits.trim_start_matches('0')));
                    }
                }
            }
        }

        #[test]
        fn an_address_as_it_is_printed_is_read_back(name in "[a-z]{3,9}( [a-z]{3,9}){0,2}", number in 1_u32..9999, suffix in "[A-Z]?") {
            let house = HouseNumber { number, suffix };
            let read = readings(&format!("{name} {house}"), false);
            prop_assert_eq!(read[0].number.as_ref(), Some(&house));
            prop_assert_eq!(HouseNumber::read(&house.to_string(), ""), Some(house));
        }
    }
}
