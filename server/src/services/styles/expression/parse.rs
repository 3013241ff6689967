//! Expressions out of JSON, with every fault in them.

use serde_json::Value as Json;

use super::calls::{Takes, signature};
use super::evaluate::Context;
use super::forms;
use super::kind::Kind;
use super::tree::{Expression, Node, Tree};
use super::value::Value;
use crate::services::styles::fault::{Fault, Reason};

/// What is done where something of unknown kind stands in the place of a known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Annotate {
    /// It must be of that kind, or is made so: which, the kind says.
    Usual,
    /// It is made a text.
    Coerce,
    /// Nothing: what stands around it does it.
    Not,
}

/// A field that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Where its name stands (RFC 6901).
    pub pointer: String,
    /// Its name.
    pub field: String,
}

/// Reads expressions and gathers what is wrong with them.
#[derive(Debug, Default)]
pub struct Parser {
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// The fields of features that are read.
    pub fields: Vec<Read>,
    pub(super) scope: Vec<(String, Tree)>,
}

/// Whether a value of a property is an expression: a list that begins with the name of an operator.
pub fn is_expression(value: &Json) -> bool {
    let name = value.as_array().and_then(|items| items.first()).and_then(Json::as_str);
    name.is_some_and(|name| forms::is_form(name) || signature(name).is_some())
}

impl Parser {
    /// Reads an expression that stands at a pointer and has to give something of a kind. `None` if it is wrong; `faults` say how.
    pub fn read(&mut self, value: &Json, at: &str, expected: Option<&Kind>) -> Option<Tree> {
        let annotate = if expected == Some(&Kind::String) { Annotate::Coerce } else { Annotate::Usual };
        self.parse(value, at, expected, annotate)
    }

    pub(super) fn child(&mut self, value: &Json, at: &str, expected: Option<&Kind>) -> Option<Tree> {
        self.parse(value, at, expected, Annotate::Usual)
    }

    pub(super) fn fault<T>(&mut self, at: &str, reason: Reason) -> Option<T> {
        self.faults.push(Fault::new(at, reason));
        None
    }

    pub(super) fn parse(
        &mut self,
        value: &Json,
        at: &str,
        expected: Option<&Kind>,
        annotate: Annotate,
    ) -> Option<Tree> {
        let parsed = match value {
            Json::Array(items) => self.operation(items, at, expected)?,
            Json::Object(_) => {
                return self.fault(
                    at,
                    Reason::new(
                        "un oggetto si scrive [\"literal\", {…}]",
                        "an object has to be written as [\"literal\", {…}]",
                    ),
                );
            }
            simple => Expression::literal(Value::of(simple)),
        };
        let annotated = match expected {
            Some(expected) => self.annotated(parsed, at, expected, annotate)?,
            None => parsed,
        };
        self.folded(annotated, at)
    }

    fn operation(&mut self, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
        let Some(first) = items.first() else {
            return self.fault(
                at,
                Reason::new(
                    "un’espressione ha almeno il nome dell’operatore; un elenco si scrive [\"literal\", […]]",
                    "an expression has at least the name of its operator; a list is written as [\"literal\", […]]",
                ),
            );
        };
        let Some(name) = first.as_str() else {
            return self.fault(
                &format!("{at}/0"),
                Reason::new(
                    "qui deve stare il nome di un operatore; un elenco si scrive [\"literal\", […]]",
                    "the name of an operator must stand here; a list is written as [\"literal\", […]]",
                ),
            );
        };
        if let Some(form) = forms::find(name) {
            return form(self, name, items, at, expected);
        }
        let Some((kind, ways)) = signature(name) else {
            let shown = crate::error::clipped(name);
            return self.fault(
                &format!("{at}/0"),
                Reason::new(format!("«{shown}» non è un operatore"), format!("\"{shown}\" is no operator")),
            );
        };
        self.call(name, kind, &ways, items, at)
    }

    fn call(&mut self, name: &str, kind: Kind, ways: &[Takes], items: &[Json], at: &str) -> Option<Tree> {
        let count = items.len() - 1;
        let way = ways.iter().find(|way| match way {
            Takes::These(kinds) => kinds.len() == count,
            Takes::Any(_) => true,
        });
        let Some(way) = way else {
            let allowed: Vec<String> = ways
                .iter()
                .filter_map(|way| if let Takes::These(kinds) = way { Some(kinds.len().to_string()) } else { None })
                .collect();
            return self.fault(
                at,
                Reason::new(
                    format!("\"{name}\" vuole {} argomenti, non {count}", allowed.join(" o ")),
                    format!("\"{name}\" takes {} arguments, not {count}", allowed.join(" or ")),
                ),
            );
        };
        let mut arguments = Vec::with_capacity(count);
        for (index, item) in items.iter().enumerate().skip(1) {
            let wanted = match way {
                Takes::These(kinds) => &kinds[index - 1],
                Takes::Any(kind) => kind,
            };
            arguments.push(self.child(item, &format!("{at}/{index}"), Some(wanted))?);
        }
        if let ("get" | "has", 1, Some(field)) = (name, count, items.get(1).and_then(Json::as_str)) {
            self.fields.push(Read { pointer: format!("{at}/1"), field: field.to_owned() });
        }
        Some(Expression::new(kind, Node::Call(super::calls::name(name)?, arguments)))
    }

    /// What is of unknown kind is checked or made so when it is evaluated; what is of another kind is a fault.
    fn annotated(&mut self, parsed: Tree, at: &str, expected: &Kind, annotate: Annotate) -> Option<Tree> {
        use Kind::{
            Anchors, Array, Boolean, Color, ColorArray, Formatted, Image, NumberArray, Object, Padding, Projection,
        };
        let actual = &parsed.kind;
        let is_value = *actual == Kind::Value;
        let asserts = is_value && matches!(expected, Kind::String | Kind::Number | Boolean | Object | Array(..));
        let coerces = match expected {
            Projection => is_value || matches!(actual, Kind::String | Array(..)),
            Color | Formatted | Image => is_value || *actual == Kind::String,
            Padding | NumberArray => is_value || matches!(actual, Kind::Number | Array(..)),
            ColorArray => is_value || matches!(actual, Kind::String | Array(..)),
            Anchors => is_value || matches!(actual, Array(..)),
            _ => false,
        };
        if asserts || coerces {
            let node = match annotate {
                Annotate::Not => return Some(parsed),
                Annotate::Usual if asserts => Node::Assert(vec![parsed]),
                Annotate::Usual | Annotate::Coerce => Node::Coerce(vec![parsed]),
            };
            return Some(Expression::new(expected.clone(), node));
        }
        if expected.holds(actual) {
            return Some(parsed);
        }
        self.fault(
            at,
            Reason::new(
                format!("qui serve {expected}, non {actual}"),
                format!("{expected} is needed here, not {actual}"),
            ),
        )
    }

    /// What always gives the same is evaluated at once; what fails then would always fail.
    fn folded(&mut self, parsed: Tree, at: &str) -> Option<Tree> {
        if !parsed.is_constant || matches!(parsed.node, Node::Literal(_)) || parsed.kind == Kind::Image {
            return Some(parsed);
        }
        match parsed.evaluate(&mut Context::default()) {
            Ok(value) => {
                let kind = parsed.kind.clone();
                Some(Expression::new(kind, Node::Literal(value)))
            }
            Err(error) => self.fault(at, error),
        }
    }
}
