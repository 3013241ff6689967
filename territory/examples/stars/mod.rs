//! Random stars in pairs, for whoever compares overlays.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use geo_types::{Coord, LineString, MultiPolygon, Polygon};

/// Numbers that look random and are the same each time (`SplitMix64`).
pub struct Numbers(pub u64);

impl Numbers {
    fn between(&mut self, least: f64, most: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        least + ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 * (most - least)
    }
}

/// Cafés, parcels and blocks among zones of the same size and much larger: metres of the first, and the two.
pub fn pair(numbers: &mut Numbers, i: usize) -> (f64, MultiPolygon<f64>, MultiPolygon<f64>) {
    let size = [3.0, 15.0, 60.0][i % 3];
    let surface = star(numbers, size, 0.0);
    let other = if i.is_multiple_of(2) { size } else { 2_000.0 };
    (size, surface, star(numbers, other, other * 0.6))
}

/// A star around a place some metres away from San Marco.
fn star(numbers: &mut Numbers, size: f64, away: f64) -> MultiPolygon<f64> {
    let (x0, y0) = (numbers.between(-away, away), numbers.between(-away, away));
    let corners = numbers.between(4.0, 24.0) as usize;
    let ring = (0..corners).map(|i| {
        let turn = (i as f64 + numbers.between(0.0, 0.9)) / corners as f64 * TAU;
        let far = numbers.between(0.3, 1.0) * size;
        let (x, y) = (x0 + turn.cos() * far, y0 + turn.sin() * far);
        // Degrees of eight decimals, as the cadastre has them.
        let round = |degrees: f64| (degrees * 1e8).round() / 1e8;
        Coord { x: round(12.338_8 + x / 78_249.05), y: round(45.434_2 + y / 111_140.263) }
    });
    Polygon::new(LineString(ring.collect()), vec![]).into()
}

/// As WKT.
pub fn wkt(polygons: &MultiPolygon<f64>) -> String {
    let ring = &polygons.0[0].exterior().0;
    let mut text = String::from("POLYGON((");
    for (i, c) in ring.iter().enumerate() {
        let _ = write!(text, "{}{:.8} {:.8}", if i == 0 { "" } else { "," }, c.x, c.y);
    }
    text + "))"
}
