//! How works stand on a day.

use chrono::NaiveDate;
use serde::Serialize;

use super::decimal::{Cents, Decimal, Percent, Share};
use super::record::{Contract, PhaseDates, Record};
use crate::Exact;

/// Version of the arithmetic.
pub const ENGINE: &str = "bricola-works/2";

/// How a work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Indicators {
    /// What part of the planned days is over, in percent.
    pub planned: Option<Percent>,
    /// Planned value: what should be done by the day, in euro.
    pub planned_value: Option<Cents>,
    /// Earned value: what is done, in euro.
    pub earned_value: Option<Decimal<6>>,
    /// Actual cost: what was paid, in euro.
    pub actual_cost: Option<Cents>,
    /// By how much the contracts exceed the amount, in euro.
    pub growth: Option<Cents>,
    /// Days behind the plan: of the end, or so far.
    pub days_late: Option<i64>,
    /// Days by which the end was planned again.
    pub days_replanned: Option<i64>,
}

impl Indicators {
    /// Earned less planned value: below nothing is behind the plan.
    pub fn schedule_variance(&self) -> Option<Decimal<6>> {
        Some(self.earned_value?.minus(self.planned_value?.finer()))
    }

    /// Earned value less actual cost: below nothing costs more than it is worth.
    pub fn cost_variance(&self) -> Option<Decimal<6>> {
        Some(self.earned_value?.minus(self.actual_cost?.finer()))
    }

    /// Earned over planned value: less than one is behind the plan. None where nothing was planned yet.
    pub fn schedule_index(&self) -> Option<Exact> {
        self.earned_value?.over(self.planned_value?.finer())
    }

    /// Earned value over actual cost: less than one costs more than it is worth. None where nothing was paid yet.
    pub fn cost_index(&self) -> Option<Exact> {
        self.earned_value?.over(self.actual_cost?.finer())
    }
}

/// How a work stands on a day. The planned value is to the cent.
pub fn stand(record: &Record, day: NaiveDate) -> Indicators {
    let late_from = record.end_planned;
    let end = record.end_actual.or_else(|| Some(day).filter(|day| late_from.is_some_and(|planned| *day > planned)));
    let over = planned_days(record, day);
    Indicators {
        planned: over.map(|(over, all)| Percent::HUNDRED.parts(over, all)),
        planned_value: record.amount.zip(over).map(|(amount, (over, all))| amount.parts(over, all)),
        earned_value: record.amount.zip(record.progress).map(|(amount, progress)| amount.percent_of_it(progress)),
        actual_cost: record.paid,
        growth: record.contract.zip(record.amount).map(|(contract, amount)| contract.minus(amount)),
        days_late: late_from.map(|planned| end.map_or(0, |end| (end - planned).num_days())),
        days_replanned: record.end_expected.zip(record.end_planned).map(|(now, first)| (now - first).num_days()),
    }
}

/// How many of how many planned days are over at the end of a day.
fn planned_days(record: &Record, day: NaiveDate) -> Option<(i64, i64)> {
    let (from, to) = record.start_planned.zip(record.end_planned)?;
    let all = (to - from).num_days() + 1;
    (all > 0).then(|| (((day - from).num_days() + 1).clamp(0, all), all))
}

/// Days by which a phase is behind what was planned at first: of its end, or so far.
pub fn phase_days_late(phase: &PhaseDates, day: NaiveDate) -> Option<i64> {
    let planned = phase.planned?;
    Some(phase.actual.map_or_else(|| (day - planned).num_days().max(0), |actual| (actual - planned).num_days()))
}

/// What is acknowledged as done by a day: the last state of progress of each contract, weighed by what the contract comes
/// to. Contracts without one by then count with nothing; none where there is no contract of any worth.
pub fn acknowledged(contracts: &[Contract], day: NaiveDate) -> Option<Percent> {
    let mut all = Cents::default();
    let mut done = Decimal::<6>::default();
    for contract in contracts {
        let weight = Cents::euro(contract.current_eur)?;
        let last = contract.sal.iter().filter(|sal| sal.date <= day).max_by_key(|sal| (sal.date, sal.n));
        all = all.plus(weight);
        if let Some(sal) = last {
            done = done.plus(weight.percent_of_it(Cents::percent(sal.physical_pct)?));
        }
    }
    let share = done.over(all.finer())?;
    Percent::of_exact(&(share * &Exact::from(100)))
}

/// By how much contracts exceed what was put to tender, in percent; none where nothing was.
pub fn over_tender(contracts: &[Contract]) -> Option<Percent> {
    let sum = |of: fn(&Contract) -> f64| -> Option<Cents> {
        contracts.iter().try_fold(Cents::default(), |sum, it| Some(sum.plus(Cents::euro(of(it))?)))
    };
    let (base, current) = (sum(|it| it.base_eur)?, sum(|it| it.current_eur)?);
    Cents::percent_of(current.minus(base), base)
}

/// Sums over works, each with the share of it that counts; money in euro.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many works, each once.
    pub works: usize,
    /// Of these, how many are late.
    pub late: usize,
    /// Days by which these are.
    pub days_late: i64,
    /// Sum of the amounts that are known.
    pub amount: Option<Decimal<14>>,
    /// Works whose amount is not known.
    pub amount_unknown: usize,
    /// Works of which all is known that their value needs.
    pub valued: usize,
    /// Their amounts, …
    pub valued_amount: Option<Decimal<14>>,
    /// … planned values, …
    pub planned_value: Option<Decimal<14>>,
    /// … and earned values.
    pub earned_value: Option<Decimal<18>>,
    /// Works whose earned value and cost are known.
    pub costed: usize,
    /// Their earned values …
    pub costed_value: Option<Decimal<18>>,
    /// … and costs.
    pub costed_cost: Option<Decimal<14>>,
    /// Sum of what was paid, where it is known.
    pub actual_cost: Option<Decimal<14>>,
    /// Sum of the growth of contracts, where it is known.
    pub growth: Option<Decimal<14>>,
}

impl Totals {
    /// Adds a share of a work.
    pub fn add(&mut self, record: &Record, stand: &Indicators, share: Share) {
        let part = |value: Option<Cents>| value.map(|value| value.share(share));
        let late = stand.days_late.unwrap_or_default().max(0);
        self.works += 1;
        self.late += usize::from(late > 0);
        self.days_late += late;
        self.amount_unknown += usize::from(record.amount.is_none());
        add(&mut self.amount, part(record.amount));
        add(&mut self.actual_cost, part(stand.actual_cost));
        add(&mut self.growth, part(stand.growth));
        let earned = stand.earned_value.map(|value| value.share(share));
        if let Some((planned, earned)) = part(stand.planned_value).zip(earned) {
            self.valued += 1;
            add(&mut self.valued_amount, part(record.amount));
            add(&mut self.planned_value, Some(planned));
            add(&mut self.earned_value, Some(earned));
        }
        if let Some((cost, earned)) = part(stand.actual_cost).zip(earned) {
            self.costed += 1;
            add(&mut self.costed_cost, Some(cost));
            add(&mut self.costed_value, Some(earned));
        }
    }

    /// Earned less planned value.
    pub fn schedule_variance(&self) -> Option<Decimal<18>> {
        Some(self.earned_value?.minus(self.planned_value?.finer()))
    }

    /// Earned value less cost, of the works whose cost is known.
    pub fn cost_variance(&self) -> Option<Decimal<18>> {
        Some(self.costed_value?.minus(self.costed_cost?.finer()))
    }

    /// Earned over planned value: less than one is behind the plan. None where nothing was planned yet.
    pub fn schedule_index(&self) -> Option<Exact> {
        self.earned_value?.over(self.planned_value?.finer())
    }

    /// Earned value over cost: less than one costs more than it is worth. None where nothing was paid yet.
    pub fn cost_index(&self) -> Option<Exact> {
        self.costed_value?.over(self.costed_cost?.finer())
    }

    /// Percent that should be done, weighed by the amounts.
    pub fn planned(&self) -> Option<Exact> {
        Some(self.planned_value?.over(self.valued_amount?)? * &Exact::from(100))
    }

    /// Percent that is done, weighed by the amounts.
    pub fn done(&self) -> Option<Exact> {
        Some(self.earned_value?.over(self.valued_amount?.finer())? * &Exact::from(100))
    }
}

fn add<const DECIMALS: u32>(sum: &mut Option<Decimal<DECIMALS>>, value: Option<Decimal<DECIMALS>>) {
    if let Some(value) = value {
        *sum = Some(sum.unwrap_or_default().plus(value));
    }
}
