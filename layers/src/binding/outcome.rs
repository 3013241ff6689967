//! The values of features, and the causes of those that differ.

use std::collections::HashMap;

use rayon::prelude::*;

use super::events::{Event, Plan};
use super::rule::{Rule, Seat};
use super::sides::Sides;
use crate::cache::RowRef;
use crate::log::Cause;
use crate::store::BoundRow;

/// Features that one thread looks at in a go.
const CHUNK: usize = 2_048;

/// What came of a plan.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Features that were looked at.
    pub looked: u64,
    /// Those whose values differ, in order of id.
    pub rows: Vec<BoundRow>,
    /// The causes that rows name.
    pub causes: Vec<Vec<Cause>>,
}

/// A row whose values differ, and for each rule that gave another one its event.
type Differing = (BoundRow, Vec<(usize, usize)>);

/// Finds the values of all features of a plan.
pub(super) fn outcome(sides: &Sides, plan: &Plan) -> Outcome {
    let mut rows: Vec<RowRef> = if plan.whole.iter().any(Option::is_some) {
        sides.bound.rows().collect()
    } else {
        let mut ids: Vec<_> = plan.own.keys().chain(plan.others.keys()).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| sides.bound.feature(id)).collect()
    };
    rows.sort_unstable_by_key(RowRef::id);
    let with_surface = sides.rules.iter().any(Rule::needs_surface);
    let look =
        |rows: &[RowRef]| rows.iter().filter_map(|row| differing(sides, plan, *row, with_surface)).collect::<Vec<_>>();
    let found: Vec<Differing> =
        if rows.len() <= CHUNK { look(&rows) } else { rows.par_chunks(CHUNK).flat_map_iter(look).collect() };
    told(sides, plan, found, rows.len() as u64)
}

/// The event for which a rule is asked about a feature, if it is.
fn event_of(plan: &Plan, rule: usize, own: Option<usize>, others: &[(usize, usize)]) -> Option<usize> {
    let of = || others.iter().rev().find(|(place, _)| *place == rule).map(|(_, event)| *event);
    own.or_else(of).or(plan.whole[rule])
}

fn differing(sides: &Sides, plan: &Plan, row: RowRef<'_>, with_surface: bool) -> Option<Differing> {
    let id = row.id();
    let own = plan.own.get(&id).copied();
    let others = plan.others.get(&id).map(Vec::as_slice).unwrap_or_default();
    let seat = Seat::of(row, with_surface);
    let (mut values, mut why) = (Vec::with_capacity(sides.rules.len()), Vec::new());
    for (place, rule) in sides.rules.iter().enumerate() {
        let known = row.base.value(row.row, rule.position).to_value();
        let value = match event_of(plan, place, own, others) {
            None => known,
            Some(event) => {
                let value = rule.value(seat.as_ref());
                if value != known {
                    why.push((place, event));
                }
                value
            }
        };
        values.push(value);
    }
    let version = row.base.version(row.row);
    (!why.is_empty()).then_some((BoundRow { id, version, values, why: 0 }, why))
}

/// Gathers causes that several features share.
fn told(sides: &Sides, plan: &Plan, found: Vec<Differing>, looked: u64) -> Outcome {
    let mut outcome = Outcome { looked, rows: Vec::with_capacity(found.len()), causes: Vec::new() };
    let mut known: HashMap<Vec<(usize, usize)>, usize> = HashMap::new();
    for (mut row, why) in found {
        row.why = *known.entry(why).or_insert_with_key(|why| {
            outcome.causes.push(causes(sides, plan, why));
            outcome.causes.len() - 1
        });
        outcome.rows.push(row);
    }
    outcome
}

/// The causes of a feature's new values: one for each event, with the fields that it concerns.
fn causes(sides: &Sides, plan: &Plan, why: &[(usize, usize)]) -> Vec<Cause> {
    let mut causes: Vec<(usize, Cause)> = Vec::new();
    for (place, event) in why {
        let field = sides.rules[*place].name.clone();
        if let Some((_, cause)) = causes.iter_mut().find(|(other, _)| other == event) {
            cause.fields.push(field);
            continue;
        }
        let Event { layer, id, seq, reason } = &plan.events[*event];
        let cause = Cause { fields: vec![field], layer: layer.clone(), id: *id, seq: *seq, operation: *reason };
        causes.push((*event, cause));
    }
    causes.into_iter().map(|(_, cause)| cause).collect()
}
