//! Attribute values in tiles.

use rustc_hash::FxHashMap;

use super::encode::Encoder;
use crate::cache::{Base, Column, RowRef, ValueRef};

/// The values of a tile, each once.
pub(super) struct ValuePool<'a> {
    fields: Vec<usize>,
    /// Per field: dictionary code or number to index in the tile.
    seen: Vec<FxHashMap<u64, u32>>,
    /// Per field: the same for texts. Base and deltas have dictionaries of their own, or none.
    texts: Vec<FxHashMap<&'a str, u32>>,
}

impl<'a> ValuePool<'a> {
    /// A pool for the fields at those positions; the place in the list is the tile's key.
    pub fn new(fields: Vec<usize>) -> Self {
        let seen = fields.iter().map(|_| FxHashMap::default()).collect();
        let texts = fields.iter().map(|_| FxHashMap::default()).collect();
        Self { fields, seen, texts }
    }

    /// Appends the tags of a row, without those of null values.
    pub fn tags<E: Encoder>(&mut self, encoder: &mut E, row: RowRef<'a>, tags: &mut Vec<(u32, u32)>) {
        for (key, (field, (seen, texts))) in
            self.fields.iter().zip(self.seen.iter_mut().zip(&mut self.texts)).enumerate()
        {
            let value = row.base.value(row.row, *field);
            if value.is_null() {
                continue;
            }
            let mut once = || match value {
                ValueRef::Text(text) => *texts.entry(text).or_insert_with(|| encoder.value(value)),
                _ => encoder.value(value),
            };
            let index = match identity(row.base, row.row, *field, value) {
                Some(identity) => *seen.entry(identity).or_insert_with(once),
                None => once(),
            };
            tags.push((key as u32, index));
        }
    }
}

/// A number that two equal values of a field share, where that is cheap to tell.
fn identity(base: &Base, row: u32, field: usize, value: ValueRef) -> Option<u64> {
    // Codes of base and delta are of different dictionaries.
    let dictionary = std::ptr::from_ref(base).addr() as u64;
    match (&base.columns()[field], value) {
        (Column::Coded(column), _) => column.code(row).map(|code| dictionary.rotate_left(32) ^ u64::from(code)),
        (_, ValueRef::Integer(number)) => Some(number as u64),
        (_, ValueRef::Real(number)) => Some(number.to_bits()),
        (_, ValueRef::Boolean(flag)) => Some(flag.into()),
        (_, ValueRef::Date(date)) => Some(chrono::Datelike::num_days_from_ce(&date) as u64),
        _ => None,
    }
}
