//! The value of an expression for a feature at a zoom.

use std::cmp::Ordering;

use super::kind::Kind;
use super::tree::{Curve, Expression, Label, Node, Tree};
use super::value::{Color, Value, rgba};
use crate::services::styles::fault::Reason;

/// Steps of one evaluation at most: variables may stand for variables many times over.
const MOST: u32 = 20_000;
/// Levels of one evaluation at most.
const DEEPEST: u32 = 200;
/// Bytes of a text, and items of a list, that is put together.
const LONGEST: usize = 64 * 1024;

/// A feature as expressions see it.
pub trait Subject {
    /// A property; `None` where there is none.
    fn get(&self, name: &str) -> Option<Value>;
    /// Its id.
    fn id(&self) -> Value;
    /// `Point`, `LineString` or `Polygon`.
    fn geometry_type(&self) -> &'static str;
}

/// In what an expression is evaluated.
#[derive(Default)]
pub struct Context<'a> {
    /// The zoom of the map.
    pub zoom: f64,
    /// The feature; none for what is of no feature.
    pub feature: Option<&'a dyn Subject>,
    steps: u32,
    depth: u32,
}

impl<'a> Context<'a> {
    /// At a zoom.
    pub fn new(zoom: f64, feature: Option<&'a dyn Subject>) -> Self {
        Self { zoom, feature, steps: 0, depth: 0 }
    }
}

type Evaluated = Result<Value, Reason>;

impl Expression {
    /// Its value.
    ///
    /// # Errors
    /// Why it has none.
    pub fn evaluate(&self, context: &mut Context<'_>) -> Evaluated {
        context.steps += 1;
        if context.steps > MOST || context.depth > DEEPEST {
            return Err(too_much());
        }
        context.depth += 1;
        let value = self.value(context);
        context.depth -= 1;
        value
    }

    fn value(&self, context: &mut Context<'_>) -> Evaluated {
        match &self.node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Call(name, arguments) => {
                if matches!(*name, "all" | "any") {
                    let stops_at = *name == "any";
                    for argument in arguments {
                        if argument.evaluate(context)?.is_true() == stops_at {
                            return Ok(Value::Boolean(stops_at));
                        }
                    }
                    return Ok(Value::Boolean(!stops_at));
                }
                let arguments: Vec<Value> = all(arguments, context)?;
                call(name, &arguments, context)
            }
            Node::Assert(arguments) => self.assert(arguments, context),
            Node::Coerce(arguments) => self.coerce(arguments, context),
            Node::At([index, input]) => at(&index.evaluate(context)?, input.evaluate(context)?),
            Node::In([needle, place]) => {
                let (needle, place) = (needle.evaluate(context)?, place.evaluate(context)?);
                find(&needle, &place, 0).map(|found| Value::Boolean(found.is_some()))
            }
            Node::IndexOf(arguments) => {
                let arguments = all(arguments, context)?;
                let from = arguments.get(2).and_then(Value::number).unwrap_or(0.0).max(0.0) as usize;
                let found = find(&arguments[0], &arguments[1], from)?;
                Ok(Value::Number(found.map_or(-1.0, |index| index as f64)))
            }
            Node::Slice(arguments) => slice(&all(arguments, context)?),
            Node::Length(input) => match input.evaluate(context)? {
                Value::String(text) => Ok(Value::Number(text.chars().count() as f64)),
                Value::Array(items) => Ok(Value::Number(items.len() as f64)),
                other => Err(mismatch("string, array", &other)),
            },
            Node::Case(branches, otherwise) => {
                for [test, output] in branches {
                    if test.evaluate(context)?.is_true() {
                        return output.evaluate(context);
                    }
                }
                otherwise.evaluate(context)
            }
            Node::Match { input, branches, outputs, otherwise } => {
                let label = match input.evaluate(context)? {
                    Value::String(text) => Some(Label::Text(text.to_string())),
                    Value::Number(number) if number.fract() == 0.0 => Some(Label::Number(number as i64)),
                    _ => None,
                };
                let branch = label.and_then(|label| branches.get(&label)).and_then(|index| outputs.get(*index));
                branch.unwrap_or(otherwise).evaluate(context)
            }
            Node::Coalesce(arguments) => {
                for argument in arguments {
                    let value = argument.evaluate(context)?;
                    if value != Value::Null {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Node::Compare(name, [left, right], _) => compare(name, &left.evaluate(context)?, &right.evaluate(context)?),
            Node::Step(input, stops) => {
                let input = number(&input.evaluate(context)?)?;
                let after = stops.partition_point(|(stop, _)| *stop <= input);
                stops[after.saturating_sub(1)].1.evaluate(context)
            }
            Node::Interpolate(curve, input, stops) => interpolate(*curve, input, stops, &self.kind, context),
            Node::Let(_, result) | Node::Var(result) => result.evaluate(context),
            Node::Format(contents, _) => joined(&all(contents, context)?, ""),
            Node::Image(name) => name.evaluate(context),
            Node::NumberFormat(number, options) => number_format(number, options, context),
            Node::Semiliteral(items) => {
                let items = all(items, context)?;
                if items.iter().map(Value::weight).sum::<usize>() > LONGEST {
                    Err(too_much())
                } else {
                    Ok(Value::Array(items))
                }
            }
            Node::Unknown => Ok(Value::Null),
        }
    }

    fn assert(&self, arguments: &[Tree], context: &mut Context<'_>) -> Evaluated {
        let mut last = Value::Null;
        for argument in arguments {
            last = argument.evaluate(context)?;
            if self.kind.holds(&last.kind()) {
                return Ok(last);
            }
        }
        Err(mismatch(&self.kind.to_string(), &last))
    }

    fn coerce(&self, arguments: &[Tree], context: &mut Context<'_>) -> Evaluated {
        let mut last = Value::Null;
        for argument in arguments {
            last = argument.evaluate(context)?;
            let made = match self.kind {
                Kind::Boolean => Some(Value::Boolean(last.is_true())),
                Kind::String | Kind::Formatted | Kind::Image => Some(Value::text(&last.shown())),
                Kind::Color => last.color().map(Value::Color),
                Kind::Number => match &last {
                    Value::Null => Some(Value::Number(0.0)),
                    Value::Boolean(value) => Some(Value::Number(f64::from(u8::from(*value)))),
                    Value::Number(_) => Some(last.clone()),
                    Value::String(text) if text.trim().is_empty() => Some(Value::Number(0.0)),
                    Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Number),
                    _ => None,
                },
                _ => Some(last.clone()),
            };
            if let Some(made) = made {
                return Ok(made);
            }
        }
        let (shown, kind) = (last.shown(), &self.kind);
        Err(Reason::new(format!("«{shown}» non diventa {kind}"), format!("\"{shown}\" cannot become {kind}")))
    }
}

fn all(arguments: &[Tree], context: &mut Context<'_>) -> Result<Vec<Value>, Reason> {
    arguments.iter().map(|argument| argument.evaluate(context)).collect()
}

fn too_much() -> Reason {
    Reason::new("il calcolo è troppo lungo", "it takes too long to evaluate")
}

fn joined(values: &[Value], by: &str) -> Evaluated {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { by });
        text.push_str(&value.shown());
        if text.len() > LONGEST {
            return Err(too_much());
        }
    }
    Ok(Value::text(&text))
}

fn mismatch(wanted: &str, found: &Value) -> Reason {
    let kind = found.kind();
    Reason::new(format!("serve {wanted}, c’è {kind}"), format!("{wanted} is needed, {kind} is there"))
}

fn number(value: &Value) -> Result<f64, Reason> {
    value.number().ok_or_else(|| mismatch("number", value))
}

fn text(value: &Value) -> Result<&str, Reason> {
    if let Value::String(text) = value { Ok(text) } else { Err(mismatch("string", value)) }
}

fn call(name: &str, arguments: &[Value], context: &Context<'_>) -> Evaluated {
    let numbers = || arguments.iter().map(number).collect::<Result<Vec<f64>, Reason>>();
    let feature = context.feature;
    Ok(match (name, arguments) {
        ("get", [name]) => feature.and_then(|feature| feature.get(text(name).ok()?)).unwrap_or(Value::Null),
        ("has", [name]) => Value::Boolean(feature.and_then(|feature| feature.get(text(name).ok()?)).is_some()),
        ("get", [name, Value::Object(members)]) => members.get(text(name)?).map_or(Value::Null, Value::of),
        ("has", [name, Value::Object(members)]) => Value::Boolean(members.contains_key(text(name)?)),
        ("id", _) => feature.map_or(Value::Null, Subject::id),
        ("geometry-type", _) => feature.map_or(Value::Null, |feature| Value::text(feature.geometry_type())),
        ("zoom", _) => Value::Number(context.zoom),
        ("heatmap-density" | "elevation" | "line-progress", _) => Value::Number(0.0),
        ("pi", _) => Value::Number(std::f64::consts::PI),
        ("e", _) => Value::Number(std::f64::consts::E),
        ("ln2", _) => Value::Number(std::f64::consts::LN_2),
        ("!", [value]) => Value::Boolean(!value.is_true()),
        ("is-supported-script", _) => Value::Boolean(true),
        ("upcase", [value]) => Value::text(&text(value)?.to_uppercase()),
        ("downcase", [value]) => Value::text(&text(value)?.to_lowercase()),
        ("concat", values) => joined(values, "")?,
        ("split", [value, by]) => Value::Array(text(value)?.split(text(by)?).map(Value::text).collect()),
        ("join", [Value::Array(items), by]) => joined(items, text(by)?)?,
        ("typeof", [value]) => Value::text(&value.kind().to_string()),
        ("error", [reason]) => return Err(Reason::new(reason.shown(), reason.shown())),
        ("to-rgba", [Value::Color([red, green, blue, alpha])]) => {
            let bytes = [red, green, blue].map(|channel| f64::from(*channel) * 255.0);
            Value::Array(bytes.into_iter().chain([f64::from(*alpha)]).map(Value::Number).collect())
        }
        ("rgb" | "rgba", _) => {
            let parts = numbers()?;
            let color = rgba(parts[0], parts[1], parts[2], parts.get(3).copied().unwrap_or(1.0));
            Value::Color(color.ok_or_else(|| {
                Reason::new("colore fuori da 0–255, o opacità da 0–1", "a colour outside of 0–255, or opacity of 0–1")
            })?)
        }
        (
            "+" | "*" | "-" | "/" | "%" | "^" | "min" | "max" | "sqrt" | "log10" | "ln" | "log2" | "sin" | "cos"
            | "tan" | "asin" | "acos" | "atan" | "abs" | "round" | "floor" | "ceil",
            _,
        ) => Value::Number(arithmetic(name, &numbers()?)),
        _ => Value::Null,
    })
}

fn arithmetic(name: &str, numbers: &[f64]) -> f64 {
    match (name, numbers) {
        ("+", all) => all.iter().sum(),
        ("*", all) => all.iter().product(),
        ("min", all) => all.iter().copied().fold(f64::INFINITY, f64::min),
        ("max", all) => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ("-", [a]) => -a,
        ("-", [a, b]) => a - b,
        ("/", [a, b]) => a / b,
        ("%", [a, b]) => a % b,
        ("^", [a, b]) => a.powf(*b),
        ("sqrt", [a]) => a.sqrt(),
        ("log10", [a]) => a.log10(),
        ("ln", [a]) => a.ln(),
        ("log2", [a]) => a.log2(),
        ("sin", [a]) => a.sin(),
        ("cos", [a]) => a.cos(),
        ("tan", [a]) => a.tan(),
        ("asin", [a]) => a.asin(),
        ("acos", [a]) => a.acos(),
        ("atan", [a]) => a.atan(),
        ("abs", [a]) => a.abs(),
        ("round", [a]) => a.round(),
        ("floor", [a]) => a.floor(),
        ("ceil", [a]) => a.ceil(),
        _ => f64::NAN,
    }
}

fn compare(name: &str, left: &Value, right: &Value) -> Evaluated {
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ if matches!(name, "==" | "!=") => (left == right).then_some(Ordering::Equal),
        (Value::Number(_) | Value::String(_), other) | (other, _) => return Err(mismatch("number, string", other)),
    };
    Ok(Value::Boolean(match name {
        "==" => order == Some(Ordering::Equal),
        "!=" => order != Some(Ordering::Equal),
        "<" => order == Some(Ordering::Less),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        ">" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }))
}

fn at(index: &Value, input: Value) -> Evaluated {
    let index = number(index)?;
    let Value::Array(mut items) = input else { return Err(mismatch("array", &input)) };
    if index < 0.0 || index >= items.len() as f64 || index.fract() != 0.0 {
        return Err(Reason::new(format!("l’elenco non ha un posto {index}"), format!("the list has no place {index}")));
    }
    Ok(items.swap_remove(index as usize))
}

/// Where something is in a text or list, counted in characters or items.
fn find(needle: &Value, place: &Value, from: usize) -> Result<Option<usize>, Reason> {
    match place {
        Value::Null => Ok(None),
        Value::Array(items) => Ok(items.iter().skip(from).position(|item| item == needle).map(|index| index + from)),
        Value::String(text) => {
            let needle = needle.shown();
            let start = text.char_indices().nth(from).map_or(text.len(), |(start, _)| start);
            let found = text[start..].find(&needle);
            Ok(found.map(|byte| text[..start + byte].chars().count()))
        }
        other => Err(mismatch("string, array", other)),
    }
}

fn slice(arguments: &[Value]) -> Evaluated {
    let begin = number(&arguments[1])?;
    let end = arguments.get(2).map(number).transpose()?;
    let range = |length: usize| {
        let place = |index: f64| {
            let counted = if index < 0.0 { length as f64 + index } else { index };
            counted.clamp(0.0, length as f64) as usize
        };
        (place(begin), end.map_or(length, place))
    };
    match &arguments[0] {
        Value::String(text) => {
            let (begin, end) = range(text.chars().count());
            Ok(Value::text(&text.chars().take(end).skip(begin).collect::<String>()))
        }
        Value::Array(items) => {
            let (begin, end) = range(items.len());
            Ok(Value::Array(items.iter().take(end).skip(begin).cloned().collect()))
        }
        other => Err(mismatch("string, array", other)),
    }
}

fn number_format(value: &Tree, options: &[(&str, Tree)], context: &mut Context<'_>) -> Evaluated {
    let value = number(&value.evaluate(context)?)?;
    let mut digits = [0.0, 3.0];
    for (name, option) in options {
        match *name {
            "min-fraction-digits" => digits[0] = number(&option.evaluate(context)?)?,
            "max-fraction-digits" => digits[1] = number(&option.evaluate(context)?)?,
            _ => {}
        }
    }
    let [least, most] = digits.map(|digits| digits.clamp(0.0, 20.0) as usize);
    let mut shown = format!("{value:.*}", most.max(least));
    while shown.contains('.') && shown.len() - shown.find('.').unwrap_or(0) - 1 > least && shown.ends_with('0') {
        shown.pop();
    }
    Ok(Value::text(shown.trim_end_matches('.')))
}

fn interpolate(curve: Curve, input: &Tree, stops: &[(f64, Tree)], kind: &Kind, context: &mut Context<'_>) -> Evaluated {
    let input = number(&input.evaluate(context)?)?;
    let after = stops.partition_point(|(stop, _)| *stop <= input);
    let Some(((low, below), (high, above))) =
        after.checked_sub(1).and_then(|at| Some((stops.get(at)?, stops.get(at + 1)?)))
    else {
        let end = if after == 0 { stops.first() } else { stops.last() };
        return end.map_or(Ok(Value::Null), |(_, output)| output.evaluate(context));
    };
    let share = share(curve, input, *low, *high);
    let (below, above) = (below.evaluate(context)?, above.evaluate(context)?);
    Ok(between(&below, &above, share, kind))
}

/// How far an input lies on the way from one stop to the next.
fn share(curve: Curve, input: f64, low: f64, high: f64) -> f64 {
    let (way, whole) = (input - low, high - low);
    match curve {
        Curve::Exponential(base) if (base - 1.0).abs() > 1e-12 => (base.powf(way) - 1.0) / (base.powf(whole) - 1.0),
        Curve::Exponential(_) => way / whole,
        Curve::Bezier([x1, y1, x2, y2]) => {
            let at = |a: f64, b: f64, t: f64| {
                let u = 1.0 - t;
                (3.0 * u * u * t).mul_add(a, (3.0 * u * t * t).mul_add(b, t * t * t))
            };
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..40 {
                let middle = f64::midpoint(low, high);
                if at(x1, x2, middle) < way / whole { low = middle } else { high = middle }
            }
            at(y1, y2, low)
        }
    }
}

fn between(below: &Value, above: &Value, share: f64, kind: &Kind) -> Value {
    match (below, above) {
        (Value::Number(a), Value::Number(b)) => Value::Number((b - a).mul_add(share, *a)),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            Value::Array(a.iter().zip(b).map(|(a, b)| between(a, b, share, &Kind::Value)).collect())
        }
        _ if *kind == Kind::Color => match (below.color(), above.color()) {
            (Some(a), Some(b)) => Value::Color(blend(a, b, share as f32)),
            _ => below.clone(),
        },
        _ => below.clone(),
    }
}

/// Between two colours, weighed by their opacity.
fn blend(a: Color, b: Color, share: f32) -> Color {
    let mix = |a: f32, b: f32| (b - a).mul_add(share, a);
    let alpha = mix(a[3], b[3]);
    let channel = |i: usize| if alpha > 0.0 { mix(a[i] * a[3], b[i] * b[3]) / alpha } else { 0.0 };
    [channel(0), channel(1), channel(2), alpha]
}
