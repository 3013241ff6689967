//! The rows of one block: their points, what lies there, and the text that goes out.

use std::time::{Duration, Instant};

use bricola_layers::cache::{RowRef, Snapshot, ValueRef};
use bricola_layers::crs::{Crs, Shortcut};
use bricola_layers::query::{Place, at, first_covering};
use csv::ByteRecord;

use super::blocks::without_end;
use super::{JoinError, TOLD};

/// A join whose columns and fields are known.
pub struct Plan<'a> {
    pub snapshot: &'a Snapshot,
    pub radius_m: f64,
    pub crs: &'a Crs,
    /// To the layer's storage CRS.
    pub way: Option<Shortcut>,
    pub columns: [usize; 2],
    pub fields: Vec<usize>,
    pub delimiter: u8,
}

/// One block of the result.
#[derive(Default)]
pub struct Joined {
    pub text: Vec<u8>,
    pub rows: u64,
    pub found: u64,
    /// The first rows without a readable point, counted from 0, with reasons.
    pub troubles: Vec<(u64, String)>,
    pub bad: u64,
    pub joining: Duration,
}

/// A reader of rows without a header.
pub fn reader(block: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(block)
}

/// The positions that are some, neighbours after neighbours (along Morton's curve): the features and the parts of the
/// R-tree that one needs are then still at hand for the next, which makes the join about twice as fast.
fn by_place(positions: &[[f64; 2]]) -> impl Iterator<Item = usize> + use<> {
    let finite = || positions.iter().enumerate().filter(|(_, [x, y])| x.is_finite() && y.is_finite());
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for (_, [x, y]) in finite() {
        (low, high) = ([low[0].min(*x), low[1].min(*y)], [high[0].max(*x), high[1].max(*y)]);
    }
    let scale = [0, 1].map(|axis| f64::from(u16::MAX) / (high[axis] - low[axis]).max(1e-9));
    let cell = |position: &[f64; 2], axis: usize| ((position[axis] - low[axis]) * scale[axis]) as u16;
    let key = |position: &[f64; 2]| spread(cell(position, 0)) | spread(cell(position, 1)) << 1;
    let mut order: Vec<u64> = finite().map(|(index, position)| u64::from(key(position)) << 32 | index as u64).collect();
    order.sort_unstable();
    order.into_iter().map(|entry| entry as u32 as usize)
}

/// The bits of a number with a gap after each.
fn spread(number: u16) -> u32 {
    let mut bits = u32::from(number);
    for (shift, mask) in [(8, 0x00FF_00FF), (4, 0x0F0F_0F0F), (2, 0x3333_3333), (1, 0x5555_5555)] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

impl Plan<'_> {
    /// The first row of the result.
    pub fn header(&self, header: &[u8]) -> Vec<u8> {
        let definition = self.snapshot.definition();
        let mut text = header.to_vec();
        self.field(&mut text, &format!("{}_id", definition.id));
        for field in &self.fields {
            self.field(&mut text, &format!("{}_{}", definition.id, definition.fields[*field].name));
        }
        text.push(b'\n');
        text
    }

    /// Joins a block.
    pub fn block(&self, block: &[u8]) -> Result<Joined, JoinError> {
        let mut joined = Joined { text: Vec::with_capacity(block.len() * 2), ..Joined::default() };
        let mut points = Vec::with_capacity(block.len() / 24);
        let mut spans = Vec::with_capacity(block.len() / 24);
        let mut reader = reader(block, self.delimiter);
        let mut record = ByteRecord::new();
        let mut start = 0;
        while reader.read_byte_record(&mut record)? {
            let end = reader.position().byte() as usize;
            spans.push((start, end));
            start = end;
            points.push(self.point(&record).unwrap_or_else(|reason| {
                joined.bad += 1;
                if joined.troubles.len() < TOLD {
                    joined.troubles.push((joined.rows, reason));
                }
                [f64::NAN; 2]
            }));
            joined.rows += 1;
        }
        let started = Instant::now();
        let hits = self.hits(&points);
        joined.joining = started.elapsed();
        joined.found = hits.iter().flatten().count() as u64;
        for ((start, end), hit) in spans.into_iter().zip(hits) {
            self.write(&mut joined.text, without_end(&block[start..end]), hit);
        }
        Ok(joined)
    }

    fn point(&self, record: &ByteRecord) -> Result<[f64; 2], String> {
        let number = |column: usize| {
            let text = record.get(column).map(<[u8]>::trim_ascii).unwrap_or_default();
            let text = std::str::from_utf8(text).map_err(|_| "a coordinate is not text in UTF-8".to_owned())?;
            let parsed = if self.delimiter != b',' && text.contains(',') {
                text.replacen(',', ".", 1).parse::<f64>()
            } else {
                text.parse()
            };
            parsed.ok().filter(|number| number.is_finite()).ok_or_else(|| format!("\"{text}\" is not a number"))
        };
        Ok([number(self.columns[0])?, number(self.columns[1])?])
    }

    /// The feature at each point.
    fn hits(&self, points: &[[f64; 2]]) -> Vec<Option<RowRef<'_>>> {
        let Some(way) = &self.way else { return vec![None; points.len()] };
        if self.radius_m > 0.0 {
            let nearest = |point: &[f64; 2]| {
                let place = Place::new(self.crs, *point).ok()?;
                Some(at(self.snapshot, &place, self.radius_m, 1).ok()?.first()?.row)
            };
            return points.iter().map(nearest).collect();
        }
        let positions: Vec<[f64; 2]> = points.iter().map(|point| way.point(*point).unwrap_or([f64::NAN; 2])).collect();
        let mut hits = vec![None; points.len()];
        for index in by_place(&positions) {
            hits[index] = first_covering(self.snapshot, positions[index]);
        }
        hits
    }

    /// A row as it came, and what was found.
    fn write(&self, text: &mut Vec<u8>, row: &[u8], hit: Option<RowRef<'_>>) {
        text.extend_from_slice(row);
        match hit {
            None => text.resize(text.len() + 1 + self.fields.len(), self.delimiter),
            Some(row) => {
                self.field(text, itoa::Buffer::new().format(row.id()));
                for field in &self.fields {
                    self.value(text, row.base.value(row.row, *field));
                }
            }
        }
        text.push(b'\n');
    }

    fn value(&self, text: &mut Vec<u8>, value: ValueRef) {
        match value {
            ValueRef::Null => text.push(self.delimiter),
            ValueRef::Text(value) => self.field(text, value),
            ValueRef::Integer(number) => self.field(text, itoa::Buffer::new().format(number)),
            ValueRef::Boolean(flag) => self.field(text, if flag { "true" } else { "false" }),
            ValueRef::Real(number) => self.field(text, ryu::Buffer::new().format(number)),
            ValueRef::Date(date) => self.field(text, &date.to_string()),
            ValueRef::DateTime(instant) => self.field(text, &instant.to_rfc3339()),
        }
    }

    /// A separator and a field, in quotation marks where it needs them.
    fn field(&self, text: &mut Vec<u8>, field: &str) {
        text.push(self.delimiter);
        if field.bytes().any(|byte| byte == self.delimiter || matches!(byte, b'"' | b'\n' | b'\r')) {
            text.push(b'"');
            text.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            text.push(b'"');
        } else {
            text.extend_from_slice(field.as_bytes());
        }
    }
}
