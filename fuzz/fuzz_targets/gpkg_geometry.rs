//! Any bytes as a GeoPackage geometry blob.

#![no_main]

use bricola_layers::reader::geometry_from_gpkg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut blob = b"GP\0\x01\0\0\0\0".to_vec();
    blob.extend_from_slice(data);
    let _ = geometry_from_gpkg(&blob);
});
