//! A layer for the tests of this module.

use std::sync::Arc;

use geo_types::{Geometry, Point};

use crate::cache::{BaseBuilder, Snapshot};
use crate::definition::LayerDefinition;
use crate::feature::{Feature, FeatureId, StoredFeature};

/// Wells without fields: id, version and place of each.
pub fn wells(
    crs: &str,
    resolution: f64,
    rows: impl IntoIterator<Item = (FeatureId, i64, Option<[f64; 2]>)>,
) -> Snapshot {
    let definition = format!(
        r#"id = "wells"
        title = {{ it = "Vere", en = "Wells" }}
        description = {{ it = "d", en = "d" }}
        theme = "green"
        geometry = "point"
        crs = "{crs}"
        resolution = {resolution}
        zoom = {{ min = 10, max = 16 }}"#
    );
    let definition: Arc<LayerDefinition> = Arc::new(toml::from_str(&definition).expect("a definition"));
    let mut builder = BaseBuilder::new(&definition).expect("a builder");
    for (id, version, place) in rows {
        let geometry = place.map(|place| Geometry::Point(Point::from(place)));
        builder.push(&StoredFeature { id, version, feature: Feature { geometry, properties: Vec::new() } });
    }
    Snapshot::of(builder.finish().expect("a base").0, definition, 0)
}
