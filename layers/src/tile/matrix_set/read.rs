//! A tile matrix set as OGC's JSON (17-083r4, clause 8 and annex A).

use std::collections::HashSet;

use serde::Deserialize;
use thiserror::Error;

use super::{DEGREE_M, PIXEL_M, TileMatrix, TileMatrixSet, zoom_of};
use crate::crs::{Crs, CrsError, with_transformer};
use crate::definition::Text;
use crate::limits::MAX_MATRICES;

/// By which part scale and cell size may differ from what they say of each other: they are rounded in files.
const AGREES: f64 = 1e-4;
/// Pixels along a side of a tile at most.
const MAX_TILE_SIZE: u32 = 8_192;
/// Columns and rows of a matrix at most, so that tile units can be counted.
const MAX_SIDE: u32 = 1 << 30;

/// Side of a tile at least, and of a matrix at most, in units of the CRS.
const SMALLEST: f64 = 1e-9;
const LARGEST: f64 = 1e9;

/// Why a text is no tile matrix set that tiles can be cut by.
#[derive(Debug, Error)]
pub enum MatrixSetError {
    /// Not JSON, or a member is missing or of the wrong type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A member has a value that we cannot use.
    #[error("{member}: {reason}")]
    Member {
        /// Which, with its place.
        member: String,
        /// Why.
        reason: String,
    },
    /// The CRS is unknown or leads nowhere.
    #[error("crs: {0}")]
    Crs(#[from] CrsError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    id: Option<String>,
    title: Option<String>,
    uri: Option<String>,
    crs: Reference,
    ordered_axes: Option<Vec<String>>,
    well_known_scale_set: Option<String>,
    tile_matrices: Vec<Level>,
}

/// A CRS as its URI, or as an object that holds its URI or its definition.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Uri(String),
    Object { uri: String },
    Wkt { wkt: serde_json::Value },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    id: String,
    scale_denominator: f64,
    cell_size: f64,
    corner_of_origin: Option<String>,
    point_of_origin: [f64; 2],
    tile_width: u32,
    tile_height: u32,
    matrix_width: u32,
    matrix_height: u32,
    variable_matrix_widths: Option<Vec<serde_json::Value>>,
}

fn wrong(member: impl Into<String>, reason: impl Into<String>) -> MatrixSetError {
    MatrixSetError::Member { member: member.into(), reason: reason.into() }
}

impl TileMatrixSet {
    /// Reads OGC's JSON.
    ///
    /// # Errors
    /// What is no tile matrix set; and what tiles cannot be cut by: rows of different width, tiles that are not square, rows
    /// that are counted from below, an identifier that begins as that of a layer.
    pub fn from_json(text: &str) -> Result<Self, MatrixSetError> {
        let set: Written = serde_json::from_str(text)?;
        let id = set.id.ok_or_else(|| wrong("id", "is missing; it becomes part of the address of the tiles"))?;
        if !is_set_id(&id) {
            let reason = format!(
                "\"{id}\" must begin with a capital letter and go on with letters, digits, _, - or . (64 at most)"
            );
            return Err(wrong("id", reason));
        }
        let crs = match set.crs {
            Reference::Uri(uri) | Reference::Object { uri } => Crs::parse(&uri)?,
            Reference::Wkt { wkt: serde_json::Value::String(text) } => Crs::from_definition(&text)?,
            Reference::Wkt { wkt } => Crs::from_definition(&wkt.to_string())?,
        };
        // Whatever is wrong with the way there should be known now, and not when the first tile is asked for.
        with_transformer(&Crs::wgs84(), &crs, |_| ())?;
        if !(1..=MAX_MATRICES).contains(&set.tile_matrices.len()) {
            return Err(wrong("tileMatrices", format!("must hold 1 to {MAX_MATRICES} (MAX_MATRICES)")));
        }
        let mut ids = HashSet::new();
        let mut matrices = Vec::with_capacity(set.tile_matrices.len());
        for (place, matrix) in set.tile_matrices.into_iter().enumerate() {
            let at = format!("tileMatrices[{place}]");
            if !ids.insert(matrix.id.clone()) {
                return Err(wrong(format!("{at}.id"), format!("\"{}\" is there twice", matrix.id)));
            }
            matrices.push(check(matrix, &at, &crs)?);
        }
        matrices.sort_by(|a, b| b.scale_denominator.total_cmp(&a.scale_denominator));
        let title = set.title.unwrap_or_else(|| id.clone());
        let axes = if crs.north_first() { ["N", "E"] } else { ["E", "N"] };
        Ok(Self {
            title: Text { it: title.clone(), en: title },
            uri: set.uri,
            ordered_axes: set.ordered_axes.unwrap_or_else(|| axes.map(str::to_owned).to_vec()),
            well_known_scale_set: set.well_known_scale_set,
            matrices,
            crs,
            id,
        })
    }
}

/// Identifiers of grids and of layers stand at the same place in addresses: the first letter tells them apart.
fn is_set_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|first: char| first.is_ascii_uppercase())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

fn check(matrix: Level, at: &str, crs: &Crs) -> Result<TileMatrix, MatrixSetError> {
    let wrong = |member: &str, reason: &str| Err(wrong(format!("{at}.{member}"), reason));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    if !(1..=64).contains(&matrix.id.len()) || !matrix.id.bytes().all(is_plain) {
        return wrong("id", "must have 1 to 64 letters, digits, _, -, . or :");
    }
    let is_size = |number: f64| number.is_finite() && number > 0.0;
    if !is_size(matrix.scale_denominator) {
        return wrong("scaleDenominator", "must be greater than 0");
    }
    if !is_size(matrix.cell_size) {
        return wrong("cellSize", "must be greater than 0");
    }
    let metres = if crs.is_geographic() { DEGREE_M } else { 1.0 };
    if (matrix.cell_size * metres / PIXEL_M / matrix.scale_denominator - 1.0).abs() > AGREES {
        return wrong("scaleDenominator", "does not go with cellSize in metres or degrees and pixels of 0.28 mm");
    }
    if matrix.corner_of_origin.as_deref().is_some_and(|corner| corner != "topLeft") {
        return wrong("cornerOfOrigin", "must be topLeft: rows are counted from above");
    }
    if matrix.point_of_origin.iter().any(|value| !value.is_finite() || value.abs() > 1e9) {
        return wrong("pointOfOrigin", "must be a position of the CRS");
    }
    if matrix.tile_width != matrix.tile_height {
        return wrong("tileHeight", "must be tileWidth: vector tiles are square");
    }
    if !(1..=MAX_TILE_SIZE).contains(&matrix.tile_width) {
        return wrong("tileWidth", "must be 1 to 8192");
    }
    if !(1..=MAX_SIDE).contains(&matrix.matrix_width) || !(1..=MAX_SIDE).contains(&matrix.matrix_height) {
        return wrong("matrixWidth", "and matrixHeight must be 1 to 1073741824");
    }
    let side = matrix.cell_size * f64::from(matrix.tile_width);
    if side < SMALLEST || side * f64::from(matrix.matrix_width.max(matrix.matrix_height)) > LARGEST {
        return wrong("cellSize", "makes tiles that are smaller or a matrix that is larger than any map");
    }
    if matrix.variable_matrix_widths.is_some_and(|widths| !widths.is_empty()) {
        return wrong("variableMatrixWidths", "is not offered: every row has as many tiles");
    }
    let [first, second] = matrix.point_of_origin;
    Ok(TileMatrix {
        zoom: zoom_of(crs, matrix.scale_denominator, matrix.tile_width),
        id: matrix.id,
        scale_denominator: matrix.scale_denominator,
        cell_size: matrix.cell_size,
        origin: if crs.north_first() { [second, first] } else { [first, second] },
        tile_size: matrix.tile_width,
        columns: matrix.matrix_width,
        rows: matrix.matrix_height,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn set() -> Value {
        let matrix = |id: &str, cell: f64, side: u32| {
            json!({
                "id": id, "scaleDenominator": cell / 0.000_28, "cellSize": cell, "pointOfOrigin": [5_500_000, 2_000_000],
                "tileWidth": 512, "tileHeight": 512, "matrixWidth": side, "matrixHeight": side,
            })
        };
        json!({
            "id": "Grande", "title": "Griglia", "crs": {"uri": "http://www.opengis.net/def/crs/EPSG/0/3035"},
            "tileMatrices": [matrix("fine", 10.0, 900), matrix("coarse", 1000.0, 9)],
        })
    }

    #[test]
    fn a_set_is_read_in_the_authoritys_order_of_axes_and_the_coarsest_comes_first() {
        let read = TileMatrixSet::from_json(&set().to_string()).expect("a set");
        assert_eq!(
            (read.crs.code(), read.matrices[0].id.as_str(), read.matrices[1].id.as_str()),
            (Some(3035), "coarse", "fine")
        );
        let whole = |position: [f64; 2]| position.map(|value| value as i64);
        assert_eq!(whole(read.matrices[0].origin), [2_000_000, 5_500_000], "x before y");
        assert_eq!(whole(read.in_order(read.matrices[0].origin)), [5_500_000, 2_000_000]);
        assert_eq!(read.title.it, "Griglia");
    }

    #[test]
    fn what_tiles_cannot_be_cut_by_is_refused_with_member_and_reason() {
        for (path, value, said) in [
            ("/id", json!("parcels"), "capital"),
            ("/id", json!("A/../b"), "letters"),
            ("/crs", json!("EPSG:1"), "crs"),
            ("/crs", json!(7), "did not match"),
            ("/tileMatrices", json!([]), "MAX_MATRICES"),
            ("/tileMatrices/0/id", json!("coarse"), "twice"),
            ("/tileMatrices/0/id", json!(""), "tileMatrices[0].id"),
            ("/tileMatrices/0/cellSize", json!(-1), "greater than 0"),
            ("/tileMatrices/0/scaleDenominator", json!(1.0), "does not go with cellSize"),
            ("/tileMatrices/0/pointOfOrigin", json!([1]), "length"),
            ("/tileMatrices/0/pointOfOrigin", json!([1e12, 0]), "position"),
            ("/tileMatrices/0/matrixWidth", json!(900_000_000), "larger than any map"),
            ("/tileMatrices/0/tileWidth", json!(256), "square"),
            ("/tileMatrices/0/matrixWidth", json!(0), "matrixWidth"),
            ("/tileMatrices/0/matrixWidth", json!(-1), "invalid value"),
        ] {
            let mut set = set();
            *set.pointer_mut(path).expect("a member") = value;
            let error = TileMatrixSet::from_json(&set.to_string()).expect_err("refused").to_string();
            assert!(error.contains(said), "{path}: {error}");
        }
        for (member, value, said) in [
            ("cornerOfOrigin", json!("bottomLeft"), "topLeft"),
            ("variableMatrixWidths", json!([{"coalesce": 2, "minTileRow": 0, "maxTileRow": 0}]), "as many tiles"),
        ] {
            let mut set = set();
            set["tileMatrices"][0][member] = value;
            let error = TileMatrixSet::from_json(&set.to_string()).expect_err("refused").to_string();
            assert!(error.contains(said), "{member}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}", at in 0_usize..400, with in "\\PC{0,3}") {
            let _ = TileMatrixSet::from_json(&text);
            let mut damaged = set().to_string();
            let at = (0..=at.min(damaged.len())).rev().find(|at| damaged.is_char_boundary(*at)).unwrap_or(0);
            damaged.insert_str(at, &with);
            let _ = TileMatrixSet::from_json(&damaged);
        }
    }
}
