//! Streets under water at a tide level: who walks does not walk there, unless on a raised walkway.

use std::collections::BTreeMap;

use bricola_layers::cache::{Snapshot, ValueRef};
use bricola_layers::definition::Text as Both;
use bricola_territory::text::Warning;
use bricola_territory::{FeatureRef, Text};
use geo_types::{Coord, LineString, MultiLineString};
use serde_json::{Value, json};

use super::{Network, OFF_M, Question, line_json, name_of};

/// Streets under water that are named, the nearest first.
const NAMED: usize = 100;

/// How high the water stands, and which fields of the streets say how high they are.
#[derive(Debug, Clone)]
pub struct Tide {
    /// As it was asked: metres above the datum.
    pub level: String,
    /// Metres above the datum.
    pub level_m: f64,
    /// Position of the field with the lowest ground.
    pub ground: usize,
    /// Position of the field with the highest tide of a walkway.
    pub walkway: Option<usize>,
    /// From where both are counted.
    pub datum: Both,
}

/// A street at a tide level.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Dry,
    /// The ground lies so high.
    Under(f64),
    /// Under water, with a walkway along it.
    Walkway,
    /// Nobody says how high it lies.
    Unknown,
}

/// The streets of a graph at a tide level.
#[derive(Debug)]
pub(super) struct Wet<'a> {
    tide: &'a Tide,
    states: Vec<State>,
}

impl<'a> Wet<'a> {
    pub fn of(tide: &'a Tide, network: &Network, streets: &Snapshot) -> Self {
        let state = |street: &FeatureRef| {
            let Some(row) = street.id.parse().ok().and_then(|id| streets.feature(id)) else { return State::Unknown };
            let metres = |field: usize| match row.base.value(row.row, field) {
                ValueRef::Real(value) => Some(value),
                ValueRef::Integer(value) => Some(value as f64),
                _ => None,
            };
            match metres(tide.ground) {
                None => State::Unknown,
                Some(ground) if ground >= tide.level_m => State::Dry,
                Some(_) if tide.walkway.and_then(metres).is_some_and(|most| tide.level_m <= most) => State::Walkway,
                Some(ground) => State::Under(ground),
            }
        };
        Self { tide, states: network.streets.iter().map(state).collect() }
    }

    /// The edges that nobody walks.
    pub fn edges(&self, network: &Network) -> Vec<u32> {
        let edges = (0..).zip(network.graph.edges());
        let under = edges.filter(|(_, edge)| matches!(self.states[edge.street as usize], State::Under(_)));
        under.map(|(number, _)| number).collect()
    }

    /// What is under water within so many metres of a place, as the crow flies:
    /// `{"level_m", "datum", "under_water", "streets", "count", "metres", "walkways", "unknown"}`.
    pub fn told(
        &self,
        question: &Question,
        from: Coord<f64>,
        metres: f64,
        used: &mut Vec<FeatureRef>,
        warnings: &mut Vec<Warning>,
    ) -> Value {
        let graph = &question.network.graph;
        let (mut lines, mut near) = (Vec::new(), BTreeMap::new());
        let (mut walkways, mut unknown) = (BTreeMap::new(), BTreeMap::new());
        for number in graph.near(from, metres + OFF_M) {
            let edge = &graph.edges()[number as usize];
            let apart = graph.apart_from(number, from);
            let (list, is_under) = match self.states[edge.street as usize] {
                State::Dry => continue,
                State::Under(_) => (&mut near, true),
                State::Walkway => (&mut walkways, false),
                State::Unknown => (&mut unknown, false),
            };
            let of_street: &mut (f64, f64) = list.entry(edge.street).or_insert((f64::INFINITY, 0.0));
            *of_street = (of_street.0.min(apart), of_street.1 + edge.length_m);
            if is_under {
                lines.push(LineString(graph.line(number).to_vec()));
            }
        }
        let whole: f64 = near.values().map(|(_, length)| length).sum();
        let mut nearest: Vec<(u32, (f64, f64))> = near.into_iter().collect();
        nearest.sort_by(|(a, (a_apart, _)), (b, (b_apart, _))| a_apart.total_cmp(b_apart).then(a.cmp(b)));
        let named = nearest.iter().take(NAMED).map(|(street, (_, length))| {
            let feature = question.network.street(*street).clone();
            used.push(feature.clone());
            let row = feature.id.parse().ok().and_then(|id| question.streets.feature(id));
            let State::Under(ground) = self.states[*street as usize] else { return Value::Null };
            json!({
                "feature": feature, "name": row.map(|row| name_of(&question.streets, row)),
                "ground_m": format!("{ground:.2}"), "metres": format!("{length:.0}"),
            })
        });
        let named: Vec<Value> = named.collect();
        if !unknown.is_empty() {
            let count = unknown.len();
            let text = Text::new(
                format!("strade vicine di cui non si sa la quota: {count}; si contano come asciutte"),
                format!("streets nearby of which nobody says how high they lie: {count}; they count as dry"),
            );
            warnings.push(Warning::new("unknown-ground", text));
        }
        let at_place = graph.locate(from, OFF_M, &std::collections::HashSet::new());
        if at_place.is_some_and(|spot| {
            matches!(self.states[graph.edges()[spot.edge as usize].street as usize], State::Under(_))
        }) {
            let text = Text::new(
                "la strada più vicina è sott’acqua: si parte dalla più vicina asciutta",
                "the nearest street is under water: the way begins at the nearest dry one",
            );
            warnings.push(Warning::new("start-under-water", text));
        }
        json!({
            "level_m": self.tide.level, "datum": self.tide.datum, "under_water": line_json(&MultiLineString(lines)),
            "streets": named, "count": nearest.len(), "metres": format!("{whole:.0}"),
            "walkways": walkways.len(), "unknown": unknown.len(),
        })
    }
}
