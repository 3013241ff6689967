//! Values of properties.

use serde_json::Value as Json;

use super::{Check, escaped};
use crate::services::styles::expression::{Kind, Value, ZoomCurve, color, is_expression};
use crate::services::styles::fault::Reason;
use crate::services::styles::specification::{Property, SPECIFICATION};
use crate::services::styles::validate::type_of;

/// Of which part of a style layer a property is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Layout,
    Paint,
}

impl Check<'_> {
    /// The value of a property; `part` where it is one of a style layer.
    pub(super) fn property(&mut self, value: &Json, at: &str, name: &str, property: &Property, part: Option<Part>) {
        if property.expression && value.is_object() {
            return self.fault(
                at,
                Reason::new(
                    "le funzioni con \"stops\" sono superate: si scrive un’espressione",
                    "functions with \"stops\" are deprecated: write an expression",
                ),
            );
        }
        if property.expression && is_expression(value) {
            return self.expression(value, at, name, property, part);
        }
        if let Some(text) = value.as_str().filter(|_| property.tokens) {
            self.tokens(text, at);
        }
        self.plain(value, at, property);
    }

    fn expression(&mut self, value: &Json, at: &str, name: &str, property: &Property, part: Option<Part>) {
        let expected = property.expected();
        let Some(tree) = self.parser.read(value, at, expected.as_ref()) else { return };
        let problem = if name == "text-font" && !tree.gives_literals() {
            Some(Reason::new(
                "i tipi di carattere devono stare nell’espressione come sono",
                "fonts have to stand in the expression as they are",
            ))
        } else if tree.uses.state && part == Some(Part::Layout) {
            Some(Reason::new("\"feature-state\" vale solo per paint", "\"feature-state\" holds for paint only"))
        } else if tree.uses.feature && !property.is_of_features() {
            Some(Reason::new("non può dipendere dall’oggetto", "it cannot depend on the feature"))
        } else if tree.uses.zoom && !property.is_of_zoom() {
            Some(Reason::new("non può dipendere dallo zoom", "it cannot depend on the zoom"))
        } else {
            match tree.zoom_curve() {
                ZoomCurve::None if tree.uses.zoom => Some(Reason::new(
                    "lo zoom può stare solo in \"step\" o \"interpolate\" più esterno",
                    "the zoom may only be the input of an outermost \"step\" or \"interpolate\"",
                )),
                ZoomCurve::Inner => Some(Reason::new(
                    "lo zoom può stare solo in \"step\" o \"interpolate\" più esterno",
                    "the zoom may only be the input of an outermost \"step\" or \"interpolate\"",
                )),
                ZoomCurve::Several => Some(Reason::new(
                    "lo zoom può stare in un solo \"step\" o \"interpolate\"",
                    "the zoom may be the input of one \"step\" or \"interpolate\" only",
                )),
                ZoomCurve::Interpolate if !property.interpolated => {
                    Some(Reason::new("questa proprietà non si interpola", "nothing is interpolated for this property"))
                }
                _ => None,
            }
        };
        if let Some(problem) = problem {
            self.fault(at, problem);
        }
    }

    /// Fields in a text, as `{name}`.
    fn tokens(&mut self, text: &str, at: &str) {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let Some((field, after)) = after.split_once('}') else { return };
            self.parser
                .fields
                .push(crate::services::styles::expression::Read { pointer: at.to_owned(), field: field.to_owned() });
            rest = after;
        }
    }

    fn plain(&mut self, value: &Json, at: &str, property: &Property) {
        match property.kind.as_str() {
            "number" => self.number(value, at, property),
            "boolean" if !value.is_boolean() => self.wrong_type(at, "boolean", value),
            "string" | "formatted" | "resolvedImage" if !value.is_string() => self.text(value, at, property),
            "enum" if !property.values.contains(value) => self.word(value, at, &property.values),
            "color" => self.color(value, at),
            "array" => self.list(value, at, property),
            "padding" => self.few_numbers(value, at, 4),
            "numberArray" => self.few_numbers(value, at, usize::MAX),
            "colorArray" => match value.as_array() {
                Some(items) if items.is_empty() => self.length(at, "1"),
                Some(items) => {
                    items.iter().enumerate().for_each(|(index, item)| self.color(item, &format!("{at}/{index}")));
                }
                None => self.color(value, at),
            },
            "variableAnchorOffsetCollection" => self.anchors(value, at),
            "transition" => self.group(value, at, &SPECIFICATION.transition),
            "sprite" => self.sprite(value, at),
            "state" if !value.is_object() => self.wrong_type(at, "object", value),
            _ => {}
        }
    }

    /// What is neither a text nor an expression of one.
    fn text(&mut self, value: &Json, at: &str, property: &Property) {
        if property.kind == "string" || !value.is_array() {
            return self.wrong_type(at, "string", value);
        }
        self.parser.read(value, at, property.expected().as_ref());
    }

    fn number(&mut self, value: &Json, at: &str, property: &Property) {
        let Some(number) = value.as_f64() else { return self.wrong_type(at, "number", value) };
        if let Some(least) = property.minimum.filter(|least| number < *least) {
            self.fault(
                at,
                Reason::new(format!("{number} è meno di {least}"), format!("{number} is less than {least}")),
            );
        }
        if let Some(most) = property.maximum.filter(|most| number > *most) {
            self.fault(at, Reason::new(format!("{number} è più di {most}"), format!("{number} is more than {most}")));
        }
    }

    fn word(&mut self, value: &Json, at: &str, words: &[Json]) {
        let allowed: Vec<String> =
            words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect();
        let allowed = allowed.join(", ");
        let shown = value.to_string();
        let shown = crate::error::clipped(&shown);
        self.fault(at, Reason::new(format!("{shown} non è tra: {allowed}"), format!("{shown} is none of: {allowed}")));
    }

    fn color(&mut self, value: &Json, at: &str) {
        let Some(text) = value.as_str() else { return self.wrong_type(at, "color", value) };
        if color(text).is_none() {
            let shown = crate::error::clipped(text);
            self.fault(at, Reason::new(format!("«{shown}» non è un colore"), format!("\"{shown}\" is no colour")));
        }
    }

    fn length(&mut self, at: &str, wanted: &str) {
        self.fault(at, Reason::new(format!("servono {wanted} valori"), format!("{wanted} values are needed")));
    }

    fn list(&mut self, value: &Json, at: &str, property: &Property) {
        let Some(items) = value.as_array() else { return self.wrong_type(at, "array", value) };
        if let Some(length) = property.length.filter(|length| *length != items.len()) {
            return self.length(at, &length.to_string());
        }
        let kind = property.value.as_ref().and_then(Json::as_str).unwrap_or("*").to_owned();
        let item = Property { kind, values: property.values.clone(), ..Property::default() };
        for (index, value) in items.iter().enumerate() {
            self.plain(value, &format!("{at}/{index}"), &item);
        }
    }

    fn few_numbers(&mut self, value: &Json, at: &str, most: usize) {
        let number = Property::default();
        match value.as_array() {
            Some(items) if items.is_empty() || items.len() > most => self.length(at, "1–4"),
            Some(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.number(item, &format!("{at}/{index}"), &number));
            }
            None => self.number(value, at, &number),
        }
    }

    fn anchors(&mut self, value: &Json, at: &str) {
        let Some(items) = value.as_array().filter(|items| !items.is_empty() && items.len() % 2 == 0) else {
            return self.fault(
                at,
                Reason::new(
                    "serve un elenco di ancore, ciascuna con [x, y]",
                    "a list of anchors, each with [x, y], is needed",
                ),
            );
        };
        let anchors = &SPECIFICATION.layout["symbol"]["text-anchor"].values;
        for (index, pair) in items.chunks(2).enumerate() {
            if !anchors.contains(&pair[0]) {
                self.word(&pair[0], &format!("{at}/{}", 2 * index), anchors);
            }
            let is_offset = matches!(Value::of(&pair[1]).kind(), Kind::Array(item, Some(2)) if *item == Kind::Number);
            if !is_offset {
                let here = format!("{at}/{}", 2 * index + 1);
                self.wrong_type(&here, "[x, y]", &pair[1]);
            }
        }
    }

    fn sprite(&mut self, value: &Json, at: &str) {
        let Some(items) = value.as_array() else {
            if !value.is_string() {
                self.wrong_type(at, "string", value);
            }
            return;
        };
        let (mut ids, mut urls) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            let here = format!("{at}/{index}");
            for (name, seen) in [("id", &mut ids), ("url", &mut urls)] {
                match item.get(name) {
                    Some(Json::String(text)) if seen.contains(&text.as_str()) => self.fault(
                        &format!("{here}/{name}"),
                        Reason::new("c’è già in un altro", "another one has it already"),
                    ),
                    Some(Json::String(text)) => seen.push(text),
                    Some(other) => {
                        let found = type_of(other);
                        self.fault(
                            &format!("{here}/{}", escaped(name)),
                            Reason::new(
                                format!("serve string, c’è {found}"),
                                format!("string is needed, {found} is there"),
                            ),
                        );
                    }
                    None => {
                        self.fault(&here, Reason::new(format!("manca \"{name}\""), format!("\"{name}\" is missing")));
                    }
                }
            }
        }
    }
}
