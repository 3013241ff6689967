//! Columns on disk: see [`crate::cache::warm`].

use rustc_hash::FxHashMap;

use super::texts::{Arena, Codes};
use super::{CodedColumn, Column, PlainColumn};
use crate::cache::warm::{Damaged, Sink, Source, WarmError};
use crate::definition::FieldType;

impl Column {
    /// Writes a finished column: what it is, then its arrays.
    pub(in crate::cache) fn keep(&self, sink: &mut Sink<'_>) -> Result<(), WarmError> {
        match self {
            Self::Coded(column) => {
                column.codes.keep(sink)?;
                column.dictionary.keep(sink)
            }
            Self::Plain(column) => {
                sink.record(&TEXTS)?;
                column.texts.keep(sink)
            }
            Self::Short(values) => sink.record(&SHORT).and_then(|()| sink.array(values)),
            Self::Long(values) => sink.record(&LONG).and_then(|()| sink.array(values)),
            Self::Real(values) => sink.record(&REAL).and_then(|()| sink.array(values)),
            Self::Boolean(values) => sink.record(&BOOLEAN).and_then(|()| sink.array(values)),
            Self::Date(values) => sink.record(&DATE).and_then(|()| sink.array(values)),
            Self::DateTime(values) => sink.record(&DATE_TIME).and_then(|()| sink.array(values)),
        }
    }

    /// Reads a column of a field with so many rows.
    pub(in crate::cache) fn revive(source: &mut Source, kind: FieldType, rows: usize) -> Result<Self, WarmError> {
        let column = match (source.record::<u8>()?, kind) {
            (form @ (CODES_8 | CODES_16 | CODES_32), FieldType::Text) => {
                Self::Coded(CodedColumn::revive(source, form)?)
            }
            (TEXTS, FieldType::Text) => Self::Plain(PlainColumn { texts: Arena::revive(source)? }),
            (SHORT, FieldType::Integer) => Self::Short(source.array()?),
            (LONG, FieldType::Integer) => Self::Long(source.array()?),
            (REAL, FieldType::Real) => Self::Real(source.array()?),
            (BOOLEAN, FieldType::Boolean) => Self::Boolean(source.array()?),
            (DATE, FieldType::Date) => Self::Date(source.array()?),
            (DATE_TIME, FieldType::DateTime) => Self::DateTime(source.array()?),
            _ => return Err(Damaged("a column is of another type than its field").into()),
        };
        if column.len() != rows {
            return Err(Damaged("a column has another number of rows").into());
        }
        Ok(column)
    }
}

const CODES_8: u8 = 0;
const CODES_16: u8 = 1;
const CODES_32: u8 = 2;
const TEXTS: u8 = 3;
const SHORT: u8 = 4;
const LONG: u8 = 5;
const REAL: u8 = 6;
const BOOLEAN: u8 = 7;
const DATE: u8 = 8;
const DATE_TIME: u8 = 9;

impl CodedColumn {
    fn revive(source: &mut Source, form: u8) -> Result<Self, WarmError> {
        let codes = match form {
            CODES_8 => Codes::Byte(source.array()?),
            CODES_16 => Codes::Short(source.array()?),
            _ => Codes::Wide(source.array()?),
        };
        let column = Self { codes, dictionary: Arena::revive(source)?, index: FxHashMap::default() };
        let distinct = column.distinct() as u32;
        if column.codes.iter().any(|code| code != super::NULL_CODE && code >= distinct) {
            return Err(Damaged("a code without a text").into());
        }
        Ok(column)
    }
}

impl Codes {
    fn keep(&self, sink: &mut Sink<'_>) -> Result<(), WarmError> {
        match self {
            Self::Byte(codes) => sink.record(&CODES_8).and_then(|()| sink.array(codes)),
            Self::Short(codes) => sink.record(&CODES_16).and_then(|()| sink.array(codes)),
            Self::Wide(codes) => sink.record(&CODES_32).and_then(|()| sink.array(codes)),
        }
    }
}

impl Arena {
    fn keep(&self, sink: &mut Sink<'_>) -> Result<(), WarmError> {
        sink.array(&self.ends)?;
        sink.array(self.bytes.as_bytes())
    }

    fn revive(source: &mut Source) -> Result<Self, WarmError> {
        let ends: Vec<u32> = source.array()?;
        let bytes = String::from_utf8(source.array()?).map_err(|_| Damaged("a text is not UTF-8"))?;
        let mut last = 0;
        for end in &ends {
            if *end < last || !bytes.is_char_boundary(*end as usize) {
                return Err(Damaged("a text ends where none can").into());
            }
            last = *end;
        }
        Ok(Self { ends, bytes })
    }
}
