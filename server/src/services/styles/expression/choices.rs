//! `match`, and geometries in expressions.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::forms::{counted, known};
use super::kind::Kind;
use super::parse::Parser;
use super::tree::{Expression, Label, Node, Tree};
use crate::services::styles::fault::Reason;

/// Whole numbers up to here are exact.
const LARGEST: f64 = 9_007_199_254_740_991.0;

pub(super) fn choose(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() >= 5, ("4 o più", "4 or more"))?;
    counted(parser, items, at, items.len() % 2 == 1, ("un numero pari", "an even number"))?;
    let mut kind = known(expected);
    let mut of_labels = None;
    let (mut branches, mut outputs) = (HashMap::new(), Vec::new());
    let last = items.len() - 1;
    for index in (2..last).step_by(2) {
        let here = format!("{at}/{index}");
        let labels = items[index].as_array().map_or(std::slice::from_ref(&items[index]), Vec::as_slice);
        if labels.is_empty() {
            return parser.fault(&here, Reason::new("qui serve almeno un valore", "one value at least is needed here"));
        }
        for label in labels {
            let read = read(parser, label, &here, &mut of_labels)?;
            // Also a number and its text count as one.
            let twin = match &read {
                Label::Number(number) => Label::Text(number.to_string()),
                Label::Text(text) => text.parse().map_or_else(|_| read.clone(), Label::Number),
            };
            if branches.contains_key(&twin) || branches.insert(read, outputs.len()).is_some() {
                let reason =
                    Reason::new("lo stesso valore sta già in un ramo", "the same value stands in a branch already");
                return parser.fault(&here, reason);
            }
        }
        let output = parser.child(&items[index + 1], &format!("{at}/{}", index + 1), kind.as_ref())?;
        kind.get_or_insert_with(|| output.kind.clone());
        outputs.push(output);
    }
    let input = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::Value))?;
    let otherwise = parser.child(&items[last], &format!("{at}/{last}"), kind.as_ref())?;
    let of_labels = of_labels?;
    if input.kind != Kind::Value && !of_labels.holds(&input.kind) {
        let given = &input.kind;
        let reason = Reason::new(
            format!("i rami hanno valori di tipo {of_labels}, qui c’è {given}"),
            format!("the branches have values of the type {of_labels}, here is {given}"),
        );
        return parser.fault(&format!("{at}/1"), reason);
    }
    Some(Expression::new(kind?, Node::Match { input, branches, outputs, otherwise }))
}

fn read(parser: &mut Parser, label: &Json, at: &str, of_labels: &mut Option<Kind>) -> Option<Label> {
    let (kind, label) = match label {
        Json::String(text) => (Kind::String, Label::Text(text.clone())),
        Json::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= LARGEST);
            let Some(whole) = whole else {
                return parser.fault(at, Reason::new("qui serve un numero intero", "a whole number is needed here"));
            };
            (Kind::Number, Label::Number(whole as i64))
        }
        _ => {
            let reason = Reason::new(
                "un ramo si scrive con testi o numeri interi",
                "a branch is written with texts or whole numbers",
            );
            return parser.fault(at, reason);
        }
    };
    let first = of_labels.get_or_insert_with(|| kind.clone());
    if *first == kind {
        return Some(label);
    }
    let reason = Reason::new(
        format!("i valori prima di questo sono {first}"),
        format!("the values before this one are {first}"),
    );
    parser.fault(at, reason)
}

/// Whether `GeoJSON` holds a geometry of one of these types.
pub(super) fn has_geometry(json: &Json, types: &[&str]) -> bool {
    let is_one = |geometry: &Json| {
        geometry["type"].as_str().is_some_and(|kind| types.contains(&kind)) && geometry["coordinates"].is_array()
    };
    match json["type"].as_str() {
        Some("Feature") => is_one(&json["geometry"]),
        Some("FeatureCollection") => {
            json["features"].as_array().is_some_and(|all| all.iter().any(|feature| is_one(&feature["geometry"])))
        }
        _ => is_one(json),
    }
}
