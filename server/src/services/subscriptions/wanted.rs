//! A subscription held against the layers that there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use bricola_layers::cache::{RowRef, Territory};
use bricola_layers::crs::Crs;
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::query::cql2::Filter;
use bricola_layers::query::{Area, Selection};
use serde_json::{Value, json};
use thiserror::Error;

use super::document::{Document, Fault};
use crate::services::feed::{Meaning, Told};

/// What is wanted of which layers.
#[derive(Debug)]
pub struct Wanted {
    /// The layers that there are, of those that were named.
    pub definitions: BTreeMap<String, Arc<LayerDefinition>>,
    selections: BTreeMap<String, Selection>,
    fields: BTreeMap<String, Vec<usize>>,
    /// Layers that were named and are not there (any more).
    pub missing: Vec<String>,
    is_all: bool,
}

/// What no longer goes with the layers: nothing can be delivered until either is mended.
#[derive(Debug, Clone, Error)]
#[error("{}: {}", .0.pointer, .0.reason)]
pub struct Unwanted(pub Fault);

impl Wanted {
    /// Of a document, with what a scope may see.
    ///
    /// # Errors
    /// A filter that does not go with a layer, an area that is none, fields that no layer has.
    pub fn new(document: &Document, territory: &Territory, scope: Scope) -> Result<Self, Unwanted> {
        let mut definitions = BTreeMap::new();
        let mut missing = Vec::new();
        for id in &document.layers {
            match territory.layer(id).map(|layer| layer.definition()).filter(|it| scope.sees_layer(it)) {
                Some(definition) => drop(definitions.insert(id.clone(), definition)),
                None => missing.push(id.clone()),
            }
        }
        let filters =
            [document.filter.as_ref().map(filter).transpose()?, document.area.as_ref().map(area).transpose()?];
        let mut selections = BTreeMap::new();
        for (id, definition) in &definitions {
            let bound = filters.iter().flatten().map(|(pointer, filter)| {
                let refused = |refusal: bricola_layers::query::cql2::Refusal| {
                    Unwanted(Fault::at(pointer, format!("layer \"{id}\": {}", refusal.reason)))
                };
                filter.bind(definition, scope).map_err(refused)
            });
            let filters = bound.collect::<Result<Vec<_>, _>>()?;
            let bbox = document.bbox.map(|bbox| Area::new(Crs::crs84(), bbox)).transpose();
            let area = bbox.map_err(|error| Unwanted(Fault::at("/bbox", error.to_string())))?;
            selections.insert(id.clone(), Selection { area, filters, ..Selection::default() });
        }
        let fields = fields(document, &definitions, scope)?;
        let is_all = document.bbox.is_none() && filters.iter().all(Option::is_none);
        Ok(Self { definitions, selections, fields, missing, is_all })
    }

    /// Whether it was made of the definitions that there are now.
    pub fn is_current(&self, document: &Document, territory: &Territory, scope: Scope) -> bool {
        document.layers.iter().all(|id| {
            let now = territory.layer(id).map(|layer| layer.definition()).filter(|it| scope.sees_layer(it));
            match (self.definitions.get(id), now) {
                (Some(then), Some(now)) => Arc::ptr_eq(then, &now),
                (then, now) => then.is_none() && now.is_none(),
            }
        })
    }

    /// The features of a layer that are wanted.
    pub fn selection(&self, layer: &str) -> Option<&Selection> {
        self.selections.get(layer)
    }

    /// The fields of a layer that are told, by their positions; all where nothing was said.
    pub fn fields(&self, layer: &str) -> Option<&[usize]> {
        self.fields.get(layer).map(Vec::as_slice)
    }

    /// What a change means to who wants this; `None` where nothing.
    pub fn meaning(&self, told: &Told) -> Option<Meaning> {
        let selection = self.selections.get(&told.change.layer)?;
        if self.is_all {
            return Some(Meaning::Unsaid);
        }
        Meaning::of(told, |row: RowRef<'_>| selection.holds(row))
    }
}

/// A filter with the place where it was written.
type Written = (&'static str, Filter);

fn filter(value: &Value) -> Result<Written, Unwanted> {
    let filter = match value {
        Value::String(text) => Filter::from_text(text),
        other => Filter::from_json(&other.to_string()),
    };
    let filter = filter.map_err(|refusal| Unwanted(Fault::at("/filter", refusal.reason.to_string())))?;
    Ok(("/filter", filter))
}

/// An area is a condition like another.
fn area(value: &Value) -> Result<Written, Unwanted> {
    let is_surface = matches!(value["type"].as_str(), Some("Polygon" | "MultiPolygon"));
    if !is_surface {
        let reason = "must be a Polygon or a MultiPolygon of GeoJSON, longitude and latitude in degrees";
        return Err(Unwanted(Fault::at("/area", reason)));
    }
    let condition = json!({"op": "s_intersects", "args": [{"property": "geometry"}, value]});
    let filter = Filter::from_json(&condition.to_string());
    let filter = filter.map_err(|refusal| Unwanted(Fault::at("/area", refusal.reason.to_string())))?;
    Ok(("/area", filter))
}

fn fields(
    document: &Document,
    definitions: &BTreeMap<String, Arc<LayerDefinition>>,
    scope: Scope,
) -> Result<BTreeMap<String, Vec<usize>>, Unwanted> {
    let Some(names) = &document.fields else { return Ok(BTreeMap::new()) };
    let seen = |definition: &Arc<LayerDefinition>, name: &String| {
        definition.field(name).filter(|(_, field)| scope.sees(field.visibility)).map(|(position, _)| position)
    };
    for (place, name) in names.iter().enumerate() {
        // While a layer is away nobody knows whether it had the field.
        let is_known =
            definitions.len() < document.layers.len() || definitions.values().any(|it| seen(it, name).is_some());
        if !is_known {
            let pointer = format!("/fields/{place}");
            return Err(Unwanted(Fault::at(&pointer, format!("none of the layers has a field \"{name}\""))));
        }
    }
    let of = |definition: &Arc<LayerDefinition>| names.iter().filter_map(|name| seen(definition, name)).collect();
    Ok(definitions.iter().map(|(id, definition)| (id.clone(), of(definition))).collect())
}
