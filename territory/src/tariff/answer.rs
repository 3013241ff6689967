//! What is answered: the fee, line by line, and what it rests on.

use chrono::NaiveDate;
use serde::Serialize;

use super::plan::Crossing;
use super::question::{Measure, Override};
use crate::text::Warning;
use crate::{Exact, FeatureRef, Text};

/// A fee, with all that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// What is asked for, with two decimals.
    pub fee: String,
    /// Its currency.
    pub currency: &'static str,
    /// What one unit costs for the whole time, before reductions, minimum and rounding; none where nothing counts.
    pub per_unit: Option<Exact>,
    /// The kind of occupation.
    pub occupation: String,
    /// The quantity.
    pub quantity: Counted,
    /// The time.
    pub time: Duration,
    /// The set of zones that counted; none where the fee does not depend on the place.
    pub zone_set: Option<String>,
    /// The zones that it lies in, the largest part first.
    pub zones: Vec<ZoneShare>,
    /// What lies in no zone, in the quantity's unit.
    pub outside: Exact,
    /// The rule for borders of zones; none where the fee does not depend on the place.
    pub policy: Option<Policy>,
    /// Reductions that were looked at.
    pub reductions: Vec<Granted>,
    /// Step by step.
    pub lines: Vec<Line>,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// What it rests on.
    pub evidence: Evidence,
}

/// A quantity as it was measured, and as it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// As it was given or measured.
    pub measured: Exact,
    /// As it counts, after rounding or steps.
    pub counted: Exact,
    /// Its unit.
    pub unit: &'static str,
    /// The rule of rounding.
    pub rounding: &'static str,
}

/// How long it lasts, and what this multiplies the tariff by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duration {
    /// Days, where they are known.
    pub days: Option<u64>,
    /// Years, days, or hours over those of a day, times their coefficients.
    pub factor: Exact,
}

/// The part in one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneShare {
    /// The zone's code.
    pub code: String,
    /// Its name.
    pub name: Text,
    /// 1 is the highest.
    pub rank: u64,
    /// The coefficient of the regime.
    pub coefficient: Exact,
    /// The part's quantity as measured.
    pub quantity: Exact,
    /// Percent of the whole, with two decimals.
    pub percent: String,
    /// Streets by which it was found, with their metres.
    pub streets: Vec<StreetMatch>,
}

/// A street by which a zone was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StreetMatch {
    /// Its code.
    pub code: String,
    /// Its name in the plan.
    pub name: String,
    /// House number.
    pub number: Option<u64>,
    /// Metres.
    pub distance_m: Option<Exact>,
}

/// The rule for borders of zones, and what others would have given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The one that counted.
    pub applied: Crossing,
    /// Whether there was a border at all.
    pub crosses: bool,
    /// The office's decision, where it is another than the plan's.
    pub decision: Option<Override>,
    /// The others.
    pub alternatives: Vec<Alternative>,
}

/// What another rule would have given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// The rule.
    pub policy: Crossing,
    /// The quantity that would count.
    pub counted: Option<Exact>,
    /// The fee.
    pub fee: Option<String>,
    /// Why there is none.
    pub reason: Option<Text>,
}

/// A reduction that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Granted {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// Percent of the whole fee, its share taken into account.
    pub percent: Exact,
    /// Whether it was taken; another may have been better.
    pub applied: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which step, for programs.
    pub code: &'static str,
    /// What it is.
    pub label: Text,
    /// With its numbers.
    pub formula: Text,
    /// What comes out.
    pub result: Exact,
    /// Its unit.
    pub unit: &'static str,
}

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The plan's id.
    pub plan: String,
    /// The act.
    pub act: String,
    /// The plan's first day.
    pub valid_from: NaiveDate,
    /// Its last day.
    pub valid_to: Option<NaiveDate>,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// SHA-256 of the question.
    pub question_sha256: String,
    /// SHA-256 of question, plan and version of the arithmetic together.
    pub sha256: String,
    /// Version of the arithmetic.
    pub engine: &'static str,
    /// How quantities were measured.
    pub measure: Option<Measure>,
    /// Features that were used.
    pub features: Vec<FeatureRef>,
}

/// Why there is no fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which reason, for programs.
    pub code: &'static str,
    /// The field of the question that it is about.
    pub field: &'static str,
    /// What is missing or wrong, and what to do.
    pub text: Text,
}

impl Refusal {
    pub(super) fn new(code: &'static str, field: &'static str, it: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code, field, text: Text::new(it, en) }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} [{}]", self.field, self.text.en, self.code)
    }
}

impl std::error::Error for Refusal {}
