//! Tables that somebody sends, with a place in each row: CSV and `GeoPackage`.

use bricola_layers::crs::Crs;
use bricola_layers::feature::Value;
use bricola_layers::reader::{OpenOptions, ReadError, Reader, SourceCrs, open};
use geo_types::Geometry;
use tempfile::NamedTempFile;
use thiserror::Error;

/// Why a table is not read.
#[derive(Debug, Error)]
pub enum NoRows {
    /// What the reader says of it.
    #[error("{0}")]
    File(String),
    /// The file names a CRS that is not known here.
    #[error("the file's CRS is not known here: {0}")]
    Crs(String),
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number, from 1.
    pub number: u64,
    /// One text for each column; empty where there is nothing.
    pub values: Vec<String>,
    /// Its place, east before north, where it has one.
    pub geometry: Option<Geometry<f64>>,
}

/// What is wrong with a row: its number, and why.
pub type Refused = (u64, String);

/// The rows of a table.
pub struct Rows {
    reader: Box<dyn Reader>,
    /// Gone when the rows are.
    _file: NamedTempFile,
    columns: Vec<String>,
    crs: Crs,
    count: Option<u64>,
}

impl Rows {
    /// Opens a table. `crs`: that of its places where the file does not say; degrees where nobody does.
    ///
    /// # Errors
    /// A file that is no table, or in a CRS that is not known.
    pub fn open(file: NamedTempFile, crs: Option<Crs>) -> Result<Self, NoRows> {
        let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let shown = |error: ReadError| {
            // The name is ours, and says nothing to who sent the file.
            let text = error.to_string();
            NoRows::File(text.trim_start_matches(&*name).trim_start_matches(": ").to_owned())
        };
        let reader = open(file.path(), &OpenOptions::default()).map_err(shown)?;
        let schema = reader.schema();
        let declared = match &schema.crs {
            SourceCrs::Undeclared => None,
            SourceCrs::Epsg(4326) => Some(Crs::crs84()),
            SourceCrs::Epsg(code) => Some(Crs::epsg(*code).map_err(|error| NoRows::Crs(error.to_string()))?),
            SourceCrs::Definition(text) => Some(Crs::parse(text).map_err(|error| NoRows::Crs(error.to_string()))?),
        };
        let columns = schema.fields.iter().map(|field| field.name.clone()).collect();
        let count = schema.rows;
        // What the caller says goes before what a header seems to say.
        Ok(Self { crs: crs.or(declared).unwrap_or_else(Crs::crs84), reader, _file: file, columns, count })
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The CRS of the places.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// How many there are, where the file says so.
    pub fn expected(&self) -> Option<u64> {
        self.count
    }
}

impl Iterator for Rows {
    /// A row, or what is wrong with it; or why the rest is not read.
    type Item = Result<Result<Row, Refused>, NoRows>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.reader.next()? {
            Ok(feature) => Ok(Ok(Row {
                number: feature.row,
                values: feature.values.iter().map(text).collect(),
                geometry: feature.geometry,
            })),
            Err(ReadError::Row { row, reason, .. }) => Ok(Err((row, reason))),
            Err(ReadError::File(reason)) => Err(NoRows::File(reason)),
        })
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        Value::Date(value) => value.to_string(),
        Value::DateTime(value) => value.to_rfc3339(),
    }
}
