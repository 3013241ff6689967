//! Transactions over several layers, and those that are written once, however often they are sent.

use super::{Edit, FeatureId, Seq};

/// Edits of one layer, in a transaction that may be of several.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerEdits {
    /// Layer id.
    pub layer: String,
    /// In the order in which they are made.
    pub edits: Vec<Edit>,
}

impl LayerEdits {
    /// The layers of a transaction as one word, by which a receipt knows them again.
    pub(super) fn names(parts: &[Self]) -> String {
        parts.iter().map(|part| part.layer.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// For how long a key is remembered, in hours.
pub const REMEMBERED_HOURS: u32 = 24;

/// What tells a transaction from every other, so that it is written once however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The sender's own name for it, of the whole store.
    pub key: String,
    /// A hash of all that was sent: another one under the same key is refused.
    pub digest: String,
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The features, in the order of the layers and of their edits.
    pub ids: Vec<FeatureId>,
    /// Its last change; the end of the log where it changed nothing.
    pub seq: Seq,
    /// It had been written before; nothing was now.
    pub repeated: bool,
}
