//! What is wrong with a style, and where.

use bricola_layers::definition::Text;
use serde::Serialize;

/// Why something is wrong, in Italian and in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub Text);

impl Reason {
    /// Both texts.
    pub fn new(it: impl Into<String>, en: impl Into<String>) -> Self {
        Self(Text { it: it.into(), en: en.into() })
    }
}

/// One fault of a style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where it is (RFC 6901).
    pub pointer: String,
    /// Why.
    pub reason: Text,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: &str, Reason(reason): Reason) -> Self {
        Self { pointer: pointer.to_owned(), reason }
    }
}
