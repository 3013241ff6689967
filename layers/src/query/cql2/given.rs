//! Geometries of a filter in the CRS of a layer.
//!
//! Their edges are straight in the layer's CRS, but for the long ones, which bend there as they do in degrees. Of what reaches
//! beyond the part of the earth that a projected CRS is for, the rest is laid onto the edge of that part: the whole world is a
//! filter like any other, while a projection says nonsense of the other side of the earth. Since no feature lies at that edge, no
//! relation to a feature changes.

use geo::{Area, BooleanOps, Validation};
use geo_types::{Coord, Geometry, Line, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, Rect};

use crate::crs::{Crs, CrsError, with_transformer};

/// Degrees around the published area of a CRS in which coordinates still mean something.
const MARGIN: f64 = 10.0;
/// No projection is asked closer to a pole, degrees of latitude.
const HIGHEST: f64 = 89.9;
/// Longer edges are cut, degrees (about two kilometres: a parallel leaves its chord by a decimetre) …
const LONGEST: f64 = 0.02;
/// … into so many pieces of a geometry altogether, or a few more.
const PIECES: f64 = 1024.0;
/// Sides of what stands for a surface that lies beyond all features, degrees.
const TINY: f64 = 1e-3;

/// A geometry (x before y, in the unit of its CRS) in another CRS.
///
/// # Errors
/// As [`crate::crs::Transformer::geometry`].
pub(super) fn brought(geometry: &Geometry<f64>, from: &Crs, to: &Crs) -> Result<Geometry<f64>, CrsError> {
    let is_bent = from.is_geographic() && !to.is_geographic();
    let domain = if is_bent { domain(from, to) } else { None };
    let mut moved = match domain {
        Some(domain) => {
            let laid = mapped(geometry, &domain, &mut |line| laid(line, &domain));
            let mut length = 0.0;
            mapped(&laid, &domain, &mut |line| {
                length += edges(line, &domain).map(|(edge, _)| long(&edge)).sum::<f64>();
                line.clone()
            });
            let longest = LONGEST.max(length / PIECES);
            mapped(&laid, &domain, &mut |line| cut(line, &domain, longest))
        }
        None => geometry.clone(),
    };
    with_transformer(from, to, |transformer| transformer.geometry(&mut moved))??;
    Ok(if domain.is_some() { mended(moved) } else { moved })
}

/// The part of the earth that a projected CRS is for, in another one in degrees.
fn domain(from: &Crs, to: &Crs) -> Option<Rect<f64>> {
    let [west, south, east, north] = to.area_of_use();
    if west >= east || south >= north {
        return None;
    }
    let mut corners = [
        [(west - MARGIN).max(-180.0), (south - MARGIN).max(-HIGHEST)],
        [(east + MARGIN).min(180.0), (north + MARGIN).min(HIGHEST)],
    ];
    with_transformer(&Crs::crs84(), from, |transformer| transformer.points(&mut corners)).ok()?.ok()?;
    Some(Rect::new(corners[0], corners[1]))
}

/// A geometry with its lines and rings replaced.
fn mapped(
    geometry: &Geometry<f64>,
    domain: &Rect<f64>,
    line: &mut dyn FnMut(&LineString<f64>) -> LineString<f64>,
) -> Geometry<f64> {
    let polygon = |polygon: &Polygon<f64>, line: &mut dyn FnMut(&LineString<f64>) -> LineString<f64>| {
        let shell = line(polygon.exterior());
        if is_flat(&shell, domain) {
            return stand_in(polygon, domain);
        }
        let holes = polygon.interiors().iter().map(line).filter(|hole| !is_flat(hole, domain)).collect();
        Polygon::new(shell, holes)
    };
    let point = |point: &Point<f64>| Point(clamped(point.0, domain));
    match geometry {
        Geometry::Point(one) => point(one).into(),
        Geometry::MultiPoint(points) => MultiPoint(points.iter().map(point).collect()).into(),
        Geometry::LineString(one) => line(one).into(),
        Geometry::MultiLineString(lines) => MultiLineString(lines.iter().map(line).collect()).into(),
        Geometry::Polygon(one) => polygon(one, line).into(),
        Geometry::MultiPolygon(all) => MultiPolygon(all.iter().map(|one| polygon(one, line)).collect()).into(),
        // Neither parser makes others.
        other => other.clone(),
    }
}

fn clamped(at: Coord<f64>, domain: &Rect<f64>) -> Coord<f64> {
    let (low, high) = (domain.min(), domain.max());
    Coord { x: at.x.clamp(low.x, high.x), y: at.y.clamp(low.y, high.y) }
}

/// A line within the domain. Each edge is cut where it passes a side of the domain, prolonged: between these places it is moved as
/// a whole, so that it stays where it is inside and runs along the sides where it is outside.
fn laid(line: &LineString<f64>, domain: &Rect<f64>) -> LineString<f64> {
    let (low, high) = (domain.min(), domain.max());
    let mut found: Vec<Coord<f64>> = line.0.first().map(|at| clamped(*at, domain)).into_iter().collect();
    for edge in line.lines() {
        let (dx, dy) = (edge.dx(), edge.dy());
        let passes = [(low.x - edge.start.x) / dx, (high.x - edge.start.x) / dx];
        let mut shares: Vec<f64> = passes
            .into_iter()
            .chain([(low.y - edge.start.y) / dy, (high.y - edge.start.y) / dy])
            .filter(|share| *share > 0.0 && *share < 1.0)
            .collect();
        shares.sort_by(f64::total_cmp);
        for share in shares {
            found.push(clamped(Coord { x: edge.start.x + dx * share, y: edge.start.y + dy * share }, domain));
        }
        found.push(clamped(edge.end, domain));
    }
    found.dedup();
    // A line that lies beyond is a place at the side; two positions still make it one.
    if found.len() == 1 {
        found.push(found[0]);
    }
    LineString(found)
}

/// The edges of a line, but for those along the sides of the domain; with the position of each.
fn edges(line: &LineString<f64>, domain: &Rect<f64>) -> impl Iterator<Item = (Line<f64>, usize)> {
    let (low, high) = (domain.min(), domain.max());
    #[expect(clippy::float_cmp, reason = "what is laid onto a side is exactly there")]
    let is_aside = move |edge: &Line<f64>| {
        [low.x, high.x].iter().any(|x| edge.start.x == *x && edge.end.x == *x)
            || [low.y, high.y].iter().any(|y| edge.start.y == *y && edge.end.y == *y)
    };
    line.lines().zip(0..).filter(move |(edge, _)| !is_aside(edge))
}

fn long(edge: &Line<f64>) -> f64 {
    edge.dx().hypot(edge.dy())
}

/// A line whose long edges are cut, but for those along the sides of the domain.
fn cut(line: &LineString<f64>, domain: &Rect<f64>, longest: f64) -> LineString<f64> {
    let mut found = Vec::with_capacity(line.0.len());
    let mut done = 0;
    for (edge, position) in edges(line, domain) {
        found.extend_from_slice(&line.0[done..=position]);
        done = position + 1;
        let pieces = (long(&edge) / longest).ceil();
        let shares = std::iter::successors(Some(1.0), |piece| Some(piece + 1.0)).take_while(|piece| *piece < pieces);
        found.extend(shares.map(|piece| {
            let share = piece / pieces;
            Coord { x: edge.start.x + edge.dx() * share, y: edge.start.y + edge.dy() * share }
        }));
    }
    found.extend_from_slice(&line.0[done..]);
    LineString(found)
}

/// Of a ring of which nothing is left but its way along the sides of the domain, there and back.
fn is_flat(ring: &LineString<f64>, domain: &Rect<f64>) -> bool {
    let (low, high) = (domain.min(), domain.max());
    let is_inside = |at: &Coord<f64>| at.x > low.x && at.x < high.x && at.y > low.y && at.y < high.y;
    !ring.0.iter().any(is_inside) && Polygon::new(ring.clone(), Vec::new()).unsigned_area() < TINY * TINY
}

/// A surface that lies beyond the domain lies in a corner of it, where nothing is: there is still more than what lies within.
fn stand_in(polygon: &Polygon<f64>, domain: &Rect<f64>) -> Polygon<f64> {
    let at = polygon.exterior().0.first().map_or(domain.min(), |at| clamped(*at, domain));
    let middle = domain.center();
    let inwards = Coord { x: TINY.copysign(middle.x - at.x), y: TINY.copysign(middle.y - at.y) };
    let ring = [at, Coord { x: at.x + inwards.x, y: at.y }, Coord { x: at.x, y: at.y + inwards.y }, at];
    Polygon::new(LineString(ring.to_vec()), Vec::new())
}

/// Surfaces whose parts have come to lie on one another at the side of the domain.
fn mended(geometry: Geometry<f64>) -> Geometry<f64> {
    match geometry {
        Geometry::Polygon(polygon) if !polygon.is_valid() => polygon.union(&MultiPolygon(Vec::new())).into(),
        Geometry::MultiPolygon(polygons) if !polygons.is_valid() => polygons.union(&MultiPolygon(Vec::new())).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use geo::{BoundingRect, Intersects, Relate, Within};
    use proptest::prelude::*;

    use super::*;

    fn rect(west: f64, south: f64, east: f64, north: f64) -> Geometry<f64> {
        Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north }).to_polygon().into()
    }

    fn in_italy(geometry: &Geometry<f64>) -> Geometry<f64> {
        brought(geometry, &Crs::crs84(), &Crs::epsg(7795).expect("known")).expect("brought")
    }

    /// A square metre in Venice.
    fn here() -> Geometry<f64> {
        rect(3_026_510.0, 5_033_255.0, 3_026_511.0, 5_033_256.0)
    }

    #[test]
    fn the_whole_world_has_every_place_in_it() {
        for code in [7795, 7791, 7792, 3857, 3035, 3003, 25833] {
            let to = Crs::epsg(code).expect("known");
            let world = brought(&rect(-180.0, -90.0, 180.0, 90.0), &Crs::crs84(), &to).expect("brought");
            let place = brought(&Point::new(12.34, 45.43).into(), &Crs::crs84(), &to).expect("brought");
            assert!(world.intersects(&place) && place.relate(&world).is_within(), "EPSG:{code}");
        }
    }

    #[test]
    fn what_lies_beyond_stays_beyond() {
        let here = here();
        for far in [
            rect(-180.0, -90.0, -90.0, 90.0),
            rect(100.0, -10.0, 120.0, 10.0),
            LineString::from(vec![(-180.0, -45.0), (0.0, -45.0)]).into(),
            LineString::from(vec![(-170.0, 0.0), (10.0, 89.0), (170.0, 0.0)]).into(),
            Point::new(-170.0, 10.0).into(),
            MultiPolygon(vec![Polygon::new(vec![(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)].into(), vec![])]).into(),
        ] {
            let moved = in_italy(&far);
            assert!(!moved.intersects(&here), "{far:?}");
            assert!(here.relate(&moved).is_disjoint(), "{far:?}");
        }
        // A feature does not hold what reaches beyond it, wherever that is.
        let two = MultiPolygon(vec![
            Polygon::new(vec![(12.3388, 45.4342), (12.33881, 45.4342), (12.33881, 45.43421)].into(), vec![]),
            Polygon::new(vec![(100.0, 0.0), (101.0, 0.0), (101.0, 1.0)].into(), vec![]),
        ]);
        let around = rect(3_000_000.0, 5_000_000.0, 3_050_000.0, 5_050_000.0);
        assert!(!around.relate(&in_italy(&two.into())).is_contains());
    }

    #[test]
    fn a_small_surface_stays_where_it_is() {
        let here = rect(3_026_000.0, 5_033_000.0, 3_027_000.0, 5_034_000.0);
        for side in [1e-3, 1e-5, 1e-7] {
            assert!(in_italy(&rect(12.3388, 45.4342, 12.3388 + side, 45.4342 + side)).is_within(&here), "{side}");
        }
    }

    #[test]
    fn a_short_edge_is_as_it_was_and_a_long_one_bends() {
        let short = in_italy(&rect(12.33, 45.43, 12.34, 45.44));
        assert!(matches!(&short, Geometry::Polygon(polygon) if polygon.exterior().0.len() == 5), "{short:?}");
        let long = in_italy(&LineString::from(vec![(7.0, 45.0), (17.0, 45.0)]).into());
        let Geometry::LineString(line) = &long else { panic!("{long:?}") };
        assert!(line.0.len() > 400, "{}", line.0.len());
        // Each of its positions is on the parallel.
        let to = Crs::epsg(7795).expect("known");
        for at in &line.0 {
            let back =
                with_transformer(&to, &Crs::crs84(), |way| way.point([at.x, at.y])).expect("known").expect("there");
            assert!((back[1] - 45.0).abs() < 1e-7, "{back:?}");
        }
    }

    proptest! {
        /// A box of any size around a place is around it afterwards; one elsewhere is elsewhere.
        #[test]
        fn boxes_hold_what_they_held(
            west in -180.0..12.0_f64, south in -90.0..45.0_f64, east in 13.0..180.0_f64, north in 46.0..90.0_f64,
        ) {
            let here = here();
            prop_assert!(here.is_within(&in_italy(&rect(west, south, east, north))));
            for other in [rect(east, south, 180.0, north), rect(-180.0, south, west, north), rect(west, north, east, 90.0)] {
                if other.bounding_rect().is_some_and(|bounds| bounds.width() > 1e-3 && bounds.height() > 1e-3) {
                    prop_assert!(here.relate(&in_italy(&other)).is_disjoint(), "{other:?}");
                }
            }
        }

        /// Rings of any shape have a place inside, or outside, as they had before.
        #[test]
        fn rings_go_round_what_they_went_round(
            corners in proptest::collection::vec((-180.0..180.0_f64, -90.0..90.0_f64), 3..9),
        ) {
            let polygon = Polygon::new(corners.into(), vec![]);
            if polygon.is_valid() {
                let place = Point::new(12.3388, 45.4342);
                let near = rect(12.3, 45.4, 12.4, 45.5);
                // Where an edge passes close by, it may bend across.
                prop_assume!(!polygon.exterior().intersects(&near));
                let moved = in_italy(&polygon.clone().into());
                prop_assert_eq!(moved.intersects(&here()), polygon.intersects(&place));
            }
        }
    }
}
