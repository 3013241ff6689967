//! Taking back what was done: as a new edit, so that the log and the past keep both.

use std::collections::{BTreeMap, BTreeSet};

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, FeatureId, StoredFeature};
use bricola_layers::limits::{MAX_BATCH, MAX_FEED_SCAN};
use bricola_layers::log::{Operation, STYLES, Seq};
use bricola_layers::store::{Edit, LayerEdits, Once, Replaced};
use serde::Serialize;

use super::{Refused, Table, write};
use crate::archive::Archive;

/// Changes that are read from the log at a time.
const PAGE: usize = 5_000;

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The first change of it.
    pub from: Seq,
    /// The last.
    pub to: Seq,
    /// Of these layers only, of all where there are none; of these features of each, of all where there are none.
    pub only: BTreeMap<String, BTreeSet<FeatureId>>,
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
    /// Layer id.
    pub collection: String,
    /// The id that the changes had.
    pub id: FeatureId,
    /// What was done.
    pub done: Back,
    /// The id of now, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_id: Option<FeatureId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    /// In order of layers, and of the ids that the changes had.
    pub features: Vec<TakenBack>,
    /// What became of the features of a layer that was put back whole.
    pub replaced: Option<Replaced>,
    /// The change after which it is so; `None` for a dry run, and where there was nothing to do.
    pub seq: Option<Seq>,
}

/// What a run of changes is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// These features, by layer.
    Features(BTreeMap<String, BTreeSet<FeatureId>>),
    /// A layer as a whole, by this change.
    Whole {
        /// Layer id.
        layer: String,
        /// The change.
        seq: Seq,
    },
}

/// What the changes of a run are of, those of other layers and features than are asked for left out.
///
/// # Errors
/// [`Refused::Forgotten`], [`Refused::TooMany`], or when the store cannot be asked.
pub async fn touched(archive: &dyn Archive, undo: &Undo) -> Result<Touched, Refused> {
    let mut touched: BTreeMap<String, BTreeSet<FeatureId>> = BTreeMap::new();
    let (mut after, mut count) = (undo.from - 1, 0);
    while after < undo.to {
        let changes = archive.changes(after, PAGE).await?;
        let Some(last) = changes.last().map(|change| change.seq) else { break };
        after = last;
        for change in changes.into_iter().filter(|change| change.seq <= undo.to) {
            // Styles are no features.
            if change.layer == STYLES {
                continue;
            }
            let wanted = undo.only.get(&change.layer);
            if wanted.is_none() && !undo.only.is_empty() {
                continue;
            }
            match change.id {
                Some(id) if change.operation != Operation::Replace => {
                    if wanted.is_none_or(|wanted| wanted.is_empty() || wanted.contains(&id)) {
                        count += usize::from(touched.entry(change.layer).or_default().insert(id));
                    }
                }
                _ => return Ok(Touched::Whole { layer: change.layer, seq: change.seq }),
            }
        }
        if count > MAX_BATCH {
            return Err(Refused::TooMany);
        }
    }
    Ok(Touched::Features(touched))
}

/// What takes one feature back.
struct Step {
    layer: String,
    id: FeatureId,
    done: Back,
    edit: Edit,
}

impl Table<'_> {
    /// Takes back what a run of changes did to these features: all of it, or nothing where somebody has changed one of them
    /// since.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn undo(
        &self,
        undo: &Undo,
        features: BTreeMap<String, BTreeSet<FeatureId>>,
        once: Option<Once>,
    ) -> Result<Undone, Refused> {
        let (mut plan, mut moved) = (Vec::new(), Vec::new());
        for (layer, ids) in features {
            self.plan(undo, &layer, ids.into_iter().collect(), &mut plan, &mut moved).await?;
        }
        if !moved.is_empty() {
            return Err(Refused::MovedOn(moved));
        }
        // What goes makes room for the keys of what comes back.
        plan.sort_by(|a, b| (&a.layer, a.done, a.id).cmp(&(&b.layer, b.done, b.id)));
        self.take_back(plan, once).await
    }

    /// Puts a layer back whole as it was before a run of changes, where nothing has changed it since.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn restore(&self, undo: &Undo, layer: &str) -> Result<Undone, Refused> {
        if self.dry_run {
            let last = self.archive.layer_seq(layer, Seq::MAX).await?;
            let moved = last > undo.to && self.was_changed(layer, undo.to, last).await?;
            return if moved { Err(Refused::MovedOn(Vec::new())) } else { Ok(Undone::default()) };
        }
        let (replaced, seq) = self.archive.restore(layer, undo.from - 1, undo.to).await?;
        Ok(Undone { features: Vec::new(), replaced: Some(replaced), seq: Some(seq) })
    }

    /// Whether anybody has changed a layer between two changes, bindings not counted.
    async fn was_changed(&self, layer: &str, mut after: Seq, last: Seq) -> Result<bool, Refused> {
        while after < last {
            let changes = self.archive.changes(after, PAGE).await?;
            if changes.iter().any(|change| change.layer == layer && change.causes.is_empty()) {
                return Ok(true);
            }
            after = changes.last().map_or(last, |change| change.seq);
        }
        Ok(false)
    }

    /// What takes the features of a layer back, and those that have moved on since.
    async fn plan(
        &self,
        undo: &Undo,
        layer: &str,
        ids: Vec<FeatureId>,
        plan: &mut Vec<Step>,
        moved: &mut Vec<(String, FeatureId)>,
    ) -> Result<(), Refused> {
        let moments = [(undo.from - 1, ids.clone()), (undo.to, ids.clone())];
        let states = self.archive.features_at_moments(layer, &moments).await?;
        let [Some(before), Some(after)] = <[_; 2]>::try_from(states).map_err(|_| Refused::Forgotten)? else {
            return Err(Refused::Forgotten);
        };
        let now = self.archive.features(layer, &ids).await?;
        let [before, after, now] = [before, after, now].map(by_id);
        let definition = self.desks.get(layer).map(|desk| &*desk.definition);
        for id in ids {
            if !is_as(definition, after.get(&id), now.get(&id)) {
                moved.push((layer.to_owned(), id));
            } else if let Some((done, edit)) = step(id, before.get(&id), now.get(&id)) {
                plan.push(Step { layer: layer.to_owned(), id, done, edit });
            }
        }
        Ok(())
    }

    async fn take_back(&self, plan: Vec<Step>, once: Option<Once>) -> Result<Undone, Refused> {
        if plan.is_empty() {
            return Ok(Undone::default());
        }
        let part = |steps: &[Step]| LayerEdits {
            layer: steps[0].layer.clone(),
            edits: steps.iter().map(|step| step.edit.clone()).collect(),
        };
        let parts = plan.chunk_by(|a, b| a.layer == b.layer).map(part).collect();
        let written = write(self.archive, parts, once, self.dry_run).await?;
        let features = plan.into_iter().enumerate().map(|(place, Step { layer: collection, id, done, .. })| {
            let new_id = written.as_ref().and_then(|written| written.ids.get(place)).copied();
            TakenBack { collection, id, done, new_id: new_id.filter(|_| done == Back::Restored) }
        });
        let mut features: Vec<TakenBack> = features.collect();
        features.sort_by(|a, b| (&a.collection, a.id).cmp(&(&b.collection, b.id)));
        Ok(Undone { features, replaced: None, seq: written.map(|written| written.seq) })
    }
}

/// Changes of a run at most.
pub const MAX_RUN: Seq = MAX_FEED_SCAN as Seq;

fn by_id(rows: Vec<StoredFeature>) -> BTreeMap<FeatureId, StoredFeature> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}

/// Whether a feature still is as it was, but for what bindings gave it since.
fn is_as(definition: Option<&LayerDefinition>, was: Option<&StoredFeature>, now: Option<&StoredFeature>) -> bool {
    let (Some(was), Some(now)) = (was, now) else { return was.is_none() && now.is_none() };
    let own = |feature: &Feature| {
        let own = definition.into_iter().flat_map(LayerDefinition::own_fields);
        own.map(|(position, _)| feature.properties.get(position).cloned()).collect::<Vec<_>>()
    };
    let has_bound = definition.is_some_and(|definition| definition.bound_fields().next().is_some());
    let same = || was.feature.geometry == now.feature.geometry && own(&was.feature) == own(&now.feature);
    was.version == now.version || (has_bound && same())
}

/// What takes a feature from its state of now to the one of before; `None` where they are the same.
fn step(id: FeatureId, before: Option<&StoredFeature>, now: Option<&StoredFeature>) -> Option<(Back, Edit)> {
    let feature = before.map(|before| before.feature.clone());
    match (feature, now) {
        (None, None) => None,
        (Some(feature), Some(now)) if feature == now.feature => None,
        (None, Some(now)) => Some((Back::Removed, Edit::Delete { id, expected: Some(now.version) })),
        (Some(feature), Some(now)) => Some((Back::Reverted, Edit::Update { id, expected: Some(now.version), feature })),
        (Some(feature), None) => Some((Back::Restored, Edit::Insert(feature))),
    }
}
