//! The geometry of one shapefile record (ESRI Shapefile Technical Description, July 1998), x and y of it.
//!
//! M and Z stand after x and y in a record and are never looked at.

use geo_types::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

use crate::definition::GeometryType;
use crate::limits::{MAX_RINGS, MAX_VERTICES};
use crate::reader::tally::Tally;

type Ring = Vec<Coord<f64>>;

/// The geometry type of a file of some shape type.
pub(super) fn geometry_type(shape: i32) -> Option<GeometryType> {
    match shape {
        1 | 11 | 21 => Some(GeometryType::Point),
        8 | 18 | 28 => Some(GeometryType::MultiPoint),
        3 | 13 | 23 => Some(GeometryType::MultiLineString),
        5 | 15 | 25 => Some(GeometryType::MultiPolygon),
        _ => None,
    }
}

/// Reads the content of a record. `None` is the null shape.
pub(super) fn read(content: &[u8], tally: &mut Tally) -> Result<Option<Geometry<f64>>, String> {
    let cut = || "the shape is cut off; export the shapefile again".to_owned();
    let (kind, rest) = content.split_first_chunk::<4>().ok_or_else(cut)?;
    match i32::from_le_bytes(*kind) {
        0 => Ok(None),
        1 | 11 | 21 => {
            let coords = coords(rest, 1).ok_or_else(cut)?;
            Ok(coords.first().map(|&coord| Point(coord).into()))
        }
        8 | 18 | 28 => {
            let count = int(rest, 32).ok_or_else(cut)?;
            let coords = rest.get(36..).and_then(|body| coords(body, count)).ok_or_else(cut)?;
            Ok(Some(MultiPoint(coords.into_iter().map(Point).collect()).into()))
        }
        3 | 13 | 23 => {
            let mut lines: Vec<LineString<f64>> = parts(rest)?.into_iter().map(LineString).collect();
            Ok(match lines.len() {
                0 => None,
                1 => lines.pop().map(Into::into),
                _ => Some(MultiLineString(lines).into()),
            })
        }
        5 | 15 | 25 => Ok(organise(parts(rest)?, tally)),
        31 => Err("a multipatch (3D surface) is not supported; convert it to polygons first".into()),
        other => Err(format!("shape type {other} is unknown; the record is damaged")),
    }
}

fn int(bytes: &[u8], at: usize) -> Option<usize> {
    let raw = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(i32::from_le_bytes(raw)).ok()
}

fn coords(bytes: &[u8], count: usize) -> Option<Vec<Coord<f64>>> {
    let bytes = bytes.get(..count.checked_mul(16)?)?;
    let number = |raw: &[u8]| raw.try_into().map_or(f64::NAN, f64::from_le_bytes);
    Some(bytes.chunks_exact(16).map(|pair| Coord { x: number(&pair[..8]), y: number(&pair[8..]) }).collect())
}

/// The parts of a line or polygon: box, number of parts, number of points, first point of each part, points.
fn parts(body: &[u8]) -> Result<Vec<Vec<Coord<f64>>>, String> {
    let cut = || "the shape is cut off; export the shapefile again".to_owned();
    let (count, points) = (int(body, 32).ok_or_else(cut)?, int(body, 36).ok_or_else(cut)?);
    if count > MAX_RINGS {
        return Err(format!("{count} parts, more than MAX_RINGS ({MAX_RINGS})"));
    }
    if points > MAX_VERTICES {
        return Err(format!("{points} vertices, more than MAX_VERTICES ({MAX_VERTICES})"));
    }
    let coords = body.get(40 + 4 * count..).and_then(|rest| coords(rest, points)).ok_or_else(cut)?;
    let mut parts = Vec::with_capacity(count);
    for part in 0..count {
        let start = int(body, 40 + 4 * part).ok_or_else(cut)?;
        let end = if part + 1 < count { int(body, 44 + 4 * part).ok_or_else(cut)? } else { points };
        let part = coords.get(start..end).ok_or("the parts of the shape do not fit its points")?;
        if !part.is_empty() {
            parts.push(part.to_vec());
        }
    }
    Ok(parts)
}

/// Twice the signed area: negative for clockwise rings.
fn signed_area(ring: &[Coord<f64>]) -> f64 {
    let Some(origin) = ring.first().copied() else { return 0.0 };
    ring.windows(2)
        .map(|edge| {
            let (a, b) = (edge[0] - origin, edge[1] - origin);
            a.x * b.y - b.x * a.y
        })
        .sum()
}

/// Polygons of rings: outer rings run clockwise, holes the other way, in any order.
fn organise(rings: Vec<Vec<Coord<f64>>>, tally: &mut Tally) -> Option<Geometry<f64>> {
    let mut rings = rings;
    for ring in &mut rings {
        if ring.first() != ring.last() {
            tally.closed_rings += 1;
            ring.extend(ring.first().copied());
        }
    }
    if rings.len() == 1 {
        return rings.pop().map(|ring| Polygon::new(LineString(ring), Vec::new()).into());
    }
    let (outer, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|ring| signed_area(ring) <= 0.0);
    // A file whose rings all run the wrong way has outer rings only by its own lights.
    let (outer, holes) = if outer.is_empty() { (holes, Vec::new()) } else { (outer, holes) };
    let mut polygons: Vec<(Ring, Vec<LineString<f64>>)> = outer.into_iter().map(|ring| (ring, Vec::new())).collect();
    for hole in holes {
        // The smallest outer ring around a hole is the one it was cut from.
        let around = polygons
            .iter()
            .enumerate()
            .filter(|(_, (outer, _))| encloses(outer, &hole))
            .min_by(|(_, (a, _)), (_, (b, _))| signed_area(b).total_cmp(&signed_area(a)))
            .map(|(at, _)| at);
        if let Some(at) = around {
            polygons[at].1.push(LineString(hole));
        } else {
            tally.stray_holes += 1;
            polygons.push((hole, Vec::new()));
        }
    }
    let mut polygons: Vec<Polygon<f64>> =
        polygons.into_iter().map(|(outer, holes)| Polygon::new(LineString(outer), holes)).collect();
    match polygons.len() {
        0 => None,
        1 => polygons.pop().map(Into::into),
        _ => Some(MultiPolygon(polygons).into()),
    }
}

/// Whether `inner` lies within `outer`, by its first vertex that is not a vertex or on an edge of it.
fn encloses(outer: &[Coord<f64>], inner: &[Coord<f64>]) -> bool {
    for &point in inner {
        if let Some(answer) = inside(outer, point) {
            return answer;
        }
    }
    // All vertices of the hole lie on the outer ring: it can only be cut from it.
    true
}

/// Whether a point lies inside a ring; `None` on its edge.
fn inside(ring: &[Coord<f64>], point: Coord<f64>) -> Option<bool> {
    let mut inside = false;
    for edge in ring.windows(2) {
        let (a, b) = (edge[0], edge[1]);
        let cross = (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x);
        let between = |p: f64, q: f64, v: f64| v >= p.min(q) && v <= p.max(q);
        if cross == 0.0 && between(a.x, b.x, point.x) && between(a.y, b.y, point.y) {
            return None;
        }
        if (a.y > point.y) != (b.y > point.y) && (cross > 0.0) == (b.y > a.y) {
            inside = !inside;
        }
    }
    Some(inside)
}
