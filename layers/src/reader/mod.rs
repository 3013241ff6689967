//! Readers: any file that an office has, as one stream of source features.
//!
//! A reader does not judge: it says what stands in the file, row by row, in the file's own CRS and column
//! names. Mapping to a layer's fields, reprojection, checks and repair belong to [`crate::check`].
//! Every reader streams: memory does not grow with the file.

mod archive;
mod builder;
mod columns;
mod crs_name;
mod csv;
mod detect;
mod encoding;
mod flatgeobuf;
mod geojson;
mod geometry;
mod geopackage;
mod gml;
mod gtfs;
mod kml;
mod open;
mod osm;
mod shapefile;
mod source;
mod tally;
#[cfg(test)]
mod testing;
mod xml;

pub use builder::geometry_from_gpkg;
pub(crate) use geojson::geometry as sent_geometry;
pub use open::{LayerInfo, OpenOptions, layers, open, open_bytes};

use geo_types::Geometry;
use thiserror::Error;

use crate::definition::{FieldType, GeometryType};
use crate::feature::Value;

/// What a source file says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceSchema {
    /// Format, for the report: `GeoPackage`, `Shapefile` …
    pub format: &'static str,
    /// The table, layer or member that is read.
    pub layer: String,
    /// Columns in order.
    pub fields: Vec<SourceField>,
    /// The CRS that the file declares.
    pub crs: SourceCrs,
    /// The geometry type that the file declares, if it does.
    pub geometry: Option<GeometryType>,
    /// Whether it is a table of which no row can have a place.
    pub tabular: bool,
    /// Rows, when the file says so without being read (for the progress bar).
    pub rows: Option<u64>,
    /// Text encoding and how it was found (`UTF-8 (.cpg)`), for formats that leave it open.
    pub encoding: Option<String>,
    /// Remarks of the reader for the report ("no .prj", "code page 1252 assumed").
    pub remarks: Vec<String>,
}

/// A column of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceField {
    /// Its name in the file.
    pub name: String,
    /// Its type in the file; untyped formats (CSV, KML, GML) say [`FieldType::Text`].
    pub kind: FieldType,
}

/// How a source declares its CRS. Coordinates of a [`SourceFeature`] are always x (east) before y (north):
/// a reader swaps where its format says latitude first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SourceCrs {
    /// Nothing is said.
    #[default]
    Undeclared,
    /// An EPSG code (or OGC:CRS84, which is given as 4326: axes are already east, north here).
    Epsg(u32),
    /// A WKT, PROJ string or URN for which the reader knows no code.
    Definition(String),
}

/// A row of a source file.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFeature {
    /// Its number in the file, from 1 (the header of a CSV is not counted; a database gives its row id).
    pub row: u64,
    /// Geometry in the file's CRS, x before y, two dimensions.
    pub geometry: Option<Geometry<f64>>,
    /// One value per column of [`SourceSchema::fields`].
    pub values: Vec<Value>,
}

/// What went wrong while reading.
#[derive(Debug, Error)]
pub enum ReadError {
    /// One row is unreadable; the next call goes on with the row after it.
    #[error("row {row}: {reason}")]
    Row {
        /// Its number, as in [`SourceFeature::row`].
        row: u64,
        /// Why, in words for the person who made the file.
        reason: String,
        /// Where, `[x, y]` in the file's CRS, when that much could be read.
        place: Option<[f64; 2]>,
    },
    /// The file cannot be read (further): truncated, not of its format, over a limit.
    #[error("{0}")]
    File(String),
}

/// A stream of rows. After [`ReadError::File`] or `None` it is over; after [`ReadError::Row`] it goes on.
pub trait Reader: Iterator<Item = Result<SourceFeature, ReadError>> + Send {
    /// What the file says of itself.
    fn schema(&self) -> &SourceSchema;
}
