//! Which plan holds on a day.

use chrono::{Days, NaiveDate};
use serde::Serialize;
use thiserror::Error;

use super::TariffPlan;
use crate::Text;

/// The plans of one office.
#[derive(Debug, Clone, Default)]
pub struct Plans(Vec<TariffPlan>);

/// Why there is not one plan for a day.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum NoPlan {
    /// None holds.
    #[error("no tariff plan is in force on {day}; before it {before:?}, after it {after:?}")]
    Gap {
        /// The day.
        day: NaiveDate,
        /// The last plan that ended before.
        before: Option<String>,
        /// The first that begins after.
        after: Option<String>,
    },
    /// More than one holds.
    #[error("on {day} several tariff plans are in force: {plans:?}")]
    Overlap {
        /// The day.
        day: NaiveDate,
        /// Their ids.
        plans: Vec<String>,
    },
}

impl NoPlan {
    /// What to say to people.
    pub fn text(&self) -> Text {
        match self {
            Self::Gap { day, before, after } => {
                let name = |id: &Option<String>, none: &str| id.clone().unwrap_or_else(|| none.into());
                Text::new(
                    format!(
                        "il {day} non è in vigore alcun piano tariffario (prima: {}; dopo: {})",
                        name(before, "nessuno"),
                        name(after, "nessuno")
                    ),
                    format!(
                        "no tariff plan is in force on {day} (before: {}; after: {})",
                        name(before, "none"),
                        name(after, "none")
                    ),
                )
            }
            Self::Overlap { day, plans } => Text::new(
                format!("il {day} sono in vigore più piani tariffari: {}", plans.join(", ")),
                format!("several tariff plans are in force on {day}: {}", plans.join(", ")),
            ),
        }
    }
}

/// What is wrong between two plans of one office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlansFault {
    /// `gap`, `overlap` or `duplicate-code`.
    pub rule: String,
    /// First day on which it is so.
    pub from: NaiveDate,
    /// Last day; none: without end.
    pub to: Option<NaiveDate>,
    /// The plans' ids.
    pub plans: [String; 2],
}

impl Plans {
    /// The plans of an office, in any order.
    pub fn new(mut plans: Vec<TariffPlan>) -> Self {
        plans.sort_by(|a, b| (a.valid_from, &a.id).cmp(&(b.valid_from, &b.id)));
        Self(plans)
    }

    /// All of them by their first day.
    pub fn all(&self) -> &[TariffPlan] {
        &self.0
    }

    /// The plan that holds on a day.
    ///
    /// # Errors
    /// Where none holds, or more than one: which, and which are near.
    pub fn on(&self, day: NaiveDate) -> Result<&TariffPlan, NoPlan> {
        let holding: Vec<_> = self.0.iter().filter(|plan| plan.holds_on(day)).collect();
        match holding[..] {
            [plan] => Ok(plan),
            [] => {
                let ended =
                    self.0.iter().filter_map(|plan| plan.valid_to.filter(|last| *last < day).map(|l| (l, plan)));
                let before = ended.max_by_key(|(last, _)| *last).map(|(_, plan)| plan.id.clone());
                let after = self.0.iter().find(|plan| plan.valid_from > day).map(|plan| plan.id.clone());
                Err(NoPlan::Gap { day, before, after })
            }
            _ => Err(NoPlan::Overlap { day, plans: holding.iter().map(|plan| plan.id.clone()).collect() }),
        }
    }

    /// Gaps and overlaps between plans, and ids that two of them bear.
    pub fn faults(&self) -> Vec<PlansFault> {
        let mut faults = Vec::new();
        let fault = |rule: &str, from, to, a: &TariffPlan, b: &TariffPlan| PlansFault {
            rule: rule.into(),
            from,
            to,
            plans: [a.id.clone(), b.id.clone()],
        };
        for (i, b) in self.0.iter().enumerate() {
            for a in &self.0[..i] {
                if a.id == b.id {
                    faults.push(fault("duplicate-code", b.valid_from, None, a, b));
                }
                if a.valid_to.is_none_or(|last| last >= b.valid_from) {
                    let to = [a.valid_to, b.valid_to].into_iter().flatten().min();
                    faults.push(fault("overlap", b.valid_from, to, a, b));
                }
            }
            // The plan before that lasts longest.
            let longest = self.0[..i].iter().max_by_key(|plan| plan.valid_to.unwrap_or(NaiveDate::MAX));
            if let Some((a, last)) = longest.and_then(|plan| plan.valid_to.map(|last| (plan, last)))
                && let (Some(next), Some(eve)) = (last.checked_add_days(Days::new(1)), b.valid_from.pred_opt())
                && next <= eve
            {
                faults.push(fault("gap", next, Some(eve), a, b));
            }
        }
        faults
    }
}
