//! What a tile keeps of the features that belong to it, when not all fit.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::base::{Base, Leaf, TREE_SHIFT};
use super::column::ValueRef;
use super::ladder::{EXTENT_BITS, UNITS_PER_PIXEL, visible};
use super::packed::GeometryKind;
use crate::definition::LayerDefinition;
use crate::feature::FeatureId;

/// Tile units across a cell in which surfaces shorter than a pixel are gathered.
const CELL: u64 = 2 * UNITS_PER_PIXEL as u64;
/// Share of the budget that a tile spends on its own features, leaving room for its neighbours'.
const OWN_SHARE: f64 = 0.75;

/// Column and row of the tile that a feature belongs to.
pub(super) type Home = (u32, u32);

/// What a definition says of what matters and what it costs.
#[derive(Debug)]
pub(super) struct Judge {
    rank: Option<usize>,
    /// Fields that tiles carry, and whether each feature has a value of its own.
    fields: Vec<(usize, bool)>,
    /// Bytes that a tile spends on the features that belong to it.
    pub budget: u64,
}

/// A feature that competes for a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub leaf: Leaf,
    pub id: FeatureId,
    rank: i64,
    rings: u32,
    vertices: u32,
    attribute_bytes: u32,
    kind: GeometryKind,
}

impl Judge {
    pub fn of(definition: &LayerDefinition) -> Self {
        let own =
            |name: &str| definition.label.as_deref() == Some(name) || definition.key.iter().any(|key| key == name);
        Self {
            rank: definition.rank.as_deref().and_then(|name| definition.field(name)).map(|(field, _)| field),
            fields: definition.tile_fields().map(|(position, field)| (position, own(&field.name))).collect(),
            budget: (definition.tile_budget() as f64 * OWN_SHARE) as u64,
        }
    }

    /// The candidate of a row with its box.
    pub fn candidate(&self, base: &Base, leaf: Leaf) -> Candidate {
        Candidate {
            leaf,
            id: base.id(leaf.row),
            rank: match self.rank.map(|field| base.value(leaf.row, field)) {
                Some(ValueRef::Integer(rank)) => rank,
                _ => 0,
            },
            rings: base.geometry.ring_count(leaf.row) as u32,
            vertices: base.geometry.vertex_count(leaf.row) as u32,
            attribute_bytes: self.fields.iter().map(|(field, own)| bytes_of(base.value(leaf.row, *field), *own)).sum(),
            kind: base.geometry.kind(leaf.row),
        }
    }
}

/// Bytes that a value costs in a tile: two or more for the tag, and its share in what is written once for all that have
/// the same.
fn bytes_of(value: ValueRef, own: bool) -> u32 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Text(text) if own => 7 + text.len() as u32,
        ValueRef::Text(text) => 4 + text.len() as u32 / 8,
        ValueRef::Real(_) | ValueRef::DateTime(_) => 13,
        _ => 4,
    }
}

impl Candidate {
    /// The tile that it belongs to.
    pub fn home(&self, zoom: u8) -> Home {
        home(&self.leaf, zoom)
    }

    /// Whether it is a pixel long at a zoom; points always are.
    pub fn is_seen(&self, zoom: u8) -> bool {
        self.kind == GeometryKind::Point || visible(self.leaf.extent(), zoom)
    }

    /// Whether it weighs the same as another state of the same feature.
    pub fn weighs_as(&self, other: &Self) -> bool {
        let placeless = |candidate: &Self| Self { leaf: candidate.leaf.on(0), ..*candidate };
        placeless(self) == placeless(other)
    }

    /// Which of two features stays longer: rank, then size, then an even scatter.
    fn order(&self) -> (Reverse<(i64, u32)>, u32, FeatureId) {
        (Reverse((self.rank, self.leaf.extent())), scatter(self.id), self.id)
    }

    /// Bytes in a tile: estimated, rather too much than too little.
    pub fn bytes(&self, zoom: u8) -> u64 {
        let extent = (u64::from(self.leaf.extent()) << TREE_SHIFT << zoom) >> (32 - EXTENT_BITS);
        // A ring whose box is d units wide has few vertices left after simplification, each a step of d at most.
        let vertices = u64::from(self.vertices).min(u64::from(self.rings) * (6 + extent / 3));
        self.fixed_bytes() + vertices * if extent < 64 { 2 } else { 4 }
    }

    /// The same at the zoom where it costs most.
    pub fn most_bytes(&self) -> u64 {
        self.fixed_bytes() + u64::from(self.vertices) * 4
    }

    fn fixed_bytes(&self) -> u64 {
        16 + u64::from(self.rings) * 6 + u64::from(self.attribute_bytes)
    }
}

/// Spreads ids evenly, so that equal features are thinned evenly over the map.
fn scatter(id: FeatureId) -> u32 {
    ((id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The tile that a feature belongs to.
pub(super) fn home(leaf: &Leaf, zoom: u8) -> Home {
    let [x, y] = leaf.middle().map(|middle| ((world(middle) << zoom) >> 32) as u32);
    (x, y)
}

/// A tree unit back in world units.
fn world(unit: i32) -> u64 {
    u64::from((unit + (1 << (31 - TREE_SHIFT))) as u32) << TREE_SHIFT
}

/// Which of the features that belong to a tile it keeps, and the bytes of all that can be seen.
pub(super) fn choose<'a>(
    candidate: impl Fn(u32) -> &'a Candidate,
    members: Vec<u32>,
    zoom: u8,
    budget: u64,
) -> (Vec<u32>, u64) {
    let (mut shown, small): (Vec<u32>, Vec<u32>) =
        members.into_iter().partition(|index| candidate(*index).is_seen(zoom));
    if !small.is_empty() {
        shown.extend(stand_ins(&candidate, &small, zoom));
    }
    let bytes = shown.iter().map(|index| candidate(*index).bytes(zoom)).sum();
    if bytes > budget {
        shown.sort_unstable_by_key(|index| candidate(*index).order());
        let mut spent = 0;
        let fits = |index: &u32| {
            spent += candidate(*index).bytes(zoom);
            spent <= budget
        };
        let fitting = shown.iter().copied().take_while(fits).count();
        shown.truncate(fitting);
    }
    (shown, bytes)
}

/// Of the surfaces shorter than a pixel, one for each cell that they fill by half.
fn stand_ins<'a>(candidate: &impl Fn(u32) -> &'a Candidate, small: &[u32], zoom: u8) -> Vec<u32> {
    let mut cells: FxHashMap<[u64; 2], (u64, u32)> = FxHashMap::default();
    for index in small.iter().copied() {
        let surface = candidate(index);
        if surface.kind != GeometryKind::Polygon {
            continue;
        }
        let cell =
            surface.leaf.middle().map(|middle| (world(middle) << zoom) >> (32 - EXTENT_BITS)).map(|unit| unit / CELL);
        let (area, first) = cells.entry(cell).or_insert((0, index));
        *area += surface.leaf.area();
        if surface.order() < candidate(*first).order() {
            *first = index;
        }
    }
    // A cell in square tree units.
    let side = (CELL << (32 - EXTENT_BITS) >> TREE_SHIFT) >> zoom;
    cells.into_values().filter(|(area, _)| 2 * area >= side * side).map(|(_, first)| first).collect()
}
