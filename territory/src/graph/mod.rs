//! Ways on foot: a graph of streets, what is within reach, what a closed street cuts off, and which streets something that
//! stands in them closes.
//!
//! Coordinates are longitude before latitude, in degrees of ETRS89 or RDN2008; lengths are metres along the streets, on GRS80
//! (to about a hundred-thousandth). Streets meet where they share a vertex, and where one ends on another
//! ([`TOLERANCE_M`]); where they merely cross, as a bridge crosses a canal-side street, they do not.

mod build;
mod close;
mod cut;
mod reach;

use std::sync::OnceLock;

use geo_types::Coord;
use rstar::RTree;
use rstar::primitives::{GeomWithData, Line};

pub use build::build;
pub use close::{Access, Blockage, Detour, Severed};
pub use cut::CutOff;
pub use reach::{Piece, Reach, Spot};

/// Metres by which the end of a street may miss another that it is meant to meet.
pub const TOLERANCE_M: f64 = 0.5;

/// A stretch of street between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The nodes, in the direction in which the street was drawn.
    pub ends: [u32; 2],
    /// Metres.
    pub length_m: f64,
    /// Which of the streets that the graph was built of.
    pub street: u32,
    /// Its vertices in [`Graph::coords`].
    first: u32,
    count: u32,
}

/// A segment on a plane of metres, with its edge and its place in it.
type Segment = GeomWithData<Line<[f64; 2]>, (u32, u32)>;

/// The streets as a graph.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Coord<f64>>,
    edges: Vec<Edge>,
    coords: Vec<Coord<f64>>,
    /// First place of each node in `ways`, and one past the last.
    starts: Vec<u32>,
    /// Edges at the nodes.
    ways: Vec<u32>,
    /// Segments with their edge and place in it, on a plane of metres.
    tree: RTree<Segment>,
    plane: Plane,
    /// For each node the part that it is in when nothing is closed, found when it is first asked for.
    whole: OnceLock<Vec<u32>>,
}

/// Degrees to metres around a place; true to a ten-thousandth within some ten kilometres, for finding what is near.
#[derive(Debug, Clone, Copy, Default)]
struct Plane {
    origin: Coord<f64>,
    metre: Coord<f64>,
}

impl Plane {
    fn at(origin: Coord<f64>) -> Self {
        Self { origin, metre: metres_a_degree(origin.y) }
    }

    fn metres(&self, at: Coord<f64>) -> [f64; 2] {
        [(at.x - self.origin.x) * self.metre.x, (at.y - self.origin.y) * self.metre.y]
    }
}

/// Metres in a degree of longitude and of latitude at a latitude, on GRS80.
fn metres_a_degree(latitude: f64) -> Coord<f64> {
    const A: f64 = 6_378_137.0;
    const E2: f64 = 0.006_694_380_022_900_788;
    let (sin, cos) = latitude.to_radians().sin_cos();
    let w2 = 1.0 - E2 * sin * sin;
    let degree = 1_f64.to_radians();
    Coord { x: A / w2.sqrt() * cos * degree, y: A * (1.0 - E2) / (w2 * w2.sqrt()) * degree }
}

/// Metres between two places that are near each other.
fn apart_m(a: Coord<f64>, b: Coord<f64>) -> f64 {
    let metre = metres_a_degree(f64::midpoint(a.y, b.y));
    ((a.x - b.x) * metre.x).hypot((a.y - b.y) * metre.y)
}

impl Graph {
    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The edges.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Where a node lies.
    pub fn node(&self, node: u32) -> Coord<f64> {
        self.nodes[node as usize]
    }

    /// The vertices of an edge.
    pub fn line(&self, edge: u32) -> &[Coord<f64>] {
        let Edge { first, count, .. } = self.edges[edge as usize];
        &self.coords[first as usize..(first + count) as usize]
    }

    /// The edges at a node.
    fn at(&self, node: u32) -> &[u32] {
        &self.ways[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }
}

#[cfg(test)]
mod close_tests;
#[cfg(test)]
mod tests;
