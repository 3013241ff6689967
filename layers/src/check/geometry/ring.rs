//! Single rings and lines: snapping, spikes, and the fast judgement of small rings.

use geo_types::Coord;
use robust::orient2d;

use super::Grid;

/// Vertices (the closing one included) up to which every pair of segments is compared without a sweep.
pub const SMALL: usize = 33;

/// Snaps a line or ring in place and merges equal neighbours; whether any were merged.
pub fn snap(points: &mut Vec<Coord<f64>>, grid: Grid) -> bool {
    let before = points.len();
    for point in points.iter_mut() {
        *point = grid.snap(*point);
    }
    points.dedup();
    points.len() != before
}

/// Area of a closed ring, positive when it runs counter-clockwise, in square units of its coordinates.
pub fn signed_area(ring: &[Coord<f64>]) -> f64 {
    let Some(origin) = ring.first() else { return 0.0 };
    // Relative to the first vertex: projected coordinates are large beside the ring, and their products cancel.
    let doubled: f64 = ring
        .windows(2)
        .map(|pair| (pair[0].x - origin.x) * (pair[1].y - origin.y) - (pair[1].x - origin.x) * (pair[0].y - origin.y))
        .sum();
    doubled / 2.0
}

/// Length of a line or ring.
pub fn length(points: &[Coord<f64>]) -> f64 {
    points.windows(2).map(|pair| (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y)).sum()
}

/// Side of `c` seen from `a` to `b`: positive left, negative right, zero exactly on the line.
#[inline]
pub fn side(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> f64 {
    let at = |p: Coord<f64>| robust::Coord { x: p.x, y: p.y };
    orient2d(at(a), at(b), at(c))
}

/// Whether the path through three points turns back on itself at the middle one.
#[inline]
pub fn folds_back(before: Coord<f64>, at: Coord<f64>, after: Coord<f64>) -> bool {
    side(before, at, after) == 0.0 && (before.x - at.x) * (after.x - at.x) + (before.y - at.y) * (after.y - at.y) > 0.0
}

/// Whether two segments have a point in common, exactly.
#[inline]
pub fn meet(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>, d: Coord<f64>) -> bool {
    if a.x.max(b.x) < c.x.min(d.x)
        || c.x.max(d.x) < a.x.min(b.x)
        || a.y.max(b.y) < c.y.min(d.y)
        || c.y.max(d.y) < a.y.min(b.y)
    {
        return false;
    }
    let (of_c, of_d) = (side(a, b, c), side(a, b, d));
    if (of_c > 0.0 && of_d > 0.0) || (of_c < 0.0 && of_d < 0.0) {
        return false;
    }
    let (of_a, of_b) = (side(c, d, a), side(c, d, b));
    // All on one line: their boxes overlap, so they do.
    !((of_a > 0.0 && of_b > 0.0) || (of_a < 0.0 && of_b < 0.0))
}

/// Whether a closed ring without repeated points is simple, judging every pair of its segments: neither crosses,
/// touches nor folds back on itself. A triangle is the least.
pub fn is_simple(ring: &[Coord<f64>]) -> bool {
    let segments = ring.len().saturating_sub(1);
    if segments < 3 || ring.first() != ring.last() {
        return false;
    }
    if folds_back(ring[segments - 1], ring[0], ring[1]) {
        return false;
    }
    for first in 0..segments {
        let (a, b) = (ring[first], ring[first + 1]);
        if first + 2 <= segments && folds_back(a, b, ring[first + 2]) {
            return false;
        }
        // The last segment is a neighbour of the first.
        let end = if first == 0 { segments - 1 } else { segments };
        for second in first + 2..end {
            if meet(a, b, ring[second], ring[second + 1]) {
                return false;
            }
        }
    }
    true
}

/// Cuts off vertices at which a closed ring goes out and comes back the same way; where the first one was.
pub fn cut_spikes(ring: &mut Vec<Coord<f64>>) -> Option<[f64; 2]> {
    if ring.len() < 4 || ring.first() != ring.last() {
        return None;
    }
    ring.pop();
    let mut found = None;
    let mut kept: Vec<Coord<f64>> = Vec::with_capacity(ring.len() + 1);
    for &point in ring.iter() {
        settle(&mut kept, point, &mut found);
    }
    // The ends of the list are neighbours too.
    while kept.len() >= 3 {
        let last = kept.len() - 1;
        if kept[0] == kept[last] {
            kept.pop();
        } else if folds_back(kept[last - 1], kept[last], kept[0]) {
            found.get_or_insert([kept[last].x, kept[last].y]);
            kept.pop();
        } else if folds_back(kept[last], kept[0], kept[1]) {
            found.get_or_insert([kept[0].x, kept[0].y]);
            kept.remove(0);
        } else {
            break;
        }
    }
    if let Some(&first) = kept.first() {
        kept.push(first);
    }
    *ring = kept;
    found
}

fn settle(kept: &mut Vec<Coord<f64>>, point: Coord<f64>, found: &mut Option<[f64; 2]>) {
    while let [.., before, tip] = kept[..] {
        if !folds_back(before, tip, point) {
            break;
        }
        found.get_or_insert([tip.x, tip.y]);
        kept.pop();
    }
    if kept.last() != Some(&point) {
        kept.push(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(f64, f64)]) -> Vec<Coord<f64>> {
        points.iter().map(|&(x, y)| Coord { x, y }).collect()
    }

    #[test]
    fn a_square_is_simple_and_a_bowtie_is_not() {
        assert!(is_simple(&ring(&[(0., 0.), (1., 0.), (1., 1.), (0., 1.), (0., 0.)])));
        assert!(!is_simple(&ring(&[(0., 0.), (1., 1.), (1., 0.), (0., 1.), (0., 0.)])));
        assert!(!is_simple(&ring(&[(0., 0.), (2., 0.), (1., 0.), (0., 0.)])), "flat");
        assert!(!is_simple(&ring(&[(0., 0.), (1., 0.), (0., 0.)])));
    }

    #[test]
    fn spikes_are_cut_wherever_the_ring_starts() {
        let mut square = vec![(0., 0.), (4., 0.), (4., 4.), (2., 4.), (2., 6.), (2., 4.), (0., 4.)];
        for _ in 0..square.len() {
            square.rotate_left(1);
            let mut closed = ring(&square);
            closed.push(closed[0]);
            assert!(cut_spikes(&mut closed).is_some());
            assert!(is_simple(&closed), "{closed:?}");
            assert!((signed_area(&closed) - 16.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_ring_that_is_all_spike_vanishes() {
        let mut flat = ring(&[(0., 0.), (5., 0.), (3., 0.), (0., 0.)]);
        assert!(cut_spikes(&mut flat).is_some());
        assert!(flat.len() < 4, "{flat:?}");
    }

    #[test]
    fn area_keeps_its_digits_far_from_the_origin() {
        let far: Vec<_> = ring(&[(0., 0.), (1., 0.), (1., 1.), (0., 1.), (0., 0.)])
            .into_iter()
            .map(|at| Coord { x: at.x + 2_500_000.0, y: at.y + 5_000_000.0 })
            .collect();
        assert!((signed_area(&far) - 1.0).abs() < 1e-12);
    }
}
