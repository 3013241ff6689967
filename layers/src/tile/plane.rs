//! The plane on which a tile is cut, and the way there from the coordinates of a layer.
//!
//! Web Mercator has an integer plane of its own ([`crate::crs::lonlat_to_world`]), in which trees and ladders are made and
//! the vertices that a zoom needs are chosen when a layer is read. The plane of another grid is reached from the storage
//! coordinates directly, vertex by vertex, and thinned there by the same method: a border along a parallel, straight in Web
//! Mercator, is a curve in other projections.

use std::ops::Range;
use std::sync::Arc;

use super::grid::{EXTENT, TileId};
use super::matrix_set::GridTile;
use crate::cache::{Base, Detail, Ring, RowRef, Run, Snapshot};
use crate::crs::{Crs, CrsError, Shortcut, world_to_lonlat};

/// Radius of the earth in world units, about.
pub(super) const WORLD_RADIUS: f64 = 6.8e8;
/// World units by which boxes of features are rounded outwards, and more.
const ROUNDED: f64 = 8.0;
/// Tiles of WebMercatorQuad that are looked at for one of another grid.
const MAX_ACROSS: u64 = 256;
/// Parts of a tile by which it is widened before features are looked for: what is thinned is drawn within two of its units
/// of where it is, and what stands for its neighbourhood is a pixel wide.
const DRAWN_WITHIN: f64 = 12.0 / EXTENT as f64;

/// Where the vertices of a layer lie in a tile.
pub(super) trait Plane {
    /// The zoom of WebMercatorQuad whose features the tile shows.
    fn zoom(&self) -> u8;

    /// Smallest and largest world unit in which something may lie that is drawn in the tile.
    fn bounds(&self) -> ([u32; 2], [u32; 2]);

    /// Features that belong to the tile and are not drawn at its zoom, as far as they are counted.
    fn hidden(&self, snapshot: &Snapshot) -> u32;

    /// A position of a layer in tile units; `None` where it has no image.
    fn place(&mut self, base: &Base, node: [i32; 2]) -> Option<[i32; 2]>;

    /// As [`Self::place`], for a position in world units.
    fn place_world(&mut self, world: [u32; 2]) -> Option<[i32; 2]>;

    /// Leaves in `out` the vertices of a line or ring that the tile needs, in its units, without repeats of the one before;
    /// `false` when one has no image.
    fn trace(&mut self, base: &Base, ring: Ring, is_closed: bool, out: &mut Vec<[i32; 2]>) -> bool;

    /// Whether thinning and snapping cannot make the edges of a surface meet.
    fn keeps_apart(&self, row: RowRef) -> bool;
}

/// Web Mercator.
pub(super) struct Mercator<P> {
    tile: TileId,
    project: P,
    /// Of the tile with its buffer, world units.
    bounds: ([u32; 2], [u32; 2]),
    /// Vertices are drawn that are seen from this zoom on, or from a shallower one.
    detail: u8,
}

/// The plane of a tile of WebMercatorQuad; `deepest` is the last zoom of the layer, at which all vertices are drawn.
pub(super) fn mercator(tile: TileId, deepest: u8) -> Mercator<impl Fn([u32; 2]) -> [i32; 2] + Copy> {
    let detail = if tile.z >= deepest { u8::MAX } else { tile.z };
    Mercator { tile, project: tile.project(), bounds: tile.world_bounds(), detail }
}

impl<P: Fn([u32; 2]) -> [i32; 2] + Copy> Mercator<P> {
    fn span(&self, base: &Base, ring: Ring, span: Range<usize>, out: &mut Vec<[i32; 2]>) {
        for (node, zoom) in ring.nodes[span.clone()].iter().zip(&ring.zooms[span]) {
            if *zoom <= self.detail {
                let vertex = (self.project)(base.world(*node));
                if out.last() != Some(&vertex) {
                    out.push(vertex);
                }
            }
        }
    }

    /// Whether a run of vertices lies all beyond one side of the tile.
    fn is_beyond(&self, base: &Base, run: &Run) -> bool {
        let corners = [run.min, [run.max[0], run.min[1]], [run.min[0], run.max[1]], run.max];
        let corners = corners.map(|corner| base.world(corner));
        let span = |axis: usize| {
            let values = corners.map(|corner| corner[axis]);
            values.iter().fold((u32::MAX, u32::MIN), |(low, high), value| (low.min(*value), high.max(*value)))
        };
        let spans = [span(0), span(1)];
        // The sides of the box are curves here, and swell beyond its corners.
        let length = spans.iter().map(|(low, high)| high - low).max().unwrap_or_default();
        let swell = (f64::from(length).powi(2) / WORLD_RADIUS) as u32 + 4;
        let (min, max) = self.bounds;
        (0..2).any(|axis| {
            spans[axis].1.saturating_add(swell) < min[axis] || spans[axis].0 > max[axis].saturating_add(swell)
        })
    }
}

impl<P: Fn([u32; 2]) -> [i32; 2] + Copy> Plane for Mercator<P> {
    fn zoom(&self) -> u8 {
        self.tile.z
    }

    fn bounds(&self) -> ([u32; 2], [u32; 2]) {
        self.bounds
    }

    fn hidden(&self, snapshot: &Snapshot) -> u32 {
        snapshot.hidden(self.tile)
    }

    fn place(&mut self, base: &Base, node: [i32; 2]) -> Option<[i32; 2]> {
        Some((self.project)(base.world(node)))
    }

    fn place_world(&mut self, world: [u32; 2]) -> Option<[i32; 2]> {
        Some((self.project)(world))
    }

    fn trace(&mut self, base: &Base, ring: Ring, _: bool, out: &mut Vec<[i32; 2]>) -> bool {
        out.clear();
        if !ring.is_long() {
            self.span(base, ring, 0..ring.nodes.len(), out);
            return true;
        }
        for (run, span) in ring.runs() {
            if self.is_beyond(base, run) {
                // Of a run that lies all beyond one side of the tile the clip leaves nothing; its first and last
                // vertex keep the edges to its neighbours as they are.
                let mut drawn = span.filter(|index| ring.zooms[*index] <= self.detail);
                let ends = [drawn.next(), drawn.next_back()];
                ends.into_iter().flatten().for_each(|index| self.span(base, ring, index..index + 1, out));
            } else {
                self.span(base, ring, span, out);
            }
        }
        true
    }

    fn keeps_apart(&self, row: RowRef) -> bool {
        row.base.simple_from(row.row) <= self.tile.z
    }
}

/// Another grid.
pub(super) struct InGrid<'a> {
    tile: &'a GridTile,
    bounds: ([u32; 2], [u32; 2]),
    /// From the storage CRS.
    way: Arc<Shortcut>,
    /// From longitude and latitude.
    from_lonlat: Arc<Shortcut>,
    /// Whether vertices are left out that nobody sees.
    is_thinned: bool,
    detail: Detail,
    line: Vec<[f64; 2]>,
    keeps: Vec<bool>,
}

/// Smallest and largest world unit in which something may lie that is drawn in a tile, if no edge is longer than this.
fn bounds(tile: &GridTile, longest_edge: u32) -> Result<([u32; 2], [u32; 2]), CrsError> {
    let (min, max) = tile.reach()?;
    // Edges are straight in this plane, and curves in that of the tree: they may pass the tile where their ends do not.
    let swell = f64::from(longest_edge).powi(2) / WORLD_RADIUS;
    let margin = |axis: usize| (f64::from(max[axis] - min[axis]) * DRAWN_WITHIN + swell + ROUNDED) as u32;
    let margin = [margin(0), margin(1)];
    let low = [0, 1].map(|axis| min[axis].saturating_sub(margin[axis]));
    let high = [0, 1].map(|axis| max[axis].saturating_add(margin[axis]));
    Ok((low, high))
}

impl GridTile {
    /// The tiles of WebMercatorQuad, at the zoom whose features are drawn, in which that may lie which is drawn in it, if no
    /// edge is longer than this; `None` where they are many, or cannot be told.
    pub(crate) fn mercator_tiles(&self, longest_edge: u32) -> Option<impl Iterator<Item = TileId> + use<>> {
        let (low, high) = bounds(self, longest_edge).ok()?;
        let z = self.zoom();
        let number = |unit: u32| (u64::from(unit) >> (32 - u32::from(z))) as u32;
        let [left, top] = low.map(number);
        let [right, bottom] = high.map(number);
        let count = u64::from(right - left + 1) * u64::from(bottom - top + 1);
        let tiles = (top..=bottom).flat_map(move |y| (left..=right).map(move |x| TileId { z, x, y }));
        (count <= MAX_ACROSS).then_some(tiles)
    }
}

impl<'a> InGrid<'a> {
    /// The plane of a tile of another grid, for a layer as it stands.
    ///
    /// # Errors
    /// When no operation is known between the CRS of the layer and that of the grid.
    pub(super) fn new(tile: &'a GridTile, snapshot: &Snapshot) -> Result<Self, CrsError> {
        let wgs84 = Crs::wgs84();
        let from = snapshot.crs().unwrap_or(&wgs84);
        Ok(Self {
            tile,
            bounds: bounds(tile, snapshot.longest_edge())?,
            way: Shortcut::shared(from, tile.crs())?,
            from_lonlat: Shortcut::shared(&wgs84, tile.crs())?,
            is_thinned: tile.zoom() < snapshot.definition().zoom.max,
            detail: Detail::default(),
            line: Vec::new(),
            keeps: Vec::new(),
        })
    }
}

impl Plane for InGrid<'_> {
    fn zoom(&self) -> u8 {
        self.tile.zoom()
    }

    fn bounds(&self) -> ([u32; 2], [u32; 2]) {
        self.bounds
    }

    fn hidden(&self, _: &Snapshot) -> u32 {
        // What is hidden is counted by tiles of WebMercatorQuad.
        0
    }

    fn place(&mut self, base: &Base, node: [i32; 2]) -> Option<[i32; 2]> {
        let position = self.way.point(base.geometry().grid().unpack(node)).ok()?;
        self.tile.round(self.tile.units(position))
    }

    fn place_world(&mut self, world: [u32; 2]) -> Option<[i32; 2]> {
        let position = self.from_lonlat.point(world_to_lonlat(world)).ok()?;
        self.tile.round(self.tile.units(position))
    }

    fn trace(&mut self, base: &Base, ring: Ring, is_closed: bool, out: &mut Vec<[i32; 2]>) -> bool {
        out.clear();
        self.line.clear();
        let grid = base.geometry().grid();
        for node in ring.nodes {
            let Ok(position) = self.way.point(grid.unpack(*node)) else { return false };
            self.line.push(self.tile.units(position));
        }
        self.keeps.clear();
        if self.is_thinned {
            self.detail.thin(&self.line, is_closed, &mut self.keeps);
        }
        for (index, units) in self.line.iter().enumerate() {
            if self.is_thinned && !self.keeps[index] {
                continue;
            }
            let Some(vertex) = self.tile.round(*units) else { return false };
            if out.last() != Some(&vertex) {
                out.push(vertex);
            }
        }
        true
    }

    fn keeps_apart(&self, _: RowRef) -> bool {
        // That is known for Web Mercator only.
        false
    }
}
