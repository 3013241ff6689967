//! The attribute table of a shapefile (dBASE III+/IV `.dbf`), front to back.
//!
//! Read here and not by a crate because it must stream out of an archive (no seeking) and honour `.cpg` encodings.

use std::io::{self, Read};

use chrono::NaiveDate;

use crate::definition::FieldType;
use crate::feature::Value;
use crate::limits::MAX_COLUMNS;
use crate::reader::SourceField;
use crate::reader::encoding::Charset;
use crate::reader::source::Stream;
use crate::reader::tally::Tally;

struct Column {
    name: Vec<u8>,
    kind: u8,
    length: usize,
    decimals: u8,
}

/// A table that is being read.
pub(super) struct Table {
    input: io::BufReader<Stream>,
    /// Rows that the header declares.
    pub rows: u32,
    /// Byte 29 of the header: the code page.
    pub language_driver: u8,
    columns: Vec<Column>,
    record: Vec<u8>,
}

/// One row of the table.
pub(super) enum Record {
    Values(Vec<Value>),
    /// Marked as deleted.
    Deleted,
    /// The table has no such row.
    Missing,
}

impl Table {
    /// Reads the header.
    pub fn open(stream: Stream) -> io::Result<Self> {
        let mut input = io::BufReader::with_capacity(256 * 1024, stream);
        let mut header = [0; 32];
        input.read_exact(&mut header)?;
        let rows = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let header_size = usize::from(u16::from_le_bytes([header[8], header[9]]));
        let record_size = usize::from(u16::from_le_bytes([header[10], header[11]]));
        let mut rest = vec![0; header_size.saturating_sub(32)];
        input.read_exact(&mut rest)?;
        let mut columns = Vec::new();
        for field in rest.chunks_exact(32) {
            if field[0] == 0x0d || columns.len() == MAX_COLUMNS {
                break;
            }
            let end = field[..11].iter().position(|&byte| byte == 0).unwrap_or(11);
            let kind = field[11].to_ascii_uppercase();
            let mut length = usize::from(field[16]);
            let mut decimals = field[17];
            if kind == b'C' {
                // Clipper and FoxPro use the decimals as the high byte of long texts.
                length += usize::from(decimals) * 256;
                decimals = 0;
            }
            columns.push(Column { name: field[..end].to_vec(), kind, length, decimals });
        }
        let used: usize = 1 + columns.iter().map(|column| column.length).sum::<usize>();
        if used > record_size {
            return Err(io::Error::other(format!(
                "the .dbf declares records of {record_size} bytes but fields of {used}; it is damaged: export it again"
            )));
        }
        Ok(Self { input, rows, language_driver: header[29], columns, record: vec![0; record_size] })
    }

    /// The columns.
    pub fn fields(&self, charset: Charset, tally: &mut Tally) -> Vec<SourceField> {
        let field = |column: &Column| SourceField {
            name: charset.decode(&column.name, tally).trim().to_owned(),
            kind: match column.kind {
                b'N' if column.decimals == 0 && column.length < 19 => FieldType::Integer,
                b'N' | b'F' | b'O' => FieldType::Real,
                b'I' | b'+' => FieldType::Integer,
                b'L' => FieldType::Boolean,
                b'D' => FieldType::Date,
                _ => FieldType::Text,
            },
        };
        self.columns.iter().map(field).collect()
    }

    /// Names of columns whose values stand in another file (memo) or are binary.
    pub fn unread_columns(&self) -> Vec<String> {
        let unread = self.columns.iter().filter(|column| matches!(column.kind, b'M' | b'B' | b'G' | b'P'));
        unread.map(|column| String::from_utf8_lossy(&column.name).into_owned()).collect()
    }

    /// Reads the next row.
    pub fn next(&mut self, charset: Charset, tally: &mut Tally) -> io::Result<Record> {
        match self.input.read_exact(&mut self.record) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Record::Missing),
            Err(error) => return Err(error),
        }
        match self.record.first() {
            None | Some(0x1a) => return Ok(Record::Missing),
            Some(b'*') => return Ok(Record::Deleted),
            Some(_) => {}
        }
        let mut rest = &self.record[1..];
        let mut values = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let (raw, after) = rest.split_at(column.length);
            rest = after;
            values.push(column.value(raw, charset, tally));
        }
        Ok(Record::Values(values))
    }
}

impl Column {
    fn value(&self, raw: &[u8], charset: Charset, tally: &mut Tally) -> Value {
        match self.kind {
            b'N' | b'F' => self.number(raw, tally),
            b'L' => match raw.first() {
                Some(b'T' | b't' | b'Y' | b'y' | b'1') => Value::Boolean(true),
                Some(b'F' | b'f' | b'N' | b'n' | b'0') => Value::Boolean(false),
                _ => Value::Null,
            },
            b'D' => date(raw),
            b'I' | b'+' => raw.try_into().map_or(Value::Null, |raw| Value::Integer(i32::from_le_bytes(raw).into())),
            b'O' => {
                raw.try_into().map(f64::from_le_bytes).ok().filter(|v| v.is_finite()).map_or(Value::Null, Value::Real)
            }
            b'M' | b'B' | b'G' | b'P' => Value::Null,
            _ => {
                let used = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
                let text = charset.decode(&raw[..used], tally);
                let text = text.trim();
                if text.is_empty() { Value::Null } else { Value::Text(text.to_owned()) }
            }
        }
    }

    fn number(&self, raw: &[u8], tally: &mut Tally) -> Value {
        let text = String::from_utf8_lossy(raw);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        // Asterisks are what dBASE writes for a number that did not fit, and what ESRI writes for none.
        if text.is_empty() || text.starts_with('*') {
            return Value::Null;
        }
        if self.kind == b'N'
            && self.decimals == 0
            && self.length < 19
            && let Ok(number) = text.parse()
        {
            return Value::Integer(number);
        }
        match text.replace(',', ".").parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Real(number),
            Ok(_) => {
                tally.not_finite += 1;
                Value::Null
            }
            Err(_) => Value::Text(text.to_owned()),
        }
    }
}

fn date(raw: &[u8]) -> Value {
    let Ok(text) = std::str::from_utf8(raw) else { return Value::Null };
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() || text.bytes().all(|byte| byte == b'0') {
        return Value::Null;
    }
    NaiveDate::parse_from_str(text, "%Y%m%d").map_or_else(|_| Value::Text(text.to_owned()), Value::Date)
}
