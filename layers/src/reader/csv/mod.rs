//! CSV and TSV (RFC 4180 and its looser relatives): delimiter, encoding and place are found out or given.
//!
//! All columns stay text. Places stand in two columns, or in one as WKT or hexadecimal WKB.

mod sniff;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use geo_types::{Geometry, Point};

use self::sniff::Place;
use super::builder;
use super::encoding::{Charset, Transcoder, wide};
use super::geometry::{feature, row_error};
use super::open::OpenOptions;
use super::source::{Source, Stream};
use super::tally::Tally;
use super::{ReadError, Reader, SourceCrs, SourceFeature, SourceField, SourceSchema};
use crate::definition::{FieldType, GeometryType};
use crate::feature::Value;
use crate::limits::{MAX_COLUMNS, MAX_ROW_BYTES, MAX_TEXT_BYTES};

/// Opens a CSV source.
pub(super) fn open(source: &Source, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let name = source.name();
    let named = |error: ReadError| match error {
        ReadError::File(reason) => ReadError::File(format!("{name}: {reason}")),
        row @ ReadError::Row { .. } => row,
    };
    let head = source.head()?;
    let (charset, encoding) = charset(&head, options).map_err(named)?;
    let text = super::detect::as_text(&head);
    let delimiter = match options.delimiter {
        Some(delimiter) => u8::try_from(delimiter)
            .map_err(|_| ReadError::File(format!("`{delimiter}` cannot be a delimiter; use one ASCII character")))?,
        None => sniff::delimiter(&text),
    };
    let used = Arc::new(AtomicU64::new(0));
    let mut input = reader(source, charset, delimiter, &used)?;
    let mut tally = Tally::default();
    let header = header(&mut input, charset, &mut tally).map_err(named)?;
    let sample = sample(&text, delimiter);
    let place = sniff::place(&header, &sample, options).map_err(named)?;
    let mut schema = SourceSchema {
        format: if delimiter == b'\t' { "TSV" } else { "CSV" },
        layer: source.stem(),
        encoding: Some(encoding),
        ..SourceSchema::default()
    };
    describe_place(&mut schema, place, &header, &sample);
    let kept: Vec<usize> = (0..header.len()).filter(|at| place != Place::Wkt(*at)).collect();
    schema.fields = kept.iter().map(|&at| SourceField { name: header[at].clone(), kind: FieldType::Text }).collect();
    Ok(Box::new(CsvReader {
        input,
        record: csv::ByteRecord::new(),
        charset,
        place,
        header,
        kept,
        schema,
        tally,
        row: 0,
        used,
        over: false,
    }))
}

fn charset(head: &[u8], options: &OpenOptions) -> Result<(Charset, String), ReadError> {
    if let Some(label) = &options.encoding {
        let charset = Charset::for_label(label).ok_or_else(|| {
            ReadError::File(format!("the encoding `{label}` is not known; try UTF-8, windows-1252 or CP850"))
        })?;
        return Ok((charset, format!("{} (given)", charset.name())));
    }
    if let Some(encoding) = wide(head) {
        return Ok((Charset::Web(encoding), format!("{} (byte order)", encoding.name())));
    }
    // The head may end inside a character.
    let utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let how = if head.starts_with(b"\xef\xbb\xbf") {
        "UTF-8 (byte order mark)"
    } else if utf8 {
        "UTF-8 (valid)"
    } else {
        "windows-1252 (not valid UTF-8)"
    };
    Ok((Charset::Utf8, how.to_owned()))
}

fn reader(
    source: &Source,
    charset: Charset,
    delimiter: u8,
    used: &Arc<AtomicU64>,
) -> Result<csv::Reader<Limited>, ReadError> {
    let stream = source.open()?;
    let stream: Stream = match charset {
        Charset::Web(encoding) if !encoding.is_ascii_compatible() => Box::new(Transcoder::new(stream, encoding)),
        _ => stream,
    };
    let input = Limited { inner: stream, used: Arc::clone(used) };
    Ok(csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(256 * 1024)
        .from_reader(input))
}

fn header(input: &mut csv::Reader<Limited>, charset: Charset, tally: &mut Tally) -> Result<Vec<String>, ReadError> {
    let mut record = csv::ByteRecord::new();
    if !input.read_byte_record(&mut record).map_err(|error| broken(&error))? {
        return Err(ReadError::File("the file is empty; a header line with the column names is expected".into()));
    }
    if record.len() > MAX_COLUMNS {
        return Err(ReadError::File(format!("{} columns, more than MAX_COLUMNS ({MAX_COLUMNS})", record.len())));
    }
    let name = |(at, bytes): (usize, &[u8])| {
        let name = charset.ascii_compatible().decode(super::encoding::without_bom(bytes), tally);
        let name = name.trim();
        if name.is_empty() { format!("column_{}", at + 1) } else { name.to_owned() }
    };
    Ok(record.iter().enumerate().map(name).collect())
}

/// The first rows, as far as they lie in the head of the file.
fn sample(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let mut rows: Vec<Vec<String>> =
        reader.records().flatten().take(200).map(|record| record.iter().map(str::to_owned).collect()).collect();
    if rows.len() > 1 && !text.ends_with('\n') {
        rows.pop();
    }
    rows
}

fn describe_place(schema: &mut SourceSchema, place: Place, header: &[String], sample: &[Vec<String>]) {
    match place {
        Place::Nowhere => {
            schema.tabular = true;
            schema.remarks.push("no columns with a place were found: rows have no geometry".into());
        }
        Place::Wkt(at) => schema.remarks.push(format!("geometry from column `{}`", header[at])),
        Place::Columns { x, y } => {
            schema.geometry = Some(GeometryType::Point);
            schema.remarks.push(format!("place from columns `{}` (x) and `{}` (y)", header[x], header[y]));
            let degrees = sniff::could_be_degrees(sample, x, y);
            if sniff::says_longitude(&header[x]) {
                if degrees {
                    schema.crs = SourceCrs::Epsg(4326);
                } else {
                    schema.remarks.push(format!(
                        "the columns `{}` and `{}` hold numbers that cannot be degrees",
                        header[x], header[y]
                    ));
                }
            }
        }
    }
}

/// A decimal number, with point or comma, with or without marks between the thousands.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.strip_prefix('+').unwrap_or(text);
    // Rust also reads `inf` and `nan`; these are let through, to be refused with their row.
    if let Ok(number) = plain.parse() {
        return Some(number);
    }
    let (commas, points) = (plain.matches(',').count(), plain.matches('.').count());
    let decimal = match (plain.rfind(','), plain.rfind('.')) {
        (Some(comma), Some(point)) if comma > point => ',',
        (Some(_), None) if commas == 1 => ',',
        (None, Some(_)) if points > 1 => '\0',
        (Some(_), None) => '\0',
        _ => '.',
    };
    let digits: String = plain
        .chars()
        .filter(|&c| c == decimal || !matches!(c, ',' | '.' | '\'' | ' ' | '\u{a0}'))
        .map(|c| if c == decimal { '.' } else { c })
        .collect();
    digits.parse().ok()
}

fn looks_like_geometry(value: &str) -> bool {
    let upper = value.trim_start().get(..12).unwrap_or(value.trim_start()).to_ascii_uppercase();
    ["POINT", "LINESTRING", "POLYGON", "MULTI", "GEOMETRYCOLL", "SRID="].iter().any(|word| upper.starts_with(word))
        || (value.len() >= 42 && (upper.starts_with("01") || upper.starts_with("00")) && from_hex(value).is_some())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim().as_bytes();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| Some((digit(&pair[0])? * 16 + digit(&pair[1])?) as u8)).collect()
}

fn geometry_of(value: &str, tally: &mut Tally) -> Result<Option<Geometry<f64>>, String> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(None);
    }
    match from_hex(value) {
        Some(bytes) => builder::from_ewkb(&bytes, tally),
        None => builder::from_wkt(value, tally),
    }
}

fn broken(error: &csv::Error) -> ReadError {
    ReadError::File(format!("{error}"))
}

/// Refuses to go on when one record swallows more than [`MAX_ROW_BYTES`]: a quote that is never closed.
struct Limited {
    inner: Stream,
    used: Arc<AtomicU64>,
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        if self.used.fetch_add(count as u64, Ordering::Relaxed) > MAX_ROW_BYTES as u64 {
            return Err(io::Error::other(format!(
                "a row is longer than MAX_ROW_BYTES ({MAX_ROW_BYTES}); a quote is probably not closed"
            )));
        }
        Ok(count)
    }
}

impl Charset {
    /// The encoding of values after a stream in a wide encoding has become UTF-8.
    fn ascii_compatible(self) -> Self {
        match self {
            Self::Web(encoding) if !encoding.is_ascii_compatible() => Self::Utf8,
            other => other,
        }
    }
}

struct CsvReader {
    input: csv::Reader<Limited>,
    record: csv::ByteRecord,
    charset: Charset,
    place: Place,
    header: Vec<String>,
    /// The columns that are given on.
    kept: Vec<usize>,
    schema: SourceSchema,
    tally: Tally,
    row: u64,
    used: Arc<AtomicU64>,
    over: bool,
}

impl CsvReader {
    fn text(&mut self, at: usize) -> String {
        let charset = self.charset.ascii_compatible();
        charset.decode(self.record.get(at).unwrap_or_default(), &mut self.tally).into_owned()
    }

    fn parse(&mut self) -> Result<SourceFeature, ReadError> {
        let row = self.row;
        if self.record.len() != self.header.len() {
            return Err(row_error(row, self.wrong_length()));
        }
        let geometry = self.geometry()?;
        let mut values = Vec::with_capacity(self.kept.len());
        for index in 0..self.kept.len() {
            let at = self.kept[index];
            let text = self.text(at);
            if text.len() > MAX_TEXT_BYTES {
                return Err(row_error(
                    row,
                    format!(
                        "column `{}` has {} bytes, more than MAX_TEXT_BYTES ({MAX_TEXT_BYTES}); is a quote missing?",
                        self.header[at],
                        text.len()
                    ),
                ));
            }
            let trimmed = text.trim();
            values.push(if trimmed.is_empty() { Value::Null } else { Value::Text(trimmed.to_owned()) });
        }
        feature(row, geometry, values)
    }

    fn wrong_length(&self) -> String {
        let (has, should) = (self.record.len(), self.header.len());
        let lines = self.record.iter().map(|value| value.split(|&byte| byte == b'\n').count() - 1).sum::<usize>();
        let hint = if lines > 20 {
            "; a quote is probably not closed"
        } else if has > should {
            "; a value with the delimiter in it needs quotes"
        } else {
            ""
        };
        format!("{has} values where the header has {should} columns{hint}")
    }

    fn geometry(&mut self) -> Result<Option<Geometry<f64>>, ReadError> {
        let row = self.row;
        match self.place {
            Place::Nowhere => Ok(None),
            Place::Wkt(at) => {
                let text = self.text(at);
                geometry_of(&text, &mut self.tally)
                    .map_err(|reason| row_error(row, format!("column `{}`: {reason}", self.header[at])))
            }
            Place::Columns { x, y } => {
                let (east, north) = (self.text(x), self.text(y));
                if east.trim().is_empty() && north.trim().is_empty() {
                    return Ok(None);
                }
                let read = |text: &str, at: usize| {
                    number(text).ok_or_else(|| {
                        row_error(row, format!("column `{}`: `{}` is not a number", self.header[at], text.trim()))
                    })
                };
                Ok(Some(Point::new(read(&east, x)?, read(&north, y)?).into()))
            }
        }
    }
}

impl Iterator for CsvReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        self.used.store(0, Ordering::Relaxed);
        match self.input.read_byte_record(&mut self.record) {
            Ok(true) => {
                self.row += 1;
                Some(self.parse())
            }
            Ok(false) => {
                self.over = true;
                self.schema.remarks.extend(self.tally.take());
                None
            }
            Err(error) => {
                self.over = true;
                self.schema.remarks.extend(self.tally.take());
                Some(Err(broken(&error)))
            }
        }
    }
}

impl Reader for CsvReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
