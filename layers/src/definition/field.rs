//! Fields of a layer.

use std::collections::BTreeMap;

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
    /// Codes of sources that mean the same (compared without case, accents and punctuation).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// Columns whose value is written after that of the column which fills a field: a house number beside its street.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appended {
    /// Their names in sources, compared as aliases are; the first that is there is taken.
    pub columns: Vec<String>,
    /// What stands between the two values.
    pub separator: String,
}

/// A way of writing that the values of a text field share, whatever their source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A parcel's national reference ([`crate::cadastre::ParcelReference`]).
    ParcelReference,
    /// The eleven characters of a sheet ([`crate::cadastre::SheetReference`]).
    SheetReference,
    /// A parcel's number inside its sheet ([`crate::cadastre::ParcelNumber`]).
    ParcelNumber,
    /// The six digits of a comune's ISTAT code, of which tables of numbers lose the zeros before them.
    IstatMunicipality,
}

/// What another field says of a field that its source leaves empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// The other field, a text that stands earlier in the definition.
    pub from: String,
    /// What is taken out of it.
    pub part: Part,
}

/// What is taken out of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// All of it.
    Whole,
    /// Its first character.
    Initial,
    /// What stands before its first dash between spaces.
    Heading,
    /// Comune of a cadastral reference.
    Municipality,
    /// Section of a cadastral reference.
    Section,
    /// Sheet of a cadastral reference.
    Sheet,
    /// Annex of a cadastral reference.
    Annex,
    /// Development of a cadastral reference.
    Development,
    /// Parcel number of a cadastral reference.
    Number,
    /// Kind of parcel (`parcel`, `road`, `water`) of a parcel number.
    ParcelKind,
}

/// A standing join ("binding"): the value of a field is that of the feature of another layer in which, or near which, a
/// feature lies today. Bricola computes it and keeps it true ([`crate::binding`]); nobody else sets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The other layer.
    pub layer: String,
    /// The field of the other layer whose value is taken.
    pub field: String,
    /// CQL2 text: only features of the other layer of which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Where none covers the place: the nearest within so many metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_m: Option<f64>,
    /// By what a surface belongs to another.
    #[serde(default, skip_serializing_if = "By::is_usual")]
    pub by: By,
    /// Of several the smallest surface: the innermost of areas that lie one in another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub smallest: bool,
    /// Of several the one with the least value of this field of the other layer. In the end the one with the least id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_by: Option<String>,
}

/// By what a surface belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// By a place in it; a point is its own.
    #[default]
    Place,
    /// By the greatest part of its area.
    Share,
}

impl By {
    /// Whether it is what nobody has to say.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
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
    /// Values of sources that say nothing of this field (compared as codes are): they are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blank: Vec<String>,
    /// By layer, the values of sources (compared as codes are) whose rows belong there and not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere: BTreeMap<String, Vec<String>>,
    /// Columns that are written after the one which fills the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<Appended>,
    /// How its values are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Where the value comes from when the source gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derive: Option<Derivation>,
    /// Which feature of another layer the value comes from; then only Bricola writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

const fn yes() -> bool {
    true
}
