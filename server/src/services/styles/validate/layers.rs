//! Layers of styles.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::property::Part;
use super::{Check, escaped};
use crate::services::styles::expression::Kind;
use crate::services::styles::fault::Reason;
use crate::services::styles::specification::{Group, SPECIFICATION};

impl Check<'_> {
    pub(super) fn layers(&mut self, layers: &[Json], style: &Json) {
        let mut ids = BTreeSet::new();
        for (index, layer) in layers.iter().enumerate() {
            let at = format!("/layers/{index}");
            if !layer.is_object() {
                self.wrong_type(&at, "object", layer);
                continue;
            }
            if let Some(id) = layer["id"].as_str()
                && !ids.insert(id)
            {
                let reason =
                    Reason::new(format!("un altro strato è già «{id}»"), format!("another layer is \"{id}\" already"));
                self.fault(&format!("{at}/id"), reason);
            }
            self.layer(layer, &at, style);
        }
    }

    fn layer(&mut self, layer: &Json, at: &str, style: &Json) {
        if layer.get("ref").is_some() {
            let reason = Reason::new(
                "\"ref\" è superato: si scrive lo strato per intero",
                "\"ref\" is deprecated: write the layer in full",
            );
            return self.fault(&format!("{at}/ref"), reason);
        }
        self.members(layer, at, &SPECIFICATION.layer, &["layout", "paint", "filter", "source"]);
        let kind = layer["type"].as_str().unwrap_or_default();
        if kind != "background" {
            self.source_of(layer, kind, at, style);
        }
        let before = self.parser.fields.len();
        if let Some(filter) = layer.get("filter") {
            self.filter(filter, &format!("{at}/filter"));
        }
        for (part, name, groups) in
            [(Part::Layout, "layout", &SPECIFICATION.layout), (Part::Paint, "paint", &SPECIFICATION.paint)]
        {
            if let (Some(value), Some(group)) = (layer.get(name), groups.get(kind)) {
                self.part(value, &format!("{at}/{name}"), group, part);
            }
        }
        let fields = self.parser.fields.split_off(before);
        if let Some(ours) = self.ours {
            self.parser.faults.extend(ours.layer(layer, at, style, &fields));
        }
    }

    fn part(&mut self, value: &Json, at: &str, group: &Group, part: Part) {
        let Some(members) = value.as_object() else { return self.wrong_type(at, "object", value) };
        for (name, value) in members {
            let here = format!("{at}/{}", escaped(name));
            let changing = name.strip_suffix("-transition").filter(|_| part == Part::Paint);
            if changing.and_then(|name| group.get(name)).is_some_and(|property| property.transition) {
                self.group(value, &here, &SPECIFICATION.transition);
            } else if let Some(property) = group.get(name) {
                self.property(value, &here, name, property, Some(part));
            } else {
                self.unknown(at, name);
            }
        }
    }

    /// Of which source a layer is.
    fn source_of(&mut self, layer: &Json, kind: &str, at: &str, style: &Json) {
        let Some(name) = layer.get("source") else {
            return self.fault(at, Reason::new("manca \"source\"", "\"source\" is missing"));
        };
        let Some(source) = name.as_str().and_then(|name| style["sources"].get(name)) else {
            let shown = name.to_string();
            let shown = crate::error::clipped(&shown);
            let reason = Reason::new(format!("la fonte {shown} non c’è"), format!("there is no source {shown}"));
            return self.fault(&format!("{at}/source"), reason);
        };
        if matches!(kind, "raster" | "hillshade" | "color-relief") {
            let reason = Reason::new(
                format!("uno strato {kind} vuole una fonte di immagini, che qui non c’è"),
                format!("a {kind} layer needs a source of images, of which there is none here"),
            );
            self.fault(&format!("{at}/type"), reason);
        } else if source["type"] == "vector" && layer.get("source-layer").is_none() {
            self.fault(at, Reason::new("manca \"source-layer\"", "\"source-layer\" is missing"));
        }
        if kind == "line" && layer["paint"].get("line-gradient").is_some() {
            let reason = Reason::new(
                "line-gradient vuole una fonte GeoJSON con lineMetrics",
                "line-gradient needs a GeoJSON source with lineMetrics",
            );
            self.fault(&format!("{at}/paint/line-gradient"), reason);
        }
    }

    fn filter(&mut self, filter: &Json, at: &str) {
        let tree = if super::must_be_modernised(filter) {
            match super::modern(filter) {
                Ok(modern) => {
                    let before = (self.parser.faults.len(), self.parser.fields.len());
                    let tree = self.parser.read(&modern, at, Some(&Kind::Boolean));
                    // What stands elsewhere in the form of now is told of the filter.
                    for fault in &mut self.parser.faults[before.0..] {
                        at.clone_into(&mut fault.pointer);
                    }
                    for read in &mut self.parser.fields[before.1..] {
                        at.clone_into(&mut read.pointer);
                    }
                    tree
                }
                Err(reason) => return self.fault(at, reason),
            }
        } else {
            self.parser.read(filter, at, Some(&Kind::Boolean))
        };
        if tree.is_some_and(|tree| tree.uses.state) {
            let reason = Reason::new("\"feature-state\" vale solo per paint", "\"feature-state\" holds for paint only");
            self.fault(at, reason);
        }
    }
}
