//! Streets in parts.

use geo_types::{Coord, LineString, MultiLineString, Point};
use proptest::prelude::*;

use super::{Course, courses};
use crate::overlay::length_m;

/// A place in Venice, metres east and north of a corner; about.
fn at(x: f64, y: f64) -> Coord<f64> {
    Coord { x: 12.3388 + x / 78_300.0, y: 45.4342 + y / 111_140.0 }
}

fn line(places: &[(f64, f64)]) -> LineString<f64> {
    places.iter().map(|(x, y)| at(*x, *y)).collect()
}

fn lengths(street: &[&[(f64, f64)]]) -> Vec<i64> {
    let street = MultiLineString(street.iter().map(|part| line(part)).collect());
    courses(&street).iter().map(|course| course.length_m().round() as i64).collect()
}

#[test]
fn parts_that_meet_end_to_end_are_one_line() {
    assert_eq!(lengths(&[&[(0.0, 0.0), (50.0, 0.0)], &[(50.0, 0.0), (50.0, 30.0)]]), [80]);
    // Drawn the other way round, out of order, and a hand's breadth apart.
    assert_eq!(
        lengths(&[&[(50.0, 0.0), (80.0, 0.0)], &[(49.8, 0.1), (0.0, 0.0)], &[(80.0, 30.0), (80.0, 0.0)]]),
        [110]
    );
    assert_eq!(lengths(&[&[(0.0, 0.0), (50.0, 0.0)], &[(60.0, 0.0), (90.0, 0.0)]]), [50, 30], "in pieces");
    let fork: [&[(f64, f64)]; 3] =
        [&[(0.0, 0.0), (50.0, 0.0)], &[(50.0, 0.0), (90.0, 0.0)], &[(50.0, 0.0), (50.0, 20.0)]];
    assert_eq!(lengths(&fork), [50, 40, 20], "where it forks nobody knows how to go on");
    let ring: [&[(f64, f64)]; 2] = [&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], &[(10.0, 10.0), (0.0, 10.0), (0.0, 0.0)]];
    assert_eq!(lengths(&ring), [40]);
    assert_eq!(lengths(&[&[(0.0, 0.0)], &[], &[(1.0, 1.0), (1.0, 1.0)]]), Vec::<i64>::new());
}

#[test]
fn metres_are_counted_from_where_the_first_part_begins() {
    let street = MultiLineString(vec![line(&[(50.0, 0.0), (80.0, 0.0)]), line(&[(50.0, 0.0), (0.0, 0.0)])]);
    let course = courses(&street).swap_remove(0);
    // The first part runs to the east, so does the whole.
    let foot = course.foot(Point(at(10.0, 7.0)));
    assert!((foot.along_m - 10.0).abs() < 0.1 && (foot.off_m - 7.0).abs() < 0.1, "{foot:?}");
    let beyond = course.foot(Point(at(100.0, 0.0)));
    assert!((beyond.along_m - 80.0).abs() < 0.1 && (beyond.off_m - 20.0).abs() < 0.1, "{beyond:?}");
    let part = course.between(70.0, 20.0);
    assert_eq!(part.0.len(), 3, "with the vertex between");
    assert!((length_m(&MultiLineString(vec![part])) - 50.0).abs() < 1e-6);
    assert_eq!(course.between(500.0, 400.0).0.len(), 2, "behind the end there is only the end");
}

proptest! {
    #[test]
    fn a_place_is_found_where_it_was_taken(places in prop::collection::vec((0.0..500.0_f64, 0.0..500.0_f64), 2..9), share in 0.0..1.0_f64) {
        let Some(course) = Course::new(line(&places).0) else { return Ok(()) };
        let metres = share * course.length_m();
        let there = course.between(metres, metres).0[0];
        let foot = course.foot(Point(there));
        prop_assert!(foot.off_m < 1e-3);
        // The line may cross itself there.
        let again = course.between(foot.along_m, foot.along_m).0[0];
        prop_assert!((again.x - there.x).abs() < 1e-8 && (again.y - there.y).abs() < 1e-8);
        let (a, b) = (course.between(0.0, metres), course.between(metres, course.length_m()));
        let sum = length_m(&MultiLineString(vec![a, b]));
        prop_assert!((sum - course.length_m()).abs() < 1e-5, "{} {}", sum, course.length_m());
    }
}
