//! Answers of the index with what their layers say of them now.

use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot, Territory, ValueRef};
use bricola_layers::cadastre::ParcelSearch;
use bricola_layers::crs::Crs;
use bricola_layers::definition::{GeometryType, Scope, SearchKind};
use bricola_layers::feature::{FeatureId, Value};
use bricola_layers::query::{Place, covering};
use bricola_search::{Ask, Failed, Found, HouseNumber, Kind, Quality, Reading, Spot, name_only};

use super::Search;
use super::read::{Plan, spot};
use crate::services::parcels;

/// Id of the layer of cadastral sheets.
const SHEETS: &str = "parcel-sheets";

/// Score of what is told beside a parcel whose reference was typed.
const BESIDE_A_PARCEL: f32 = 0.75;

/// What is looked for, and where.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// As it was typed.
    pub text: String,
    /// It may be unfinished.
    pub open: bool,
    /// Only addresses that have every word.
    pub strict: bool,
    /// Answers at most.
    pub limit: usize,
    /// Only these kinds; all when empty.
    pub kinds: Vec<Kind>,
    /// Only these layers.
    pub layers: Option<Vec<String>>,
    /// Where the caller is, longitude before latitude.
    pub near: Option<[f64; 2]>,
    /// West, south, east, north in degrees.
    pub bbox: Option<[f64; 4]>,
    /// Titles in English.
    pub english: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its name.
    pub label: String,
    /// Where it is, or what.
    pub context: String,
    /// A place on it, and its box.
    pub spot: Spot,
    /// How well it answers, 0 to 1.
    pub score: f32,
    /// How it is what was asked for.
    pub quality: Quality,
    /// Its layer.
    pub layer: String,
    /// The feature; `None` for a street that is only known by its houses.
    pub id: Option<FeatureId>,
    /// The field and the value by which such a street's houses are chosen.
    pub chosen_by: Option<(String, String)>,
    /// Metres from where the caller is.
    pub distance_m: Option<f64>,
}

/// Answers to what somebody typed, the best first.
///
/// # Errors
/// When the index cannot be read.
pub fn find(territory: &Territory, scope: Scope, search: &Search, sought: &Sought) -> Result<Vec<Hit>, Failed> {
    let desk = Desk::new(territory, scope, sought.english);
    let mut hits = if sought.strict { Vec::new() } else { desk.parcels(sought) };
    // Beside a parcel that is meant, what merely has a number like its is noise.
    let least = if hits.is_empty() { 0.0 } else { BESIDE_A_PARCEL };
    let found = search.index.ask(&sought.ask())?;
    hits.extend(found.into_iter().filter(|found| found.score >= least).filter_map(|found| desk.dressed(found)));
    hits.truncate(sought.limit);
    Ok(hits)
}

/// As [`find`], for an address in parts: street or sestiere, number, suffix, district.
///
/// # Errors
/// As [`find`].
pub fn geocode(
    territory: &Territory,
    scope: Scope,
    search: &Search,
    sought: &Sought,
    [street, number, suffix, district]: [&str; 4],
) -> Result<Vec<Hit>, Failed> {
    let number = HouseNumber::read(number, suffix);
    let mut readings: Vec<Reading> = Vec::new();
    if street.is_empty() {
        readings.push(Reading { number, ..name_only(district) });
    } else {
        readings.push(Reading { number, ..name_only(&format!("{street} {district}")) });
    }
    let desk = Desk::new(territory, scope, sought.english);
    let found = search.index.ask_by(&sought.ask(), &readings)?;
    let mut hits: Vec<Hit> = found.into_iter().filter_map(|found| desk.dressed(found)).collect();
    hits.truncate(sought.limit);
    Ok(hits)
}

impl Sought {
    fn ask(&self) -> Ask<'_> {
        let Self { text, open, strict, limit, kinds, layers, near, bbox, .. } = self;
        // Some may be gone by the time that they are looked up.
        let limit = *limit + 5;
        let (open, strict, near, bbox) = (*open, *strict, *near, *bbox);
        Ask { text, open, strict, limit, kinds, layers: layers.as_deref(), near, bbox }
    }

    fn wants(&self, kind: Kind, layer: &str) -> bool {
        let is_wanted = |layers: &Vec<String>| layers.iter().any(|wanted| wanted == layer);
        (self.kinds.is_empty() || self.kinds.contains(&kind)) && self.layers.as_ref().is_none_or(is_wanted)
    }
}

/// Where answers are dressed: the layers as of one moment.
pub struct Desk<'a> {
    territory: &'a Territory,
    scope: Scope,
    english: bool,
    /// Those of places, the finest first.
    places: Vec<(Arc<Snapshot>, Plan)>,
}

impl<'a> Desk<'a> {
    /// Of the layers as they are.
    pub fn new(territory: &'a Territory, scope: Scope, english: bool) -> Self {
        let mut places: Vec<(Arc<Snapshot>, Plan)> = Vec::new();
        for layer in territory.layers() {
            let definition = layer.definition();
            let is_surface = matches!(definition.geometry, GeometryType::Polygon | GeometryType::MultiPolygon);
            let is_place = definition.search.as_ref().is_some_and(|search| search.kind == SearchKind::Place);
            if !is_place || !is_surface || !scope.sees_layer(&definition) {
                continue;
            }
            if let (Some(snapshot), Some(plan)) = (layer.snapshot(), Plan::of(&definition)) {
                places.push((snapshot, plan));
            }
        }
        places.sort_by_key(|(snapshot, _)| std::cmp::Reverse(snapshot.len()));
        Self { territory, scope, english, places }
    }

    /// What the layer says of an answer; `None` where it is gone or not for this caller.
    pub fn dressed(&self, found: Found) -> Option<Hit> {
        let layer = self.territory.layer(&found.layer)?;
        let snapshot = layer.snapshot()?;
        let definition = snapshot.definition();
        if !self.scope.sees_layer(definition) {
            return None;
        }
        let plan = Plan::of(definition)?;
        let Found { id, kind, quality, score, spot, distance_m, street, .. } = found;
        let (label, context, chosen_by) = match (id, kind) {
            (Some(id), Kind::Address) => {
                let (label, context) = address(&plan, snapshot.feature(id)?);
                (label, context, None)
            }
            (Some(id), kind) => {
                let row = snapshot.feature(id)?;
                let name = plan.name(row)?.to_owned();
                let title = &definition.title;
                let title = if self.english { &title.en } else { &title.it };
                let district = self.district(spot.at, &name);
                let context = match (kind, district) {
                    (Kind::Street, Some(district)) => district,
                    (Kind::Feature, Some(district)) => format!("{title} · {district}"),
                    _ => title.clone(),
                };
                (name, context, None)
            }
            (None, kind) => {
                let (street, district) = street?;
                let search = definition.searched()?;
                let field = if kind == Kind::Street { search.street } else { search.district };
                (street.to_string(), district.to_string(), Some((field?, street.to_string())))
            }
        };
        let layer = definition.id.clone();
        Some(Hit { kind, label, context, spot, score, quality, layer, id, chosen_by, distance_m })
    }

    /// The finest place that covers a position and is called otherwise.
    pub fn district(&self, at: [f64; 2], other_than: &str) -> Option<String> {
        let place = Place::new(&Crs::wgs84(), at).ok()?;
        for (snapshot, plan) in &self.places {
            let Some(position) = snapshot.crs().and_then(|crs| place.in_crs(crs).ok()) else { continue };
            let mut names: Vec<&str> = Vec::new();
            covering(snapshot, position, |row| names.extend(plan.name(row)));
            names.sort_unstable();
            if let Some(name) = names.into_iter().find(|name| *name != other_than) {
                return Some(name.to_owned());
            }
        }
        None
    }

    /// Parcels and sheets, where the text is a reference.
    fn parcels(&self, sought: &Sought) -> Vec<Hit> {
        let Ok(reference) = ParcelSearch::parse(&sought.text) else { return Vec::new() };
        let layer = if reference.number.is_some() { parcels::LAYER } else { SHEETS };
        let Some(snapshot) = self.territory.layer(layer).and_then(|layer| layer.snapshot()) else { return Vec::new() };
        if !sought.wants(Kind::Parcel, layer) || !self.scope.sees_layer(snapshot.definition()) {
            return Vec::new();
        }
        let rows = if reference.number.is_some() {
            parcels::find(&reference, &snapshot, sought.limit)
        } else {
            sheets(&reference, &snapshot, sought.limit)
        };
        let hits = rows.into_iter().filter_map(|row| self.parcel(&snapshot, row, sought.near));
        hits.collect()
    }

    fn parcel(&self, snapshot: &Snapshot, row: RowRef<'_>, near: Option<[f64; 2]>) -> Option<Hit> {
        let definition = snapshot.definition();
        let value = |name: &str| match row.base.value(row.row, definition.field(name)?.0) {
            ValueRef::Text(text) => Some(text.to_owned()).filter(|text| !text.is_empty() && text != "_"),
            ValueRef::Integer(number) => Some(number.to_string()),
            _ => None,
        };
        let [sheet, parcel, annex] =
            if self.english { ["Sheet", "parcel", "annex"] } else { ["Foglio", "particella", "allegato"] };
        let mut label = format!("{sheet} {}", value("sheet").unwrap_or_else(|| "?".to_owned()));
        if let Some(given) = value("annex").filter(|annex| annex != "0") {
            label.extend([", ", annex, " ", &given]);
        }
        if let Some(number) = value("number") {
            label.extend([", ", parcel, " ", &number]);
        }
        let spot = spot(row)?;
        let reference = value("national_ref").or_else(|| value("code")).unwrap_or_default();
        let context = match self.district(spot.at, "") {
            Some(district) => format!("{reference} · {district}"),
            None => reference,
        };
        let distance_m = near.map(|near| metres(near, spot.at));
        let (layer, id) = (definition.id.clone(), Some(row.id()));
        let (kind, quality, score) = (Kind::Parcel, Quality::Exact, 1.0);
        Some(Hit { kind, label, context, spot, score, quality, layer, id, chosen_by: None, distance_m })
    }
}

/// Name and context of an address: the sestiere with its number and the street, or the street with its number and the
/// district.
pub fn address(plan: &Plan, row: RowRef<'_>) -> (String, String) {
    let parts = plan.parts(row);
    let Some(number) = HouseNumber::read(&parts.number, parts.suffix) else {
        return (parts.full.to_owned(), parts.district.to_owned());
    };
    let by_district = !parts.district.is_empty() && parts.full.starts_with(parts.district) || parts.street.is_empty();
    let (first, second) = if by_district { (parts.district, parts.street) } else { (parts.street, parts.district) };
    (format!("{first} {number}"), second.to_owned())
}

/// Sheets with a number.
fn sheets<'a>(reference: &ParcelSearch, snapshot: &'a Snapshot, limit: usize) -> Vec<RowRef<'a>> {
    let (Some(sheet), Some((position, field))) = (reference.sheet, snapshot.definition().field("sheet")) else {
        return Vec::new();
    };
    let value = match field.kind {
        bricola_layers::definition::FieldType::Text => Value::Text(sheet.to_string()),
        _ => Value::Integer(sheet),
    };
    let mut ids: Vec<FeatureId> = snapshot.find(position, &value).map(|row| row.id()).collect();
    ids.sort_unstable();
    ids.into_iter().take(limit).filter_map(|id| snapshot.feature(id)).collect()
}

/// Metres between two places, good to some per mille.
fn metres(a: [f64; 2], b: [f64; 2]) -> f64 {
    let east = (a[0] - b[0]) * f64::midpoint(a[1], b[1]).to_radians().cos();
    east.hypot(a[1] - b[1]) * 111_195.0
}
