//! A direct writer of the protobuf of vector tiles (specification 2.1, section 4 and appendix A).

use super::encode::{Encoder, Shape, ShapeKind};
use crate::cache::ValueRef;

/// Field numbers and wire types of `vector_tile.proto`, as one-byte protobuf keys.
mod key {
    pub const TILE_LAYER: u8 = 3 << 3 | 2;
    pub const LAYER_NAME: u8 = 1 << 3 | 2;
    pub const LAYER_FEATURE: u8 = 2 << 3 | 2;
    pub const LAYER_KEY: u8 = 3 << 3 | 2;
    pub const LAYER_VALUE: u8 = 4 << 3 | 2;
    pub const LAYER_EXTENT: u8 = 5 << 3;
    pub const LAYER_VERSION: u8 = 15 << 3;
    pub const FEATURE_ID: u8 = 1 << 3;
    pub const FEATURE_TAGS: u8 = 2 << 3 | 2;
    pub const FEATURE_TYPE: u8 = 3 << 3;
    pub const FEATURE_GEOMETRY: u8 = 4 << 3 | 2;
    pub const VALUE_STRING: u8 = 1 << 3 | 2;
    pub const VALUE_DOUBLE: u8 = 3 << 3 | 1;
    pub const VALUE_INT: u8 = 4 << 3;
    pub const VALUE_BOOL: u8 = 7 << 3;
}

/// Geometry commands.
const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u32 = 7;

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, key: u8, content: &[u8]) {
    out.push(key);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn command(out: &mut Vec<u8>, id: u32, count: usize) {
    varint(out, u64::from(id) | (count as u64) << 3);
}

/// Writes a step from the pen to a vertex, zigzag-encoded, and moves the pen.
fn step(out: &mut Vec<u8>, pen: &mut [i32; 2], vertex: [i32; 2]) {
    for axis in 0..2 {
        let delta = vertex[axis] - pen[axis];
        varint(out, u64::from(((delta << 1) ^ (delta >> 31)) as u32));
    }
    *pen = vertex;
}

fn geometry(out: &mut Vec<u8>, kind: ShapeKind, shape: &Shape) {
    let mut pen = [0, 0];
    match kind {
        ShapeKind::Point => {
            command(out, MOVE_TO, shape.parts().map(<[_]>::len).sum());
            shape.parts().flatten().for_each(|vertex| step(out, &mut pen, *vertex));
        }
        ShapeKind::Line | ShapeKind::Polygon => {
            for part in shape.parts() {
                command(out, MOVE_TO, 1);
                step(out, &mut pen, part[0]);
                command(out, LINE_TO, part.len() - 1);
                part[1..].iter().for_each(|vertex| step(out, &mut pen, *vertex));
                if kind == ShapeKind::Polygon {
                    command(out, CLOSE_PATH, 1);
                }
            }
        }
    }
}

/// The encoder of the hot path.
#[derive(Debug)]
pub struct WireEncoder {
    head: Vec<u8>,
    features: Vec<u8>,
    values: Vec<u8>,
    value_count: u32,
    feature: Vec<u8>,
    packed: Vec<u8>,
}

impl Encoder for WireEncoder {
    fn new(name: &str, extent: u32, keys: &[&str]) -> Self {
        let mut head = Vec::with_capacity(256);
        head.extend([key::LAYER_VERSION, 2]);
        bytes(&mut head, key::LAYER_NAME, name.as_bytes());
        head.push(key::LAYER_EXTENT);
        varint(&mut head, extent.into());
        for name in keys {
            bytes(&mut head, key::LAYER_KEY, name.as_bytes());
        }
        Self {
            head,
            features: Vec::with_capacity(16 * 1024),
            values: Vec::with_capacity(4 * 1024),
            value_count: 0,
            feature: Vec::with_capacity(256),
            packed: Vec::with_capacity(256),
        }
    }

    fn value(&mut self, value: ValueRef) -> u32 {
        let content = &mut self.packed;
        content.clear();
        let text = |content: &mut Vec<u8>, text: &str| bytes(content, key::VALUE_STRING, text.as_bytes());
        match value {
            ValueRef::Null => {}
            ValueRef::Boolean(flag) => content.extend([key::VALUE_BOOL, flag.into()]),
            ValueRef::Integer(number) => {
                content.push(key::VALUE_INT);
                varint(content, number as u64);
            }
            ValueRef::Real(number) => {
                content.push(key::VALUE_DOUBLE);
                content.extend(number.to_le_bytes());
            }
            ValueRef::Text(value) => text(content, value),
            ValueRef::Date(_) | ValueRef::DateTime(_) => text(content, &super::render::date_text(value)),
        }
        bytes(&mut self.values, key::LAYER_VALUE, &self.packed);
        self.value_count += 1;
        self.value_count - 1
    }

    fn feature(&mut self, id: u64, kind: ShapeKind, shape: &Shape, tags: &[(u32, u32)]) {
        let feature = &mut self.feature;
        feature.clear();
        feature.push(key::FEATURE_ID);
        varint(feature, id);
        if !tags.is_empty() {
            self.packed.clear();
            for (key, value) in tags {
                varint(&mut self.packed, (*key).into());
                varint(&mut self.packed, (*value).into());
            }
            bytes(feature, key::FEATURE_TAGS, &self.packed);
        }
        let kind_number = match kind {
            ShapeKind::Point => 1,
            ShapeKind::Line => 2,
            ShapeKind::Polygon => 3,
        };
        feature.extend([key::FEATURE_TYPE, kind_number]);
        self.packed.clear();
        geometry(&mut self.packed, kind, shape);
        bytes(feature, key::FEATURE_GEOMETRY, &self.packed);
        bytes(&mut self.features, key::LAYER_FEATURE, feature);
    }

    fn finish(self) -> Vec<u8> {
        if self.features.is_empty() {
            return Vec::new();
        }
        let length = self.head.len() + self.features.len() + self.values.len();
        let mut tile = Vec::with_capacity(length + 8);
        tile.push(key::TILE_LAYER);
        varint(&mut tile, length as u64);
        tile.extend_from_slice(&self.head);
        tile.extend_from_slice(&self.features);
        tile.extend_from_slice(&self.values);
        tile
    }
}
