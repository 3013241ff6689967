//! A legible style for a layer that has none: an office's own layer is on the map the moment it is loaded.

use bricola_layers::definition::LayerDefinition;
use bricola_layers::tile::LABEL_SUFFIX;
use serde_json::{Value, json};

/// Colours of at least 3:1 against the land and water of the city map, far from each other in hue.
const COLOURS: &[&str] = &[
    "#0b5fa5", "#a3322a", "#2f6b2f", "#7b3f98", "#9a5200", "#0a6b6b", "#a3266a", "#6a5a00", "#3f4fa8", "#7a3b1e",
    "#4a5560", "#5b6b12",
];

/// Style layers by geometry type; the colour follows from the layer's id, so it is the same on every server.
pub(super) fn style_layers(definition: &LayerDefinition) -> Vec<Value> {
    let id = &definition.id;
    let colour = colour_of(id);
    let mut layers = Vec::new();
    let dimension = definition.geometry.dimension();
    let is = |types: [&str; 2]| json!(["match", ["geometry-type"], types, true, false]);
    let mut add = |suffix: &str, kind: &str, only: Option<Value>, paint: Value, swatch: Value| {
        let mut layer = json!({
            "id": format!("{id}-{suffix}"), "type": kind, "source-layer": id,
            "metadata": { "bricola:layer": id, "bricola:legend": [{ "label": definition.title, "swatch": swatch }] },
            "paint": paint
        });
        if let Some(filter) = only {
            layer["filter"] = filter;
        }
        layers.push(layer);
    };
    let mixed = dimension.is_none();
    if mixed || dimension == Some(2) {
        add(
            "fill",
            "fill",
            mixed.then(|| is(["Polygon", "MultiPolygon"])),
            json!({ "fill-color": colour, "fill-opacity": 0.25, "fill-outline-color": colour }),
            json!({ "type": "fill", "color": colour, "outline": colour, "opacity": 0.25 }),
        );
    }
    if mixed || dimension == Some(1) {
        add(
            "line",
            "line",
            mixed.then(|| is(["LineString", "MultiLineString"])),
            json!({ "line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.8, 14, 2, 18, 4] }),
            json!({ "type": "line", "color": colour, "width": 3 }),
        );
    }
    if mixed || dimension == Some(0) {
        add(
            "circle",
            "circle",
            mixed.then(|| is(["Point", "MultiPoint"])),
            json!({
                "circle-color": colour, "circle-stroke-color": "#ffffff", "circle-stroke-width": 1.2,
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 8, 2, 14, 5, 18, 8]
            }),
            json!({ "type": "circle", "color": colour }),
        );
    }
    layers.extend(label(definition, colour));
    layers
}

/// Names of the features, when the definition says which field names them and tiles carry it.
fn label(definition: &LayerDefinition, colour: &str) -> Option<Value> {
    let (_, field) = definition.label.as_deref().and_then(|name| definition.field(name)).filter(|(_, f)| f.tile)?;
    let dimension = definition.geometry.dimension();
    let along = dimension == Some(1);
    // Surfaces are named once, at their label points, whatever number of tiles they lie in.
    let source = if definition.has_label_points() { LABEL_SUFFIX } else { "" };
    let centred = matches!(dimension, Some(1 | 2));
    Some(json!({
        "id": format!("{}-label", definition.id), "type": "symbol", "minzoom": 14,
        "source-layer": format!("{}{source}", definition.id),
        "metadata": { "bricola:layer": definition.id },
        "filter": ["has", field.name],
        "layout": {
            "text-field": ["to-string", ["get", field.name]], "text-font": ["Titillium Web Regular"], "text-size": 12,
            "text-max-width": 9, "symbol-placement": if along { "line" } else { "point" },
            "text-anchor": if centred { "center" } else { "top" },
            "text-offset": if centred { [0.0, 0.0] } else { [0.0, 0.7] }
        },
        "paint": { "text-color": colour, "text-halo-color": "rgba(255, 255, 255, 0.9)", "text-halo-width": 1.4 }
    }))
}

/// FNV-1a over the id picks the colour: stable between versions of Rust, unlike the standard hasher.
fn colour_of(id: &str) -> &'static str {
    let hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    COLOURS[(hash % COLOURS.len() as u64) as usize]
}
