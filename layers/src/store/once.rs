//! Batches that are written once, however often they are sent.

use super::{FeatureId, Seq};

/// For how long a key is remembered, in hours.
pub const REMEMBERED_HOURS: u32 = 24;

/// What tells a batch from every other, so that it is written once however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The sender's own name for it, of the whole store.
    pub key: String,
    /// A hash of all that was sent: another one under the same key is refused.
    pub digest: String,
}

/// What came of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The features, in the order of the edits.
    pub ids: Vec<FeatureId>,
    /// Its last change.
    pub seq: Seq,
    /// It had been written before; nothing was now.
    pub repeated: bool,
}
