//! Tariff plans as data, and the fee of an occupation by them (L. 160/2019, art. 1 c. 816–847).
//!
//! A plan is a TOML file with CSV tables beside it ([`read_plan`]); several of one office are [`Plans`], of which one
//! holds on a day. No amount of the law is in the code: all of them are in plans.

pub mod answer;
mod assess;
mod charge;
mod check;
mod choose;
mod condition;
mod lines;
mod place;
pub mod plan;
pub mod question;
mod read;
mod reduce;
mod rounding;
mod tables;
mod time;

pub use answer::{Assessment, Refusal};
pub use assess::{ENGINE, MAX_PIECES, assess};
pub use choose::{NoPlan, Plans};
pub use condition::{Condition, SpatialCondition};
pub use plan::TariffPlan;
pub use question::Question;
pub use read::{MAX_FILE_BYTES, read_plan};
pub use rounding::{AreaRounding, CurrencyRounding, Scope};

#[cfg(test)]
mod assess_tests;
#[cfg(test)]
mod read_tests;
