//! A file, row by row.

use std::io::{self, BufRead, Read};

use csv::ByteRecord;

use super::columns::{Field, Layout};
use super::{Kind, National, Project, Source, values};
use crate::codes::Cup;
use crate::works::Cents;
use crate::{Fault, Text};

/// Projects that are kept: those of a region are fewer. Of a file with more only the first are read.
pub const MAX_PROJECTS: usize = 400_000;
/// Faults of one file that are told; the others are counted.
const TOLD: usize = 100;
/// Longest header, in bytes.
const MAX_HEADER_BYTES: u64 = 64 * 1024;

/// What came of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What it is; none where nothing of it was read.
    pub is: Option<(Source, Kind)>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows and values that could not be.
    pub faulty: u64,
    /// The first faults.
    pub faults: Vec<Fault>,
}

impl Reading {
    fn fault(&mut self, file: &str, line: u64, field: &str, rule: &str, text: Text) {
        self.faulty += 1;
        if self.faults.len() < TOLD {
            let (file, field, rule) = (file.to_owned(), field.to_owned(), rule.to_owned());
            self.faults.push(Fault { file, line, field, rule, text });
        }
    }
}

/// Reads a file; what it says is added to what others said.
///
/// # Errors
/// A file that cannot be read.
pub fn read(file: &str, mut input: impl BufRead, national: &mut National) -> io::Result<Reading> {
    let mut reading = Reading::default();
    let mut header = Vec::new();
    input.by_ref().take(MAX_HEADER_BYTES).read_until(b'\n', &mut header)?;
    let delimiter = delimiter(&header);
    let mut names = ByteRecord::new();
    let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&header);
    reader(header, delimiter).read_byte_record(&mut names).map_err(io::Error::other)?;
    let names: Vec<String> = names.iter().map(|name| values::text(name).unwrap_or_default()).collect();
    let Some(layout) = Layout::of(&names) else {
        let text = Text::new(
            "le colonne non sono quelle di OpenCUP (CUP, DESCRIZIONE_SINTETICA_CUP …) né di BDAP-MOP (Codice CUP …)",
            "the columns are neither those of OpenCUP (CUP, DESCRIZIONE_SINTETICA_CUP …) nor of BDAP-MOP (Codice CUP …)",
        );
        reading.fault(file, 1, "", "unknown-columns", text);
        return Ok(reading);
    };
    reading.is = Some((layout.source, layout.kind));
    let mut rows = reader(input, delimiter);
    let mut record = ByteRecord::new();
    loop {
        // The header was read before.
        let line = rows.position().line() + 1;
        match rows.read_byte_record(&mut record) {
            Ok(false) => return Ok(reading),
            Ok(true) => {}
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) => return Err(error),
                _ => return Ok(reading),
            },
        }
        if record.len() == 1 && record[0].iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if national.len() >= MAX_PROJECTS {
            let text = Text::new(
                format!("oltre {MAX_PROJECTS} progetti: il resto del file non è letto; tenere i soli righi del comune"),
                format!(
                    "more than {MAX_PROJECTS} projects: the rest of the file is not read; keep the rows of the municipality only"
                ),
            );
            reading.fault(file, line, "", "too-many", text);
            return Ok(reading);
        }
        let row = Row { file, line, record: &record, width: names.len(), layout: &layout, names: &names };
        row.add(national, &mut reading);
    }
}

/// Rows end with a line feed: what else stands there is trimmed off, and lines are counted rightly.
fn reader<R: Read>(input: R, delimiter: u8) -> csv::Reader<R> {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(delimiter).terminator(csv::Terminator::Any(b'\n')).has_headers(false).flexible(true);
    builder.from_reader(input)
}

/// The separator of which there are most in the header.
fn delimiter(header: &[u8]) -> u8 {
    let count = |wanted: u8| header.split(|byte| *byte == wanted).count();
    [b'\t', b'|', b',', b';'].into_iter().max_by_key(|it| count(*it)).unwrap_or(b';')
}

/// A row on its way.
struct Row<'a> {
    file: &'a str,
    line: u64,
    record: &'a ByteRecord,
    /// Columns of the header.
    width: usize,
    layout: &'a Layout,
    names: &'a [String],
}

impl Row<'_> {
    fn add(&self, national: &mut National, reading: &mut Reading) {
        let found = self.record.len();
        // Some files have a separator behind the last column.
        if found < self.width || found > self.width + 1 {
            let (width, line) = (self.width, self.line);
            let text =
                Text::new(format!("ha {found} colonne, non {width}"), format!("has {found} columns, not {width}"));
            reading.fault(self.file, line, "", "columns", text);
            return;
        }
        let written = self.text(Field::Cup).unwrap_or_default();
        let cup = match Cup::parse(&written) {
            Ok(cup) => cup.code,
            Err(error) => {
                reading.fault(self.file, self.line, self.name(Field::Cup), "bad-cup", error.text);
                return;
            }
        };
        reading.rows += 1;
        if let Some(code) = self.text(Field::Municipality)
            && let Some(place) = values::municipality(self.text(Field::Province).as_deref(), &code)
        {
            national.place(&cup, place);
        }
        if self.layout.kind == Kind::Projects {
            let project = self.project(cup, reading);
            national.add(project);
        }
    }

    fn project(&self, cup: String, reading: &mut Reading) -> Project {
        let mut money = |field: Field| self.sum(field, reading);
        let (cost_eur, actual_cost_eur, funding_eur) =
            (money(Field::Cost), money(Field::ActualCost), money(Field::Funding));
        let mut day = |field: Field| self.value(field, values::day, reading);
        let (start_planned, end_planned) = (day(Field::StartPlanned), day(Field::EndPlanned));
        let (start_actual, end_actual) = (day(Field::StartActual), day(Field::EndActual));
        Project {
            source: self.layout.source,
            title: self.text(Field::Title),
            state: self.text(Field::State),
            holder: self.text(Field::Holder),
            sector: self.text(Field::Sector),
            year: self.value(Field::Year, values::year, reading),
            cup,
            cost_eur,
            actual_cost_eur,
            funding_eur,
            start_planned,
            end_planned,
            start_actual,
            end_actual,
        }
    }

    fn text(&self, field: Field) -> Option<String> {
        self.layout.all(field).find_map(|column| values::text(&self.record[column]))
    }

    fn name(&self, field: Field) -> &str {
        self.layout.all(field).next().map_or("", |column| &self.names[column])
    }

    fn value<T>(&self, field: Field, read: fn(&str) -> Option<T>, reading: &mut Reading) -> Option<T> {
        let text = self.text(field)?;
        read(&text).or_else(|| {
            self.unreadable(self.name(field), &text, reading);
            None
        })
    }

    /// The sum of all columns that say the same; none where none says anything, or one cannot be read.
    fn sum(&self, field: Field, reading: &mut Reading) -> Option<Cents> {
        let mut sum: Option<Cents> = None;
        for column in self.layout.all(field) {
            let Some(text) = values::text(&self.record[column]) else { continue };
            let Some(value) = values::euro(&text) else {
                self.unreadable(&self.names[column], &text, reading);
                return None;
            };
            sum = Some(sum.unwrap_or_default().plus(value));
        }
        sum
    }

    fn unreadable(&self, field: &str, text: &str, reading: &mut Reading) {
        let shown: String = text.chars().take(40).collect();
        let text = Text::new(format!("non si legge: «{shown}»"), format!("cannot be read: \"{shown}\""));
        reading.fault(self.file, self.line, field, "unreadable", text);
    }
}
