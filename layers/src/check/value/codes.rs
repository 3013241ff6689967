//! Code lists: the codes of a layer, their titles, and what sources write in their place.

use rustc_hash::{FxHashMap, FxHashSet};

use super::folded;
use crate::definition::FieldDefinition;

/// The code list of a field, by folded spelling.
#[derive(Debug, Clone, Default)]
pub(in crate::check) struct Codes {
    exact: FxHashSet<String>,
    by_spelling: FxHashMap<String, Meaning>,
    /// Whether other values are worth a warning.
    closed: bool,
}

/// What a value of a source means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The code itself, in another spelling.
    Spelling(String),
    /// The code for which a source has its own.
    Theirs(String),
    /// The code whose title was written.
    Title(String),
    /// Nothing.
    Blank,
    /// The row belongs to another layer.
    Elsewhere(String),
}

impl Codes {
    /// The codes of a field, if it has any.
    pub(in crate::check) fn of(field: &FieldDefinition) -> Option<Self> {
        if field.values.is_empty() && field.blank.is_empty() && field.elsewhere.is_empty() {
            return None;
        }
        let mut codes = Self { closed: !field.values.is_empty(), ..Self::default() };
        for value in &field.values {
            codes.exact.insert(value.code.clone());
            codes.note(&value.code, Meaning::Spelling(value.code.clone()));
        }
        for value in &field.values {
            for theirs in &value.also {
                codes.note(theirs, Meaning::Theirs(value.code.clone()));
            }
        }
        for nothing in &field.blank {
            codes.note(nothing, Meaning::Blank);
        }
        for (layer, theirs) in &field.elsewhere {
            for code in theirs {
                codes.note(code, Meaning::Elsewhere(layer.clone()));
            }
        }
        for value in &field.values {
            for title in [&value.title.it, &value.title.en] {
                codes.note(title, Meaning::Title(value.code.clone()));
            }
        }
        Some(codes)
    }

    /// The first meaning of a spelling is the one that counts.
    fn note(&mut self, word: &str, meaning: Meaning) {
        self.by_spelling.entry(folded(word)).or_insert(meaning);
    }

    /// Whether a value is one of the codes, letter by letter.
    pub(super) fn holds(&self, word: &str) -> bool {
        self.exact.contains(word)
    }

    /// What a value means that is none of the codes.
    pub(super) fn meaning(&self, word: &str) -> Option<&Meaning> {
        self.by_spelling.get(&folded(word))
    }

    /// The code that a value of a source is or means.
    pub(in crate::check) fn code<'a>(&'a self, word: &'a str) -> Option<&'a str> {
        if self.holds(word) {
            return Some(word);
        }
        match self.meaning(word)? {
            Meaning::Spelling(code) | Meaning::Theirs(code) | Meaning::Title(code) => Some(code),
            Meaning::Blank | Meaning::Elsewhere(_) => None,
        }
    }

    /// Whether only listed values are expected.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }
}
