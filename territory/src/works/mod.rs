//! The register of public works: what is odd about a record, and how a work stands in money, time and progress.
//!
//! Money and shares are decimals without error ([`Decimal`]), the planned value of each work to the cent; what a record does
//! not say is no number, and is counted as not known rather than as nothing. The arithmetic is that of earned value: planned
//! value spreads the amount evenly over the planned days, earned value is the amount times the progress, actual cost what was
//! paid.

mod check;
mod decimal;
pub mod national;
mod record;
mod stand;

pub use check::check;
pub use decimal::{Cents, Decimal, Percent, Share};
pub use record::{Contract, Fund, Parts, PhaseDates, Record, Sal};
pub use stand::{ENGINE, Indicators, Totals, acknowledged, over_tender, phase_days_late, stand};

#[cfg(test)]
mod tests;
