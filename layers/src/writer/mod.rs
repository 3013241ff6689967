//! Features of a snapshot as files that other programs open. What a file holds is said once, by [`Contents`]; the formats
//! differ in how they write it.

mod flatgeobuf;
mod shapefile;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cache::{GeometryKind, RowRef};
use crate::crs::{Crs, CrsError};
use crate::definition::{FieldDefinition, GeometryType, LayerDefinition};
use crate::query::Positions;
use crate::store::StoreError;

pub use crate::store::export as geopackage;
pub use flatgeobuf::FlatGeobufWriter;
pub use shapefile::export as shapefile;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Nobody waits for it any more.
    #[error("nobody waits for the file any more")]
    Stopped,
    /// The format cannot hold so much.
    #[error("{0}")]
    TooLarge(String),
    /// The format cannot say the CRS.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// A temporary file cannot be written.
    #[error("a temporary file cannot be written: {0}")]
    Io(#[from] io::Error),
    /// What `SQLite` answered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says to who writes a file whether anybody still waits for it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Somebody who waits: once it is dropped, the writing stops.
#[derive(Debug)]
pub struct Waiting(Arc<AtomicBool>);

impl Stop {
    /// Both ends.
    pub fn new() -> (Waiting, Self) {
        let stop = Self::default();
        (Waiting(Arc::clone(&stop.0)), stop)
    }

    /// Asks at every `slice`th count.
    ///
    /// # Errors
    /// [`WriteError::Stopped`] when nobody waits.
    pub(crate) fn check_at(&self, count: usize, slice: usize) -> Result<(), WriteError> {
        // Nothing else is ordered by it.
        if count % slice == 0 && self.0.load(Ordering::Relaxed) { Err(WriteError::Stopped) } else { Ok(()) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a file holds of each feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// Its fields, by their positions in the definition: those that are wanted and may be seen.
    pub fields: Vec<usize>,
    /// The CRS of its geometry. Files give east before north, whatever the order of the authority (`GeoPackage` 1.3,
    /// requirement 33; GDAL and QGIS read all these formats so).
    pub crs: Crs,
    /// Whether there are geometries at all.
    pub geometry: bool,
}

impl Contents {
    /// The fields with their definitions.
    fn columns<'a>(&'a self, definition: &'a LayerDefinition) -> impl Iterator<Item = (usize, &'a FieldDefinition)> {
        self.fields.iter().map(|field| (*field, &definition.fields[*field]))
    }

    fn positions(&self) -> Option<Positions> {
        self.geometry.then(|| Positions::in_crs(&self.crs))
    }
}

/// The name of the column that holds the ids of features, which no field of the layer has.
fn id_column(definition: &LayerDefinition) -> &'static str {
    // No field may be called fid.
    if definition.field("id").is_some() { "fid" } else { "id" }
}

/// What the geometry of a row is, by its OGC Simple Features name; `None` when it has none.
fn geometry_type(row: RowRef<'_>) -> Option<GeometryType> {
    let geometry = row.base.geometry();
    Some(match (geometry.kind(row.row), geometry.is_multi(row.row)) {
        (GeometryKind::None, _) => return None,
        (GeometryKind::Point, false) => GeometryType::Point,
        (GeometryKind::Point, true) => GeometryType::MultiPoint,
        (GeometryKind::Line, false) => GeometryType::LineString,
        (GeometryKind::Line, true) => GeometryType::MultiLineString,
        (GeometryKind::Polygon, false) => GeometryType::Polygon,
        (GeometryKind::Polygon, true) => GeometryType::MultiPolygon,
    })
}
