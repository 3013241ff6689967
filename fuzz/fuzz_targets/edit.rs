//! Any JSON as a feature that somebody edits, or as a patch of one: taken or refused with all that is wrong, never a panic.
//!
//! The first byte says whether it is a new feature, another state of one or a patch, and in which CRS; the layer has fields of every kind.

#![no_main]

use std::sync::{Arc, LazyLock};

use bricola_layers::crs::Crs;
use bricola_layers::definition::{Catalog, LayerDefinition, Scope};
use bricola_layers::edit::Editor;
use bricola_layers::feature::{Feature, Value};
use libfuzzer_sys::fuzz_target;

static ZONING: LazyLock<Arc<LayerDefinition>> = LazyLock::new(|| {
    let catalog = Catalog::shipped().expect("shipped");
    Arc::new(LayerDefinition { crs: Some("EPSG:7795".to_owned()), ..catalog.get("zoning").expect("zoning").clone() })
});
static EDITOR: LazyLock<Editor> =
    LazyLock::new(|| Editor::new(&ZONING, Scope::PUBLIC, Some([12.0, 45.0, 13.0, 46.0])).expect("known"));

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Ok(body) = serde_json::from_slice(bytes) else { return };
    let crs = if choice & 4 == 0 { Crs::crs84() } else { Crs::epsg(4326).expect("known") };
    let empty = Feature { geometry: None, properties: ZONING.fields.iter().map(|_| Value::Null).collect() };
    let read = if choice & 2 == 2 {
        let document = serde_json::json!({"type": "Feature", "geometry": null, "properties": {"code": "A"}});
        EDITOR.patched(document, body, &crs, &empty)
    } else {
        EDITOR.read(&body, &crs, (choice & 1 == 1).then_some(&empty))
    };
    match read {
        Ok(feature) => assert_eq!(feature.properties.len(), ZONING.fields.len()),
        Err(faults) => assert!(!faults.is_empty()),
    }
});
