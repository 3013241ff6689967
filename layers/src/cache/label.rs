//! Where a feature's label stands: a place inside a surface, far from its edges; the same for each tile and each zoom.
//!
//! That is the centroid where it lies well inside, as in most parcels, and else the middle of the largest circle that
//! fits, to a tenth of its radius, by the method of `polylabel`. Surfaces of several parts are named on the largest.

use std::collections::BinaryHeap;
use std::ops::Range;

use super::packed::{GeometryKind, Packed};
use super::plane::WorldPlane;

/// Share of the largest possible distance from the edges at which the centroid will do.
const WELL_INSIDE: f64 = 0.5;
/// Share of the distance found by which a better place would have to be farther from the edges.
const PRECISION: f64 = 0.1;
/// Squares into which the longer side of a surface is cut at most at first.
const MAX_SQUARES: f64 = 16.0;
/// Edges looked at for one surface, about.
const MAX_WORK: usize = 2_000_000;

/// The label of a row, in world units; one without a geometry has it anywhere.
pub(super) fn place(geometry: &Packed, plane: &WorldPlane, row: u32) -> [u32; 2] {
    Surveyor::default().place(geometry, plane, row)
}

/// A ring (line, position) of the row at hand.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
    hole: bool,
}

/// The row at hand. Vertices are in world units from the row's first, so that where a layer
/// begins has no say.
#[derive(Debug, Default)]
struct Surveyor {
    vertices: Vec<[f64; 2]>,
    parts: Vec<Part>,
    queue: BinaryHeap<Square>,
}

impl Surveyor {
    fn place(&mut self, geometry: &Packed, plane: &WorldPlane, row: u32) -> [u32; 2] {
        let Some(first) = geometry.nodes(row).first().map(|node| plane.world(*node)) else { return [0, 0] };
        let origin = first.map(f64::from);
        for ring in geometry.rings(row) {
            let start = self.vertices.len();
            let world = ring.nodes.iter().map(|node| plane.world(*node).map(f64::from));
            self.vertices.extend(world.map(|[x, y]| [x - origin[0], y - origin[1]]));
            self.parts.push(Part { start, end: self.vertices.len(), hole: ring.hole });
        }
        let place = match geometry.kind(row) {
            GeometryKind::Polygon => self.inside(),
            GeometryKind::Line => self.along(),
            GeometryKind::Point | GeometryKind::None => [0.0, 0.0],
        };
        [0, 1].map(|axis| (origin[axis] + place[axis]).round() as u32)
    }

    fn ring(&self, part: Part) -> &[[f64; 2]] {
        &self.vertices[part.start..part.end]
    }

    /// The middle of the longest line, along it.
    fn along(&self) -> [f64; 2] {
        let length = |line: &[[f64; 2]]| line.windows(2).map(|pair| distance(pair[0], pair[1])).sum::<f64>();
        let lines = self.parts.iter().map(|part| self.ring(*part)).map(|line| (length(line), line));
        let Some((length, line)) = lines.reduce(|a, b| if b.0 > a.0 { b } else { a }) else { return [0.0; 2] };
        let mut left = length / 2.0;
        for pair in line.windows(2) {
            let step = distance(pair[0], pair[1]);
            if step >= left && step > 0.0 {
                return [0, 1].map(|axis| pair[0][axis] + (pair[1][axis] - pair[0][axis]) * left / step);
            }
            left -= step;
        }
        line[0]
    }

    /// A place inside the largest part of a surface.
    fn inside(&mut self) -> [f64; 2] {
        let surface = self.largest();
        let shell = self.vertices[self.parts[surface.rings.start].start];
        let Some(found) = self.far_from_edges(&surface).map(|place| place.map(f64::round)) else { return shell };
        // Rings that cross each other may lead out of what is drawn; tiles beside it would not be renewed.
        if self.is_drawn(found) { found } else { shell }
    }

    /// The part of most area, its holes taken off.
    fn largest(&self) -> Surface {
        let holes = |shell: usize| self.parts[shell + 1..].iter().take_while(|part| part.hole).count();
        let mut best = self.measure(0..1 + holes(0));
        let mut next = best.rings.end;
        while next < self.parts.len() {
            let surface = self.measure(next..next + 1 + holes(next));
            next = surface.rings.end;
            if surface.area > best.area {
                best = surface;
            }
        }
        best
    }

    fn measure(&self, rings: Range<usize>) -> Surface {
        let (mut area, mut moment, mut length) = (0.0, [0.0; 2], 0.0);
        let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
        for part in &self.parts[rings.clone()] {
            let (mut ring_area, mut ring_moment) = (0.0, [0.0; 2]);
            for [a, b] in edges(self.ring(*part)) {
                let cross = a[0] * b[1] - b[0] * a[1];
                ring_area += cross / 2.0;
                length += distance(a, b);
                for axis in 0..2 {
                    ring_moment[axis] += cross * (a[axis] + b[axis]) / 6.0;
                    (low[axis], high[axis]) = (low[axis].min(a[axis]), high[axis].max(a[axis]));
                }
            }
            let sign = ring_area.signum() * if part.hole { -1.0 } else { 1.0 };
            area += sign * ring_area;
            (0..2).for_each(|axis| moment[axis] += sign * ring_moment[axis]);
        }
        Surface { rings, area, moment, length, low, high }
    }

    /// `None` for a surface without area.
    fn far_from_edges(&mut self, surface: &Surface) -> Option<[f64; 2]> {
        let [width, height] = [0, 1].map(|axis| surface.high[axis] - surface.low[axis]);
        if surface.area <= 0.0 || width <= 0.0 || height <= 0.0 {
            return None;
        }
        let centroid = self.square(surface, surface.moment.map(|value| value / surface.area), 0.0);
        if centroid.clearance >= WELL_INSIDE * surface.most_clearance(width.min(height)) {
            return Some(centroid.middle);
        }
        self.queue.clear();
        let side = width.min(height).max(width.max(height) / MAX_SQUARES);
        let [columns, rows] = [width, height].map(|length| (length / side).ceil() as u32);
        for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
            let [x, y] = [column, row].map(|step| (f64::from(step) + 0.5) * side);
            let square = self.square(surface, [surface.low[0] + x, surface.low[1] + y], side / 2.0);
            self.queue.push(square);
        }
        let best = self.farthest(surface, centroid);
        let is_worth_it = best.clearance > centroid.clearance.max(0.0) * (1.0 + PRECISION);
        let chosen = if is_worth_it { best } else { centroid };
        (chosen.clearance > 0.0).then_some(chosen.middle)
    }

    /// The best of the squares in the queue, and of those that they are cut into where a better place may be.
    fn farthest(&mut self, surface: &Surface, mut best: Square) -> Square {
        let vertices = self.parts[surface.rings.clone()].iter().map(|part| part.end - part.start).sum::<usize>();
        let mut cuts = (MAX_WORK / 4 / vertices).clamp(4, 100);
        while let Some(square) = self.queue.pop() {
            if square.clearance > best.clearance {
                best = square;
            }
            if cuts == 0 || square.half < 1.0 || square.most() <= best.clearance.max(0.0) * (1.0 + PRECISION) {
                break;
            }
            cuts -= 1;
            let half = square.half / 2.0;
            for (right, down) in [(-half, -half), (half, -half), (-half, half), (half, half)] {
                let quarter = self.square(surface, [square.middle[0] + right, square.middle[1] + down], half);
                self.queue.push(quarter);
            }
        }
        best
    }

    fn square(&self, surface: &Surface, middle: [f64; 2], half: f64) -> Square {
        let (mut inside, mut nearest) = (false, f64::MAX);
        for part in &self.parts[surface.rings.clone()] {
            for [a, b] in edges(self.ring(*part)) {
                inside ^= (a[1] > middle[1]) != (b[1] > middle[1])
                    && middle[0] < (b[0] - a[0]) * (middle[1] - a[1]) / (b[1] - a[1]) + a[0];
                nearest = nearest.min(squared_distance(middle, a, b));
            }
        }
        Square { middle, half, clearance: if inside { nearest.sqrt() } else { -nearest.sqrt() } }
    }

    /// Whether more shells than holes of the whole row go around a place, as [`super::Footprint`] has it.
    fn is_drawn(&self, [x, y]: [f64; 2]) -> bool {
        let mut around = 0;
        for part in &self.parts {
            let mut winding = 0;
            for [a, b] in edges(self.ring(*part)) {
                if (a[1] > y) != (b[1] > y) {
                    let cross = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
                    let down = b[1] > a[1];
                    winding += i32::from((cross > 0.0) == down) * if down { 1 } else { -1 };
                }
            }
            around += i32::from(winding != 0) * if part.hole { -1 } else { 1 };
        }
        around > 0
    }
}

/// A shell with its holes.
#[derive(Debug)]
struct Surface {
    rings: Range<usize>,
    area: f64,
    /// Centroid times area.
    moment: [f64; 2],
    /// Of all edges.
    length: f64,
    low: [f64; 2],
    high: [f64; 2],
}

impl Surface {
    /// How far from its edges a place could be at most: the radius of a circle of its area, half of its width, or what a
    /// convex surface of its outline allows.
    fn most_clearance(&self, width: f64) -> f64 {
        let circle = (self.area / std::f64::consts::PI).sqrt();
        circle.min(width / 2.0).min(2.0 * self.area / self.length)
    }
}

/// A square in which the place may be.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Square {
    middle: [f64; 2],
    half: f64,
    /// Distance of the middle from the nearest edge; negative outside.
    clearance: f64,
}

impl Square {
    /// What no place in it exceeds.
    fn most(&self) -> f64 {
        self.clearance + self.half * std::f64::consts::SQRT_2
    }
}

impl Eq for Square {}

impl PartialOrd for Square {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Square {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let [x, y] = [0, 1].map(|axis| self.middle[axis].total_cmp(&other.middle[axis]));
        self.most().total_cmp(&other.most()).then(x).then(y)
    }
}

/// The edges of an open ring, the closing one first.
fn edges(ring: &[[f64; 2]]) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
    let before = ring.last().into_iter().chain(ring);
    before.zip(ring).map(|(a, b)| [*a, *b])
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt()
}

/// The squared distance of a place from an edge.
pub(super) fn squared_distance(place: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let run = [b[0] - a[0], b[1] - a[1]];
    let from = [place[0] - a[0], place[1] - a[1]];
    let length = run[0] * run[0] + run[1] * run[1];
    let share = if length > 0.0 { ((from[0] * run[0] + from[1] * run[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    (from[0] - share * run[0]).powi(2) + (from[1] - share * run[1]).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyor(rings: &[(&[[f64; 2]], bool)]) -> Surveyor {
        let mut surveyor = Surveyor::default();
        for (ring, hole) in rings {
            let start = surveyor.vertices.len();
            surveyor.vertices.extend_from_slice(ring);
            surveyor.parts.push(Part { start, end: surveyor.vertices.len(), hole: *hole });
        }
        surveyor
    }

    fn clearance(surveyor: &Surveyor, place: [f64; 2]) -> f64 {
        surveyor.square(&surveyor.measure(0..surveyor.parts.len()), place, 0.0).clearance
    }

    fn whole(place: [f64; 2]) -> [i64; 2] {
        place.map(|value| value as i64)
    }

    fn rectangle(low: [f64; 2], high: [f64; 2]) -> [[f64; 2]; 4] {
        [low, [high[0], low[1]], high, [low[0], high[1]]]
    }

    #[test]
    fn a_plain_surface_is_named_in_its_middle_whichever_way_it_runs() {
        let mut ring = rectangle([100.0, 200.0], [1100.0, 400.0]);
        assert_eq!(whole(surveyor(&[(&ring, false)]).inside()), whole([600.0, 300.0]));
        ring.reverse();
        assert_eq!(whole(surveyor(&[(&ring, false)]).inside()), whole([600.0, 300.0]));
    }

    #[test]
    fn a_bent_surface_and_a_ring_are_named_inside_and_far_from_the_edges() {
        let bent = [[0.0, 0.0], [9000.0, 0.0], [9000.0, 1000.0], [1000.0, 1000.0], [1000.0, 9000.0], [0.0, 9000.0]];
        let mut bent = surveyor(&[(&bent, false)]);
        let place = bent.inside();
        // The largest circle, in the corner, has a radius of 586.
        assert!(clearance(&bent, place) > 520.0, "{place:?}");
        let (shell, hole) = (rectangle([0.0; 2], [1000.0; 2]), rectangle([100.0; 2], [800.0; 2]));
        let mut ring = surveyor(&[(&shell, false), (&hole, true)]);
        let place = ring.inside();
        assert!(clearance(&ring, place) > 95.0, "{place:?}");
    }

    #[test]
    fn the_largest_part_is_named_and_what_its_holes_take_away_does_not_count() {
        let (wide, hole) = (rectangle([0.0; 2], [1000.0; 2]), rectangle([10.0; 2], [990.0; 2]));
        let other = rectangle([2000.0; 2], [2400.0; 2]);
        let mut parts = surveyor(&[(&wide, false), (&hole, true), (&other, false)]);
        assert_eq!(whole(parts.inside()), whole([2200.0; 2]));
    }

    #[test]
    fn what_has_no_area_or_is_all_hole_is_named_at_its_first_vertex() {
        let flat = [[5.0, 5.0], [10.0, 10.0], [15.0, 15.0]];
        assert_eq!(whole(surveyor(&[(&flat, false)]).inside()), whole([5.0, 5.0]));
        let shell = rectangle([7.0; 2], [100.0; 2]);
        assert_eq!(whole(surveyor(&[(&shell, false), (&shell, true)]).inside()), whole([7.0, 7.0]));
        let one = [[3.0, 4.0]];
        assert_eq!(whole(surveyor(&[(&one, false)]).inside()), whole([3.0, 4.0]));
    }

    #[test]
    fn a_line_is_named_half_along_its_longest_part() {
        let (short, long) = ([[0.0, 0.0], [10.0, 0.0]], [[0.0, 50.0], [100.0, 50.0], [100.0, 150.0]]);
        assert_eq!(whole(surveyor(&[(&short, false), (&long, false)]).along()), whole([100.0, 50.0]));
    }

    proptest::proptest! {
        #[test]
        fn a_simple_surface_is_named_inside(
            radii in proptest::collection::vec(5_000.0..400_000.0_f64, 3..60),
            turn in 0.0..6.3_f64,
        ) {
            let step = std::f64::consts::TAU / radii.len() as f64;
            let vertex = |(place, radius): (usize, &f64)| {
                let angle = turn + step * place as f64;
                [radius * angle.cos(), radius * angle.sin()].map(f64::round)
            };
            let star: Vec<[f64; 2]> = radii.iter().enumerate().map(vertex).collect();
            let mut surveyor = surveyor(&[(&star, false)]);
            let place = surveyor.inside();
            let found = clearance(&surveyor, place);
            // Of the best place that a search on a plain grid finds, by a fifth at least: stars have thin spikes.
            let grid = || (-20..=20).map(|step| f64::from(step) * 20_000.0);
            let best = grid().flat_map(|x| grid().map(move |y| [x, y])).map(|at| clearance(&surveyor, at)).fold(0.0, f64::max);
            proptest::prop_assert!(found > 0.0 && found >= best * 0.2, "{} of {}", found, best);
        }
    }
}
