//! Operators that make texts and icons: `format`, `image`, `number-format`, and `collator`.

use serde_json::Value as Json;

use super::forms::counted;
use super::kind::Kind;
use super::parse::Parser;
use super::tree::{Expression, Node, Tree};
use crate::services::styles::fault::Reason;

/// The options of an operator, each with its kind.
fn options(
    parser: &mut Parser,
    given: &Json,
    known: &[(&'static str, Kind)],
    at: &str,
) -> Option<Vec<(&'static str, Tree)>> {
    let Some(given) = given.as_object() else {
        return parser.fault(at, Reason::new("qui serve un oggetto di opzioni", "an object of options is needed here"));
    };
    let mut read = Vec::new();
    for (name, kind) in known {
        if let Some(value) = given.get(*name).filter(|value| !value.is_null()) {
            read.push((*name, parser.child(value, &format!("{at}/{name}"), Some(kind))?));
        }
    }
    Some(read)
}

pub(super) fn collator(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    let known = [("case-sensitive", Kind::Boolean), ("diacritic-sensitive", Kind::Boolean), ("locale", Kind::String)];
    options(parser, &items[1], &known, &format!("{at}/1"))?;
    Some(Expression::new(Kind::Collator, Node::Unknown))
}

pub(super) fn format(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() > 1, ("1 o più", "1 or more"))?;
    let known = [
        ("font-scale", Kind::Number),
        ("text-font", Kind::Array(Box::new(Kind::String), None)),
        ("text-color", Kind::Color),
        ("vertical-align", Kind::String),
    ];
    let (mut contents, mut given) = (Vec::new(), Vec::new());
    let mut may_be_options = false;
    for (index, item) in items.iter().enumerate().skip(1) {
        let here = format!("{at}/{index}");
        if item.is_object() && may_be_options {
            may_be_options = false;
            let read = options(parser, item, &known, &here)?;
            given.extend(read.into_iter().map(|(_, option)| option));
            continue;
        }
        let content = parser.child(item, &here, Some(&Kind::Value))?;
        if !matches!(content.kind, Kind::String | Kind::Value | Kind::Null | Kind::Image) {
            let reason = Reason::new("una parte è un testo o un’icona", "a part is a text or an icon");
            return parser.fault(&here, reason);
        }
        may_be_options = true;
        contents.push(content);
    }
    Some(Expression::new(Kind::Formatted, Node::Format(contents, given)))
}

pub(super) fn image(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 2, ("1", "1"))?;
    let name = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::String))?;
    Some(Expression::new(Kind::Image, Node::Image(name)))
}

pub(super) fn number_format(parser: &mut Parser, _: &str, items: &[Json], at: &str, _: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() == 3, ("2", "2"))?;
    let number = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::Number))?;
    let known = [
        ("locale", Kind::String),
        ("currency", Kind::String),
        ("unit", Kind::String),
        ("min-fraction-digits", Kind::Number),
        ("max-fraction-digits", Kind::Number),
    ];
    let here = format!("{at}/2");
    let given = options(parser, &items[2], &known, &here)?;
    let has = |name: &str| given.iter().any(|(known, _)| *known == name);
    if has("currency") && has("unit") {
        let reason = Reason::new("currency e unit si escludono", "currency and unit exclude each other");
        return parser.fault(&here, reason);
    }
    Some(Expression::new(Kind::String, Node::NumberFormat(number, given)))
}
