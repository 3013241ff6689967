use std::collections::HashSet;

use geo_types::{Coord, LineString, MultiLineString};
use proptest::prelude::*;

use super::*;

/// A place so many metres from San Marco.
pub(super) fn at(east: f64, north: f64) -> Coord<f64> {
    let origin = Coord { x: 12.3388, y: 45.4342 };
    let metre = metres_a_degree(origin.y);
    Coord { x: origin.x + east / metre.x, y: origin.y + north / metre.y }
}

pub(super) fn street(corners: &[(f64, f64)]) -> MultiLineString<f64> {
    MultiLineString(vec![LineString(corners.iter().map(|(x, y)| at(*x, *y)).collect())])
}

#[test]
fn streets_meet_where_they_share_a_vertex_or_one_ends_on_another() {
    // A cross with a vertex, a street that ends on another without one, and one that only crosses.
    let streets = [
        street(&[(0.0, 0.0), (100.0, 0.0), (200.0, 0.0)]),
        street(&[(100.0, 0.0), (100.0, 50.0)]),
        street(&[(150.0, -80.0), (150.0, -0.2)]),
        street(&[(50.0, -30.0), (50.0, 30.0)]),
    ];
    let graph = build(&streets);
    assert_eq!((graph.edges().len(), graph.node_count()), (6, 8));
    let start = graph.locate(at(10.0, 3.0), 20.0, &HashSet::new()).expect("a street");
    assert!((start.along_m - 10.0).abs() < 0.01 && (start.off_m - 3.0).abs() < 0.01, "{start:?}");
    let reach = graph.reach(start, 300.0, &HashSet::new());
    let metres = |x, y| graph.metres_to(&reach, graph.locate(at(x, y), 5.0, &HashSet::new()).expect("a street"));
    for (x, y, wanted) in [(100.0, 50.0, 140.0), (150.0, -80.0, 220.0), (200.0, 0.0, 190.0), (2.0, 0.0, 8.0)] {
        assert!(metres(x, y).is_some_and(|found| (found - wanted).abs() < 0.3), "{x} {y}: {:?}", metres(x, y));
    }
    assert_eq!(metres(50.0, 30.0), None, "a bridge over it is no crossing");
    assert!(graph.locate(at(10.0, 900.0), 20.0, &HashSet::new()).is_none());
}

#[test]
fn what_is_within_reach_ends_in_the_middle_of_streets() {
    let graph = build(&[street(&[(0.0, 0.0), (100.0, 0.0)]), street(&[(100.0, 0.0), (100.0, 100.0)])]);
    let start = graph.locate(at(70.0, 0.0), 5.0, &HashSet::new()).expect("a street");
    let reach = graph.reach(start, 50.0, &HashSet::new());
    let pieces = graph.pieces(&reach, &HashSet::new());
    let spans: Vec<(u32, i64, i64)> =
        pieces.iter().map(|piece| (piece.edge, piece.from_m.round() as i64, piece.to_m.round() as i64)).collect();
    assert_eq!(spans, [(0, 20, 100), (1, 0, 20)]);
    let line = graph.drawn(pieces[1]);
    assert!(apart_m(line.0[0], at(100.0, 0.0)) < 0.01 && apart_m(line.0[1], at(100.0, 20.0)) < 0.01, "{line:?}");
}

#[test]
fn closed_streets_are_gone_around_or_cut_off() {
    // A square with a dead end.
    let graph = build(&[
        street(&[(0.0, 0.0), (100.0, 0.0)]),
        street(&[(100.0, 0.0), (100.0, 100.0)]),
        street(&[(100.0, 100.0), (0.0, 100.0)]),
        street(&[(0.0, 100.0), (0.0, 0.0)]),
        street(&[(100.0, 100.0), (200.0, 100.0)]),
    ]);
    let closed = HashSet::from([0]);
    let start = graph.locate(at(0.0, 0.0), 5.0, &closed).expect("a street");
    let reach = graph.reach(start, 1000.0, &closed);
    let corner = graph.locate(at(100.0, 1.0), 5.0, &closed).expect("a street");
    assert!(graph.metres_to(&reach, corner).is_some_and(|metres| (metres - 299.0).abs() < 0.1));
    assert_eq!(graph.way_to(&reach, corner), [2], "from the start's street by the third to the second");
    assert_eq!(graph.cut_off(&closed), []);
    let off = graph.cut_off(&HashSet::from([4]));
    assert_eq!(off.iter().map(|off| off.nodes.len()).collect::<Vec<_>>(), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Against Bellman and Ford's way, on a grid of streets of which some are missing and some closed.
    #[test]
    fn the_shortest_way_is_the_shortest(
        gone in proptest::collection::hash_set(0_usize..144, 0..60),
        closed in proptest::collection::hash_set(0_u32..84, 0..20),
        from in 0_usize..84,
        limit in 50.0..2000.0_f64,
    ) {
        let mut streets = Vec::new();
        for row in 0..9 {
            for column in 0..8 {
                let (x, y) = (f64::from(column) * 90.0, f64::from(row) * 70.0 + f64::from(column * column));
                let bend = f64::from((row * 7 + column * 3) % 5) * 6.0;
                streets.push(street(&[(x, y), (x + 45.0, y + bend), (x + 90.0, y + f64::from(2 * column + 1))]));
                streets.push(street(&[(x, y), (x, y + 70.0)]));
            }
        }
        let mut number = 0;
        streets.retain(|_| { number += 1; !gone.contains(&(number - 1)) });
        let graph = build(&streets);
        let from = from % graph.edges().len();
        let closed: HashSet<u32> = closed.into_iter().filter(|edge| *edge != from as u32).collect();
        let edge = &graph.edges()[from];
        let start = Spot { edge: from as u32, along_m: edge.length_m * 0.3, off_m: 0.0, at: graph.node(edge.ends[0]) };
        let reach = graph.reach(start, limit, &closed);
        let mut slow = vec![f64::INFINITY; graph.node_count()];
        slow[edge.ends[0] as usize] = start.along_m;
        slow[edge.ends[1] as usize] = slow[edge.ends[1] as usize].min(edge.length_m - start.along_m);
        for _ in 0..graph.node_count() {
            for (number, edge) in (0..).zip(graph.edges()) {
                if closed.contains(&number) { continue; }
                let [a, b] = edge.ends.map(|end| end as usize);
                slow[a] = slow[a].min(slow[b] + edge.length_m);
                slow[b] = slow[b].min(slow[a] + edge.length_m);
            }
        }
        for (node, metres) in slow.iter().enumerate() {
            match reach.costs.get(&(node as u32)) {
                Some(found) => prop_assert!((found - metres).abs() < 1e-6, "{node}: {found} {metres}"),
                None => prop_assert!(*metres > limit - 1e-9, "{node}: {metres} of {limit}"),
            }
        }
        let whole: f64 = graph.pieces(&reach, &closed).iter().map(|piece| piece.to_m - piece.from_m).sum();
        prop_assert!(whole > 0.0);
        // Who is cut off cannot be reached from what stays, however far one goes.
        let far = graph.reach(start, 1e9, &closed);
        let off: HashSet<u32> = graph.cut_off(&closed).into_iter().flat_map(|off| off.nodes).collect();
        if !off.contains(&edge.ends[0]) {
            prop_assert!(far.costs.keys().all(|node| !off.contains(node)));
        }
    }
}
