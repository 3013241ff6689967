//! A file of points joined with a layer: each row goes out as it came, with what lies at its point.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{RowRef, Snapshot, ValueRef};
use bricola_layers::crs::{Crs, CrsError, lonlat_to_world, with_transformer};
use bricola_layers::query::{Place, at, first_covering};
use csv::ByteRecord;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use thiserror::Error;

/// Rows that one thread works on at a time.
const BATCH_ROWS: usize = 4096;
/// Batches in memory at a time, for each thread.
const BATCHES_PER_THREAD: usize = 4;
/// Troubles that are told one by one; the rest are only counted.
const TOLD: usize = 20;
/// Names of columns with coordinates, east first, most certain first.
const COLUMNS: &[(&str, &str)] = &[
    ("lon", "lat"),
    ("longitude", "latitude"),
    ("longitudine", "latitudine"),
    ("lng", "lat"),
    ("long", "lat"),
    ("x", "y"),
    ("coord_x", "coord_y"),
    ("est", "nord"),
    ("easting", "northing"),
    ("e", "n"),
];

/// Why a join did not take place.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// Not a CSV file.
    #[error("the file is no CSV: {0}")]
    Csv(#[from] csv::Error),
    /// No column by this name.
    #[error("there is no column \"{name}\"; the columns are: {}", .columns.join(", "))]
    NoColumn {
        /// What was asked for.
        name: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// No pair of columns that look like coordinates.
    #[error("no columns look like coordinates (lon/lat, x/y, est/nord …); name them with --x and --y. The columns are: {}", .0.join(", "))]
    NoCoordinates(Vec<String>),
    /// The layer has no field by this name.
    #[error("layer \"{layer}\" has no field \"{name}\"; its fields are: {}", .fields.join(", "))]
    NoField {
        /// Which layer.
        layer: String,
        /// What was asked for.
        name: String,
        /// What there is.
        fields: Vec<String>,
    },
    /// The CRS of the points and the layer's do not go together.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Join {
    /// The layer.
    pub snapshot: Arc<Snapshot>,
    /// CRS of the points; x before y.
    pub crs: Crs,
    /// Names of the columns, or found by name.
    pub columns: Option<(String, String)>,
    /// Fields of the layer that go out; empty = key and label.
    pub fields: Vec<String>,
    /// Metres within which points and lines are taken; 0 asks for surfaces only.
    pub radius_m: f64,
}

/// How it went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Rows read and written.
    pub rows: u64,
    /// Rows with a feature at their point.
    pub found: u64,
    /// Rows without a readable point; they go out without a feature.
    pub bad: u64,
    /// The first of them, with reasons.
    pub troubles: Vec<String>,
    /// Time that the threads spent on transforming and joining, summed.
    pub joining: Duration,
    /// Time from first to last row.
    pub elapsed: Duration,
}

/// One row of the result: its text and whether it found something.
struct Joined {
    text: Vec<u8>,
    found: u64,
    troubles: Vec<(usize, String)>,
    bad: u64,
    joining: Duration,
}

impl Join {
    /// Joins. `progress` hears the number of bytes read so far.
    ///
    /// # Errors
    /// See [`JoinError`]. Single bad rows are no error.
    pub fn run(
        &self,
        input: impl Read,
        output: impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<Outcome, JoinError> {
        let started = Instant::now();
        let mut input = std::io::BufReader::with_capacity(1 << 20, input);
        let delimiter = delimiter(std::io::BufRead::fill_buf(&mut input)?);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
        let header = reader.byte_headers()?.clone();
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').to_owned()).collect();
        let plan = Plan { join: self, columns: self.coordinates(&names)?, fields: self.field_positions()?, delimiter };
        let mut output = std::io::BufWriter::with_capacity(1 << 20, output);
        output.write_all(&plan.header(&names)?)?;

        let mut outcome = Outcome::default();
        let round = BATCHES_PER_THREAD * rayon::current_num_threads();
        let mut done = false;
        while !done {
            let mut batches: Vec<(u64, Vec<ByteRecord>)> = Vec::with_capacity(round);
            while batches.len() < round && !done {
                let first = outcome.rows;
                let mut batch = Vec::with_capacity(BATCH_ROWS);
                let mut record = ByteRecord::new();
                while batch.len() < BATCH_ROWS {
                    if !reader.read_byte_record(&mut record)? {
                        done = true;
                        break;
                    }
                    batch.push(record.clone());
                }
                outcome.rows += batch.len() as u64;
                batches.push((first, batch));
            }
            progress(reader.position().byte());
            let firsts: Vec<u64> = batches.iter().map(|(first, _)| *first).collect();
            let parts: Vec<Joined> =
                batches.into_par_iter().map(|(_, batch)| plan.batch(&batch)).collect::<Result<_, JoinError>>()?;
            for (first, part) in firsts.into_iter().zip(parts) {
                output.write_all(&part.text)?;
                outcome.found += part.found;
                outcome.bad += part.bad;
                outcome.joining += part.joining;
                let room = TOLD.saturating_sub(outcome.troubles.len());
                let told = part.troubles.into_iter().take(room);
                outcome.troubles.extend(told.map(|(row, reason)| format!("row {}: {reason}", first + row as u64 + 1)));
            }
        }
        output.flush()?;
        outcome.elapsed = started.elapsed();
        Ok(outcome)
    }

    fn coordinates(&self, names: &[String]) -> Result<[usize; 2], JoinError> {
        let position = |wanted: &str| names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        if let Some((x, y)) = &self.columns {
            let named = |name: &String| {
                position(name).ok_or_else(|| JoinError::NoColumn { name: name.clone(), columns: names.to_vec() })
            };
            return Ok([named(x)?, named(y)?]);
        }
        let found = COLUMNS.iter().find_map(|(x, y)| Some([position(x)?, position(y)?]));
        found.ok_or_else(|| JoinError::NoCoordinates(names.to_vec()))
    }

    fn field_positions(&self) -> Result<Vec<usize>, JoinError> {
        let definition = self.snapshot.definition();
        let mut names: Vec<&String> = self.fields.iter().collect();
        if names.is_empty() {
            names.extend(&definition.key);
            names.extend(definition.label.iter().filter(|label| !definition.key.contains(label)));
        }
        let position = |name: &String| {
            definition.field(name).map(|(position, _)| position).ok_or_else(|| JoinError::NoField {
                layer: definition.id.clone(),
                name: name.clone(),
                fields: definition.fields.iter().map(|field| field.name.clone()).collect(),
            })
        };
        names.into_iter().map(position).collect()
    }
}

/// A join whose columns and fields are known.
struct Plan<'a> {
    join: &'a Join,
    columns: [usize; 2],
    fields: Vec<usize>,
    delimiter: u8,
}

impl Plan<'_> {
    fn writer(&self, capacity: usize) -> csv::Writer<Vec<u8>> {
        csv::WriterBuilder::new().delimiter(self.delimiter).flexible(true).from_writer(Vec::with_capacity(capacity))
    }

    fn header(&self, names: &[String]) -> Result<Vec<u8>, JoinError> {
        let definition = self.join.snapshot.definition();
        let mut writer = self.writer(256);
        for name in names {
            writer.write_field(name)?;
        }
        writer.write_field(format!("{}_id", definition.id))?;
        for field in &self.fields {
            writer.write_field(format!("{}_{}", definition.id, definition.fields[*field].name))?;
        }
        writer.write_record(None::<&[u8]>)?;
        writer.into_inner().map_err(|error| JoinError::File(error.into_error()))
    }

    fn batch(&self, records: &[ByteRecord]) -> Result<Joined, JoinError> {
        let mut troubles = Vec::new();
        let mut bad = 0;
        let points: Vec<[f64; 2]> = records
            .iter()
            .enumerate()
            .map(|(row, record)| {
                self.point(record).unwrap_or_else(|reason| {
                    bad += 1;
                    if troubles.len() < TOLD {
                        troubles.push((row, reason));
                    }
                    [f64::NAN; 2]
                })
            })
            .collect();
        let started = Instant::now();
        let hits = self.hits(&points)?;
        let joining = started.elapsed();
        let text = self.text(records, &hits)?;
        let found = hits.iter().flatten().count() as u64;
        Ok(Joined { text, found, troubles, bad, joining })
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
    fn hits(&self, points: &[[f64; 2]]) -> Result<Vec<Option<RowRef<'_>>>, JoinError> {
        let Join { snapshot, crs, radius_m, .. } = self.join;
        let Some(storage) = snapshot.crs() else { return Ok(vec![None; points.len()]) };
        if *radius_m > 0.0 {
            let nearest = |point: &[f64; 2]| {
                let place = Place::new(crs, *point).ok()?;
                Some(at(snapshot, &place, *radius_m, 1).ok()?.first()?.row)
            };
            return Ok(points.iter().map(nearest).collect());
        }
        let positions = transform(points, crs, storage)?;
        let degrees = transform(points, crs, &Crs::wgs84())?;
        let cover = |(position, lonlat): (&[f64; 2], &[f64; 2])| {
            let placed = position.iter().chain(lonlat).all(|number| number.is_finite());
            if placed { first_covering(snapshot, *position, lonlat_to_world(*lonlat)) } else { None }
        };
        Ok(positions.iter().zip(&degrees).map(cover).collect())
    }

    fn text(&self, records: &[ByteRecord], hits: &[Option<RowRef<'_>>]) -> Result<Vec<u8>, JoinError> {
        let mut writer = self.writer(records.len() * 96);
        let mut id = itoa::Buffer::new();
        for (record, hit) in records.iter().zip(hits) {
            for field in record {
                writer.write_field(field)?;
            }
            match hit {
                None => {
                    writer.write_field("")?;
                    for _ in &self.fields {
                        writer.write_field("")?;
                    }
                }
                Some(row) => {
                    writer.write_field(id.format(row.id()))?;
                    for field in &self.fields {
                        write_value(&mut writer, row.base.value(row.row, *field))?;
                    }
                }
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.into_inner().map_err(|error| JoinError::File(error.into_error()))
    }
}

/// Points in another CRS; a point without an image there becomes NaN.
fn transform(points: &[[f64; 2]], from: &Crs, to: &Crs) -> Result<Vec<[f64; 2]>, JoinError> {
    if from == to {
        return Ok(points.to_vec());
    }
    let one_by_one =
        |point: &[f64; 2]| with_transformer(from, to, |transformer| transformer.point(*point).unwrap_or([f64::NAN; 2]));
    Ok(points.iter().map(one_by_one).collect::<Result<_, CrsError>>()?)
}

fn write_value(writer: &mut csv::Writer<Vec<u8>>, value: ValueRef) -> Result<(), csv::Error> {
    match value {
        ValueRef::Null => writer.write_field(""),
        ValueRef::Text(text) => writer.write_field(text),
        ValueRef::Integer(number) => writer.write_field(itoa::Buffer::new().format(number)),
        ValueRef::Boolean(flag) => writer.write_field(if flag { "true" } else { "false" }),
        ValueRef::Real(number) => writer.write_field(ryu::Buffer::new().format(number)),
        ValueRef::Date(date) => writer.write_field(date.to_string()),
        ValueRef::DateTime(instant) => writer.write_field(instant.to_rfc3339()),
    }
}

/// The separator that the first line has most of.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.split(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_commonest_of_the_first_line() {
        assert_eq!(delimiter(b"a;b;c\n1,2;3;4\n"), b';');
        assert_eq!(delimiter(b"a\tb\n"), b'\t');
        assert_eq!(delimiter(b"lon,lat\n"), b',');
        assert_eq!(delimiter(b"only\n"), b',');
    }
}
