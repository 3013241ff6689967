//! Any bytes under any extension: rows or errors, never a panic, never a hang, bounded memory.
//!
//! The first byte chooses the extension; the content decides the format all the same, so one corpus serves all
//! readers. Seed it with small files of every format (those that the tests of `layers/src/reader` build will do).

#![no_main]

use bricola_layers::reader::{OpenOptions, open_bytes};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 8] =
    ["a.geojson", "a.ndjson", "a.csv", "a.kml", "a.gml", "a.fgb", "a.shp", "a.zip"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let name = NAMES[usize::from(*choice) % NAMES.len()];
    if let Ok(mut reader) = open_bytes(name, bytes.to_vec(), &OpenOptions::default()) {
        while let Some(row) = reader.next() {
            if let Ok(row) = row {
                assert_eq!(row.values.len(), reader.schema().fields.len());
            }
        }
        assert!(reader.next().is_none());
    }
});
