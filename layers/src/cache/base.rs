//! The immutable mirror of a layer.

use std::sync::Arc;

use rstar::{AABB, Envelope as _, ParentNode, RTree, RTreeNode, RTreeObject};
use serde::{Deserialize, Serialize};

use super::column::{Column, ValueRef};
use super::learnt::Learnt;
use super::packed::Packed;
use super::plane::WorldPlane;
use crate::crs::Crs;
use crate::feature::FeatureId;

/// A box in tree units. A tree unit is 4 world units (about 3.7 cm on the equator), counted from the middle
/// of the world, so that sums of two coordinates stay inside an `i32` (`rstar` halves such sums).
pub type TreeBox = AABB<[i32; 2]>;

pub(super) const TREE_SHIFT: u32 = 2;

/// World units to tree units.
pub(super) fn tree_unit(world: u32) -> i32 {
    (world >> TREE_SHIFT) as i32 - (1 << (31 - TREE_SHIFT))
}

/// One row in the R-tree: its bounding box, rounded outwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    min: [i32; 2],
    max: [i32; 2],
    /// The row.
    pub row: u32,
}

impl Leaf {
    /// The leaf of a row, or `None` when it has no geometry.
    pub(super) fn of(packed: &Packed, plane: &WorldPlane, row: u32) -> Option<Self> {
        let (mut min, mut max) = ([u32::MAX; 2], [u32::MIN; 2]);
        for node in packed.nodes(row) {
            let [x, y] = plane.world(*node);
            min = [min[0].min(x), min[1].min(y)];
            max = [max[0].max(x), max[1].max(y)];
        }
        if min[0] > max[0] {
            return None;
        }
        Some(Self { min: min.map(tree_unit), max: max.map(tree_unit), row })
    }

    /// The same box, of another row.
    pub(super) fn on(self, row: u32) -> Self {
        Self { row, ..self }
    }

    /// The row's box: smallest and largest corner in tree units.
    pub fn bounds(&self) -> ([i32; 2], [i32; 2]) {
        (self.min, self.max)
    }

    /// The middle of the box in tree units: the place by which a feature belongs to one tile at each zoom.
    pub fn middle(&self) -> [i32; 2] {
        [0, 1].map(|axis| i32::midpoint(self.min[axis], self.max[axis]))
    }

    /// Area of the box in square tree units.
    pub fn area(&self) -> u64 {
        [0, 1].map(|axis| u64::from(self.max[axis].abs_diff(self.min[axis])) + 1).iter().product()
    }

    /// The longer side of the box in tree units.
    pub fn extent(&self) -> u32 {
        (self.max[0].abs_diff(self.min[0])).max(self.max[1].abs_diff(self.min[1]))
    }
}

impl RTreeObject for Leaf {
    type Envelope = TreeBox;

    fn envelope(&self) -> TreeBox {
        AABB::from_corners(self.min, self.max)
    }
}

/// The boxes of the rows of a base.
pub type Tree = RTree<Leaf>;

/// A layer (or the changed part of one) as of one `seq`: rows in order of feature id.
#[derive(Debug)]
pub struct Base {
    pub(super) ids: Vec<FeatureId>,
    pub(super) versions: Vec<u32>,
    pub(super) geometry: Packed,
    pub(super) columns: Vec<Column>,
    pub(super) learnt: Learnt,
    pub(super) tree: Tree,
    pub(super) crs: Crs,
    pub(super) plane: Arc<WorldPlane>,
}

impl Base {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The feature of a row.
    pub fn id(&self, row: u32) -> FeatureId {
        self.ids[row as usize]
    }

    /// The version of the feature of a row.
    pub fn version(&self, row: u32) -> i64 {
        self.versions[row as usize].into()
    }

    /// The row of a feature.
    pub fn row(&self, id: FeatureId) -> Option<u32> {
        self.ids.binary_search(&id).ok().map(|row| row as u32)
    }

    /// The geometries.
    pub fn geometry(&self) -> &Packed {
        &self.geometry
    }

    /// The attributes, one column per field of the definition.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// One attribute value.
    pub fn value(&self, row: u32, field: usize) -> ValueRef<'_> {
        self.columns[field].get(row)
    }

    /// Where a row is named, in world units: in a surface a place inside. `None` in a layer without label points.
    pub fn label(&self, row: u32) -> Option<[u32; 2]> {
        self.learnt.label(&self.geometry, &self.plane, row)
    }

    /// The zoom from which tiles can draw a surface without making its edges meet; 255 where they may at every zoom.
    pub fn simple_from(&self, row: u32) -> u8 {
        self.learnt.simple_from(&self.geometry, &self.plane, row)
    }

    /// How far the ends of an edge of any line or outline are apart at most, in world units along one axis.
    pub fn longest_edge(&self) -> u32 {
        self.learnt.longest_edge(&self.geometry, &self.plane)
    }

    /// The R-tree over all rows with a geometry, in tree units.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Calls `visit` for the boxes that touch a box of tree units.
    pub(super) fn search<'a>(&'a self, envelope: &TreeBox, visit: impl FnMut(&'a Leaf)) {
        search(&self.tree, envelope, visit);
    }

    /// A vertex in Web Mercator world units: the square world is 2³² units wide, y grows southwards.
    #[inline]
    pub fn world(&self, node: [i32; 2]) -> [u32; 2] {
        self.plane.world(node)
    }

    /// The storage CRS.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// Storage coordinates to longitude and latitude, degrees, to a tenth of a millimetre.
    pub fn lonlat(&self, position: [f64; 2]) -> [f64; 2] {
        self.plane.mercator().lonlat(position)
    }

    /// [`Base::lonlat`] for one vertex of an outline after the other.
    pub fn lonlat_of_each(&self) -> impl FnMut([f64; 2]) -> [f64; 2] {
        self.plane.mercator().lonlat_of_each()
    }

    /// Bytes held, roughly: the arrays, not the allocator's overhead.
    pub fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Column::bytes).sum();
        self.geometry.bytes() + columns + self.ids.len() * 12 + self.learnt.bytes() + self.tree.size() * TREE_BYTES
    }
}

/// Bytes of the R-tree for each row: a slot in a node and its share of the nodes above.
pub(super) const TREE_BYTES: usize = 50;

/// Calls `visit` for the boxes of a tree that touch a box.
pub(super) fn search<'a>(tree: &'a Tree, envelope: &TreeBox, mut visit: impl FnMut(&'a Leaf)) {
    descend(tree.root(), envelope, &mut visit);
}

/// Tests the children of a node before going down, where `rstar`'s iterator puts them all on a stack first.
fn descend<'a>(node: &'a ParentNode<Leaf>, envelope: &TreeBox, visit: &mut impl FnMut(&'a Leaf)) {
    for child in node.children() {
        match child {
            RTreeNode::Leaf(leaf) if envelope.intersects(&leaf.envelope()) => visit(leaf),
            RTreeNode::Parent(parent) if envelope.intersects(&parent.envelope()) => descend(parent, envelope, visit),
            _ => {}
        }
    }
}
