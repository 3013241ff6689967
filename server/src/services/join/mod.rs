//! A file of points joined with a layer: each row goes out as it came, with what lies at its point.

pub(crate) mod blocks;
mod rows;
mod several;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::Snapshot;
use bricola_layers::crs::{Crs, CrsError, Shortcut, with_transformer};
use bricola_layers::limits::MAX_ROW_BYTES;
use csv::ByteRecord;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use thiserror::Error;

use blocks::Blocks;
pub(crate) use rows::reader;
use rows::{Joined, Plan};
pub use several::several;

/// Blocks in memory at a time, for each thread.
const BLOCKS_PER_THREAD: usize = 2;
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
    /// A row without an end.
    #[error(
        "row {row} is longer than {MAX_ROW_BYTES} bytes (MAX_ROW_BYTES); is a quotation mark before it not closed?"
    )]
    LongRow {
        /// Which row, about: the last before it that was read.
        row: u64,
    },
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
    /// Nobody wants it any more.
    #[error("it was called off")]
    Dismissed,
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
        let mut blocks = Blocks::new(input);
        let (delimiter, header) = blocks.header()?;
        let names = names(&header, delimiter)?;
        let plan = Plan {
            snapshot: &self.snapshot,
            radius_m: self.radius_m,
            crs: &self.crs,
            way: self.way()?,
            columns: self.coordinates(&names)?,
            fields: self.field_positions()?,
            delimiter,
        };
        let mut output = std::io::BufWriter::with_capacity(1 << 20, output);
        output.write_all(&plan.header(&header))?;

        let mut outcome = Outcome::default();
        loop {
            let round = (0..BLOCKS_PER_THREAD * rayon::current_num_threads()).map_while(|_| blocks.next().transpose());
            let round: Vec<Vec<u8>> = round.collect::<std::io::Result<_>>()?;
            if round.is_empty() {
                break;
            }
            progress(blocks.position());
            let parts: Vec<Joined> =
                round.into_par_iter().map(|block| plan.block(&block)).collect::<Result<_, JoinError>>()?;
            for part in parts {
                output.write_all(&part.text)?;
                outcome.add(part);
            }
        }
        if blocks.stuck() {
            return Err(JoinError::LongRow { row: outcome.rows + 1 });
        }
        output.flush()?;
        outcome.elapsed = started.elapsed();
        Ok(outcome)
    }

    /// From the points' CRS to the layer's, quick where the layer lies; `None` for a layer without geometries.
    fn way(&self) -> Result<Option<Shortcut>, JoinError> {
        let (Some(storage), Some([west, south, east, north])) = (self.snapshot.crs(), self.snapshot.extent_lonlat())
        else {
            return Ok(None);
        };
        let corners = [[west, south], [west, north], [east, south], [east, north]];
        let corners = with_transformer(&Crs::wgs84(), &self.crs, |there| corners.map(|corner| there.point(corner)))?;
        let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        for [x, y] in corners.into_iter().flatten() {
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
        // Without a corner the box is none, and every point goes the long way.
        let bounds = if bounds[0] <= bounds[2] { bounds } else { [f64::NAN; 4] };
        Ok(Some(Shortcut::new(&self.crs, storage, bounds)?))
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

impl Outcome {
    fn add(&mut self, part: Joined) {
        let room = TOLD.saturating_sub(self.troubles.len());
        let told = part.troubles.into_iter().take(room);
        self.troubles.extend(told.map(|(row, reason)| format!("row {}: {reason}", self.rows + row + 1)));
        self.rows += part.rows;
        self.found += part.found;
        self.bad += part.bad;
        self.joining += part.joining;
    }
}

/// The names of the columns.
fn names(header: &[u8], delimiter: u8) -> Result<Vec<String>, csv::Error> {
    let mut record = ByteRecord::new();
    rows::reader(header, delimiter).read_byte_record(&mut record)?;
    let name = |name: &[u8]| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').to_owned();
    Ok(record.iter().map(name).collect())
}
