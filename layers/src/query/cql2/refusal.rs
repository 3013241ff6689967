//! Why a filter was not taken.

use std::fmt::{self, Display};

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// It is no CQL2.
    Syntax,
    /// It names a field that the layer does not have, or that the caller may not see.
    UnknownField,
    /// A value or an operation does not go with the type of another.
    WrongType,
    /// It is CQL2, but of a part of it that is not offered.
    Unsupported,
    /// It is longer, deeper or more costly than allowed.
    TooLarge,
}

/// Where in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The character of a text, from 1.
    Character(usize),
    /// The value of a JSON document, as a JSON pointer (RFC 6901).
    Pointer(String),
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(place) => write!(f, "character {place}"),
            Self::Pointer(pointer) if pointer.is_empty() => f.write_str("its top"),
            Self::Pointer(pointer) => f.write_str(pointer),
        }
    }
}

/// Why a filter was not taken: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The kind of mistake.
    pub kind: RefusalKind,
    /// What is wrong and what to do, for people.
    pub reason: Box<str>,
    /// Where.
    pub place: Option<Place>,
    /// The field that it is about.
    pub field: Option<Box<str>>,
    /// The value that it is about.
    pub value: Option<Box<str>>,
    /// The fields that could have been named.
    pub allowed: Box<[String]>,
    /// The limit that was passed: its name and value.
    pub limit: Option<(&'static str, usize)>,
}

impl Refusal {
    pub(super) fn new(kind: RefusalKind, place: &Place, reason: impl Into<Box<str>>) -> Self {
        let (reason, place) = (reason.into(), Some(place.clone()));
        Self { kind, reason, place, field: None, value: None, allowed: Box::default(), limit: None }
    }

    pub(super) fn syntax(place: &Place, reason: impl Into<Box<str>>) -> Self {
        Self::new(RefusalKind::Syntax, place, reason)
    }

    pub(super) fn wrong_type(place: &Place, reason: impl Into<Box<str>>) -> Self {
        Self::new(RefusalKind::WrongType, place, reason)
    }

    pub(super) fn unsupported(place: &Place, reason: impl Into<Box<str>>) -> Self {
        Self::new(RefusalKind::Unsupported, place, reason)
    }

    pub(super) fn too_large(place: &Place, limit: (&'static str, usize), what: &str) -> Self {
        let reason = format!("the filter {what}: at most {} are allowed ({})", limit.1, limit.0);
        Self { limit: Some(limit), ..Self::new(RefusalKind::TooLarge, place, reason) }
    }

    pub(super) fn of_field(mut self, field: &str) -> Self {
        self.field = Some(shown(field).into());
        self
    }

    pub(super) fn of_value(mut self, value: &str) -> Self {
        self.value = Some(shown(value).into());
        self
    }
}

/// A word of the filter for a message: long ones are cut, an error must not be larger than the filter.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "at {place}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Refusal {}
