//! The one small interface between a thinned, clipped, snapped layer and the bytes of a tile.
//!
//! Two encoders stand behind it: [`super::MvtEncoder`] on the `mvt` crate, the oracle of the tests, and
//! [`super::WireEncoder`], which writes the same message straight to bytes and serves the hot path
//! (`cargo bench -p bricola-layers --bench tiles` shows by how much).

use crate::cache::ValueRef;

/// What a shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeKind {
    /// Positions.
    Point,
    /// Lines.
    Line,
    /// Shells (positive area, see [`super::shape::doubled_area`]), each followed by its holes (negative).
    Polygon,
}

/// A geometry in tile units: parts end to end.
#[derive(Debug, Default)]
pub struct Shape {
    vertices: Vec<[i32; 2]>,
    ends: Vec<usize>,
}

impl Shape {
    /// Empties it for the next feature.
    pub fn clear(&mut self) {
        self.vertices.clear();
        self.ends.clear();
    }

    /// Adds a part (rings open).
    pub fn push(&mut self, part: &[[i32; 2]]) {
        self.vertices.extend_from_slice(part);
        self.ends.push(self.vertices.len());
    }

    /// Number of parts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Keeps the first parts only.
    pub fn keep(&mut self, parts: usize) {
        self.ends.truncate(parts);
        self.vertices.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &[[i32; 2]]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.vertices[*start..*end])
    }

    /// True when nothing is left of the geometry.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Writes one layer of a Mapbox Vector Tile (specification 2.1).
pub trait Encoder {
    /// Begins a layer.
    fn new(name: &str, extent: u32, keys: &[&str]) -> Self;

    /// Adds a value (never null) to the layer's pool; its index for tags.
    fn value(&mut self, value: ValueRef) -> u32;

    /// Adds a feature with (key, value) tags as indices.
    fn feature(&mut self, id: u64, kind: ShapeKind, shape: &Shape, tags: &[(u32, u32)]);

    /// The layer as the bytes of a tile with just this layer; empty when there is no feature.
    fn finish(self) -> Vec<u8>;
}
