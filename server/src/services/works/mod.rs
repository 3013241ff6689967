//! The register of public works: each with how it stands and what is odd about it, and sums by what they have in common.

mod districts;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bricola_layers::cache::Snapshot;
use bricola_layers::log::Seq;
use bricola_territory::codes::Cup;
use bricola_territory::overlay::Unmeasurable;
use bricola_territory::text::Warning;
use bricola_territory::works::{ENGINE, Indicators, Record, Totals, check, stand};
use bricola_territory::{Exact, Text};
use chrono::{Datelike as _, NaiveDate};
use serde_json::{Value, json};

use super::site::{Evidence, Seen, Shape, Site, words};

/// Id of the layer of works.
pub const LAYER: &str = "public-works";
/// Id of the layer of districts.
pub const DISTRICTS: &str = "districts";

/// What the works of a sum have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The phase.
    Phase,
    /// The kind.
    Kind,
    /// The funding.
    Funding,
    /// The year of the planned start.
    Year,
    /// The district, by length or area of what lies in each.
    District,
}

impl By {
    /// All of them, by the words of questions.
    pub const WORDS: [(&str, Self); 5] = [
        ("phase", Self::Phase),
        ("kind", Self::Kind),
        ("funding", Self::Funding),
        ("year", Self::Year),
        ("district", Self::District),
    ];
}

/// What is asked of the register.
#[derive(Debug)]
pub struct Question {
    /// The day on which works are looked at.
    pub day: NaiveDate,
    /// By what sums are made.
    pub by: By,
    /// Only works with this value: field and value.
    pub only: Vec<(&'static str, String)>,
    /// Only works with something odd about them.
    pub odd_only: bool,
    /// Works that are listed at most.
    pub limit: usize,
    /// The layer of works; none where there is no register.
    pub works: Option<Arc<Snapshot>>,
    /// The layer of districts, and the level of those that count; needed for sums by district.
    pub districts: Option<(Arc<Snapshot>, String)>,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// A work with all that is told of it.
struct Told {
    record: Record,
    stand: Indicators,
    warnings: Vec<Warning>,
    /// The groups that it is in, each with its share of it.
    groups: Vec<(String, Exact)>,
}

/// Answers: sums over all works that are asked for, by group, and the works themselves as far as the limit goes.
///
/// # Errors
/// A work that cannot be measured, where districts are asked for.
pub fn works(question: &Question) -> Result<Value, Unmeasurable> {
    let mut all: Vec<Told> = Vec::new();
    let twice = borne_twice(question);
    let districts = question.districts.as_ref().map(|(layer, level)| districts::Districts::of(layer, level));
    let rows = question.works.iter().flat_map(|snapshot| snapshot.rows().map(move |row| (&**snapshot, row)));
    for (snapshot, row) in rows {
        let has = |(field, value): &(&str, String)| words(snapshot, row, field).as_deref() == Some(value.as_str());
        if !question.only.iter().all(has) {
            continue;
        }
        let record = read::record(snapshot, row);
        let groups = match (&districts, question.by) {
            (Some(districts), By::District) => districts.shares(row)?,
            _ => vec![(group(question.by, snapshot, row, &record), Exact::one())],
        };
        let (stand, mut warnings) = (stand(&record, question.day), check(&record));
        warnings.extend(code(record.cup.as_deref()).filter(|cup| twice.contains(cup)).map(|_| same_cup()));
        all.push(Told { record, stand, warnings, groups });
    }
    all.retain(|told| !question.odd_only || !told.warnings.is_empty());
    all.sort_by(|a, b| (&a.record.cup, &a.record.feature).cmp(&(&b.record.cup, &b.record.feature)));
    let mut groups: BTreeMap<&str, Totals> = BTreeMap::new();
    let mut total = Totals::default();
    for told in &all {
        total.add(&told.record, &told.stand, &Exact::one());
        for (group, share) in &told.groups {
            groups.entry(group).or_default().add(&told.record, &told.stand, share);
        }
    }
    let listed: Vec<Value> = all.iter().take(question.limit).map(one).collect();
    let groups: Vec<Value> = groups.iter().map(|(group, totals)| summed(Some(group), totals)).collect();
    let mut answer = json!({
        "day": question.day, "by": By::WORDS.iter().find(|(_, by)| *by == question.by).map(|(word, _)| *word),
        "total": summed(None, &total), "groups": groups,
        "works": listed, "omitted": all.len().saturating_sub(question.limit),
        "odd": all.iter().filter(|told| !told.warnings.is_empty()).count(),
        "warnings": question.works.is_none().then(no_register).as_slice(),
    });
    let districts = question.districts.iter().map(|(layer, _)| layer);
    let layers: Vec<Arc<Snapshot>> = question.works.iter().chain(districts).map(Arc::clone).collect();
    let used = all.into_iter().map(|told| told.record.feature).collect();
    let nowhere = Site {
        shape: Shape::Lines(geo_types::MultiLineString(Vec::new())),
        transform: None,
        feature: None,
        warnings: Vec::new(),
    };
    Evidence::new(ENGINE, &nowhere, (Some(question.day), question.seq), Seen::of(&layers), used).seal(&mut answer);
    // A thousand features by name would hide the answer: the layer as of the change says which they are.
    answer["evidence"]["features"] = json!([]);
    Ok(answer)
}

fn group(by: By, snapshot: &Snapshot, row: bricola_layers::cache::RowRef<'_>, record: &Record) -> String {
    let said = match by {
        By::Phase => record.phase.clone(),
        By::Kind => words(snapshot, row, "kind"),
        By::Funding => words(snapshot, row, "funding"),
        By::Year => record.start_planned.map(|day| day.year().to_string()),
        By::District => None,
    };
    said.unwrap_or_default()
}

fn no_register() -> Warning {
    let text = Text::new(
        format!("lo strato {LAYER} non c’è: non si sa di alcuna opera"),
        format!("the layer {LAYER} is not there: no work is known"),
    );
    Warning::new("no-layer", text)
}

/// Codes that several works of the register bear, however they are written.
fn borne_twice(question: &Question) -> BTreeSet<String> {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let rows = question.works.iter().flat_map(|snapshot| snapshot.rows().map(move |row| (snapshot, row)));
    for cup in rows.filter_map(|(snapshot, row)| code(words(snapshot, row, "cup").as_deref())) {
        if !once.insert(cup.clone()) {
            twice.insert(cup);
        }
    }
    twice
}

fn code(cup: Option<&str>) -> Option<String> {
    Cup::parse(cup?).ok().map(|cup| cup.code)
}

fn same_cup() -> Warning {
    Warning::new("cup-twice", Text::new("un’altra opera ha lo stesso CUP", "another work has the same CUP"))
}

fn euro(value: Option<&Exact>) -> Option<String> {
    value.map(|value| value.fixed(2))
}

fn one(told: &Told) -> Value {
    let (record, stand) = (&told.record, &told.stand);
    json!({
        "feature": record.feature, "cup": record.cup, "cig": record.cig, "title": record.title, "phase": record.phase,
        "amount_eur": euro(record.amount.as_ref()), "progress_pct": record.progress.as_ref().map(|it| it.fixed(1)),
        "start_planned": record.start_planned, "end_planned": record.end_planned, "end_expected": record.end_expected,
        "start_actual": record.start_actual, "end_actual": record.end_actual,
        "planned_value_eur": euro(stand.planned_value.as_ref()), "earned_value_eur": euro(stand.earned_value.as_ref()),
        "actual_cost_eur": euro(stand.actual_cost.as_ref()), "growth_eur": euro(stand.growth.as_ref()),
        "days_late": stand.days_late, "days_replanned": stand.days_replanned,
        "phases": record.parts.phases, "contracts": record.parts.contracts, "funds": record.parts.funds,
        "warnings": told.warnings,
    })
}

fn summed(group: Option<&str>, totals: &Totals) -> Value {
    let mut told = json!({
        "works": totals.works, "late": totals.late, "amount_eur": euro(totals.amount.as_ref()),
        "amount_unknown": totals.amount_unknown, "valued": totals.valued,
        "planned_value_eur": euro(totals.planned_value.as_ref()), "earned_value_eur": euro(totals.earned_value.as_ref()),
        "schedule_index": totals.schedule_index().map(|index| index.fixed(3)),
        "actual_cost_eur": euro(totals.actual_cost.as_ref()), "growth_eur": euro(totals.growth.as_ref()),
    });
    if let Some(group) = group {
        told["group"] = group.into();
    }
    told
}
