//! Snapping and simplifying in tile units.

/// Takes vertices into `out` without repeats of the one before.
pub fn snap(world: &[[u32; 2]], project: impl Fn([u32; 2]) -> [i32; 2], out: &mut Vec<[i32; 2]>) {
    out.clear();
    for vertex in world {
        let vertex = project(*vertex);
        if out.last() != Some(&vertex) {
            out.push(vertex);
        }
    }
}

/// Makes an open ring fit to draw: no closing repeat, no vertex on the straight line between its
/// neighbours, no spike. Leaves fewer than three vertices where nothing of the ring is left.
pub fn tidy_ring(ring: &mut Vec<[i32; 2]>) {
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    loop {
        let before = ring.len();
        if before < 3 {
            return;
        }
        let mut write = 0;
        for read in 0..before {
            let previous = if write == 0 { ring[before - 1] } else { ring[write - 1] };
            let (vertex, next) = (ring[read], if read + 1 < before { ring[read + 1] } else { ring[0] });
            if cross(previous, vertex, next) != 0 {
                ring[write] = vertex;
                write += 1;
            }
        }
        ring.truncate(write);
        if write == before {
            return;
        }
    }
}

/// Twice the signed area of the triangle.
fn cross(a: [i32; 2], b: [i32; 2], c: [i32; 2]) -> i64 {
    let (ab, bc) = (
        [i64::from(b[0]) - i64::from(a[0]), i64::from(b[1]) - i64::from(a[1])],
        [i64::from(c[0]) - i64::from(b[0]), i64::from(c[1]) - i64::from(b[1])],
    );
    ab[0] * bc[1] - ab[1] * bc[0]
}

/// Twice the signed area of an open ring; positive where it runs clockwise on the screen (y downwards), as
/// the specification wants of outer rings.
pub fn doubled_area(ring: &[[i32; 2]]) -> i64 {
    let Some(mut previous) = ring.last().copied() else { return 0 };
    let mut sum = 0;
    for &vertex in ring {
        sum += i64::from(previous[0]) * i64::from(vertex[1]) - i64::from(vertex[0]) * i64::from(previous[1]);
        previous = vertex;
    }
    sum
}

/// Drops vertices that lie within `tolerance` tile units of the line that replaces them (Douglas and
/// Peucker's method). The end points stay.
pub fn simplify(line: &mut Vec<[i32; 2]>, tolerance: i32, stack: &mut Vec<(usize, usize)>, keep: &mut Vec<bool>) {
    if line.len() < 3 || tolerance <= 0 {
        return;
    }
    keep.clear();
    keep.resize(line.len(), false);
    let last = line.len() - 1;
    (keep[0], keep[last]) = (true, true);
    stack.clear();
    stack.push((0, last));
    while let Some((from, to)) = stack.pop() {
        let (distance, index) = farthest(line, from, to);
        if distance > i64::from(tolerance) * i64::from(tolerance) {
            keep[index] = true;
            stack.extend([(from, index), (index, to)]);
        }
    }
    let mut flags = keep.iter();
    line.retain(|_| flags.next().copied().unwrap_or(true));
}

/// As [`simplify`] for an open ring: it is opened at its smallest vertex and at the one farthest from it,
/// which does not depend on where the source began the ring.
pub fn simplify_ring(ring: &mut Vec<[i32; 2]>, tolerance: i32, stack: &mut Vec<(usize, usize)>, keep: &mut Vec<bool>) {
    if ring.len() < 5 || tolerance <= 0 {
        return;
    }
    let start = (0..ring.len()).min_by_key(|index| ring[*index]).unwrap_or(0);
    ring.rotate_left(start);
    ring.push(ring[0]);
    simplify(ring, tolerance, stack, keep);
    ring.pop();
}

/// The vertex strictly between two others that lies farthest from the segment, with its squared distance.
fn farthest(line: &[[i32; 2]], from: usize, to: usize) -> (i64, usize) {
    let (a, b) = (line[from], line[to]);
    let d = [i64::from(b[0]) - i64::from(a[0]), i64::from(b[1]) - i64::from(a[1])];
    let length = d[0] * d[0] + d[1] * d[1];
    let mut worst = (-1, from);
    for (index, vertex) in line.iter().enumerate().take(to).skip(from + 1) {
        let p = [i64::from(vertex[0]) - i64::from(a[0]), i64::from(vertex[1]) - i64::from(a[1])];
        let along = p[0] * d[0] + p[1] * d[1];
        let distance = if length == 0 || along <= 0 {
            p[0] * p[0] + p[1] * p[1]
        } else if along >= length {
            (p[0] - d[0]).pow(2) + (p[1] - d[1]).pow(2)
        } else {
            let across = i128::from(p[0] * d[1] - p[1] * d[0]);
            (across * across / i128::from(length)) as i64
        };
        if distance > worst.0 {
            worst = (distance, index);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_vertices_and_spikes_go() {
        let mut ring = vec![[0, 0], [5, 0], [10, 0], [10, 10], [20, 10], [10, 10], [0, 10], [0, 0]];
        tidy_ring(&mut ring);
        assert_eq!(ring, [[0, 0], [10, 0], [10, 10], [0, 10]]);
    }

    #[test]
    fn a_flat_ring_vanishes() {
        let mut ring = vec![[0, 0], [5, 5], [10, 10], [5, 5]];
        tidy_ring(&mut ring);
        assert!(ring.len() < 3);
    }

    #[test]
    fn simplifying_keeps_within_tolerance_and_does_not_depend_on_the_start() {
        let circle: Vec<[i32; 2]> = (0..90)
            .map(|i| f64::from(i) * std::f64::consts::TAU / 90.0)
            .map(|angle| [(1000.0 * angle.cos()) as i32, (1000.0 * angle.sin()) as i32])
            .collect();
        let (mut stack, mut keep) = (Vec::new(), Vec::new());
        let mut first = circle.clone();
        simplify_ring(&mut first, 4, &mut stack, &mut keep);
        assert!(first.len() < 60 && first.len() > 20, "{}", first.len());
        let mut turned = circle.clone();
        turned.rotate_left(37);
        simplify_ring(&mut turned, 4, &mut stack, &mut keep);
        assert_eq!(first, turned);
    }

    #[test]
    fn area_is_positive_clockwise_on_the_screen() {
        assert_eq!(doubled_area(&[[0, 0], [10, 0], [10, 10], [0, 10]]), 200);
        assert_eq!(doubled_area(&[[0, 0], [0, 10], [10, 10], [10, 0]]), -200);
        assert_eq!(doubled_area(&[]), 0);
    }
}
