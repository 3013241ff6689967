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
}
