//! Any text as a filter: taken or refused, never a panic, never a hang; what is taken can be asked of a feature.
//!
//! The first byte says whether it is CQL2 text or JSON. Seed it with the filters of `layers/src/query/cql2/tests.rs`.

#![no_main]

use std::sync::LazyLock;

use bricola_layers::definition::{Catalog, LayerDefinition, Scope};
use bricola_layers::feature::{Feature, StoredFeature, Value};
use bricola_layers::query::cql2::Filter;
use libfuzzer_sys::fuzz_target;

static PARCELS: LazyLock<LayerDefinition> = LazyLock::new(|| {
    let catalog = Catalog::shipped().expect("shipped");
    LayerDefinition { crs: Some("EPSG:7795".to_owned()), ..catalog.get("parcels").expect("parcels").clone() }
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let filter = if choice % 2 == 0 { Filter::from_text(text) } else { Filter::from_json(text) };
    let Ok(bound) = filter.and_then(|filter| filter.bind(&PARCELS, Scope::EVERYTHING)) else { return };
    let properties = PARCELS.fields.iter().map(|_| Value::Null).collect();
    bound.matches(&StoredFeature { id: 1, version: 1, feature: Feature { geometry: None, properties } });
});
