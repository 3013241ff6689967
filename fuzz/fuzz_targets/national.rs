//! Any bytes as a file of a national register of public works: read, row by row, or refused, never a panic.

#![no_main]

use bricola_territory::works::national::{National, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut national = National::default();
    let reading = read("x.csv", data, &mut national).expect("memory can be read");
    assert!(national.len() as u64 <= reading.rows && reading.faults.len() as u64 <= reading.faulty);
    let rows = [b"CUP;STATO_PROGETTO;COSTO_PROGETTO;CODICE_PROVINCIA;CODICE_COMUNE\n", data].concat();
    let _ = read("x.csv", rows.as_slice(), &mut national);
});
