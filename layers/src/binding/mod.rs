//! Bindings: standing joins between layers, kept true.
//!
//! A field that is declared as bound ([`crate::definition::Bound`]) holds the value of the feature of another layer in which
//! its own feature lies today. When either side changes, the features that may be concerned are found anew, and those whose
//! values differ are written through the store like any edit, with their cause. So tiles, filters, past and feed know of it,
//! and whoever reads the log hears that an object has moved from one zone to another, and why.
//!
//! | file | what |
//! |---|---|
//! | `rule` | one bound field: which feature of the other layer, of several, it is |
//! | `sides` | the layers of a binding as they are in memory |
//! | `events` | from the log to the features that may be concerned |
//! | `outcome` | the values of features, and the causes of those that differ |
//! | `keeper` | the task that keeps bindings true beside a server |
//! | `rebuild` | all of it anew, for the command line |
//! | `check` | the same by another way, to prove it |
//! | `status` | how bindings stand |
//!
//! **Truth.** A layer is true as of a change N: its bound fields are what its own features and those of the other layers as of
//! N give. N is kept in the store and moves in the transaction that writes the values. What happened in between does not
//! matter, only what differs between N and now: so a repeat does no harm, and after a crash nothing is missed.
//! Values are found in the snapshots of memory, which reflect N' ≥ N, and are written only where the version of the feature is
//! still the one that was looked at; else its change is yet to be heard of. Somebody who has the claim on a layer first waits
//! until its memory has all that was written before, so that no result of another server is taken for its own.
//!
//! **Rest.** Writing bound fields is a change of the layer, which sets off those layers that are bound to it, and not itself.
//! Circles are refused, so a chain comes to rest.

mod check;
mod events;
mod keeper;
mod outcome;
mod rebuild;
mod rule;
mod sides;
mod status;

pub use check::{Checked, Differing, check};
pub use keeper::keep;
pub use rebuild::{Rebuilt, rebuild};
pub use sides::today;
pub use status::{BindingStatus, Bindings, BoundField, State};
