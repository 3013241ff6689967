//! Edits of single features as clients send them: a GeoJSON feature becomes a [`Feature`] that a store takes, or a list
//! of all that is wrong with it.
//!
//! The checks are those of a load ([`crate::check`]), but stricter: a load repairs and warns, since nobody sits there;
//! whoever edits is told, and decides. What a feature has already is not judged again, so that a value of long ago does
//! not stand in the way of an edit beside it.

mod fault;
mod geometry;
mod merge;
mod values;

pub use fault::Fault;
pub use merge::merge;

use std::collections::BTreeSet;
use std::sync::Arc;

use geo::HasDimensions as _;
use serde_json::{Map, Value as Json};

use crate::check::derive::Derivations;
use crate::check::finding::{Notes, Warning};
use crate::check::geometry::GeometryCheck;
use crate::check::value::{FieldReader, NumberStyle};
use crate::crs::{Crs, CrsError};
use crate::definition::{LayerDefinition, Scope};
use crate::feature::{Feature, Value};
use crate::limits::MAX_FAULTS;
use geometry::Ground;

/// Reads edits of the features of one layer.
#[derive(Debug, Clone)]
pub struct Editor {
    definition: Arc<LayerDefinition>,
    /// Fields that the editor may see, and so set, by their positions.
    visible: BTreeSet<usize>,
    readers: Vec<FieldReader>,
    derivations: Derivations,
    ground: Ground,
}

impl Editor {
    /// For a layer, whose `crs` is set; `envelope` is the tenant's territory (west, south, east, north in degrees).
    ///
    /// # Errors
    /// When PROJ does not know the storage CRS.
    pub fn new(definition: &Arc<LayerDefinition>, scope: Scope, envelope: Option<[f64; 4]>) -> Result<Self, CrsError> {
        let storage = Crs::parse(definition.crs.as_deref().unwrap_or_default())?;
        let resolution = definition.resolution.unwrap_or_else(|| storage.default_resolution());
        let judge = GeometryCheck::new(definition.geometry, resolution);
        let readers = definition
            .fields
            .iter()
            .map(|field| FieldReader::new(field, definition.key.contains(&field.name), NumberStyle::default()));
        Ok(Self {
            visible: scope.fields(definition).map(|(position, _)| position).collect(),
            readers: readers.collect(),
            derivations: Derivations::of(definition),
            ground: Ground::new(storage, judge, envelope),
            definition: Arc::clone(definition),
        })
    }

    /// A feature as a client sends it whole (RFC 7946, 3.2), with coordinates of `crs` in its authority's order of axes.
    /// `current` is the feature that it replaces: fields that the editor may not see keep their values.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(&self, body: &Json, crs: &Crs, current: Option<&Feature>) -> Result<Feature, Vec<Fault>> {
        let mut faults = Vec::new();
        let Some(members) = outline(body, &mut faults) else { return Err(faults) };
        let geometry = if let Some(geometry) = members.get("geometry") {
            self.geometry(geometry, crs, current, &mut faults)
        } else {
            let advice = "a feature has the member \"geometry\", null where it has no place (RFC 7946, 3.2)";
            faults.push(Fault::new("/geometry", "missing_member", advice));
            None
        };
        self.finish(members, geometry, current, faults)
    }

    /// A feature after a merge patch (RFC 7386) to `document`, which is `current` as GeoJSON in `crs`. Without
    /// `geometry` in the patch that of `current` stays as it is stored.
    ///
    /// # Errors
    /// All that is wrong with the result.
    pub fn patched(
        &self,
        mut document: Json,
        patch: Json,
        crs: &Crs,
        current: &Feature,
    ) -> Result<Feature, Vec<Fault>> {
        let Json::Object(wishes) = &patch else {
            return Err(vec![Fault::new("", "not_an_object", "a merge patch of a feature is a JSON object")]);
        };
        let untouched = !wishes.contains_key("geometry");
        // A patch takes members away by null; a geometry that is taken away is null.
        let removed = wishes.get("geometry").is_some_and(Json::is_null);
        let named = self.bound_ones(wishes.get("properties"));
        if !named.is_empty() {
            return Err(named);
        }
        merge(&mut document, patch);
        if removed && let Json::Object(members) = &mut document {
            members.insert("geometry".to_owned(), Json::Null);
        }
        if !untouched {
            return self.read(&document, crs, Some(current));
        }
        let mut faults = Vec::new();
        let Some(members) = outline(&document, &mut faults) else { return Err(faults) };
        self.finish(members, current.geometry.clone(), Some(current), faults)
    }

    /// Bound fields that a patch wants to be otherwise. In a whole feature they cannot but be there, and are passed over.
    fn bound_ones(&self, wishes: Option<&Json>) -> Vec<Fault> {
        let named = self.definition.bound_fields().filter_map(|(position, field, bound)| {
            let value = wishes?.get(&field.name).filter(|_| self.visible.contains(&position))?;
            let message = format!("the field is read only: it comes from layer \"{}\"", bound.layer);
            Some(Fault::of_field(&field.name, "read_only", message).with_value(value))
        });
        named.collect()
    }

    fn geometry(
        &self,
        json: &Json,
        crs: &Crs,
        current: Option<&Feature>,
        faults: &mut Vec<Fault>,
    ) -> Option<geo_types::Geometry<f64>> {
        let known = current.and_then(|current| current.geometry.as_ref());
        let read = if json.is_null() { Ok(None) } else { crate::reader::sent_geometry(json) };
        let read = read.map(|geometry| geometry.filter(|geometry| !geometry.is_empty()));
        let placed = match read {
            Ok(Some(geometry)) => self.ground.place(geometry, crs, known),
            Ok(None) if self.definition.placeless || (current.is_some() && known.is_none()) => Ok(None),
            Ok(None) => Err(Box::new(Fault::new("/geometry", "no_geometry", "features of this layer have a geometry"))),
            Err(reason) => Err(Box::new(Fault::new("/geometry", "not_a_geometry", reason))),
        };
        placed.unwrap_or_else(|fault| {
            faults.push(*fault);
            None
        })
    }

    fn finish(
        &self,
        members: &Map<String, Json>,
        geometry: Option<geo_types::Geometry<f64>>,
        current: Option<&Feature>,
        mut faults: Vec<Fault>,
    ) -> Result<Feature, Vec<Fault>> {
        let empty = Map::new();
        let sent = match members.get("properties") {
            None | Some(Json::Null) => &empty,
            Some(Json::Object(sent)) => sent,
            Some(_) => {
                faults.push(Fault::new("/properties", "not_an_object", "properties are a JSON object, or null"));
                &empty
            }
        };
        self.strangers(sent, &mut faults);
        let values = (0..self.definition.fields.len()).map(|position| {
            let known = current.and_then(|current| current.properties.get(position));
            self.value(position, sent, known, &mut faults)
        });
        let mut properties: Vec<Value> = values.collect();
        if !faults.is_empty() {
            faults.truncate(MAX_FAULTS);
            return Err(faults);
        }
        self.derivations.fill(&mut properties);
        Ok(Feature { geometry, properties })
    }

    /// Properties that the layer does not have.
    fn strangers(&self, sent: &Map<String, Json>, faults: &mut Vec<Fault>) {
        let is_known =
            |name: &String| self.definition.field(name).is_some_and(|(position, _)| self.visible.contains(&position));
        for (name, value) in sent.iter().filter(|(name, _)| !is_known(name)).take(MAX_FAULTS) {
            let message = format!("layer \"{}\" has no such field", self.definition.id);
            faults.push(Fault::of_field(name, "unknown_property", message).with_value(value));
        }
    }

    fn value(
        &self,
        position: usize,
        sent: &Map<String, Json>,
        known: Option<&Value>,
        faults: &mut Vec<Fault>,
    ) -> Value {
        let (field, reader) = (&self.definition.fields[position], &self.readers[position]);
        if field.bound.is_some() {
            return known.cloned().unwrap_or_default();
        }
        if !self.visible.contains(&position) {
            let value = known.cloned().unwrap_or_default();
            if field.required && value.is_null() {
                let message = "the layer requires a field that this server does not show; it is edited elsewhere";
                faults.push(Fault::new("/properties", "missing_value", message));
            }
            return value;
        }
        let json = sent.get(&field.name).unwrap_or(&Json::Null);
        let Some(value) = values::typed(field.kind, json) else {
            let message = format!("the field holds {}", values::wanted(field.kind));
            faults.push(Fault::of_field(&field.name, "wrong_type", message).with_value(json));
            return Value::Null;
        };
        if known == Some(&value) {
            return value;
        }
        let mut notes = Notes::default();
        match reader.read(value, &mut notes) {
            Ok(value) => {
                faults.extend(notes.warnings.iter().filter_map(|warning| complaint(&field.name, warning, json)));
                value
            }
            Err(reason) => {
                faults.push(Fault::of_field(&field.name, reason.code(), reason.text().en).with_value(json));
                Value::Null
            }
        }
    }
}

/// What a load warns of and an edit is refused for.
fn complaint(field: &str, warning: &Warning, json: &Json) -> Option<Fault> {
    let message = match warning {
        Warning::UnlistedCode { .. } => "the value is not in the field's list of codes".to_owned(),
        Warning::LostCharacters { .. } => "the text has lost characters (U+FFFD)".to_owned(),
        Warning::ValueLeftEmpty { .. } => warning.text().en,
        Warning::JustOutside(_) | Warning::RepeatedRow(_) | Warning::NoKey => return None,
    };
    Some(Fault::of_field(field, warning.code(), message).with_value(json))
}

/// The members of a feature; `None`, with a fault, when it is none.
fn outline<'a>(body: &'a Json, faults: &mut Vec<Fault>) -> Option<&'a Map<String, Json>> {
    let Json::Object(members) = body else {
        faults.push(Fault::new("", "not_an_object", "a GeoJSON feature is a JSON object"));
        return None;
    };
    if members.get("type").and_then(Json::as_str) == Some("Feature") {
        return Some(members);
    }
    let fault = Fault::new("/type", "not_a_feature", "the member \"type\" must be \"Feature\" (RFC 7946, 3.2)");
    faults.push(fault.with_value(members.get("type").unwrap_or(&Json::Null)));
    None
}

#[cfg(test)]
mod tests;
