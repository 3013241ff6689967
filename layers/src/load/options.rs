//! What an operator asks of a load, and what can come of it.

use thiserror::Error;

use super::Report;
use crate::check::mapping::MappingError;
use crate::check::place::PlaceError;
use crate::crs::CrsError;
use crate::definition::GeometryType;
use crate::store::StoreError;

/// What an operator asks of a load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadOptions {
    /// `--map column=field`; an empty field leaves the column out.
    pub map: Vec<(String, String)>,
    /// `--crs`: the CRS of the file, whatever it says itself.
    pub crs: Option<String>,
    /// The tenant's CRS, for layers that declare none.
    pub storage_crs: Option<String>,
    /// The tenant's territory: west, south, east, north in degrees.
    pub envelope: Option<[f64; 4]>,
    /// Loads rows outside the envelope with a warning, instead of refusing those far away.
    pub keep_outside: bool,
    /// `--strict`: one refused row refuses the file.
    pub strict: bool,
    /// `--dry-run`: everything but writing.
    pub dry_run: bool,
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Rows read.
    pub read: u64,
    /// Rows accepted.
    pub loaded: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Rows of the file, when it says so.
    pub total: Option<u64>,
}

/// Why a file was not loaded. The layer is as it was before.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Its columns do not fit the layer.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Its CRS is not known or of no use.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The CRS that the layer is to be stored in is of no use.
    #[error("storage CRS of the layer: {0}")]
    StorageCrs(CrsError),
    /// A table, for a layer whose features have a place.
    #[error(
        "the file is a table without places, but layer \"{layer}\" holds {}: join it by its codes to a file that has \
         them (in QGIS or with ogr2ogr), or name the columns of a CSV that hold them, with --x and --y or with --wkt; \
         nothing was changed",
        .geometry.sql_name()
    )]
    Tabular {
        /// Layer id.
        layer: String,
        /// What its features are.
        geometry: GeometryType,
    },
    /// The file breaks off or is not what it claims to be.
    #[error("the file cannot be read: {reason}; nothing was changed")]
    Unreadable {
        /// What the reader said.
        reason: String,
        /// What was found until then.
        report: Box<Report>,
    },
    /// The file is damaged from its very beginning.
    #[error("the file cannot be read: {0}; nothing was changed")]
    Broken(String),
    /// There is no row to load: none in the file, or all of them refused.
    #[error("no row of {} could be loaded{}; nothing was changed", .0.rows, advice(.0))]
    NothingLoaded(Box<Report>),
    /// `--strict`, and rows were refused.
    #[error("{} of {} rows were refused and --strict was given; nothing was changed", .0.rejected, .0.rows)]
    Strict(Box<Report>),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("internal fault while loading: {0}; nothing was changed")]
    Internal(String),
}

/// What to do where all rows were refused for the same reason.
fn advice(report: &Report) -> &'static str {
    match report.rejections.keys().copied().collect::<Vec<_>>()[..] {
        ["no_geometry"] => ": none has a geometry; write the file anew with them",
        ["wrong_geometry"] | ["no_geometry", "wrong_geometry"] => {
            ": the layer holds other geometries; name another with --layer, or another table of the file with \
             --source-layer"
        }
        _ => "",
    }
}

impl LoadError {
    /// The report so far, when rows were looked at.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Unreadable { report, .. } | Self::NothingLoaded(report) | Self::Strict(report) => Some(report),
            _ => None,
        }
    }
}
