//! Watertight subdivision of the drawing plane.
//!
//! Every polygon is cut from a larger one by a straight line. A cut registers the points where it meets older
//! lines *on those lines*; when a polygon is finally drawn, each of its edges takes in every point registered
//! between its ends. So two neighbours draw their common edge with the same vertices, whichever was cut later
//! and however often.

use crate::plane::{P, p};
use crate::warp::{Mm, Warp};

/// Number of a vertex.
pub type Vertex = u32;
/// Number of a line; 0 is "no line": an edge that nothing may be registered on.
pub type LineId = u32;
/// "No street".
pub const NONE: u32 = u32::MAX;

/// Vertices closer than this (in metres) on one line are one vertex.
const SNAP: f64 = 0.06;

/// What lies along a line: how the edges on it know their street or canal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tag {
    /// Street whose side this line is, by its number in the mesh's owner.
    pub street: u32,
    /// 0 = left side of the street, 1 = right side.
    pub side: u8,
    /// Distance from the line to the middle of the street or canal, metres.
    pub half: f64,
    /// The line is a bank.
    pub water: bool,
}

impl Tag {
    /// A mere boundary.
    pub const PLAIN: Self = Self { street: NONE, side: 0, half: 0.0, water: false };
}

#[derive(Debug, Clone)]
struct Line {
    dir: P,
    points: Vec<(f64, Vertex)>,
    tag: Tag,
}

/// A convex polygon, counter-clockwise: corners, each with the line of the edge that leaves it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Poly(pub Vec<(Vertex, LineId)>);

/// The two parts of a cut, and its line.
#[derive(Debug)]
pub struct Cut {
    /// The part against the normal.
    pub near: Poly,
    /// The part along the normal.
    pub far: Poly,
    /// The new line.
    pub line: LineId,
    /// Where the new line begins and ends (seen with `near` to its left, that is, along `near`'s ring).
    pub ends: (Vertex, Vertex),
}

/// Vertices and lines of one subdivision.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// Vertices in the drawing plane.
    pub points: Vec<P>,
    /// Vertices on the ground; filled by [`Mesh::finish`].
    pub ground: Vec<Mm>,
    lines: Vec<Line>,
}

impl Default for Mesh {
    fn default() -> Self {
        let none = Line { dir: p(1.0, 0.0), points: Vec::new(), tag: Tag::PLAIN };
        Self { points: Vec::new(), ground: Vec::new(), lines: vec![none] }
    }
}

impl Mesh {
    /// Adds a vertex.
    pub fn vertex(&mut self, at: P) -> Vertex {
        self.points.push(at);
        (self.points.len() - 1) as Vertex
    }

    /// Adds a line in a direction.
    pub fn line(&mut self, dir: P, tag: Tag) -> LineId {
        self.lines.push(Line { dir: dir.unit(), points: Vec::new(), tag });
        (self.lines.len() - 1) as LineId
    }

    /// What lies along a line.
    pub fn tag(&self, line: LineId) -> Tag {
        self.lines[line as usize].tag
    }

    /// Direction of a line.
    pub fn dir(&self, line: LineId) -> P {
        self.lines[line as usize].dir
    }

    /// Position of a point along a line.
    pub fn along(&self, line: LineId, at: P) -> f64 {
        self.lines[line as usize].dir.dot(at)
    }

    /// Registers points every `step` metres between two vertices of a line, so that it can bend.
    pub fn densify(&mut self, line: LineId, ends: (Vertex, Vertex), step: f64) {
        let (a, b) = (self.points[ends.0 as usize], self.points[ends.1 as usize]);
        let parts = (a.distance(b) / step).ceil() as usize;
        for part in 1..parts {
            let at = a.toward(b, part as f64 / parts as f64);
            let vertex = self.vertex(at);
            let t = self.along(line, at);
            self.lines[line as usize].points.push((t, vertex));
        }
    }

    /// A polygon over corners given counter-clockwise, each edge on a fresh line with its tag.
    pub fn polygon(&mut self, corners: &[P], tags: &[Tag], step: f64) -> Poly {
        let vertices: Vec<_> = corners.iter().map(|corner| self.vertex(*corner)).collect();
        let mut poly = Poly::default();
        for (i, &from) in vertices.iter().enumerate() {
            let to = vertices[(i + 1) % vertices.len()];
            let dir = self.points[to as usize] - self.points[from as usize];
            let line = self.line(dir, tags[i]);
            self.densify(line, (from, to), step);
            poly.0.push((from, line));
        }
        poly
    }

    /// Corners of a polygon.
    pub fn corners(&self, poly: &Poly) -> Vec<P> {
        poly.0.iter().map(|(vertex, _)| self.points[*vertex as usize]).collect()
    }

    /// Area of a polygon in the drawing plane, m².
    pub fn area(&self, poly: &Poly) -> f64 {
        crate::plane::area2(&self.corners(poly)) * 0.5
    }

    /// Mean of the corners.
    pub fn centre(&self, poly: &Poly) -> P {
        let sum = poly.0.iter().fold(p(0.0, 0.0), |sum, (vertex, _)| sum + self.points[*vertex as usize]);
        sum * (1.0 / poly.0.len() as f64)
    }

    /// Least and greatest position of a polygon along a direction.
    pub fn extent(&self, poly: &Poly, dir: P) -> (f64, f64) {
        poly.0.iter().fold((f64::MAX, f64::MIN), |(low, high), (vertex, _)| {
            let t = self.points[*vertex as usize].dot(dir);
            (low.min(t), high.max(t))
        })
    }

    /// The direction in which a polygon is long (parallel to its longest edge or across it), its length and
    /// its width.
    pub fn axis(&self, poly: &Poly) -> (P, f64, f64) {
        let corners = self.corners(poly);
        let mut longest = p(0.0, 0.0);
        for (i, corner) in corners.iter().enumerate() {
            let edge = corners[(i + 1) % corners.len()] - *corner;
            if edge.dot(edge) > longest.dot(longest) {
                longest = edge;
            }
        }
        let u = longest.unit();
        let (a, b) = (self.extent(poly, u), self.extent(poly, u.left()));
        let (length, width) = (a.1 - a.0, b.1 - b.0);
        if length >= width { (u, length, width) } else { (u.left(), width, length) }
    }

    /// Cuts a polygon by the line through `at` with the given normal. `None` when the line does not part it
    /// into two sound pieces.
    pub fn cut(&mut self, poly: &Poly, at: P, normal: P, tag: Tag) -> Option<Cut> {
        let normal = normal.unit();
        let n = poly.0.len();
        let side: Vec<f64> = poly.0.iter().map(|(vertex, _)| (self.points[*vertex as usize] - at).dot(normal)).collect();
        // A hit is a corner (edge share 0) or a place on the edge that leaves corner i.
        let mut hits: Vec<(usize, bool)> = Vec::with_capacity(2);
        for i in 0..n {
            let j = (i + 1) % n;
            if side[i].abs() <= SNAP {
                hits.push((i, true));
            } else if side[j].abs() > SNAP && side[i] * side[j] < 0.0 {
                hits.push((i, false));
            }
        }
        if hits.len() != 2 {
            return None;
        }
        let (first, second) = (hits[0], hits[1]);
        let gap = second.0 - first.0;
        if first.1 && second.1 && (gap == 1 || gap == n - 1) {
            return None;
        }
        // Nothing may be registered on an edge without a line.
        if hits.iter().any(|(i, corner)| !corner && poly.0[*i].1 == 0) {
            return None;
        }
        let x1 = self.hit(poly, first, &side);
        let x2 = self.hit(poly, second, &side);
        let line = self.line(normal.left(), tag);
        // Piece that runs from the first hit along the ring to the second.
        let mut ahead = Vec::with_capacity(n + 2);
        ahead.push((x1, poly.0[first.0].1));
        ahead.extend((first.0 + 1..=second.0).filter(|i| !(second.1 && *i == second.0)).map(|i| poly.0[i]));
        ahead.push((x2, line));
        let mut behind = Vec::with_capacity(n + 2);
        behind.push((x2, poly.0[second.0].1));
        let rest = (second.0 + 1..n).chain(0..=first.0).filter(|i| !(first.1 && *i == first.0));
        behind.extend(rest.map(|i| poly.0[i]));
        behind.push((x1, line));
        let (mut ahead, mut behind) = (Poly(ahead), Poly(behind));
        dedup(&mut ahead);
        dedup(&mut behind);
        if ahead.0.len() < 3 || behind.0.len() < 3 {
            return None;
        }
        let ahead_is_far = (self.centre(&ahead) - at).dot(normal) > 0.0;
        Some(if ahead_is_far {
            Cut { near: behind, far: ahead, line, ends: (x1, x2) }
        } else {
            Cut { near: ahead, far: behind, line, ends: (x2, x1) }
        })
    }

    /// The vertex of a hit: a corner, a vertex that is already there, or a new one.
    fn hit(&mut self, poly: &Poly, hit: (usize, bool), side: &[f64]) -> Vertex {
        let (from, line) = poly.0[hit.0];
        if hit.1 {
            return from;
        }
        let next = (hit.0 + 1) % poly.0.len();
        let to = poly.0[next].0;
        let share = side[hit.0] / (side[hit.0] - side[next]);
        let (a, b) = (self.points[from as usize], self.points[to as usize]);
        let at = a.toward(b, share);
        if a.distance(at) <= SNAP {
            return from;
        }
        if b.distance(at) <= SNAP {
            return to;
        }
        let t = self.along(line, at);
        if let Some((_, vertex)) = self.lines[line as usize].points.iter().find(|(other, _)| (other - t).abs() <= SNAP) {
            return *vertex;
        }
        let vertex = self.vertex(at);
        self.lines[line as usize].points.push((t, vertex));
        vertex
    }

    /// Cuts a band of the given width out of a polygon: the part before it, the band, the part after it. The
    /// two sides of the band are returned as cuts' lines with their ends, left side first (seen along
    /// `normal.left()`, "left" is the near side).
    pub fn band(&mut self, poly: &Poly, at: P, normal: P, width: f64, tags: [Tag; 2]) -> Option<Band> {
        let normal = normal.unit();
        let (low, high) = self.extent(poly, normal);
        let middle = at.dot(normal);
        if middle - width * 0.5 < low + 1.0 || middle + width * 0.5 > high - 1.0 {
            return None;
        }
        let before = self.cut(poly, at - normal * (width * 0.5), normal, tags[0])?;
        let after = self.cut(&before.far, at + normal * (width * 0.5), normal, tags[1])?;
        Some(Band {
            near: before.near,
            strip: after.near,
            far: after.far,
            lines: [before.line, after.line],
            near_ends: before.ends,
            far_ends: after.ends,
        })
    }

    /// Sorts the registers and puts every vertex on the ground. No cut may follow.
    pub fn finish(&mut self, warp: &Warp) {
        for line in &mut self.lines {
            line.points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        self.ground = self.points.iter().map(|point| warp.ground(*point)).collect();
    }

    /// All vertices along one edge, from `from` up to but without `to`.
    pub fn edge(&self, from: Vertex, line: LineId, to: Vertex, out: &mut Vec<Vertex>) {
        out.push(from);
        if line == 0 {
            return;
        }
        let register = &self.lines[line as usize].points;
        let (t0, t1) = (self.along(line, self.points[from as usize]), self.along(line, self.points[to as usize]));
        let (low, high) = if t0 < t1 { (t0, t1) } else { (t1, t0) };
        let first = register.partition_point(|(t, _)| *t <= low + SNAP * 0.5);
        let last = register.partition_point(|(t, _)| *t < high - SNAP * 0.5);
        if first >= last {
            return;
        }
        let between = register[first..last].iter().map(|(_, vertex)| *vertex);
        if t0 < t1 { out.extend(between) } else { out.extend(between.rev()) }
    }

    /// The whole ring of a polygon, with everything registered on its edges.
    pub fn ring(&self, poly: &Poly) -> Vec<Vertex> {
        let mut out = Vec::with_capacity(poly.0.len() * 2);
        for (i, (from, line)) in poly.0.iter().enumerate() {
            self.edge(*from, *line, poly.0[(i + 1) % poly.0.len()].0, &mut out);
        }
        out
    }
}

/// A band cut out of a polygon.
#[derive(Debug)]
pub struct Band {
    /// The part before the band.
    pub near: Poly,
    /// The band.
    pub strip: Poly,
    /// The part after it.
    pub far: Poly,
    /// Lines of the two sides.
    pub lines: [LineId; 2],
    /// Ends of the near side.
    pub near_ends: (Vertex, Vertex),
    /// Ends of the far side.
    pub far_ends: (Vertex, Vertex),
}

fn dedup(poly: &mut Poly) {
    // Of two equal neighbours the later one knows the edge that leaves.
    let n = poly.0.len();
    let mut keep = Vec::with_capacity(n);
    for i in 0..n {
        if poly.0[i].0 != poly.0[(i + 1) % n].0 {
            keep.push(poly.0[i]);
        }
    }
    poly.0 = keep;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(mesh: &mut Mesh) -> Poly {
        mesh.polygon(&[p(0.0, 0.0), p(10.0, 0.0), p(10.0, 10.0), p(0.0, 10.0)], &[Tag::PLAIN; 4], 100.0)
    }

    #[test]
    fn a_later_cut_shows_on_both_sides_of_an_older_line() {
        let mut mesh = Mesh::default();
        let all = square(&mut mesh);
        let first = mesh.cut(&all, p(5.0, 5.0), p(1.0, 0.0), Tag::PLAIN).expect("cut");
        let second = mesh.cut(&first.near, p(2.0, 4.0), p(0.0, 1.0), Tag::PLAIN).expect("cut");
        mesh.finish(&Warp::new(1, crate::warp::Shear { reach: p(1.0, 1.0), ..Default::default() }));
        let far = mesh.ring(&first.far);
        assert_eq!(far.len(), 5, "the neighbour takes in the T-junction");
        assert_eq!(mesh.ring(&second.near).len(), 4);
        assert!((mesh.area(&second.near) + mesh.area(&second.far) + mesh.area(&first.far) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_line_that_misses_or_grazes_cuts_nothing() {
        let mut mesh = Mesh::default();
        let all = square(&mut mesh);
        assert!(mesh.cut(&all, p(20.0, 5.0), p(1.0, 0.0), Tag::PLAIN).is_none());
        assert!(mesh.cut(&all, p(10.0, 5.0), p(1.0, 0.0), Tag::PLAIN).is_none());
    }
}
