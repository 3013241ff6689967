//! Property values in and out of `SQLite`, by the column types of `GeoPackage` (OGC 12-128r18, table 1).

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement};

use super::blob;
use crate::definition::{FieldType, LayerDefinition};
use crate::feature::{Feature, FeatureId, StoredFeature, Value};
use crate::store::wkb;

/// The `GeoPackage` type of a column.
pub(super) const fn column_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "TEXT",
        FieldType::Integer => "INTEGER",
        FieldType::Real => "REAL",
        FieldType::Boolean => "BOOLEAN",
        FieldType::Date => "DATE",
        FieldType::DateTime => "DATETIME",
    }
}

/// A value as it is bound. Instants are kept to the millisecond, which is what a `GeoPackage` DATETIME holds.
pub(super) fn bound(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Null => ToSqlOutput::from(Null),
        Value::Boolean(value) => ToSqlOutput::from(*value),
        Value::Integer(value) => ToSqlOutput::from(*value),
        Value::Real(value) => ToSqlOutput::from(*value),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        Value::Date(date) => ToSqlOutput::from(date.to_string()),
        Value::DateTime(instant) => ToSqlOutput::from(instant.to_rfc3339_opts(SecondsFormat::Millis, true)),
    }
}

/// Binds geometry and properties of a feature to the parameters from `first` on; `scratch` is reused memory.
/// Gives the bounds of the geometry.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    first: usize,
    feature: &Feature,
    srs: i32,
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<Option<[f64; 4]>> {
    let mut bounds = None;
    match &feature.geometry {
        None => statement.raw_bind_parameter(first, Null)?,
        Some(geometry) => {
            scratch.clear();
            bounds = blob::encode(geometry, srs, scratch);
            statement.raw_bind_parameter(first, &scratch[..])?;
        }
    }
    for (position, value) in feature.properties.iter().enumerate() {
        statement.raw_bind_parameter(first + 1 + position, bound(value))?;
    }
    Ok(bounds)
}

/// A row of `fid, version, geom, fields…` as a feature; `Err` names the id of a row that cannot be decoded.
pub(super) fn feature(
    row: &Row<'_>,
    definition: &LayerDefinition,
) -> rusqlite::Result<Result<StoredFeature, (FeatureId, String)>> {
    let id: FeatureId = row.get(0)?;
    let decoded = (|| {
        let ValueRef::Integer(version) = row.get_ref_unwrap(1) else {
            return Err("the version is no whole number".to_owned());
        };
        let geometry = match row.get_ref_unwrap(2) {
            ValueRef::Null => None,
            ValueRef::Blob(bytes) => blob::decode(bytes)?,
            _ => return Err("the geometry is no blob".to_owned()),
        };
        let geometry = geometry.map(|geometry| wkb::conform(geometry, definition.geometry)).transpose()?;
        let mut properties = Vec::with_capacity(definition.fields.len());
        for (position, field) in definition.fields.iter().enumerate() {
            let value = value(row.get_ref_unwrap(3 + position), field.kind)
                .map_err(|reason| format!("field \"{}\" {reason}", field.name))?;
            properties.push(value);
        }
        Ok(StoredFeature { id, version, feature: Feature { geometry, properties } })
    })();
    Ok(decoded.map_err(|reason| (id, reason)))
}

/// A stored value as its field declares it. `SQLite` lets any program put anything into any column.
fn value(stored: ValueRef<'_>, kind: FieldType) -> Result<Value, String> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
    match (kind, stored) {
        (_, ValueRef::Null) => Ok(Value::Null),
        (FieldType::Text, ValueRef::Text(bytes)) => text(bytes).map(|text| Value::Text(text.to_owned())),
        (FieldType::Integer, ValueRef::Integer(number)) => Ok(Value::Integer(number)),
        (FieldType::Real, ValueRef::Real(number)) if number.is_finite() => Ok(Value::Real(number)),
        (FieldType::Real, ValueRef::Integer(number)) => Ok(Value::Real(number as f64)),
        (FieldType::Boolean, ValueRef::Integer(number @ (0 | 1))) => Ok(Value::Boolean(number == 1)),
        (FieldType::Date, ValueRef::Text(bytes)) => {
            let text = text(bytes)?;
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
            date.map(Value::Date).map_err(|_| format!("is \"{text}\", no date (YYYY-MM-DD)"))
        }
        (FieldType::DateTime, ValueRef::Text(bytes)) => {
            let text = text(bytes)?;
            instant(text).map(Value::DateTime).ok_or_else(|| format!("is \"{text}\", no instant (RFC 3339)"))
        }
        (_, stored) => Err(format!("holds a value of type {}, not {}", stored.data_type(), column_type(kind))),
    }
}

/// An instant as `GeoPackage` writes it, and as people type it: with a blank for the `T`, without zone (UTC).
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc()).ok().or_else(|| {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), format).ok())
            .map(|instant| instant.and_utc())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_gdal_and_people_write_it() {
        let expected = instant("2026-11-22T20:30:00.500Z").expect("an instant");
        for text in ["2026-11-22T20:30:00.5Z", "2026-11-22 20:30:00.500", "2026-11-22T21:30:00.5+01:00"] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(instant("yesterday"), None);
    }

    #[test]
    fn a_value_of_another_type_is_named_in_the_reason() {
        let reason = value(ValueRef::Text(b"many"), FieldType::Integer).expect_err("refused");
        assert!(reason.contains("Text") && reason.contains("INTEGER"), "{reason}");
        assert!(value(ValueRef::Real(f64::INFINITY), FieldType::Real).is_err());
        assert!(value(ValueRef::Integer(2), FieldType::Boolean).is_err());
    }
}
