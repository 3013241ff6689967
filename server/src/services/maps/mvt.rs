//! Vector tiles, decoded (Mapbox Vector Tile 2.1).

use prost::Message;

use super::MapError;
use crate::services::styles::expression::{Subject, Value};

#[derive(Clone, PartialEq, Message)]
struct RawTile {
    #[prost(message, repeated, tag = "3")]
    layers: Vec<RawLayer>,
}

#[derive(Clone, PartialEq, Message)]
struct RawLayer {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    features: Vec<RawFeature>,
    #[prost(string, repeated, tag = "3")]
    keys: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    values: Vec<RawValue>,
    #[prost(uint32, optional, tag = "5")]
    extent: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct RawFeature {
    #[prost(uint64, optional, tag = "1")]
    id: Option<u64>,
    #[prost(uint32, repeated, tag = "2")]
    tags: Vec<u32>,
    #[prost(uint32, optional, tag = "3")]
    kind: Option<u32>,
    #[prost(uint32, repeated, tag = "4")]
    geometry: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct RawValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(float, optional, tag = "2")]
    float: Option<f32>,
    #[prost(double, optional, tag = "3")]
    double: Option<f64>,
    #[prost(int64, optional, tag = "4")]
    int: Option<i64>,
    #[prost(uint64, optional, tag = "5")]
    uint: Option<u64>,
    #[prost(sint64, optional, tag = "6")]
    sint: Option<i64>,
    #[prost(bool, optional, tag = "7")]
    truth: Option<bool>,
}

impl RawValue {
    fn value(&self) -> Value {
        if let Some(text) = &self.text {
            return Value::text(text);
        }
        if let Some(truth) = self.truth {
            return Value::Boolean(truth);
        }
        let number = self.double.or(self.float.map(f64::from)).or(self.int.map(|n| n as f64));
        let number = number.or(self.uint.map(|n| n as f64)).or(self.sint.map(|n| n as f64));
        number.map_or(Value::Null, Value::Number)
    }
}

/// A tile.
#[derive(Debug, Default)]
pub struct DecodedTile {
    layers: Vec<DecodedLayer>,
}

impl DecodedTile {
    /// A layer by its name.
    pub(super) fn layer(&self, name: &str) -> Option<&DecodedLayer> {
        self.layers.iter().find(|layer| layer.name == name)
    }
}

/// A layer of a tile.
#[derive(Debug)]
pub(super) struct DecodedLayer {
    name: String,
    /// Tile units of a side.
    pub extent: f64,
    features: Vec<RawFeature>,
    keys: Vec<String>,
    values: Vec<Value>,
}

impl DecodedLayer {
    /// Its features.
    pub fn features(&self) -> impl Iterator<Item = DecodedFeature<'_>> {
        self.features.iter().map(move |raw| DecodedFeature { layer: self, raw })
    }
}

/// A feature of a tile.
#[derive(Clone, Copy)]
pub(super) struct DecodedFeature<'a> {
    layer: &'a DecodedLayer,
    raw: &'a RawFeature,
}

impl DecodedFeature<'_> {
    /// 1 points, 2 lines, 3 surfaces.
    pub fn dimension(&self) -> u32 {
        self.raw.kind.unwrap_or(0)
    }

    /// Its parts in tile units: points one by one, lines, rings.
    pub fn parts(&self) -> Vec<Vec<[i32; 2]>> {
        let (mut parts, mut pen) = (Vec::<Vec<[i32; 2]>>::new(), [0_i32; 2]);
        let mut numbers = self.raw.geometry.iter().copied();
        while let Some(command) = numbers.next() {
            let (id, count) = (command & 7, command >> 3);
            if id == 7 {
                continue;
            }
            for _ in 0..count {
                let (Some(x), Some(y)) = (numbers.next(), numbers.next()) else { return parts };
                pen = [pen[0].wrapping_add(signed(x)), pen[1].wrapping_add(signed(y))];
                match parts.last_mut().filter(|_| id == 2) {
                    Some(part) => part.push(pen),
                    None => parts.push(vec![pen]),
                }
            }
        }
        parts
    }
}

fn signed(number: u32) -> i32 {
    ((number >> 1) as i32) ^ -((number & 1) as i32)
}

impl Subject for DecodedFeature<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        let mut pairs = self.raw.tags.chunks_exact(2).rev();
        let found = pairs.find(|pair| self.layer.keys.get(pair[0] as usize).is_some_and(|key| key == name));
        found.and_then(|pair| self.layer.values.get(pair[1] as usize)).cloned()
    }

    fn id(&self) -> Value {
        self.raw.id.map_or(Value::Null, |id| Value::Number(id as f64))
    }

    fn geometry_type(&self) -> &'static str {
        match self.dimension() {
            1 => "Point",
            2 => "LineString",
            3 => "Polygon",
            _ => "Unknown",
        }
    }
}

/// Decodes a tile that is not compressed.
///
/// # Errors
/// When it is none.
pub fn decode(bytes: &[u8]) -> Result<DecodedTile, MapError> {
    let raw = RawTile::decode(bytes).map_err(|error| MapError(error.to_string()))?;
    let layer = |RawLayer { name, features, keys, values, extent }| DecodedLayer {
        name,
        extent: f64::from(extent.unwrap_or(4096)),
        features,
        keys,
        values: values.iter().map(RawValue::value).collect(),
    };
    Ok(DecodedTile { layers: raw.layers.into_iter().map(layer).collect() })
}
