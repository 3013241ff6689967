//! What sites close, against the same worked out slowly.

use std::collections::{BTreeSet, HashSet};

use geo::{MapCoords as _, Rotate as _};
use geo_types::{Coord, Geometry, Point, Rect, coord};
use proptest::prelude::*;

use super::tests::{at, street};
use super::*;

/// A shape, metres from San Marco.
fn placed(shape: impl Into<Geometry<f64>>) -> Geometry<f64> {
    shape.into().map_coords(|Coord { x, y }| at(x, y))
}

fn rectangle(west: f64, south: f64, east: f64, north: f64) -> Geometry<f64> {
    placed(Rect::new(coord! { x: west, y: south }, coord! { x: east, y: north }).to_polygon())
}

fn spans(pieces: &[Piece]) -> Vec<(u32, i64, i64)> {
    pieces.iter().map(|it| (it.edge, it.from_m.round() as i64, it.to_m.round() as i64)).collect()
}

#[test]
fn a_street_is_closed_where_no_way_is_left_beside_the_site() {
    let graph = build(&[street(&[(0.0, 0.0), (60.0, 0.0), (100.0, 0.0)])]);
    let closed = |shape: &Geometry<f64>, width: Option<f64>| spans(&graph.closed_by(shape, 1.2, |_| width));
    // Of six metres the site takes all but one; all but two.
    let most = rectangle(50.0, -2.0, 70.0, 9.0);
    assert_eq!(closed(&most, Some(6.0)), [(0, 50, 70)]);
    assert_eq!(closed(&rectangle(50.0, -1.0, 70.0, 9.0), Some(6.0)), []);
    // Where nobody knows how wide it is, its line counts.
    assert_eq!(closed(&most, None), [(0, 50, 70)]);
    assert_eq!(closed(&rectangle(50.0, 0.2, 70.0, 9.0), None), []);
    // In an alley of two metres what leaves less than half of it and a bit.
    assert_eq!(closed(&rectangle(10.0, 0.1, 12.0, 9.0), Some(2.0)), [(0, 10, 12)]);
    assert_eq!(closed(&rectangle(10.0, 0.3, 12.0, 9.0), Some(2.0)), []);
    // A trench along the middle leaves a metre and a half on either side; one across leaves nothing; a pole.
    let line = |from: (f64, f64), to: (f64, f64)| placed(geo_types::Line::new(Coord::from(from), Coord::from(to)));
    let line = |from, to| match line(from, to) {
        Geometry::Line(line) => Geometry::LineString(line.into()),
        other => other,
    };
    assert_eq!(closed(&line((10.0, 0.0), (30.0, 0.0)), Some(3.0)), []);
    assert_eq!(closed(&line((10.0, 0.0), (30.0, 0.0)), Some(2.0)), [(0, 10, 30)]);
    assert_eq!(closed(&line((20.0, -5.0), (20.0, 5.0)), Some(8.0)), [(0, 20, 20)]);
    assert_eq!(closed(&placed(Point::new(40.0, 0.0)), Some(2.0)), [(0, 40, 40)]);
    assert_eq!(closed(&placed(Point::new(40.0, 0.0)), Some(4.0)), []);
    assert_eq!(closed(&placed(Point::new(40.0, 3.0)), Some(4.0)), []);
}

#[test]
fn places_behind_a_closed_bridge_are_off_and_who_may_goes_around() {
    // A square, from whose far corner a bridge leads to an island; an alley goes off the first side.
    let graph = build(&[
        street(&[(0.0, 0.0), (100.0, 0.0)]),
        street(&[(100.0, 0.0), (100.0, 100.0)]),
        street(&[(100.0, 100.0), (0.0, 100.0)]),
        street(&[(0.0, 100.0), (0.0, 0.0)]),
        street(&[(100.0, 100.0), (150.0, 100.0)]),
        street(&[(150.0, 100.0), (150.0, 150.0)]),
    ]);
    let severed = |shape: &Geometry<f64>| graph.severed_by(&graph.closed_by(shape, 1.2, |_| Some(3.0)), 1_000.0);
    let spot = |x: f64, y: f64| graph.locate(at(x, y), 5.0, &HashSet::new()).expect("a street");
    let side = severed(&rectangle(40.0, -3.0, 60.0, 3.0));
    assert!(side.off.is_empty() && side.blockages.len() == 1);
    let detour = side.blockages[0].detour.expect("a way around");
    assert!((detour.before_m - 100.0).abs() < 0.1 && (detour.more_m() - 200.0).abs() < 0.1, "{detour:?}");
    assert_eq!(
        [20.0, 50.0, 90.0].map(|x| side.access(&graph, spot(x, 0.0))),
        [Access::Open, Access::Within, Access::Open]
    );
    let bridge = severed(&rectangle(110.0, 90.0, 120.0, 110.0));
    assert_eq!(bridge.off.iter().map(|part| part.nodes.len()).collect::<Vec<_>>(), [2]);
    assert_eq!((bridge.blockages[0].off.as_slice(), bridge.blockages[0].detour), (&[0][..], None));
    let access = [(105.0, 100.0), (115.0, 100.0), (140.0, 100.0), (150.0, 140.0)]
        .map(|(x, y)| bridge.access(&graph, spot(x, y)));
    assert_eq!(access, [Access::Open, Access::Within, Access::Off(Some(0)), Access::Off(Some(0))]);
    // A site on the corner: the bridge and two sides at once; the corner itself is no part that is cut off.
    let corner = severed(&rectangle(95.0, 95.0, 105.0, 105.0));
    assert_eq!((corner.off.len(), corner.blockages.len(), corner.blockages[0].pieces.len()), (1, 1, 3));
    let detour = corner.blockages[0].detour.expect("a way around");
    assert!((detour.before_m - 200.0).abs() < 0.1 && detour.more_m().abs() < 0.1, "{detour:?}");
    // What lies between two sites in one street.
    let mut both = graph.closed_by(&rectangle(10.0, -3.0, 20.0, 3.0), 1.2, |_| Some(3.0));
    both.extend(graph.closed_by(&rectangle(80.0, -3.0, 90.0, 3.0), 1.2, |_| Some(3.0)));
    assert_eq!(graph.severed_by(&both, 1_000.0).access(&graph, spot(50.0, 0.0)), Access::Off(None));
    // Farther than anybody looked.
    let near = graph.severed_by(&graph.closed_by(&rectangle(40.0, -3.0, 60.0, 3.0), 1.2, |_| Some(3.0)), 250.0);
    assert_eq!(near.blockages[0].detour.map(|detour| detour.after_m), Some(None));
}

/// A grid of streets with some missing, and metres between its nodes.
fn town(gone: &HashSet<usize>) -> Graph {
    let mut streets = Vec::new();
    for row in 0..7 {
        for column in 0..7 {
            let (x, y) = (f64::from(column) * 80.0, f64::from(row) * 60.0);
            let far = (x + 80.0 + f64::from(row % 3), y + f64::from(column % 2));
            streets.push(street(&[(x, y), (f64::midpoint(x, far.0), y + f64::from(row * 5 % 7)), far]));
            streets.push(street(&[(x, y), (x, y + 60.0)]));
        }
    }
    let mut number = 0;
    streets.retain(|_| {
        number += 1;
        !gone.contains(&(number - 1))
    });
    build(&streets)
}

/// Metres between all nodes without some edges (Floyd and Warshall).
fn apart(graph: &Graph, closed: &HashSet<u32>) -> Vec<Vec<f64>> {
    let count = graph.node_count();
    let mut metres = vec![vec![f64::INFINITY; count]; count];
    for (node, row) in metres.iter_mut().enumerate() {
        row[node] = 0.0;
    }
    for (_, edge) in (0..).zip(graph.edges()).filter(|(number, _)| !closed.contains(number)) {
        let [a, b] = edge.ends.map(|end| end as usize);
        metres[a][b] = metres[a][b].min(edge.length_m);
        metres[b][a] = metres[b][a].min(edge.length_m);
    }
    for via in 0..count {
        for from in 0..count {
            for to in 0..count {
                let through = metres[from][via] + metres[via][to];
                metres[from][to] = metres[from][to].min(through);
            }
        }
    }
    metres
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A straight street at any angle, and a site: what is left beside it.
    #[test]
    fn what_is_left_beside_a_site_decides(
        angle in 0.0..360.0_f64, width in 1.0..12.0_f64, low in -9.0..6.0_f64, deep in 0.5..12.0_f64, from in 5.0..60.0_f64, long in 0.5..30.0_f64,
    ) {
        let turned = |shape: Geometry<f64>| shape.rotate_around_point(angle, Point::new(0.0, 0.0));
        let Geometry::LineString(line) = turned(Geometry::LineString(vec![(0.0, 0.0), (100.0, 0.0)].into())) else { unreachable!() };
        let graph = build(&[street(&line.0.iter().map(|at| (at.x, at.y)).collect::<Vec<_>>())]);
        let site = Rect::new(coord! { x: from, y: low }, coord! { x: from + long, y: low + deep }).to_polygon();
        let closed = graph.closed_by(&placed(turned(site.into())), 1.2, |_| Some(width));
        let half = width / 2.0;
        let is_in = low < half && low + deep > -half;
        let left = [half - (low + deep).min(half), low.max(-half) + half];
        let is_closed = is_in && left.iter().all(|metres| *metres < 1.2);
        let is_close = left.iter().any(|metres| (metres - 1.2).abs() < 0.02) || (low - half).abs() < 0.02 || (low + deep + half).abs() < 0.02;
        prop_assert!(is_close || closed.len() == usize::from(is_closed), "{closed:?}: {left:?}");
        if is_closed && !is_close {
            prop_assert!((closed[0].from_m - from).abs() < 0.05 && (closed[0].to_m - from - long).abs() < 0.05, "{closed:?}");
        }
    }

    #[test]
    fn who_is_cut_off_and_who_goes_around_is_what_looking_at_all_ways_finds(
        gone in proptest::collection::hash_set(0_usize..98, 0..30),
        sites in proptest::collection::vec((0.0..500.0_f64, 0.0..400.0_f64, 2.0..90.0_f64, 2.0..60.0_f64), 1..4),
    ) {
        let graph = town(&gone);
        let pieces: Vec<Piece> = sites.iter().flat_map(|(x, y, wide, tall)| graph.closed_by(&rectangle(*x, *y, x + wide, y + tall), 1.0, |_| None)).collect();
        let severed = graph.severed_by(&pieces, 1e9);
        let closed: HashSet<u32> = pieces.iter().map(|piece| piece.edge).collect();
        let (before, after) = (apart(&graph, &HashSet::new()), apart(&graph, &closed));
        let nodes = 0..graph.node_count();
        // The larger part stays, by its nodes; of as large ones that with the first.
        let mut off = BTreeSet::new();
        for node in nodes.clone() {
            let part = |of: usize| nodes.clone().filter(|other| after[of][*other].is_finite()).collect::<Vec<_>>();
            let whole = nodes.clone().filter(|other| before[node][*other].is_finite());
            let stays = whole.map(part).max_by_key(|part| (part.len(), std::cmp::Reverse(part[0]))).expect("itself");
            if !stays.contains(&node) {
                off.insert(node as u32);
            }
        }
        let end = |piece: &Piece, node: u32| {
            let edge = &graph.edges()[piece.edge as usize];
            (edge.ends[0] == node && piece.from_m < 0.05) || (edge.ends[1] == node && piece.to_m > edge.length_m - 0.05)
        };
        let within = |node: u32| (0..).zip(graph.edges()).filter(|(_, edge)| edge.ends.contains(&node))
            .all(|(number, _)| pieces.iter().any(|piece| piece.edge == number && end(piece, node)));
        off.retain(|node| !within(*node));
        let told: BTreeSet<u32> = severed.off.iter().flat_map(|part| part.nodes.iter().copied()).collect();
        prop_assert_eq!(&told, &off);
        let blocked: HashSet<u32> = severed.blockages.iter().flat_map(|it| &it.pieces).map(|piece| piece.edge).collect();
        prop_assert_eq!(blocked, closed);
        for blockage in severed.blockages.iter().filter(|it| !it.is_crowded) {
            let edges: BTreeSet<u32> = blockage.pieces.iter().map(|piece| piece.edge).collect();
            let ends: BTreeSet<u32> = edges.iter().flat_map(|edge| graph.edges()[*edge as usize].ends).collect();
            let through: Vec<usize> = ends.into_iter().filter(|node| !within(*node) && !off.contains(node)).map(|node| node as usize).collect();
            let mut worst = None;
            for a in &through {
                for b in through.iter().filter(|b| *b > a && before[*a][**b].is_finite()) {
                    let more = (after[*a][*b] - before[*a][*b]).max(0.0);
                    worst = Some(worst.map_or(more, |worst: f64| worst.max(more)));
                }
            }
            match (worst, blockage.detour) {
                (Some(worst), Some(detour)) => prop_assert!((worst - detour.more_m()).abs() < 1e-6 || (worst.is_infinite() && detour.more_m().is_infinite()), "{worst} {detour:?}"),
                (worst, detour) => prop_assert!(worst.is_none() && detour.is_none(), "{worst:?} {detour:?}"),
            }
        }
    }
}
