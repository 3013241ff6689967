//! Vector tiles: select, thin, clip, snap, encode.
//!
//! A tile is made per layer; the layers of a composite are made apart and their bytes joined (a Mapbox Vector
//! Tile is a sequence of layer messages, so that joined layers are a valid tile). Everything from the cache on
//! is integer arithmetic: world units (2³² across the world) are shifted to tile units (4096 across a tile), so
//! neighbouring tiles and equal vertices agree exactly.

mod around;
mod clip;
mod encode;
mod explain;
mod frame;
mod grid;
mod labels;
mod matrix_set;
mod mvt_crate;
mod plane;
mod render;
mod repair;
mod select;
mod shape;
mod values;
mod weigh;
mod wire;

pub use around::around;
pub use encode::{Encoder, Shape, ShapeKind};
pub use explain::{Explanation, explain};
pub use grid::{BUFFER, EXTENT, TileError, TileId};
pub use matrix_set::{
    FolderError, GridTile, MatrixSetError, MatrixSets, Place, TileMatrix, TileMatrixSet, WEB_MERCATOR_QUAD,
};
pub use mvt_crate::MvtEncoder;
pub use render::{LABEL_SUFFIX, Part, Tile, TileOptions, render, render_at, render_with};
pub use weigh::{FieldWeight, Weight};
pub use wire::WireEncoder;
