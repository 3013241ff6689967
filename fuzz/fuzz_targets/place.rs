//! Any text as a CRS, and any numbers as a box or a place in it: taken or refused, never a panic.
//!
//! Text before the first line break is the CRS, what follows are the numbers.

#![no_main]

use bricola_layers::crs::{Crs, text};
use bricola_layers::query::{Area, Place};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(all) = std::str::from_utf8(data) else { return };
    let (name, numbers) = all.split_once('\n').unwrap_or(("EPSG:7795", all));
    let _ = text::parse_place(numbers, None, None);
    // A definition of one's own is not taken from outside: a name is.
    let Some(crs) = (name.len() < 80).then(|| Crs::parse(name).ok()).flatten() else { return };
    let numbers: Vec<f64> = numbers.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    if let [west, south, east, north, ..] = *numbers {
        let _ = Area::new(crs.clone(), [west, south, east, north]);
        if let Ok(place) = Place::new(&crs, [west, south]) {
            assert!(place.lonlat().iter().all(|it| it.is_finite()));
        }
    }
});
