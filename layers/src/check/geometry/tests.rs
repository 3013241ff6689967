use geo_types::{Coord, Geometry, LineString, Polygon, polygon, wkt};

use super::validity::first_flaw;
use super::*;

fn judge(
    wanted: GeometryType,
    geometry: impl Into<Geometry<f64>>,
) -> (Result<Option<Geometry<f64>>, Refusal>, Vec<&'static str>) {
    let mut notes = Notes::default();
    let geometry = geometry.into();
    let judged = admit(&geometry).and_then(|()| GeometryCheck::new(wanted, 0.001).judge(geometry, &mut notes));
    let repairs = notes.repairs.iter().map(|(repair, _)| repair.code()).collect();
    (judged, repairs)
}

fn code(judged: Result<Option<Geometry<f64>>, Refusal>) -> &'static str {
    judged.expect_err("refused").reason.code()
}

#[test]
fn coordinates_are_snapped_to_the_decimals_of_the_resolution() {
    let grid = Grid::new(0.001);
    assert_eq!(grid.snap(Coord { x: 0.300_000_4, y: 5_034_567.123_4 }), Coord { x: 0.3, y: 5_034_567.123 });
    assert!(grid.snap(Coord { x: -0.0001, y: 0.0 }).x.is_sign_positive());
    let odd = Grid::new(0.25);
    assert_eq!(odd.snap(Coord { x: 0.3, y: 0.9 }), Coord { x: 0.25, y: 1.0 });
}

#[test]
fn a_valid_polygon_is_promoted_and_turned_counter_clockwise() {
    let clockwise = polygon![(x: 0., y: 0.), (x: 0., y: 1.), (x: 1., y: 1.), (x: 1., y: 0.)];
    let (judged, repairs) = judge(GeometryType::MultiPolygon, clockwise);
    let Ok(Some(Geometry::MultiPolygon(parts))) = judged else { panic!("{judged:?}") };
    assert!(ring::signed_area(&parts.0[0].exterior().0) > 0.0);
    assert_eq!(repairs, ["ring_order"]);
}

#[test]
fn repeated_points_and_spikes_are_removed() {
    let spiked: Polygon = wkt!(POLYGON((0. 0., 4. 0., 4. 0., 4. 4., 2. 4., 2. 6., 2. 4., 0. 4., 0. 0.)));
    let (judged, repairs) = judge(GeometryType::Polygon, spiked);
    assert_eq!(repairs, ["repeated_points", "spike"]);
    assert!(judged.is_ok());
}

#[test]
fn a_ring_that_touches_itself_becomes_a_hole() {
    let banana: Polygon = wkt!(POLYGON((0. 0., 10. 0., 10. 10., 5. 10., 6. 5., 4. 5., 5. 10., 0. 10., 0. 0.)));
    let (judged, repairs) = judge(GeometryType::Polygon, banana);
    let Ok(Some(Geometry::Polygon(polygon))) = judged else { panic!("{judged:?}") };
    assert_eq!(polygon.interiors().len(), 1);
    assert_eq!(repairs, ["made_valid"]);
}

#[test]
fn a_small_loop_is_cut_and_a_figure_of_eight_is_refused_with_its_place() {
    let loop_at_corner: Polygon =
        wkt!(POLYGON((0. 0., 100. 0., 100. 100., 99.9 100.1, 100. 100.1, 99.9 100., 0. 100., 0. 0.)));
    assert_eq!(judge(GeometryType::MultiPolygon, loop_at_corner).1, ["made_valid"]);
    let eight: Polygon = wkt!(POLYGON((0. 0., 10. 10., 10. 0., 0. 10., 0. 0.)));
    let refusal = judge(GeometryType::MultiPolygon, eight).0.expect_err("refused");
    assert_eq!((refusal.reason.code(), refusal.place), ("self_intersection", Some([5.0, 5.0])));
}

#[test]
fn parts_that_share_an_edge_are_united() {
    let pair: geo_types::MultiPolygon =
        wkt!(MULTIPOLYGON(((0. 0., 1. 0., 1. 1., 0. 1., 0. 0.)), ((1. 0., 2. 0., 2. 1., 1. 1., 1. 0.))));
    let (judged, repairs) = judge(GeometryType::MultiPolygon, pair);
    let Ok(Some(Geometry::MultiPolygon(parts))) = judged else { panic!("{judged:?}") };
    assert_eq!((parts.0.len(), repairs), (1, vec!["made_valid"]));
}

#[test]
fn nested_parts_and_stray_holes_are_refused() {
    let nested: geo_types::MultiPolygon =
        wkt!(MULTIPOLYGON(((0. 0., 9. 0., 9. 9., 0. 9., 0. 0.)), ((1. 1., 2. 1., 2. 2., 1. 2., 1. 1.))));
    // Uniting swallows the inner part; it is 1.2 % of the whole, so nobody may decide that silently.
    assert_eq!(code(judge(GeometryType::MultiPolygon, nested).0), "parts_overlap");
    let stray: Polygon = wkt!(POLYGON((0. 0., 9. 0., 9. 9., 0. 9., 0. 0.), (20. 0., 25. 0., 25. 5., 20. 0.)));
    assert_eq!(code(judge(GeometryType::MultiPolygon, stray).0), "hole_outside");
}

#[test]
fn collapsed_empty_and_infinite_geometries_are_told_apart() {
    let dot: Polygon = wkt!(POLYGON((0. 0., 0.0001 0., 0. 0.0001, 0. 0.)));
    assert_eq!(code(judge(GeometryType::Polygon, dot).0), "collapsed");
    assert_eq!(judge(GeometryType::Polygon, Polygon::new(LineString(vec![]), vec![])).0, Ok(None));
    let infinite = polygon![(x: 0., y: 0.), (x: f64::INFINITY, y: 1.), (x: 1., y: 0.)];
    assert_eq!(code(judge(GeometryType::Polygon, infinite).0), "not_finite");
    let nan = geo_types::Point::new(f64::NAN, 1.0);
    assert_eq!(code(judge(GeometryType::Point, nan).0), "not_finite");
}

#[test]
fn a_geometry_over_the_limit_is_refused() {
    let long = LineString((0..=MAX_VERTICES).map(|at| Coord { x: at as f64, y: 0.0 }).collect());
    assert_eq!(code(judge(GeometryType::LineString, long).0), "too_many_vertices");
}

#[test]
fn types_are_promoted_demoted_or_refused() {
    let point = geo_types::Point::new(1.0, 2.0);
    assert!(matches!(judge(GeometryType::MultiPoint, point).0, Ok(Some(Geometry::MultiPoint(_)))));
    let one = geo_types::MultiPoint(vec![point]);
    assert!(matches!(judge(GeometryType::Point, one).0, Ok(Some(Geometry::Point(_)))));
    let two = geo_types::MultiPoint(vec![point, geo_types::Point::new(3.0, 4.0)]);
    assert_eq!(code(judge(GeometryType::Point, two).0), "wrong_geometry");
    assert_eq!(code(judge(GeometryType::MultiPolygon, point).0), "wrong_geometry");
    assert!(matches!(judge(GeometryType::Geometry, point).0, Ok(Some(Geometry::Point(_)))));
    let crumbs = geo_types::GeometryCollection(vec![
        point.into(),
        polygon![(x: 0., y: 0.), (x: 1., y: 0.), (x: 1., y: 1.)].into(),
    ]);
    let (judged, repairs) = judge(GeometryType::MultiPolygon, Geometry::GeometryCollection(crumbs));
    assert!(judged.is_ok());
    assert_eq!(repairs, ["collection_reduced"]);
}

#[test]
fn a_large_ring_is_judged_by_the_sweep() {
    let circle = |points: usize| -> Vec<Coord<f64>> {
        let at = |turn: usize| {
            let angle = turn as f64 / points as f64 * std::f64::consts::TAU;
            Coord { x: 1000.0 * angle.cos(), y: 1000.0 * angle.sin() }
        };
        (0..points).chain([0]).map(at).collect()
    };
    let good = Polygon::new(LineString(circle(20_000)), vec![]);
    assert!(judge(GeometryType::Polygon, good).0.is_ok());
    let mut bad = circle(20_000);
    bad.swap(500, 15_000);
    let flaw = first_flaw(&[Polygon::new(LineString(bad), vec![])]).expect("invalid");
    assert_eq!(flaw.0.code(), "self_intersection");
}

#[test]
fn rings_may_touch_at_a_point_but_not_in_a_circle() {
    let touching: Polygon = wkt!(POLYGON((0. 0., 10. 0., 10. 10., 0. 10., 0. 0.), (5. 0., 3. 3., 7. 3., 5. 0.)));
    assert_eq!(first_flaw(&[touching]), None);
    let split: Polygon = wkt!(POLYGON((0. 0., 10. 0., 10. 10., 0. 10., 0. 0.), (5. 0., 3. 5., 5. 10., 7. 5., 5. 0.)));
    assert_eq!(first_flaw(&[split]).map(|flaw| flaw.0.code()), Some("interior_split"));
    let fan: Polygon = wkt!(POLYGON((0. 0., 10. 0., 10. 10., 0. 10., 0. 0.),
        (5. 5., 4. 8., 6. 8., 5. 5.), (5. 5., 8. 4., 8. 6., 5. 5.), (5. 5., 4. 2., 6. 2., 5. 5.)));
    assert_eq!(first_flaw(&[fan]), None, "three holes at one point leave the interior whole");
}
