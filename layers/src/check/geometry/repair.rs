//! Rebuilding invalid surfaces.
//!
//! Each part is rebuilt by the even-odd rule (what lies behind an odd number of its rings is inside), then the
//! parts are united; the result is snapped and judged again. A repair is safe when the area stays what the
//! rings enclose by their own turning, within one per cent or the width of the layer's resolution along the
//! outline. A loop at a corner, a ring that touches itself, parts that share an edge pass; a figure of eight,
//! whose true outline nobody knows, does not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use geo::algorithm::bool_ops::{BooleanOps, unary_union};
use geo_types::{LineString, MultiPolygon, Polygon};

use super::validity::first_flaw;
use super::{Grid, ring};
use crate::check::finding::Unrepaired;

/// Share of the area that a repair may change.
const MAX_SHARE: f64 = 0.01;
/// Snapping can break what was just repaired; after so many rounds it is given up.
const ROUNDS: usize = 4;

/// A rebuilt surface.
pub struct Repaired {
    /// Its parts, valid and snapped.
    pub polygons: Vec<Polygon<f64>>,
    /// Area afterwards minus area before.
    pub area_change: f64,
}

/// Rebuilds an invalid surface; the rings must be snapped, closed and of four points or more.
pub fn rebuild(polygons: Vec<Polygon<f64>>, grid: Grid) -> Result<Repaired, Unrepaired> {
    let before: f64 = polygons.iter().map(area).sum();
    let slack: f64 = polygons.iter().map(|polygon| slack(polygon, grid)).sum();
    let mut polygons = polygons;
    for round in 0..ROUNDS {
        let mut rebuilt = Vec::with_capacity(polygons.len());
        for polygon in polygons {
            let parts = part(polygon, grid, round == 0)?;
            rebuilt.extend(parts);
        }
        if rebuilt.len() > 1 && first_flaw(&rebuilt).is_some() {
            let united = guarded(|| unary_union(&rebuilt))?;
            rebuilt = snapped(united, grid);
        }
        if first_flaw(&rebuilt).is_none() {
            let after: f64 = rebuilt.iter().map(area).sum();
            if (after - before).abs() > slack.max(MAX_SHARE * before) {
                return Err(Unrepaired::AreaChange { before, after });
            }
            return Ok(Repaired { polygons: rebuilt, area_change: after - before });
        }
        polygons = rebuilt;
    }
    Err(Unrepaired::Stubborn)
}

/// One part, as it is when it is valid by itself.
fn part(polygon: Polygon<f64>, grid: Grid, first: bool) -> Result<Vec<Polygon<f64>>, Unrepaired> {
    if first_flaw(std::slice::from_ref(&polygon)).is_none() {
        return Ok(vec![polygon]);
    }
    let nothing = MultiPolygon::<f64>(Vec::new());
    let parts = snapped(guarded(|| polygon.union(&nothing))?, grid);
    let (before, after) = (area(&polygon), parts.iter().map(area).sum::<f64>());
    // A small part must not vanish behind the one per cent of a large whole.
    if first && (after - before).abs() > slack(&polygon, grid).max(MAX_SHARE * before) {
        return Err(Unrepaired::AreaChange { before, after });
    }
    Ok(parts)
}

/// The overlay library panics on inputs that it was not made for; such a surface stays unrepaired.
fn guarded(overlay: impl FnOnce() -> MultiPolygon<f64>) -> Result<MultiPolygon<f64>, Unrepaired> {
    catch_unwind(AssertUnwindSafe(overlay)).map_err(|_| Unrepaired::Stubborn)
}

/// Area of a polygon by the turning of its rings.
fn area(polygon: &Polygon<f64>) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(|hole| ring::signed_area(&hole.0).abs()).sum();
    ring::signed_area(&polygon.exterior().0).abs() - holes
}

/// What snapping alone may change.
fn slack(polygon: &Polygon<f64>, grid: Grid) -> f64 {
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    rings.map(|ring| ring::length(&ring.0)).sum::<f64>() * 2.0 * grid.resolution()
}

fn snapped(polygons: MultiPolygon<f64>, grid: Grid) -> Vec<Polygon<f64>> {
    let tidy = |line: LineString<f64>, outer: bool| {
        let LineString(mut points) = line;
        ring::snap(&mut points, grid);
        ring::cut_spikes(&mut points);
        let area = ring::signed_area(&points);
        if points.len() < 4 || area == 0.0 {
            return None;
        }
        if (area < 0.0) == outer {
            points.reverse();
        }
        Some(LineString(points))
    };
    let parts = polygons.into_iter().filter_map(|polygon| {
        let (exterior, holes) = polygon.into_inner();
        let exterior = tidy(exterior, true)?;
        Some(Polygon::new(exterior, holes.into_iter().filter_map(|hole| tidy(hole, false)).collect()))
    });
    parts.collect()
}
