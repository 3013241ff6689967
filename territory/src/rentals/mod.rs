//! Short-term rentals: what listings of platforms show beside what is registered.
//!
//! A platform shows a listing some way off its true place, and whoever writes a listing may slip: so nothing here says
//! anything about one listing. What goes out are counts by area without small cells ([`protect`]), and for a blurred place the
//! addresses that it may mean, each with its probability ([`candidates`]).
//!
//! Positions are longitude before latitude, in degrees of ETRS89 or RDN2008; distances are geodesic metres.

mod blur;
mod cells;
mod standing;

pub use blur::{Candidate, Dwelling, candidates};
pub use cells::{Protected, ProtectedRow, protect, protect_line};
pub use standing::{Listing, Register, Standing, Structure, codes_in, standings};

/// Least count of a cell that is told, unless an office wants more.
pub const LEAST_CELL: u64 = 5;
/// Metres by which platforms blur a place, where nobody says by how many.
pub const USUAL_ERROR_M: f64 = 150.0;
/// How a blurred place is read, as evidence says it: its true place is anywhere in the circle, and each dwelling there is as
/// likely as the next.
pub const MODEL: &str = "uniform-disc";

/// Metres between two positions.
fn apart_m(a: [f64; 2], b: [f64; 2]) -> f64 {
    let line = geo_types::LineString::from(vec![a, b]);
    crate::overlay::length_m(&geo_types::MultiLineString(vec![line]))
}
