//! Whether a document is a `MapLibre` style (Style Specification, version 8), and one that our own layers can be drawn by.
//!
//! Every fault is listed with its place. Deprecated functions (`{"stops": …}`) and `ref` are refused, deprecated filters read.

mod filter;
mod layers;
mod ours;
mod property;
mod sources;
#[cfg(test)]
mod tests;

use bricola_layers::limits::{MAX_FAULTS, MAX_NESTING, MAX_STYLE_LAYERS};
use serde_json::Value as Json;

use super::expression::Parser;
use super::fault::{Fault, Reason};
use super::specification::{Group, SPECIFICATION};
pub use filter::{modern, must_be_modernised};
pub use ours::Ours;
pub use sources::{Address, source_layers};

/// The faults of a style, at most [`MAX_FAULTS`] of them; none where it is sound. With `ours` also what of it goes beyond what
/// is there: tiles, layers, fields, icons, fonts.
pub fn faults(style: &Json, ours: Option<&Ours<'_>>) -> Vec<Fault> {
    let mut check = Check { parser: Parser::default(), ours };
    if depth(style) > MAX_NESTING {
        check.fault(
            "",
            Reason::new(
                format!("più di {MAX_NESTING} livelli (MAX_NESTING)"),
                format!("more than {MAX_NESTING} levels (MAX_NESTING)"),
            ),
        );
    } else {
        check.style(style);
    }
    let mut faults = check.parser.faults;
    faults.truncate(MAX_FAULTS);
    faults
}

/// Levels of lists and objects in each other.
fn depth(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A name as a part of a pointer (RFC 6901, 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What JSON calls a value.
fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A check under way.
struct Check<'a> {
    parser: Parser,
    ours: Option<&'a Ours<'a>>,
}

impl Check<'_> {
    fn fault(&mut self, at: &str, reason: Reason) {
        self.parser.faults.push(Fault::new(at, reason));
    }

    fn wrong_type(&mut self, at: &str, wanted: &str, value: &Json) {
        let found = type_of(value);
        self.fault(
            at,
            Reason::new(format!("serve {wanted}, c’è {found}"), format!("{wanted} is needed, {found} is there")),
        );
    }

    fn style(&mut self, style: &Json) {
        let Some(members) = style.as_object() else { return self.wrong_type("", "object", style) };
        self.members(style, "", &SPECIFICATION.root, &["sources", "layers", "glyphs", "light", "sky", "projection"]);
        for (name, value) in members {
            let at = format!("/{}", escaped(name));
            match name.as_str() {
                "sources" => self.sources(value, &at),
                "glyphs" => self.glyphs(value, &at),
                "light" => self.group(value, &at, &SPECIFICATION.light),
                "sky" => self.group(value, &at, &SPECIFICATION.sky),
                "projection" => self.projection(value, &at),
                _ => {}
            }
        }
        if let Some(ours) = self.ours {
            self.parser.faults.extend(ours.assets(style));
        }
        match style.get("layers") {
            Some(Json::Array(layers)) if layers.len() > MAX_STYLE_LAYERS => self.fault(
                "/layers",
                Reason::new(
                    format!("più di {MAX_STYLE_LAYERS} strati (MAX_STYLE_LAYERS)"),
                    format!("more than {MAX_STYLE_LAYERS} layers (MAX_STYLE_LAYERS)"),
                ),
            ),
            Some(Json::Array(layers)) => self.layers(layers, style),
            Some(other) => self.wrong_type("/layers", "array", other),
            None => {}
        }
    }

    /// Members that are checked by their own row of the table, and those that have to be there.
    fn members(&mut self, value: &Json, at: &str, group: &Group, elsewhere: &[&str]) {
        let Some(members) = value.as_object() else { return self.wrong_type(at, "object", value) };
        for (name, value) in members {
            let property = group.get(name).filter(|_| !elsewhere.contains(&name.as_str()));
            if let Some(property) = property {
                self.property(value, &format!("{at}/{}", escaped(name)), name, property, None);
            }
        }
        for (name, property) in group {
            if property.required && !members.contains_key(name) {
                self.fault(at, Reason::new(format!("manca \"{name}\""), format!("\"{name}\" is missing")));
            }
        }
    }

    /// As [`Self::members`], where nothing else may stand.
    fn group(&mut self, value: &Json, at: &str, group: &Group) {
        self.members(value, at, group, &[]);
        let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
        for name in names.filter(|name| !group.contains_key(*name) && !name.ends_with("-transition")) {
            self.unknown(at, name);
        }
    }

    fn unknown(&mut self, at: &str, name: &str) {
        let shown = crate::error::clipped(name);
        self.fault(
            &format!("{at}/{}", escaped(name)),
            Reason::new(format!("la proprietà «{shown}» non esiste"), format!("there is no property \"{shown}\"")),
        );
    }

    fn glyphs(&mut self, value: &Json, at: &str) {
        let Some(url) = value.as_str() else { return self.wrong_type(at, "string", value) };
        for token in ["{fontstack}", "{range}"] {
            if !url.contains(token) {
                self.fault(at, Reason::new(format!("manca {token}"), format!("{token} is missing")));
            }
        }
    }

    fn projection(&mut self, value: &Json, at: &str) {
        let Some(members) = value.as_object() else { return self.wrong_type(at, "object", value) };
        for (name, value) in members {
            let here = format!("{at}/{}", escaped(name));
            if name != "type" {
                self.unknown(at, name);
                continue;
            }
            let is_mixed = value
                .as_array()
                .is_some_and(|mix| mix.len() == 3 && mix[0].is_string() && mix[1].is_string() && mix[2].is_number());
            if super::expression::is_expression(value) {
                self.parser.read(value, &here, Some(&super::expression::Kind::Projection));
            } else if !value.is_string() && !is_mixed {
                self.wrong_type(&here, "projection", value);
            }
        }
    }
}
