//! The bend of the land: a smooth one-to-one map from the drawing plane, where every cut is straight and
//! every block convex, to the ground, where streets curve and canals meander.
//!
//! Because the map is one-to-one and neighbours share their vertices, what tiles the drawing plane tiles the
//! ground.

use crate::plane::{P, p};
use crate::rng::mix;

/// East of the city's origin in EPSG:7795, metres.
pub const EAST: f64 = 3_066_000.0;
/// North of the city's origin in EPSG:7795, metres.
pub const NORTH: f64 = 5_040_000.0;

/// A position on the ground: whole millimetres from the city's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mm {
    /// East.
    pub x: i64,
    /// North.
    pub y: i64,
}

impl Mm {
    /// Metres in EPSG:7795.
    pub fn coord(self) -> geo_types::Coord<f64> {
        // Divided once, so that every value is the double nearest to its decimal millimetres.
        geo_types::Coord {
            x: (self.x + EAST as i64 * 1000) as f64 / 1000.0,
            y: (self.y + NORTH as i64 * 1000) as f64 / 1000.0,
        }
    }

    /// Metres from the city's origin.
    pub fn metres(self) -> P {
        p(self.x as f64 / 1000.0, self.y as f64 / 1000.0)
    }

    /// The nearest whole millimetres.
    pub fn of(q: P) -> Self {
        Self { x: (q.x * 1000.0).round() as i64, y: (q.y * 1000.0).round() as i64 }
    }
}

/// The S of the Grand Canal: a shear that dies out around the main island.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shear {
    /// Centre.
    pub centre: P,
    /// Half extent (east, north) outside which nothing moves.
    pub reach: P,
    /// Largest shift, in metres.
    pub height: f64,
}

/// The map.
#[derive(Debug, Clone)]
pub struct Warp {
    seed: u64,
    shear: Shear,
}

/// Wavelength and amplitude in metres; the sum of amplitude/wavelength stays well below one half, so that the
/// map cannot fold.
const OCTAVES: [(f64, f64); 4] = [(3100.0, 330.0), (830.0, 58.0), (430.0, 21.0), (240.0, 11.0)];
/// Bays and capes: wavelength and height of the coast's own noise, and how far inland it reaches.
const COAST: (f64, f64, f64) = (1750.0, 190.0, 1700.0);

impl Warp {
    /// A map with its own noise.
    pub const fn new(seed: u64, shear: Shear) -> Self {
        Self { seed, shear }
    }

    /// Drawing plane to ground, in metres from the city's origin.
    pub fn apply(&self, q: P) -> P {
        let mut out = q;
        let (u, v) = ((q.x - self.shear.centre.x) / self.shear.reach.x, (q.y - self.shear.centre.y) / self.shear.reach.y);
        if u.abs() < 1.0 && v.abs() < 1.0 {
            let (bell_u, bell_v) = (1.0 - u * u, 1.0 - v * v);
            out.y += self.shear.height * 3.49 * u * bell_u * bell_u * bell_v * bell_v;
        }
        // The plain is straighter than the lagoon.
        let town = smooth(((200.0 - q.y) / 900.0 + 0.5).clamp(0.0, 1.0));
        for (number, (wave, height)) in OCTAVES.iter().enumerate() {
            let height = if number == 3 { height * (0.3 + 0.7 * town) } else { *height };
            let (x, y) = (q.x / wave, q.y / wave);
            out.x += height * noise(self.seed ^ (2 * number as u64), x, y);
            out.y += height * noise(self.seed ^ (2 * number as u64 + 1), x, y);
        }
        let inland = q.y / COAST.2;
        if inland.abs() < 1.0 {
            let bell = 1.0 - inland * inland;
            out.y += COAST.1 * bell * bell * noise(self.seed ^ 99, q.x / COAST.0, 0.37);
        }
        out
    }

    /// Drawing plane to whole millimetres on the ground.
    pub fn ground(&self, q: P) -> Mm {
        Mm::of(self.apply(q))
    }
}

fn smooth(t: f64) -> f64 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

const GRADIENTS: [P; 8] = [
    p(1.0, 0.0),
    p(0.707_106_78, 0.707_106_78),
    p(0.0, 1.0),
    p(-0.707_106_78, 0.707_106_78),
    p(-1.0, 0.0),
    p(-0.707_106_78, -0.707_106_78),
    p(0.0, -1.0),
    p(0.707_106_78, -0.707_106_78),
];

/// Gradient noise (Perlin 2002) in about ±0.7, with period 1 between its knots.
pub fn noise(seed: u64, x: f64, y: f64) -> f64 {
    let (fx, fy) = (x.floor(), y.floor());
    let (u, v) = (x - fx, y - fy);
    let knot = |dx: i64, dy: i64| {
        let hash = mix(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ mix((fx as i64 + dx) as u64) ^ ((fy as i64 + dy) as u64).wrapping_mul(0x9e6c_63d0_876a_9a47));
        GRADIENTS[(hash >> 61) as usize].dot(p(u - dx as f64, v - dy as f64))
    };
    let (su, sv) = (smooth(u), smooth(v));
    let low = knot(0, 0) + (knot(1, 0) - knot(0, 0)) * su;
    let high = knot(0, 1) + (knot(1, 1) - knot(0, 1)) * su;
    low + (high - low) * sv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_never_folds() {
        let shear = Shear { centre: p(0.0, -2600.0), reach: p(1300.0, 1500.0), height: 250.0 };
        for seed in 0..3 {
            let warp = Warp::new(seed, shear);
            for i in 0..200 {
                for j in 0..200 {
                    let q = p(f64::from(i) * 61.0 - 6000.0, f64::from(j) * 47.0 - 5000.0);
                    let (a, b, c) = (warp.apply(q), warp.apply(q + p(0.5, 0.0)), warp.apply(q + p(0.0, 0.5)));
                    let jacobian = (b - a).cross(c - a) / 0.25;
                    assert!(jacobian > 0.2 && jacobian < 3.0, "{q:?}: {jacobian}");
                }
            }
        }
    }
}
