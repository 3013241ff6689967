//! Whether one may enter a place: its limited traffic zones found in the layers that the regulations name, the answer by
//! their rules.

mod gates;
mod regulations;

use std::collections::BTreeMap;
use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::log::Seq;
use bricola_territory::Text;
use bricola_territory::text::Warning;
use bricola_territory::ztl::{Question as Asked, Regulations, ZoneAt, decide};
use chrono::NaiveDate;
use geo::Relate as _;
use serde_json::{Value, json};

use super::site::{Evidence, Seen, Shape, Site, code_of, name_of, reference, words};
use super::zones::{Unzoned, candidates, covering, place, size};

pub use regulations::{Loaded, read_folder, regulations};

/// Version of the way in which zones are found; the reading of rules has its own.
pub const ENGINE: &str = "bricola-ztl/1";

/// Whether one may enter a place.
#[derive(Debug)]
pub struct Question {
    /// The place.
    pub site: Site,
    /// Who wants to enter, and when.
    pub asked: Asked,
    /// The day of that moment, by the clock of Italy.
    pub day: NaiveDate,
    /// What is odd about the moment.
    pub odd: Vec<Warning>,
    /// The layers of zones and gates that the regulations name, as far as they are there, each as of one moment.
    pub layers: BTreeMap<String, Arc<Snapshot>>,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// Answers with what [`decide`] says, the place, the gates nearby and the evidence.
///
/// # Errors
/// A place that cannot be measured, or has no coordinates in the CRS of a layer.
pub fn ztl(regulations: &Regulations, question: Question) -> Result<Value, Unzoned> {
    let (mut zones, mut missing) = (Vec::new(), Vec::new());
    for layer in regulations.layers() {
        match question.layers.get(layer) {
            Some(snapshot) => zones.extend(zones_in(snapshot, &question.site)?),
            None => missing.push(layer.to_owned()),
        }
    }
    let answer = decide(regulations, &zones, &missing, &question.asked);
    let mut used: Vec<_> = zones.iter().map(|zone| zone.feature.clone()).collect();
    let gates = gates::gates(regulations, &question, &answer);
    used.extend(gates.iter().map(|gate| gate.feature.clone()));
    let warnings: Vec<&Warning> = question.site.warnings.iter().chain(&question.odd).chain(&answer.warnings).collect();
    let mut told = serde_json::to_value(&answer).unwrap_or_default();
    told["warnings"] = json!(warnings);
    told["place"] = place(&question.site, size(&question.site.shape)?);
    told["gates"] = json!(gates);
    let seen: Vec<Arc<Snapshot>> = question.layers.into_values().collect();
    let at = (Some(question.day), question.seq);
    Evidence::new(ENGINE, &question.site, at, Seen::of(&seen), used).seal(&mut told);
    Ok(told)
}

/// The zones of a layer that the place lies in or touches, whenever they are in force.
fn zones_in(snapshot: &Snapshot, site: &Site) -> Result<Vec<ZoneAt>, Unzoned> {
    let rows: Vec<RowRef<'_>> = match &site.shape {
        Shape::Point(point) => covering(snapshot, *point, None)?,
        shape => {
            let here = shape.geometry();
            let near = candidates(snapshot, shape, None).into_iter();
            near.filter(|(_, zone)| here.relate(&zone.zone.geometry).is_intersects()).map(|(row, _)| row).collect()
        }
    };
    Ok(rows.into_iter().map(|row| zone_at(snapshot, row)).collect())
}

fn zone_at(snapshot: &Snapshot, row: RowRef<'_>) -> ZoneAt {
    // Instants begin with their day.
    let day = |name: &str| words(snapshot, row, name).and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok());
    ZoneAt {
        layer: snapshot.definition().id.clone(),
        code: code_of(snapshot, row),
        name: name_of(snapshot, row),
        kind: words(snapshot, row, "kind").map(|code| title_of(snapshot, "kind", code)),
        published: words(snapshot, row, "schedule"),
        valid_from: day("valid_from"),
        valid_to: day("valid_to"),
        feature: reference(snapshot, row),
    }
}

/// What a coded value is called.
fn title_of(snapshot: &Snapshot, field: &str, code: String) -> Text {
    let definition = snapshot.definition().field(field).map(|(_, field)| field);
    let coded = definition.and_then(|field| field.values.iter().find(|value| value.code == code));
    coded.map_or_else(|| Text::same(code), |coded| Text::new(&coded.title.it, &coded.title.en))
}
