//! One thing that is wrong with an edit.

use serde::Serialize;
use serde_json::Value as Json;

use crate::check::finding::quote;
use crate::check::value::personal;
use crate::feature::FeatureId;

/// One thing that is wrong with an edit: where, which rule, what was there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// Where in the body, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Stable code of the rule; those of loads are the same.
    pub code: &'static str,
    /// The rule in words.
    pub message: String,
    /// The field, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was there, shortened; a person's tax code is never repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// Where on Earth: longitude and latitude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<[f64; 2]>,
}

impl Fault {
    /// Something that is wrong at a place of the body.
    pub(super) fn new(pointer: &str, code: &'static str, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.to_owned(), message.into());
        Self { pointer, code, message, field: None, value: None, place: None }
    }

    /// A body names another feature than the address does.
    pub fn other_id(id: FeatureId) -> Self {
        Self::new("/id", "other_id", format!("the address names feature {id}; an edit cannot make another of it"))
    }

    /// Something that is wrong with a collection of features as a whole.
    pub fn of_collection(code: &'static str, message: impl Into<String>) -> Self {
        Self::new("/features", code, message)
    }

    /// The same of a feature in a collection.
    #[must_use]
    pub fn of_member(self, position: usize) -> Self {
        Self { pointer: format!("/features/{position}{}", self.pointer), ..self }
    }

    /// The same of the feature of an edit in a transaction.
    #[must_use]
    pub fn of_edit(self, position: usize, member: &str) -> Self {
        Self { pointer: format!("/edits/{position}/{member}{}", self.pointer), ..self }
    }

    /// An edit of a feature that another one of the same transaction changes too.
    pub fn repeated(position: usize, first: usize, id: FeatureId) -> Self {
        let message = format!("edit {first} changes feature {id} already; a transaction changes each feature once");
        Self::new(&format!("/edits/{position}/id"), "repeated_feature", message)
    }

    /// Something that is wrong with a property.
    pub(super) fn of_field(name: &str, code: &'static str, message: impl Into<String>) -> Self {
        let shown = quote(name);
        let pointer = format!("/properties/{}", shown.replace('~', "~0").replace('/', "~1"));
        Self { field: Some(shown), ..Self::new(&pointer, code, message) }
    }

    /// With what was there.
    pub(super) fn with_value(mut self, value: &Json) -> Self {
        self.value = match value {
            Json::String(text) => Some(Json::from(quote(text))),
            Json::Array(_) => Some(Json::from("an array")),
            Json::Object(_) => Some(Json::from("an object")),
            Json::Number(number) if personal::holds_tax_code(&number.to_string()) => Some(Json::from("***")),
            other => Some(other.clone()),
        };
        self
    }
}
