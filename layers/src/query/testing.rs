//! Layers for the tests of this module.

use std::sync::Arc;

use geo_types::{Geometry, Point, Polygon};

use crate::cache::{BaseBuilder, Snapshot};
use crate::definition::LayerDefinition;
use crate::feature::{Feature, FeatureId, StoredFeature};

/// Wells without fields: id, version and place of each.
pub fn wells(
    crs: &str,
    resolution: f64,
    rows: impl IntoIterator<Item = (FeatureId, i64, Option<[f64; 2]>)>,
) -> Snapshot {
    let rows = rows.into_iter().map(|(id, version, place)| (id, version, place.map(|at| Point::from(at).into())));
    layer("point", crs, resolution, rows)
}

/// Surfaces without fields, on a grid of millimetres, numbered from 1 on.
pub fn surfaces(crs: &str, polygons: &[Polygon<f64>]) -> Snapshot {
    let rows = (1..).zip(polygons).map(|(id, polygon)| (id, 1, Some(polygon.clone().into())));
    layer("polygon", crs, 0.001, rows)
}

fn layer(
    geometry: &str,
    crs: &str,
    resolution: f64,
    rows: impl Iterator<Item = (FeatureId, i64, Option<Geometry<f64>>)>,
) -> Snapshot {
    let definition = format!(
        r#"id = "things"
        title = {{ it = "Cose", en = "Things" }}
        description = {{ it = "d", en = "d" }}
        theme = "green"
        geometry = "{geometry}"
        crs = "{crs}"
        resolution = {resolution}
        zoom = {{ min = 10, max = 16 }}"#
    );
    let definition: Arc<LayerDefinition> = Arc::new(toml::from_str(&definition).expect("a definition"));
    let mut builder = BaseBuilder::new(&definition).expect("a builder");
    for (id, version, geometry) in rows {
        builder.push(&StoredFeature { id, version, feature: Feature { geometry, properties: Vec::new() } });
    }
    Snapshot::of(builder.finish().expect("a base").0, definition, 0)
}
