//! Short-term rentals: listings of platforms beside the register, as counts by area; and what a blurred place may mean.

mod areas;
mod blurred;
mod report;

pub use blurred::{Question as Blurred, blurred};
pub use report::{NotCompared, Question as Compared, Shown, compared};

/// Version of the answers' rules.
pub const ENGINE: &str = "bricola-rentals/1";
/// Id of the layer of listings.
pub const LISTINGS: &str = "listings";
/// Id of the layer of registered structures.
pub const REGISTER: &str = "rentals";
