//! Edits of several layers: all of them or none.

use std::collections::{BTreeMap, HashMap};

use bricola_layers::crs::Crs;
use bricola_layers::edit::Fault;
use bricola_layers::feature::FeatureId;
use bricola_layers::limits::MAX_FAULTS;
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, LayerEdits, Once};
use serde_json::Value as Json;

use super::{Desk, Image, Refused, Table, Wish, apart, write};

/// One edit of a transaction.
#[derive(Debug, Clone)]
pub struct Step {
    /// Layer id; the table has a desk for it.
    pub layer: String,
    /// What is to be done.
    pub task: Task,
}

/// What an edit of a transaction does.
#[derive(Debug, Clone)]
pub enum Task {
    /// A new feature, as GeoJSON.
    Insert(Json),
    /// Something with a feature that is there.
    Change {
        /// Which.
        id: FeatureId,
        /// The version that the editor saw; `None` takes any.
        version: Option<i64>,
        /// What.
        wish: Wish,
    },
}

/// An edit of a feature that is not as its editor saw it.
#[derive(Debug)]
pub struct Conflict {
    /// The position of the edit.
    pub place: usize,
    /// Layer id.
    pub layer: String,
    /// Of the feature.
    pub id: FeatureId,
    /// Version, feature and where it differs from what was sent; `None` where it is gone, or never was.
    pub current: Option<(i64, Json, Vec<Json>)>,
}

/// One feature of a transaction, afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Layer id.
    pub layer: String,
    /// `None` for a new feature of a dry run.
    pub id: Option<FeatureId>,
    /// `None` where it is gone.
    pub version: Option<i64>,
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transacted {
    /// In the order of the edits.
    pub entries: Vec<Entry>,
    /// The change after which it is so; `None` for a dry run.
    pub seq: Option<Seq>,
}

/// Features as the store has them now, by layer and id.
type Current<'a> = HashMap<(&'a str, FeatureId), Image>;

impl Table<'_> {
    /// Makes edits of the layers of this table, whose coordinates are of `crs`, in one transaction.
    ///
    /// # Errors
    /// See [`Refused`]; whatever it is, nothing was changed.
    pub async fn transact(&self, steps: Vec<Step>, crs: &Crs, once: Option<Once>) -> Result<Transacted, Refused> {
        repeated(&steps)?;
        let current = self.current(&steps).await?;
        let conflicts = self.conflicts(&steps, &current, crs);
        if !conflicts.is_empty() {
            return Err(Refused::Conflicts(conflicts));
        }
        let (edits, versions) = self.edits(&steps, &current, crs).await?;
        let order = by_layer(&steps);
        let parts = order.iter().map(|(layer, places)| LayerEdits {
            layer: (*layer).to_owned(),
            edits: places.iter().map(|place| edits[*place].clone()).collect(),
        });
        let written = match write(self.archive, parts.collect(), once, self.dry_run).await.map_err(Refused::from) {
            Ok(written) => written,
            // Somebody was quicker between the look and the write.
            Err(refused @ (Refused::Stale | Refused::Unknown)) => {
                let conflicts = self.conflicts(&steps, &self.current(&steps).await?, crs);
                return Err(if conflicts.is_empty() { refused } else { Refused::Conflicts(conflicts) });
            }
            Err(refused) => return Err(refused),
        };
        let places: Vec<usize> = order.into_values().flatten().collect();
        let (ids, seq) = written.map(|written| (written.ids, written.seq)).unzip();
        let ids: HashMap<usize, FeatureId> = places.into_iter().zip(ids.unwrap_or_default()).collect();
        let entries = steps.into_iter().zip(versions).enumerate().map(|(place, (step, version))| {
            let known = match step.task {
                Task::Insert(_) => None,
                Task::Change { id, .. } => Some(id),
            };
            Entry { layer: step.layer, id: known.or_else(|| ids.get(&place).copied()), version }
        });
        Ok(Transacted { entries: entries.collect(), seq })
    }

    fn desk(&self, layer: &str) -> Result<&Desk<'_>, Refused> {
        self.desks.get(layer).ok_or(Refused::Unknown)
    }

    /// The features that are to be changed, as far as they are there.
    async fn current<'s>(&self, steps: &'s [Step]) -> Result<Current<'s>, Refused> {
        let mut current = Current::new();
        for (layer, places) in by_layer(steps) {
            let ids = places.iter().filter_map(|place| match steps[*place].task {
                Task::Insert(_) => None,
                Task::Change { id, .. } => Some(id),
            });
            let ids: Vec<FeatureId> = ids.collect();
            if ids.is_empty() {
                continue;
            }
            let definition = &self.desk(layer)?.definition;
            for stored in self.archive.features(layer, &ids).await? {
                current.insert((layer, stored.id), Image::of(stored, definition)?);
            }
        }
        Ok(current)
    }

    fn conflicts(&self, steps: &[Step], current: &Current<'_>, crs: &Crs) -> Vec<Conflict> {
        let conflict = |(place, step): (usize, &Step)| {
            let Task::Change { id, version, wish } = &step.task else { return None };
            let Step { layer, .. } = step;
            let now = current.get(&(layer.as_str(), *id));
            let as_seen = now.is_some_and(|now| version.is_none_or(|version| version == now.stored.version));
            if as_seen {
                return None;
            }
            let told = now.zip(self.desks.get(layer)).map(|(now, desk)| {
                let json = now.told(desk.scope, crs);
                let differences = wish.differences(&json);
                (now.stored.version, json, differences)
            });
            Some(Conflict { place, layer: layer.clone(), id: *id, current: told })
        };
        steps.iter().enumerate().filter_map(conflict).take(MAX_FAULTS).collect()
    }

    /// What the store is to do, and the version that each feature has afterwards; or all that is wrong.
    async fn edits(
        &self,
        steps: &[Step],
        current: &Current<'_>,
        crs: &Crs,
    ) -> Result<(Vec<Edit>, Vec<Option<i64>>), Refused> {
        let (mut edits, mut versions, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (place, step) in steps.iter().enumerate() {
            match self.edit(step, current, crs).await {
                Ok((edit, version)) => {
                    edits.push(edit);
                    versions.push(version);
                }
                Err(Refused::Faults(more)) => {
                    let member = if matches!(&step.task, Task::Change { wish: Wish::Patch(_), .. }) {
                        "patch"
                    } else {
                        "feature"
                    };
                    faults.extend(more.into_iter().map(|fault| fault.of_edit(place, member)));
                }
                Err(refused) => return Err(refused),
            }
            if faults.len() >= MAX_FAULTS {
                break;
            }
        }
        faults.truncate(MAX_FAULTS);
        if faults.is_empty() { Ok((edits, versions)) } else { Err(Refused::Faults(faults)) }
    }

    async fn edit(&self, step: &Step, current: &Current<'_>, crs: &Crs) -> Result<(Edit, Option<i64>), Refused> {
        let desk = self.desk(&step.layer)?;
        match &step.task {
            Task::Insert(body) => {
                let (editor, body, crs) = (desk.editor.clone(), body.clone(), crs.clone());
                let feature = apart(move || editor.read(&body, &crs, None)).await?;
                Ok((Edit::Insert(feature), Some(1)))
            }
            Task::Change { id, wish, .. } => {
                let now = current.get(&(step.layer.as_str(), *id)).ok_or(Refused::Unknown)?;
                let (id, version, expected) = (*id, now.stored.version, Some(now.stored.version));
                Ok(match desk.wished(now, wish.clone(), crs).await? {
                    None => (Edit::Delete { id, expected }, None),
                    Some(feature) => {
                        let changed = feature != now.stored.feature;
                        (Edit::Update { id, expected, feature }, Some(version + i64::from(changed)))
                    }
                })
            }
        }
    }
}

/// The positions of the edits of each layer.
fn by_layer(steps: &[Step]) -> BTreeMap<&str, Vec<usize>> {
    let mut layers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, step) in steps.iter().enumerate() {
        layers.entry(&step.layer).or_default().push(place);
    }
    layers
}

/// Refuses a transaction that changes a feature twice: the second editor cannot have seen what the first makes of it.
fn repeated(steps: &[Step]) -> Result<(), Refused> {
    let mut seen: HashMap<(&str, FeatureId), usize> = HashMap::new();
    let mut faults = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let Task::Change { id, .. } = step.task else { continue };
        if let Some(first) = seen.get(&(step.layer.as_str(), id)) {
            faults.push(Fault::repeated(place, *first, id));
        }
        seen.entry((&step.layer, id)).or_insert(place);
    }
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(()) } else { Err(Refused::Faults(faults)) }
}
