//! The cache: every layer mirrored in memory, for tiles and spatial answers.
//!
//! Per layer an immutable [`Base`] (packed coordinates, columnar attributes, an R-tree) and a small delta of
//! what changed since, published together as one [`Snapshot`] by an atomic swap: readers never lock, writers
//! never block readers. Only the follower of the change log ([`follow`]) writes here.

mod applied;
mod base;
mod builder;
mod changed;
mod choice;
mod column;
mod detail;
mod follower;
mod gap;
mod homes;
mod label;
mod ladder;
mod learnt;
mod packed;
mod past;
mod plane;
mod publish;
mod reading;
mod resume;
mod rows;
mod runs;
mod snapshot;
mod standing;
mod territory;
mod touched;
mod validity;
mod warm;

pub use applied::{Applied, AppliedLayer, Health, Trouble, WorldBox};
pub use base::{Base, Leaf, Tree, TreeBox};
pub use builder::{BaseBuilder, BuildError};
pub use column::{Column, ValueRef};
pub(crate) use detail::Detail;
pub use follower::{follow, follow_from};
pub use ladder::{Ladder, Step, TileCount, UNITS_PER_PIXEL, visible};
pub use packed::{CoordinateGrid, GeometryKind, Packed, Ring};
pub use past::{Past, PastError, read_layer_at};
pub use reading::{FollowError, read_layer};
pub use rows::RowAt;
pub use runs::Run;
pub use snapshot::{RowRef, Snapshot};
pub use territory::{Layer, LayerState, Standing, Territory};
pub use touched::{Footprint, Generation};
pub use validity::Validity;
pub use warm::{Damaged, Warm, WarmError};
