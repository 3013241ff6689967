//! Texts compared by pattern, and without case or accents.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::expression::Folding;

/// A pattern of `LIKE`: `%` is any text, `_` any one character, `\` takes the next character as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As it was written, without what was folded away.
    text: String,
    /// The pieces between one `%` and the next; `None` is any character.
    pieces: Vec<Vec<Option<char>>>,
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Self {
        let mut pieces = vec![Vec::new()];
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            let part = match c {
                '%' => {
                    pieces.push(Vec::new());
                    continue;
                }
                '_' => None,
                '\\' => Some(characters.next().unwrap_or('\\')),
                other => Some(other),
            };
            if let Some(piece) = pieces.last_mut() {
                piece.push(part);
            }
        }
        Self { text: text.to_owned(), pieces }
    }

    /// As it was written: for a store that matches by itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As another language writes it: with its words for any text and for any one character, and characters that mean
    /// themselves as `plain` puts them.
    pub(crate) fn written(&self, any: &str, one: &str, plain: impl Fn(char, &mut String)) -> String {
        let mut out = String::with_capacity(self.text.len());
        for (place, piece) in self.pieces.iter().enumerate() {
            if place > 0 {
                out.push_str(any);
            }
            for part in piece {
                match part {
                    None => out.push_str(one),
                    Some(c) => plain(*c, &mut out),
                }
            }
        }
        out
    }

    /// Whether a text matches from its beginning to its end.
    pub fn matches(&self, text: &str) -> bool {
        // Of most texts the bytes are the characters, and nothing has to be gathered.
        if text.is_ascii() {
            return self.matches_characters(text.as_bytes());
        }
        self.matches_characters(&text.chars().collect::<Vec<char>>())
    }

    fn matches_characters<C: Copy + Into<char>>(&self, text: &[C]) -> bool {
        let fits = |piece: &[Option<char>], at: usize| {
            let is_wanted = |(c, wanted): (&C, &Option<char>)| wanted.is_none_or(|wanted| wanted == (*c).into());
            text.get(at..at + piece.len()).is_some_and(|part| part.iter().zip(piece).all(is_wanted))
        };
        let (Some(first), Some(last)) = (self.pieces.first(), self.pieces.last()) else { return false };
        if self.pieces.len() == 1 {
            return text.len() == first.len() && fits(first, 0);
        }
        if text.len() < first.len() + last.len() || !fits(first, 0) || !fits(last, text.len() - last.len()) {
            return false;
        }
        // Each piece as early as possible leaves the most room for those after it.
        let (mut at, end) = (first.len(), text.len() - last.len());
        for piece in &self.pieces[1..self.pieces.len() - 1] {
            let Some(found) = (at..=end.saturating_sub(piece.len())).find(|at| fits(piece, *at)) else { return false };
            at = found + piece.len();
        }
        at <= end
    }
}

/// A text without its case or its accents.
pub(crate) fn folded(folding: Folding, text: &str) -> Cow<'_, str> {
    match folding {
        // Up and down again, so that ß is ss and every sigma the same.
        Folding::Case => text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect(),
        Folding::Accents if text.is_ascii() => Cow::Borrowed(text),
        Folding::Accents => text.nfd().filter(|c| !is_combining_mark(*c)).nfc().collect(),
    }
}
