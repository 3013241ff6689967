//! How a layer of a tile comes about: what was looked at, what is left out and why, and what the bytes are spent on.

use std::time::{Duration, Instant};

use super::labels;
use super::matrix_set::Place;
use super::plane::{InGrid, Plane, mercator};
use super::render::{Part, Tile, TileOptions, draw_rows};
use super::select::select;
use super::weigh::{Weight, weigh};
use super::wire::WireEncoder;
use crate::cache::Snapshot;
use crate::crs::CrsError;

/// The making of one layer of one tile.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The tile itself, as [`super::render_at`] makes it.
    pub tile: Tile,
    /// The zoom of WebMercatorQuad whose features are drawn.
    pub zoom: u8,
    /// Bytes that it may have.
    pub budget: usize,
    /// Whether the ladder decides at that zoom which features are drawn; without a filter only.
    pub is_laddered: bool,
    /// Features that belong to the tile and that the ladder leaves out; not counted in grids other than WebMercatorQuad.
    pub hidden: Option<u32>,
    /// Features whose boxes touch the tile, as far as the ladder keeps them.
    pub seen: u32,
    /// Of these, not valid on the days that are asked for …
    pub invalid: u32,
    /// … not let through by the filter …
    pub refused: u32,
    /// … let through, but too many to be drawn: the smallest …
    pub unlisted: u32,
    /// … of which nothing is left in the tile (beside it, smaller than a unit, named elsewhere) …
    pub vanished: u32,
    /// … and left out because the tile would have had too many bytes: the smallest.
    pub over_budget: u32,
    /// What the bytes are spent on.
    pub weight: Weight,
    /// How long it took to find the features.
    pub select: Duration,
    /// How long it took to draw and encode them.
    pub draw: Duration,
}

/// Makes a layer of a tile anew, and tells how.
///
/// # Errors
/// As [`super::render_at`].
pub fn explain(snapshot: &Snapshot, place: &Place, options: &TileOptions) -> Result<Explanation, CrsError> {
    let made = match place {
        Place::Mercator(tile) => {
            let hidden = if options.filter.is_none() { Some(snapshot.hidden(*tile)) } else { None };
            let made = make(snapshot, &mut mercator(*tile, snapshot.definition().zoom.max), options);
            Explanation { hidden, ..made }
        }
        Place::Grid(tile) => make(snapshot, &mut InGrid::new(tile, snapshot)?, options),
    };
    Ok(made)
}

fn make<P: Plane>(snapshot: &Snapshot, plane: &mut P, options: &TileOptions) -> Explanation {
    let (definition, zoom) = (snapshot.definition(), plane.zoom());
    let budget = options.budget.unwrap_or_else(|| definition.tile_budget());
    let nothing = Explanation { zoom, budget, ..Explanation::default() };
    if !(definition.zoom.min..=definition.zoom.max).contains(&zoom) {
        return nothing;
    }
    let started = Instant::now();
    let found = select(snapshot, zoom, plane.bounds(), options);
    let select = started.elapsed();
    let listed = found.rows.len() as u32;
    let (seen, invalid, refused, unlisted) = (found.seen, found.invalid, found.refused, found.unlisted);
    let started = Instant::now();
    // Before what is hidden is counted, the total is what is left of the features here.
    let tile = match options.part {
        Part::Features => draw_rows::<WireEncoder, P>(snapshot, plane, found.rows, options),
        Part::Labels => labels::render::<WireEncoder, P>(snapshot, plane, options),
    };
    let draw = started.elapsed();
    Explanation {
        is_laddered: options.filter.is_none() && snapshot.step(zoom).is_some(),
        seen,
        invalid,
        refused,
        unlisted,
        vanished: listed - tile.total.min(listed),
        over_budget: tile.total - tile.kept,
        weight: weigh(&tile.bytes),
        tile,
        select,
        draw,
        ..nothing
    }
}
