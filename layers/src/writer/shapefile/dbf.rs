//! The attributes: dBASE III, texts in UTF-8 as the `.cpg` beside it says.

use std::io::{self, Write};

use chrono::Datelike as _;

use crate::cache::{RowRef, ValueRef};
use crate::definition::FieldType;

/// Bytes of the longest text.
pub const LONGEST_TEXT: usize = 254;
/// Bytes of a decimal number, as GDAL makes them.
const REAL: (u8, u8) = (24, 15);
/// Bytes of an instant in RFC 3339 with milliseconds.
const INSTANT: u8 = 24;

/// One column, and how wide it has to be.
#[derive(Debug, Clone)]
pub struct Column {
    /// By its position in the definition; the id without one.
    pub field: Option<usize>,
    pub name: String,
    kind: FieldType,
    width: u8,
}

impl Column {
    pub fn new(field: Option<usize>, name: String, kind: FieldType) -> Self {
        let width = match kind {
            FieldType::Text | FieldType::Boolean | FieldType::Integer => 1,
            FieldType::Real => REAL.0,
            FieldType::Date => 8,
            FieldType::DateTime => INSTANT,
        };
        Self { field, name, kind, width }
    }

    fn value<'a>(&self, row: RowRef<'a>) -> ValueRef<'a> {
        self.field.map_or(ValueRef::Integer(row.id()), |field| row.base.value(row.row, field))
    }

    /// Makes room for the value of a row; whether the value fits.
    pub fn widen(&mut self, row: RowRef<'_>) -> bool {
        let length = match self.value(row) {
            ValueRef::Text(text) => text.len(),
            ValueRef::Integer(number) => digits(number),
            _ => 1,
        };
        self.width = self.width.max(length.min(LONGEST_TEXT) as u8);
        length <= LONGEST_TEXT
    }

    /// Its letter and how many decimals it has.
    const fn code(&self) -> (u8, u8) {
        match self.kind {
            FieldType::Text | FieldType::DateTime => (b'C', 0),
            FieldType::Integer => (b'N', 0),
            FieldType::Real => (b'N', REAL.1),
            FieldType::Boolean => (b'L', 0),
            FieldType::Date => (b'D', 0),
        }
    }

    /// Appends the value of a row, as wide as the column. What has no value is blank, and so is an empty text.
    fn put(&self, out: &mut Vec<u8>, row: RowRef<'_>) {
        let end = out.len() + usize::from(self.width);
        match self.value(row) {
            ValueRef::Null if self.kind == FieldType::Boolean => out.push(b'?'),
            ValueRef::Null => {}
            ValueRef::Boolean(value) => out.push(if value { b'T' } else { b'F' }),
            ValueRef::Text(text) => out.extend_from_slice(cut(text).as_bytes()),
            ValueRef::Integer(number) => self.put_number(out, &number.to_string()),
            ValueRef::Real(number) => self.put_number(out, &decimal(number)),
            ValueRef::Date(day) => {
                let text = format!("{:04}{:02}{:02}", day.year().clamp(0, 9999), day.month(), day.day());
                out.extend_from_slice(text.as_bytes());
            }
            ValueRef::DateTime(instant) => {
                let text = instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                out.extend_from_slice(text.get(..text.len().min(INSTANT.into())).unwrap_or_default().as_bytes());
            }
        }
        out.resize(end, b' ');
    }

    /// Numbers stand at the right.
    fn put_number(&self, out: &mut Vec<u8>, text: &str) {
        out.extend(std::iter::repeat_n(b' ', usize::from(self.width).saturating_sub(text.len())));
        out.extend_from_slice(text.as_bytes());
    }
}

fn digits(number: i64) -> usize {
    let sign = usize::from(number < 0);
    sign + number.unsigned_abs().checked_ilog10().map_or(1, |power| power as usize + 1)
}

/// A text that fits, cut between two characters.
fn cut(text: &str) -> &str {
    let end = (0..=LONGEST_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}

/// The shortest text of a number that is read back as the same, as far as it fits.
fn decimal(number: f64) -> String {
    let plain = number.to_string();
    if plain.len() <= REAL.0.into() { plain } else { format!("{number:e}") }
}

/// Bytes of one row.
pub fn row_bytes(columns: &[Column]) -> usize {
    1 + columns.iter().map(|column| usize::from(column.width)).sum::<usize>()
}

/// Writes the head of a table of `count` rows.
///
/// # Errors
/// When it cannot be written.
pub fn write_head(out: &mut impl Write, columns: &[Column], count: u32) -> io::Result<()> {
    let today = chrono::Utc::now().date_naive();
    let head = 32 * (columns.len() + 1) + 1;
    let mut bytes = vec![3, (today.year() - 1900).clamp(0, 255) as u8, today.month() as u8, today.day() as u8];
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&(head as u16).to_le_bytes());
    bytes.extend_from_slice(&(row_bytes(columns) as u16).to_le_bytes());
    bytes.resize(32, 0);
    for column in columns {
        let start = bytes.len();
        bytes.extend_from_slice(column.name.as_bytes());
        bytes.resize(start + 11, 0);
        let (letter, decimals) = column.code();
        bytes.extend_from_slice(&[letter, 0, 0, 0, 0, column.width, decimals]);
        bytes.resize(start + 32, 0);
    }
    bytes.push(0x0d);
    out.write_all(&bytes)
}

/// Appends a row.
pub fn put_row(out: &mut Vec<u8>, columns: &[Column], row: RowRef<'_>) {
    out.push(b' ');
    for column in columns {
        column.put(out, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_wide_as_they_are_written() {
        for number in [0, 7, 10, -1, -99, i64::MAX, i64::MIN] {
            assert_eq!(digits(number), number.to_string().len(), "{number}");
        }
    }

    #[test]
    fn decimals_are_read_back_as_they_were() {
        for number in
            [0.0, 1.0 / 3.0, -2.0 / 3.0, 1e300, -1.234_567_890_123_456_7e-300, f64::MAX, f64::MIN_POSITIVE, 123_456.789]
        {
            let text = decimal(number);
            assert!(text.len() <= REAL.0.into(), "{text}");
            assert_eq!(text.parse(), Ok(number));
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let long = "à".repeat(200);
        assert_eq!(cut(&long).len(), 254);
        assert_eq!(cut(&"x".repeat(300)).len(), 254);
        assert_eq!(cut(&format!("x{long}")).len(), 253);
    }
}
