//! Clipping to the buffered tile, in tile units.

use super::grid::{BUFFER, EXTENT};

/// Smallest coordinate drawn.
pub const LOW: i32 = -(BUFFER as i32);
/// Largest coordinate drawn.
pub const HIGH: i32 = (EXTENT + BUFFER) as i32;

/// One side of the box.
#[derive(Clone, Copy)]
struct Side {
    axis: usize,
    limit: i32,
    /// +1 where larger values are inside, -1 where smaller ones are.
    sign: i32,
}

const SIDES: [Side; 4] = [
    Side { axis: 0, limit: LOW, sign: 1 },
    Side { axis: 0, limit: HIGH, sign: -1 },
    Side { axis: 1, limit: LOW, sign: 1 },
    Side { axis: 1, limit: HIGH, sign: -1 },
];

impl Side {
    fn inside(self, point: [i32; 2]) -> bool {
        (i64::from(point[self.axis]) - i64::from(self.limit)) * i64::from(self.sign) >= 0
    }

    /// Where the segment meets the side. The end points are taken in a fixed order, so that an edge shared
    /// by two polygons is cut at the same place in both.
    fn cut(self, a: [i32; 2], b: [i32; 2]) -> [i32; 2] {
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let other = 1 - self.axis;
        let run = i64::from(b[self.axis]) - i64::from(a[self.axis]);
        let part = i64::from(self.limit) - i64::from(a[self.axis]);
        // A negative divisor would round up what a positive one rounds down, and by that leave the box.
        let (run, part) = if run < 0 { (-run, -part) } else { (run, part) };
        let rise = i128::from(b[other]) - i128::from(a[other]);
        let (numerator, denominator) = (rise * i128::from(part) * 2 + i128::from(run), i128::from(run) * 2);
        let mut point = [self.limit; 2];
        point[other] = a[other].wrapping_add(numerator.div_euclid(denominator) as i32);
        point
    }
}

/// Clips an open ring (closing vertex left out) to the box, by Sutherland and Hodgman's method. Parts that
/// the box cuts apart stay joined along its border, which lies in the buffer and is never seen.
pub fn ring(vertices: &mut Vec<[i32; 2]>, scratch: &mut Vec<[i32; 2]>) {
    for side in SIDES {
        if vertices.iter().all(|vertex| side.inside(*vertex)) {
            continue;
        }
        scratch.clear();
        let mut previous = vertices[vertices.len() - 1];
        for &vertex in vertices.iter() {
            match (side.inside(previous), side.inside(vertex)) {
                (true, true) => scratch.push(vertex),
                (true, false) => scratch.push(side.cut(previous, vertex)),
                (false, true) => scratch.extend([side.cut(previous, vertex), vertex]),
                (false, false) => {}
            }
            previous = vertex;
        }
        std::mem::swap(vertices, scratch);
        if vertices.is_empty() {
            return;
        }
    }
}

/// Clips a line to the box; calls `part` with every piece that is left.
pub fn line(vertices: &[[i32; 2]], scratch: &mut Vec<[i32; 2]>, mut part: impl FnMut(&mut Vec<[i32; 2]>)) {
    scratch.clear();
    for pair in vertices.windows(2) {
        let Some((start, end)) = segment(pair[0], pair[1]) else {
            continue;
        };
        if scratch.last() != Some(&start) {
            if scratch.len() > 1 {
                part(scratch);
            }
            scratch.clear();
            scratch.push(start);
        }
        scratch.push(end);
    }
    if scratch.len() > 1 {
        part(scratch);
    }
    scratch.clear();
}

/// The part of a segment inside the box, each new end rounded once. The ends are taken in a fixed order, so
/// that the same segment is cut at the same places whichever way it is drawn.
fn segment(a: [i32; 2], b: [i32; 2]) -> Option<([i32; 2], [i32; 2])> {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let run = [0, 1].map(|axis| f64::from(high[axis]) - f64::from(low[axis]));
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let start = f64::from(low[axis]);
        if run[axis] == 0.0 {
            if !(f64::from(LOW)..=f64::from(HIGH)).contains(&start) {
                return None;
            }
            continue;
        }
        let (near, far) = ((f64::from(LOW) - start) / run[axis], (f64::from(HIGH) - start) / run[axis]);
        from = from.max(near.min(far));
        to = to.min(near.max(far));
    }
    if from > to {
        return None;
    }
    let at = |along: f64| match along {
        0.0 => low,
        1.0 => high,
        _ => [0, 1].map(|axis| ((f64::from(low[axis]) + along * run[axis]).round() as i32).clamp(LOW, HIGH)),
    };
    Some(if a <= b { (at(from), at(to)) } else { (at(to), at(from)) })
}

/// Whether a position lies inside the box, not on its edge.
pub fn is_inside(point: [i32; 2]) -> bool {
    point.iter().all(|value| (LOW + 1..HIGH).contains(value))
}

/// Whether a position is drawn.
pub fn holds(point: [i32; 2]) -> bool {
    point.iter().all(|value| (LOW..=HIGH).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, BooleanOps};
    use geo_types::{Coord, LineString, Polygon};
    use proptest::prelude::*;

    fn polygon(vertices: &[[i32; 2]]) -> Polygon<f64> {
        let coords = vertices.iter().map(|v| Coord { x: v[0].into(), y: v[1].into() }).collect();
        Polygon::new(LineString(coords), vec![])
    }

    /// A star-shaped ring around a centre: always simple.
    fn star() -> impl Strategy<Value = Vec<[i32; 2]>> {
        ((-500_i32..4600, -500_i32..4600), proptest::collection::vec(50_f64..3000.0, 3..40)).prop_map(
            |((x, y), radii)| {
                let step = std::f64::consts::TAU / radii.len() as f64;
                let vertex = |(i, r): (usize, f64)| {
                    let angle = step * i as f64;
                    [x + (r * angle.cos()) as i32, y + (r * angle.sin()) as i32]
                };
                radii.into_iter().enumerate().map(vertex).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn the_area_left_is_the_area_of_the_true_intersection(ring_in in star()) {
            let (mut clipped, mut scratch) = (ring_in.clone(), Vec::new());
            ring(&mut clipped, &mut scratch);
            let frame = polygon(&[[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]]);
            let expected = polygon(&ring_in).intersection(&frame).unsigned_area();
            let found = if clipped.len() < 3 { 0.0 } else { polygon(&clipped).unsigned_area() };
            // A cut is rounded to the grid: half a unit along every cut edge.
            prop_assert!((expected - found).abs() <= 4300.0 * ring_in.len() as f64, "{expected} {found}");
            prop_assert!(clipped.iter().all(|vertex| holds(*vertex)));
        }

        #[test]
        fn pieces_of_a_line_lie_in_the_box_and_on_the_line(vertices in proptest::collection::vec((-9000_i32..9000, -9000_i32..9000), 2..20)) {
            let vertices: Vec<[i32; 2]> = vertices.into_iter().map(|(x, y)| [x, y]).collect();
            let mut pieces = Vec::new();
            line(&vertices, &mut Vec::new(), |piece| pieces.push(piece.clone()));
            for vertex in pieces.iter().flatten() {
                prop_assert!(holds(*vertex));
                let nearest = vertices.windows(2).map(|pair| distance(*vertex, pair[0], pair[1])).fold(f64::MAX, f64::min);
                prop_assert!(nearest <= 0.71, "{nearest}");
            }
        }
    }

    fn distance(p: [i32; 2], a: [i32; 2], b: [i32; 2]) -> f64 {
        use geo::{Distance, Euclidean};
        let point = |v: [i32; 2]| geo_types::Point::new(f64::from(v[0]), f64::from(v[1]));
        Euclidean.distance(&point(p), &geo_types::Line::new(point(a), point(b)))
    }

    #[test]
    fn an_edge_that_falls_is_cut_inside_the_box() {
        let mut outline = vec![
            [2846, 2943],
            [4950, 4073],
            [3672, 4213],
            [2802, 2992],
            [2779, 2989],
            [2759, 2976],
            [2748, 2954],
            [2748, 2932],
            [2759, 2910],
            [2779, 2897],
            [2802, 2894],
            [2824, 2902],
            [2840, 2920],
        ];
        ring(&mut outline, &mut Vec::new());
        assert!(outline.len() > 10 && outline.iter().all(|vertex| holds(*vertex)), "{outline:?}");
        let low = Side { axis: 1, limit: 4160, sign: -1 };
        assert_eq!(low.cut([3672, 4213], [4160, 4160]), [4160, 4160], "at the very end of the edge");
    }

    #[test]
    fn a_line_that_leaves_and_returns_is_two_pieces() {
        let mut pieces = Vec::new();
        line(&[[100, 100], [100, -500], [300, -500], [300, 100]], &mut Vec::new(), |piece| pieces.push(piece.clone()));
        assert_eq!(pieces, [vec![[100, 100], [100, LOW]], vec![[300, LOW], [300, 100]]]);
    }
}
