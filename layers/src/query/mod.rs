//! Spatial answers from the cache.

pub mod cql2;

mod area;
mod cover;
mod geojson;
mod items;
mod place;
mod positions;

pub use area::{Area, AreaError};
pub use cover::{Hit, at, at_when, covering, first_covering};
pub use geojson::{FeatureWriter, Profile, write_number};
pub use items::{Cursor, Page, Selection, SortKey};
pub use place::Place;
pub use positions::Positions;
