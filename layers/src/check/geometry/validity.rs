//! Validity of surfaces, as OGC 06-103r4 clause 6.1.11 and GEOS define it, with exact predicates.
//!
//! - [x] no ring crosses, overlaps or touches itself
//! - [x] no two rings cross or share a piece of line; they may touch at points
//! - [x] holes lie inside their outer ring, and not inside each other
//! - [x] the interior is connected: rings do not touch each other in a circle
//! - [x] parts of a multipolygon do not overlap, and touch at points only

use geo_types::{Coord, LineString, Polygon};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ring::{folds_back, meet, side};
use super::ring_name;
use crate::check::finding::{Flaw, RingName};

/// Comparisons of segments after which a geometry is [`Flaw::TooComplex`]: about two seconds of work.
const MAX_COMPARISONS: usize = 1 << 30;

/// The first flaw of a multipolygon, and where it is; `None` when it is valid.
///
/// Rings must be closed, of four points or more, finite, and without equal neighbours.
pub fn first_flaw(polygons: &[Polygon<f64>]) -> Option<(Flaw, [f64; 2])> {
    let rings = Rings::of(polygons);
    let touches = match rings.sweep() {
        Ok(touches) => touches,
        Err(flaw) => return Some(flaw),
    };
    rings.split(&touches).or_else(|| rings.misplaced_hole()).or_else(|| rings.nested())
}

struct Ring<'a> {
    points: &'a [Coord<f64>],
    part: usize,
    /// 0 for the outer ring.
    hole: usize,
    min: Coord<f64>,
    max: Coord<f64>,
}

impl<'a> Ring<'a> {
    fn of(line: &'a LineString<f64>, part: usize, hole: usize) -> Self {
        let points = line.0.as_slice();
        let first = points.first().copied().unwrap_or_default();
        let (mut min, mut max) = (first, first);
        for at in points {
            min = Coord { x: min.x.min(at.x), y: min.y.min(at.y) };
            max = Coord { x: max.x.max(at.x), y: max.y.max(at.y) };
        }
        Self { points, part, hole, min, max }
    }

    fn segments(&self) -> usize {
        self.points.len().saturating_sub(1)
    }

    fn encloses_box_of(&self, other: &Ring) -> bool {
        self.min.x <= other.min.x && self.min.y <= other.min.y && self.max.x >= other.max.x && self.max.y >= other.max.y
    }
}

/// Where a point lies against a ring.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Inside,
    Boundary,
    Outside,
}

// Exactly level, not nearly: the predicates around it are exact too.
#[allow(clippy::float_cmp)]
fn position(at: Coord<f64>, ring: &[Coord<f64>]) -> Position {
    let mut inside = false;
    for pair in ring.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if b == at {
            return Position::Boundary;
        }
        if (a.y <= at.y) != (b.y <= at.y) {
            let which = side(a, b, at);
            if which == 0.0 {
                return Position::Boundary;
            }
            inside ^= (which > 0.0) == (b.y > a.y);
        } else if a.y == at.y && b.y == at.y && (a.x <= at.x) != (b.x <= at.x) {
            return Position::Boundary;
        }
    }
    if inside { Position::Inside } else { Position::Outside }
}

/// Whether a ring that crosses no other lies inside another, with a point of it that tells.
fn lies_inside(ring: &Ring, other: &Ring) -> (bool, Coord<f64>) {
    let first = ring.points.first().copied().unwrap_or_default();
    if !other.encloses_box_of(ring) {
        return (false, first);
    }
    let middles = ring.points.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
    for at in ring.points.iter().copied().chain(middles) {
        match position(at, other.points) {
            Position::Boundary => {}
            found => return (found == Position::Inside, at),
        }
    }
    (false, first)
}

/// A segment in the order of the sweep.
struct Segment {
    low: f64,
    high: f64,
    ring: u32,
    at: u32,
}

/// Two rings of one part touch at a point.
struct Touch {
    rings: [u32; 2],
    at: Coord<f64>,
}

struct Rings<'a> {
    rings: Vec<Ring<'a>>,
    parts: usize,
}

type Found = (Flaw, [f64; 2]);

fn found(flaw: Flaw, at: Coord<f64>) -> Found {
    (flaw, [at.x, at.y])
}

impl<'a> Rings<'a> {
    fn of(polygons: &'a [Polygon<f64>]) -> Self {
        let mut rings = Vec::with_capacity(polygons.len());
        for (part, polygon) in polygons.iter().enumerate() {
            rings.push(Ring::of(polygon.exterior(), part, 0));
            rings.extend(polygon.interiors().iter().zip(1..).map(|(hole, number)| Ring::of(hole, part, number)));
        }
        Self { rings, parts: polygons.len() }
    }

    fn name(&self, ring: u32) -> RingName {
        let ring = &self.rings[ring as usize];
        ring_name(self.parts, ring.part, ring.hole)
    }

    /// The segments along the axis on which they overlap least.
    fn by_sweep(&self) -> Vec<Segment> {
        let (mut across, mut up) = (0.0, 0.0);
        let (mut min, mut max) = (Coord { x: f64::MAX, y: f64::MAX }, Coord { x: f64::MIN, y: f64::MIN });
        for ring in &self.rings {
            min = Coord { x: min.x.min(ring.min.x), y: min.y.min(ring.min.y) };
            max = Coord { x: max.x.max(ring.max.x), y: max.y.max(ring.max.y) };
            for pair in ring.points.windows(2) {
                across += (pair[1].x - pair[0].x).abs();
                up += (pair[1].y - pair[0].y).abs();
            }
        }
        let by_y = up * (max.x - min.x) < across * (max.y - min.y);
        let total = self.rings.iter().map(Ring::segments).sum();
        let mut segments = Vec::with_capacity(total);
        for (ring, number) in self.rings.iter().zip(0..) {
            for (pair, at) in ring.points.windows(2).zip(0..) {
                let (a, b) = if by_y { (pair[0].y, pair[1].y) } else { (pair[0].x, pair[1].x) };
                segments.push(Segment { low: a.min(b), high: a.max(b), ring: number, at });
            }
        }
        segments.sort_unstable_by(|a, b| a.low.total_cmp(&b.low).then_with(|| (a.ring, a.at).cmp(&(b.ring, b.at))));
        segments
    }

    fn sweep(&self) -> Result<Vec<Touch>, Found> {
        let segments = self.by_sweep();
        let mut touches = Vec::new();
        let mut comparisons = 0_usize;
        for (position, first) in segments.iter().enumerate() {
            for second in &segments[position + 1..] {
                if second.low > first.high {
                    break;
                }
                comparisons += 1;
                self.compare(first, second, &mut touches)?;
            }
            if comparisons > MAX_COMPARISONS {
                return Err(found(Flaw::TooComplex, self.rings[first.ring as usize].points[first.at as usize]));
            }
        }
        Ok(touches)
    }

    fn ends(&self, segment: &Segment) -> (Coord<f64>, Coord<f64>) {
        let points = self.rings[segment.ring as usize].points;
        (points[segment.at as usize], points[segment.at as usize + 1])
    }

    fn compare(&self, first: &Segment, second: &Segment, touches: &mut Vec<Touch>) -> Result<(), Found> {
        let ((a, b), (c, d)) = (self.ends(first), self.ends(second));
        if !meet(a, b, c, d) {
            return Ok(());
        }
        let one_ring = first.ring == second.ring;
        if one_ring && self.are_neighbours(first, second) {
            let (before, at, after) = if b == c { (a, b, d) } else { (c, d, b) };
            if folds_back(before, at, after) {
                return Err(found(Flaw::SelfIntersection(self.name(first.ring)), at));
            }
            return Ok(());
        }
        let touch = match contact(a, b, c, d) {
            Contact::Touch(at) => at,
            Contact::Cross(at) if one_ring => return Err(found(Flaw::SelfIntersection(self.name(first.ring)), at)),
            Contact::Cross(at) => return Err(found(self.clash(first.ring, second.ring), at)),
        };
        if one_ring {
            return Err(found(Flaw::SelfTouch(self.name(first.ring)), touch));
        }
        // A vertex ends one segment and starts the next: it is judged with the latter.
        if touch == b || touch == d {
            return Ok(());
        }
        let (a0, a1) = self.around(first, touch);
        let (b0, b1) = self.around(second, touch);
        if in_wedge(touch, a0, a1, b0) != in_wedge(touch, a0, a1, b1) {
            return Err(found(self.clash(first.ring, second.ring), touch));
        }
        if self.rings[first.ring as usize].part == self.rings[second.ring as usize].part {
            touches.push(Touch { rings: [first.ring, second.ring], at: touch });
        }
        Ok(())
    }

    fn clash(&self, a: u32, b: u32) -> Flaw {
        let (a, b) = (a.min(b), a.max(b));
        if self.rings[a as usize].part == self.rings[b as usize].part {
            Flaw::RingsCross(self.name(a), self.name(b))
        } else {
            Flaw::PartsOverlap(self.name(a), self.name(b))
        }
    }

    fn are_neighbours(&self, first: &Segment, second: &Segment) -> bool {
        let last = self.rings[first.ring as usize].segments() as u32 - 1;
        let apart = first.at.abs_diff(second.at);
        apart == 1 || apart == last
    }

    /// The points of the ring before and after a point on a segment that is not its end.
    fn around(&self, segment: &Segment, at: Coord<f64>) -> (Coord<f64>, Coord<f64>) {
        let (start, end) = self.ends(segment);
        if start != at {
            return (start, end);
        }
        let ring = &self.rings[segment.ring as usize];
        let before = if segment.at == 0 { ring.segments() - 1 } else { segment.at as usize - 1 };
        (ring.points[before], end)
    }

    /// Rings that touch in a circle cut the interior: rings and touching points, as a graph, must be a forest.
    fn split(&self, touches: &[Touch]) -> Option<Found> {
        let mut nodes = Forest::new(self.rings.len());
        let mut points: FxHashMap<(usize, u64, u64), usize> = FxHashMap::default();
        let mut known: FxHashSet<(u32, usize)> = FxHashSet::default();
        for touch in touches {
            let part = self.rings[touch.rings[0] as usize].part;
            let key = (part, touch.at.x.to_bits(), touch.at.y.to_bits());
            let point = *points.entry(key).or_insert_with(|| nodes.add());
            for ring in touch.rings {
                if known.insert((ring, point)) && !nodes.join(ring as usize, point) {
                    return Some(found(Flaw::InteriorSplit(self.name(ring)), touch.at));
                }
            }
        }
        None
    }

    fn misplaced_hole(&self) -> Option<Found> {
        let mut outer = 0;
        for (index, ring) in self.rings.iter().enumerate() {
            if ring.hole == 0 {
                outer = index;
                continue;
            }
            let (inside, at) = lies_inside(ring, &self.rings[outer]);
            if !inside {
                return Some(found(Flaw::HoleOutside(self.name(index as u32)), at));
            }
        }
        None
    }

    /// Holes inside holes of the same part, and parts inside parts (unless inside a hole of theirs).
    fn nested(&self) -> Option<Found> {
        if self.rings.len() < 2 {
            return None;
        }
        let mut order: Vec<usize> = (0..self.rings.len()).collect();
        order.sort_by(|a, b| self.rings[*a].min.x.total_cmp(&self.rings[*b].min.x));
        for (position, &first) in order.iter().enumerate() {
            for &second in &order[position + 1..] {
                let (one, two) = (&self.rings[first], &self.rings[second]);
                if two.min.x > one.max.x {
                    break;
                }
                if two.min.y > one.max.y || one.min.y > two.max.y {
                    continue;
                }
                let flaw = self.nested_pair(first, second).or_else(|| self.nested_pair(second, first));
                if flaw.is_some() {
                    return flaw;
                }
            }
        }
        None
    }

    fn nested_pair(&self, inner: usize, outer: usize) -> Option<Found> {
        let (ring, around) = (&self.rings[inner], &self.rings[outer]);
        let names = (self.name(outer.min(inner) as u32), self.name(outer.max(inner) as u32));
        if ring.part == around.part {
            let (inside, at) = if ring.hole > 0 && around.hole > 0 { lies_inside(ring, around) } else { return None };
            return inside.then(|| found(Flaw::NestedHoles(names.0, names.1), at));
        }
        if ring.hole > 0 || around.hole > 0 {
            return None;
        }
        let (inside, at) = lies_inside(ring, around);
        if !inside {
            return None;
        }
        let mut holes = self.rings[outer + 1..].iter().take_while(|hole| hole.part == around.part);
        let in_hole = holes.any(|hole| lies_inside(ring, hole).0);
        (!in_hole).then(|| found(Flaw::PartsOverlap(names.0, names.1), at))
    }
}

/// How two segments that meet do so.
enum Contact {
    /// At an end of one of them, the rest apart.
    Touch(Coord<f64>),
    /// Through each other, or along each other.
    Cross(Coord<f64>),
}

fn contact(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>, d: Coord<f64>) -> Contact {
    let (of_a, of_b, of_c, of_d) = (side(c, d, a), side(c, d, b), side(a, b, c), side(a, b, d));
    if of_c == 0.0 && of_d == 0.0 {
        return along(a, b, c, d);
    }
    for (which, at) in [(of_c, c), (of_d, d), (of_a, a), (of_b, b)] {
        if which == 0.0 {
            return Contact::Touch(at);
        }
    }
    let share = of_a / (of_a - of_b);
    Contact::Cross(Coord { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y) })
}

/// Two segments on one line that have a point in common.
fn along(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>, d: Coord<f64>) -> Contact {
    let sorted = |p: Coord<f64>, q: Coord<f64>| if (p.x, p.y) <= (q.x, q.y) { (p, q) } else { (q, p) };
    let ((low, high), (from, to)) = (sorted(a, b), sorted(c, d));
    let start = if (low.x, low.y) >= (from.x, from.y) { low } else { from };
    let end = if (high.x, high.y) <= (to.x, to.y) { high } else { to };
    if start == end { Contact::Touch(start) } else { Contact::Cross(start) }
}

/// Whether the direction from `at` to `to` lies in the angle swept counter-clockwise from `from` to `until`.
fn in_wedge(at: Coord<f64>, from: Coord<f64>, until: Coord<f64>, to: Coord<f64>) -> bool {
    let turn = side(at, from, until);
    if turn > 0.0 {
        side(at, from, to) > 0.0 && side(at, to, until) > 0.0
    } else if turn < 0.0 {
        !(side(at, until, to) >= 0.0 && side(at, to, from) >= 0.0)
    } else {
        side(at, from, to) > 0.0
    }
}

/// Union-find over rings and points.
struct Forest(Vec<usize>);

impl Forest {
    fn new(nodes: usize) -> Self {
        Self((0..nodes).collect())
    }

    fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.0[node] != node {
            self.0[node] = self.0[self.0[node]];
            node = self.0[node];
        }
        node
    }

    /// False when they were joined already.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a] = b;
        a != b
    }
}
