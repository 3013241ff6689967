//! What several test binaries share: a decoder of vector tiles that is not ours, and small layers.
#![allow(dead_code)]

use bricola_layers::cache::{BaseBuilder, Snapshot};
use bricola_layers::definition::{LayerDefinition, parse};
use bricola_layers::feature::{Feature, StoredFeature, Value};
use geo_types::Geometry;
use std::sync::Arc;

/// `vector_tile.proto` 2.1, for `prost`.
pub mod vector_tile {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Tile {
        #[prost(message, repeated, tag = "3")]
        pub layers: Vec<Layer>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Layer {
        #[prost(uint32, required, tag = "15")]
        pub version: u32,
        #[prost(string, required, tag = "1")]
        pub name: String,
        #[prost(message, repeated, tag = "2")]
        pub features: Vec<Feature>,
        #[prost(string, repeated, tag = "3")]
        pub keys: Vec<String>,
        #[prost(message, repeated, tag = "4")]
        pub values: Vec<Value>,
        #[prost(uint32, optional, tag = "5")]
        pub extent: Option<u32>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Feature {
        #[prost(uint64, optional, tag = "1")]
        pub id: Option<u64>,
        #[prost(uint32, repeated, tag = "2")]
        pub tags: Vec<u32>,
        #[prost(int32, optional, tag = "3")]
        pub kind: Option<i32>,
        #[prost(uint32, repeated, tag = "4")]
        pub geometry: Vec<u32>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Value {
        #[prost(string, optional, tag = "1")]
        pub string: Option<String>,
        #[prost(double, optional, tag = "3")]
        pub double: Option<f64>,
        #[prost(int64, optional, tag = "4")]
        pub int: Option<i64>,
        #[prost(bool, optional, tag = "7")]
        pub boolean: Option<bool>,
    }
}

/// A decoded feature: id, geometry type number, parts (rings closed), properties as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub id: u64,
    pub kind: i32,
    pub parts: Vec<Vec<[i32; 2]>>,
    pub properties: Vec<(String, String)>,
}

pub fn decode(bytes: &[u8]) -> Vec<(String, Vec<Decoded>)> {
    let tile: vector_tile::Tile = prost::Message::decode(bytes).expect("a vector tile");
    let layer = |layer: vector_tile::Layer| {
        assert_eq!((layer.version, layer.extent), (2, Some(4096)));
        let features = layer.features.iter().map(|feature| decode_feature(&layer, feature)).collect();
        (layer.name, features)
    };
    tile.layers.into_iter().map(layer).collect()
}

fn decode_feature(layer: &vector_tile::Layer, feature: &vector_tile::Feature) -> Decoded {
    let mut parts: Vec<Vec<[i32; 2]>> = Vec::new();
    let (mut at, mut index) = ([0_i32; 2], 0);
    let unzigzag = |n: u32| (n >> 1).cast_signed() ^ -((n & 1).cast_signed());
    while index < feature.geometry.len() {
        let (command, count) = (feature.geometry[index] & 7, feature.geometry[index] >> 3);
        index += 1;
        if command == 7 {
            let part = parts.last_mut().expect("a ring to close");
            part.push(part[0]);
            continue;
        }
        for _ in 0..count {
            for value in &mut at {
                *value += unzigzag(feature.geometry[index]);
                index += 1;
            }
            if command == 1 {
                parts.push(Vec::new());
            }
            parts.last_mut().expect("a part").push(at);
        }
    }
    let text = |value: &vector_tile::Value| match value {
        vector_tile::Value { string: Some(text), .. } => text.clone(),
        vector_tile::Value { double: Some(number), .. } => format!("{number:?}"),
        vector_tile::Value { int: Some(number), .. } => number.to_string(),
        vector_tile::Value { boolean: Some(flag), .. } => flag.to_string(),
        _ => panic!("a value without a value"),
    };
    let tag = |pair: &[u32]| (layer.keys[pair[0] as usize].clone(), text(&layer.values[pair[1] as usize]));
    Decoded {
        id: feature.id.expect("an id"),
        kind: feature.kind.expect("a type"),
        parts,
        properties: feature.tags.chunks(2).map(tag).collect(),
    }
}

/// A layer definition with a text, an integer and a real field.
pub fn definition(geometry: &str, extra: &str) -> Arc<LayerDefinition> {
    let text = format!(
        r#"
        id = "things"
        title = {{ it = "Cose", en = "Things" }}
        description = {{ it = "Cose.", en = "Things." }}
        theme = "services"
        geometry = "{geometry}"
        crs = "EPSG:4326"
        {extra}
        [[field]]
        name = "name"
        type = "text"
        title = {{ it = "Nome", en = "Name" }}
        [[field]]
        name = "count"
        type = "integer"
        title = {{ it = "Numero", en = "Count" }}
        [[field]]
        name = "measure"
        type = "real"
        title = {{ it = "Misura", en = "Measure" }}
        "#
    );
    Arc::new(parse("test", &text).expect("a definition"))
}

/// A snapshot of the geometries, ids from 1.
pub fn snapshot(definition: &Arc<LayerDefinition>, geometries: impl IntoIterator<Item = Geometry<f64>>) -> Snapshot {
    let mut builder = BaseBuilder::new(definition).expect("a CRS");
    for (index, geometry) in geometries.into_iter().enumerate() {
        let name = if index % 7 == 0 { Value::Null } else { Value::Text(format!("name {}", index % 50)) };
        let properties = vec![name, Value::Integer(index as i64 % 10 - 5), Value::Real(index as f64 / 4.0)];
        let feature = Feature { geometry: Some(geometry), properties };
        builder.push(&StoredFeature { id: index as i64 + 1, version: 1, feature });
    }
    let (base, set_aside) = builder.finish().expect("mirrored");
    assert_eq!(set_aside, []);
    Snapshot::of(base, Arc::clone(definition), 1)
}

/// A repeatable stream of numbers in `0.0..1.0` (splitmix64).
pub fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}
