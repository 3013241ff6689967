//! How listings stand beside the register, by area: counts without small cells.

use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot, Validity, ValueRef};
use bricola_layers::crs::CrsError;
use bricola_layers::log::Seq;
use bricola_layers::query::Positions;
use bricola_territory::Text;
use bricola_territory::codes::Scope;
use bricola_territory::rentals::{Listing, Protected, Register, Standing, Structure, protect, protect_line, standings};
use bricola_territory::text::Warning;
use chrono::NaiveDate;
use geo_types::Geometry;
use serde_json::{Value, json};
use thiserror::Error;

use super::ENGINE;
use super::areas::Areas;
use crate::services::jobs::Progress;
use crate::services::site::{Evidence, Seen, Site, code_of, name_of, reference, words};

/// Listings after which progress is told.
const STEP: usize = 1_000;

/// Ways to stand amiss.
const AMISS: usize = 6;
/// See [`AMISS`].
const MISMATCHES: [Standing; AMISS] = [
    Standing::NoCode,
    Standing::NotACode,
    Standing::OtherComune,
    Standing::NotRegistered,
    Standing::BeyondUnits,
    Standing::Elsewhere,
];

/// A listing as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its code, whatever that is.
    pub code: String,
    /// Longitude and latitude.
    pub at: [f64; 2],
    /// Metres by which that may be off, where it says so.
    pub error_m: Option<f64>,
}

/// A structure as the register has it.
struct Registered {
    code: String,
    units: Option<u64>,
    beds: u64,
    at: Option<[f64; 2]>,
}

/// What is compared with what.
#[derive(Debug)]
pub struct Question {
    /// The areas.
    pub areas: Arc<Snapshot>,
    /// The layer of listings; none where somebody sent theirs.
    pub listings: Option<Arc<Snapshot>>,
    /// Those that somebody sent.
    pub sent: Vec<Shown>,
    /// The register.
    pub register: Arc<Snapshot>,
    /// Metres by which a listing may be off that does not say.
    pub error_m: f64,
    /// Least count that is told.
    pub least: u64,
    /// ISTAT code of the comune, where the server is told.
    pub comune: Option<String>,
    /// The day on which areas and structures must be valid.
    pub day: Option<NaiveDate>,
    /// The last change that the answer reflects.
    pub seq: Seq,
    /// How far it is.
    pub progress: Progress,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum NotCompared {
    /// A place without coordinates in the CRS of the areas.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// Nobody wants it any more.
    #[error("it was called off")]
    Dismissed,
}

/// Answers: `{"areas": […], "standings": […], "listings", "mismatches", "registered", "least", "warnings", "evidence"}`.
///
/// # Errors
/// See [`NotCompared`].
pub fn compared(question: &Question) -> Result<Value, NotCompared> {
    let mut shown = question.sent.clone();
    if let Some(listings) = &question.listings {
        shown.extend(rows(listings, question.day).filter_map(|row| listing(listings, row)));
    }
    let structures: Vec<Registered> =
        rows(&question.register, question.day).map(|row| structure(&question.register, row)).collect();
    let register = Register::new(structures.iter().map(|it| Structure { code: &it.code, units: it.units, at: it.at }));
    let usual = question.error_m;
    let listings: Vec<Listing<'_>> =
        shown.iter().map(|it| Listing { code: &it.code, shown: it.at, error_m: it.error_m.unwrap_or(usual) }).collect();
    let scope = Scope { comuni: question.comune.iter().cloned().collect(), classes: Vec::new() };
    let stand = standings(&listings, &register, &scope);

    let areas = Areas::of(&question.areas, question.day);
    // What lies in no area has a row of its own.
    let mut counts = vec![(vec![0_u64; AMISS], 0_u64); areas.len() + 1];
    for (done, (listing, standing)) in listings.iter().zip(&stand).enumerate() {
        if done % STEP == 0 {
            question.progress.reach(done as u64, listings.len() as u64);
            if question.progress.is_dismissed() {
                return Err(NotCompared::Dismissed);
            }
        }
        let (kinds, rest) = &mut counts[areas.at(listing.shown)?.unwrap_or(areas.len())];
        *MISMATCHES.iter().position(|kind| kind == standing).map_or(rest, |kind| &mut kinds[kind]) += 1;
    }
    let mut registered = vec![[0_u64; 3]; areas.len() + 1];
    for it in &structures {
        let area = it.at.map(|at| areas.at(at)).transpose()?.flatten().unwrap_or(areas.len());
        for (sum, more) in registered[area].iter_mut().zip([1, it.units.unwrap_or(0), it.beds]) {
            *sum += more;
        }
    }
    let table = protect(&counts, question.least);
    let mut answer = told(question, &areas, &table, &registered);
    answer["warnings"] = json!(warnings(question, &shown, &register, structures.len()));
    let used = areas.rows().iter().map(|at| reference(&question.areas, question.areas.row_at(*at))).collect();
    let seen: Vec<Arc<Snapshot>> =
        [&question.areas, &question.register].into_iter().chain(&question.listings).map(Arc::clone).collect();
    Evidence::new(ENGINE, &Site::nowhere(), (question.day, question.seq), Seen::of(&seen), used).seal(&mut answer);
    Ok(answer)
}

fn rows(snapshot: &Snapshot, day: Option<NaiveDate>) -> impl Iterator<Item = RowRef<'_>> {
    let validity = Validity::of(snapshot.definition(), day);
    snapshot.matching(|row| validity.holds(row)).into_iter().map(|at| snapshot.row_at(at))
}

fn position(row: RowRef<'_>) -> Option<[f64; 2]> {
    match Positions::LonLat.geometry(row)? {
        Geometry::Point(point) => Some([point.x(), point.y()]),
        _ => None,
    }
}

/// CIN and CIR, as far as there are any.
fn codes(snapshot: &Snapshot, row: RowRef<'_>) -> String {
    let codes: Vec<String> = ["cin", "cir"].into_iter().filter_map(|name| words(snapshot, row, name)).collect();
    codes.join(" ")
}

fn number(snapshot: &Snapshot, row: RowRef<'_>, name: &str) -> Option<f64> {
    let (position, _) = snapshot.definition().field(name)?;
    match row.base.value(row.row, position) {
        ValueRef::Integer(value) => Some(value as f64),
        ValueRef::Real(value) => Some(value),
        _ => None,
    }
}

fn listing(snapshot: &Snapshot, row: RowRef<'_>) -> Option<Shown> {
    let error_m = number(snapshot, row, "error_m").filter(|metres| metres.is_finite() && *metres >= 0.0);
    Some(Shown { code: codes(snapshot, row), at: position(row)?, error_m })
}

fn structure(snapshot: &Snapshot, row: RowRef<'_>) -> Registered {
    let whole = |name| number(snapshot, row, name).filter(|value| *value >= 0.0).map(|value| value as u64);
    let (code, at) = (codes(snapshot, row), position(row));
    Registered { code, units: whole("units"), beds: whole("beds").unwrap_or(0), at }
}

fn told(question: &Question, areas: &Areas, table: &Protected, registered: &[[u64; 3]]) -> Value {
    let sums: Vec<[u64; 3]> = table
        .rows
        .iter()
        .map(|row| row.rows.iter().fold([0; 3], |sum, area| [0, 1, 2].map(|it: usize| sum[it] + registered[*area][it])))
        .collect();
    let structures: Vec<u64> = sums.iter().map(|sum| sum[0]).collect();
    let (each, all) = protect_line(&structures, question.least);
    let of = |[structures, units, beds]: [u64; 3]| json!({"structures": structures, "units": units, "beds": beds});
    let snapshot = &question.areas;
    let name = |area: &usize| match areas.rows().get(*area) {
        Some(at) => {
            let row = snapshot.row_at(*at);
            json!({"code": code_of(snapshot, row), "name": name_of(snapshot, row), "feature": reference(snapshot, row)})
        }
        None => json!({"code": null, "name": null, "feature": null}),
    };
    let rows: Vec<Value> = table
        .rows
        .iter()
        .zip(&sums)
        .zip(&each)
        .map(|((row, sums), structures)| {
            let areas: Vec<Value> = row.rows.iter().map(name).collect();
            json!({
                "areas": areas, "listings": row.total, "mismatches": row.mismatches, "standings": row.kinds,
                "registered": structures.map(|_| of(*sums)),
            })
        })
        .collect();
    let kinds: Vec<Value> = table.kinds.iter().map(|(columns, count)| kind(columns, *count)).collect();
    let sum = |it: usize| sums.iter().map(|sum| sum[it]).sum();
    json!({
        "areas": rows, "standings": kinds, "listings": table.total, "mismatches": table.mismatches,
        "registered": all.map(|structures| of([structures, sum(1), sum(2)])),
        "layer": snapshot.definition().id, "least": question.least,
    })
}

/// One way to stand amiss, or several that are told together.
fn kind(columns: &[usize], count: u64) -> Value {
    let texts: Vec<Text> = columns.iter().map(|column| MISMATCHES[*column].text()).collect();
    let joined = |of: fn(&Text) -> &str| texts.iter().map(of).collect::<Vec<_>>().join("; ");
    let codes: Vec<&str> = columns.iter().map(|column| MISMATCHES[*column].code()).collect();
    json!({"codes": codes, "title": {"it": joined(|text| &text.it), "en": joined(|text| &text.en)}, "count": count})
}

fn warnings(question: &Question, shown: &[Shown], register: &Register, structures: usize) -> Vec<Warning> {
    let mut warnings = vec![Warning::new(
        "no-accusation",
        Text::new(
            "i punti degli annunci sono approssimati e i codici possono contenere errori: i conteggi indicano dove guardare, non accusano nessuno",
            "places of listings are blurred and codes may have slips: the counts say where to look, they accuse nobody",
        ),
    )];
    if shown.is_empty() {
        let text = Text::new("non c’è alcun annuncio", "there is no listing");
        warnings.push(Warning::new("no-listings", text));
    }
    if structures == 0 {
        let text = Text::new("il registro delle strutture è vuoto", "the register of structures is empty");
        warnings.push(Warning::new("empty-register", text));
    } else if !register.has_codes() {
        let text = Text::new(
            "il registro non contiene né CIN né CIR: dei codici degli annunci si può dire solo la forma",
            "the register has neither CIN nor CIR: of the codes of listings only their form can be told",
        );
        warnings.push(Warning::new("register-without-codes", text));
    }
    if question.comune.is_none() {
        let text = Text::new(
            "il server non sa il codice ISTAT del comune (tenant.istat): i codici di altri comuni non si distinguono",
            "the server is not told the comune's ISTAT code (tenant.istat): codes of other comuni are not told apart",
        );
        warnings.push(Warning::new("no-istat", text));
    }
    warnings
}
