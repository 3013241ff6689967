//! Layers as ordered streams, made by chunks in parallel.

use std::sync::Arc;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::Feature;
use rayon::prelude::*;

use crate::district::District;
use crate::layers::{Layer, Rows};
use crate::plan::Plan;
use crate::warp::{EAST, NORTH};

/// Chunks that are made at once.
const BATCH: usize = 32;

/// The features of one layer.
pub struct Features {
    plan: Arc<Plan>,
    layer: Option<&'static Layer>,
    definition: LayerDefinition,
    next: usize,
    begun: bool,
    ready: std::vec::IntoIter<Feature>,
    batch: std::vec::IntoIter<Vec<Feature>>,
}

impl Features {
    pub fn new(plan: Arc<Plan>, layer: Option<&'static Layer>, definition: &LayerDefinition) -> Self {
        let definition = definition.clone();
        Self { plan, layer, definition, next: 0, begun: false, ready: Vec::new().into_iter(), batch: Vec::new().into_iter() }
    }

    /// Makes the next features; false at the end.
    fn refill(&mut self) -> bool {
        let Some(layer) = self.layer else { return false };
        if !self.begun {
            self.begun = true;
            let mut rows = Rows::new(layer, &self.definition);
            if let Some(make) = layer.plan {
                make(&self.plan, &mut rows);
            }
            self.ready = rows.features.into_iter();
            return true;
        }
        if let Some(features) = self.batch.next() {
            self.ready = features.into_iter();
            return true;
        }
        let (Some(make), true) = (layer.district, self.next < self.plan.chunks.len()) else { return false };
        let end = (self.next + BATCH).min(self.plan.chunks.len());
        let (plan, definition) = (&self.plan, &self.definition);
        let made: Vec<Vec<Feature>> = plan.chunks[self.next..end]
            .par_iter()
            .with_max_len(1)
            .map(|chunk| {
                let mut rows = Rows::new(layer, definition);
                make(&District::build(plan, chunk), &mut rows);
                rows.features
            })
            .collect();
        self.next = end;
        self.batch = made.into_iter();
        true
    }
}

impl Iterator for Features {
    type Item = Feature;

    fn next(&mut self) -> Option<Feature> {
        loop {
            if let Some(feature) = self.ready.next() {
                return Some(feature);
            }
            if !self.refill() {
                return None;
            }
        }
    }
}

/// Extent of a plan in degrees, widened to the next 1e-4.
pub fn envelope(plan: &Plan) -> [f64; 4] {
    let mut out = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for at in plan.mainland.iter().chain(&plan.lagoon) {
        let ground = plan.warp.apply(*at);
        let (lon, lat) = geographic(EAST + ground.x, NORTH + ground.y);
        out = [out[0].min(lon), out[1].min(lat), out[2].max(lon), out[3].max(lat)];
    }
    [
        (out[0] * 1e4).floor() / 1e4,
        (out[1] * 1e4).floor() / 1e4,
        (out[2] * 1e4).ceil() / 1e4,
        (out[3] * 1e4).ceil() / 1e4,
    ]
}

/// Inverse transverse Mercator of EPSG:7795 on GRS80 (Krüger's series to the fourth power of the third
/// flattening, as in IOGP Guidance Note 7-2, 3.5.3.1): longitude, latitude in degrees.
fn geographic(east: f64, north: f64) -> (f64, f64) {
    const A: f64 = 6_378_137.0;
    let f = 1.0 / 298.257_222_101;
    let n = f / (2.0 - f);
    let (n2, n3) = (n * n, n * n * n);
    let b = A / (1.0 + n) * (1.0 + n2 / 4.0 + n2 * n2 / 64.0);
    let (xi, eta) = (north / b, (east - 3_000_000.0) / b);
    let h = [
        n / 2.0 - 2.0 / 3.0 * n2 + 37.0 / 96.0 * n3,
        n2 / 48.0 + n3 / 15.0,
        17.0 / 480.0 * n3,
    ];
    let (mut xi0, mut eta0) = (xi, eta);
    for (i, h) in h.iter().enumerate() {
        let k = 2.0 * (i as f64 + 1.0);
        xi0 -= h * (k * xi).sin() * (k * eta).cosh();
        eta0 -= h * (k * xi).cos() * (k * eta).sinh();
    }
    let beta = (xi0.sin() / eta0.cosh()).asin();
    let lon = (eta0.tanh() / beta.cos()).asin();
    let e = (f * (2.0 - f)).sqrt();
    let q = beta.tan().asinh();
    let mut q1 = q;
    for _ in 0..5 {
        q1 = q + e * (e * q1.tanh()).atanh();
    }
    (12.0 + lon.to_degrees(), q1.sinh().atan().to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_projection_agrees_with_proj() {
        // San Marco and Mestre of the reference table made with PROJ.
        for (east, north, lon, lat) in [(3_026_510.775_9, 5_033_255.480_6, 12.3388, 45.4342), (3_018_651.616, 5_039_495.675_1, 12.2386, 45.4906)] {
            let (x, y) = geographic(east, north);
            assert!((x - lon).abs() < 1e-8 && (y - lat).abs() < 1e-8, "{x} {y}");
        }
    }
}
