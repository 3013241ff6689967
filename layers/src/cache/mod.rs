//! The cache: every layer mirrored in memory, for tiles and spatial answers.
//!
//! Per layer an immutable [`Base`] (packed coordinates, columnar attributes, an R-tree) and a small delta of
//! what changed since, published together as one [`Snapshot`] by an atomic swap: readers never lock, writers
//! never block readers. Only the follower of the change log ([`follow`]) writes here.

mod base;
mod builder;
mod column;
mod detail;
mod follower;
mod ladder;
mod packed;
mod past;
mod plane;
mod runs;
mod snapshot;
mod territory;
mod validity;

pub use base::{Base, Leaf, TreeBox};
pub use builder::{BaseBuilder, BuildError};
pub use column::{Column, ValueRef};
pub use follower::{FollowError, follow, read_layer};
pub use ladder::{Ladder, Step, TileCount, UNITS_PER_PIXEL, visible};
pub use packed::{CoordinateGrid, GeometryKind, Packed, Ring};
pub use past::{Past, PastError};
pub use runs::Run;
pub use snapshot::{RowRef, Snapshot};
pub use territory::{Layer, LayerState, Territory};
pub use validity::Validity;
