//! Which features lie at a place.

use super::place::Place;
use crate::cache::{Base, GeometryKind, RowRef, Snapshot, Validity};
use crate::crs::{CrsError, geodesic_distance_m};
use crate::definition::GeometryType;

/// World units around the earth.
const WORLD: f64 = 4_294_967_296.0;
/// Length of the equator of Web Mercator, metres.
const EQUATOR_M: f64 = 40_075_016.685_578_49;
/// World units by which a box may miss a position through rounding on both sides.
const SLACK: u32 = 4;

/// A feature at or near a place.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// The feature.
    pub row: RowRef<'a>,
    /// Geodesic distance in metres; 0 for a surface that covers the place.
    pub distance_m: f64,
}

/// Features of a layer at a place: surfaces that cover it, and points and lines within `radius_m` metres.
/// Nearest first, then by id; at most `limit`.
///
/// A place exactly on an edge that two surfaces share belongs to just one of them (the one above or to the
/// right of the edge, in storage coordinates), always the same.
///
/// # Errors
/// When the place has no coordinates in the layer's storage CRS.
pub fn at<'a>(snapshot: &'a Snapshot, place: &Place, radius_m: f64, limit: usize) -> Result<Vec<Hit<'a>>, CrsError> {
    at_when(snapshot, place, radius_m, limit, &Validity::default())
}

/// As [`at`], of the features that are valid on a date.
///
/// # Errors
/// When the place has no coordinates in the layer's storage CRS.
pub fn at_when<'a>(
    snapshot: &'a Snapshot,
    place: &Place,
    radius_m: f64,
    limit: usize,
    validity: &Validity,
) -> Result<Vec<Hit<'a>>, CrsError> {
    let Some(crs) = snapshot.crs() else { return Ok(Vec::new()) };
    let position = place.in_crs(crs)?;
    let world = place.world();
    let per_metre = units_per_metre(place.lonlat()[1]);
    // Surfaces cover the place or do not, however near they are.
    let is_of_surfaces = matches!(snapshot.definition().geometry, GeometryType::Polygon | GeometryType::MultiPolygon);
    let reach = if is_of_surfaces { 0 } else { (radius_m * per_metre) as u32 }.saturating_add(SLACK);
    let mut hits = Vec::new();
    snapshot.search(
        world.map(|value| value.saturating_sub(reach)),
        world.map(|value| value.saturating_add(reach)),
        |row, _| {
            if !validity.holds(row) {
                return;
            }
            let base = row.base;
            let distance_m = match base.geometry().kind(row.row) {
                GeometryKind::Polygon => covers(base, row.row, position).then_some(0.0),
                GeometryKind::Point | GeometryKind::Line => {
                    nearest(base, row.row, position, place.lonlat()).filter(|distance| *distance <= radius_m)
                }
                GeometryKind::None => None,
            };
            hits.extend(distance_m.map(|distance_m| Hit { row, distance_m }));
        },
    );
    hits.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.row.id().cmp(&b.row.id())));
    hits.truncate(limit);
    Ok(hits)
}

/// Calls `visit` for every feature within `radius_m` metres of a place, with its geodesic distance in metres: to the
/// nearest vertex or segment, of a surface too; 0 for one that covers the place.
///
/// # Errors
/// When the place has no coordinates in the layer's storage CRS.
pub fn near<'a>(
    snapshot: &'a Snapshot,
    place: &Place,
    radius_m: f64,
    mut visit: impl FnMut(RowRef<'a>, f64),
) -> Result<(), CrsError> {
    let Some(crs) = snapshot.crs() else { return Ok(()) };
    let (position, world) = (place.in_crs(crs)?, place.world());
    let reach = ((radius_m * units_per_metre(place.lonlat()[1])).ceil() as u32).saturating_add(SLACK);
    let (min, max) = (world.map(|value| value.saturating_sub(reach)), world.map(|value| value.saturating_add(reach)));
    snapshot.search(min, max, |row, _| {
        let is_surface = row.base.geometry().kind(row.row) == GeometryKind::Polygon;
        let distance_m = if is_surface && covers(row.base, row.row, position) {
            Some(0.0)
        } else {
            nearest(row.base, row.row, position, place.lonlat())
        };
        if let Some(distance_m) = distance_m.filter(|distance| *distance <= radius_m) {
            visit(row, distance_m);
        }
    });
    Ok(())
}

/// World units in a metre at a latitude, degrees.
pub fn units_per_metre(latitude: f64) -> f64 {
    WORLD / EQUATOR_M / latitude.to_radians().cos().max(0.01)
}

/// Calls `visit` for every surface that covers a position given in storage CRS.
pub fn covering<'a>(snapshot: &'a Snapshot, position: [f64; 2], mut visit: impl FnMut(RowRef<'a>)) {
    let world = snapshot.world(position);
    let (min, max) = (world.map(|value| value.saturating_sub(SLACK)), world.map(|value| value.saturating_add(SLACK)));
    snapshot.search(min, max, |row, _| {
        if row.base.geometry().kind(row.row) == GeometryKind::Polygon && covers(row.base, row.row, position) {
            visit(row);
        }
    });
}

/// The surface with the smallest id that covers a position given in storage CRS.
pub fn first_covering(snapshot: &Snapshot, position: [f64; 2]) -> Option<RowRef<'_>> {
    let mut first: Option<RowRef> = None;
    covering(snapshot, position, |row| {
        if first.is_none_or(|other| row.id() < other.id()) {
            first = Some(row);
        }
    });
    first
}

/// Whether a surface covers a position: the even-odd rule over all its rings, half-open at the edges.
fn covers(base: &Base, row: u32, position: [f64; 2]) -> bool {
    let [x, y] = base.geometry().grid().steps(position);
    let mut inside = false;
    for ring in base.geometry().rings(row) {
        if ring.is_long() {
            for (run, span) in ring.runs() {
                // Edges all above, all below or all to the left are not crossed.
                let [min, max] = [run.min, run.max].map(|corner| corner.map(f64::from));
                if y >= min[1] && y < max[1] && x < max[0] {
                    inside ^= odd(ring.nodes, span, x, y);
                }
            }
        } else {
            inside ^= odd(ring.nodes, 0..ring.nodes.len(), x, y);
        }
    }
    inside
}

/// Whether the ray crosses an odd number of the edges of a ring that end in a span of its vertices.
fn odd(nodes: &[[i32; 2]], span: std::ops::Range<usize>, x: f64, y: f64) -> bool {
    let Some(mut previous) = nodes.get(span.start.checked_sub(1).unwrap_or(nodes.len().wrapping_sub(1))) else {
        return false;
    };
    let mut odd = false;
    for vertex in &nodes[span] {
        odd ^= crosses(*previous, *vertex, x, y);
        previous = vertex;
    }
    odd
}

/// Whether the ray from `(x, y)` towards growing x crosses an edge. The edge is taken from its lower to its
/// upper end, so that the two surfaces on its sides decide by the same arithmetic and exactly one of them
/// holds a position on it.
fn crosses(a: [i32; 2], b: [i32; 2], x: f64, y: f64) -> bool {
    let (low, high) = if a[1] <= b[1] { (a, b) } else { (b, a) };
    if y < f64::from(low[1]) || y >= f64::from(high[1]) {
        return false;
    }
    let run = f64::from(high[0]) - f64::from(low[0]);
    let rise = f64::from(high[1]) - f64::from(low[1]);
    (x - f64::from(low[0])) * rise < (y - f64::from(low[1])) * run
}

/// Geodesic distance in metres from a position to the nearest vertex or segment of a point or line.
fn nearest(base: &Base, row: u32, position: [f64; 2], lonlat: [f64; 2]) -> Option<f64> {
    let geometry = base.geometry();
    let grid = geometry.grid();
    let at = grid.steps(position);
    // In degrees a step east is shorter than a step north.
    let squeeze = if base.crs().is_geographic() { lonlat[1].to_radians().cos() } else { 1.0 };
    let mut best: Option<(f64, [f64; 2])> = None;
    let mut offer = |candidate: [f64; 2]| {
        let (dx, dy) = ((candidate[0] - at[0]) * squeeze, candidate[1] - at[1]);
        let squared = dx * dx + dy * dy;
        if best.is_none_or(|(other, _)| squared < other) {
            best = Some((squared, candidate));
        }
    };
    let real = |node: [i32; 2]| node.map(f64::from);
    for ring in geometry.rings(row) {
        match ring.nodes {
            [only] => offer(real(*only)),
            nodes => nodes.windows(2).for_each(|pair| offer(foot(real(pair[0]), real(pair[1]), at, squeeze))),
        }
        // The last edge of a ring is not written.
        if let (GeometryKind::Polygon, [first, .., last]) = (geometry.kind(row), ring.nodes) {
            offer(foot(real(*last), real(*first), at, squeeze));
        }
    }
    let (_, steps) = best?;
    let here = grid.position(steps);
    Some(geodesic_distance_m(base.lonlat(here), lonlat))
}

/// The position of segment `a`–`b` that is nearest to `at`.
fn foot(a: [f64; 2], b: [f64; 2], at: [f64; 2], squeeze: f64) -> [f64; 2] {
    let d = [b[0] - a[0], b[1] - a[1]];
    let length = (d[0] * squeeze).powi(2) + d[1].powi(2);
    if length == 0.0 {
        return a;
    }
    let along = ((at[0] - a[0]) * d[0] * squeeze * squeeze + (at[1] - a[1]) * d[1]) / length;
    let along = along.clamp(0.0, 1.0);
    [a[0] + along * d[0], a[1] + along * d[1]]
}
