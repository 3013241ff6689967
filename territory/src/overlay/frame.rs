//! What of a large polygon is near a small one.
//!
//! Boolean operations work on a grid that is as fine as both together allow: beside a zone of ten kilometres a table of
//! a café would be cut on a grid of hundredths of a millimetre, which its area shows. So zones are cut to a frame first.

use geo_types::{Coord, LineString, MultiPolygon, Polygon, Rect};

/// The part of polygons inside a frame, by the even-odd rule. Its rings may run along the frame and back, so the frame
/// must be wider than what is looked at.
pub(crate) fn cut(polygons: &MultiPolygon<f64>, frame: Rect<f64>) -> MultiPolygon<f64> {
    let cut = polygons.iter().filter_map(|polygon| {
        let exterior = ring(polygon.exterior(), frame)?;
        Some(Polygon::new(exterior, polygon.interiors().iter().filter_map(|hole| ring(hole, frame)).collect()))
    });
    MultiPolygon(cut.collect())
}

/// Sutherland and Hodgman's method: one side of the frame after the other.
fn ring(ring: &LineString<f64>, frame: Rect<f64>) -> Option<LineString<f64>> {
    let (min, max) = (frame.min(), frame.max());
    let mut coords = ring.0.clone();
    coords.pop();
    let sides: [(bool, f64, f64); 4] =
        [(true, min.x, 1.0), (true, max.x, -1.0), (false, min.y, 1.0), (false, max.y, -1.0)];
    for (along_x, at, sign) in sides {
        coords = half_plane(&coords, along_x, at, sign);
    }
    if coords.len() < 3 {
        return None;
    }
    coords.push(coords[0]);
    Some(LineString(coords))
}

fn half_plane(coords: &[Coord<f64>], along_x: bool, at: f64, sign: f64) -> Vec<Coord<f64>> {
    let inside = |c: Coord<f64>| (if along_x { c.x } else { c.y } - at) * sign >= 0.0;
    let mut kept = Vec::with_capacity(coords.len() + 4);
    for (i, &b) in coords.iter().enumerate() {
        let a = coords[if i == 0 { coords.len() - 1 } else { i - 1 }];
        if inside(a) != inside(b) {
            // Always from the same end, so that a border that two zones share is cut at the same place.
            let (p, q) = if (a.x, a.y) < (b.x, b.y) { (a, b) } else { (b, a) };
            kept.push(if along_x {
                Coord { x: at, y: p.y + (q.y - p.y) * ((at - p.x) / (q.x - p.x)) }
            } else {
                Coord { x: p.x + (q.x - p.x) * ((at - p.y) / (q.y - p.y)), y: at }
            });
        }
        if inside(b) {
            kept.push(b);
        }
    }
    kept
}
