//! What the bytes of a vector tile are spent on, read from the tile itself (Mapbox Vector Tile 2.1, appendix A).

/// The parts of a tile of one layer, in bytes with their lengths and keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weight {
    /// Vertices of all features.
    pub vertices: u64,
    /// Outlines, lines and points.
    pub geometry: usize,
    /// Attributes, field by field in their order.
    pub fields: Vec<FieldWeight>,
    /// The rest: identifiers, types, names of fields, frames.
    pub other: usize,
}

/// An attribute in a tile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldWeight {
    /// Its name.
    pub name: String,
    /// Features that have a value.
    pub features: u32,
    /// Different values.
    pub values: u32,
    /// Bytes of the values, and of what refers to them.
    pub bytes: usize,
}

/// A field of a protobuf message: number, content where it has a length, else its value; and its size as a whole.
struct Item<'a> {
    number: u64,
    content: &'a [u8],
    size: usize,
}

/// Goes through a message; ends where it makes no sense.
struct Message<'a>(&'a [u8]);

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

impl<'a> Iterator for Message<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let before = self.0.len();
        let key = varint(&mut self.0)?;
        let content = match key & 7 {
            0 => varint(&mut self.0).map(|_| &[][..])?,
            1 => self.0.split_off(..8).map(|_| &[][..])?,
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                self.0.split_off(..length)?
            }
            _ => return None,
        };
        Some(Item { number: key >> 3, content, size: before - self.0.len() })
    }
}

/// Weighs a tile with one layer.
pub(super) fn weigh(tile: &[u8]) -> Weight {
    let mut weight = Weight::default();
    let layer = Message(tile).next().map_or(&[][..], |layer| layer.content);
    let values: Vec<usize> = Message(layer).filter(|item| item.number == 4).map(|item| item.size).collect();
    let mut is_seen = vec![false; values.len()];
    for item in Message(layer).filter(|item| item.number == 3) {
        let name = String::from_utf8_lossy(item.content).into_owned();
        weight.fields.push(FieldWeight { name, ..FieldWeight::default() });
    }
    for feature in Message(layer).filter(|item| item.number == 2) {
        for item in Message(feature.content) {
            match item.number {
                2 => tags(item.content, &values, &mut is_seen, &mut weight.fields),
                4 => {
                    weight.geometry += item.size;
                    weight.vertices += vertices(item.content);
                }
                _ => {}
            }
        }
    }
    let known = weight.geometry + weight.fields.iter().map(|field| field.bytes).sum::<usize>();
    weight.other = tile.len() - known.min(tile.len());
    weight
}

/// Pairs of a field and a value. A value belongs to the first field that names it.
fn tags(mut pairs: &[u8], values: &[usize], is_seen: &mut [bool], fields: &mut [FieldWeight]) {
    loop {
        let before = pairs.len();
        let (Some(key), Some(value)) = (varint(&mut pairs), varint(&mut pairs)) else { return };
        let Some(field) = fields.get_mut(key as usize) else { return };
        field.features += 1;
        field.bytes += before - pairs.len();
        if let Some(seen) = is_seen.get_mut(value as usize).filter(|seen| !**seen) {
            *seen = true;
            field.values += 1;
            field.bytes += values[value as usize];
        }
    }
}

/// Vertices of a geometry: each command says how often it is repeated (4.3.1).
fn vertices(mut geometry: &[u8]) -> u64 {
    let mut vertices = 0;
    while let Some(command) = varint(&mut geometry) {
        let (id, count) = (command & 7, command >> 3);
        if id == 7 {
            continue;
        }
        vertices += count;
        for _ in 0..2 * count {
            if varint(&mut geometry).is_none() {
                return vertices;
            }
        }
    }
    vertices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::ValueRef;
    use crate::tile::{Encoder, Shape, ShapeKind, WireEncoder};
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_accounted_for() {
        let mut encoder = WireEncoder::new("parcels", 4096, &["sheet", "number"]);
        let (sheet, number) = (encoder.value(ValueRef::Integer(12)), encoder.value(ValueRef::Text("A long number")));
        let mut shape = Shape::default();
        shape.push(&[[0, 0], [10, 0], [10, 10], [0, 10]]);
        encoder.feature(1, ShapeKind::Polygon, &shape, &[(0, sheet), (1, number)]);
        encoder.feature(2, ShapeKind::Polygon, &shape, &[(0, sheet)]);
        let tile = encoder.finish();
        let weight = weigh(&tile);
        assert_eq!(weight.vertices, 8);
        let fields: Vec<_> =
            weight.fields.iter().map(|it| (it.name.as_str(), it.features, it.values, it.bytes)).collect();
        // A value of an integer takes four bytes, of a text its length and four more; a tag takes two.
        assert_eq!(fields, [("sheet", 2, 1, 2 * 2 + 4), ("number", 1, 1, 2 + 13 + 4)]);
        assert_eq!(weight.geometry + weight.other + 8 + 19, tile.len());
        assert_eq!(weigh(&[]), Weight::default());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let weight = weigh(&bytes);
            prop_assert!(weight.other <= bytes.len());
        }
    }
}
