//! Vectors of the plane, without a single call into the platform's trigonometry.
//!
//! Only `+ - * /` and `sqrt` are used, which IEEE 754 defines to the last bit: the same seed gives the same
//! bytes on every machine.

use std::ops::{Add, Mul, Sub};

/// A point or vector, in metres, x east and y north.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct P {
    /// East.
    pub x: f64,
    /// North.
    pub y: f64,
}

/// Makes a point.
pub const fn p(x: f64, y: f64) -> P {
    P { x, y }
}

impl Add for P {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        p(self.x + o.x, self.y + o.y)
    }
}

impl Sub for P {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        p(self.x - o.x, self.y - o.y)
    }
}

impl Mul<f64> for P {
    type Output = Self;
    fn mul(self, k: f64) -> Self {
        p(self.x * k, self.y * k)
    }
}

impl P {
    /// Scalar product.
    pub const fn dot(self, o: Self) -> f64 {
        self.x * o.x + self.y * o.y
    }

    /// Cross product: positive when `o` lies to the left of `self`.
    pub const fn cross(self, o: Self) -> f64 {
        self.x * o.y - self.y * o.x
    }

    /// Length.
    pub fn len(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// Same direction, length 1 (east for the null vector).
    pub fn unit(self) -> Self {
        let len = self.len();
        if len > 0.0 { self * (1.0 / len) } else { p(1.0, 0.0) }
    }

    /// Turned left by a right angle.
    pub const fn left(self) -> Self {
        p(-self.y, self.x)
    }

    /// Turned left by a part of a full turn.
    pub fn turn(self, turns: f64) -> Self {
        let d = direction(turns);
        p(self.x * d.x - self.y * d.y, self.x * d.y + self.y * d.x)
    }

    /// A point between this and another.
    pub fn toward(self, o: Self, share: f64) -> Self {
        self + (o - self) * share
    }

    /// Distance.
    pub fn distance(self, o: Self) -> f64 {
        (self - o).len()
    }
}

/// The unit vector at a part of a full turn, counter-clockwise from east; good to 1e-8.
pub fn direction(turns: f64) -> P {
    let t = turns - turns.floor();
    let quadrant = (t * 4.0).floor();
    let a = (t - quadrant * 0.25) * std::f64::consts::TAU;
    let a2 = a * a;
    let sin = a
        * (1.0
            - a2 / 6.0
                * (1.0 - a2 / 20.0 * (1.0 - a2 / 42.0 * (1.0 - a2 / 72.0 * (1.0 - a2 / 110.0 * (1.0 - a2 / 156.0))))));
    let cos = 1.0
        - a2 / 2.0 * (1.0 - a2 / 12.0 * (1.0 - a2 / 30.0 * (1.0 - a2 / 56.0 * (1.0 - a2 / 90.0 * (1.0 - a2 / 132.0)))));
    match quadrant as i32 {
        0 => p(cos, sin),
        1 => p(-sin, cos),
        2 => p(-cos, -sin),
        _ => p(sin, -cos),
    }
}

/// Compass heading of a vector in whole degrees, 0 = north, 90 = east.
pub fn heading(v: P) -> i64 {
    let v = v.unit();
    let best = (0..360).max_by(|a, b| along(v, *a).total_cmp(&along(v, *b)));
    best.unwrap_or(0)
}

fn along(v: P, degrees: i64) -> f64 {
    direction(0.25 - degrees as f64 / 360.0).dot(v)
}

/// Twice the signed area of a ring (no closing point): positive when counter-clockwise.
pub fn area2(ring: &[P]) -> f64 {
    let Some(&origin) = ring.first() else { return 0.0 };
    ring.windows(2).map(|w| (w[0] - origin).cross(w[1] - origin)).sum()
}

/// Even-odd test against a ring (no closing point).
pub fn contains(ring: &[P], q: P) -> bool {
    let mut inside = false;
    let mut a = ring[ring.len() - 1];
    for &b in ring {
        if (a.y > q.y) != (b.y > q.y) && q.x < (b.x - a.x) * (q.y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
        a = b;
    }
    inside
}

/// Distance from a point to a segment.
pub fn segment_distance(q: P, a: P, b: P) -> f64 {
    let d = b - a;
    let len2 = d.dot(d);
    let t = if len2 > 0.0 { ((q - a).dot(d) / len2).clamp(0.0, 1.0) } else { 0.0 };
    q.distance(a + d * t)
}

/// True when two segments cross or touch.
pub fn segments_meet(a: P, b: P, c: P, d: P) -> bool {
    let side = |o: P, q: P, r: P| (q - o).cross(r - o);
    let (c_side, d_side) = (side(a, b, c), side(a, b, d));
    let (a_side, b_side) = (side(c, d, a), side(c, d, b));
    c_side * d_side <= 0.0 && a_side * b_side <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_agrees_with_the_library_sine() {
        for i in -200..400 {
            let turns = f64::from(i) / 97.0;
            let (sin, cos) = (turns * std::f64::consts::TAU).sin_cos();
            let d = direction(turns);
            assert!((d.x - cos).abs() < 1e-7 && (d.y - sin).abs() < 1e-7, "{turns}: {d:?}");
        }
    }

    #[test]
    fn headings_follow_the_compass() {
        assert_eq!(heading(p(0.0, 1.0)), 0);
        assert_eq!(heading(p(1.0, 0.0)), 90);
        assert_eq!(heading(p(0.0, -3.0)), 180);
        assert_eq!(heading(p(-1.0, 1.0)), 315);
    }
}
