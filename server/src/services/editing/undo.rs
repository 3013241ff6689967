//! Taking back what was done: as a new edit, so that the log and the past keep both.

use std::collections::{BTreeMap, BTreeSet};

use bricola_layers::feature::{FeatureId, StoredFeature};
use bricola_layers::limits::{MAX_BATCH, MAX_FEED_SCAN};
use bricola_layers::log::{Operation, Seq};
use bricola_layers::store::{Edit, Once, StoreError};
use serde::Serialize;

use super::{Desk, Refused};

/// Changes that are read from the log at a time.
const PAGE: usize = 5_000;

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The first change of it.
    pub from: Seq,
    /// The last.
    pub to: Seq,
    /// Of these features only; of all that were changed when there are none.
    pub features: BTreeSet<FeatureId>,
}

/// What was done to take something back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// It was new, and is gone.
    Removed,
    /// It was changed, and is as it was.
    Reverted,
    /// It was gone, and is there again, under a new id.
    Restored,
}

/// One feature of what was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// The id that the changes had.
    pub id: FeatureId,
    /// What was done.
    pub done: Back,
    /// The id of now, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_id: Option<FeatureId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// In order of the ids that the changes had.
    pub features: Vec<TakenBack>,
    /// The change after which it is so; `None` for a dry run, and where there was nothing to do.
    pub seq: Option<Seq>,
}

impl Desk<'_> {
    /// Takes back what a run of changes did to the layer: all of it, or nothing where somebody has changed one of the
    /// features since.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn undo(&self, undo: &Undo, once: Option<Once>) -> Result<Undone, Refused> {
        let ids: Vec<FeatureId> = self.touched(undo).await?.into_iter().collect();
        if ids.is_empty() {
            return Ok(Undone { features: Vec::new(), seq: None });
        }
        let layer = &self.definition.id;
        let moments = [(undo.from - 1, ids.clone()), (undo.to, ids.clone())];
        let states = self.archive.features_at_moments(layer, &moments).await?;
        let [Some(before), Some(after)] = <[_; 2]>::try_from(states).map_err(|_| Refused::Forgotten)? else {
            return Err(Refused::Forgotten);
        };
        let now = self.archive.features(layer, &ids).await?;
        let [before, after, now] = [before, after, now].map(by_id);
        let moved = |id: &&FeatureId| {
            let version = |states: &BTreeMap<FeatureId, StoredFeature>| states.get(id).map(|row| row.version);
            version(&now) != version(&after)
        };
        let moved: Vec<FeatureId> = ids.iter().filter(moved).copied().collect();
        if !moved.is_empty() {
            return Err(Refused::MovedOn(moved));
        }
        let mut plan: Vec<(FeatureId, Back, Edit)> =
            ids.iter().filter_map(|id| step(*id, before.get(id), now.get(id))).collect();
        // What goes makes room for the keys of what comes back.
        plan.sort_by_key(|(id, back, _)| (*back, *id));
        self.take_back(plan, once).await
    }

    async fn take_back(&self, plan: Vec<(FeatureId, Back, Edit)>, once: Option<Once>) -> Result<Undone, Refused> {
        let (steps, edits): (Vec<_>, Vec<_>) = plan.into_iter().map(|(id, back, edit)| ((id, back), edit)).unzip();
        let written = match edits.len() {
            0 => None,
            _ if self.dry_run => None,
            _ => Some(self.write(edits, once).await?),
        };
        let features = steps.iter().enumerate().map(|(place, (id, done))| {
            let new_id = written.as_ref().and_then(|written| written.ids.get(place)).copied();
            TakenBack { id: *id, done: *done, new_id: new_id.filter(|_| *done == Back::Restored) }
        });
        let mut features: Vec<TakenBack> = features.collect();
        features.sort_by_key(|feature| feature.id);
        Ok(Undone { features, seq: written.as_ref().map(|written| written.seq) })
    }

    /// The features that the changes are of.
    async fn touched(&self, undo: &Undo) -> Result<BTreeSet<FeatureId>, Refused> {
        let mut touched = BTreeSet::new();
        let mut after = undo.from - 1;
        while after < undo.to {
            let changes = self.archive.changes(after, PAGE).await.map_err(|error| match error {
                StoreError::Pruned { .. } => Refused::Forgotten,
                error => error.into(),
            })?;
            let Some(last) = changes.last().map(|change| change.seq) else { break };
            after = last;
            let ours = changes.into_iter().filter(|change| change.seq <= undo.to && change.layer == self.definition.id);
            for change in ours {
                match change.id {
                    Some(id) if change.operation != Operation::Replace => {
                        if undo.features.is_empty() || undo.features.contains(&id) {
                            touched.insert(id);
                        }
                    }
                    _ => return Err(Refused::Whole(change.seq)),
                }
            }
            if touched.len() > MAX_BATCH {
                return Err(Refused::TooMany);
            }
        }
        Ok(touched)
    }
}

/// Changes of a run at most.
pub const MAX_RUN: Seq = MAX_FEED_SCAN as Seq;

fn by_id(rows: Vec<StoredFeature>) -> BTreeMap<FeatureId, StoredFeature> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}

/// What takes a feature from its state of now to the one of before; `None` where they are the same.
fn step(id: FeatureId, before: Option<&StoredFeature>, now: Option<&StoredFeature>) -> Option<(FeatureId, Back, Edit)> {
    let feature = before.map(|before| before.feature.clone());
    match (feature, now) {
        (None, None) => None,
        (Some(feature), Some(now)) if feature == now.feature => None,
        (None, Some(now)) => Some((id, Back::Removed, Edit::Delete { id, expected: Some(now.version) })),
        (Some(feature), Some(now)) => {
            Some((id, Back::Reverted, Edit::Update { id, expected: Some(now.version), feature }))
        }
        (Some(feature), None) => Some((id, Back::Restored, Edit::Insert(feature))),
    }
}
