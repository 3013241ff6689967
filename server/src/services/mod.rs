//! Answers that need more than one layer or more than one module; no HTTP in here.

pub mod join;
pub mod lookup;
pub mod parcels;
pub mod tiles;
