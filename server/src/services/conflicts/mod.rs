//! What a new site collides with: what lies near found in the layers that the rules name, the answer by the rules.

mod rules;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::definition::Scope;
use bricola_layers::log::Seq;
use bricola_layers::query::Positions;
use bricola_territory::Text;
use bricola_territory::conflicts::{Around, LayerRule, Neighbour, NewSite, Rules, assess};
use bricola_territory::overlay::Unmeasurable;
use bricola_territory::text::Warning;
use chrono::NaiveDate;
use geo::{Distance as _, Euclidean};
use serde_json::{Value, json};

use super::areas::Network;
use super::site::{Evidence, Seen, Site, in_metres, name_of, near, reference, words};
use super::zones::{place, size};

pub use rules::{Loaded, conflict_rules, read_folder};

/// Version of the way in which neighbours are found; the reading of rules has its own.
pub const ENGINE: &str = "bricola-conflicts/2";
/// Metres of half a width beyond which nothing is looked for.
const WIDEST_HALF_M: f64 = 50.0;

/// What a new site collides with.
#[derive(Debug)]
pub struct Question {
    /// The place.
    pub site: Site,
    /// When, and how.
    pub asked: NewSite,
    /// The layers that the rules name, as far as they are there, each as of one moment.
    pub layers: BTreeMap<String, Arc<Snapshot>>,
    /// The graph of the streets that the rules on ways on foot name, where they are there.
    pub network: Option<Arc<Network>>,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// Answers with what [`assess`] says, the place and the evidence.
///
/// # Errors
/// A place that cannot be measured.
pub fn conflicts(rules: &Rules, question: Question) -> Result<Value, Unmeasurable> {
    let whole = size(&question.site.shape)?;
    let clearance = question.asked.clearance_m.as_ref().unwrap_or(&rules.clearance_m).to_f64();
    let (mut neighbours, mut missing, mut odd) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (i, rule) in rules.layers.iter().enumerate() {
        let Some(snapshot) = question.layers.get(&rule.layer) else {
            missing.insert(rule.layer.clone());
            continue;
        };
        odd.extend(without_fields(rule, snapshot));
        odd.extend(without_place(snapshot));
        neighbours.extend(near_by(i, rule, snapshot, &question.site, clearance));
    }
    let mut walk = walk::Walk::default();
    if let Some(rule) = &rules.walk {
        let named = rule.places.iter().chain([&rule.layer]);
        missing.extend(named.filter(|layer| !question.layers.contains_key(*layer)).cloned());
        if let (Some(network), Some(streets)) = (&question.network, question.layers.get(&rule.layer)) {
            let day = question.asked.from;
            walk = walk::on_foot(rule, (network.as_ref(), streets.as_ref()), &question.layers, &question.site, day);
            odd.extend(rule.width.iter().filter_map(|field| without_field(streets, field, "walk")));
        }
    }
    let missing: Vec<String> = missing.into_iter().collect();
    let around = Around { near: &neighbours, closed: &walk.closed, missing: &missing };
    let assessment = assess(rules, question.asked, around);
    let used = assessment.conflicts.iter().map(|conflict| conflict.feature.clone()).collect();
    let said = question.site.warnings.iter().chain(&odd).chain(&walk.warnings);
    let warnings: Vec<&Warning> = said.chain(&assessment.warnings).collect();
    let mut answer = serde_json::to_value(&assessment).unwrap_or_default();
    answer["warnings"] = json!(warnings);
    answer["place"] = place(&question.site, whole);
    answer["complete"] = json!(missing.is_empty());
    if !walk.told.is_null() {
        answer["walk"] = walk.told;
    }
    let seen: Vec<Arc<Snapshot>> = question.layers.into_values().collect();
    let at = (Some(assessment.site.from), question.seq);
    Evidence::new(ENGINE, &question.site, at, Seen::of(&seen), used).seal(&mut answer);
    Ok(answer)
}

/// The features of a layer that may be near enough, with their distances.
fn near_by(number: usize, rule: &LayerRule, snapshot: &Snapshot, site: &Site, clearance: f64) -> Vec<Neighbour> {
    let Some(frame) = site.shape.frame() else { return Vec::new() };
    let here = in_metres(&site.shape.geometry(), frame);
    let half = if rule.width.is_some() { WIDEST_HALF_M } else { 0.0 };
    let reach = clearance + rule.margin_m.to_f64() + half;
    let fields = rule.fields();
    let rows = near(snapshot, frame, reach, None).into_iter();
    let placed = rows.filter_map(|row| {
        let there = in_metres(&Positions::LonLat.geometry(row)?, frame);
        let metres = Euclidean.distance(&here, &there);
        (metres <= reach).then_some((row, metres))
    });
    placed.map(|(row, metres)| neighbour(number, rule, snapshot, row, metres, &fields)).collect()
}

fn neighbour(
    number: usize,
    rule: &LayerRule,
    snapshot: &Snapshot,
    row: RowRef<'_>,
    distance_m: f64,
    fields: &BTreeSet<&str>,
) -> Neighbour {
    let said = |name: &str| words(snapshot, row, name);
    // Instants begin with their day.
    let day = |names: &[String]| names.iter().find_map(|name| said(name)?.get(..10)?.parse::<NaiveDate>().ok());
    Neighbour {
        rule: number,
        feature: reference(snapshot, row),
        name: rule.name.as_deref().and_then(said).unwrap_or_else(|| name_of(snapshot, row)),
        distance_m,
        width_m: rule.width.as_deref().and_then(said).and_then(|width| width.parse().ok()),
        from: day(&rule.from),
        to: day(&rule.to),
        values: fields.iter().filter_map(|name| Some(((*name).to_owned(), said(name)?))).collect(),
        told: rule.tell.iter().filter_map(|name| Some((title(snapshot, name)?, said(name)?))).collect(),
    }
}

/// What a field that everybody may see is called; no other is told.
fn title(snapshot: &Snapshot, name: &str) -> Option<Text> {
    let (_, field) = Scope::PUBLIC.fields(snapshot.definition()).find(|(_, field)| field.name == name)?;
    Some(Text::new(field.title.it.clone(), field.title.en.clone()))
}

/// Fields that the rules name and the layer does not have.
fn without_fields(rule: &LayerRule, snapshot: &Snapshot) -> Vec<Warning> {
    let dates = rule.from.iter().chain(&rule.to).chain(&rule.name).chain(&rule.width).chain(&rule.tell);
    let named: BTreeSet<&str> = dates.map(String::as_str).chain(rule.fields()).collect();
    named.into_iter().filter_map(|field| without_field(snapshot, field, &rule.role)).collect()
}

fn without_field(snapshot: &Snapshot, field: &str, role: &str) -> Option<Warning> {
    let definition = snapshot.definition();
    definition.field(field).is_none().then(|| {
        let layer = &definition.id;
        let text = Text::new(
            format!("lo strato {layer} non ha il campo {field}, che le regole nominano ({role})"),
            format!("the layer {layer} has no field {field}, which the rules name ({role})"),
        );
        Warning::new("no-field", text)
    })
}

/// Features that are nowhere, where the layer has such.
fn without_place(snapshot: &Snapshot) -> Option<Warning> {
    let definition = snapshot.definition();
    let count = if definition.placeless { snapshot.rows().filter(|row| row.vertices() == 0).count() } else { 0 };
    (count > 0).then(|| {
        let layer = &definition.id;
        let text = Text::new(
            format!("oggetti senza luogo nello strato {layer}: {count}; non si sa con che cosa confliggono"),
            format!("features without a place in the layer {layer}: {count}; what they collide with is not known"),
        );
        Warning::new("placeless", text)
    })
}
