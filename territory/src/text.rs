//! What people read, in both languages.

use serde::{Deserialize, Serialize};

/// A text in Italian and in English.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Text {
    /// In Italian.
    pub it: String,
    /// In English.
    pub en: String,
}

impl Text {
    /// The Italian and the English text.
    pub fn new(it: impl Into<String>, en: impl Into<String>) -> Self {
        Self { it: it.into(), en: en.into() }
    }

    /// The same words in both languages: names, codes.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { it: text.clone(), en: text }
    }
}

/// Something that has to be looked at, though an answer was possible.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// Which warning it is, for programs.
    pub code: String,
    /// What is the matter, and what to do.
    pub text: Text,
}

impl Warning {
    /// A warning of this code.
    pub fn new(code: &str, text: Text) -> Self {
        Self { code: code.to_owned(), text }
    }
}
