//! The layers of a binding as they are in memory.

use std::sync::Arc;

use chrono::NaiveDate;

use super::rule::Rule;
use super::status::{BoundField, State};
use crate::cache::{Layer, Snapshot, Territory};
use crate::definition::{Keep, LayerDefinition, bound_faults};
use crate::store::LayerKind;

/// The day by which validity is judged: that of the server's time zone.
pub fn today() -> NaiveDate {
    chrono::Local::now().date_naive()
}

/// A layer with bound fields, and the layers that these are bound to.
#[derive(Debug)]
pub(super) struct Sides {
    pub bound: Arc<Snapshot>,
    /// Of the fields that can be filled.
    pub rules: Vec<Rule>,
    pub fields: Vec<BoundField>,
    /// A hash of what is declared, and of what of it can be followed.
    pub declaration: String,
    pub day: NaiveDate,
}

/// Why nothing can be done about a layer now.
pub(super) struct Hindered(pub State, pub String);

/// The layers that have bound fields.
pub(super) fn bound_layers(territory: &Territory) -> Vec<Arc<LayerDefinition>> {
    let definitions = territory.layers().into_iter().map(|layer| layer.definition());
    definitions.filter(|definition| definition.bound_fields().next().is_some()).collect()
}

impl Sides {
    /// Of a layer, as it is in memory. Ask for the territory's `seq` **before**: what is taken here reflects that or more.
    pub fn of(territory: &Territory, id: &str, day: NaiveDate) -> Result<Self, Hindered> {
        let waiting = |reason: String| Hindered(State::Waiting, reason);
        let layer = territory.layer(id).ok_or_else(|| waiting(format!("there is no layer \"{id}\"")))?;
        if layer.state().kind != LayerKind::Managed {
            let reason = "the layer is a table that is attached: nothing is written to it".to_owned();
            return Err(Hindered(State::ReadOnly, reason));
        }
        let bound = match snapshot(&layer) {
            Ok(Some(bound)) => bound,
            Ok(None) => return Err(waiting(format!("layer \"{id}\" is being read"))),
            Err(reason) => return Err(Hindered(State::Failing, reason)),
        };
        let definitions: Vec<_> = territory.layers().iter().map(|layer| layer.definition()).collect();
        let faults = bound_faults(definitions.iter().map(|definition| &**definition));
        let (mut rules, mut fields) = (Vec::new(), Vec::new());
        for (position, field, declared) in bound.definition().bound_fields() {
            let fault = faults.iter().find(|(layer, name, _)| layer == id && *name == field.name);
            let target = match territory.layer(&declared.layer) {
                None if territory.unreadable().iter().any(|layer| layer.id == declared.layer) => {
                    return Err(waiting(format!("layer \"{}\" cannot be read", declared.layer)));
                }
                None => Err(format!("there is no layer \"{}\"", declared.layer)),
                Some(target) => match snapshot(&target) {
                    Ok(None) => return Err(waiting(format!("layer \"{}\" is being read", declared.layer))),
                    Ok(Some(target)) => Ok(target),
                    Err(reason) => Err(reason),
                },
            };
            let rule = match (fault, target) {
                (Some((.., reason)), _) => Err(reason.clone()),
                (None, target) => target.and_then(|target| Rule::new(position, field, declared, target, day)),
            };
            let idle = rule.as_ref().err().cloned();
            fields.push(BoundField { field: field.name.clone(), target: declared.layer.clone(), idle });
            rules.extend(rule);
        }
        let declared: Vec<_> =
            rules.iter().map(|rule| (&rule.name, serde_json::to_string(&rule.bound).unwrap_or_default())).collect();
        let text = serde_json::to_string(&declared).unwrap_or_default();
        let declaration = format!("{:08x}-{:x}", crc32fast::hash(text.as_bytes()), text.len());
        Ok(Self { bound, rules, fields, declaration, day })
    }

    /// The day, where it decides something.
    pub fn decisive_day(&self) -> Option<NaiveDate> {
        self.rules.iter().any(Rule::knows_days).then_some(self.day)
    }

    /// The names of the fields that are filled.
    pub fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    /// The layer itself and those that it is bound to.
    pub fn concerns(&self, layer: &str) -> bool {
        self.bound.definition().id == layer || self.fields.iter().any(|field| field.target == layer)
    }
}

/// `None` while a layer is being read for the first time; an error for one that is not in memory.
fn snapshot(layer: &Layer) -> Result<Option<Arc<Snapshot>>, String> {
    if let Some(snapshot) = layer.snapshot() {
        return Ok(Some(snapshot));
    }
    let definition = layer.definition();
    if definition.keep == Keep::Stored {
        return Err(format!("layer \"{}\" is not kept in memory (keep = \"stored\")", definition.id));
    }
    Ok(None)
}
