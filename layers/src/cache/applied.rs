//! What the follower tells those who listen, and how it fares.

use std::sync::Arc;

use super::reading::FollowError;
use crate::feature::FeatureId;
use crate::limits::MAX_APPLIED_FEATURES;
use crate::log::{Cause, Seq};
use crate::store::StoreError;

/// A box in world units: smallest and largest corner.
pub type WorldBox = ([u32; 2], [u32; 2]);

/// Changes that have become visible together. Each `seq` of the log is in one of these, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The last change before these.
    pub after: Seq,
    /// The last of these; answers reflect it from now on.
    pub seq: Seq,
    /// The layers that changed, in order of id.
    pub layers: Vec<AppliedLayer>,
    /// Whether the styles that are kept are others.
    pub styles: bool,
}

/// What changed of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedLayer {
    /// Its id.
    pub layer: Arc<str>,
    /// Its last change.
    pub seq: Seq,
    /// The layer as a whole is another: everything about it has to be asked for again.
    pub whole: bool,
    /// The features, in order of id; empty when `whole`, or when they are more than [`MAX_APPLIED_FEATURES`].
    pub ids: Vec<FeatureId>,
    /// Where they were and are: what lies outside did not change. One box around all when there would be more than
    /// [`MAX_APPLIED_FEATURES`]; none when `whole`.
    pub boxes: Vec<WorldBox>,
    /// Why bindings changed features, where they did: the first of the causes, each once.
    pub causes: Vec<Cause>,
}

impl AppliedLayer {
    /// Of a layer that is another as a whole.
    pub(super) fn whole(layer: &str, seq: Seq) -> Self {
        Self { layer: layer.into(), seq, whole: true, ids: Vec::new(), boxes: Vec::new(), causes: Vec::new() }
    }

    /// Of single features.
    pub(super) fn features(layer: &str, seq: Seq, mut ids: Vec<FeatureId>, mut boxes: Vec<WorldBox>) -> Self {
        if ids.len() > MAX_APPLIED_FEATURES {
            ids.clear();
        }
        boxes.sort_unstable();
        boxes.dedup();
        if boxes.len() > MAX_APPLIED_FEATURES {
            boxes = boxes.into_iter().reduce(around).into_iter().collect();
        }
        Self { layer: layer.into(), seq, whole: false, ids, boxes, causes: Vec::new() }
    }
}

/// The box around two boxes.
fn around(a: WorldBox, b: WorldBox) -> WorldBox {
    ([0, 1].map(|axis| a.0[axis].min(b.0[axis])), [0, 1].map(|axis| a.1[axis].max(b.1[axis])))
}

/// How the follower fares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Milliseconds since 1970 when the store last answered; 0 before it ever did.
    pub contact_ms: i64,
    /// What keeps the follower from the store, and since when (milliseconds since 1970), if anything does.
    pub trouble: Option<(Trouble, i64)>,
    /// How often a layer was read as a whole after the first time, for whatever reason.
    pub reloads: u64,
    /// How often the changes of a layer were merged into its base, in memory.
    pub merges: u64,
    /// How often the log was found set back (a standby took over that lacked the last changes) and all was read anew.
    pub setbacks: u64,
    /// Answers come from what was kept on disk, and what the log tells since is still being read.
    pub behind: bool,
    /// How often what the store sent was garbled and all was read anew when that was over.
    pub doubts: u64,
}

/// What can keep the follower from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot be reached, or refuses connections.
    Unreachable,
    /// It answers too slowly, or is busy.
    Slow,
    /// What comes from it cannot be understood; what is served may be altered too.
    Garbled,
    /// It answers with an error; the server's log says which.
    Failing,
}

impl Trouble {
    pub(super) const fn of(error: &FollowError) -> Self {
        match error {
            FollowError::Store(StoreError::Unreachable(_)) => Self::Unreachable,
            FollowError::Store(StoreError::Busy | StoreError::Timeout) => Self::Slow,
            FollowError::Store(StoreError::Garbled(_)) => Self::Garbled,
            _ => Self::Failing,
        }
    }

    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Garbled => "garbled",
            Self::Failing => "failing",
        }
    }
}
