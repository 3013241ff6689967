//! Which addresses a blurred place may mean, each with its probability; nothing where they are few.

use std::collections::HashMap;
use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::cadastre::ParcelReference;
use bricola_layers::log::Seq;
use bricola_layers::query::Positions;
use bricola_territory::Text;
use bricola_territory::rentals::{Dwelling, MODEL, candidates};
use bricola_territory::text::Warning;
use chrono::NaiveDate;
use geo_types::{Geometry, Point, Rect};
use serde_json::{Value, json};

use super::ENGINE;
use crate::services::site::{Evidence, Seen, Site, name_of, near, reference, words};
use crate::services::units::Loaded;
use crate::services::zones::place;

/// Candidates that are named one by one.
const NAMED: usize = 500;

/// A place as a platform shows it.
#[derive(Debug)]
pub struct Question {
    /// The place: a point.
    pub site: Site,
    /// Metres by which it may be off.
    pub error_m: f64,
    /// Least number of dwellings that there must be for any to be named.
    pub least: u64,
    /// The addresses.
    pub addresses: Arc<Snapshot>,
    /// What is taxed, for the dwellings on a parcel; none where there is no such layer.
    pub objects: Option<Arc<Snapshot>>,
    /// The cadastre's census dumps, which know them better, where there are any.
    pub dumps: Arc<Loaded>,
    /// Registered structures.
    pub register: Option<Arc<Snapshot>>,
    /// The day on which features must be valid.
    pub day: NaiveDate,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// Answers: `{"place", "error_m", "model", "candidates": […], "dwellings", "registered", "warnings", "evidence"}`.
pub fn blurred(question: &Question) -> Value {
    let position = question.site.shape.position().unwrap_or(Point::new(0.0, 0.0));
    let frame = Rect::new(position.0, position.0);
    let shown = [position.x(), position.y()];
    let addresses = &question.addresses;
    let found = near(addresses, frame, question.error_m, Some(question.day));
    let doors: Vec<(RowRef<'_>, [f64; 2])> = found.into_iter().filter_map(|row| Some((row, point(row)?))).collect();
    let homes = homes(question, frame);
    let parcels: Vec<Option<String>> = doors.iter().map(|(row, _)| words(addresses, *row, "parcel_ref")).collect();
    let mut shares: HashMap<&str, u64> = HashMap::new();
    for parcel in parcels.iter().flatten() {
        *shares.entry(parcel).or_default() += 1;
    }
    let units = |parcel: &Option<String>| match (&homes, parcel) {
        // The dwellings of a parcel are behind its doors, as many behind each, rounded up.
        (Some(homes), Some(parcel)) => homes(parcel).div_ceil(shares.get(&**parcel).copied().unwrap_or(1).max(1)),
        (Some(_), None) => 0,
        (None, _) => 1,
    };
    let likely: Vec<Dwelling> =
        doors.iter().zip(&parcels).map(|((_, at), parcel)| Dwelling { at: *at, units: units(parcel) }).collect();
    let candidates = candidates(shown, question.error_m, &likely, question.least);
    let told: Vec<Value> = candidates
        .iter()
        .take(NAMED)
        .map(|candidate| {
            let (row, _) = doors[candidate.index];
            json!({
                "address": name_of(addresses, row), "feature": reference(addresses, row),
                "parcel": parcels[candidate.index], "dwellings": likely[candidate.index].units,
                "distance_m": format!("{:.0}", candidate.distance_m),
                "percent": format!("{}.{:02}", candidate.parts / 100, candidate.parts % 100),
            })
        })
        .collect();
    let mut warnings = question.site.warnings.clone();
    warnings.extend(odd(candidates.is_empty(), homes.is_none()));
    let within: u64 = candidates.iter().map(|candidate| likely[candidate.index].units).sum();
    let mut answer = json!({
        "place": place(&question.site, None), "error_m": question.error_m, "model": MODEL, "least": question.least,
        "candidates": told, "count": candidates.len(), "dwellings": within,
        "registered": registered(question, frame, shown), "warnings": warnings,
    });
    let used = candidates.iter().map(|candidate| reference(addresses, doors[candidate.index].0)).collect();
    let seen: Vec<Arc<Snapshot>> = [Some(addresses), question.objects.as_ref(), question.register.as_ref()]
        .into_iter()
        .flatten()
        .map(Arc::clone)
        .collect();
    Evidence::new(ENGINE, &question.site, (Some(question.day), question.seq), Seen::of(&seen), used).seal(&mut answer);
    answer
}

fn point(row: RowRef<'_>) -> Option<[f64; 2]> {
    match Positions::LonLat.geometry(row)? {
        Geometry::Point(point) => Some([point.x(), point.y()]),
        _ => None,
    }
}

/// Dwellings on a parcel, by its reference.
type Homes<'a> = Box<dyn Fn(&str) -> u64 + 'a>;

/// How many dwellings there are on a parcel: of the census dumps, or else of what is taxed.
fn homes(question: &Question, frame: Rect<f64>) -> Option<Homes<'_>> {
    let register = &question.dumps.register;
    if !register.is_empty() {
        return Some(Box::new(move |parcel| {
            let Ok(reference) = ParcelReference::parse(parcel) else { return 0 };
            let (sheet, number) = (reference.sheet.sheet.to_string(), reference.number.to_string());
            let units = register.units(reference.sheet.code(), &sheet, &number, question.day);
            units.iter().filter(|unit| unit.is_dwelling()).count() as u64
        }));
    }
    let taxed = dwellings(question, question.objects.as_deref()?, frame);
    Some(Box::new(move |parcel| taxed.get(parcel).copied().unwrap_or(0)))
}

/// Dwellings by the reference of their parcel: objects of the categories A but A/10, which are offices.
fn dwellings(question: &Question, objects: &Snapshot, frame: Rect<f64>) -> HashMap<String, u64> {
    // A parcel's middle may lie farther away than its door.
    let rows = near(objects, frame, question.error_m + 200.0, Some(question.day)).into_iter();
    let mut homes = HashMap::new();
    for row in rows {
        let category: String =
            words(objects, row, "category").unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let is_home = category.strip_prefix('A').is_some_and(|number| number.trim_start_matches('0') != "10");
        if is_home && let Some(parcel) = words(objects, row, "parcel_ref") {
            *homes.entry(parcel).or_default() += 1;
        }
    }
    homes
}

/// How many structures are registered in the circle, where they are not few.
fn registered(question: &Question, frame: Rect<f64>, shown: [f64; 2]) -> Value {
    let Some(register) = &question.register else { return Value::Null };
    let rows = near(register, frame, question.error_m, Some(question.day)).into_iter();
    let inside = rows.filter(|row| {
        let line = |at: [f64; 2]| geo_types::MultiLineString(vec![vec![shown, at].into()]);
        point(*row).is_some_and(|at| bricola_territory::overlay::length_m(&line(at)) <= question.error_m)
    });
    match inside.count() as u64 {
        few if few > 0 && few < question.least => Value::Null,
        many => json!(many),
    }
}

fn odd(none: bool, unknown: bool) -> Vec<Warning> {
    let mut warnings = vec![Warning::new(
        "no-accusation",
        Text::new(
            "il punto di un annuncio è approssimato: le probabilità dicono dove può essere, non dove è",
            "the place of a listing is blurred: probabilities say where it may be, not where it is",
        ),
    )];
    if none {
        let text = Text::new(
            "nel cerchio ci sono troppo poche abitazioni: l’elenco indicherebbe qualcuno, e non si dà",
            "there are too few dwellings in the circle: the list would point at somebody, and is not given",
        );
        warnings.push(Warning::new("too-few", text));
    }
    if unknown {
        let text = Text::new(
            "non si sa quante abitazioni ci sono sulle particelle: ogni civico conta per una",
            "how many dwellings there are on the parcels is not known: each address counts as one",
        );
        warnings.push(Warning::new("dwellings-unknown", text));
    }
    warnings
}
