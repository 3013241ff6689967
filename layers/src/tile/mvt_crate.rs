//! The encoder on the `mvt` crate: the reference that the direct writer is tested against.

use mvt::{GeomEncoder, GeomType, Layer, Tile};

use super::encode::{Encoder, Shape, ShapeKind};
use crate::cache::ValueRef;
use crate::feature::Value;

/// See the module.
#[allow(missing_debug_implementations)]
pub struct MvtEncoder {
    tile: Tile,
    layer: Layer,
    keys: Vec<String>,
    values: Vec<Value>,
}

impl MvtEncoder {
    fn push(&mut self, id: u64, kind: ShapeKind, shape: &Shape, tags: &[(u32, u32)]) -> Result<(), mvt::Error> {
        let kind = match kind {
            ShapeKind::Point => GeomType::Point,
            ShapeKind::Line => GeomType::Linestring,
            ShapeKind::Polygon => GeomType::Polygon,
        };
        let mut encoder = GeomEncoder::<i32>::new(kind);
        for part in shape.parts() {
            for [x, y] in part {
                encoder.add_point(*x, *y)?;
            }
            encoder.complete_geom()?;
        }
        let geometry = encoder.encode()?;
        let mut feature = std::mem::take(&mut self.layer).into_feature(geometry);
        feature.set_id(id);
        for (key, value) in tags {
            let key = &self.keys[*key as usize];
            match &self.values[*value as usize] {
                Value::Boolean(flag) => feature.add_tag_bool(key, *flag),
                Value::Integer(number) => feature.add_tag_int(key, *number),
                Value::Real(number) => feature.add_tag_double(key, *number),
                Value::Text(text) => feature.add_tag_string(key, text),
                Value::Null | Value::Date(_) | Value::DateTime(_) => {}
            }
        }
        self.layer = feature.into_layer();
        Ok(())
    }
}

impl Encoder for MvtEncoder {
    fn new(name: &str, extent: u32, keys: &[&str]) -> Self {
        let tile = Tile::new(extent);
        let layer = tile.create_layer(name);
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Self { tile, layer, keys, values: Vec::new() }
    }

    fn value(&mut self, value: ValueRef) -> u32 {
        self.values.push(match value {
            ValueRef::Date(_) | ValueRef::DateTime(_) => Value::Text(super::render::date_text(value)),
            other => other.to_value(),
        });
        self.values.len() as u32 - 1
    }

    fn feature(&mut self, id: u64, kind: ShapeKind, shape: &Shape, tags: &[(u32, u32)]) {
        if let Err(error) = self.push(id, kind, shape, tags) {
            tracing::warn!(%error, id, "the mvt crate refused a feature");
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.layer.num_features() == 0 {
            return Vec::new();
        }
        let bytes = self.tile.add_layer(self.layer).and_then(|()| self.tile.to_bytes());
        bytes.unwrap_or_else(|error| {
            tracing::warn!(%error, "the mvt crate refused a layer");
            Vec::new()
        })
    }
}
