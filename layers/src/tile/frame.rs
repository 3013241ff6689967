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

/// How often a clipped ring runs along the frame.
pub fn runs(ring: &[[i32; 2]]) -> usize {
    let is_run = |at: usize| is_on_frame(edge(ring, at));
    if (0..ring.len()).all(is_run) {
        return 1;
    }
    (0..ring.len()).filter(|at| is_run(*at) && !is_run(if *at == 0 { ring.len() - 1 } else { at - 1 })).count()
}

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub struct Joiner {
    /// Pieces of outlines from frame to frame.
    vertices: Vec<[i32; 2]>,
    pieces: Vec<Piece>,
    /// Rings that do not reach the frame.
    whole: Shape,
    shells: Shape,
    ring: Vec<[i32; 2]>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    enters: i32,
    leaves: i32,
    done: bool,
}

impl Joiner {
    /// Joins the parts of a shape from `first` on, a shell and its holes, anew. Where that leads to nothing sensible (after
    /// rounding, two pieces may meet at the frame) they stay as they are.
    pub fn join(&mut self, shape: &mut Shape, first: usize) {
        self.vertices.clear();
        self.pieces.clear();
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

    /// Takes the pieces of a ring between its edges on the frame.
    fn cut(&mut self, ring: &[[i32; 2]]) {
        let Some(first) = (0..ring.len()).find(|at| is_on_frame(edge(ring, *at))) else {
            self.whole.push(ring);
            return;
        };
        let mut start = None;
        for at in (first..ring.len()).chain(0..=first) {
            let [from, to] = edge(ring, at);
            match (is_on_frame([from, to]), start) {
                (true, Some(begin)) => {
                    start = None;
                    let (end, enters) = (self.vertices.len(), along(self.vertices[begin]));
                    self.pieces.push(Piece { start: begin, end, enters, leaves: along(from), done: false });
                }
                (true, None) => {}
                (false, Some(_)) => self.vertices.push(to),
                (false, None) => {
                    start = Some(self.vertices.len());
                    self.vertices.extend([from, to]);
                }
            }
        }
    }

    /// Walks along pieces and frame, until all pieces belong to a shell.
    fn walk(&mut self) -> Option<()> {
        self.pieces.sort_unstable_by_key(|piece| piece.enters);
        for first in 0..self.pieces.len() {
            if self.pieces[first].done {
                continue;
            }
            self.ring.clear();
            let mut at = first;
            loop {
                let piece = &mut self.pieces[at];
                if std::mem::replace(&mut piece.done, true) {
                    return None;
                }
                let Piece { start, end, leaves, .. } = *piece;
                self.ring.extend_from_slice(&self.vertices[start..end]);
                // The next that enters from here on, once around if need be.
                let next = self.pieces.partition_point(|piece| piece.enters < leaves) % self.pieces.len();
                self.turn(leaves, self.pieces[next].enters);
                if next == first {
                    break;
                }
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
        rings.iter().for_each(|ring| shape.push(ring));
        Joiner::default().join(&mut shape, 0);
        shape.parts().map(<[_]>::to_vec).collect()
    }

    #[test]
    fn a_hole_at_the_frame_becomes_a_bay() {
        let shell = [[LOW, LOW], [1000, LOW], [1000, 1000], [LOW, 1000]];
        let (bay, inner) = ([[LOW, 200], [LOW, 300], [50, 300], [50, 200]], [[500, 500], [500, 600], [600, 600]]);
        assert!(runs(&bay) == 1 && runs(&inner) == 0 && doubled_area(&bay) < 0);
        let found = joined(&[&shell, &bay, &inner]);
        let expected = [[50, 200], [LOW, 200], [LOW, LOW], [1000, LOW], [1000, 1000], [LOW, 1000], [LOW, 300], [50, 300]];
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], inner);
        assert_eq!(doubled_area(&found[0]), doubled_area(&shell) + doubled_area(&bay));
        assert!(expected.iter().all(|vertex| found[0].contains(vertex)) && found[0].len() == 8, "{found:?}");
    }

    #[test]
    fn what_the_frame_cuts_apart_comes_apart() {
        // A U that hangs over the upper side, its pieces joined along it by the clip, with a hole in the right one.
        let arms = [[100, LOW], [200, LOW], [200, 300], [300, 300], [300, LOW], [600, LOW], [600, 400], [100, 400]];
        let cut = [[100, LOW], [200, LOW], [200, 300], [100, 300], [100, LOW], [400, LOW], [600, LOW], [600, 300], [400, 300], [400, LOW]];
        let hole = [[450, 100], [450, 200], [500, 200]];
        assert_eq!(runs(&cut), 2);
        let found = joined(&[&cut, &hole]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found.iter().map(|ring| doubled_area(ring)).sum::<i64>(), 2 * (100 + 200) * 364 + doubled_area(&hole));
        let after = found.iter().position(|ring| ring == &hole).expect("the hole is there");
        assert!(found[after - 1].contains(&[600, 300]), "after its shell");
        assert_eq!(joined(&[&arms]).iter().map(|ring| doubled_area(ring)).sum::<i64>(), doubled_area(&arms));
    }

    #[test]
    fn a_shell_around_the_tile_is_the_frame() {
        let hole = [[HIGH, 100], [HIGH, HIGH], [3000, HIGH]];
        let hole: Vec<[i32; 2]> = if doubled_area(&hole) > 0 { hole.into_iter().rev().collect() } else { hole.to_vec() };
        let found = joined(&[&CORNERS, &hole]);
        assert_eq!(found.len(), 1);
        assert_eq!(doubled_area(&found[0]), doubled_area(&CORNERS) + doubled_area(&hole));
        assert_eq!(joined(&[&CORNERS]), [CORNERS]);
    }
}
