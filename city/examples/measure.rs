//! Makes every layer once and prints counts and times: `measure PARCELS [SEED] [LAYER]`.

use std::time::Instant;

use bricola_city::City;
use bricola_layers::definition::{FieldDefinition, FieldType};
use bricola_layers::definition::{LayerDefinition, Text, Theme, Visibility, ZoomRange};
use geo::CoordsIter;

fn definition(city: &City, layer: &str) -> Option<LayerDefinition> {
    let text = Text::default();
    let field = |name: &&str| FieldDefinition {
        name: (*name).to_owned(),
        kind: FieldType::Text,
        title: Text::default(),
        required: false,
        visibility: Visibility::Public,
        tile: true,
        unit: None,
        aliases: vec![],
        values: vec![],
        blank: vec![],
        elsewhere: std::collections::BTreeMap::new(),
        append: None,
        form: None,
        derive: None,
        bound: None,
    };
    Some(LayerDefinition {
        id: layer.to_owned(),
        title: text.clone(),
        description: text,
        theme: Theme::Cadastre,
        geometry: city.geometry(layer)?,
        crs: None,
        resolution: None,
        keep: bricola_layers::definition::Keep::default(),
        zoom: ZoomRange::default(),
        tile_budget: None,
        visibility: Visibility::Public,
        key: vec![],
        label: None,
        label_fields: Vec::new(),
        search: None,
        rank: None,
        placeless: false,
        planning: None,
        walk: None,
        licence: None,
        attribution: None,
        contact: None,
        fields: city.fields(layer)?.iter().map(field).collect(),
    })
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: u64| args.get(i).and_then(|text| text.parse().ok()).unwrap_or(default);
    let start = Instant::now();
    let city = City::new(number(0, 30_000), number(1, 7));
    println!("plan {:.3} s, envelope {:?}", start.elapsed().as_secs_f64(), city.envelope());
    for layer in city.layers().filter(|layer| args.get(2).is_none_or(|only| only == layer)) {
        let Some(definition) = definition(&city, layer) else { continue };
        let start = Instant::now();
        let (mut count, mut vertices) = (0u64, 0u64);
        for feature in city.features(layer, &definition) {
            count += 1;
            vertices += feature.geometry.map_or(0, |geometry| geometry.coords_count()) as u64;
        }
        println!("{layer:>20} {count:>9} features {vertices:>10} vertices {:.3} s", start.elapsed().as_secs_f64());
    }
}
