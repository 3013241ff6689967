//! One JSON value as a row: geometry, properties, type of each.

use std::borrow::Cow;
use std::fmt;

use geo_types::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use crate::definition::FieldType;
use crate::feature::Value;
use crate::limits::MAX_TEXT_BYTES;
use crate::reader::encoding::utf8_or_1252;
use crate::reader::geometry::polygon;
use crate::reader::tally::Tally;

/// A feature as it stands in the file (RFC 7946, 3.2).
#[derive(Deserialize)]
pub(super) struct RawFeature {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub geometry: Option<RawGeometry>,
    #[serde(default)]
    pub properties: Option<Map<String, Json>>,
    #[serde(default)]
    pub id: Option<Json>,
}

/// A feature of which only the columns matter.
#[derive(Deserialize)]
pub(super) struct FeatureOutline {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub geometry: Option<GeometryOutline>,
    #[serde(default)]
    pub properties: Option<Map<String, Json>>,
    #[serde(default)]
    pub id: Option<Json>,
}

/// The type of a geometry.
#[derive(Deserialize)]
pub(super) struct GeometryOutline {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, rename = "coordinates")]
    _coordinates: IgnoredAny,
    #[serde(default, rename = "geometries")]
    _geometries: IgnoredAny,
}

/// A geometry as it stands in the file (RFC 7946, 3.1).
#[derive(Deserialize)]
pub(super) struct RawGeometry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    coordinates: Option<Coordinates>,
    #[serde(default)]
    geometries: Option<Vec<RawGeometry>>,
}

/// Coordinates of any depth.
enum Coordinates {
    Number(f64),
    Text(f64),
    Position(Coord<f64>, bool),
    List(Vec<Coordinates>),
}

impl<'de> Deserialize<'de> for Coordinates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CoordinatesVisitor)
    }
}

struct CoordinatesVisitor;

impl<'de> Visitor<'de> for CoordinatesVisitor {
    type Value = Coordinates;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("coordinates: numbers, or arrays of them")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Coordinates::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Coordinates::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Coordinates::Number(value as f64))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        let number = value.trim().parse().map_err(|_| E::custom(format!("coordinate `{value}` is not a number")))?;
        Ok(Coordinates::Text(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (x, text) = match seq.next_element::<Coordinates>()? {
            None => return Ok(Coordinates::List(Vec::new())),
            Some(Coordinates::Number(x)) => (x, false),
            Some(Coordinates::Text(x)) => (x, true),
            Some(first) => {
                let mut list = vec![first];
                while let Some(next) = seq.next_element()? {
                    list.push(next);
                }
                return Ok(Coordinates::List(list));
            }
        };
        let Some(Coordinates::Number(y) | Coordinates::Text(y)) = seq.next_element::<Coordinates>()? else {
            return Err(serde::de::Error::custom("a position needs two numbers"));
        };
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Coordinates::Position(Coord { x, y }, text))
    }
}

impl RawGeometry {
    /// Type name as in the file.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The geometry, or why it is none.
    pub fn build(self, tally: &mut Tally) -> Result<Option<Geometry<f64>>, String> {
        if self.kind == "GeometryCollection" {
            let mut parts = Vec::new();
            for part in self.geometries.unwrap_or_default() {
                parts.extend(part.build(tally)?);
            }
            return Ok(Some(Geometry::GeometryCollection(parts.into())));
        }
        let coordinates = self.coordinates.ok_or_else(|| format!("the {} has no coordinates", self.kind))?;
        let wrong = |what: &str| format!("the coordinates of the {} are not {what}", self.kind);
        Ok(match self.kind.as_str() {
            "Point" => match coordinates {
                Coordinates::List(list) if list.is_empty() => None,
                other => Some(Point(other.position(tally).ok_or_else(|| wrong("one position"))?).into()),
            },
            "MultiPoint" => {
                let points = coordinates.line(tally).ok_or_else(|| wrong("an array of positions"))?;
                Some(MultiPoint(points.into_iter().map(Point).collect()).into())
            }
            "LineString" => {
                Some(LineString(coordinates.line(tally).ok_or_else(|| wrong("an array of positions"))?).into())
            }
            "MultiLineString" => {
                let lines = coordinates.lines(tally).ok_or_else(|| wrong("an array of lines"))?;
                Some(MultiLineString(lines.into_iter().map(LineString).collect()).into())
            }
            "Polygon" => {
                let rings = coordinates.lines(tally).ok_or_else(|| wrong("an array of rings"))?;
                polygon(rings, tally).map(Into::into)
            }
            "MultiPolygon" => {
                let polygons = coordinates.polygons(tally).ok_or_else(|| wrong("an array of polygons"))?;
                Some(MultiPolygon(polygons).into())
            }
            other => return Err(format!("`{other}` is not a geometry type of GeoJSON")),
        })
    }
}

impl Coordinates {
    fn position(self, tally: &mut Tally) -> Option<Coord<f64>> {
        match self {
            Self::Position(coord, text) => {
                tally.text_coordinates += u64::from(text);
                Some(coord)
            }
            _ => None,
        }
    }

    fn list(self) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    fn line(self, tally: &mut Tally) -> Option<Vec<Coord<f64>>> {
        self.list()?.into_iter().map(|position| position.position(tally)).collect()
    }

    fn lines(self, tally: &mut Tally) -> Option<Vec<Vec<Coord<f64>>>> {
        self.list()?.into_iter().map(|line| line.line(tally)).collect()
    }

    fn polygons(self, tally: &mut Tally) -> Option<Vec<Polygon<f64>>> {
        let mut polygons = Vec::new();
        for part in self.list()? {
            polygons.extend(polygon(part.lines(tally)?, tally));
        }
        Some(polygons)
    }
}

/// The bytes of a JSON value as text. Strings that are not UTF-8 are read as windows-1252, each for itself.
pub(super) fn text<'a>(raw: &'a [u8], tally: &mut Tally) -> Cow<'a, str> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Cow::Borrowed(text);
    }
    // Quotes are ASCII in every encoding that gets here, so strings can be told apart before they are decoded.
    let mut fixed = String::with_capacity(raw.len() + 16);
    let (mut start, mut in_string, mut escaped) = (0, false, false);
    for (at, &byte) in raw.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if in_string && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            fixed.push_str(&utf8_or_1252(&raw[start..at], tally));
            start = at;
            in_string = !in_string;
        }
    }
    fixed.push_str(&utf8_or_1252(&raw[start..], tally));
    Cow::Owned(fixed)
}

/// The type of a property.
pub(super) fn kind_of(value: &Json) -> Option<FieldType> {
    match value {
        Json::Null => None,
        Json::Bool(_) => Some(FieldType::Boolean),
        Json::Number(number) if number.as_i64().is_some() => Some(FieldType::Integer),
        Json::Number(_) => Some(FieldType::Real),
        Json::String(_) | Json::Array(_) | Json::Object(_) => Some(FieldType::Text),
    }
}

/// A property as a value; arrays and objects as JSON text.
pub(super) fn value(json: Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Value::Integer(value),
            (None, Some(value)) if value.is_finite() => Value::Real(value),
            _ => Value::Text(number.to_string()),
        },
        Json::String(text) => Value::Text(checked(text)?),
        nested => Value::Text(checked(nested.to_string())?),
    })
}

fn checked(text: String) -> Result<String, String> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!(
            "a text value has {} bytes, more than MAX_TEXT_BYTES ({MAX_TEXT_BYTES}); shorten it",
            text.len()
        ));
    }
    Ok(text)
}
