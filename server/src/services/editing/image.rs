//! One feature, as answers show it.

use std::sync::Arc;

use bricola_layers::cache::{BaseBuilder, Snapshot};
use bricola_layers::crs::Crs;
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::feature::StoredFeature;
use bricola_layers::store::StoreError;
use serde_json::{Value as Json, json};

/// One state of one feature.
pub struct Image {
    /// As the store has it.
    pub stored: StoredFeature,
    snapshot: Snapshot,
}

impl Image {
    /// Of a feature of a layer.
    ///
    /// # Errors
    /// When it cannot be shown at all.
    pub fn of(stored: StoredFeature, definition: &Arc<LayerDefinition>) -> Result<Self, StoreError> {
        let failure = |error: bricola_layers::cache::BuildError| StoreError::Failure(error.to_string());
        let mut builder = BaseBuilder::new(definition).map_err(failure)?;
        builder.push(&stored);
        let (base, set_aside) = builder.finish().map_err(failure)?;
        if let Some((id, reason)) = set_aside.into_iter().next() {
            return Err(StoreError::Failure(format!("feature {id} cannot be shown: {reason}")));
        }
        Ok(Self { stored, snapshot: Snapshot::of(base, Arc::clone(definition), 0) })
    }

    /// Its strong validator.
    pub fn tag(&self) -> String {
        format!("\"v{}\"", self.stored.version)
    }

    /// As GeoJSON with coordinates of `crs` in its authority's order of axes, and the fields of a scope.
    pub fn json(&self, scope: Scope, crs: &Crs) -> Json {
        let mut out = Vec::new();
        if let Some(row) = self.snapshot.feature(self.stored.id) {
            self.snapshot.writer(scope).in_crs(crs).write(&mut out, row);
        }
        serde_json::from_slice(&out).unwrap_or(Json::Null)
    }

    /// The same with its version.
    pub fn told(&self, scope: Scope, crs: &Crs) -> Json {
        let mut json = self.json(scope, crs);
        if let Json::Object(members) = &mut json {
            members.insert("version".to_owned(), json!(self.stored.version));
        }
        json
    }
}

/// Where what somebody sent differs from a feature as it is: property by property, those that were not sent left out
/// unless `whole`; of the geometry only that it differs.
pub(super) fn differences(sent: &Json, current: &Json, whole: bool) -> Vec<Json> {
    let property = |json: &Json, name: &str| json["properties"].get(name).cloned();
    let names = current["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
    let differing = names.filter_map(|name| {
        let yours = property(sent, name).or(whole.then_some(Json::Null))?;
        let theirs = property(current, name).unwrap_or_default();
        (!same(&yours, &theirs)).then(
            || json!({"pointer": format!("/properties/{name}"), "field": name, "yours": yours, "current": theirs}),
        )
    });
    let mut differences: Vec<Json> = differing.collect();
    if sent.get("geometry").is_some_and(|geometry| *geometry != current["geometry"]) {
        differences.push(json!({"pointer": "/geometry"}));
    }
    differences
}

/// `3` and `3.0` are one number.
fn same(a: &Json, b: &Json) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
}
