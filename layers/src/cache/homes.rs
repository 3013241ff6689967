//! Changes and the ladder: what the tiles keep that changed features belong to.
//!
//! The ladder of a base is decided when the base is read. What changes later is decided again for the tiles that the
//! changed features belong to, at each zoom, from all their features as they are now; the other tiles cannot be
//! concerned. Most have room to spare, and nothing has to be decided for them; nor has anything where features weigh what
//! they weighed before ([`super::standing`]).

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::base::{Leaf, TreeBox};
use super::choice::{Candidate, Home, Judge, choose, home};
use super::snapshot::{RowRef, Snapshot};
use super::standing::Standings;
use crate::feature::FeatureId;

/// Bytes that changes have added to tiles with room to spare, by zoom and tile.
pub(super) type Grown = FxHashMap<(u8, Home), u64>;

/// A feature that is kept or not at a zoom, otherwise than before, though it is the same.
pub(super) type Flip = (u8, FeatureId);

/// A kept feature.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct KeptRow {
    pub leaf: Leaf,
    pub id: FeatureId,
    /// A row of the base; else it is found by its id.
    pub of_base: bool,
}

/// What a tile keeps of the features that belong to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Keep {
    pub kept: Vec<KeptRow>,
    pub total: u32,
    bounds: TreeBox,
}

impl Keep {
    fn new(kept: Vec<KeptRow>, total: u32) -> Self {
        use rstar::{Envelope, RTreeObject};
        let mut bounds = TreeBox::new_empty();
        for row in &kept {
            bounds.merge(&row.leaf.envelope());
        }
        Self { kept, total, bounds }
    }

    /// Calls `visit` for the kept features whose boxes touch a box.
    pub fn search(&self, envelope: &TreeBox, mut visit: impl FnMut(&KeptRow)) {
        use rstar::{Envelope, RTreeObject};
        if self.bounds.intersects(envelope) {
            self.kept.iter().filter(|row| row.leaf.envelope().intersects(envelope)).for_each(&mut visit);
        }
    }
}

/// The tiles of one zoom that were decided since the base was read.
pub(super) type Homes = FxHashMap<Home, Arc<Keep>>;

/// The same of all zooms, and what the features are that changed elsewhere and weigh what they weighed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Decided {
    zooms: FxHashMap<u8, Arc<Homes>>,
    pub standings: Standings,
}

impl Decided {
    /// Those of a zoom, if there are any.
    pub fn at(&self, zoom: u8) -> Option<&Homes> {
        self.zooms.get(&zoom).map(|homes| &**homes)
    }

    /// Whether they can be decisions over a base with that many rows.
    pub fn fits(&self, rows: usize) -> bool {
        let mut kept = self.zooms.values().flat_map(|homes| homes.values()).flat_map(|keep| &keep.kept);
        kept.all(|row| !row.of_base || (row.leaf.row as usize) < rows)
    }
}

/// Decides what follows from changes of features: `after` has the features as they are now, and the decisions of
/// `before`, which are brought up to date. Returns what else is kept or no longer kept.
pub(super) fn decide(before: &Snapshot, after: &mut Snapshot, ids: &[FeatureId], grown: &mut Grown) -> Vec<Flip> {
    let judge = Judge::of(&after.definition);
    let state = |snapshot: &Snapshot, id: FeatureId| {
        let row = snapshot.feature(id)?;
        Some(judge.candidate(row.base, row.leaf()?))
    };
    let changes: Vec<[Option<Candidate>; 2]> = ids.iter().map(|id| [state(before, *id), state(after, *id)]).collect();
    for zoom in after.definition.zoom.min..=after.definition.zoom.max {
        for (id, change) in ids.iter().zip(&changes) {
            let standing = standing(before, change, zoom);
            after.decided.standings.note(*id, zoom, standing);
        }
    }
    let changed: FxHashSet<FeatureId> = ids.iter().copied().collect();
    let mut flips = Vec::new();
    for zoom in after.definition.zoom.min..=after.definition.zoom.max {
        for (place, task) in tasks(after, &changes, zoom, judge.budget, grown) {
            let keep = match task {
                Task::Swap(states) => swapped(after, zoom, place, &states),
                Task::Choose => None,
            };
            let keep = keep.unwrap_or_else(|| {
                let keep = decision(after, zoom, place, &judge);
                flips.extend(flipped(before, &keep, zoom, place, &changed).map(|id| (zoom, id)));
                keep
            });
            let homes = after.decided.zooms.entry(zoom).or_default();
            Arc::make_mut(homes).insert(place, Arc::new(keep));
        }
    }
    flips
}

/// How a changed feature stands at a zoom, when no choice is made anew for it.
fn standing(before: &Snapshot, [old, new]: &[Option<Candidate>; 2], zoom: u8) -> Option<bool> {
    let (Some(old), Some(new)) = (old, new) else { return None };
    if !new.weighs_as(old) {
        return None;
    }
    if before.is_masked(0, old.id) {
        return before.decided.standings.is_kept(old.id, zoom);
    }
    let is_kept = before.step(zoom)?.keeps(&old.leaf);
    (is_kept != old.is_seen(zoom)).then_some(is_kept)
}

/// What is to be done for a tile.
enum Task {
    /// Features weigh what they weighed before: only what stands for them changes.
    Swap(Vec<Candidate>),
    /// The choice has to be made anew.
    Choose,
}

/// The tiles of a zoom for which something has to be decided.
fn tasks(
    after: &Snapshot,
    changes: &[[Option<Candidate>; 2]],
    zoom: u8,
    budget: u64,
    grown: &mut Grown,
) -> FxHashMap<Home, Task> {
    let (step, homes) = (after.step(zoom), after.decided.at(zoom));
    let mut tasks: FxHashMap<Home, Task> = FxHashMap::default();
    for [old, new] in changes {
        for (state, is_new) in [(old, false), (new, true)] {
            let Some(state) = state else { continue };
            let place = state.home(zoom);
            let is_decided = homes.is_some_and(|homes| homes.contains_key(&place));
            if let [Some(old), Some(new)] = [old, new]
                && new.weighs_as(old)
            {
                if is_decided && let Task::Swap(states) = tasks.entry(place).or_insert_with(|| Task::Swap(Vec::new())) {
                    states.push(*new);
                }
                break;
            }
            let mut matters = is_decided || step.is_some_and(|step| step.is_tight(place)) || !state.is_seen(zoom);
            if !matters && is_new {
                let grown = grown.entry((zoom, place)).or_default();
                *grown += state.bytes(zoom);
                matters = *grown > budget / 2;
            }
            if matters {
                tasks.insert(place, Task::Choose);
            }
        }
    }
    tasks
}

/// The decision of a tile with some features in a new state of the same weight.
fn swapped(after: &Snapshot, zoom: u8, place: Home, states: &[Candidate]) -> Option<Keep> {
    let mut keep = Keep::clone(after.decided.at(zoom)?.get(&place)?);
    let states: FxHashMap<FeatureId, Leaf> = states.iter().map(|state| (state.id, state.leaf)).collect();
    for row in &mut keep.kept {
        if let Some(leaf) = states.get(&row.id) {
            (row.leaf, row.of_base) = (*leaf, false);
        }
    }
    Some(keep)
}

/// Decides a tile from all features that belong to it.
fn decision(after: &Snapshot, zoom: u8, place: Home, judge: &Judge) -> Keep {
    let (min, max) = square(zoom, place);
    let mut candidates = Vec::new();
    let mut of_base = Vec::new();
    after.search(min, max, |row, leaf| {
        if home(leaf, zoom) == place {
            candidates.push(judge.candidate(row.base, *leaf));
            of_base.push(std::ptr::eq(row.base, &raw const *after.base));
        }
    });
    let members = (0..candidates.len() as u32).collect();
    let (kept, _) = choose(|index| &candidates[index as usize], members, zoom, judge.budget);
    let row = |index: u32| {
        let (Candidate { leaf, id, .. }, of_base) = (candidates[index as usize], of_base[index as usize]);
        KeptRow { leaf, id, of_base }
    };
    Keep::new(kept.into_iter().map(row).collect(), candidates.len() as u32)
}

/// Features that are kept and were not, or were and are not, though they did not change.
fn flipped(
    before: &Snapshot,
    keep: &Keep,
    zoom: u8,
    place: Home,
    changed: &FxHashSet<FeatureId>,
) -> impl Iterator<Item = FeatureId> + use<> {
    let (min, max) = square(zoom, place);
    let mut was: FxHashSet<FeatureId> = FxHashSet::default();
    before.search_drawn(zoom, min, max, |row: RowRef, leaf| {
        if home(leaf, zoom) == place {
            was.insert(row.id());
        }
    });
    let is: FxHashSet<FeatureId> = keep.kept.iter().map(|row| row.id).collect();
    let flipped: Vec<FeatureId> = was.symmetric_difference(&is).filter(|id| !changed.contains(id)).copied().collect();
    flipped.into_iter()
}

/// A tile in world units, without its buffer.
fn square(zoom: u8, (x, y): Home) -> ([u32; 2], [u32; 2]) {
    let size = 1_u64 << (32 - u32::from(zoom));
    let min = [x, y].map(|number| (u64::from(number) * size) as u32);
    (min, min.map(|low| low + (size - 1) as u32))
}
