//! Operators with a form of their own.

use serde_json::Value as Json;

use super::kind::Kind;
use super::parse::{Annotate, Parser};
use super::tree::{Expression, Node, Tree};
use super::value::Value;
use crate::services::styles::fault::Reason;

/// How an operator is read: its name, the whole list, where it stands, what is expected.
pub(super) type Form = fn(&mut Parser, &str, &[Json], &str, Option<&Kind>) -> Option<Tree>;

/// Whether an operator has a form of its own.
pub(super) fn is_form(name: &str) -> bool {
    find(name).is_some()
}

/// The form of an operator.
pub(super) fn find(name: &str) -> Option<Form> {
    Some(match name {
        "==" | "!=" | "<" | "<=" | ">" | ">=" => compare,
        "array" => list,
        "string" | "number" | "boolean" | "object" => assert,
        "to-string" | "to-number" | "to-boolean" | "to-color" => coerce,
        "at" => at_index,
        "case" => case,
        "coalesce" => coalesce,
        "collator" => super::texts::collator,
        "format" => super::texts::format,
        "image" => super::texts::image,
        "in" => within_list,
        "index-of" => index_of,
        "interpolate" | "interpolate-hcl" | "interpolate-lab" => super::curves::interpolate,
        "length" => length,
        "let" => bind,
        "var" => variable,
        "literal" => literal,
        "semiliteral" => semiliteral,
        "match" => super::choices::choose,
        "number-format" => super::texts::number_format,
        "slice" => slice,
        "step" => super::curves::step,
        "within" => within,
        "distance" => distance,
        "global-state" => global_state,
        _ => return None,
    })
}

/// Refuses another number of arguments, counted without the name; `wanted` says which, in Italian and in English.
pub(super) fn counted(
    parser: &mut Parser,
    items: &[Json],
    at: &str,
    is_right: bool,
    wanted: (&str, &str),
) -> Option<()> {
    if is_right {
        return Some(());
    }
    let (name, count) = (items[0].as_str().unwrap_or_default(), items.len() - 1);
    parser.fault(
        at,
        Reason::new(
            format!("argomenti di \"{name}\": {}, qui {count}", wanted.0),
            format!("arguments of \"{name}\": {}, here {count}", wanted.1),
        ),
    )
}

/// What is expected, where that says something.
pub(super) fn known(expected: Option<&Kind>) -> Option<Kind> {
    expected.filter(|kind| **kind != Kind::Value).cloned()
}

fn compare(parser: &mut Parser, name: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, matches!(items.len(), 3 | 4), ("2 o 3", "2 or 3"))?;
    let is_order = !matches!(name, "==" | "!=");
    let mut sides = Vec::with_capacity(2);
    for index in [1, 2] {
        let side_at = format!("{at}/{index}");
        let side = parser.child(&items[index], &side_at, Some(&Kind::Value))?;
        let is_comparable = match side.kind {
            Kind::String | Kind::Number | Kind::Value => true,
            Kind::Boolean | Kind::Null => !is_order,
            _ => false,
        };
        if !is_comparable {
            let kind = &side.kind;
            return parser.fault(
                &side_at,
                Reason::new(
                    format!("\"{name}\" non confronta valori di tipo {kind}"),
                    format!("\"{name}\" does not compare values of the type {kind}"),
                ),
            );
        }
        sides.push(side);
    }
    let (right, left) = (sides.pop()?, sides.pop()?);
    let (a, b) = (&left.kind, &right.kind);
    if a != b && *a != Kind::Value && *b != Kind::Value {
        let reason = Reason::new(format!("{a} e {b} non si confrontano"), format!("{a} and {b} cannot be compared"));
        return parser.fault(at, reason);
    }
    let asserted = |side: &Tree, other: &Tree| {
        let is_needed = is_order && side.kind == Kind::Value && other.kind != Kind::Value;
        if is_needed { Expression::new(other.kind.clone(), Node::Assert(vec![side.clone()])) } else { side.clone() }
    };
    let collator = match items.get(3) {
        None => None,
        Some(item) => {
            let is_text = |kind: &Kind| matches!(kind, Kind::String | Kind::Value);
            if !is_text(a) && !is_text(b) {
                let reason =
                    Reason::new("solo i testi si confrontano con un collator", "only texts are compared by a collator");
                return parser.fault(at, reason);
            }
            Some(parser.child(item, &format!("{at}/3"), Some(&Kind::Collator))?)
        }
    };
    let both = [asserted(&left, &right), asserted(&right, &left)];
    let name = ["==", "!=", "<", "<=", ">", ">="].into_iter().find(|known| *known == name)?;
    Some(Expression::new(Kind::Boolean, Node::Compare(name, both, collator)))
}

fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "string" | "to-string" => Kind::String,
        "number" | "to-number" => Kind::Number,
        "boolean" | "to-boolean" => Kind::Boolean,
        "object" => Kind::Object,
        "to-color" => Kind::Color,
        _ => return None,
    })
}

fn values(parser: &mut Parser, items: &[Json], first: usize, at: &str) -> Option<Vec<Tree>> {
    let rest = items.iter().enumerate().skip(first);
    rest.map(|(index, item)| parser.child(item, &format!("{at}/{index}"), Some(&Kind::Value))).collect()
}

fn assert(parser: &mut Parser, name: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() > 1, ("1 o più", "1 or more"))?;
    let arguments = values(parser, items, 1, at)?;
    Some(Expression::new(kind_of(name)?, Node::Assert(arguments)))
}

fn coerce(parser: &mut Parser, name: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    if matches!(name, "to-string" | "to-boolean") {
        counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    }
    counted(parser, items, at, items.len() > 1, ("1 o più", "1 or more"))?;
    let arguments = values(parser, items, 1, at)?;
    Some(Expression::new(kind_of(name)?, Node::Coerce(arguments)))
}

fn list(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() > 1, ("1 o più", "1 or more"))?;
    let mut first = 1;
    let mut item_kind = Kind::Value;
    let mut length = None;
    if items.len() > 2 {
        first = 2;
        let kind = items[1].as_str().and_then(kind_of).filter(|kind| *kind != Kind::Object);
        let Some(kind) = kind else {
            return parser.fault(
                &format!("{at}/1"),
                Reason::new("qui serve string, number o boolean", "string, number or boolean is needed here"),
            );
        };
        item_kind = kind;
    }
    if items.len() > 3 {
        first = 3;
        if !items[2].is_null() {
            let Some(count) = items[2].as_f64().filter(|count| *count >= 0.0 && count.fract() == 0.0) else {
                return parser.fault(
                    &format!("{at}/2"),
                    Reason::new("la lunghezza è un numero intero", "the length is a whole number"),
                );
            };
            length = Some(count as usize);
        }
    }
    let arguments = values(parser, items, first, at)?;
    Some(Expression::new(Kind::Array(Box::new(item_kind), length), Node::Assert(arguments)))
}

fn at_index(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 3, ("2", "2"))?;
    let index = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::Number))?;
    let wanted = Kind::Array(Box::new(expected.cloned().unwrap_or(Kind::Value)), None);
    let input = parser.child(&items[2], &format!("{at}/2"), Some(&wanted))?;
    let item = if let Kind::Array(item, _) = &input.kind { (**item).clone() } else { Kind::Value };
    Some(Expression::new(item, Node::At([index, input])))
}

fn case(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() >= 4, ("3 o più", "3 or more"))?;
    counted(parser, items, at, items.len().is_multiple_of(2), ("un numero dispari", "an odd number"))?;
    let mut kind = known(expected);
    let mut branches = Vec::new();
    for index in (1..items.len() - 1).step_by(2) {
        let test = parser.child(&items[index], &format!("{at}/{index}"), Some(&Kind::Boolean))?;
        let output = parser.child(&items[index + 1], &format!("{at}/{}", index + 1), kind.as_ref())?;
        kind.get_or_insert_with(|| output.kind.clone());
        branches.push([test, output]);
    }
    let last = items.len() - 1;
    let otherwise = parser.child(&items[last], &format!("{at}/{last}"), kind.as_ref())?;
    Some(Expression::new(kind?, Node::Case(branches, otherwise)))
}

fn coalesce(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() > 1, ("1 o più", "1 or more"))?;
    let mut kind = known(expected);
    let mut all = Vec::with_capacity(items.len() - 1);
    for (index, item) in items.iter().enumerate().skip(1) {
        // An empty value must reach the next argument, so none is checked by itself.
        let one = parser.parse(item, &format!("{at}/{index}"), kind.as_ref(), Annotate::Not)?;
        kind.get_or_insert_with(|| one.kind.clone());
        all.push(one);
    }
    let is_open = expected.is_some_and(|expected| all.iter().any(|one| !expected.holds(&one.kind)));
    Some(Expression::new(if is_open { Kind::Value } else { kind? }, Node::Coalesce(all)))
}

/// What is looked for, and where.
fn sought(parser: &mut Parser, items: &[Json], at: &str) -> Option<[Tree; 2]> {
    let needle = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::Value))?;
    let place = parser.child(&items[2], &format!("{at}/2"), Some(&Kind::Value))?;
    if matches!(needle.kind, Kind::Boolean | Kind::String | Kind::Number | Kind::Null | Kind::Value) {
        return Some([needle, place]);
    }
    let kind = &needle.kind;
    parser.fault(
        &format!("{at}/1"),
        Reason::new(
            format!("non si cerca un valore di tipo {kind}"),
            format!("a value of the type {kind} cannot be looked for"),
        ),
    )
}

fn within_list(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 3, ("2", "2"))?;
    let both = sought(parser, items, at)?;
    Some(Expression::new(Kind::Boolean, Node::In(both)))
}

fn index_of(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, matches!(items.len(), 3 | 4), ("2 o 3", "2 or 3"))?;
    let mut all = sought(parser, items, at)?.to_vec();
    if let Some(from) = items.get(3) {
        all.push(parser.child(from, &format!("{at}/3"), Some(&Kind::Number))?);
    }
    Some(Expression::new(Kind::Number, Node::IndexOf(all)))
}

fn slice(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, matches!(items.len(), 3 | 4), ("2 o 3", "2 or 3"))?;
    let input = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::Value))?;
    let kind = input.kind.clone();
    if !matches!(kind, Kind::Array(..) | Kind::String | Kind::Value) {
        let reason = Reason::new(
            format!("qui serve un testo o un elenco, non {kind}"),
            format!("a text or a list is needed here, not {kind}"),
        );
        return parser.fault(&format!("{at}/1"), reason);
    }
    let mut all = vec![input];
    for (index, item) in items.iter().enumerate().skip(2) {
        all.push(parser.child(item, &format!("{at}/{index}"), Some(&Kind::Number))?);
    }
    // How long what is left is, only its evaluation tells.
    let kind = if let Kind::Array(item, _) = kind { Kind::Array(item, None) } else { kind };
    Some(Expression::new(kind, Node::Slice(all)))
}

fn length(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    let input = parser.child(&items[1], &format!("{at}/1"), None)?;
    if matches!(input.kind, Kind::Array(..) | Kind::String | Kind::Value) {
        return Some(Expression::new(Kind::Number, Node::Length(input)));
    }
    let kind = &input.kind;
    let reason = Reason::new(
        format!("qui serve un testo o un elenco, non {kind}"),
        format!("a text or a list is needed here, not {kind}"),
    );
    parser.fault(&format!("{at}/1"), reason)
}

fn bind(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(
        parser,
        items,
        at,
        items.len() >= 4 && items.len().is_multiple_of(2),
        ("un numero dispari, 3 o più", "an odd number, 3 or more"),
    )?;
    let before = parser.scope.len();
    let mut bound = Vec::new();
    for index in (1..items.len() - 1).step_by(2) {
        let is_name = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(name) = items[index].as_str().filter(is_name) else {
            let reason = Reason::new(
                "il nome di una variabile ha solo lettere, cifre e _",
                "the name of a variable has letters, digits and _ only",
            );
            return parser.fault(&format!("{at}/{index}"), reason);
        };
        let value = parser.child(&items[index + 1], &format!("{at}/{}", index + 1), None)?;
        bound.push((name.to_owned(), value));
    }
    parser.scope.extend(bound.iter().cloned());
    let last = items.len() - 1;
    let result = parser.parse(&items[last], &format!("{at}/{last}"), expected, Annotate::Usual);
    parser.scope.truncate(before);
    let result = result?;
    Some(Expression::new(result.kind.clone(), Node::Let(bound.into_iter().map(|(_, value)| value).collect(), result)))
}

fn variable(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    let name = items.get(1).and_then(Json::as_str).filter(|_| items.len() == 2);
    let found = name.and_then(|name| parser.scope.iter().rev().find(|(known, _)| known == name));
    let Some((_, bound)) = found else {
        let reason =
            Reason::new("nessun \"let\" dà un valore a questa variabile", "no \"let\" gives this variable a value");
        return parser.fault(&format!("{at}/1"), reason);
    };
    let bound = bound.clone();
    Some(Expression::new(bound.kind.clone(), Node::Var(bound)))
}

fn literal(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    let value = Value::of(&items[1]);
    let mut kind = value.kind();
    // What an empty list holds is what is expected of it.
    if let (Kind::Array(_, Some(0)), Some(Kind::Array(item, length @ (None | Some(0))))) = (&kind, expected) {
        kind = Kind::Array(item.clone(), *length);
    }
    Some(Expression::new(kind, Node::Literal(value)))
}

fn semiliteral(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    let Some(list) = items[1].as_array() else { return Some(Expression::literal(Value::of(&items[1]))) };
    let all: Option<Vec<Tree>> = list
        .iter()
        .enumerate()
        .map(|(index, item)| parser.child(item, &format!("{at}/1/{index}"), Some(&Kind::Value)))
        .collect();
    let all = all?;
    Some(Expression::new(Kind::Array(Box::new(Kind::Value), Some(all.len())), Node::Semiliteral(all)))
}

fn within(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    if super::choices::has_geometry(&items[1], &["Polygon", "MultiPolygon"]) {
        return Some(Expression::new(Kind::Boolean, Node::Unknown));
    }
    let reason = Reason::new("qui serve una superficie in GeoJSON", "a surface in GeoJSON is needed here");
    parser.fault(&format!("{at}/1"), reason)
}

fn distance(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    let all = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"];
    if super::choices::has_geometry(&items[1], &all) {
        return Some(Expression::new(Kind::Number, Node::Unknown));
    }
    let reason = Reason::new("qui serve una geometria in GeoJSON", "a geometry in GeoJSON is needed here");
    parser.fault(&format!("{at}/1"), reason)
}

fn global_state(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    if items[1].is_string() {
        return Some(Expression::new(Kind::Value, Node::Unknown));
    }
    parser.fault(&format!("{at}/1"), Reason::new("qui serve un nome", "a name is needed here"))
}
