//! Checks and repair: what stands between a source file and a store.
//!
//! A row passes through four judges, in this order: its columns are mapped to the fields of the layer
//! ([`mapping`]), its values are read as the types that those fields declare ([`value`]), its place is found
//! and brought to the storage CRS ([`place`]), and its geometry is snapped, judged and, where that is safe,
//! repaired ([`geometry`]). Nothing is changed silently: each judge leaves a [`Repair`] or a [`Warning`] for
//! the report, or refuses the row with a [`Reason`].

pub mod derive;
pub mod entry;
pub mod finding;
pub mod geometry;
pub mod mapping;
pub mod place;
pub mod value;

pub use finding::{Reason, Refusal, Repair, RingName, Tallies, Tally, Warning};
