//! Works and their sums as the answer tells them.

use bricola_territory::Exact;
use bricola_territory::works::{
    Cents, Indicators, Percent, Record, Totals, acknowledged, over_tender, phase_days_late,
};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::kept::{Register, Work};

/// Decimals of an index.
const INDEX: u32 = 3;
/// Decimals of a percentage.
const PERCENT: u32 = 1;

/// A work with how it stands.
pub fn one(register: &Register, work: &Work, stand: &Indicators, day: NaiveDate) -> Value {
    let record = &work.record;
    let mut told = json!({
        "feature": record.feature, "cup": record.cup, "cig": record.cig, "title": record.title, "phase": record.phase,
        "kind": record.kind, "funding": record.funding,
        "amount_eur": euro(record.amount), "progress_pct": percent(record.progress),
        "start_planned": record.start_planned, "end_planned": record.end_planned, "end_expected": record.end_expected,
        "start_actual": record.start_actual, "end_actual": record.end_actual,
        "planned_value_eur": euro(stand.planned_value), "earned_value_eur": stand.earned_value.map(|it| it.fixed(2)),
        "actual_cost_eur": euro(stand.actual_cost), "growth_eur": euro(stand.growth),
        "schedule_variance_eur": stand.schedule_variance().map(|it| it.fixed(2)),
        "schedule_index": index(stand.schedule_index()),
        "cost_variance_eur": stand.cost_variance().map(|it| it.fixed(2)), "cost_index": index(stand.cost_index()),
        "days_late": stand.days_late, "days_replanned": stand.days_replanned,
        "warnings": register.warnings(work),
    });
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), variances(record, stand, day)) {
        told.extend(more);
    }
    told
}

/// Physical and financial variance, and the parts of the record with how late its phases are.
fn variances(record: &Record, stand: &Indicators, day: NaiveDate) -> Value {
    let parts = &record.parts;
    let of_amount = |part: Option<Cents>| Cents::percent_of(part?, record.amount?);
    let phases: Vec<Value> = parts
        .phases
        .iter()
        .map(|phase| {
            let mut told = json!(phase);
            told["days_late"] = json!(phase_days_late(phase, day));
            told
        })
        .collect();
    json!({
        "planned_pct": percent(stand.planned), "acknowledged_pct": percent(acknowledged(&parts.contracts, day)),
        "physical_variance_pct": percent(record.progress.zip(stand.planned).map(|(done, due)| done.minus(due))),
        "contract_eur": euro(record.contract), "committed_pct": percent(of_amount(record.contract)),
        "paid_pct": percent(of_amount(record.paid)), "over_tender_pct": percent(over_tender(&parts.contracts)),
        "replannings": parts.phases.iter().filter(|phase| phase.replanned.is_some()).count(),
        "phases": phases, "contracts": parts.contracts, "funds": parts.funds,
    })
}

/// Sums, of a group where it is one.
pub fn summed(group: Option<&str>, totals: &Totals) -> Value {
    let mut told = json!({
        "works": totals.works, "late": totals.late, "days_late": totals.days_late,
        "amount_eur": totals.amount.map(|it| it.fixed(2)), "amount_unknown": totals.amount_unknown,
        "valued": totals.valued, "planned_pct": totals.planned().map(|it| it.fixed(PERCENT)),
        "progress_pct": totals.done().map(|it| it.fixed(PERCENT)),
        "planned_value_eur": totals.planned_value.map(|it| it.fixed(2)),
        "earned_value_eur": totals.earned_value.map(|it| it.fixed(2)),
        "schedule_variance_eur": totals.schedule_variance().map(|it| it.fixed(2)),
        "schedule_index": index(totals.schedule_index()),
        "costed": totals.costed, "actual_cost_eur": totals.actual_cost.map(|it| it.fixed(2)),
        "cost_variance_eur": totals.cost_variance().map(|it| it.fixed(2)), "cost_index": index(totals.cost_index()),
        "growth_eur": totals.growth.map(|it| it.fixed(2)),
    });
    if let Some(group) = group {
        told["group"] = group.into();
    }
    told
}

fn euro(value: Option<Cents>) -> Option<String> {
    value.map(|value| value.fixed(2))
}

fn percent(value: Option<Percent>) -> Option<String> {
    value.map(|value| value.fixed(PERCENT))
}

fn index(value: Option<Exact>) -> Option<String> {
    value.map(|value| value.fixed(INDEX))
}
