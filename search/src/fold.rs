//! Text as it is compared: lower case, without accents, in pieces, each of which knows what stood before it.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// What separates a piece from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glue {
    /// Nothing: a letter after a digit or the other way round (`12b`).
    Joined,
    /// Blanks, or the beginning of the text.
    Space,
    /// `12/b`.
    Slash,
    /// `12-14`.
    Hyphen,
    /// `v.le`.
    Dot,
    /// A comma, a bracket or another mark that ends something.
    Comma,
}

/// A run of letters or of digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Lower case, without accents.
    pub text: String,
    /// What stands before it.
    pub glue: Glue,
}

impl Piece {
    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.text.starts_with(|first: char| first.is_ascii_digit())
    }
}

/// The pieces of a text; at most `most` of them, the rest is not looked at.
pub fn pieces(text: &str, most: usize) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    let (mut glue, mut fresh) = (Glue::Space, true);
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase) {
        if !letter.is_alphanumeric() {
            glue = if fresh { stronger(glue, separator(letter)) } else { separator(letter) };
            fresh = true;
            continue;
        }
        let turns = |piece: &Piece| piece.is_number() != letter.is_ascii_digit();
        if !fresh && found.last().is_some_and(turns) {
            (glue, fresh) = (Glue::Joined, true);
        }
        if fresh {
            if found.len() == most {
                break;
            }
            found.push(Piece { text: String::new(), glue });
            (glue, fresh) = (Glue::Space, false);
        }
        if let Some(piece) = found.last_mut() {
            piece.text.push(letter);
        }
    }
    found
}

const fn separator(letter: char) -> Glue {
    match letter {
        '/' | '\\' => Glue::Slash,
        '-' | '–' | '_' => Glue::Hyphen,
        '.' => Glue::Dot,
        ',' | ';' | '(' | ')' | ':' | '"' => Glue::Comma,
        _ => Glue::Space,
    }
}

/// Of two marks between the same pieces the one that says more: `12 / b`, `v. roma`.
const fn stronger(a: Glue, b: Glue) -> Glue {
    match (a, b) {
        (Glue::Comma, _) | (_, Glue::Comma) => Glue::Comma,
        (Glue::Slash, _) | (_, Glue::Slash) => Glue::Slash,
        (Glue::Dot, Glue::Space) | (Glue::Space, Glue::Dot) => Glue::Space,
        (Glue::Hyphen, _) | (_, Glue::Hyphen) => Glue::Hyphen,
        _ => b,
    }
}

/// A text with single letters where it has doubled ones, which Venetian does not have and which are the first to be
/// misspelt: `sottoportego` and `sotoportego` are the same.
pub fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = None;
    for letter in text.chars() {
        if last != Some(letter) || letter.is_ascii_digit() {
            out.push(letter);
        }
        last = Some(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mark = |piece: &Piece| match piece.glue {
            Glue::Joined => '+',
            Glue::Space => ' ',
            Glue::Slash => '/',
            Glue::Hyphen => '-',
            Glue::Dot => '.',
            Glue::Comma => ',',
        };
        pieces(text, 64).iter().flat_map(|piece| std::iter::once(mark(piece)).chain(piece.text.chars())).collect()
    }

    #[test]
    fn a_text_is_cut_where_letters_meet_marks_and_numbers() {
        assert_eq!(shown("Rio Terà dell’Òlio, 12/B"), " rio tera dell olio,12/b");
        assert_eq!(shown("P.zza S. Marco 1234bis (VE)"), " p.zza s marco 1234+bis,ve");
        assert_eq!(shown("12 / b"), " 12/b");
        assert_eq!(shown("  ,,.. "), "");
        assert_eq!(shown("Ca' d'Oro"), " ca d oro");
    }

    #[test]
    fn doubled_letters_are_one_and_doubled_digits_two() {
        assert_eq!(squeezed("sottoportego"), squeezed("sotoportego"));
        assert_eq!(squeezed("1100"), "1100");
    }
}
