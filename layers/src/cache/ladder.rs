//! The ladder: which features a layer shows at the zooms where not all of them fit.
//!
//! At each zoom a feature is kept or not once and for the whole zoom: it belongs to the tile that holds the middle of its
//! box, each tile keeps its features in order of (rank, size, a hash of the id) until the budget is spent, and neighbours
//! that a kept feature reaches into draw it too. So the choice is deterministic, agrees across tile borders, and what is
//! kept at one zoom is kept at every deeper one (a child tile holds a part of its parent's features and spends the
//! same budget on them).
//!
//! Lines and surfaces shorter than a pixel go first. Where such surfaces lie so thick that together they fill
//! half a cell of two by two pixels, the largest of them stays for all of them and is drawn as one pixel, so
//! that a quarter of small parcels fades instead of vanishing.
//!
//! What a tile keeps depends on the features that belong to it and on nothing else ([`super::choice`]). A change is
//! therefore decided by looking at the tiles that it belongs to ([`super::homes`]), and comes out as if the whole layer had
//! been read anew.

use rayon::prelude::*;
use rstar::RTreeObject;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::base::{Base, Leaf, TREE_BYTES, TREE_SHIFT, Tree, TreeBox, search};
use super::choice::{Candidate, Home, Judge, choose};
use crate::definition::LayerDefinition;

/// Tile units (1/4096 of a tile) of a screen pixel, for tiles drawn at 512 pixels as MapLibre does.
pub const UNITS_PER_PIXEL: u32 = 8;
/// Bits from world units to tile units at zoom 0: a tile is 2¹² units wide.
pub(super) const EXTENT_BITS: u32 = 12;
/// Kept features get a tree of their own when they are fewer than one in this many.
const MANY: usize = 16;

/// What a tile keeps of the features that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TileCount {
    /// Features kept.
    pub kept: u32,
    /// Features that belong to the tile.
    pub total: u32,
}

/// The kept features of one zoom: a tree of their own where they are few, marks on the layer's where they are many.
#[derive(Debug, Serialize, Deserialize)]
enum Kept {
    All,
    Few(Tree),
    /// One bit a row.
    Many(Vec<u64>),
}

/// One zoom.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// The zoom.
    pub zoom: u8,
    kept: Kept,
    /// Tiles that do not keep all, or are more than half full.
    tight: FxHashMap<Home, TileCount>,
}

impl Step {
    /// What tile `x`/`y` of this zoom keeps of the features that belong to it; nothing is said of one that keeps all and
    /// has room for as much again.
    pub fn count(&self, x: u32, y: u32) -> TileCount {
        self.tight.get(&(x, y)).copied().unwrap_or_default()
    }

    /// Whether a tile does not keep all that belongs to it, or has no room for as much again.
    pub(super) fn is_tight(&self, home: Home) -> bool {
        self.tight.contains_key(&home)
    }

    /// Whether a feature of the base is kept.
    pub(super) fn keeps(&self, leaf: &Leaf) -> bool {
        match &self.kept {
            Kept::All => true,
            Kept::Few(tree) => {
                let mut is_there = false;
                search(tree, &leaf.envelope(), |other| is_there |= other.row == leaf.row);
                is_there
            }
            Kept::Many(marks) => marks[leaf.row as usize / 64] & (1 << (leaf.row % 64)) != 0,
        }
    }

    /// Calls `visit` for the kept features whose boxes touch a box of tree units.
    pub(super) fn search<'a>(&'a self, base: &'a Base, envelope: &TreeBox, mut visit: impl FnMut(&'a Leaf)) {
        match &self.kept {
            Kept::All => search(&base.tree, envelope, visit),
            Kept::Few(tree) => search(tree, envelope, visit),
            Kept::Many(_) => search(&base.tree, envelope, |leaf| {
                if self.keeps(leaf) {
                    visit(leaf);
                }
            }),
        }
    }

    fn bytes(&self) -> usize {
        let tight = self.tight.len() * size_of::<(Home, TileCount)>();
        tight
            + match &self.kept {
                Kept::All => 0,
                Kept::Few(tree) => tree.size() * TREE_BYTES,
                Kept::Many(marks) => marks.len() * 8,
            }
    }
}

impl Kept {
    /// Of the features that are kept, those that could be, and the rows of the base.
    fn of(leaves: Vec<Leaf>, candidates: usize, rows: usize) -> Self {
        if leaves.len() == candidates {
            return Self::All;
        }
        if leaves.len() * MANY < rows {
            return Self::Few(Tree::bulk_load(leaves));
        }
        let mut marks = vec![0_u64; rows.div_ceil(64)];
        for leaf in &leaves {
            marks[leaf.row as usize / 64] |= 1 << (leaf.row % 64);
        }
        Self::Many(marks)
    }
}

/// The steps of a layer, by zoom.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ladder {
    steps: Vec<Step>,
}

impl Ladder {
    /// Decides for every zoom of the definition's range, from the shallowest until all features are kept with room to
    /// spare.
    pub fn build(base: &Base, definition: &LayerDefinition) -> Self {
        let judge = Judge::of(definition);
        let leaves: Vec<Leaf> = base.tree.iter().copied().collect();
        let candidates: Vec<Candidate> = leaves.into_par_iter().map(|leaf| judge.candidate(base, leaf)).collect();
        let mut steps = Vec::new();
        for zoom in definition.zoom.min..=definition.zoom.max {
            let homes = homes(&candidates, zoom);
            if is_roomy(&candidates, &homes, zoom, judge.budget) {
                break;
            }
            steps.push(step(&candidates, homes, base.len(), zoom, judge.budget));
        }
        Self { steps }
    }

    /// Bytes held, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.steps.iter().map(Step::bytes).sum()
    }

    /// Whether it can be one of a base with that many rows: nothing in it leads astray.
    pub(super) fn fits(&self, rows: usize) -> bool {
        let zooms = || self.steps.windows(2).all(|pair| u16::from(pair[0].zoom) + 1 == u16::from(pair[1].zoom));
        let fits = |step: &Step| match &step.kept {
            Kept::All => true,
            Kept::Few(tree) => tree.iter().all(|leaf| (leaf.row as usize) < rows),
            Kept::Many(marks) => marks.len() == rows.div_ceil(64),
        };
        zooms() && self.steps.iter().all(fits)
    }

    /// The step of a zoom; `None` where every feature is kept and every tile has room for as much again.
    pub fn step(&self, zoom: u8) -> Option<&Step> {
        let first = self.steps.first()?.zoom;
        self.steps.get(usize::from(zoom.checked_sub(first)?))
    }
}

/// Whether a line or surface of that extent (tree units) is at least one pixel long at a zoom.
pub fn visible(extent: u32, zoom: u8) -> bool {
    let units = (u64::from(extent) << TREE_SHIFT << zoom) >> (32 - EXTENT_BITS);
    units >= UNITS_PER_PIXEL.into()
}

/// The features that belong to each tile of a zoom.
fn homes(candidates: &[Candidate], zoom: u8) -> Vec<(Home, Vec<u32>)> {
    let mut homes: FxHashMap<Home, Vec<u32>> = FxHashMap::default();
    for (index, candidate) in candidates.iter().enumerate() {
        homes.entry(candidate.home(zoom)).or_default().push(index as u32);
    }
    homes.into_iter().collect()
}

/// Whether there is nothing to decide at a zoom, nor at any deeper one.
fn is_roomy(candidates: &[Candidate], homes: &[(Home, Vec<u32>)], zoom: u8, budget: u64) -> bool {
    let most = |members: &[u32]| members.iter().map(|index| candidates[*index as usize].most_bytes()).sum::<u64>();
    candidates.par_iter().all(|candidate| candidate.is_seen(zoom))
        && homes.par_iter().all(|(_, members)| most(members) <= budget / 2)
}

/// Decides one zoom.
fn step(candidates: &[Candidate], homes: Vec<(Home, Vec<u32>)>, rows: usize, zoom: u8, budget: u64) -> Step {
    let decided: Vec<_> = homes
        .into_par_iter()
        .map(|(home, members)| {
            let total = members.len() as u32;
            let (kept, bytes) = choose(|index| &candidates[index as usize], members, zoom, budget);
            let count = TileCount { kept: kept.len() as u32, total };
            let tight = bytes > budget / 2 || count.kept < total;
            (kept, tight.then_some((home, count)))
        })
        .collect();
    let leaves = decided.iter().flat_map(|(kept, _)| kept).map(|index| candidates[*index as usize].leaf).collect();
    let tight = decided.into_iter().filter_map(|(_, tight)| tight).collect();
    Step { zoom, kept: Kept::of(leaves, candidates.len(), rows), tight }
}
