//! How works stand on a day.

use chrono::NaiveDate;
use serde::Serialize;

use super::record::Record;
use crate::Exact;

/// Version of the arithmetic.
pub const ENGINE: &str = "bricola-works/1";

/// How a work stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Indicators {
    /// Planned value: what should be done by the day, in euro.
    pub planned_value: Option<Exact>,
    /// Earned value: what is done, in euro.
    pub earned_value: Option<Exact>,
    /// Actual cost: what was paid, in euro.
    pub actual_cost: Option<Exact>,
    /// By how much the contracts exceed the amount, in euro.
    pub growth: Option<Exact>,
    /// Days behind the plan: of the end, or so far.
    pub days_late: Option<i64>,
    /// Days by which the end was planned again.
    pub days_replanned: Option<i64>,
}

/// Sums over works, each with the share of it that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many works, each once.
    pub works: usize,
    /// Of these, how many are late.
    pub late: usize,
    /// Sum of the amounts that are known, in euro.
    pub amount: Option<Exact>,
    /// Works whose amount is not known.
    pub amount_unknown: usize,
    /// Planned value of works of which all is known that earned value needs.
    pub planned_value: Option<Exact>,
    /// Earned value of the same works.
    pub earned_value: Option<Exact>,
    /// How many works these are.
    pub valued: usize,
    /// Sum of what was paid, where it is known.
    pub actual_cost: Option<Exact>,
    /// Sum of the growth of contracts, where it is known.
    pub growth: Option<Exact>,
}

/// How a work stands on a day. The planned value is to the cent: fractions of thousands of different numbers of days would
/// have sums with denominators of thousands of digits.
pub fn stand(record: &Record, day: NaiveDate) -> Indicators {
    let hundred = Exact::from(100);
    let share = planned_share(record, day);
    let late_from = record.end_planned;
    let end = record.end_actual.or_else(|| Some(day).filter(|day| late_from.is_some_and(|planned| *day > planned)));
    Indicators {
        planned_value: record.amount.clone().zip(share).map(|(amount, share)| (amount * &share).rounded(2)),
        earned_value: record
            .amount
            .clone()
            .zip(record.progress.as_ref())
            .map(|(amount, it)| amount * &(it.clone() / &hundred)),
        actual_cost: record.paid.clone(),
        growth: record.contract.clone().zip(record.amount.as_ref()).map(|(contract, amount)| contract - amount),
        days_late: late_from.map(|planned| end.map_or(0, |end| (end - planned).num_days())),
        days_replanned: record.end_expected.zip(record.end_planned).map(|(now, first)| (now - first).num_days()),
    }
}

/// What part of the planned days is over at the end of a day.
fn planned_share(record: &Record, day: NaiveDate) -> Option<Exact> {
    let (from, to) = record.start_planned.zip(record.end_planned)?;
    let whole = u64::try_from((to - from).num_days() + 1).ok().filter(|days| *days > 0)?;
    let over = u64::try_from((day - from).num_days() + 1).unwrap_or_default().min(whole);
    Some(Exact::from(over) / &Exact::from(whole))
}

impl Totals {
    /// Adds a share of a work (1: all of it).
    pub fn add(&mut self, record: &Record, stand: &Indicators, share: &Exact) {
        let is_whole = *share == Exact::one();
        let part = |value: &Option<Exact>| value.clone().map(|value| if is_whole { value } else { value * share });
        self.works += 1;
        self.late += usize::from(stand.days_late.is_some_and(|days| days > 0));
        self.amount_unknown += usize::from(record.amount.is_none());
        add(&mut self.amount, part(&record.amount));
        add(&mut self.actual_cost, part(&stand.actual_cost));
        add(&mut self.growth, part(&stand.growth));
        if let Some((planned, earned)) = part(&stand.planned_value).zip(part(&stand.earned_value)) {
            self.valued += 1;
            add(&mut self.planned_value, Some(planned));
            add(&mut self.earned_value, Some(earned));
        }
    }

    /// Earned over planned value: less than one is behind the plan. None where nothing was planned yet.
    pub fn schedule_index(&self) -> Option<Exact> {
        let (earned, planned) = self.earned_value.clone().zip(self.planned_value.as_ref())?;
        (!planned.is_zero()).then(|| earned / planned)
    }
}

fn add(sum: &mut Option<Exact>, value: Option<Exact>) {
    if let Some(value) = value {
        *sum = Some(match sum.take() {
            Some(sum) => sum + &value,
            None => value,
        });
    }
}
