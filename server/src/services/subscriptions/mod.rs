//! Subscriptions: other programs are told what changes, in the order of the log, each change at least once.
//!
//! | module | what it does |
//! |---|---|
//! | `document` | what is subscribed to, and how it is delivered, as its owner writes it |
//! | `wanted` | the same, held against the layers that there are |
//! | `event` | changes and copied features as `CloudEvents` |
//! | `reader` | the next events behind a position: a copy first where one is due, then the log |
//! | `place` | how far a subscriber has come, and what hinders |
//! | `post`, `allowed`, `sign` | one request to a subscriber: to whom it may go, and what it is signed with |
//! | `delivery` | a subscription's requests, one after the other, as long as this server holds it |
//! | `keep` | the deliveries of this server |
//! | `digest` | what a copy should have come to, for who wants to compare |

mod allowed;
mod delivery;
mod digest;
mod document;
mod event;
mod keep;
mod place;
mod post;
mod reader;
mod sign;
mod wanted;

pub use allowed::{Forbidden, host_of};
pub use delivery::Office;
pub use digest::{Digest, digests};
pub use document::{Delivery, Document, Fault, Signature, Start, is_id};
pub use event::{CELL_ZOOM, Event, MEDIA_TYPE, batch};
pub use keep::{Deliveries, keep};
pub use place::{Copy, Failing, Place, State};
pub use post::{NoPoster, Outcome, Poster};
pub use reader::{Reader, Stuck};
pub use sign::{BadKey, ModiKey, Request as Signed, Signer};
pub use wanted::{Unwanted, Wanted};
