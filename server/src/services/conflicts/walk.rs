//! What a site closes to those who walk, and what they do not reach any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_territory::Text;
use bricola_territory::conflicts::{Closed, Effect, WalkRule};
use bricola_territory::graph::{Access, Blockage, Severed};
use bricola_territory::text::Warning;
use chrono::NaiveDate;
use geo_types::{Geometry, Rect};
use serde_json::{Value, json};

use super::super::areas::{Network, OFF_M, position, rounded};
use super::super::site::{Site, name_of, near, reference, words};

/// Metres up to which ways around are looked for.
const MOST_M: f64 = 3_000.0;
/// Features of each layer that are named for each part.
const NAMED: usize = 20;

/// Streets that a site closes, as conflicts and for the answer.
#[derive(Debug, Default)]
pub struct Walk {
    /// For the rules.
    pub closed: Vec<Closed>,
    /// `{"layer", "passage_m", "closed", "cut_off", "within"}`.
    pub told: Value,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
}

/// Places of one layer.
#[derive(Default)]
struct Places<'a> {
    count: usize,
    first: Vec<RowRef<'a>>,
}

/// Places by part (none: at the site itself or between two of its ends), then by layer.
type Found<'a> = BTreeMap<Option<usize>, BTreeMap<&'a str, Places<'a>>>;

/// What a site closes on the graph of streets.
pub fn on_foot(
    rule: &WalkRule,
    (network, streets): (&Network, &Snapshot),
    layers: &BTreeMap<String, Arc<Snapshot>>,
    site: &Site,
    day: NaiveDate,
) -> Walk {
    let graph = &network.graph;
    let width = |street: u32| {
        let row = streets.feature(network.street(street).id.parse().ok()?)?;
        words(streets, row, rule.width.as_deref()?)?.parse().ok().filter(|width: &f64| *width > 0.0)
    };
    let shape: Geometry<f64> = site.shape.geometry();
    let pieces = graph.closed_by(&shape, rule.passage_m.to_f64(), width);
    let severed = graph.severed_by(&pieces, MOST_M);
    let found = if pieces.is_empty() { Found::new() } else { behind(rule, network, &severed, layers, site, day) };
    let mut walk = Walk::default();
    let (mut told, mut unknown, mut crowded) = (Vec::new(), BTreeSet::new(), false);
    for blockage in &severed.blockages {
        let effect = effect(blockage, &severed, &found, layers);
        crowded |= blockage.is_crowded;
        let mut metres: BTreeMap<u32, f64> = BTreeMap::new();
        for piece in &blockage.pieces {
            let street = graph.edges()[piece.edge as usize].street;
            *metres.entry(street).or_default() += piece.to_m - piece.from_m;
        }
        for (street, metres) in metres {
            let feature = network.street(street).clone();
            let row = feature.id.parse().ok().and_then(|id| streets.feature(id));
            let name = row.map(|row| name_of(streets, row)).unwrap_or_default();
            let width = width(street);
            if width.is_none() {
                unknown.insert(street);
            }
            told.push(json!({
                "feature": feature, "name": name, "metres": format!("{metres:.1}"),
                "width_m": width.map(|width| format!("{width:.1}")), "effect": word(&effect),
                "detour_m": match effect { Effect::Detour(more) | Effect::Beyond(more) => json!(format!("{more:.0}")), _ => Value::Null },
            }));
            walk.closed.push(Closed { feature, name, metres, effect: effect.clone() });
        }
    }
    let parts = severed.off.iter().enumerate().filter(|(number, _)| is_told(&severed, &found, *number));
    let parts = parts.map(|(number, part)| {
        let at = graph.node(part.nodes[0]);
        json!({
            "junctions": part.nodes.len(), "streets_m": format!("{:.0}", graph.length_of(part)),
            "lon": rounded(at.x), "lat": rounded(at.y), "places": places(found.get(&Some(number)), layers),
        })
    });
    walk.told = json!({
        "layer": rule.layer, "passage_m": rule.passage_m, "closed": told, "cut_off": parts.collect::<Vec<_>>(),
        "within": places(found.get(&None), layers),
    });
    if rule.width.is_some() && !unknown.is_empty() {
        let count = unknown.len();
        let text = Text::new(
            format!("strade chiuse di cui non si sa la larghezza: {count}; conta dove il cantiere ne tocca l’asse"),
            format!(
                "closed streets of which the width is not known: {count}; what counts is where the site meets their line"
            ),
        );
        walk.warnings.push(Warning::new("unknown-width", text));
    }
    if crowded {
        let text = Text::new(
            "il cantiere chiude troppe strade per cercare ogni deviazione: si dice solo che cosa isola",
            "the site closes too many streets to look for every way around: only what it cuts off is told",
        );
        walk.warnings.push(Warning::new("many-streets", text));
    }
    walk
}

const fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::None => "none",
        Effect::Detour(_) => "detour",
        Effect::Beyond(_) => "beyond",
        Effect::CutOff(_) => "cut_off",
    }
}

/// Whether a part is more than the other end of the closed street itself, at which nothing lies.
fn is_told(severed: &Severed, found: &Found<'_>, part: usize) -> bool {
    severed.off[part].nodes.len() > 1 || found.contains_key(&Some(part))
}

fn effect(
    blockage: &Blockage,
    severed: &Severed,
    found: &Found<'_>,
    layers: &BTreeMap<String, Arc<Snapshot>>,
) -> Effect {
    let off: Vec<usize> = blockage.off.iter().copied().filter(|part| is_told(severed, found, *part)).collect();
    if off.is_empty() {
        return match blockage.detour {
            None => Effect::None,
            Some(detour) if detour.after_m.is_none() => Effect::Beyond(MOST_M),
            Some(detour) => Effect::Detour(detour.more_m()),
        };
    }
    let junctions: usize = off.iter().map(|part| severed.off[*part].nodes.len()).sum();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (layer, places) in off.iter().filter_map(|part| found.get(&Some(*part))).flatten() {
        *counts.entry(layer).or_default() += places.count;
    }
    let title = |layer: &str| {
        let title = layers.get(layer).map(|layer| layer.definition().title.clone()).unwrap_or_default();
        Text::new(title.it, title.en)
    };
    let named = counts.into_iter().map(|(layer, count)| (title(layer), count));
    Effect::CutOff(std::iter::once((Text::new("Incroci", "Junctions"), junctions)).chain(named).collect())
}

/// Places that are not reached any more, and those at the site itself.
fn behind<'a>(
    rule: &'a WalkRule,
    network: &Network,
    severed: &Severed,
    layers: &'a BTreeMap<String, Arc<Snapshot>>,
    site: &Site,
    day: NaiveDate,
) -> Found<'a> {
    let mut found = Found::new();
    let parts = severed.off.iter().filter_map(|part| network.graph.frame_of(part));
    let frames: Vec<Rect<f64>> = site.shape.frame().into_iter().chain(parts).collect();
    for id in &rule.places {
        let Some(layer) = layers.get(id) else { continue };
        let mut seen = HashSet::new();
        for row in frames.iter().flat_map(|frame| near(layer, *frame, OFF_M, Some(day))) {
            if !seen.insert(row.id()) {
                continue;
            }
            let spot = position(row).and_then(|at| network.graph.locate(at.0, OFF_M, &HashSet::new()));
            let part = match spot.map(|spot| severed.access(&network.graph, spot)) {
                None | Some(Access::Open) => continue,
                Some(Access::Within | Access::Off(None)) => None,
                Some(Access::Off(part)) => part,
            };
            let places: &mut Places<'a> = found.entry(part).or_default().entry(id.as_str()).or_default();
            places.count += 1;
            if places.first.len() < NAMED {
                places.first.push(row);
            }
        }
    }
    found
}

fn places(found: Option<&BTreeMap<&str, Places<'_>>>, layers: &BTreeMap<String, Arc<Snapshot>>) -> Vec<Value> {
    let told = found.into_iter().flatten().filter_map(|(id, places)| {
        let layer = layers.get(*id)?;
        let features: Vec<Value> = places
            .first
            .iter()
            .map(|row| json!({"feature": reference(layer, *row), "name": name_of(layer, *row)}))
            .collect();
        Some(json!({"layer": id, "title": layer.definition().title, "count": places.count, "features": features}))
    });
    told.collect()
}
