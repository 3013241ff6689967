//! What a new site collides with, in space and time: works, occupations, events, traffic zones, lines, ground that must not
//! be dug up.
//!
//! Which layers say so, in which of their fields, and how much it matters is said by a file of rules ([`read_rules`]). Who
//! calls has found what lies near ([`Neighbour`], with its distance in metres); [`assess`] says which of it is a conflict,
//! how severe and why, and when there is none. Streets that the site closes to those who walk ([`Closed`]), which the
//! graph of streets knows, are conflicts too.
//!
//! Days are calendar days, first and last both count. What has no dates is told and limits nothing: nothing is guessed.

mod assess;
mod foot;
mod read;
mod rules;
mod span;
mod window;

pub use assess::{Around, Assessment, Conflict, Dates, ENGINE, MAX_TOLD, Neighbour, NewSite, assess};
pub use foot::{Closed, Effect};
pub use read::{MAX_FILE_BYTES, read_rules};
pub use rules::{Case, LayerRule, Match, Rules, Severity, WalkRule, When};
pub use span::Span;
pub use window::Window;

#[cfg(test)]
mod tests;
