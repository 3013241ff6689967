//! Spatial answers from the cache.

pub mod cql2;

mod cover;
mod geojson;
mod place;

pub use cover::{Hit, at, at_when, covering, first_covering};
pub use geojson::{FeatureWriter, write_number};
pub use place::Place;
