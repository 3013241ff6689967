//! What readers see of a layer: base and delta as of one `seq`.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::base::{Base, Leaf, TreeBox, tree_unit};
use super::choice::home;
use super::homes::{Decided, KeptRow};
use super::ladder::{Ladder, Step, visible};
use super::packed::{CoordinateGrid, GeometryKind};
use crate::crs::Crs;
use crate::definition::LayerDefinition;
use crate::feature::{Feature, FeatureId, StoredFeature, Value};
use crate::log::Seq;
use crate::tile::TileId;

/// A row of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    /// The part of the snapshot that holds it.
    pub base: &'a Base,
    /// Its row there.
    pub row: u32,
}

impl RowRef<'_> {
    /// How many vertices its geometry has.
    pub fn vertices(&self) -> usize {
        self.base.geometry().nodes(self.row).len()
    }

    /// The feature's id.
    pub fn id(&self) -> FeatureId {
        self.base.id(self.row)
    }

    /// The feature, as it came from the store.
    pub(super) fn to_feature(self) -> StoredFeature {
        let geometry = self.base.geometry().geometry(self.row, CoordinateGrid::unpack);
        let properties = self.base.columns().iter().map(|column| column.get(self.row).to_value()).collect();
        StoredFeature { id: self.id(), version: self.base.version(self.row), feature: Feature { geometry, properties } }
    }

    /// The box of its geometry; `None` without one.
    pub(super) fn leaf(&self) -> Option<Leaf> {
        Leaf::of(&self.base.geometry, &self.base.plane, self.row)
    }
}

/// Features that changed after what lies below was built: the base, or an older and larger delta.
#[derive(Debug)]
pub(super) struct Delta {
    /// Features that were changed, added or removed: whatever lies below says of them is out of date.
    pub(super) masked: FxHashSet<FeatureId>,
    /// Those of them that are there.
    pub(super) added: Base,
}

/// A layer as of one `seq`. Immutable; take it once and read it for the whole of an answer.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) definition: Arc<LayerDefinition>,
    pub(super) seq: Seq,
    pub(super) base: Arc<Base>,
    pub(super) ladder: Arc<Ladder>,
    /// The oldest first.
    pub(super) deltas: Vec<Arc<Delta>>,
    /// What the ladder says of the tiles that changes concern.
    pub(super) decided: Decided,
    count: usize,
}

impl Snapshot {
    /// A snapshot without a delta.
    pub fn of(base: Base, definition: Arc<LayerDefinition>, seq: Seq) -> Self {
        let ladder = Ladder::build(&base, &definition);
        Self::kept(base, ladder, definition, seq)
    }

    /// Rows that are listed and not drawn.
    pub(crate) fn listed(base: Base, definition: Arc<LayerDefinition>, seq: Seq) -> Self {
        Self::kept(base, Ladder::default(), definition, seq)
    }

    /// As [`Self::of`], with the ladder that was built of the base.
    pub(super) fn kept(base: Base, ladder: Ladder, definition: Arc<LayerDefinition>, seq: Seq) -> Self {
        Self {
            definition,
            seq,
            count: base.len(),
            base: Arc::new(base),
            ladder: Arc::new(ladder),
            deltas: Vec::new(),
            decided: Decided::default(),
        }
    }

    /// The same base with what has changed since, the oldest delta first; `count` features in all.
    pub(super) fn with(&self, deltas: Vec<Arc<Delta>>, count: usize, seq: Seq) -> Self {
        let (base, ladder) = (Arc::clone(&self.base), Arc::clone(&self.ladder));
        let (definition, decided) = (Arc::clone(&self.definition), self.decided.clone());
        Self { definition, seq, base, ladder, deltas, decided, count }
    }

    /// The definition under which the rows were read.
    pub fn definition(&self) -> &Arc<LayerDefinition> {
        &self.definition
    }

    /// The last change of the layer that is in here: its generation.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// A position in storage CRS in Web Mercator world units.
    pub fn world(&self, position: [f64; 2]) -> [u32; 2] {
        self.base.plane.mercator().world(position)
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True when there is no feature.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The storage CRS of the layer; `None` when no feature has a geometry.
    pub fn crs(&self) -> Option<&Crs> {
        self.parts().map(|(_, base)| base).find(|base| base.tree.size() > 0).map(Base::crs)
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> usize {
        let deltas: usize = self.deltas.iter().map(|delta| delta.added.bytes()).sum();
        self.base.bytes() + self.ladder.bytes() + deltas
    }

    /// The base and the deltas, each with the number of the delta above it.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, &Base)> {
        let deltas = self.deltas.iter().enumerate().map(|(place, delta)| (place + 1, &delta.added));
        std::iter::once((0, &*self.base)).chain(deltas)
    }

    /// A feature by id.
    pub fn feature(&self, id: FeatureId) -> Option<RowRef<'_>> {
        self.place_of(id).map(|at| self.row_at(at))
    }

    /// Whether a delta from `above` on says something newer of a feature.
    pub(super) fn is_masked(&self, above: usize, id: FeatureId) -> bool {
        self.deltas[above..].iter().any(|delta| delta.masked.contains(&id))
    }

    /// Every feature, in no promised order.
    pub fn rows(&self) -> impl Iterator<Item = RowRef<'_>> {
        self.parts().flat_map(move |(above, base)| {
            let rows = (0..Base::len(base) as u32).map(move |row| RowRef { base, row });
            rows.filter(move |row| !self.is_masked(above, row.id()))
        })
    }

    /// Features whose field equals a value.
    pub fn find<'a>(&'a self, field: usize, value: &'a Value) -> impl Iterator<Item = RowRef<'a>> {
        self.parts().flat_map(move |(above, base)| {
            let rows = base.columns()[field].rows_equal_to(value).map(move |row| RowRef { base, row });
            rows.filter(move |row| !self.is_masked(above, row.id()))
        })
    }

    /// Calls `visit` for every feature whose box touches a box of world units.
    pub fn search<'a>(&'a self, min: [u32; 2], max: [u32; 2], mut visit: impl FnMut(RowRef<'a>, &Leaf)) {
        let envelope = TreeBox::from_corners(min.map(tree_unit), max.map(tree_unit));
        for (above, base) in self.parts() {
            base.search(&envelope, |leaf| {
                let row = RowRef { base, row: leaf.row };
                if !self.is_masked(above, row.id()) {
                    visit(row, leaf);
                }
            });
        }
    }

    /// As [`Self::search`], but only features that are drawn at a zoom: those that the ladder keeps. Surfaces among
    /// them that are shorter than a pixel stand for their neighbourhood.
    pub fn search_drawn<'a>(
        &'a self,
        zoom: u8,
        min: [u32; 2],
        max: [u32; 2],
        mut visit: impl FnMut(RowRef<'a>, &Leaf),
    ) {
        let envelope = TreeBox::from_corners(min.map(tree_unit), max.map(tree_unit));
        let homes = self.decided.at(zoom);
        let is_decided = |leaf: &Leaf| homes.is_some_and(|homes| homes.contains_key(&home(leaf, zoom)));
        let mut of_base = |leaf: &Leaf| {
            let row = RowRef { base: &self.base, row: leaf.row };
            if !self.is_masked(0, row.id()) && !is_decided(leaf) {
                visit(row, leaf);
            }
        };
        match self.ladder.step(zoom) {
            Some(step) => step.search(&self.base, &envelope, &mut of_base),
            None => self.base.search(&envelope, &mut of_base),
        }
        for (above, base) in self.parts().skip(1) {
            base.search(&envelope, |leaf| {
                let row = RowRef { base, row: leaf.row };
                let is_seen = || visible(leaf.extent(), zoom) || base.geometry().kind(leaf.row) == GeometryKind::Point;
                let is_kept = || self.decided.standings.is_kept(row.id(), zoom).unwrap_or_else(is_seen);
                if !self.is_masked(above, row.id()) && !is_decided(leaf) && is_kept() {
                    visit(row, leaf);
                }
            });
        }
        for keep in homes.into_iter().flat_map(FxHashMap::values) {
            keep.search(&envelope, |KeptRow { leaf, id, of_base }| {
                let row = if *of_base { Some(RowRef { base: &self.base, row: leaf.row }) } else { self.feature(*id) };
                if let Some(row) = row {
                    visit(row, leaf);
                }
            });
        }
    }

    /// Features that belong to a tile and are not drawn at its zoom.
    pub fn hidden(&self, TileId { z, x, y }: TileId) -> u32 {
        match self.decided.at(z).and_then(|homes| homes.get(&(x, y))) {
            Some(keep) => keep.total - keep.kept.len() as u32,
            None => self.ladder.step(z).map_or(0, |step| {
                let count = step.count(x, y);
                count.total - count.kept
            }),
        }
    }

    /// See [`Base::longest_edge`].
    pub fn longest_edge(&self) -> u32 {
        self.parts().map(|(_, base)| base.longest_edge()).max().unwrap_or(0)
    }

    /// The ladder's step at a zoom, where there is one.
    pub fn step(&self, zoom: u8) -> Option<&Step> {
        self.ladder.step(zoom)
    }

    /// `[west, south, east, north]` in degrees, `None` for a layer without geometries.
    pub fn extent_lonlat(&self) -> Option<[f64; 4]> {
        use rstar::Envelope;
        let mut envelope = self.base.tree.root().envelope();
        for delta in &self.deltas {
            envelope.merge(&delta.added.tree.root().envelope());
        }
        let (low, high) = (envelope.lower(), envelope.upper());
        (low[0] <= high[0]).then(|| {
            // A position is rounded to the nearest world unit, after an interpolation that may be off by half of one: it lies
            // up to a unit beside its box.
            let world = |unit: i32, beside: f64| {
                ((f64::from(unit) + f64::from(1 << 29)) * 4.0 + beside).clamp(0.0, 4_294_967_296.0)
            };
            let [west, north] = crate::crs::world_to_lonlat_f64(low.map(|unit| world(unit, -1.0)));
            let [east, south] = crate::crs::world_to_lonlat_f64(high.map(|unit| world(unit + 1, 1.0)));
            [west, south, east, north]
        })
    }
}
