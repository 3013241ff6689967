//! `step` and `interpolate`.

use serde_json::Value as Json;

use super::forms::{counted, known};
use super::kind::Kind;
use super::parse::Parser;
use super::tree::{Curve, Expression, Node, Tree};
use crate::services::styles::fault::Reason;

/// The inputs and outputs of `step` and `interpolate` from one place on.
fn stops(
    parser: &mut Parser,
    items: &[Json],
    first: usize,
    at: &str,
    kind: &mut Option<Kind>,
    last: f64,
) -> Option<Vec<(f64, Tree)>> {
    let (mut read, mut last) = (Vec::new(), last);
    for index in (first..items.len()).step_by(2) {
        let here = format!("{at}/{index}");
        let Some(input) = items[index].as_f64() else {
            let reason =
                Reason::new("qui serve un numero, non un’espressione", "a number is needed here, no expression");
            return parser.fault(&here, reason);
        };
        if input <= last {
            let reason = Reason::new("i valori devono crescere", "the values must grow");
            return parser.fault(&here, reason);
        }
        last = input;
        let output = parser.child(&items[index + 1], &format!("{at}/{}", index + 1), kind.as_ref())?;
        kind.get_or_insert_with(|| output.kind.clone());
        read.push((input, output));
    }
    Some(read)
}

pub(super) fn step(parser: &mut Parser, _: &str, items: &[Json], at: &str, expected: Option<&Kind>) -> Option<Tree> {
    counted(parser, items, at, items.len() >= 5, ("4 o più", "4 or more"))?;
    counted(parser, items, at, items.len() % 2 == 1, ("un numero pari", "an even number"))?;
    let input = parser.child(&items[1], &format!("{at}/1"), Some(&Kind::Number))?;
    let mut kind = known(expected);
    let first = parser.child(&items[2], &format!("{at}/2"), kind.as_ref())?;
    kind.get_or_insert_with(|| first.kind.clone());
    let mut all = vec![(f64::NEG_INFINITY, first)];
    all.extend(stops(parser, items, 3, at, &mut kind, f64::NEG_INFINITY)?);
    Some(Expression::new(kind?, Node::Step(input, all)))
}

fn curve(parser: &mut Parser, given: &Json, at: &str) -> Option<Curve> {
    let items = given.as_array().map(Vec::as_slice).unwrap_or_default();
    let numbers: Vec<f64> = items.iter().skip(1).filter_map(Json::as_f64).collect();
    match items.first().and_then(Json::as_str) {
        Some("linear") => return Some(Curve::Exponential(1.0)),
        Some("exponential") if items.get(1).is_some_and(Json::is_number) => {
            return numbers.first().map(|base| Curve::Exponential(*base));
        }
        Some("cubic-bezier") if items.len() == 5 => {
            let points = <[f64; 4]>::try_from(numbers).ok();
            let points = points.filter(|points| points.iter().all(|point| (0.0..=1.0).contains(point)));
            if let Some(points) = points {
                return Some(Curve::Bezier(points));
            }
        }
        _ => {}
    }
    parser.fault(
        at,
        Reason::new(
            "qui serve [\"linear\"], [\"exponential\", base] o [\"cubic-bezier\", x1, y1, x2, y2] con valori da 0 a 1",
            "[\"linear\"], [\"exponential\", base] or [\"cubic-bezier\", x1, y1, x2, y2] with values from 0 to 1 is needed here",
        ),
    )
}

pub(super) fn interpolate(
    parser: &mut Parser,
    name: &str,
    items: &[Json],
    at: &str,
    expected: Option<&Kind>,
) -> Option<Tree> {
    counted(parser, items, at, items.len() >= 5, ("4 o più", "4 or more"))?;
    counted(parser, items, at, items.len() % 2 == 1, ("un numero pari", "an even number"))?;
    let curve = curve(parser, &items[1], &format!("{at}/1"))?;
    let input = parser.child(&items[2], &format!("{at}/2"), Some(&Kind::Number))?;
    let is_of_colors = name != "interpolate" && expected != Some(&Kind::ColorArray);
    let mut kind = if is_of_colors { Some(Kind::Color) } else { known(expected) };
    let all = stops(parser, items, 3, at, &mut kind, f64::NEG_INFINITY)?;
    let kind = kind?;
    if !kind.is_interpolatable() {
        let reason = Reason::new(
            format!("tra valori di tipo {kind} non si interpola"),
            format!("nothing lies between values of the type {kind}"),
        );
        return parser.fault(at, reason);
    }
    Some(Expression::new(kind, Node::Interpolate(curve, input, all)))
}
