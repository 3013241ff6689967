//! Rings in tile units.

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

/// Whether a ring goes around a place.
pub fn goes_around(ring: &[[i32; 2]], [x, y]: [i32; 2]) -> bool {
    let Some(mut from) = ring.last().copied() else { return false };
    let mut inside = false;
    for &to in ring {
        if (from[1] > y) != (to[1] > y) {
            let side = cross(from, to, [x, y]);
            inside ^= (side > 0) == (to[1] > from[1]);
        }
        from = to;
    }
    inside
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
    fn area_is_positive_clockwise_on_the_screen() {
        assert_eq!(doubled_area(&[[0, 0], [10, 0], [10, 10], [0, 10]]), 200);
        assert_eq!(doubled_area(&[[0, 0], [0, 10], [10, 10], [10, 0]]), -200);
        assert_eq!(doubled_area(&[]), 0);
    }
}
