//! From a snapshot to the bytes of one layer in one tile.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::NaiveDate;

use super::clip;
use super::encode::{Encoder, Shape, ShapeKind};
use super::frame::{self, Joiner};
use super::grid::{EXTENT, TileId};
use super::labels;
use super::matrix_set::Place;
use super::plane::{InGrid, Plane, mercator};
use super::repair::{Inspector, is_convex, repair};
use super::select::{Found, select};
use super::shape::{doubled_area, tidy_ring};
use super::values::ValuePool;
use super::wire::WireEncoder;
use crate::cache::{Base, GeometryKind, Ring, RowRef, Snapshot, UNITS_PER_PIXEL, ValueRef, visible};
use crate::crs::CrsError;
use crate::query::cql2::BoundFilter;

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
    /// Only what is valid on one of the days from the first to the last, in layers whose data say so; an end that is missing
    /// is open.
    pub during: [Option<NaiveDate>; 2],
    /// Only what fulfils a condition; then what the ladder leaves out at a zoom is drawn too, as far as the budget goes.
    pub filter: Option<Arc<BoundFilter>>,
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
    cut::<E, _>(snapshot, &mut mercator(tile, snapshot.definition().zoom.max), options)
}

/// As [`render`], in any grid.
///
/// # Errors
/// When no operation is known between the CRS of the layer and that of the grid.
pub fn render_at(snapshot: &Snapshot, place: &Place, options: &TileOptions) -> Result<Tile, CrsError> {
    match place {
        Place::Mercator(tile) => Ok(render(snapshot, *tile, options)),
        Place::Grid(tile) => Ok(cut::<WireEncoder, _>(snapshot, &mut InGrid::new(tile, snapshot)?, options)),
    }
}

fn cut<E: Encoder, P: Plane>(snapshot: &Snapshot, plane: &mut P, options: &TileOptions) -> Tile {
    let definition = snapshot.definition();
    if !(definition.zoom.min..=definition.zoom.max).contains(&plane.zoom()) {
        return Tile::default();
    }
    if options.part == Part::Labels {
        return labels::render::<E, P>(snapshot, plane, options);
    }
    let Found { rows, unlisted, .. } = select(snapshot, plane.zoom(), plane.bounds(), options);
    let drawn = draw_rows::<E, P>(snapshot, plane, rows, options);
    let hidden = if options.filter.is_none() { plane.hidden(snapshot) } else { unlisted };
    Tile { total: drawn.total + hidden, ..drawn }
}

/// Draws what was selected, within the budget.
pub(super) fn draw_rows<E: Encoder, P: Plane>(
    snapshot: &Snapshot,
    plane: &mut P,
    mut rows: Vec<(RowRef, u32)>,
    options: &TileOptions,
) -> Tile {
    rows.sort_unstable_by_key(|(row, _)| row.id());
    let budget = options.budget.unwrap_or_else(|| snapshot.definition().tile_budget());
    let drawn = draw::<E, P>(snapshot, plane, rows.iter().copied());
    if drawn.bytes.len() <= budget {
        return drawn;
    }
    // What only its box brought here must have no say in what is left out.
    let zoom = plane.zoom();
    let mut pen = Pen::new(plane);
    rows.retain(|(row, extent)| pen.shape(*row, !visible(*extent, zoom)).is_some());
    within_budget::<E, P>(snapshot, plane, rows, budget, drawn.bytes.len())
}

/// The last resort where the ladder's estimate was too low, or a request asks for less: the largest features
/// that fit. Neighbouring tiles may then differ along their border.
fn within_budget<E: Encoder, P: Plane>(
    snapshot: &Snapshot,
    plane: &mut P,
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
        let drawn = draw::<E, P>(snapshot, plane, kept.into_iter());
        size = drawn.bytes.len();
        if size <= budget {
            return Tile { total, ..drawn };
        }
    }
}

/// Draws rows, each with the extent of its box in tree units.
fn draw<'a, E: Encoder, P: Plane>(
    snapshot: &'a Snapshot,
    plane: &mut P,
    rows: impl Iterator<Item = (RowRef<'a>, u32)>,
) -> Tile {
    let definition = snapshot.definition();
    let fields: Vec<(usize, &str)> =
        definition.tile_fields().map(|(position, field)| (position, field.name.as_str())).collect();
    let keys: Vec<&str> = fields.iter().map(|(_, name)| *name).collect();
    let mut encoder = E::new(&definition.id, EXTENT, &keys);
    let mut pool = ValuePool::new(fields.iter().map(|(field, _)| *field).collect());
    let zoom = plane.zoom();
    let mut pen = Pen::new(plane);
    let mut tags = Vec::new();
    let mut kept = 0;
    for (row, extent) in rows {
        let Some(kind) = pen.shape(row, !visible(extent, zoom)) else { continue };
        tags.clear();
        pool.tags(&mut encoder, row, &mut tags);
        encoder.feature(row.id() as u64, kind, &pen.shape, &tags);
        kept += 1;
    }
    Tile { bytes: encoder.finish(), kept, total: kept }
}

/// Turns geometries into shapes, with buffers that are used again and again.
pub(super) struct Pen<'p, P> {
    plane: &'p mut P,
    pub(super) shape: Shape,
    joiner: Joiner,
    inspector: Inspector,
    ring: Vec<[i32; 2]>,
    scratch: Vec<[i32; 2]>,
    /// Whether a vertex of the row had no image: then nothing of it is drawn.
    is_lost: bool,
}

impl<'p, P: Plane> Pen<'p, P> {
    pub(super) fn new(plane: &'p mut P) -> Self {
        Self {
            plane,
            shape: Shape::default(),
            joiner: Joiner::default(),
            inspector: Inspector::default(),
            ring: Vec::new(),
            scratch: Vec::new(),
            is_lost: false,
        }
    }

    /// Leaves the row's geometry in `self.shape`; `None` when nothing of it is to be drawn.
    ///
    /// A surface that stands in for smaller ones around it is drawn as one pixel.
    pub(super) fn shape(&mut self, row: RowRef, stands_in: bool) -> Option<ShapeKind> {
        self.shape.clear();
        self.is_lost = false;
        let geometry = row.base.geometry();
        let kind = match geometry.kind(row.row) {
            GeometryKind::None => return None,
            GeometryKind::Point => {
                for position in geometry.nodes(row.row) {
                    if let Some(position) = self.plane.place(row.base, *position).filter(|it| clip::holds(*it)) {
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
                let corner = *geometry.nodes(row.row).first()?;
                let corner = self.plane.place(row.base, corner)?;
                self.pixel(corner);
                ShapeKind::Polygon
            }
            GeometryKind::Polygon => {
                let is_joined = self.surface(row);
                // Where its edges keep well apart, nothing that is done to them here can make them meet.
                let may_meet = || is_joined || !self.plane.keeps_apart(row);
                if !is_convex(&self.shape) && may_meet() && !self.inspector.is_simple(&self.shape) {
                    repair(&mut self.shape);
                }
                ShapeKind::Polygon
            }
        };
        (!self.shape.is_empty() && !self.is_lost).then_some(kind)
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

    fn pixel(&mut self, [x, y]: [i32; 2]) {
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

    /// Leaves in `self.ring` the vertices that the tile needs.
    fn snap(&mut self, base: &Base, ring: Ring, is_closed: bool) {
        if !self.plane.trace(base, ring, is_closed, &mut self.ring) {
            self.is_lost = true;
            self.ring.clear();
        }
    }

    fn line(&mut self, base: &Base, line: Ring) {
        self.snap(base, line, false);
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
        self.snap(base, ring, true);
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
