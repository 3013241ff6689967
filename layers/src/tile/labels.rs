//! Label points: one for each feature, in one tile of each zoom.

use std::cmp::Reverse;

use super::encode::{Encoder, Shape, ShapeKind};
use super::grid::EXTENT;
use super::plane::Plane;
use super::render::{LABEL_SUFFIX, Tile, TileOptions};
use super::select::select;
use super::values::ValuePool;
use crate::cache::{GeometryKind, RowRef, Snapshot, ValueRef, visible};
use crate::limits::MAX_LABELS;

/// A feature that is named in the tile.
#[derive(Debug, Clone, Copy)]
struct Label<'a> {
    row: RowRef<'a>,
    position: [i32; 2],
    rank: i64,
    extent: u32,
}

/// Label points of the features that are drawn at the tile's zoom. Since each lies in one tile only, what does not fit is
/// left out here: by (rank, size, id), as everywhere, without regard to the neighbours.
pub(super) fn render<E: Encoder, P: Plane>(snapshot: &Snapshot, plane: &mut P, options: &TileOptions) -> Tile {
    let definition = snapshot.definition();
    let mut labels = found(snapshot, plane, options);
    let total = labels.len() as u32;
    labels.sort_unstable_by_key(|label| (Reverse((label.rank, label.extent)), label.row.id()));
    if plane.zoom() < definition.zoom.max {
        labels.truncate(MAX_LABELS);
    }
    let budget = options.budget.unwrap_or_else(|| definition.tile_budget());
    loop {
        let bytes = draw::<E>(snapshot, &labels);
        if bytes.len() <= budget {
            return Tile { bytes, kept: labels.len() as u32, total };
        }
        let share = (budget as f64 / bytes.len() as f64).min(1.0) * 0.97;
        labels.truncate((labels.len() as f64 * share) as usize);
    }
}

fn found<'a, P: Plane>(snapshot: &'a Snapshot, plane: &mut P, options: &TileOptions) -> Vec<Label<'a>> {
    let rank = snapshot.definition().rank.as_deref().and_then(|name| snapshot.definition().field(name));
    let zoom = plane.zoom();
    let mut labels = Vec::new();
    for (row, extent) in select(snapshot, zoom, plane.bounds(), options).rows {
        // What is shorter than a pixel stands for others too.
        if !visible(extent, zoom) && row.base.geometry().kind(row.row) != GeometryKind::Point {
            continue;
        }
        let Some(position) = row.base.label(row.row).and_then(|world| plane.place_world(world)) else { continue };
        // Half-open, in the units in which neighbours agree.
        if position.iter().all(|value| (0..EXTENT as i32).contains(value)) {
            let rank = match rank.map(|(field, _)| row.base.value(row.row, field)) {
                Some(ValueRef::Integer(rank)) => rank,
                _ => 0,
            };
            labels.push(Label { row, position, rank, extent });
        }
    }
    labels
}

/// Draws labels in order of id.
fn draw<E: Encoder>(snapshot: &Snapshot, labels: &[Label]) -> Vec<u8> {
    let definition = snapshot.definition();
    let (fields, keys): (Vec<usize>, Vec<&str>) =
        definition.label_point_fields().map(|(position, field)| (position, field.name.as_str())).unzip();
    let mut encoder = E::new(&format!("{}{LABEL_SUFFIX}", definition.id), EXTENT, &keys);
    let mut pool = ValuePool::new(fields);
    let (mut shape, mut tags) = (Shape::default(), Vec::new());
    let mut labels: Vec<&Label> = labels.iter().collect();
    labels.sort_unstable_by_key(|label| label.row.id());
    for Label { row, position, .. } in labels {
        shape.clear();
        shape.push(&[*position]);
        tags.clear();
        pool.tags(&mut encoder, *row, &mut tags);
        encoder.feature(row.id() as u64, ShapeKind::Point, &shape, &tags);
    }
    encoder.finish()
}
