//! Any text as a tile matrix set: taken or refused, never a panic; of one that is taken every corner tile has a place.

#![no_main]

use std::sync::Arc;

use bricola_layers::tile::{GridTile, TileMatrixSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(set) = TileMatrixSet::from_json(text) else { return };
    let set = Arc::new(set);
    for (place, matrix) in set.matrices.iter().enumerate() {
        let tile = GridTile::new(&set, place, matrix.columns - 1, matrix.rows - 1).expect("a tile");
        assert!(tile.bounds().iter().all(|side| side.is_finite()));
        assert!(matrix.limits_with_buffer(tile.bounds()).is_some());
    }
});
