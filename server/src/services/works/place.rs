//! Works at a place, and what lies at the place of a work.

use std::collections::HashSet;
use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::feature::FeatureId;
use bricola_layers::query::Positions;
use geo::{BoundingRect as _, Distance as _, Euclidean};
use geo_types::Geometry;
use serde_json::{Value, json};

use crate::services::site::{Shape, Site, code_of, in_metres, name_of, near, reference};

/// Metres that a work may lie off a street, or a line or a point, and be at it, where nobody says how many: drawings of the same
/// thing differ by as much.
pub const BESIDE_M: f64 = 5.0;
/// Features at a work that are named; the others are counted.
const NAMED: usize = 200;

/// Where works are looked for.
#[derive(Debug)]
pub struct Near {
    /// The place.
    pub site: Site,
    /// Metres that a work may lie off it.
    pub within_m: f64,
}

impl Near {
    /// At a place; where nobody says how far off, works must touch a surface, and lie beside lines and points.
    pub fn new(site: Site, within_m: Option<f64>) -> Self {
        let usual = if matches!(site.shape, Shape::Surface(_)) { 0.0 } else { BESIDE_M };
        Self { site, within_m: within_m.unwrap_or(usual) }
    }

    /// The works that lie there.
    pub fn works(&self, layer: &Snapshot) -> HashSet<FeatureId> {
        touching(layer, &self.site.shape.geometry(), self.within_m).into_iter().map(|row| row.id()).collect()
    }
}

/// The layers of which it is told what lies at a work, as far as they are there.
#[derive(Debug, Default)]
pub struct Around {
    /// Parcels.
    pub parcels: Option<Arc<Snapshot>>,
    /// Streets.
    pub streets: Option<Arc<Snapshot>>,
    /// Districts, of all levels.
    pub districts: Option<Arc<Snapshot>>,
}

impl Around {
    /// The layers that there are.
    pub fn layers(&self) -> impl Iterator<Item = &Arc<Snapshot>> {
        [&self.parcels, &self.streets, &self.districts].into_iter().flatten()
    }

    /// What lies at a work: parcels and districts that it touches, streets that it lies beside.
    pub fn told(&self, work: RowRef<'_>) -> Value {
        let geometry = Positions::LonLat.geometry(work);
        let list = |layer: &Option<Arc<Snapshot>>, within_m: f64| {
            let (Some(layer), Some(geometry)) = (layer, &geometry) else { return Value::Null };
            let rows = touching(layer, geometry, within_m);
            let one = |row: &RowRef<'_>| json!({"feature": reference(layer, *row), "code": code_of(layer, *row), "name": name_of(layer, *row)});
            json!({"count": rows.len(), "features": rows.iter().take(NAMED).map(one).collect::<Vec<_>>()})
        };
        json!({
            "parcels": list(&self.parcels, 0.0), "streets": list(&self.streets, BESIDE_M), "districts": list(&self.districts, 0.0),
        })
    }
}

/// The features of a layer within so many metres of a geometry, in order of id.
fn touching<'a>(layer: &'a Snapshot, geometry: &Geometry<f64>, within_m: f64) -> Vec<RowRef<'a>> {
    let Some(frame) = geometry.bounding_rect() else { return Vec::new() };
    let here = in_metres(geometry, frame);
    let is_at = |row: &RowRef<'_>| {
        let there = Positions::LonLat.geometry(*row).map(|geometry| in_metres(&geometry, frame));
        there.is_some_and(|there| Euclidean.distance(&here, &there) <= within_m)
    };
    near(layer, frame, within_m, None).into_iter().filter(is_at).collect()
}
