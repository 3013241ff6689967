//! Features of a snapshot as files that other programs open. What a file holds is said once, by [`Contents`]; the formats
//! differ in how they write it.

mod flatgeobuf;
mod geoparquet;
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
pub use geoparquet::GeoParquetWriter;
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
    /// What Parquet cannot be made of.
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
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
        if count.is_multiple_of(slice) && self.0.load(Ordering::Relaxed) { Err(WriteError::Stopped) } else { Ok(()) }
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

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use chrono::NaiveDate;
    use geo_types::Point;

    use super::*;
    use crate::cache::{BaseBuilder, RowAt, Snapshot};
    use crate::feature::{Feature, StoredFeature, Value};

    /// A thousand points with a value of each type, every third without any value, every fifth without a place.
    pub fn points() -> Snapshot {
        let fields = ["text", "integer", "real", "boolean", "date", "datetime"].map(|kind| {
            format!("[[field]]\nname = \"{kind}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{kind}\", en = \"{kind}\" }}\n")
        });
        let text = format!(
            "id = \"some-points\"\ntitle = {{ it = \"Punti\", en = \"Points\" }}\n\
             description = {{ it = \"d\", en = \"d\" }}\ntheme = \"green\"\ngeometry = \"point\"\ncrs = \"EPSG:7795\"\n\
             placeless = true\n{}",
            fields.concat()
        );
        let definition: LayerDefinition = toml::from_str(&text).expect("a definition");
        let mut builder = BaseBuilder::new(&definition).expect("a builder");
        for n in 0..1_000_i64 {
            let values = vec![
                Value::Text(format!("punto {n}")),
                Value::Integer(n * 1_000_000_007),
                Value::Real(n as f64 / 7.0),
                Value::Boolean(n % 2 == 0),
                Value::Date(NaiveDate::from_num_days_from_ce_opt(738_000 + n as i32).expect("a day")),
                Value::DateTime(
                    chrono::DateTime::from_timestamp_micros(1_700_000_000_000_000 + n).expect("an instant"),
                ),
            ];
            let properties = if n % 3 == 2 { vec![Value::Null; values.len()] } else { values };
            let point = Point::new(3_026_510.0 + n as f64, 5_033_255.0);
            let feature = Feature { geometry: (n % 5 != 4).then(|| point.into()), properties };
            builder.push(&StoredFeature { id: n + 1, version: 1, feature });
        }
        let (base, set_aside) = builder.finish().expect("a base");
        assert_eq!(set_aside, []);
        Snapshot::of(base, Arc::new(definition), 1)
    }

    /// All of it.
    pub fn everything(snapshot: &Snapshot) -> (Vec<RowAt>, Contents) {
        let fields = (0..snapshot.definition().fields.len()).collect();
        (snapshot.rows_after(None, usize::MAX), Contents { fields, crs: Crs::crs84(), geometry: true })
    }

    #[test]
    fn a_file_that_nobody_waits_for_is_not_finished() {
        let snapshot = points();
        let (rows, contents) = everything(&snapshot);
        let (waiting, stop) = Stop::new();
        drop(waiting);
        assert!(matches!(geopackage(&snapshot, &rows, &contents, "t", &stop), Err(WriteError::Stopped)));
        assert!(matches!(shapefile(&snapshot, &rows, &contents, &stop), Err(WriteError::Stopped)));
    }

    #[test]
    fn a_finished_file_has_no_name_and_so_goes_with_its_handle() {
        let snapshot = points();
        let (rows, contents) = everything(&snapshot);
        let (_waiting, stop) = Stop::new();
        for file in [
            geopackage(&snapshot, &rows, &contents, "t", &stop).expect("written"),
            shapefile(&snapshot, &rows, &contents, &stop).expect("written"),
        ] {
            let metadata = file.metadata().expect("metadata");
            assert_eq!(metadata.nlink(), 0);
            assert!(metadata.len() > 10_000, "{}", metadata.len());
        }
    }
}
