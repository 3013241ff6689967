//! The style files that are compiled into the binary.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bricola_layers::definition::{Catalog, GeometryType, LayerDefinition};
use rust_embed::Embed;
use serde_json::Value;

#[derive(Embed)]
#[folder = "../styles/layers/"]
struct LayerFiles;

/// Style layers of each shipped layer, by layer id.
static LAYERS: LazyLock<BTreeMap<String, Vec<Value>>> = LazyLock::new(|| {
    LayerFiles::iter()
        .filter_map(|name| {
            let file = LayerFiles::get(&name)?;
            let layers = serde_json::from_slice(&file.data).expect("the tests parse every shipped style");
            Some((name.strip_suffix(".json")?.to_owned(), layers))
        })
        .collect()
});

/// The ground of the city map and its drawing order.
static CITY: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../styles/city.json")).expect("the tests parse the city style")
});

/// Geometry types that the shipped styles were drawn for.
static GEOMETRIES: LazyLock<BTreeMap<String, GeometryType>> = LazyLock::new(|| {
    let catalog = Catalog::shipped().expect("the tests parse every shipped definition");
    catalog.iter().map(|definition| (definition.id.clone(), definition.geometry)).collect()
});

/// The shipped style layers of a layer; `None` when there are none, or when an office has replaced the
/// definition by one of another dimension, which they would not draw.
pub(super) fn style_layers(definition: &LayerDefinition) -> Option<&'static [Value]> {
    let drawn_for = GEOMETRIES.get(&definition.id)?;
    (drawn_for.dimension() == definition.geometry.dimension())
        .then(|| LAYERS.get(&definition.id).map(Vec::as_slice))
        .flatten()
}

/// Style layers below all others (the background).
pub(super) fn ground() -> &'static [Value] {
    CITY["layers"].as_array().map_or(&[], Vec::as_slice)
}

/// Title of the city map, in Italian.
pub(super) fn city_name() -> &'static str {
    CITY["name"].as_str().unwrap_or("Città")
}

/// Place of a style layer in the drawing order of the city map, bottom first.
pub(super) fn place(style_layer: &str) -> Option<usize> {
    order().position(|id| id == style_layer)
}

/// Place below which the shapes of layers without a shipped style are drawn (their labels go on top of all).
pub(super) fn automatic_place() -> usize {
    CITY["metadata"]["bricola:automatic-below"].as_str().and_then(place).unwrap_or(usize::MAX)
}

/// Ids of the shipped style layers, bottom first.
pub(super) fn order() -> impl Iterator<Item = &'static str> {
    CITY["metadata"]["bricola:order"].as_array().map_or(&[] as &[Value], Vec::as_slice).iter().filter_map(Value::as_str)
}

#[cfg(test)]
pub(super) fn all() -> &'static BTreeMap<String, Vec<Value>> {
    &LAYERS
}
