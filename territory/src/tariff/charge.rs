//! Which coefficient counts for which quantity, by each rule for borders of zones.

use super::place::{Located, Part};
use super::plan::{AreaRule, Crossing, Occupation};
use super::rounding::{AreaRounding, Scope};
use crate::{Exact, Text};

/// A quantity with the zone whose coefficient counts for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charge {
    pub zone: String,
    pub quantity: Exact,
    pub coefficient: Exact,
}

/// Quantities to be charged by a rule, or why it cannot be applied. `counted` is the whole quantity as it counts (after
/// rounding or steps), `total` as measured.
pub(super) fn charges(
    policy: Crossing,
    located: &Located<'_>,
    area: &AreaRule,
    occupation: &Occupation,
    total: &Exact,
    counted: &Exact,
) -> Result<Vec<Charge>, Text> {
    let regime = occupation.regime;
    let k = |part: &Part<'_>| part.zone.coefficient(regime).clone();
    // Per part as the plan rounds, or shares of the rounded whole.
    let split: Vec<Exact> = if occupation.quantity.is_measured() && area.scope == Scope::PerPart {
        located.parts.iter().map(|part| area.rounding.apply(&part.scaled)).collect()
    } else {
        located.parts.iter().map(|part| share(&part.scaled, total, counted)).collect()
    };
    let all: Exact = split.iter().sum();
    let whole =
        |part: &Part<'_>| vec![Charge { zone: part.code.to_owned(), quantity: all.clone(), coefficient: k(part) }];
    let each = |quantities: Vec<Exact>| {
        let parts = located.parts.iter().zip(quantities);
        parts.map(|(part, quantity)| Charge { zone: part.code.into(), quantity, coefficient: k(part) }).collect()
    };
    // Parts come the largest first, of equal ones the one that costs more: the first that is found counts.
    match policy {
        Crossing::Highest => {
            let first = located.parts.iter().reduce(|best, part| if k(part) > k(best) { part } else { best });
            Ok(first.map(whole).unwrap_or_default())
        }
        Crossing::PrevalentArea => Ok(located.parts.first().map(whole).unwrap_or_default()),
        Crossing::ProRataArea => Ok(each(split)),
        Crossing::ProRataCeilParts => {
            let measured = occupation.quantity.is_measured();
            let own = |part: &Part<'_>| {
                if measured { part.scaled.clone() } else { share(&part.scaled, total, counted) }
            };
            let ceil = |part: &Part<'_>| AreaRounding::Ceil1.apply(&own(part));
            Ok(each(located.parts.iter().map(ceil).collect()))
        }
        Crossing::FrontStreet => {
            located.parts.iter().find(|part| part.front).map(whole).ok_or_else(|| {
                Text::new("non è indicato su quale via affaccia", "on which street it fronts is not said")
            })
        }
        Crossing::Centroid => located.parts.iter().find(|part| part.centroid).map(whole).ok_or_else(|| {
            Text::new("non è indicato in quale zona cade il baricentro", "in which zone its centroid lies is not said")
        }),
    }
}

fn share(part: &Exact, total: &Exact, counted: &Exact) -> Exact {
    if total.is_zero() { Exact::zero() } else { part.clone() * counted / total }
}
