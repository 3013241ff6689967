//! When a reduction is given: all that it names must hold.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::plan::Vertical;
use crate::Exact;

/// A predicate over an occupation. What is empty or absent asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Kinds of occupation, one of which it must be.
    pub occupations: Vec<String>,
    /// Where it must be, one of these.
    pub verticals: Vec<Vertical>,
    /// Zones, all of its quantity must lie in these: `set/code`.
    pub zones: Vec<String>,
    /// What must have been declared, all of these: `onlus`.
    pub flags: Vec<String>,
    /// Least number of days.
    pub min_days: Option<u64>,
    /// Largest number of days.
    pub max_days: Option<u64>,
    /// Least quantity, as measured.
    pub min_quantity: Option<Exact>,
    /// Largest quantity, as measured.
    pub max_quantity: Option<Exact>,
    /// A layer in which it must lie.
    pub layer: Option<SpatialCondition>,
    /// First day of the reduction.
    pub valid_from: Option<NaiveDate>,
    /// Its last day.
    pub valid_to: Option<NaiveDate>,
}

/// How much of an occupation must lie in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpatialCondition {
    /// The layer's id.
    pub id: String,
    /// Least share inside, in percent.
    pub min_share_percent: Exact,
    /// Whether the reduction is given for the share inside only.
    pub proportional: bool,
}

/// What conditions are asked about.
pub struct Facts<'a> {
    /// Kind of occupation.
    pub occupation: &'a str,
    /// Where it is.
    pub vertical: Vertical,
    /// Zones that it lies in: `set/code`.
    pub zones: &'a [String],
    /// What was declared.
    pub flags: &'a BTreeSet<String>,
    /// Days that it lasts.
    pub days: Option<u64>,
    /// Its quantity, as measured.
    pub quantity: &'a Exact,
    /// The day for which the fee is asked.
    pub day: NaiveDate,
    /// Share in a layer, in percent; none where it was not looked up.
    pub share: &'a dyn Fn(&str) -> Option<Exact>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, for this share of the occupation (1: all of it).
    Holds(Exact),
    /// It does not.
    Fails,
    /// It would depend on a layer that was not asked.
    Unknown(String),
}

impl Condition {
    /// Whether it holds.
    pub fn judge(&self, facts: &Facts<'_>) -> Verdict {
        let one_of = |list: &[String], value: &str| list.is_empty() || list.iter().any(|item| item == value);
        let days_fit = match facts.days {
            Some(days) => {
                self.min_days.is_none_or(|least| least <= days) && self.max_days.is_none_or(|most| days <= most)
            }
            None => self.min_days.is_none() && self.max_days.is_none(),
        };
        let holds = one_of(&self.occupations, facts.occupation)
            && (self.verticals.is_empty() || self.verticals.contains(&facts.vertical))
            && (self.zones.is_empty() || !facts.zones.is_empty() && facts.zones.iter().all(|z| self.zones.contains(z)))
            && self.flags.iter().all(|flag| facts.flags.contains(flag))
            && days_fit
            && self.min_quantity.as_ref().is_none_or(|least| least <= facts.quantity)
            && self.max_quantity.as_ref().is_none_or(|most| facts.quantity <= most)
            && self.valid_from.is_none_or(|first| first <= facts.day)
            && self.valid_to.is_none_or(|last| facts.day <= last);
        match &self.layer {
            _ if !holds => Verdict::Fails,
            None => Verdict::Holds(Exact::one()),
            Some(layer) => match (facts.share)(&layer.id) {
                None => Verdict::Unknown(layer.id.clone()),
                Some(share) if share.is_zero() || share < layer.min_share_percent => Verdict::Fails,
                Some(share) if layer.proportional => Verdict::Holds(share / &Exact::from(100)),
                Some(_) => Verdict::Holds(Exact::one()),
            },
        }
    }
}
