//! What is within reach of a place, and the way to another (Dijkstra 1959).

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};

use geo_types::{Coord, LineString};
use rstar::PointDistance as _;
use rstar::primitives::Line;

use super::{Graph, apart_m};

/// A place on an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// The edge.
    pub edge: u32,
    /// Metres from its first end.
    pub along_m: f64,
    /// Metres from the place that was asked for to the street.
    pub off_m: f64,
    /// Where it is.
    pub at: Coord<f64>,
}

/// Part of an edge: metres from its first end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// The edge.
    pub edge: u32,
    /// Where the part begins.
    pub from_m: f64,
    /// Where it ends.
    pub to_m: f64,
}

/// What is within reach.
#[derive(Debug, Default)]
pub struct Reach {
    /// Metres to each node within reach.
    pub costs: HashMap<u32, f64>,
    before: HashMap<u32, u32>,
    start: Option<Spot>,
    limit_m: f64,
}

/// A node on the heap, the nearest first.
#[derive(PartialEq)]
struct Next(f64, u32);

impl Eq for Next {}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Graph {
    /// The place on the nearest street that is not closed, at most so many metres away.
    pub fn locate(&self, place: Coord<f64>, most_m: f64, closed: &HashSet<u32>) -> Option<Spot> {
        let at = self.plane.metres(place);
        let near = self.tree.nearest_neighbor_iter_with_distance_2(at);
        let (segment, squared) = near
            .take_while(|(_, squared)| *squared <= most_m * most_m)
            .find(|(segment, _)| !closed.contains(&segment.data.0))?;
        let (edge, number) = segment.data;
        let line = self.line(edge);
        let (from, to) = (line[number as usize], line[number as usize + 1]);
        let [a, b] = [self.plane.metres(from), self.plane.metres(to)];
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let share = (((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        let on = from + (to - from) * share;
        let before: f64 = line[..=number as usize].windows(2).map(|pair| apart_m(pair[0], pair[1])).sum();
        let along_m = (before + apart_m(from, on)).min(self.edges[edge as usize].length_m);
        Some(Spot { edge, along_m, off_m: squared.sqrt(), at: on })
    }

    /// The edges that come within so many metres of a place, as the crow flies; in order, each once.
    pub fn near(&self, place: Coord<f64>, metres: f64) -> Vec<u32> {
        let near = self.tree.locate_within_distance(self.plane.metres(place), metres * metres);
        let mut edges: Vec<u32> = near.map(|segment| segment.data.0).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// Metres from a place to an edge, as the crow flies.
    pub fn apart_from(&self, edge: u32, place: Coord<f64>) -> f64 {
        let at = self.plane.metres(place);
        let squares = self
            .line(edge)
            .windows(2)
            .map(|pair| Line::new(self.plane.metres(pair[0]), self.plane.metres(pair[1])).distance_2(&at));
        squares.fold(f64::INFINITY, f64::min).sqrt()
    }

    /// Everything within so many metres of a place along streets that are not closed.
    pub fn reach(&self, start: Spot, limit_m: f64, closed: &HashSet<u32>) -> Reach {
        self.search(start, limit_m, closed, |_, _| false)
    }

    /// As [`Self::reach`], until something has been found: `is_enough` hears of each node with its metres, the nearest first.
    pub fn search(
        &self,
        start: Spot,
        limit_m: f64,
        closed: &HashSet<u32>,
        mut is_enough: impl FnMut(u32, f64) -> bool,
    ) -> Reach {
        let mut reach = Reach { start: Some(start), limit_m, ..Reach::default() };
        let mut heap = BinaryHeap::new();
        let edge = &self.edges[start.edge as usize];
        for (end, metres) in edge.ends.into_iter().zip([start.along_m, edge.length_m - start.along_m]) {
            reach.offer(end, metres, Some(start.edge), &mut heap);
        }
        self.spread(&mut reach, heap, closed, &mut is_enough);
        reach
    }

    /// As [`Self::search`], from a node.
    pub(super) fn search_from(
        &self,
        node: u32,
        limit_m: f64,
        closed: &HashSet<u32>,
        mut is_enough: impl FnMut(u32, f64) -> bool,
    ) -> Reach {
        let mut reach = Reach { limit_m, ..Reach::default() };
        let mut heap = BinaryHeap::new();
        reach.offer(node, 0.0, None, &mut heap);
        self.spread(&mut reach, heap, closed, &mut is_enough);
        reach
    }

    fn spread(
        &self,
        reach: &mut Reach,
        mut heap: BinaryHeap<Next>,
        closed: &HashSet<u32>,
        is_enough: &mut impl FnMut(u32, f64) -> bool,
    ) {
        let mut done = HashSet::new();
        while let Some(Next(metres, node)) = heap.pop() {
            if !done.insert(node) {
                continue;
            }
            if is_enough(node, metres) {
                break;
            }
            for &way in self.at(node) {
                if closed.contains(&way) {
                    continue;
                }
                let edge = &self.edges[way as usize];
                let other = if edge.ends[0] == node { edge.ends[1] } else { edge.ends[0] };
                if !done.contains(&other) {
                    reach.offer(other, metres + edge.length_m, Some(way), &mut heap);
                }
            }
        }
    }

    /// Metres to a place, where it is within reach.
    pub fn metres_to(&self, reach: &Reach, spot: Spot) -> Option<f64> {
        let edge = &self.edges[spot.edge as usize];
        let [from, to] = edge.ends.map(|end| reach.costs.get(&end).copied());
        let direct =
            reach.start.filter(|start| start.edge == spot.edge).map(|start| (start.along_m - spot.along_m).abs());
        let by_ends =
            [from.map(|metres| metres + spot.along_m), to.map(|metres| metres + edge.length_m - spot.along_m)];
        let all = by_ends.into_iter().flatten().chain(direct);
        all.min_by(f64::total_cmp).filter(|metres| *metres <= reach.limit_m)
    }

    /// The edges on the way to a place, from its beginning on; empty where it is on the first one.
    pub fn way_to(&self, reach: &Reach, spot: Spot) -> Vec<u32> {
        let edge = &self.edges[spot.edge as usize];
        let through = edge.ends.into_iter().zip([spot.along_m, edge.length_m - spot.along_m]);
        let mut node = through
            .filter_map(|(end, rest)| Some((end, reach.costs.get(&end)? + rest)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(end, _)| end);
        let mut ways = Vec::new();
        while let Some(at) = node {
            let Some(&way) = reach.before.get(&at) else { break };
            if reach.start.is_some_and(|start| start.edge == way) {
                break;
            }
            ways.push(way);
            let ends = self.edges[way as usize].ends;
            node = Some(if ends[0] == at { ends[1] } else { ends[0] });
        }
        ways.reverse();
        ways
    }

    /// The parts of streets within reach, in order of their edges.
    pub fn pieces(&self, reach: &Reach, closed: &HashSet<u32>) -> Vec<Piece> {
        let mut edges: Vec<u32> = reach.costs.keys().flat_map(|node| self.at(*node)).copied().collect();
        edges.extend(reach.start.map(|start| start.edge));
        edges.sort_unstable();
        edges.dedup();
        let mut pieces = Vec::new();
        for number in edges.into_iter().filter(|edge| !closed.contains(edge)) {
            let edge = &self.edges[number as usize];
            let mut spans: Vec<(f64, f64)> = Vec::new();
            let rest = |end: usize| Some(reach.limit_m - reach.costs.get(&edge.ends[end])?);
            spans.extend(rest(0).map(|rest| (0.0, rest.min(edge.length_m))));
            spans.extend(rest(1).map(|rest| ((edge.length_m - rest).max(0.0), edge.length_m)));
            if let Some(start) = reach.start.filter(|start| start.edge == number) {
                let ends = [start.along_m - reach.limit_m, start.along_m + reach.limit_m];
                spans.push((ends[0].max(0.0), ends[1].min(edge.length_m)));
            }
            spans.retain(|(from, to)| to > from);
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut last: Option<Piece> = None;
            for (from_m, to_m) in spans {
                match &mut last {
                    Some(piece) if from_m <= piece.to_m => piece.to_m = piece.to_m.max(to_m),
                    _ => pieces.extend(last.replace(Piece { edge: number, from_m, to_m })),
                }
            }
            pieces.extend(last);
        }
        pieces
    }

    /// A part of a street as a line.
    pub fn drawn(&self, piece: Piece) -> LineString<f64> {
        let line = self.line(piece.edge);
        let (mut coords, mut along) = (Vec::new(), 0.0);
        for pair in line.windows(2) {
            let length = apart_m(pair[0], pair[1]);
            let point = |metres: f64| pair[0] + (pair[1] - pair[0]) * ((metres - along) / length).clamp(0.0, 1.0);
            if along + length >= piece.from_m && along <= piece.to_m && length > 0.0 {
                if coords.is_empty() {
                    coords.push(point(piece.from_m));
                }
                coords.push(point(piece.to_m.min(along + length)));
            }
            along += length;
        }
        LineString(coords)
    }
}

impl Reach {
    fn offer(&mut self, node: u32, metres: f64, way: Option<u32>, heap: &mut BinaryHeap<Next>) {
        let is_nearer = self.costs.get(&node).is_none_or(|known| metres < *known);
        if metres <= self.limit_m && is_nearer {
            self.costs.insert(node, metres);
            if let Some(way) = way {
                self.before.insert(node, way);
            }
            heap.push(Next(metres, node));
        }
    }
}
