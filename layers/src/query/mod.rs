//! Spatial answers from the cache.

pub mod cql2;

mod area;
mod compare;
mod cover;
mod explain;
mod frame;
mod geojson;
mod items;
mod number;
mod place;
mod positions;
mod stored;
#[cfg(test)]
mod testing;
mod vicinity;
mod window;

pub use area::{Area, AreaError};
pub use compare::{Difference, differences};
pub use cover::{Hit, at, at_when, covering, first_covering, near, units_per_metre};
pub use explain::{Explanation, FilterWork};
pub use frame::Frame;
pub use geojson::{FeatureWriter, Profile};
pub(crate) use items::by_value;
pub use items::{Cursor, Page, Selection, SortKey};
pub use number::write_number;
pub use place::Place;
pub use positions::Positions;
pub use stored::{drawable, gathered, sought, sought_in};
pub use vicinity::Vicinity;
