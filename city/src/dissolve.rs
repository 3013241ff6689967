//! Union of faces that share their vertices: common edges cancel, the rest is linked into rings.

use geo_types::{LineString, Polygon};

use crate::mesh::Vertex;
use crate::plane::{P, contains};
use crate::warp::Mm;

/// A polygon as vertex numbers: outer ring counter-clockwise, holes clockwise.
#[derive(Debug, Clone)]
pub struct Region {
    /// Outer ring.
    pub outer: Vec<Vertex>,
    /// Holes.
    pub holes: Vec<Vec<Vertex>>,
}

/// Unites faces given as counter-clockwise vertex rings of one mesh.
pub fn unite<'a>(ground: &[Mm], faces: impl Iterator<Item = &'a [Vertex]>) -> Vec<Region> {
    let mut edges: Vec<(Vertex, Vertex, bool)> = Vec::new();
    for ring in faces {
        for (i, &a) in ring.iter().enumerate() {
            let b = ring[(i + 1) % ring.len()];
            if a != b {
                edges.push((a.min(b), a.max(b), a < b));
            }
        }
    }
    edges.sort_unstable();
    let mut kept: Vec<(Vertex, Vertex)> = Vec::with_capacity(edges.len() / 2);
    let mut i = 0;
    while i < edges.len() {
        let mut j = i;
        let mut balance = 0i32;
        while j < edges.len() && (edges[j].0, edges[j].1) == (edges[i].0, edges[i].1) {
            balance += if edges[j].2 { 1 } else { -1 };
            j += 1;
        }
        match balance.signum() {
            1 => kept.push((edges[i].0, edges[i].1)),
            -1 => kept.push((edges[i].1, edges[i].0)),
            _ => {}
        }
        i = j;
    }
    kept.sort_unstable();
    assemble(ground, trace(ground, &kept))
}

/// Walks the edges with the interior on the left, always by the sharpest left turn, and splits off every loop
/// that comes back to a vertex.
fn trace(ground: &[Mm], edges: &[(Vertex, Vertex)]) -> Vec<Vec<Vertex>> {
    let mut used = vec![false; edges.len()];
    let mut rings = Vec::new();
    for start in 0..edges.len() {
        if used[start] {
            continue;
        }
        let mut path: Vec<Vertex> = vec![edges[start].0];
        let mut current = start;
        loop {
            used[current] = true;
            let (from, to) = edges[current];
            if let Some(position) = path.iter().rposition(|vertex| *vertex == to) {
                let ring = path.split_off(position);
                if ring.len() >= 3 {
                    rings.push(ring);
                }
                if path.is_empty() {
                    break;
                }
            }
            path.push(to);
            let first = edges.partition_point(|edge| edge.0 < to);
            let heading = ground[to as usize].metres() - ground[from as usize].metres();
            let next = (first..edges.len())
                .take_while(|i| edges[*i].0 == to)
                .filter(|i| !used[*i])
                .max_by(|a, b| turn(ground, heading, edges[*a]).total_cmp(&turn(ground, heading, edges[*b])));
            match next {
                Some(next) => current = next,
                None => break,
            }
        }
    }
    rings
}

/// How far an edge turns left from a heading: -2 (back to the right) … 2 (back to the left).
fn turn(ground: &[Mm], heading: P, edge: (Vertex, Vertex)) -> f64 {
    let out = (ground[edge.1 as usize].metres() - ground[edge.0 as usize].metres()).unit();
    let heading = heading.unit();
    let (sin, cos) = (heading.cross(out), heading.dot(out));
    if sin >= 0.0 { 1.0 - cos } else { cos - 1.0 }
}

fn metres(ground: &[Mm], ring: &[Vertex]) -> Vec<P> {
    ring.iter().map(|vertex| ground[*vertex as usize].metres()).collect()
}

fn assemble(ground: &[Mm], rings: Vec<Vec<Vertex>>) -> Vec<Region> {
    let mut regions: Vec<(f64, Vec<P>, Region)> = Vec::new();
    let mut holes = Vec::new();
    for ring in rings {
        let points = metres(ground, &ring);
        let area = crate::plane::area2(&points);
        if area > 0.0 {
            regions.push((area, points, Region { outer: ring, holes: Vec::new() }));
        } else if area < 0.0 {
            holes.push((points, ring));
        }
    }
    regions.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (points, ring) in holes {
        let inside = points[0].toward(points[1], 0.5);
        let owner = if regions.len() == 1 { Some(0) } else { regions.iter().position(|region| contains(&region.1, inside)) };
        if let Some(owner) = owner {
            regions[owner].2.holes.push(ring);
        }
    }
    regions.into_iter().rev().map(|(_, _, region)| region).collect()
}

/// A ring on the ground, closed, without repeated positions.
pub fn line_string(ground: &[Mm], ring: &[Vertex]) -> LineString<f64> {
    let mut coords = Vec::with_capacity(ring.len() + 1);
    let mut last = None;
    for vertex in ring {
        let at = ground[*vertex as usize];
        if last != Some(at) {
            coords.push(at.coord());
            last = Some(at);
        }
    }
    if coords.len() > 1 && coords.first() == coords.last() {
        coords.pop();
    }
    if let Some(&first) = coords.first() {
        coords.push(first);
    }
    LineString(coords)
}

impl Region {
    /// The region on the ground in EPSG:7795.
    pub fn polygon(&self, ground: &[Mm]) -> Polygon<f64> {
        let holes = self.holes.iter().map(|hole| line_string(ground, hole)).filter(|hole| hole.0.len() > 3).collect();
        Polygon::new(line_string(ground, &self.outer), holes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<Mm> {
        (0..16).map(|i| Mm { x: i % 4 * 1000, y: i / 4 * 1000 }).collect()
    }

    fn cell(x: u32, y: u32) -> Vec<Vertex> {
        let a = y * 4 + x;
        vec![a, a + 1, a + 5, a + 4]
    }

    #[test]
    fn a_ring_of_cells_has_a_hole() {
        let cells: Vec<_> = (0..9).filter(|i| *i != 4).map(|i| cell(i % 3, i / 3)).collect();
        let regions = unite(&grid(), cells.iter().map(Vec::as_slice));
        assert_eq!((regions.len(), regions[0].holes.len()), (1, 1));
    }

    #[test]
    fn cells_that_touch_in_a_corner_stay_apart() {
        let cells = [cell(0, 0), cell(1, 1)];
        let regions = unite(&grid(), cells.iter().map(Vec::as_slice));
        assert_eq!(regions.len(), 2);
    }

    #[test]
    fn a_hole_that_touches_the_outer_ring_is_still_a_hole() {
        // All cells but the middle and a corner: the hole meets the outer ring in one vertex.
        let cells: Vec<_> = (0..9).filter(|i| *i != 4 && *i != 0).map(|i| cell(i % 3, i / 3)).collect();
        let regions = unite(&grid(), cells.iter().map(Vec::as_slice));
        assert_eq!((regions.len(), regions[0].holes.len()), (1, 1));
    }
}
