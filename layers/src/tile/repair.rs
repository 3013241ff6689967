//! Rings that cross or touch themselves or each other once they are thinned and snapped to the grid of a tile.

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::IntOverlayOptions;
use i_overlay::core::simplify::Simplify;
use i_overlay::i_float::int::point::IntPoint;

use super::encode::Shape;
use super::shape::{doubled_area, goes_around, tidy_ring};

/// Edges up to which each is compared with each, without putting them in order first.
const FEW: usize = 24;

/// Finds rings that meet.
#[derive(Debug, Default)]
pub struct Inspector {
    edges: Vec<Edge>,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    from: [i32; 2],
    to: [i32; 2],
    min: [i32; 2],
    max: [i32; 2],
    ring: u32,
    /// Its place in the ring, which has `of` edges.
    place: u32,
    of: u32,
}

impl Inspector {
    /// Whether no two edges of a shape meet but those that follow each other.
    pub fn is_simple(&mut self, shape: &Shape) -> bool {
        self.edges.clear();
        for (ring, part) in shape.parts().enumerate() {
            let ends = part[1..].iter().chain(&part[..1]);
            self.edges.extend(part.iter().zip(ends).enumerate().map(|(place, (from, to))| Edge {
                from: *from,
                to: *to,
                min: [0, 1].map(|axis| from[axis].min(to[axis])),
                max: [0, 1].map(|axis| from[axis].max(to[axis])),
                ring: ring as u32,
                place: place as u32,
                of: part.len() as u32,
            }));
        }
        let is_sorted = self.edges.len() > FEW;
        if is_sorted {
            self.edges.sort_unstable_by_key(|edge| edge.min[0]);
        }
        self.edges.iter().enumerate().all(|(index, edge)| {
            let others = &self.edges[index + 1..];
            let near = |other: &&Edge| !is_sorted || other.min[0] <= edge.max[0];
            !others.iter().take_while(near).any(|other| edge.meets(other))
        })
    }
}

impl Edge {
    fn meets(&self, other: &Self) -> bool {
        (0..2).all(|axis| self.min[axis] <= other.max[axis] && other.min[axis] <= self.max[axis])
            && !self.is_beside(other)
            && !is_apart(self, other)
            && !is_apart(other, self)
    }

    /// Whether it follows the other, or the other follows it.
    fn is_beside(&self, other: &Self) -> bool {
        let apart = self.place.abs_diff(other.place);
        self.ring == other.ring && (apart == 1 || apart + 1 == self.of)
    }
}

/// Whether a shape is one ring that turns right all the way, once around: most small surfaces are.
pub fn is_convex(shape: &Shape) -> bool {
    shape.len() == 1 && shape.parts().all(turns_right)
}

fn turns_right(ring: &[[i32; 2]]) -> bool {
    let [.., before, last] = ring else { return false };
    let step = |from: &[i32; 2], to: &[i32; 2]| [0, 1].map(|axis| i64::from(to[axis]) - i64::from(from[axis]));
    let (mut run, mut from, mut heads) = (step(before, last), last, 0);
    let mut heading = 0;
    let mut first = 0;
    for to in ring {
        let next = step(from, to);
        if run[0] * next[1] - run[1] * next[0] <= 0 {
            return false;
        }
        let towards = next[0].signum();
        if towards != 0 && towards != heading {
            heads += 1;
            if first == 0 {
                first = towards;
            }
            heading = towards;
        }
        (run, from) = (next, to);
    }
    // East, west, and once more the way it began.
    heads == 2 || heads == 3 && heading == first
}

/// Whether the other edge lies all on one side of the line of an edge.
fn is_apart(edge: &Edge, other: &Edge) -> bool {
    let side = |vertex: [i32; 2]| {
        let run = [0, 1].map(|axis| i64::from(edge.to[axis]) - i64::from(edge.from[axis]));
        let off = [0, 1].map(|axis| i64::from(vertex[axis]) - i64::from(edge.from[axis]));
        (run[0] * off[1] - run[1] * off[0]).signum()
    };
    side(other.from) * side(other.to) > 0
}

/// Draws a shape anew so that no ring crosses itself or another: what lies inside an odd number of them stays.
pub fn repair(shape: &mut Shape) {
    let contours: Vec<Vec<IntPoint>> =
        shape.parts().map(|part| part.iter().map(|[x, y]| IntPoint::new(*x, *y)).collect()).collect();
    let surfaces = contours.simplify(FillRule::EvenOdd, IntOverlayOptions::keep_output_points());
    shape.clear();
    for surface in surfaces {
        let mut loops = Vec::new();
        for (place, contour) in surface.iter().enumerate() {
            let mut ring: Vec<[i32; 2]> = contour.iter().map(|point| [point.x, point.y]).collect();
            // Shells run clockwise on the screen, holes the other way.
            if (doubled_area(&ring) > 0) != (place == 0) {
                ring.reverse();
            }
            part(&ring, &mut loops);
        }
        let (shells, holes): (Vec<_>, Vec<_>) = loops.iter().partition(|ring| doubled_area(ring) > 0);
        for shell in &shells {
            shape.push(shell);
            let is_in = |hole: &&&Vec<[i32; 2]>| shells.len() == 1 || hole.iter().all(|at| is_within(shell, *at));
            holes.iter().filter(is_in).for_each(|hole| shape.push(hole));
        }
    }
}

/// Whether a place lies in a ring or is one of its vertices.
fn is_within(ring: &[[i32; 2]], place: [i32; 2]) -> bool {
    ring.contains(&place) || goes_around(ring, place)
}

/// Parts a ring where it comes to the same vertex again.
fn part(ring: &[[i32; 2]], loops: &mut Vec<Vec<[i32; 2]>>) {
    let mut way: Vec<[i32; 2]> = Vec::with_capacity(ring.len());
    let mut keep = |mut ring: Vec<[i32; 2]>| {
        tidy_ring(&mut ring);
        if ring.len() > 2 {
            loops.push(ring);
        }
    };
    for vertex in ring {
        if let Some(before) = way.iter().position(|other| other == vertex) {
            keep(way.split_off(before));
        }
        way.push(*vertex);
    }
    keep(way);
}

#[cfg(test)]
mod tests {
    use geo::{Area, Validation};
    use geo_types::{Coord, LineString, MultiPolygon, Polygon};
    use proptest::prelude::*;

    use super::*;

    fn shape(rings: &[Vec<[i32; 2]>]) -> Shape {
        let mut shape = Shape::default();
        for ring in rings {
            shape.push(ring);
        }
        shape
    }

    fn surfaces(shape: &Shape) -> MultiPolygon<f64> {
        let mut surfaces: Vec<Polygon<f64>> = Vec::new();
        for ring in shape.parts() {
            let line: LineString<f64> = ring.iter().map(|v| Coord { x: v[0].into(), y: v[1].into() }).collect();
            match surfaces.last_mut() {
                Some(surface) if doubled_area(ring) < 0 => surface.interiors_push(line),
                _ => surfaces.push(Polygon::new(line, vec![])),
            }
        }
        MultiPolygon(surfaces)
    }

    #[test]
    fn crossings_touches_and_shared_edges_are_found_and_mended() {
        let square = vec![[0, 0], [100, 0], [100, 100], [0, 100]];
        let cases = [
            (vec![vec![[0, 0], [100, 100], [100, 0], [0, 100]]], 5_000.0),
            (vec![vec![[0, 0], [50, 50], [100, 0], [100, 100], [50, 50], [0, 100]]], 5_000.0),
            (vec![vec![[0, 0], [100, 0], [100, 50], [50, 0], [0, 50]]], 2_500.0),
            (vec![square.clone(), vec![[0, 20], [0, 40], [20, 40], [20, 20]]], 9_600.0),
            (vec![square.clone(), vec![[100, 0], [200, 0], [200, 100], [100, 100]]], 20_000.0),
        ];
        for (rings, area) in cases {
            let mut broken = shape(&rings);
            assert!(!Inspector::default().is_simple(&broken), "{rings:?}");
            repair(&mut broken);
            let mended = surfaces(&broken);
            assert!(mended.is_valid() && (mended.unsigned_area() - area).abs() < 1.0, "{rings:?}: {mended:?}");
        }
        let turns = turns_right;
        assert!(
            turns(&square)
                && turns(&[[0, 0], [10, 5], [12, 40], [-3, 20]])
                && !turns(&[[0, 0], [10, 5], [3, 20], [3, 9]])
        );
        let twice = [[0, 0], [40, 0], [40, 40], [10, 40], [10, 10], [30, 5], [35, 30], [0, 35]];
        let star = [[0, 38], [100, 38], [20, 100], [50, 0], [80, 100]];
        assert!(!turns(&twice) && !turns(&star), "twice around");
        let sound = shape(&[square, vec![[20, 20], [20, 40], [40, 40], [40, 20]]]);
        assert!(Inspector::default().is_simple(&sound));
    }

    proptest! {
        #[test]
        fn whatever_is_mended_has_rings_that_do_not_cross(ring in proptest::collection::vec((0..60_i32, 0..60_i32), 3..30)) {
            let mut ring: Vec<[i32; 2]> = ring.into_iter().map(|(x, y)| [x, y]).collect();
            tidy_ring(&mut ring);
            prop_assume!(ring.len() > 2 && doubled_area(&ring) != 0);
            let mut any = shape(std::slice::from_ref(&ring));
            if Inspector::default().is_simple(&any) {
                prop_assert!(surfaces(&any).is_valid());
            } else {
                repair(&mut any);
                let mended = surfaces(&any);
                for part in mended.iter() {
                    prop_assert!(Polygon::new(part.exterior().clone(), vec![]).is_valid(), "{ring:?}");
                    for hole in part.interiors() {
                        prop_assert!(Polygon::new(hole.clone(), vec![]).is_valid(), "{ring:?}");
                    }
                }
            }
        }
    }
}
