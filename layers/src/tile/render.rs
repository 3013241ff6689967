//! From a snapshot to the bytes of one layer in one tile.

use std::cmp::Reverse;

use chrono::NaiveDate;

use super::clip;
use super::encode::{Encoder, Shape, ShapeKind};
use super::frame::{self, Joiner};
use super::grid::{EXTENT, TileId};
use super::labels;
use super::repair::{Inspector, is_convex, repair};
use super::shape::{doubled_area, tidy_ring};
use super::values::ValuePool;
use super::wire::WireEncoder;
use crate::cache::{
    Base, GeometryKind, Leaf, Ring, RowRef, Run, Snapshot, UNITS_PER_PIXEL, Validity, ValueRef, visible,
};
use crate::definition::LayerDefinition;

/// Radius of the earth in world units, about.
const WORLD_RADIUS: f64 = 6.8e8;

/// What a tile shows of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Its features.
    #[default]
    Features,
    /// A point for each feature, at which it is named: in the one tile in which it lies, so that no name is written twice.
    /// The tile's layer is called like the layer with [`LABEL_SUFFIX`]. Only for layers with
    /// [`LayerDefinition::has_label_points`]; of others there is nothing.
    Labels,
}

/// How the layer of label points is called after the layer.
pub const LABEL_SUFFIX: &str = "_label";

/// What a request can choose of a tile.
#[derive(Debug, Clone, Default)]
pub struct TileOptions {
    /// Features or label points.
    pub part: Part,
    /// Byte budget instead of the definition's.
    pub budget: Option<usize>,
    /// Only what is valid on this date, in layers whose data say so.
    pub valid_on: Option<NaiveDate>,
}

/// One layer of one tile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tile {
    /// A vector tile with just this layer, uncompressed; empty when nothing of the layer is here. The bytes
    /// of several layers, one after the other, are a tile with these layers.
    pub bytes: Vec<u8>,
    /// Features in it.
    pub kept: u32,
    /// Features that it would hold if all were kept.
    pub total: u32,
}

/// Renders a layer of a tile. Outside the zoom range of the layer's definition the tile is empty.
pub fn render(snapshot: &Snapshot, tile: TileId, options: &TileOptions) -> Tile {
    render_with::<WireEncoder>(snapshot, tile, options)
}

/// As [`render`], with a chosen encoder.
pub fn render_with<E: Encoder>(snapshot: &Snapshot, tile: TileId, options: &TileOptions) -> Tile {
    let definition = snapshot.definition();
    if !(definition.zoom.min..=definition.zoom.max).contains(&tile.z) {
        return Tile::default();
    }
    if options.part == Part::Labels {
        return labels::render::<E>(snapshot, tile, options);
    }
    let (min, max) = tile.world_bounds();
    let mut rows: Vec<(RowRef, u32)> = Vec::with_capacity(256);
    let validity = Validity::of(definition, options.valid_on);
    snapshot.search_drawn(tile.z, min, max, |row, leaf: &Leaf| {
        if validity.holds(row) {
            rows.push((row, leaf.extent()));
        }
    });
    rows.sort_unstable_by_key(|(row, _)| row.id());
    let budget = options.budget.unwrap_or_else(|| definition.tile_budget());
    let mut drawn = draw::<E>(snapshot, tile, rows.iter().copied());
    if drawn.bytes.len() > budget {
        // What only its box brought here must have no say in what is left out.
        let mut pen = Pen::new(tile, detail(definition, tile.z));
        rows.retain(|(row, extent)| pen.shape(*row, !visible(*extent, tile.z)).is_some());
        drawn = within_budget::<E>(snapshot, tile, rows, budget, drawn.bytes.len());
    }
    Tile { total: drawn.total + snapshot.hidden(tile), ..drawn }
}

/// The last resort where the ladder's estimate was too low, or a request asks for less: the largest features
/// that fit. Neighbouring tiles may then differ along their border.
fn within_budget<E: Encoder>(
    snapshot: &Snapshot,
    tile: TileId,
    mut rows: Vec<(RowRef, u32)>,
    budget: usize,
    mut size: usize,
) -> Tile {
    let total = rows.len() as u32;
    rows.sort_unstable_by_key(|(row, extent)| (Reverse(*extent), row.id()));
    loop {
        let share = budget as f64 / size as f64 * 0.97;
        rows.truncate((rows.len() as f64 * share.min(0.97)) as usize);
        let mut kept = rows.clone();
        kept.sort_unstable_by_key(|(row, _)| row.id());
        let drawn = draw::<E>(snapshot, tile, kept.into_iter());
        size = drawn.bytes.len();
        if size <= budget {
            return Tile { total, ..drawn };
        }
    }
}

/// Draws rows, each with the extent of its box in tree units.
fn draw<'a, E: Encoder>(snapshot: &'a Snapshot, tile: TileId, rows: impl Iterator<Item = (RowRef<'a>, u32)>) -> Tile {
    let definition = snapshot.definition();
    let fields: Vec<(usize, &str)> =
        definition.tile_fields().map(|(position, field)| (position, field.name.as_str())).collect();
    let keys: Vec<&str> = fields.iter().map(|(_, name)| *name).collect();
    let mut encoder = E::new(&definition.id, EXTENT, &keys);
    let mut pool = ValuePool::new(fields.iter().map(|(field, _)| *field).collect());
    let mut pen = Pen::new(tile, detail(definition, tile.z));
    let mut tags = Vec::new();
    let mut kept = 0;
    for (row, extent) in rows {
        let Some(kind) = pen.shape(row, !visible(extent, tile.z)) else { continue };
        tags.clear();
        pool.tags(&mut encoder, row, &mut tags);
        encoder.feature(row.id() as u64, kind, &pen.shape, &tags);
        kept += 1;
    }
    Tile { bytes: encoder.finish(), kept, total: kept }
}

/// Vertices up to which zoom are drawn: all of them on the deepest, which clients magnify.
fn detail(definition: &LayerDefinition, zoom: u8) -> u8 {
    if zoom >= definition.zoom.max { u8::MAX } else { zoom }
}

/// Turns geometries into shapes, with buffers that are used again and again.
struct Pen<P> {
    project: P,
    /// Of the tile with its buffer, world units.
    bounds: ([u32; 2], [u32; 2]),
    /// Vertices are drawn that are seen from this zoom on, or from a shallower one.
    detail: u8,
    zoom: u8,
    shape: Shape,
    joiner: Joiner,
    inspector: Inspector,
    ring: Vec<[i32; 2]>,
    scratch: Vec<[i32; 2]>,
}

impl Pen<()> {
    fn new(tile: TileId, detail: u8) -> Pen<impl Fn([u32; 2]) -> [i32; 2] + Copy> {
        Pen {
            project: tile.project(),
            bounds: tile.world_bounds(),
            detail,
            zoom: tile.z,
            shape: Shape::default(),
            joiner: Joiner::default(),
            inspector: Inspector::default(),
            ring: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

impl<P: Fn([u32; 2]) -> [i32; 2] + Copy> Pen<P> {
    /// Leaves the row's geometry in `self.shape`; `None` when nothing of it is to be drawn.
    ///
    /// A surface that stands in for smaller ones around it is drawn as one pixel.
    fn shape(&mut self, row: RowRef, stands_in: bool) -> Option<ShapeKind> {
        self.shape.clear();
        let geometry = row.base.geometry();
        let kind = match geometry.kind(row.row) {
            GeometryKind::None => return None,
            GeometryKind::Point => {
                for position in geometry.nodes(row.row) {
                    let position = (self.project)(row.base.world(*position));
                    if clip::holds(position) {
                        self.shape.push(&[position]);
                    }
                }
                ShapeKind::Point
            }
            GeometryKind::Line => {
                for line in geometry.rings(row.row) {
                    self.line(row.base, line);
                }
                ShapeKind::Line
            }
            GeometryKind::Polygon if stands_in => {
                self.pixel(row.base.world(*geometry.nodes(row.row).first()?));
                ShapeKind::Polygon
            }
            GeometryKind::Polygon => {
                let is_joined = self.surface(row);
                // Where its edges keep well apart, nothing that is done to them here can make them meet.
                let may_meet = || is_joined || row.base.simple_from(row.row) > self.zoom;
                if !is_convex(&self.shape) && may_meet() && !self.inspector.is_simple(&self.shape) {
                    repair(&mut self.shape);
                }
                ShapeKind::Polygon
            }
        };
        (!self.shape.is_empty()).then_some(kind)
    }

    /// Draws the rings of a surface; whether some were joined along the frame of the tile.
    fn surface(&mut self, row: RowRef) -> bool {
        let (mut shell, mut before, mut visits, mut is_joined) = (false, 0, 0, false);
        for ring in row.base.geometry().rings(row.row) {
            // A hole whose shell has vanished has nothing to be cut from.
            if ring.hole && !shell {
                continue;
            }
            if !ring.hole {
                is_joined |= self.join(before, visits);
                (before, visits) = (self.shape.len(), 0);
            }
            let (drawn, more) = self.ring(row.base, ring);
            visits += more;
            if ring.hole && drawn && is_whole_tile(&self.ring) {
                // The tile lies in the hole: nothing is left of the shell here.
                self.shape.keep(before);
                visits = 0;
            }
            shell = if ring.hole { shell && self.shape.len() > before } else { drawn };
        }
        self.join(before, visits) || is_joined
    }

    /// Joins a shell and its holes anew where they come to the frame of the tile more than once.
    fn join(&mut self, first: usize, visits: usize) -> bool {
        if visits > 1 {
            self.joiner.join(&mut self.shape, first);
        }
        visits > 1
    }

    fn pixel(&mut self, world: [u32; 2]) {
        let [x, y] = (self.project)(world);
        let side = UNITS_PER_PIXEL as i32;
        let [left, top] = [x, y].map(|value| value.div_euclid(side) * side);
        self.ring.clear();
        self.ring.extend([[left, top], [left + side, top], [left + side, top + side], [left, top + side]]);
        clip::ring(&mut self.ring, &mut self.scratch);
        tidy_ring(&mut self.ring);
        if self.ring.len() > 2 {
            self.shape.push(&self.ring);
        }
    }

    /// Brings the vertices that this zoom shows into tile units, without repeats of the one before.
    fn snap(&mut self, base: &Base, ring: Ring) {
        self.ring.clear();
        if !ring.is_long() {
            return self.snap_span(base, ring, 0..ring.nodes.len());
        }
        for (run, span) in ring.runs() {
            if self.is_beyond(base, run) {
                // Of a run that lies all beyond one side of the tile the clip leaves nothing; its first and last
                // vertex keep the edges to its neighbours as they are.
                let mut drawn = span.filter(|index| ring.zooms[*index] <= self.detail);
                let ends = [drawn.next(), drawn.next_back()];
                ends.into_iter().flatten().for_each(|index| self.snap_span(base, ring, index..index + 1));
            } else {
                self.snap_span(base, ring, span);
            }
        }
    }

    fn snap_span(&mut self, base: &Base, ring: Ring, span: std::ops::Range<usize>) {
        for (node, zoom) in ring.nodes[span.clone()].iter().zip(&ring.zooms[span]) {
            if *zoom <= self.detail {
                let vertex = (self.project)(base.world(*node));
                if self.ring.last() != Some(&vertex) {
                    self.ring.push(vertex);
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

    fn line(&mut self, base: &Base, line: Ring) {
        self.snap(base, line);
        let shape = &mut self.shape;
        clip::line(&self.ring, &mut self.scratch, |piece| {
            piece.dedup();
            if piece.len() > 1 {
                shape.push(piece);
            }
        });
    }

    /// Whether something is left of a ring, and how often it comes to the frame of the tile.
    fn ring(&mut self, base: &Base, ring: Ring) -> (bool, usize) {
        self.snap(base, ring);
        let is_cut = !self.ring.iter().all(|vertex| clip::is_inside(*vertex));
        if is_cut {
            clip::ring(&mut self.ring, &mut self.scratch);
        }
        tidy_ring(&mut self.ring);
        if self.ring.len() < 3 {
            return (false, 0);
        }
        let area = doubled_area(&self.ring);
        if area == 0 {
            return (false, 0);
        }
        // Shells run clockwise on the screen, holes the other way.
        if (area > 0) == ring.hole {
            self.ring.reverse();
        }
        self.shape.push(&self.ring);
        (true, if is_cut { frame::visits(&self.ring) } else { 0 })
    }
}

/// Whether a ring goes around the whole tile with its buffer.
fn is_whole_tile(ring: &[[i32; 2]]) -> bool {
    ring.len() == 4 && ring.iter().flatten().all(|value| *value == clip::LOW || *value == clip::HIGH)
}

/// Dates travel in tiles as ISO 8601 text.
pub(super) fn date_text(value: ValueRef) -> String {
    match value {
        ValueRef::Date(date) => date.to_string(),
        ValueRef::DateTime(instant) => instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        _ => String::new(),
    }
}
