//! Layers and features to test with.

use bricola_layers::definition::{GeometryType, LayerDefinition};
use bricola_layers::feature::{Feature, FeatureId, StoredFeature, Value};
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, ScannedRow, Store, StoreError};
use chrono::{DateTime, NaiveDate};
use futures::{Stream, StreamExt, pin_mut};
use geo_types::{Geometry, MultiPolygon, polygon};

/// A layer of parcels whose key is sheet and number.
pub fn parcels() -> LayerDefinition {
    definition("test-parcels", GeometryType::MultiPolygon, &["sheet", "number"])
}

/// A layer without a key.
pub fn anything() -> LayerDefinition {
    definition("anything", GeometryType::Geometry, &[])
}

fn definition(id: &str, geometry: GeometryType, key: &[&str]) -> LayerDefinition {
    let field = |name: &str, kind: &str| {
        format!("[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\n")
    };
    let fields: String = [
        ("sheet", "text"),
        ("number", "text"),
        ("area", "real"),
        ("floors", "integer"),
        ("listed", "boolean"),
        ("surveyed", "date"),
        ("seen", "datetime"),
    ]
    .iter()
    .map(|(name, kind)| field(name, kind))
    .collect();
    let text = format!(
        "id = \"{id}\"\ntitle = {{ it = \"Prova\", en = \"Test\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"cadastre\"\ngeometry = \"point\"\ncrs = \"EPSG:7795\"\nkey = {key:?}\n{fields}"
    );
    LayerDefinition { geometry, ..toml::from_str(&text).expect("a definition") }
}

/// A square parcel; `area` tells states of it apart.
pub fn parcel(sheet: &str, number: u32, area: f64) -> Feature {
    let (x, y) = (3_026_000.0 + f64::from(number) * 20.0, 5_033_000.0);
    Feature {
        geometry: Some(square(x, y)),
        properties: vec![
            Value::Text(sheet.to_owned()),
            Value::Text(number.to_string()),
            Value::Real(area),
            Value::Integer(i64::from(number % 5)),
            Value::Boolean(number.is_multiple_of(2)),
            NaiveDate::from_ymd_opt(2026, 11, 22).map_or(Value::Null, Value::Date),
            DateTime::from_timestamp_millis(1_795_000_000_123).map_or(Value::Null, Value::DateTime),
        ],
    }
}

pub fn square(x: f64, y: f64) -> Geometry<f64> {
    MultiPolygon(vec![polygon![
        (x: x, y: y), (x: x + 20.0, y: y), (x: x + 20.0, y: y + 30.5), (x: x, y: y + 30.5), (x: x, y: y)
    ]])
    .into()
}

/// All rows, which must all be readable.
pub async fn all<S: Store>(store: &S, layer: &str) -> Vec<StoredFeature> {
    gathered(store.scan(layer, FeatureId::MIN..FeatureId::MAX)).await
}

/// All rows as they stood after a change.
pub async fn all_at<S: Store>(store: &S, layer: &str, at: Seq) -> Vec<StoredFeature> {
    gathered(store.scan_at(layer, FeatureId::MIN..FeatureId::MAX, at)).await
}

/// What a scan gives, of which every row must be readable.
pub async fn gathered(rows: impl Stream<Item = Result<Vec<ScannedRow>, StoreError>>) -> Vec<StoredFeature> {
    pin_mut!(rows);
    let mut found = Vec::new();
    while let Some(batch) = rows.next().await {
        found.extend(batch.expect("a batch").into_iter().map(|row| row.expect("a readable row")));
    }
    found
}

/// Inserts features and gives their ids.
pub async fn insert<S: Store>(store: &S, layer: &str, features: Vec<Feature>) -> Vec<FeatureId> {
    store.write(layer, features.into_iter().map(Edit::Insert).collect()).await.expect("inserts").0
}

/// A layer of parcels with the numbers 1 to `count` of sheet 7.
pub async fn with_parcels<S: Store>(store: &S, count: u32) -> Vec<FeatureId> {
    store.define(&parcels()).await.expect("defines");
    insert(store, "test-parcels", (1..=count).map(|number| parcel("7", number, 1.0)).collect()).await
}
