//! Fields of a layer.

use serde::{Deserialize, Serialize};

use super::{Text, Visibility};

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// UTF-8 text.
    Text,
    /// 64-bit whole number.
    Integer,
    /// 64-bit decimal number.
    Real,
    /// True or false.
    Boolean,
    /// Calendar date.
    Date,
    /// Instant in UTC.
    DateTime,
}

/// One allowed code of a field, with its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodedValue {
    /// The code as stored.
    pub code: String,
    /// What it means.
    pub title: Text,
}

/// One field of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDefinition {
    /// Column and property name: lower-case letters, digits and underscores, starting with a letter.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Title for people.
    pub title: Text,
    /// A row without it is rejected.
    #[serde(default)]
    pub required: bool,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Whether public tiles carry it (fields that are only read on click stay out of tiles).
    #[serde(default = "yes")]
    pub tile: bool,
    /// Unit of a measured value, by its UCUM symbol (`m2`, `m`, `a`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Column names under which sources are known to publish this field (compared without case and accents).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Closed list of codes; empty = free. Other values are reported, not rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<CodedValue>,
}

const fn yes() -> bool {
    true
}
