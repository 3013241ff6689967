//! The feed: changes of the log, each with the feature before and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bricola_layers::cache::{BaseBuilder, Footprint, RowRef, Snapshot, WorldBox};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{FeatureId, StoredFeature};
use bricola_layers::log::{Change, Operation, Seq};
use bricola_layers::store::{Moment, StoreError};

use crate::archive::Archive;

/// Changes whose images are read at a time.
pub const SLICE: usize = 500;

/// A change, and where its feature stands in the states before and after.
pub struct Told {
    /// The change.
    pub change: Change,
    states: Option<Arc<States>>,
}

/// The features of one layer before and after some changes, none of which is of the same feature as another.
struct States {
    before: Option<Snapshot>,
    after: Option<Snapshot>,
}

impl Told {
    /// The feature before the change: `Ok(None)` when there was none.
    ///
    /// # Errors
    /// When history no longer knows; or the change is one of the layer as a whole.
    pub fn before(&self) -> Result<Option<RowRef<'_>>, Unknown> {
        self.image(|states| states.before.as_ref())
    }

    /// The feature after the change.
    ///
    /// # Errors
    /// As [`Self::before`].
    pub fn after(&self) -> Result<Option<RowRef<'_>>, Unknown> {
        self.image(|states| states.after.as_ref())
    }

    fn image(&self, pick: impl Fn(&States) -> Option<&Snapshot>) -> Result<Option<RowRef<'_>>, Unknown> {
        let (Some(id), Some(states)) = (self.change.id, self.states.as_deref()) else { return Err(Unknown) };
        Ok(pick(states).ok_or(Unknown)?.feature(id))
    }

    /// The snapshots in which the images stand, for a writer.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        let states = self.states.as_deref()?;
        states.after.as_ref().or(states.before.as_ref())
    }

    /// Where the feature was and is, in world units.
    pub fn boxes(&self) -> impl Iterator<Item = WorldBox> {
        let images = [self.before(), self.after()].into_iter().flatten().flatten();
        images.filter_map(|row| Footprint::of(row).bounds())
    }
}

/// What a change means to somebody who wants some features only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Everything is wanted, or it is not known, or the layer as a whole is another.
    Unsaid,
    /// The feature came into what is wanted.
    Entered,
    /// The feature was in it and still is.
    Stayed,
    /// The feature was in it and is no longer.
    Left,
}

impl Meaning {
    /// Its word in the feed.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Unsaid => None,
            Self::Entered => Some("entered"),
            Self::Stayed => Some("stayed"),
            Self::Left => Some("left"),
        }
    }

    /// Of a change; `None` when it does not concern what is wanted. A change of which one image is not known any more may
    /// concern it.
    pub fn of(told: &Told, is_wanted: impl Fn(RowRef<'_>) -> bool) -> Option<Self> {
        let is_whole = told.change.id.is_none() || told.change.operation == Operation::Replace;
        let (false, Ok(before), Ok(after)) = (is_whole, told.before(), told.after()) else { return Some(Self::Unsaid) };
        match (before.is_some_and(&is_wanted), after.is_some_and(&is_wanted)) {
            (true, true) => Some(Self::Stayed),
            (true, false) => Some(Self::Left),
            (false, true) => Some(Self::Entered),
            (false, false) => None,
        }
    }
}

/// What was is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// Reads the images of changes. `definitions` are those of the layers that may be told of; changes of others are left
/// out.
///
/// # Errors
/// When the store cannot be asked.
pub async fn with_images(
    archive: &dyn Archive,
    definitions: &BTreeMap<String, Arc<LayerDefinition>>,
    changes: Vec<Change>,
) -> Result<Vec<Told>, StoreError> {
    let mut told: Vec<Told> = changes
        .into_iter()
        .filter(|change| definitions.contains_key(&change.layer))
        .map(|change| Told { change, states: None })
        .collect();
    for (layer, definition) in definitions {
        let chunks = chunks(layer, &told);
        if chunks.is_empty() {
            continue;
        }
        // By one question, since where the same feature changes over and over there are many chunks.
        let moments: Vec<Moment> = chunks.iter().flat_map(|chunk| moments(&told, chunk)).collect();
        let mut found = match archive.features_at_moments(layer, &moments).await {
            Ok(found) => found.into_iter(),
            Err(StoreError::UnknownLayer(_)) => continue,
            Err(error) => return Err(error),
        };
        for (chunk, moments) in chunks.into_iter().zip(moments.chunks(2)) {
            let mut next = |moment: &Moment| state(definition, found.next().flatten(), moment.0);
            let states = Arc::new(States { before: next(&moments[0])?, after: next(&moments[1])? });
            for place in chunk {
                told[place].states = Some(Arc::clone(&states));
            }
        }
    }
    Ok(told)
}

/// The places of a layer's changes among others, parted so that no feature comes twice in a part, nor the layer as a
/// whole becomes another in the middle of one.
fn chunks(layer: &str, told: &[Told]) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut fresh = true;
    for (place, Told { change, .. }) in told.iter().enumerate().filter(|(_, told)| told.change.layer == layer) {
        let Some(id) = change.id.filter(|_| change.operation != Operation::Replace) else {
            fresh = true;
            continue;
        };
        if std::mem::take(&mut fresh) || !ids.insert(id) {
            ids = BTreeSet::from([id]);
            chunks.push(Vec::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(place);
        }
    }
    chunks
}

/// Before and after the changes of a chunk: when, and whose states are to be known.
fn moments(told: &[Told], chunk: &[usize]) -> [Moment; 2] {
    let seq = |place: Option<&usize>| place.map_or(0, |place| told[*place].change.seq);
    let ids = |without: Operation| -> Vec<FeatureId> {
        let of = chunk.iter().map(|place| &told[*place].change).filter(|change| change.operation != without);
        let mut ids: Vec<FeatureId> = of.filter_map(|change| change.id).collect();
        ids.sort_unstable();
        ids
    };
    [(seq(chunk.first()) - 1, ids(Operation::Insert)), (seq(chunk.last()), ids(Operation::Delete))]
}

/// Some features as of a change; `None` when that is not known any more.
fn state(
    definition: &Arc<LayerDefinition>,
    rows: Option<Vec<StoredFeature>>,
    at: Seq,
) -> Result<Option<Snapshot>, StoreError> {
    let Some(rows) = rows else { return Ok(None) };
    let failure = |error: bricola_layers::cache::BuildError| StoreError::Failure(error.to_string());
    let mut builder = BaseBuilder::new(definition).map_err(failure)?;
    for row in &rows {
        builder.push(row);
    }
    let (base, _) = builder.finish().map_err(failure)?;
    Ok(Some(Snapshot::of(base, Arc::clone(definition), at)))
}
