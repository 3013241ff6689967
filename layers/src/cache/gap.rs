//! From which zoom on the outlines of a surface can be thinned and snapped without coming to meet.
//!
//! A tile moves an edge by so many of its units at most. Edges that keep farther apart than twice that cannot touch in it:
//! most surfaces never have to be looked at again when they are drawn.

use super::detail::TOLERANCE_BITS;
use super::ladder::EXTENT_BITS;

/// Tile units by which a vertex is moved at most: half the diagonal of a unit.
const SNAPPED: f64 = 0.71;
/// Pairs of edges looked at, per edge, before a surface is taken for one whose edges may meet.
const PATIENCE: usize = 64;

/// An edge of a ring.
#[derive(Debug, Clone, Copy)]
struct Edge {
    ends: [[f64; 2]; 2],
    min: [f64; 2],
    max: [f64; 2],
    ring: u32,
    place: u32,
    of: u32,
}

/// The edges of a surface.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    edges: Vec<Edge>,
    ring: u32,
}

impl Gaps {
    /// Adds an open ring, in world units.
    pub fn push(&mut self, world: impl ExactSizeIterator<Item = [u32; 2]> + Clone) {
        let of = world.len() as u32;
        let ends = world.clone().cycle().skip(1);
        self.edges.extend(world.zip(ends).enumerate().map(|(place, (from, to))| {
            let ends = [from, to].map(|vertex| vertex.map(f64::from));
            let [min, max] = [f64::min, f64::max].map(|pick| [0, 1].map(|axis| pick(ends[0][axis], ends[1][axis])));
            Edge { ends, min, max, ring: self.ring, place: place as u32, of }
        }));
        self.ring += 1;
    }

    /// The zoom from which nothing that tiles do to it makes its edges meet; 255 where that may happen at every zoom.
    pub fn simple_from(&mut self) -> u8 {
        let tolerance = f64::from(1_u32 << TOLERANCE_BITS);
        let reach = 2.0 * (tolerance + SNAPPED);
        let Some(squared) = self.smallest() else { return u8::MAX };
        (0..=u32::BITS - EXTENT_BITS)
            .find(|zoom| squared > (reach * f64::from(1_u32 << (u32::BITS - EXTENT_BITS - zoom))).powi(2))
            .map_or(u8::MAX, |zoom| zoom as u8)
    }

    /// The smallest squared distance of two edges that do not follow each other; `None` when that takes too long to find.
    fn smallest(&mut self) -> Option<f64> {
        self.edges.sort_unstable_by(|a, b| a.min[0].total_cmp(&b.min[0]));
        let (mut smallest, mut reach) = (f64::MAX, f64::MAX);
        let mut patience = PATIENCE * self.edges.len();
        for (index, edge) in self.edges.iter().enumerate() {
            for other in &self.edges[index + 1..] {
                if other.min[0] - edge.max[0] > reach {
                    break;
                }
                patience = patience.checked_sub(1)?;
                let beside = other.min[1] - edge.max[1] > reach || edge.min[1] - other.max[1] > reach;
                if !beside && !follows(edge, other) {
                    let squared = squared_distance(edge, other);
                    if squared < smallest {
                        (smallest, reach) = (squared, squared.sqrt());
                    }
                }
            }
        }
        Some(smallest)
    }
}

fn follows(edge: &Edge, other: &Edge) -> bool {
    let apart = edge.place.abs_diff(other.place);
    edge.ring == other.ring && (apart == 1 || apart + 1 == edge.of)
}

fn squared_distance(edge: &Edge, other: &Edge) -> f64 {
    let side = |edge: &Edge, [x, y]: [f64; 2]| {
        let [a, b] = edge.ends;
        (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
    };
    let splits = |edge: &Edge, other: &Edge| side(edge, other.ends[0]) * side(edge, other.ends[1]) <= 0.0;
    if splits(edge, other) && splits(other, edge) {
        // They cross, touch, or lie on one line: there the ends say how far apart.
        let on_line = side(edge, other.ends[0]) == 0.0 && side(edge, other.ends[1]) == 0.0;
        if !on_line {
            return 0.0;
        }
    }
    let to = |edge: &Edge, place: [f64; 2]| super::label::squared_distance(place, edge.ends[0], edge.ends[1]);
    let distances =
        [to(edge, other.ends[0]), to(edge, other.ends[1]), to(other, edge.ends[0]), to(other, edge.ends[1])];
    distances.into_iter().fold(f64::MAX, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simple_from(rings: &[&[[u32; 2]]]) -> u8 {
        let mut gaps = Gaps::default();
        for ring in rings {
            gaps.push(ring.iter().copied());
        }
        gaps.simple_from()
    }

    const SQUARE: [[u32; 2]; 4] =
        [[1_000_000, 1_000_000], [1_001_000, 1_000_000], [1_001_000, 1_001_000], [1_000_000, 1_001_000]];

    #[test]
    fn the_narrowest_place_decides() {
        // Six units of zoom 20 are six world units; 1,000 are 185 times as many, and 2⁷ = 128.
        assert_eq!(simple_from(&[&SQUARE]), 20 - 7);
        let hole = [[1_000_100, 1_000_008], [1_000_100, 1_000_900], [1_000_900, 1_000_900]];
        assert_eq!(simple_from(&[&SQUARE, &hole]), 20);
        let touching = [[1_000_100, 1_000_000], [1_000_100, 1_000_900], [1_000_900, 1_000_900]];
        assert_eq!(simple_from(&[&SQUARE, &touching]), u8::MAX);
        assert_eq!(simple_from(&[&[SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]]), u8::MAX);
        assert_eq!(simple_from(&[&SQUARE[..3]]), 0, "a triangle has no edges that do not follow each other");
    }

    #[test]
    fn long_outlines_are_gone_through_too() {
        let circle: Vec<[u32; 2]> = (0..3_000)
            .map(|step| {
                let angle = std::f64::consts::TAU * f64::from(step) / 3_000.0;
                [1e8 + 1e6 * angle.cos(), 1e8 + 1e6 * angle.sin()].map(|value| value as u32)
            })
            .collect();
        // Vertices are 2,094 world units apart.
        assert_eq!(simple_from(&[&circle]), 20 - 8);
    }
}
