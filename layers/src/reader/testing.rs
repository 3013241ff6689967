//! What the tests of readers share.

use super::{OpenOptions, ReadError, Reader, SourceFeature, open_bytes};
use crate::feature::Value;

/// Opens bytes under a file name.
pub(super) fn open(name: &str, bytes: impl Into<Vec<u8>>) -> Box<dyn Reader> {
    open_bytes(name, bytes.into(), &OpenOptions::default()).expect("opens")
}

/// The message with which bytes are refused.
pub(super) fn refusal(name: &str, bytes: impl Into<Vec<u8>>, options: &OpenOptions) -> String {
    match open_bytes(name, bytes.into(), options) {
        Ok(_) => panic!("{name} was opened"),
        Err(error) => error.to_string(),
    }
}

/// Reads everything: good rows, and the messages of bad ones.
pub(super) fn drain(reader: &mut dyn Reader) -> (Vec<SourceFeature>, Vec<String>) {
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for item in &mut *reader {
        match item {
            Ok(row) => rows.push(row),
            Err(error @ ReadError::Row { .. }) => errors.push(error.to_string()),
            Err(ReadError::File(message)) => errors.push(format!("file: {message}")),
        }
    }
    assert!(reader.next().is_none(), "a reader that is over stays over");
    (rows, errors)
}

/// The value of a column.
pub(super) fn get(reader: &dyn Reader, row: &SourceFeature, column: &str) -> Value {
    let at = reader.schema().fields.iter().position(|field| field.name == column);
    row.values[at.unwrap_or_else(|| panic!("no column {column}"))].clone()
}

/// A text value.
pub(super) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
