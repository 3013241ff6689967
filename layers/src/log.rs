//! The change log: the one order of all writes, which every follower reads.

use serde::{Deserialize, Serialize};

use crate::feature::FeatureId;

/// Position in the change log; the only clock that followers know. 0 is "before the first change".
pub type Seq = i64;

/// The name under which the log tells of the styles that are kept: no layer can have it.
pub const STYLES: &str = ":styles";

/// What happened to a feature, or to a layer as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// A feature was added.
    Insert,
    /// Geometry or properties of a feature changed.
    Update,
    /// A feature was removed.
    Delete,
    /// The whole layer was loaded anew (or defined, or redefined): followers read it again.
    Replace,
}

/// Why a binding gave a feature another value: what happened on the other side, or on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// The fields that it gave other values.
    pub fields: Vec<String>,
    /// The layer in which it happened.
    pub layer: String,
    /// The feature; `None` where the layer as a whole is another, or so many of its features are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<FeatureId>,
    /// The change; where nothing was changed, the last one that there was.
    pub seq: Seq,
    /// What happened.
    pub operation: Reason,
}

/// What a binding answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// A feature was added.
    Insert,
    /// A feature was changed.
    Update,
    /// A feature was removed.
    Delete,
    /// The layer as a whole became another.
    Replace,
    /// A feature came into force that day, or is no longer.
    Validity,
    /// The binding was declared, or declared otherwise.
    Declared,
    /// Somebody had it computed anew, or the log no longer tells what happened.
    Rebuilt,
}

impl From<Operation> for Reason {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Insert => Self::Insert,
            Operation::Update => Self::Update,
            Operation::Delete => Self::Delete,
            Operation::Replace => Self::Replace,
        }
    }
}

/// One committed change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its place in the log.
    pub seq: Seq,
    /// Layer id.
    pub layer: String,
    /// The feature, or `None` for [`Operation::Replace`].
    pub id: Option<FeatureId>,
    /// What happened.
    pub operation: Operation,
    /// When it was committed (UTC, RFC 3339).
    pub at: String,
    /// Where a binding made it: why. Empty for what people and programs write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}
