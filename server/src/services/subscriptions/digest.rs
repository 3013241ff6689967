//! What a copy should have come to: a number of features and a digest for each tile, so that who keeps a copy finds out
//! whether it is the same, and where not, without sending it.
//!
//! The digest of a feature is the first 16 bytes of SHA-256 of `layer/id/version`; that of several is their exclusive or.

use std::collections::BTreeMap;

use bricola_layers::cache::Snapshot;
use bricola_layers::query::Selection;
use sha2::{Digest as _, Sha256};

use super::event::cell;

/// Features and their digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    /// How many.
    pub count: u64,
    /// Their digests, one over the other.
    pub bits: u128,
}

impl Digest {
    fn add(&mut self, layer: &str, id: i64, version: i64) {
        let hash = Sha256::digest(format!("{layer}/{id}/{version}"));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        self.count += 1;
        self.bits ^= u128::from_be_bytes(bytes);
    }

    /// As 32 hexadecimal digits.
    pub fn text(&self) -> String {
        format!("{:032x}", self.bits)
    }
}

/// Of the selected features of a layer: of all, and by tile; what has no place is under an empty name.
pub fn digests(snapshot: &Snapshot, selection: &Selection) -> (Digest, BTreeMap<String, Digest>) {
    let layer = &snapshot.definition().id;
    let (mut all, mut cells) = (Digest::default(), BTreeMap::<String, Digest>::new());
    for at in selection.rows(snapshot) {
        let row = snapshot.row_at(at);
        let (id, version) = (row.id(), row.base.version(row.row));
        all.add(layer, id, version);
        cells.entry(cell(row).unwrap_or_default()).or_default().add(layer, id, version);
    }
    (all, cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_matter() {
        let (mut one, mut other) = (Digest::default(), Digest::default());
        one.add("parcels", 1, 1);
        one.add("parcels", 2, 7);
        other.add("parcels", 2, 7);
        other.add("parcels", 1, 1);
        assert_eq!(one, other);
        let mut third = Digest::default();
        third.add("parcels", 1, 2);
        third.add("parcels", 2, 7);
        assert_ne!(one.bits, third.bits);
        assert_eq!(one.text().len(), 32);
    }
}
