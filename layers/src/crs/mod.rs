//! The one place where a coordinate changes its reference system.
//!
//! Coordinates are always `[x, y]`: east (or longitude) before north (or latitude), in the unit of the CRS
//! (metres or degrees), whatever axis order the authority publishes. Code that reads or writes coordinates
//! in authority order asks [`Crs::north_first`] and swaps at its own border.
//!
//! Three rules hold everywhere (`docs/ARCHITECTURE.md`):
//! - never a *ballpark*: two datums without a known operation between them give an error, not a null shift
//!   (Monte Mario read as if it were ETRS89 lies 78 m off in Venice);
//! - the operation used, its code and its accuracy can be asked for ([`Transformer::operation`]);
//! - no infinity and no NaN comes out: a point outside the domain gives an error.

#[cfg(test)]
mod control_points;
mod database;
mod definition;
#[cfg(test)]
mod definitions_met;
mod error;
mod geodesic;
mod guess;
mod identify;
mod italy;
mod mercator;
mod operations;
mod patches;
mod reach;
mod recipe;
mod shortcut;
pub mod text;
mod transformer;
mod vertices;

pub use definition::Crs;
pub use error::CrsError;
pub use geodesic::{geodesic_area_m2, geodesic_distance_m, geodesic_length_m};
pub use guess::{Guess, guess_crs};
pub use mercator::{MercatorApprox, lonlat_to_world, lonlat_to_world_f64, world_to_lonlat, world_to_lonlat_f64};
pub use operations::Operation;
pub(crate) use reach::{Reach, reach};
pub use shortcut::Shortcut;
pub use transformer::{Transformer, with_transformer};
