//! The ladder: which features a layer shows at the zooms where not all of them fit.
//!
//! For each zoom below the one from which every tile is within budget, a feature is kept or not once and for
//! the whole zoom: it belongs to the tile that holds the middle of its box, each tile keeps its features in
//! order of (rank, size, a hash of the id) until the budget is spent, and neighbours that a kept feature
//! reaches into draw it too. So the choice is deterministic, agrees across tile borders, and what is kept at
//! one zoom is kept at every deeper one (a child tile holds a part of its parent's features and spends the
//! same budget on them).
//!
//! Lines and surfaces shorter than a pixel go first. Where such surfaces lie so thick that together they fill
//! half a cell of two by two pixels, the largest of them stays for all of them and is drawn as one pixel, so
//! that a quarter of small parcels fades instead of vanishing.

use rayon::prelude::*;
use rstar::RTree;
use rustc_hash::FxHashMap;

use super::base::{Base, Leaf, TREE_BYTES, TREE_SHIFT, TreeBox, search};
use super::column::{Column, ValueRef};
use super::packed::GeometryKind;
use crate::definition::LayerDefinition;

/// Tile units (1/4096 of a tile) of a screen pixel, for tiles drawn at 512 pixels as MapLibre does.
pub const UNITS_PER_PIXEL: u32 = 8;
/// Bits from world units to tile units at zoom 0: a tile is 2¹² units wide.
pub(super) const EXTENT_BITS: u32 = 12;
/// A zoom gets a step when more than one in this many features is shorter than a pixel, even if all would fit.
const FEW: usize = 10;
/// Tile units across a cell in which surfaces shorter than a pixel are gathered.
const CELL: u64 = 2 * UNITS_PER_PIXEL as u64;
/// Kept features get a tree of their own when they are fewer than one in this many.
const MANY: usize = 16;
/// Share of the budget that a tile spends on its own features, leaving room for its neighbours'.
const OWN_SHARE: f64 = 0.75;

/// What a tile keeps of the features that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TileCount {
    /// Features kept.
    pub kept: u32,
    /// Features that belong to the tile.
    pub total: u32,
}

/// The kept features of one zoom: a tree of their own where they are few, marks on the layer's where they are many.
#[derive(Debug)]
enum Kept {
    Few(RTree<Leaf>),
    /// One bit a row.
    Many(Vec<u64>),
}

/// One zoom at which not every feature is shown.
#[derive(Debug)]
pub struct Step {
    /// The zoom.
    pub zoom: u8,
    kept: Kept,
    counts: FxHashMap<(u32, u32), TileCount>,
}

impl Step {
    /// What tile `x`/`y` of this zoom keeps of the features that belong to it.
    pub fn count(&self, x: u32, y: u32) -> TileCount {
        self.counts.get(&(x, y)).copied().unwrap_or_default()
    }

    /// Calls `visit` for the kept features whose boxes touch a box of tree units.
    pub(super) fn search<'a>(&'a self, base: &'a Base, envelope: &TreeBox, mut visit: impl FnMut(&'a Leaf)) {
        match &self.kept {
            Kept::Few(tree) => search(tree, envelope, visit),
            Kept::Many(marks) => search(&base.tree, envelope, |leaf| {
                if marks[leaf.row as usize / 64] & (1 << (leaf.row % 64)) != 0 {
                    visit(leaf);
                }
            }),
        }
    }

    fn bytes(&self) -> usize {
        let counts = self.counts.len() * size_of::<((u32, u32), TileCount)>();
        counts
            + match &self.kept {
                Kept::Few(tree) => tree.size() * TREE_BYTES,
                Kept::Many(marks) => marks.len() * 8,
            }
    }
}

impl Kept {
    fn of(leaves: Vec<Leaf>, rows: usize) -> Self {
        if leaves.len() * MANY < rows {
            return Self::Few(RTree::bulk_load(leaves));
        }
        let mut marks = vec![0_u64; rows.div_ceil(64)];
        for leaf in &leaves {
            marks[leaf.row as usize / 64] |= 1 << (leaf.row % 64);
        }
        Self::Many(marks)
    }
}

/// The steps of a layer, by zoom.
#[derive(Debug, Default)]
pub struct Ladder {
    steps: Vec<Step>,
}

/// A feature that competes for a place at some zoom.
#[derive(Clone, Copy)]
struct Candidate {
    leaf: Leaf,
    rank: i64,
    hash: u32,
    rings: u32,
    vertices: u32,
    attribute_bytes: u32,
    kind: GeometryKind,
}

impl Ladder {
    /// Decides for every zoom of the definition's range, from the shallowest until all features fit.
    pub fn build(base: &Base, definition: &LayerDefinition) -> Self {
        let candidates = candidates(base, definition);
        let budget = (definition.tile_budget() as f64 * OWN_SHARE) as u64;
        let mut steps = Vec::new();
        for zoom in definition.zoom.min..=definition.zoom.max {
            match step(&candidates, base.len(), zoom, budget) {
                Some(step) => steps.push(step),
                None => break,
            }
        }
        Self { steps }
    }

    /// Whether everything that is large enough to be seen is drawn at every zoom.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes held, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.steps.iter().map(Step::bytes).sum()
    }

    /// The step of a zoom; `None` where every feature larger than a pixel is kept.
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

fn candidates(base: &Base, definition: &LayerDefinition) -> Vec<Candidate> {
    let rank = definition.rank.as_deref().and_then(|name| definition.field(name)).map(|(field, _)| field);
    let fields: Vec<&Column> = definition.tile_fields().map(|(field, _)| &base.columns[field]).collect();
    let leaves: Vec<Leaf> = base.tree.iter().copied().collect();
    leaves
        .into_par_iter()
        .map(|leaf| Candidate {
            leaf,
            rank: match rank.map(|field| base.value(leaf.row, field)) {
                Some(ValueRef::Integer(rank)) => rank,
                _ => 0,
            },
            hash: scatter(base.id(leaf.row)),
            rings: base.geometry.ring_count(leaf.row) as u32,
            vertices: base.geometry.vertex_count(leaf.row) as u32,
            attribute_bytes: fields.iter().map(|column| attribute_bytes(column, leaf.row)).sum(),
            kind: base.geometry.kind(leaf.row),
        })
        .collect()
}

/// Bytes that an attribute costs in a tile: two for the tag, and its text where texts do not repeat.
fn attribute_bytes(column: &Column, row: u32) -> u32 {
    match (column, column.get(row)) {
        (_, ValueRef::Null) => 0,
        (Column::Plain(_), ValueRef::Text(text)) => 7 + text.len() as u32,
        (Column::Real(_) | Column::DateTime(_), _) => 13,
        _ => 4,
    }
}

/// Spreads ids evenly, so that equal features are thinned evenly over the map.
fn scatter(id: i64) -> u32 {
    ((id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The features of one tile while a zoom is decided.
#[derive(Default)]
struct Home {
    bytes: u64,
    members: Vec<u32>,
    total: u32,
}

/// Decides one zoom, or `None` when nothing worth a step has to go.
fn step(candidates: &[Candidate], rows: usize, zoom: u8, budget: u64) -> Option<Step> {
    let (shown, small) = partition(candidates, zoom);
    let few = small.len() * FEW <= candidates.len();
    let mut homes: FxHashMap<(u32, u32), Home> = FxHashMap::default();
    for index in shown.into_iter().chain(stand_ins(candidates, &small, zoom)) {
        let candidate = &candidates[index as usize];
        let home = homes.entry(home(&candidate.leaf, zoom)).or_default();
        home.bytes += bytes(candidate, zoom);
        home.members.push(index);
    }
    if few && homes.values().all(|home| home.bytes <= budget) {
        return None;
    }
    for candidate in candidates {
        homes.entry(home(&candidate.leaf, zoom)).or_default().total += 1;
    }
    let mut counts = FxHashMap::default();
    let mut kept = Vec::new();
    for (place, mut home) in homes {
        home.members.sort_unstable_by_key(|index| order(&candidates[*index as usize]));
        let mut spent = 0;
        let own = home.members.iter().take_while(|index| {
            spent += bytes(&candidates[**index as usize], zoom);
            spent <= budget
        });
        let before = kept.len();
        kept.extend(own.map(|index| candidates[*index as usize].leaf));
        counts.insert(place, TileCount { kept: (kept.len() - before) as u32, total: home.total });
    }
    Some(Step { zoom, kept: Kept::of(kept, rows), counts })
}

/// Which of two features stays longer: rank, then size, then an even scatter.
fn order(candidate: &Candidate) -> impl Ord + use<> {
    (std::cmp::Reverse((candidate.rank, candidate.leaf.extent())), candidate.hash, candidate.leaf.row)
}

/// Features that are a pixel long at a zoom (points always are), and those that are not.
fn partition(candidates: &[Candidate], zoom: u8) -> (Vec<u32>, Vec<u32>) {
    (0..candidates.len() as u32).partition(|index| {
        let candidate = &candidates[*index as usize];
        candidate.kind == GeometryKind::Point || visible(candidate.leaf.extent(), zoom)
    })
}

/// Of the surfaces shorter than a pixel, one for each cell that they fill by half.
fn stand_ins(candidates: &[Candidate], small: &[u32], zoom: u8) -> Vec<u32> {
    let mut cells: FxHashMap<[u64; 2], (u64, u32)> = FxHashMap::default();
    for index in small.iter().copied() {
        let candidate = &candidates[index as usize];
        if candidate.kind != GeometryKind::Polygon {
            continue;
        }
        let cell =
            candidate.leaf.middle().map(|middle| (world(middle) << zoom) >> (32 - EXTENT_BITS)).map(|unit| unit / CELL);
        let (area, first) = cells.entry(cell).or_insert((0, index));
        *area += candidate.leaf.area();
        if order(candidate) < order(&candidates[*first as usize]) {
            *first = index;
        }
    }
    // A cell in square tree units.
    let side = (CELL << (32 - EXTENT_BITS) >> TREE_SHIFT) >> zoom;
    let mut stand_ins: Vec<u32> =
        cells.into_values().filter(|(area, _)| 2 * area >= side * side).map(|(_, first)| first).collect();
    stand_ins.sort_unstable();
    stand_ins
}

/// A tree unit back in world units.
fn world(unit: i32) -> u64 {
    u64::from((unit + (1 << (31 - TREE_SHIFT))) as u32) << TREE_SHIFT
}

/// The tile that a feature belongs to.
fn home(leaf: &Leaf, zoom: u8) -> (u32, u32) {
    let [x, y] = leaf.middle().map(|middle| ((world(middle) << zoom) >> 32) as u32);
    (x, y)
}

/// Bytes of a feature in a tile: estimated, rather too much than too little.
fn bytes(candidate: &Candidate, zoom: u8) -> u64 {
    let extent = (u64::from(candidate.leaf.extent()) << TREE_SHIFT << zoom) >> (32 - EXTENT_BITS);
    // A ring whose box is d units wide has few vertices left after simplification, each a step of d at most.
    let vertices = u64::from(candidate.vertices).min(u64::from(candidate.rings) * (6 + extent / 3));
    let per_vertex = if extent < 64 { 2 } else { 4 };
    16 + u64::from(candidate.rings) * 6 + vertices * per_vertex + u64::from(candidate.attribute_bytes)
}
