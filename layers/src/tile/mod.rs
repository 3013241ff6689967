//! Vector tiles: select, thin, clip, snap, encode.
//!
//! A tile is made per layer; the layers of a composite are made apart and their bytes joined (a Mapbox Vector
//! Tile is a sequence of layer messages, so that joined layers are a valid tile). Everything from the cache on
//! is integer arithmetic: world units (2³² across the world) are shifted to tile units (4096 across a tile), so
//! neighbouring tiles and equal vertices agree exactly.

mod clip;
mod encode;
mod frame;
mod grid;
mod labels;
mod mvt_crate;
mod render;
mod repair;
mod shape;
mod values;
mod wire;

pub use encode::{Encoder, Shape, ShapeKind};
pub use grid::{BUFFER, EXTENT, TileError, TileId};
pub use mvt_crate::MvtEncoder;
pub use render::{LABEL_SUFFIX, Part, Tile, TileOptions, render, render_with};
pub use wire::WireEncoder;
