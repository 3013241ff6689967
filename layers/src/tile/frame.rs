//! Surfaces that the frame of a tile cuts into pieces.
//!
//! Clipped ring by ring, the pieces of an outline stay joined along the frame, and a hole that reaches the frame lies on the
//! edge of its shell. Here what lies inside is joined anew along the frame, clockwise, as the interior does: pieces become
//! shells of their own, and such holes bays.

use super::clip::{HIGH, LOW};
use super::encode::Shape;
use super::shape::{doubled_area, goes_around, tidy_ring};

const SIDE: i32 = HIGH - LOW;
/// Corners of the frame in the order of the way around it.
const CORNERS: [[i32; 2]; 4] = [[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]];

/// How far along the frame a place on it is, clockwise on the screen from the upper left corner.
fn along([x, y]: [i32; 2]) -> i32 {
    if y == LOW {
        x - LOW
    } else if x == HIGH {
        SIDE + y - LOW
    } else if y == HIGH {
        2 * SIDE + HIGH - x
    } else {
        3 * SIDE + HIGH - y
    }
}

fn is_on_frame(edge: [[i32; 2]; 2]) -> bool {
    (0..2).any(|axis| edge[0][axis] == edge[1][axis] && (edge[0][axis] == LOW || edge[0][axis] == HIGH))
}

fn edge(ring: &[[i32; 2]], at: usize) -> [[i32; 2]; 2] {
    [ring[at], ring[if at + 1 == ring.len() { 0 } else { at + 1 }]]
}

/// Whether a place lies on the frame.
fn touches(place: [i32; 2]) -> bool {
    place.iter().any(|value| *value == LOW || *value == HIGH)
}

/// How often a clipped ring comes to the frame, to run along it or only to touch it.
pub fn visits(ring: &[[i32; 2]]) -> usize {
    let mut visits = 0;
    let mut runs_here = ring.last().is_some_and(|last| is_on_frame([*last, ring[0]]));
    for (at, place) in ring.iter().enumerate() {
        let runs_on = is_on_frame(edge(ring, at));
        visits += usize::from(!runs_here && touches(*place));
        runs_here = runs_on;
    }
    // All of it is the frame.
    if visits == 0 && runs_here { 1 } else { visits }
}

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub struct Joiner {
    /// Pieces of outlines from frame to frame.
    vertices: Vec<[i32; 2]>,
    pieces: Vec<Piece>,
    /// Where each piece ends, along the frame.
    leaves: Vec<(i32, usize)>,
    /// Rings that do not reach the frame.
    whole: Shape,
    shells: Shape,
    ring: Vec<[i32; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    /// Where it begins, along the frame.
    enters: i32,
    /// The piece that follows it, until that has been walked along.
    next: Option<usize>,
}

impl Joiner {
    /// Joins the parts of a shape from `first` on, a shell and its holes, anew. Where that leads to nothing sensible (after
    /// rounding, two pieces may meet at the frame) they stay as they are.
    pub fn join(&mut self, shape: &mut Shape, first: usize) {
        self.vertices.clear();
        self.pieces.clear();
        self.leaves.clear();
        self.whole.clear();
        self.shells.clear();
        for ring in shape.parts().skip(first) {
            self.cut(ring);
        }
        if self.pieces.is_empty() || self.walk().is_none() {
            return;
        }
        shape.keep(first);
        let shells = self.shells.len();
        for shell in self.shells.parts() {
            shape.push(shell);
            let holes = self.whole.parts().filter(|hole| shells == 1 || goes_around(shell, hole[0]));
            holes.for_each(|hole| shape.push(hole));
        }
    }

    /// Takes the pieces of a ring between its visits to the frame.
    fn cut(&mut self, ring: &[[i32; 2]]) {
        let Some(first) = ring.iter().position(|place| touches(*place)) else {
            self.whole.push(ring);
            return;
        };
        let mut start = None;
        for at in (first..ring.len()).chain(0..first) {
            let [from, to] = edge(ring, at);
            if is_on_frame([from, to]) {
                continue;
            }
            let begin = *start.get_or_insert(self.vertices.len());
            if begin == self.vertices.len() {
                self.vertices.push(from);
            }
            self.vertices.push(to);
            if touches(to) {
                let enters = along(self.vertices[begin]);
                self.pieces.push(Piece { start: begin, end: self.vertices.len(), enters, next: None });
                self.leaves.push((along(to), self.pieces.len() - 1));
                start = None;
            }
        }
    }

    /// Finds for each piece the one that is next along the frame: around it, pieces leave and enter by turns.
    fn link(&mut self) -> Option<()> {
        let mut enters: Vec<(i32, usize)> =
            self.pieces.iter().enumerate().map(|(piece, Piece { enters, .. })| (*enters, piece)).collect();
        enters.sort_unstable();
        self.leaves.sort_unstable();
        let (enters, leaves) = (&enters, &self.leaves);
        let count = enters.len();
        let in_turn = |first: &[(i32, usize)], then: &[(i32, usize)]| {
            (0..count).all(|at| first[at].0 <= then[at].0 && (at + 1 == count || then[at].0 <= first[at + 1].0))
        };
        let shift = if in_turn(leaves, enters) {
            0
        } else if in_turn(enters, leaves) {
            1
        } else {
            return None;
        };
        for (place, (_, piece)) in leaves.iter().enumerate() {
            self.pieces[*piece].next = Some(enters[(place + shift) % count].1);
        }
        Some(())
    }

    /// Walks along pieces and frame, until all pieces belong to a shell.
    fn walk(&mut self) -> Option<()> {
        self.link()?;
        for first in 0..self.pieces.len() {
            let mut at = first;
            self.ring.clear();
            // Each piece is next to one other, so that the way ends where it began.
            while let Some(next) = self.pieces[at].next.take() {
                let Piece { start, end, .. } = self.pieces[at];
                self.ring.extend_from_slice(&self.vertices[start..end]);
                self.turn(along(self.vertices[end - 1]), self.pieces[next].enters);
                at = next;
            }
            tidy_ring(&mut self.ring);
            match if self.ring.len() < 3 { 0 } else { doubled_area(&self.ring) } {
                0 => {}
                ..0 => return None,
                _ => self.shells.push(&self.ring),
            }
        }
        Some(())
    }

    /// Adds the corners on the way along the frame.
    fn turn(&mut self, from: i32, to: i32) {
        let to = if to < from { to + 4 * SIDE } else { to };
        let passed = (0..8).filter(|corner| (from + 1..to).contains(&(corner * SIDE)));
        self.ring.extend(passed.map(|corner| CORNERS[corner as usize % 4]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(rings: &[&[[i32; 2]]]) -> Vec<Vec<[i32; 2]>> {
        let mut shape = Shape::default();
        for ring in rings {
            shape.push(ring);
        }
        Joiner::default().join(&mut shape, 0);
        shape.parts().map(<[_]>::to_vec).collect()
    }

    #[test]
    fn a_hole_at_the_frame_becomes_a_bay() {
        let shell = [[LOW, LOW], [1000, LOW], [1000, 1000], [LOW, 1000]];
        let (bay, inner) = ([[LOW, 200], [LOW, 300], [50, 300], [50, 200]], [[500, 500], [500, 600], [600, 600]]);
        assert!(visits(&bay) == 1 && visits(&inner) == 0 && doubled_area(&bay) < 0);
        let found = joined(&[&shell, &bay, &inner]);
        let expected =
            [[50, 200], [LOW, 200], [LOW, LOW], [1000, LOW], [1000, 1000], [LOW, 1000], [LOW, 300], [50, 300]];
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], inner);
        assert_eq!(doubled_area(&found[0]), doubled_area(&shell) + doubled_area(&bay));
        assert!(expected.iter().all(|vertex| found[0].contains(vertex)) && found[0].len() == 8, "{found:?}");
    }

    #[test]
    fn what_the_frame_cuts_apart_comes_apart() {
        // A U that hangs over the upper side, its pieces joined along it by the clip, with a hole in the right one.
        let arms = [[100, LOW], [200, LOW], [200, 300], [300, 300], [300, LOW], [600, LOW], [600, 400], [100, 400]];
        let cut = [
            [100, LOW],
            [200, LOW],
            [200, 300],
            [100, 300],
            [100, LOW],
            [400, LOW],
            [600, LOW],
            [600, 300],
            [400, 300],
            [400, LOW],
        ];
        let hole = [[450, 100], [450, 200], [500, 200]];
        assert_eq!(visits(&cut), 2);
        let found = joined(&[&cut, &hole]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            found.iter().map(|ring| doubled_area(ring)).sum::<i64>(),
            2 * (100 + 200) * 364 + doubled_area(&hole)
        );
        let after = found.iter().position(|ring| ring == &hole).expect("the hole is there");
        assert!(found[after - 1].contains(&[600, 300]), "after its shell");
        assert_eq!(joined(&[&arms]).iter().map(|ring| doubled_area(ring)).sum::<i64>(), doubled_area(&arms));
    }

    #[test]
    fn a_vertex_on_the_way_along_the_frame_parts_what_it_touches() {
        let ring = [[3683, LOW], [3683, 18], [3544, LOW], [3458, -38], [3364, -44], [3307, LOW]];
        assert_eq!(visits(&ring), 2);
        let found = joined(&[&ring]);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [3, 4], "{found:?}");
        assert_eq!(found.iter().map(|ring| doubled_area(ring)).sum::<i64>(), doubled_area(&ring));
        // From inside, it parts nothing.
        let tent = [[LOW, 200], [100, 300], [200, LOW], [300, 300], [300, 400], [LOW, 400]];
        assert_eq!(visits(&tent), 2);
        assert_eq!(joined(&[&tent]).iter().map(|ring| doubled_area(ring)).collect::<Vec<_>>(), [doubled_area(&tent)]);
    }

    #[test]
    fn a_shell_around_the_tile_is_the_frame() {
        let hole = [[HIGH, 100], [HIGH, HIGH], [3000, HIGH]];
        let hole: Vec<[i32; 2]> =
            if doubled_area(&hole) > 0 { hole.into_iter().rev().collect() } else { hole.to_vec() };
        let found = joined(&[&CORNERS, &hole]);
        assert_eq!(found.len(), 1);
        assert_eq!(doubled_area(&found[0]), doubled_area(&CORNERS) + doubled_area(&hole));
        assert_eq!(joined(&[&CORNERS]), [CORNERS]);
    }
}
