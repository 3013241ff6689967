//! Operators whose arguments have fixed kinds: names, signatures.

use super::kind::Kind;

/// What an operator takes.
#[derive(Debug, Clone)]
pub(super) enum Takes {
    /// Just these.
    These(Vec<Kind>),
    /// Any number of one kind.
    Any(Kind),
}

/// What an operator gives, and what it takes, in one or several ways.
pub(super) fn signature(name: &str) -> Option<(Kind, Vec<Takes>)> {
    use Kind::{Boolean, Color, Error, Number, Object, String, Value};
    use Takes::{Any, These};
    let numbers = |count: usize| These(vec![Number; count]);
    Some(match name {
        "error" => (Error, vec![These(vec![String])]),
        "typeof" => (String, vec![These(vec![Value])]),
        "to-rgba" => (Kind::Array(Box::new(Number), Some(4)), vec![These(vec![Color])]),
        "rgb" => (Color, vec![numbers(3)]),
        "rgba" => (Color, vec![numbers(4)]),
        "has" => (Boolean, vec![These(vec![String]), These(vec![String, Object])]),
        "get" => (Value, vec![These(vec![String]), These(vec![String, Object])]),
        "feature-state" => (Value, vec![These(vec![String])]),
        "properties" => (Object, vec![numbers(0)]),
        "geometry-type" => (String, vec![numbers(0)]),
        "id" | "accumulated" => (Value, vec![numbers(0)]),
        "zoom" | "heatmap-density" | "elevation" | "line-progress" | "ln2" | "pi" | "e" => (Number, vec![numbers(0)]),
        "+" | "*" | "min" | "max" => (Number, vec![Any(Number)]),
        "-" => (Number, vec![numbers(2), numbers(1)]),
        "/" | "%" | "^" => (Number, vec![numbers(2)]),
        "sqrt" | "log10" | "ln" | "log2" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "abs" | "round"
        | "floor" | "ceil" => (Number, vec![numbers(1)]),
        "all" | "any" => (Boolean, vec![These(vec![Boolean, Boolean]), Any(Boolean)]),
        "!" => (Boolean, vec![These(vec![Boolean])]),
        "is-supported-script" => (Boolean, vec![These(vec![String])]),
        "upcase" | "downcase" => (String, vec![These(vec![String])]),
        "concat" => (String, vec![Any(Value)]),
        "split" => (Kind::Array(Box::new(String), None), vec![These(vec![String, String])]),
        "join" => (String, vec![These(vec![Kind::Array(Box::new(String), None), String])]),
        "resolved-locale" => (String, vec![These(vec![Kind::Collator])]),
        _ => return None,
    })
}

/// Those with fixed kinds of arguments.
const CALLS: [&str; 49] = [
    "error",
    "typeof",
    "to-rgba",
    "rgb",
    "rgba",
    "has",
    "get",
    "feature-state",
    "properties",
    "geometry-type",
    "id",
    "accumulated",
    "zoom",
    "heatmap-density",
    "elevation",
    "line-progress",
    "ln2",
    "pi",
    "e",
    "+",
    "*",
    "min",
    "max",
    "-",
    "/",
    "%",
    "^",
    "sqrt",
    "log10",
    "ln",
    "log2",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "abs",
    "round",
    "floor",
    "ceil",
    "all",
    "any",
    "!",
    "is-supported-script",
    "upcase",
    "downcase",
    "concat",
    "resolved-locale",
];
/// Later additions to the specification.
const TEXTS: [&str; 2] = ["split", "join"];

/// The name, if it is one.
pub(super) fn name(text: &str) -> Option<&'static str> {
    CALLS.iter().chain(&TEXTS).copied().find(|name| *name == text)
}
