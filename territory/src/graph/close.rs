//! What stands in the streets: which stretches it closes, whom it cuts off, and who goes how much farther.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use geo::{BooleanOps as _, BoundingRect as _, Intersects as _, MapCoords as _};
use geo_types::{Coord, Geometry, MultiLineString, MultiPolygon, Point, Polygon, Rect};
use rstar::AABB;

use super::{CutOff, Graph, Piece, Spot, apart_m};

/// Half a street of which nobody knows how wide it is: its line, to a centimetre.
const LINE_M: f64 = 0.01;
/// Half of the widest street.
const WIDEST_HALF_M: f64 = 50.0;
/// Metres by which the end of a closed stretch may miss the end of its edge that it reaches.
const END_M: f64 = 0.05;
/// Most ends of one closed place between which ways around are looked for.
const MOST_ENDS: usize = 24;

/// A way around what is closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detour {
    /// Nodes on either side.
    pub ends: [u32; 2],
    /// Metres between them when nothing is closed.
    pub before_m: f64,
    /// Metres between them now; none where it is farther than anybody looked.
    pub after_m: Option<f64>,
}

impl Detour {
    /// Metres that the way is longer.
    pub fn more_m(&self) -> f64 {
        self.after_m.map_or(f64::INFINITY, |after| (after - self.before_m).max(0.0))
    }
}

/// Closed stretches that hang together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Blockage {
    /// The stretches.
    pub pieces: Vec<Piece>,
    /// What they cut off: places in [`Severed::off`].
    pub off: Vec<usize>,
    /// The worst way around; none where nobody comes through, or all ends are cut off but one.
    pub detour: Option<Detour>,
    /// Whether there are too many ends to look for all ways around.
    pub is_crowded: bool,
}

/// What closed stretches do to those who walk.
#[derive(Debug, Clone, Default)]
pub struct Severed {
    /// Parts that cannot be reached any more from the larger part that they hung together with, the largest first; without
    /// nodes that lie within what is closed.
    pub off: Vec<CutOff>,
    /// Closed stretches that hang together, in order of their first edge.
    pub blockages: Vec<Blockage>,
    pieces: HashMap<u32, Vec<Piece>>,
    of_node: HashMap<u32, usize>,
}

/// How a place is reached when stretches are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As before, or by another way.
    Open,
    /// It lies at what is closed itself.
    Within,
    /// No more; with its part in [`Severed::off`], where that has nodes.
    Off(Option<usize>),
}

impl Severed {
    /// How a place on a street is reached.
    pub fn access(&self, graph: &Graph, spot: Spot) -> Access {
        let ends = graph.edges()[spot.edge as usize].ends;
        let by = |end: u32| self.of_node.get(&end).map_or(Access::Open, |part| Access::Off(Some(*part)));
        let Some(pieces) = self.pieces.get(&spot.edge) else { return by(ends[0]) };
        let is_within = |piece: &&Piece| (piece.from_m..=piece.to_m).contains(&spot.along_m);
        match (pieces.first(), pieces.last()) {
            _ if pieces.iter().any(|piece| is_within(&piece)) => Access::Within,
            (Some(first), _) if spot.along_m < first.from_m => by(ends[0]),
            (_, Some(last)) if spot.along_m > last.to_m => by(ends[1]),
            _ => Access::Off(None),
        }
    }
}

impl Graph {
    /// The stretches of streets where a shape (degrees) leaves no way of `passage_m` metres on either side of it.
    ///
    /// `width_m`: how wide a street is, half of it on either side of its line. Where nobody knows, it is closed where the shape
    /// meets its line. Each part of a shape is looked at by itself.
    pub fn closed_by(&self, shape: &Geometry<f64>, passage_m: f64, width_m: impl Fn(u32) -> Option<f64>) -> Vec<Piece> {
        let shape = shape.map_coords(|at| Coord::from(self.plane.metres(at)));
        let Some(frame) = shape.bounding_rect() else { return Vec::new() };
        let corner = |at: Coord<f64>, by: f64| [at.x + by, at.y + by];
        let around = AABB::from_corners(corner(frame.min(), -WIDEST_HALF_M), corner(frame.max(), WIDEST_HALF_M));
        let mut pieces: BTreeMap<u32, Vec<Piece>> = BTreeMap::new();
        for segment in self.tree.locate_in_envelope_intersecting(around) {
            let (number, place) = segment.data;
            let half = width_m(self.edges[number as usize].street).unwrap_or_default() / 2.0;
            let half = half.clamp(LINE_M, WIDEST_HALF_M);
            let [from, to] = [segment.geom().from, segment.geom().to];
            let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
            let length = dx.hypot(dy);
            let (ux, uy) = (dx / length, dy / length);
            let corridor = Rect::new(Coord { x: 0.0, y: -half }, Coord { x: length, y: half });
            // Along the street, and to its left.
            let along = |at: Coord<f64>| {
                let (x, y) = (at.x - from[0], at.y - from[1]);
                Coord { x: x * ux + y * uy, y: y * ux - x * uy }
            };
            let here = shape.map_coords(along);
            if !here.bounding_rect().is_some_and(|frame| frame.intersects(&corridor)) {
                continue;
            }
            let line = self.line(number);
            let before: f64 = line[..=place as usize].windows(2).map(|pair| apart_m(pair[0], pair[1])).sum();
            let scale = apart_m(line[place as usize], line[place as usize + 1]) / length;
            let closed = parts(&here, corridor)
                .into_iter()
                .filter(|part| half - part.max().y < passage_m && part.min().y + half < passage_m);
            pieces.entry(number).or_default().extend(closed.map(|part| Piece {
                edge: number,
                from_m: before + part.min().x * scale,
                to_m: before + part.max().x * scale,
            }));
        }
        pieces.into_values().flat_map(joined).collect()
    }

    /// What closed stretches do to those who walk; ways around are looked for up to so many metres.
    pub fn severed_by(&self, pieces: &[Piece], most_m: f64) -> Severed {
        let closed: HashSet<u32> = pieces.iter().map(|piece| piece.edge).collect();
        let mut severed = Severed::default();
        for piece in pieces {
            severed.pieces.entry(piece.edge).or_default().push(*piece);
        }
        severed.pieces.values_mut().for_each(|pieces| *pieces = joined(std::mem::take(pieces)));
        let is_within = |node: u32| self.at(node).iter().all(|way| self.is_closed_at(*way, node, &severed.pieces));
        let within: HashSet<u32> =
            closed.iter().flat_map(|edge| self.edges[*edge as usize].ends).filter(|node| is_within(*node)).collect();
        let open = |part: CutOff| part.nodes.into_iter().filter(|node| !within.contains(node)).collect::<Vec<_>>();
        let parts = self.cut_off(&closed).into_iter().map(open).filter(|nodes| !nodes.is_empty());
        severed.off = parts.map(|nodes| CutOff { nodes }).collect();
        severed.off.sort_by(|a, b| b.nodes.len().cmp(&a.nodes.len()).then(a.nodes.cmp(&b.nodes)));
        for (number, part) in severed.off.iter().enumerate() {
            severed.of_node.extend(part.nodes.iter().map(|node| (*node, number)));
        }
        for edges in self.hanging_together(&closed, &within) {
            let ends: BTreeSet<u32> = edges.iter().flat_map(|edge| self.edges[*edge as usize].ends).collect();
            let ends: Vec<u32> = ends.into_iter().filter(|node| !within.contains(node)).collect();
            let off: BTreeSet<usize> = ends.iter().filter_map(|node| severed.of_node.get(node)).copied().collect();
            let through: Vec<u32> = ends.into_iter().filter(|node| !severed.of_node.contains_key(node)).collect();
            let is_crowded = through.len() > MOST_ENDS;
            let detour = if is_crowded { None } else { self.detour(&through, &closed, most_m) };
            let pieces = edges.iter().flat_map(|edge| &severed.pieces[edge]).copied().collect();
            severed.blockages.push(Blockage { pieces, off: off.into_iter().collect(), detour, is_crowded });
        }
        severed
    }

    /// Whether an edge is closed where it comes to a node.
    fn is_closed_at(&self, way: u32, node: u32, pieces: &HashMap<u32, Vec<Piece>>) -> bool {
        let edge = &self.edges[way as usize];
        let Some(pieces) = pieces.get(&way) else { return false };
        let first = pieces.first().is_some_and(|piece| piece.from_m <= END_M);
        let last = pieces.last().is_some_and(|piece| piece.to_m >= edge.length_m - END_M);
        (edge.ends[0] != node || first) && (edge.ends[1] != node || last)
    }

    /// Closed edges in groups that meet within what is closed, in order.
    fn hanging_together(&self, closed: &HashSet<u32>, within: &HashSet<u32>) -> Vec<BTreeSet<u32>> {
        let mut left: BTreeSet<u32> = closed.iter().copied().collect();
        let mut groups = Vec::new();
        while let Some(first) = left.pop_first() {
            let (mut group, mut next) = (BTreeSet::new(), vec![first]);
            while let Some(edge) = next.pop() {
                group.insert(edge);
                let inner = self.edges[edge as usize].ends.into_iter().filter(|node| within.contains(node));
                next.extend(inner.flat_map(|node| self.at(node)).copied().filter(|way| left.remove(way)));
            }
            groups.push(group);
        }
        groups
    }

    /// The way around between two of some nodes that is longest in comparison with the way before.
    fn detour(&self, ends: &[u32], closed: &HashSet<u32>, most_m: f64) -> Option<Detour> {
        let mut worst: Option<Detour> = None;
        for (number, from) in ends.iter().enumerate() {
            let rest: HashSet<u32> = ends[number + 1..].iter().copied().collect();
            if rest.is_empty() {
                break;
            }
            let metres = |closed: &HashSet<u32>| {
                let mut left = rest.len();
                self.search_from(*from, most_m, closed, |node, _| {
                    left -= usize::from(rest.contains(&node));
                    left == 0
                })
            };
            let (before, after) = (metres(&HashSet::new()), metres(closed));
            for to in &ends[number + 1..] {
                let Some(before_m) = before.costs.get(to).copied() else { continue };
                let detour = Detour { ends: [*from, *to], before_m, after_m: after.costs.get(to).copied() };
                if worst.is_none_or(|worst| detour.more_m() > worst.more_m()) {
                    worst = Some(detour);
                }
            }
        }
        worst
    }
}

/// The boxes of the parts of a shape in a corridor.
fn parts(shape: &Geometry<f64>, corridor: Rect<f64>) -> Vec<Rect<f64>> {
    let in_surface = |surface: &MultiPolygon<f64>| {
        let cut = corridor.to_polygon().intersection(surface);
        cut.0.iter().filter_map(Polygon::bounding_rect).collect()
    };
    let in_lines = |lines: &MultiLineString<f64>| {
        let cut = corridor.to_polygon().clip(lines, false);
        cut.0.iter().filter_map(geo_types::LineString::bounding_rect).collect()
    };
    match shape {
        Geometry::Point(Point(at)) if corridor.intersects(at) => vec![Rect::new(*at, *at)],
        Geometry::LineString(line) => in_lines(&MultiLineString(vec![line.clone()])),
        Geometry::MultiLineString(lines) => in_lines(lines),
        Geometry::Polygon(polygon) => in_surface(&MultiPolygon(vec![polygon.clone()])),
        Geometry::MultiPolygon(surface) => in_surface(surface),
        _ => Vec::new(),
    }
}

/// Stretches of one edge in order, those that touch made one.
fn joined(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if piece.from_m <= last.to_m + END_M => last.to_m = last.to_m.max(piece.to_m),
            _ => joined.push(piece),
        }
    }
    joined
}
