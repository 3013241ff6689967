//! Any text as an address: read in some ways or in none, never a panic, and a house number is one that stands in the text.

#![no_main]

use bricola_search::{HouseNumber, readings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for open in [false, true] {
        for reading in readings(text, open) {
            assert!(!reading.words.is_empty());
            if let Some(number) = reading.number {
                let written = number.to_string();
                assert_eq!(HouseNumber::read(&written, ""), Some(number), "{written}");
            }
        }
    }
    let (number, suffix) = text.split_once('\n').unwrap_or((text, ""));
    let _ = HouseNumber::read(number, suffix);
});
