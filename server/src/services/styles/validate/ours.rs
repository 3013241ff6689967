//! What a style may use: our tiles, layers, fields, icons and fonts.

use std::collections::{BTreeMap, BTreeSet};

use bricola_layers::definition::LayerDefinition;
use bricola_layers::tile::LABEL_SUFFIX;
use serde_json::Value as Json;

use super::escaped;
use super::sources::{path_of, source_layers};
use crate::services::styles::expression::{Read, is_expression};
use crate::services::styles::fault::{Fault, Reason};
use crate::services::styles::glyphs::Glyphs;
use crate::services::styles::sprites::Sprites;

/// What is there to draw with.
pub struct Ours<'a> {
    /// The address under which this server is asked.
    base: &'a str,
    /// The fields of each layer of tiles.
    layers: BTreeMap<String, BTreeSet<String>>,
    icons: BTreeSet<String>,
}

impl<'a> Ours<'a> {
    /// The layers that everybody may see.
    pub fn new<'d>(present: impl IntoIterator<Item = &'d LayerDefinition>, base: &'a str) -> Self {
        let mut layers = BTreeMap::new();
        for definition in present {
            let fields = definition.tile_fields().map(|(_, field)| field.name.clone()).collect();
            layers.insert(definition.id.clone(), fields);
            if definition.has_label_points() {
                let fields = definition.label_point_fields().map(|(_, field)| field.name.clone()).collect();
                layers.insert(format!("{}{LABEL_SUFFIX}", definition.id), fields);
            }
        }
        Self { base, layers, icons: Sprites::names().into_iter().collect() }
    }

    /// What of a whole style is not ours: icons, fonts, other hosts.
    pub fn assets(&self, style: &Json) -> Vec<Fault> {
        let mut faults = Vec::new();
        let is_ours = |value: &Json, path: &str| value.as_str().and_then(|text| path_of(text, self.base)) == Some(path);
        let sprites = match &style["sprite"] {
            Json::Array(items) => {
                items.iter().enumerate().map(|(i, item)| (format!("/sprite/{i}/url"), &item["url"])).collect()
            }
            Json::Null => Vec::new(),
            value => vec![("/sprite".to_owned(), value)],
        };
        for (at, value) in sprites {
            if !is_ours(value, "/sprites/city") {
                let reason = Reason::new(
                    "le icone sono di questo server: /sprites/city",
                    "icons are those of this server: /sprites/city",
                );
                faults.push(Fault::new(&at, reason));
            }
        }
        if style.get("glyphs").is_some() && !is_ours(&style["glyphs"], "/fonts/{fontstack}/{range}.pbf") {
            let reason = Reason::new(
                "i caratteri sono di questo server: /fonts/{fontstack}/{range}.pbf",
                "glyphs are those of this server: /fonts/{fontstack}/{range}.pbf",
            );
            faults.push(Fault::new("/glyphs", reason));
        }
        for name in ["font-faces", "terrain"] {
            if style.get(name).is_some() {
                let reason = Reason::new(
                    "qui non si usa: viene da un altro server",
                    "it is not used here: it comes from another server",
                );
                faults.push(Fault::new(&format!("/{name}"), reason));
            }
        }
        faults
    }

    /// What of a source is not ours.
    pub(super) fn source(&self, source: &Json, at: &str) -> Vec<Fault> {
        match source_layers(source, self.base) {
            Err(reason) => vec![Fault::new(at, reason)],
            Ok(names) => {
                let unknown = names.iter().filter(|name| !self.layers.contains_key(*name));
                let fault = |name: &String| {
                    let shown = crate::error::clipped(name);
                    let reason =
                        Reason::new(format!("lo strato «{shown}» non c’è"), format!("there is no layer \"{shown}\""));
                    Fault::new(at, reason)
                };
                unknown.map(fault).collect()
            }
        }
    }

    /// What of a style layer is not ours; `fields` are those that it reads.
    pub(super) fn layer(&self, layer: &Json, at: &str, style: &Json, fields: &[Read]) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(name) = layer["source-layer"].as_str() {
            let source = layer["source"].as_str().and_then(|source| style["sources"].get(source));
            let held = source.and_then(|source| source_layers(source, self.base).ok());
            if held.is_some_and(|held| !held.iter().any(|other| other == name)) {
                let shown = crate::error::clipped(name);
                let reason = Reason::new(
                    format!("la fonte non ha lo strato «{shown}»"),
                    format!("the source has no layer \"{shown}\""),
                );
                faults.push(Fault::new(&format!("{at}/source-layer"), reason));
            } else if let Some(known) = self.layers.get(name) {
                let unknown = fields.iter().filter(|read| !known.contains(&read.field));
                faults.extend(unknown.map(|read| {
                    let shown = crate::error::clipped(&read.field);
                    let reason = Reason::new(
                        format!("i tile di «{name}» non hanno il campo «{shown}»"),
                        format!("the tiles of \"{name}\" have no field \"{shown}\""),
                    );
                    Fault::new(&read.pointer, reason)
                }));
            }
        }
        for (part, name) in [
            ("layout", "icon-image"),
            ("paint", "fill-pattern"),
            ("paint", "line-pattern"),
            ("paint", "background-pattern"),
        ] {
            let icon = layer[part].get(name).and_then(Json::as_str).filter(|icon| !icon.contains('{'));
            if let Some(icon) = icon.filter(|icon| !icon.is_empty() && !self.icons.contains(*icon)) {
                let shown = crate::error::clipped(icon);
                let reason = Reason::new(format!("l’icona «{shown}» non c’è"), format!("there is no icon \"{shown}\""));
                faults.push(Fault::new(&format!("{at}/{part}/{}", escaped(name)), reason));
            }
        }
        if let Some(fonts) =
            layer["layout"].get("text-font").filter(|fonts| !is_expression(fonts)).and_then(Json::as_array)
        {
            let known = Glyphs::names();
            let is_known = |font: &Json| {
                font.as_str().is_some_and(|font| known.iter().any(|name| name.eq_ignore_ascii_case(font)))
            };
            if !fonts.iter().any(is_known) {
                let known = known.join(", ");
                let reason = Reason::new(format!("serve uno tra: {known}"), format!("one of these is needed: {known}"));
                faults.push(Fault::new(&format!("{at}/layout/text-font"), reason));
            }
        }
        faults
    }
}
