//! The binary form of `COPY`: rows out of the database and into it.
//!
//! The format is in `PostgreSQL`'s manual under COPY, "Binary Format": a header, then per row a count of fields and
//! for each its length (-1 for null) and its bytes, big-endian; a count of -1 ends it.

use bytes::{Buf, BytesMut};
use chrono::{DateTime, NaiveDate};

use crate::definition::{FieldType, LayerDefinition};
use crate::feature::{Feature, FeatureId, StoredFeature, Value};
use crate::store::{ScannedRow, StoreError, wkb};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of an extension that is not there.
const HEADER: usize = 19;
/// Days from 1 January of the year 1 (day 1 of `chrono`) to 1 January 2000, where the database begins to count.
const EPOCH_DAYS: i32 = 730_120;
/// Microseconds from 1970 to 2000.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Takes the rows of a `COPY … TO STDOUT` out of the pieces in which they arrive.
pub(super) struct Rows {
    buffer: BytesMut,
    begun: bool,
    ended: bool,
}

impl Rows {
    pub fn new() -> Self {
        Self { buffer: BytesMut::new(), begun: false, ended: false }
    }

    pub fn feed(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole row, as `read` makes it of its fields; `None` until more is fed.
    pub fn next<T>(&mut self, mut read: impl FnMut(&mut Fields<'_>) -> T) -> Result<Option<T>, StoreError> {
        if !self.begun {
            if self.buffer.len() < HEADER {
                return Ok(None);
            }
            if !self.buffer.starts_with(SIGNATURE) {
                return Err(StoreError::garbled());
            }
            self.buffer.advance(HEADER);
            self.begun = true;
        }
        let Some(length) = self.row_length()? else { return Ok(None) };
        let row = self.buffer.split_to(length);
        Ok(Some(read(&mut Fields { rest: &row[2..] })))
    }

    /// Whether the rows have come to their proper end.
    pub fn finish(&self) -> Result<(), StoreError> {
        if self.ended { Ok(()) } else { Err(StoreError::garbled()) }
    }

    /// Bytes of the row at the front, when all of it is here.
    fn row_length(&mut self) -> Result<Option<usize>, StoreError> {
        let bytes = &self.buffer[..];
        if self.ended || bytes.len() < 2 {
            return Ok(None);
        }
        let fields = i16::from_be_bytes([bytes[0], bytes[1]]);
        if fields < 0 {
            self.ended = true;
            return Ok(None);
        }
        let mut at = 2;
        for _ in 0..fields {
            let Some(length) = bytes.get(at..at + 4) else { return Ok(None) };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            at += 4 + usize::try_from(length.max(0)).map_err(|_| StoreError::garbled())?;
        }
        Ok((bytes.len() >= at).then_some(at))
    }
}

/// The fields of one row that have not been taken yet.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Of a row whose fields stand one after the other, each after its length.
    pub fn of(row: &'a [u8]) -> Self {
        Self { rest: row }
    }

    /// The bytes of the next field; `None` for a null. [`Rows`] has seen to it that they are there.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_at_checked(4)?;
        let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        let (field, rest) = rest.split_at_checked(length.max(0) as usize)?;
        self.rest = rest;
        (length >= 0).then_some(field)
    }

    pub fn bigint(&mut self) -> Option<i64> {
        self.take().and_then(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

/// A row of `Schema::selected` as a feature; `Err` names the id of a row that cannot be mirrored.
pub(super) fn feature(fields: &mut Fields<'_>, definition: &LayerDefinition) -> ScannedRow {
    let id: FeatureId = fields.bigint().unwrap_or_default();
    let read = || {
        let version = fields.bigint().ok_or("the version is null")?;
        let geometry = match fields.take() {
            None => None,
            Some(bytes) => {
                let ours = definition.crs.as_deref().and_then(|crs| crs.strip_prefix("EPSG:")?.parse().ok());
                if let Some(srid) = wkb::srid(bytes).filter(|srid| ours.is_some_and(|ours: u32| ours != *srid)) {
                    return Err(format!("the geometry is in EPSG:{srid}"));
                }
                wkb::decode(bytes)?
            }
        };
        let geometry = geometry.map(|geometry| wkb::conform(geometry, definition.geometry)).transpose()?;
        let mut properties = Vec::with_capacity(definition.fields.len());
        for field in &definition.fields {
            let read = fields.take().map_or(Ok(Value::Null), |bytes| value(bytes, field.kind));
            properties.push(read.map_err(|reason| format!("field \"{}\" {reason}", field.name))?);
        }
        Ok(StoredFeature { id, version, feature: Feature { geometry, properties } })
    };
    let mut read = read;
    read().map_err(|reason: String| (id, reason))
}

fn value(bytes: &[u8], kind: FieldType) -> Result<Value, String> {
    let eight = || <[u8; 8]>::try_from(bytes).map_err(|_| "has a wrong length".to_owned());
    Ok(match kind {
        FieldType::Text => Value::Text(String::from_utf8(bytes.to_vec()).map_err(|_| "is not UTF-8")?),
        FieldType::Integer => Value::Integer(i64::from_be_bytes(eight()?)),
        FieldType::Real => {
            let number = f64::from_be_bytes(eight()?);
            if !number.is_finite() {
                return Err(format!("is {number}"));
            }
            Value::Real(number)
        }
        FieldType::Boolean => Value::Boolean(bytes.first().is_some_and(|byte| *byte != 0)),
        FieldType::Date => {
            let days = i32::from_be_bytes(bytes.try_into().map_err(|_| "has a wrong length")?);
            let date = days.checked_add(EPOCH_DAYS).and_then(NaiveDate::from_num_days_from_ce_opt);
            Value::Date(date.ok_or("is a date out of range")?)
        }
        FieldType::DateTime => {
            let micros = i64::from_be_bytes(eight()?).checked_add(EPOCH_MICROS);
            Value::DateTime(micros.and_then(DateTime::from_timestamp_micros).ok_or("is an instant out of range")?)
        }
    })
}

/// The begin of a binary `COPY … FROM STDIN`.
pub(super) fn header(out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[0; HEADER - SIGNATURE.len()]);
}

/// The end of one.
pub(super) fn trailer(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i16).to_be_bytes());
}

/// A row for a staging table: its place, the geometry, the fields.
pub(super) fn push(out: &mut Vec<u8>, place: i64, feature: &Feature, srid: i32, scratch: &mut Vec<u8>) {
    out.extend_from_slice(&(2 + feature.properties.len() as i16).to_be_bytes());
    field(out, &place.to_be_bytes());
    match &feature.geometry {
        None => null(out),
        Some(geometry) => {
            scratch.clear();
            wkb::encode_with_srid(geometry, srid, scratch);
            field(out, scratch);
        }
    }
    for value in &feature.properties {
        match value {
            Value::Null => null(out),
            Value::Boolean(value) => field(out, &[u8::from(*value)]),
            Value::Integer(value) => field(out, &value.to_be_bytes()),
            Value::Real(value) => field(out, &value.to_be_bytes()),
            Value::Text(text) => field(out, text.as_bytes()),
            Value::Date(date) => {
                field(out, &(chrono::Datelike::num_days_from_ce(date) - EPOCH_DAYS).to_be_bytes());
            }
            Value::DateTime(instant) => field(out, &(instant.timestamp_micros() - EPOCH_MICROS).to_be_bytes()),
        }
    }
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_out_whole_however_they_are_cut(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..6), 0..20),
            cuts in prop::collection::vec(1..50_usize, 1..40),
        ) {
            let mut bytes = Vec::new();
            header(&mut bytes);
            for row in &rows {
                bytes.extend_from_slice(&(row.len() as i16).to_be_bytes());
                for value in row {
                    match value {
                        None => null(&mut bytes),
                        Some(value) => field(&mut bytes, value),
                    }
                }
            }
            trailer(&mut bytes);
            let (mut reader, mut found, mut rest, mut cuts) = (Rows::new(), Vec::new(), &bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
                rest = more;
                reader.feed(piece);
                let width = |found: &Vec<Vec<Option<Vec<u8>>>>| rows.get(found.len()).map_or(0, Vec::len);
                while let Some(row) = reader
                    .next(|fields| (0..width(&found)).map(|_| fields.take().map(<[u8]>::to_vec)).collect())
                    .expect("sound")
                {
                    found.push(row);
                }
            }
            prop_assert_eq!(found, rows);
        }

        #[test]
        fn no_bytes_can_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = Rows::new();
            let mut forged = Vec::new();
            header(&mut forged);
            forged.extend(bytes);
            reader.feed(&forged);
            while let Ok(Some(_)) = reader.next(|fields| fields.bigint().is_some()) {}
        }
    }

    #[test]
    fn the_epochs_are_those_of_the_calendar() {
        let day = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date");
        assert_eq!(chrono::Datelike::num_days_from_ce(&day), EPOCH_DAYS);
        assert_eq!(day.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp_micros(), EPOCH_MICROS);
    }
}
