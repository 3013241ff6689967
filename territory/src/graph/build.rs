//! From streets to a graph.

use std::collections::HashMap;

use geo_types::{Coord, LineString, MultiLineString};
use rstar::primitives::{GeomWithData, Line};
use rstar::{AABB, PointDistance as _, RTree};

use super::{Edge, Graph, Plane, TOLERANCE_M, apart_m};

/// Vertices nearer than this are one: a centimetre, in degrees.
const SAME: f64 = 1e-7;

/// A vertex by its place.
type Key = (i64, i64);

fn key(at: Coord<f64>) -> Key {
    ((at.x / SAME).round() as i64, (at.y / SAME).round() as i64)
}

/// Builds the graph of streets, in their order.
pub fn build(streets: &[MultiLineString<f64>]) -> Graph {
    let mut lines: Vec<(u32, Vec<Coord<f64>>)> = Vec::new();
    for (street, parts) in (0..).zip(streets) {
        lines.extend(parts.iter().filter_map(|line| Some((street, distinct(line)?))));
    }
    let Some(origin) = middle(&lines) else { return Graph::default() };
    let plane = Plane::at(origin);
    meet(&mut lines, &plane);
    let shared = shared(&lines);
    let mut graph = Graph { plane, ..Graph::default() };
    let mut numbers = HashMap::new();
    for (street, line) in &lines {
        split(&mut graph, &mut numbers, &shared, *street, line);
    }
    link(&mut graph);
    graph
}

/// Without vertices that are twice the same; `None` where nothing of a line is left.
fn distinct(line: &LineString<f64>) -> Option<Vec<Coord<f64>>> {
    let mut coords = line.0.clone();
    coords.retain(|at| at.x.is_finite() && at.y.is_finite());
    coords.dedup_by_key(|at| key(*at));
    (coords.len() > 1).then_some(coords)
}

fn middle(lines: &[(u32, Vec<Coord<f64>>)]) -> Option<Coord<f64>> {
    let all = || lines.iter().flat_map(|(_, line)| line);
    let count = all().count() as f64;
    let sum = all().copied().reduce(|a, b| a + b)?;
    Some(sum / count)
}

/// Puts a vertex into each line on which another ends without sharing one.
fn meet(lines: &mut [(u32, Vec<Coord<f64>>)], plane: &Plane) {
    let segments = lines.iter().enumerate().flat_map(|(number, (_, line))| {
        line.windows(2).enumerate().map(move |(place, pair)| {
            let ends = Line::new(plane.metres(pair[0]), plane.metres(pair[1]));
            GeomWithData::new(ends, (number, place))
        })
    });
    let tree = RTree::bulk_load(segments.collect());
    let mut inserts: Vec<(usize, usize, f64, Coord<f64>)> = Vec::new();
    for (number, (_, line)) in lines.iter().enumerate() {
        for end in [line[0], line[line.len() - 1]] {
            let at = plane.metres(end);
            let corner = |by: f64| [at[0] + by, at[1] + by];
            let near =
                tree.locate_in_envelope_intersecting(AABB::from_corners(corner(-TOLERANCE_M), corner(TOLERANCE_M)));
            for segment in near {
                let (other, place) = segment.data;
                if other == number || segment.geom().distance_2(&at) > TOLERANCE_M * TOLERANCE_M {
                    continue;
                }
                let [from, to] = [segment.geom().from, segment.geom().to];
                let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
                let along = ((at[0] - from[0]) * dx + (at[1] - from[1]) * dy) / (dx * dx + dy * dy);
                // At its ends there is a vertex already; a near one is taken for the same below.
                if along > 0.0 && along < 1.0 {
                    inserts.push((other, place, along, end));
                }
            }
        }
    }
    inserts.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(b.2.total_cmp(&a.2)));
    for (line, place, _, at) in inserts {
        let coords = &mut lines[line].1;
        if key(coords[place]) != key(at) && key(coords[place + 1]) != key(at) {
            coords.insert(place + 1, at);
        }
    }
}

/// Vertices at which an edge ends: ends of lines, and what lines share.
fn shared(lines: &[(u32, Vec<Coord<f64>>)]) -> HashMap<Key, bool> {
    let mut seen: HashMap<Key, bool> = HashMap::new();
    for (_, line) in lines {
        for (place, at) in line.iter().enumerate() {
            let is_end = place == 0 || place + 1 == line.len();
            seen.entry(key(*at)).and_modify(|is_node| *is_node = true).or_insert(is_end);
        }
    }
    seen
}

fn split(
    graph: &mut Graph,
    numbers: &mut HashMap<Key, u32>,
    shared: &HashMap<Key, bool>,
    street: u32,
    line: &[Coord<f64>],
) {
    let mut node = |graph: &mut Graph, at: Coord<f64>| {
        *numbers.entry(key(at)).or_insert_with(|| {
            graph.nodes.push(at);
            graph.nodes.len() as u32 - 1
        })
    };
    let mut begin = 0;
    for place in 1..line.len() {
        if !shared.get(&key(line[place])).copied().unwrap_or_default() {
            continue;
        }
        let coords = &line[begin..=place];
        let ends = [node(graph, coords[0]), node(graph, coords[coords.len() - 1])];
        let length_m = coords.windows(2).map(|pair| apart_m(pair[0], pair[1])).sum();
        let (first, count) = (graph.coords.len() as u32, coords.len() as u32);
        graph.coords.extend_from_slice(coords);
        graph.edges.push(Edge { ends, length_m, street, first, count });
        begin = place;
    }
}

/// Notes the edges at each node, and where their segments are.
fn link(graph: &mut Graph) {
    let mut counts = vec![0_u32; graph.nodes.len() + 1];
    graph.edges.iter().flat_map(|edge| edge.ends).for_each(|end| counts[end as usize + 1] += 1);
    for node in 1..counts.len() {
        counts[node] += counts[node - 1];
    }
    let mut next = counts.clone();
    let mut ways = vec![0; graph.edges.len() * 2];
    for (number, edge) in (0..).zip(&graph.edges) {
        for end in edge.ends {
            ways[next[end as usize] as usize] = number;
            next[end as usize] += 1;
        }
    }
    let mut segments = Vec::with_capacity(graph.coords.len());
    for number in 0..graph.edges.len() as u32 {
        for (place, pair) in (0..).zip(graph.line(number).windows(2)) {
            let ends = Line::new(graph.plane.metres(pair[0]), graph.plane.metres(pair[1]));
            segments.push(GeomWithData::new(ends, (number, place)));
        }
    }
    (graph.starts, graph.ways, graph.tree) = (counts, ways, RTree::bulk_load(segments));
}
