//! A file of addresses: each row goes out as it came, with the best candidate for its address, or why there is none.

use std::io::{self, Read};
use std::sync::Arc;

use bricola_layers::cache::Territory;
use bricola_layers::definition::Scope;
use bricola_search::Kind;
use csv::ByteRecord;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use thiserror::Error;

use super::hits::{Hit, Sought, find, geocode};
use super::{MAX_SEARCH_CHARS, Search};
use crate::services::join::blocks::{Blocks, without_end};
use crate::services::join::reader;

/// Bytes of rows that are worked on at a time.
const BLOCK_BYTES: usize = 64 * 1024;
/// Columns that are known by name, the most certain first: the whole address, and its parts.
const WHOLE: &[&str] = &["q", "address", "indirizzo", "indirizzo_completo", "full", "ubicazione"];
const STREET: &[&str] = &["street", "street_name", "via", "strada", "odonimo", "nome_via", "toponimo"];
const NUMBER: &[&str] = &["number", "civico", "numero", "numero_civico", "num_civico", "n_civico", "housenumber"];
const SUFFIX: &[&str] = &["suffix", "esponente", "esp", "barrato", "lettera"];
const DISTRICT: &[&str] = &["district", "localita", "sestiere", "frazione", "quartiere", "municipalita"];
/// Columns that are added.
const ADDED: [&str; 8] = ["lon", "lat", "score", "quality", "label", "layer", "id", "reason"];

/// Why a file cannot be worked on.
#[derive(Debug, Error)]
pub enum BatchError {
    /// It cannot be read.
    #[error("{0}")]
    File(#[from] io::Error),
    /// It is no CSV.
    #[error("the file is no CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A column that somebody named is not there.
    #[error("there is no column \"{name}\"; the columns are: {}", .columns.join(", "))]
    NoColumn {
        /// What was asked for.
        name: String,
        /// The parameter that named it.
        parameter: &'static str,
        /// What there is.
        columns: Vec<String>,
    },
    /// No column looks like an address.
    #[error(
        "no column looks like an address (address, indirizzo …) or its street (street, via …); name it with address= or \
         street= and number=. The columns are: {}", .0.join(", ")
    )]
    NoAddress(Vec<String>),
}

/// Names of columns, where somebody says them.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// Of the whole address.
    pub address: Option<String>,
    /// Of the street or sestiere.
    pub street: Option<String>,
    /// Of the number.
    pub number: Option<String>,
    /// Of the suffix.
    pub suffix: Option<String>,
    /// Of the district.
    pub district: Option<String>,
}

/// A file that is being worked on.
pub struct Batch<R> {
    blocks: Blocks<R>,
    plan: Plan,
    /// What goes out first.
    head: Option<Vec<u8>>,
}

struct Plan {
    territory: Territory,
    scope: Scope,
    search: Arc<Search>,
    delimiter: u8,
    near: Option<[f64; 2]>,
    address: Address,
}

/// Where a row has its address.
enum Address {
    Whole(usize),
    Parts([Option<usize>; 4]),
}

impl<R: Read> Batch<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// A file without one, or without a column of addresses.
    pub fn begin(
        input: R,
        columns: &Columns,
        (territory, scope, search): (Territory, Scope, Arc<Search>),
        near: Option<[f64; 2]>,
    ) -> Result<Self, BatchError> {
        let mut blocks = Blocks::of(input, BLOCK_BYTES);
        let (delimiter, header) = blocks.header()?;
        let mut record = ByteRecord::new();
        reader(&header, delimiter).read_byte_record(&mut record)?;
        let names: Vec<String> =
            record.iter().map(|name| decoded(name).trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let address = address_of(&names, columns)?;
        let mut head = without_end(&header).to_vec();
        for name in ADDED {
            let is_taken = names.iter().any(|other| other.eq_ignore_ascii_case(name));
            field(&mut head, delimiter, &if is_taken { format!("geocoded_{name}") } else { name.to_owned() });
        }
        head.push(b'\n');
        let plan = Plan { territory, scope, search, delimiter, near, address };
        Ok(Self { blocks, plan, head: Some(head) })
    }

    /// The next rows of the result; `None` at the end.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        match self.blocks.next()? {
            Some(block) => self.plan.block(&block).map(Some),
            None if self.blocks.stuck() => Err(io::Error::other("a row has no end")),
            None => Ok(None),
        }
    }
}

impl Plan {
    fn block(&self, block: &[u8]) -> io::Result<Vec<u8>> {
        let mut rows = Vec::new();
        let mut reader = reader(block, self.delimiter);
        let (mut record, mut start) = (ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record).map_err(io::Error::other)? {
            let end = reader.position().byte() as usize;
            rows.push((&block[start..end], record.clone()));
            start = end;
        }
        let parts: Vec<Vec<u8>> = rows.par_iter().map(|(row, record)| self.row(row, record)).collect();
        Ok(parts.concat())
    }

    fn row(&self, row: &[u8], record: &ByteRecord) -> Vec<u8> {
        let mut out = without_end(row).to_vec();
        match self.best(record) {
            Ok(hit) => {
                let [lon, lat] = hit.spot.at.map(|degrees| format!("{degrees:.7}"));
                let score = format!("{:.3}", hit.score);
                let label = if hit.context.is_empty() { hit.label } else { format!("{}, {}", hit.label, hit.context) };
                let id = hit.id.map(|id| id.to_string()).unwrap_or_default();
                for value in [&lon, &lat, &score, hit.quality.word(), &label, &hit.layer, &id, ""] {
                    field(&mut out, self.delimiter, value);
                }
            }
            Err(reason) => {
                for _ in 1..ADDED.len() {
                    out.push(self.delimiter);
                }
                field(&mut out, self.delimiter, &reason);
            }
        }
        out.push(b'\n');
        out
    }

    /// The best candidate of a row, or why there is none.
    fn best(&self, record: &ByteRecord) -> Result<Hit, String> {
        let value = |column: usize| record.get(column).map(decoded).unwrap_or_default().trim().to_owned();
        let kinds = vec![Kind::Address, Kind::Street, Kind::Place];
        let sought =
            |text: String| Sought { text, strict: true, limit: 1, kinds, near: self.near, ..Sought::default() };
        let too_long = |text: &str| text.chars().count() > MAX_SEARCH_CHARS;
        let found = match &self.address {
            Address::Whole(column) => {
                let text = value(*column);
                if text.is_empty() {
                    return Err("the address is empty".to_owned());
                }
                if too_long(&text) {
                    return Err(format!("the address is longer than {MAX_SEARCH_CHARS} characters"));
                }
                find(&self.territory, self.scope, &self.search, &sought(text))
            }
            Address::Parts(columns) => {
                let parts = columns.map(|column| column.map(value).unwrap_or_default());
                let [street, number, suffix, district] = [0, 1, 2, 3].map(|part: usize| parts[part].as_str());
                if street.is_empty() && district.is_empty() {
                    return Err("neither street nor district is given".to_owned());
                }
                if parts.iter().any(|part| too_long(part)) {
                    return Err(format!("a part of the address is longer than {MAX_SEARCH_CHARS} characters"));
                }
                let parts = [street, number, suffix, district];
                geocode(&self.territory, self.scope, &self.search, &sought(String::new()), parts)
            }
        };
        let found = found.map_err(|_| "the search index failed; try again".to_owned())?;
        found.into_iter().next().ok_or_else(|| "no street or district of that name".to_owned())
    }
}

fn address_of(names: &[String], columns: &Columns) -> Result<Address, BatchError> {
    let known = |known: &[&str]| known.iter().find_map(|name| position(names, name));
    let named = |name: &Option<String>, parameter: &'static str| match name {
        None => Ok(None),
        Some(name) => position(names, name).map(Some).ok_or_else(|| BatchError::NoColumn {
            name: name.clone(),
            parameter,
            columns: names.to_vec(),
        }),
    };
    if let Some(column) = named(&columns.address, "address")? {
        return Ok(Address::Whole(column));
    }
    let said = [
        named(&columns.street, "street")?,
        named(&columns.number, "number")?,
        named(&columns.suffix, "suffix")?,
        named(&columns.district, "district")?,
    ];
    let guessed = [STREET, NUMBER, SUFFIX, DISTRICT].map(known);
    let parts = [0, 1, 2, 3].map(|part: usize| said[part].or(guessed[part]));
    let are_said = said.iter().any(Option::is_some);
    // Where the number stands in a column of its own the column of the address is only the street.
    match (known(WHOLE), parts) {
        (Some(column), [_, None, ..]) if !are_said => Ok(Address::Whole(column)),
        (Some(column), [None, Some(number), suffix, district]) => {
            Ok(Address::Parts([Some(column), Some(number), suffix, district]))
        }
        (_, [Some(_), ..] | [None, Some(_), _, Some(_)]) => Ok(Address::Parts(parts)),
        _ => Err(BatchError::NoAddress(names.to_vec())),
    }
}

fn position(names: &[String], wanted: &str) -> Option<usize> {
    names.iter().position(|name| name.eq_ignore_ascii_case(wanted.trim()))
}

/// Text in UTF-8, or else in Latin-1, as spreadsheets write it.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A separator and a field, in quotation marks where it needs them.
fn field(out: &mut Vec<u8>, delimiter: u8, value: &str) {
    out.push(delimiter);
    if value.bytes().any(|byte| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(value.as_bytes());
    }
}
