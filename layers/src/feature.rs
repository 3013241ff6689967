//! A feature: identity, geometry, properties, version.

use chrono::{DateTime, NaiveDate, Utc};
use geo_types::Geometry;
use serde::{Serialize, Serializer};

/// Identity of a feature inside its layer: stable over edits and over replacement of the layer (by its key).
///
/// It is the GeoPackage `fid`, the `id` of GeoJSON and the feature id in vector tiles.
pub type FeatureId = i64;

/// One property value, already of the type that its field declares.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A finite decimal number: NaN and infinities are refused when data enters.
    Real(f64),
    /// UTF-8 text, already trimmed of the padding of its source.
    Text(String),
    /// A calendar date.
    Date(NaiveDate),
    /// An instant, in UTC.
    DateTime(DateTime<Utc>),
}

impl Value {
    /// True when there is no value.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// As JSON: dates as `YYYY-MM-DD`, instants as RFC 3339 with `Z`.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Date(value) => serializer.collect_str(value),
            Self::DateTime(value) => {
                serializer.serialize_str(&value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
            }
        }
    }
}

/// A feature that is ready to be stored: checked, in the storage CRS of its layer (x east, y north, whatever
/// axis order the authority publishes), snapped to the layer's resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Geometry in storage CRS; `None` only where the definition allows features without a place.
    pub geometry: Option<Geometry<f64>>,
    /// One value per field of the layer definition, in its order.
    pub properties: Vec<Value>,
}

/// A feature as it stands in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFeature {
    /// Identity.
    pub id: FeatureId,
    /// 1 when inserted, one more at each update.
    pub version: i64,
    /// Geometry and properties.
    pub feature: Feature,
}
