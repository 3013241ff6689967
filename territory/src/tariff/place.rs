//! Which zones an occupation lies in, by the plan's sets and lists.

use std::collections::BTreeMap;

use super::answer::{Refusal, StreetMatch};
use super::plan::{Occupation, Outside, Regime, TariffPlan, Zone, ZoneSet};
use super::question::{Piece, Place, Question};
use crate::text::Warning;
use crate::{Exact, Text};

/// The parts of an occupation, by zone.
pub(super) struct Located<'a> {
    pub set: &'a ZoneSet,
    /// The largest first.
    pub parts: Vec<Part<'a>>,
    /// What is in no zone.
    pub outside: Exact,
}

/// All that lies in one zone.
pub(super) struct Part<'a> {
    pub code: &'a str,
    pub zone: &'a Zone,
    /// As measured.
    pub quantity: Exact,
    /// As it counts where it is not rounded: with its portion of what lies in no zone.
    pub scaled: Exact,
    pub front: bool,
    pub centroid: bool,
    pub streets: Vec<StreetMatch>,
}

impl Zone {
    /// The coefficient of a regime.
    pub(super) fn coefficient(&self, regime: Regime) -> &Exact {
        match regime {
            Regime::Annual => &self.annual,
            Regime::Daily | Regime::Hourly => &self.daily,
        }
    }
}

/// Finds the zones of an occupation whose measured quantity is `total`.
pub(super) fn locate<'a>(
    plan: &'a TariffPlan,
    occupation: &Occupation,
    question: &Question,
    total: &Exact,
    warnings: &mut Vec<Warning>,
) -> Result<Located<'a>, Refusal> {
    unknown_places(plan, question)?;
    let mut candidates = Vec::new();
    for set in plan.zone_sets_for(occupation.vertical, question.day) {
        let parts = parts(set, question, total, warnings);
        if !parts.is_empty() {
            candidates.push((set, parts));
        }
    }
    let measured = occupation.quantity.is_measured();
    let inside = |parts: &[Part<'_>]| parts.iter().map(|part| &part.quantity).sum::<Exact>();
    let covers = |parts: &[Part<'_>]| !measured || total.clone() - &inside(parts) <= plan.crossing.tolerance;
    let chosen = candidates.iter().position(|(_, parts)| covers(parts)).unwrap_or(0);
    if candidates.is_empty() {
        return Err(Refusal::new(
            "no-zone",
            "pieces",
            "nel luogo indicato non c'è alcuna zona tariffaria del piano: controllare posizione e zone",
            "there is no tariff zone of the plan at the place: check the position and the zones",
        ));
    }
    let (set, mut parts) = candidates.swap_remove(chosen);
    let sum = inside(&parts);
    let outside = if measured { total.clone() - &sum } else { Exact::zero() };
    judge_outside(plan, &outside, warnings)?;
    for part in &mut parts {
        part.scaled = if sum.is_zero() { Exact::zero() } else { part.quantity.clone() * total / &sum };
    }
    let regime = occupation.regime;
    parts.sort_by(|a, b| {
        (&b.quantity, b.zone.coefficient(regime), a.zone.rank, a.code).cmp(&(
            &a.quantity,
            a.zone.coefficient(regime),
            b.zone.rank,
            b.code,
        ))
    });
    let outside = if outside.is_negative() { Exact::zero() } else { outside };
    Ok(Located { set, parts, outside })
}

fn judge_outside(plan: &TariffPlan, outside: &Exact, warnings: &mut Vec<Warning>) -> Result<(), Refusal> {
    let amount = if outside.is_negative() { Exact::zero() - outside } else { outside.clone() };
    if amount.is_zero() {
        return Ok(());
    }
    let (shown, tolerance) = (amount.readable(), &plan.crossing.tolerance);
    if outside.is_negative() && amount > *tolerance {
        return Err(Refusal::new(
            "overlap",
            "pieces",
            format!(
                "le parti nelle zone superano il totale di {shown}: le zone si sovrappongono, o il totale è sbagliato"
            ),
            format!("the parts in zones exceed the whole by {shown}: zones overlap, or the whole is wrong"),
        ));
    }
    if amount > *tolerance && plan.crossing.outside == Outside::Refuse {
        return Err(Refusal::new(
            "outside-zones",
            "pieces",
            format!("{shown} non ricadono in alcuna zona: serve una decisione dell'ufficio"),
            format!("{shown} lie in no zone: the office has to decide"),
        ));
    }
    let text = if outside.is_negative() {
        Text::new(
            format!("le parti superano il totale di {shown}, entro la tolleranza: ridotte in proporzione"),
            format!("the parts exceed the whole by {shown}, within the tolerance: scaled down"),
        )
    } else {
        Text::new(
            format!("{shown} fuori da ogni zona, ripartiti in proporzione tra le zone toccate"),
            format!("{shown} outside of any zone, spread among the zones that are touched"),
        )
    };
    warnings.push(Warning::new(if outside.is_negative() { "overlap" } else { "outside-zones" }, text));
    Ok(())
}

/// Sets and zones that the plan does not have are slips of who asks.
fn unknown_places(plan: &TariffPlan, question: &Question) -> Result<(), Refusal> {
    for piece in &question.pieces {
        let Some(set) = plan.zone_sets.iter().find(|set| set.code == piece.set) else {
            return Err(Refusal::new(
                "unknown-zone-set",
                "pieces.set",
                format!("il piano non ha l'insieme di zone «{}»", piece.set),
                format!("the plan has no set of zones “{}”", piece.set),
            ));
        };
        if let Place::Zone { code } = &piece.place
            && !set.zones.contains_key(code)
        {
            return Err(Refusal::new(
                "unknown-zone",
                "pieces.place",
                format!(
                    "l'insieme «{}» non ha la zona «{code}»: il piano e le zone sulla mappa non concordano",
                    set.code
                ),
                format!("the set “{}” has no zone “{code}”: the plan and the zones of the map differ", set.code),
            ));
        }
    }
    Ok(())
}

fn parts<'a>(set: &'a ZoneSet, question: &Question, total: &Exact, warnings: &mut Vec<Warning>) -> Vec<Part<'a>> {
    let mut by_zone: BTreeMap<&str, Part<'a>> = BTreeMap::new();
    for piece in question.pieces.iter().filter(|piece| piece.set == set.code) {
        let Some((code, street)) = zone_of(set, piece, warnings) else { continue };
        let Some((code, zone)) = set.zones.get_key_value(code) else { continue };
        let quantity = piece.quantity.clone().unwrap_or_else(|| total.clone());
        let part = by_zone.entry(code).or_insert_with(|| Part {
            code,
            zone,
            quantity: Exact::zero(),
            scaled: Exact::zero(),
            front: false,
            centroid: false,
            streets: Vec::new(),
        });
        part.quantity = part.quantity.clone() + &quantity;
        part.front |= piece.front;
        part.centroid |= piece.centroid;
        part.streets.extend(street);
    }
    by_zone
        .into_values()
        .map(|mut part| {
            part.streets.sort();
            part
        })
        .collect()
}

/// The zone that a piece is in, and the street by which it was found.
fn zone_of<'p>(
    set: &'p ZoneSet,
    piece: &'p Piece,
    warnings: &mut Vec<Warning>,
) -> Option<(&'p str, Option<StreetMatch>)> {
    let (street, number, distance_m) = match &piece.place {
        Place::Zone { code } => return Some((code, None)),
        Place::Street { code, number, distance_m } => (code, *number, distance_m),
    };
    let mut warn = |code: &str, it: String, en: String| {
        let warning = Warning::new(code, Text::new(it, en));
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    };
    let known = set.streets.iter().any(|entry| entry.street == *street);
    let entry = set.streets.iter().find(|entry| entry.street == *street && entry.covers(number));
    let Some(entry) = entry else {
        if known {
            let which = number.map_or_else(|| "senza numero civico".to_owned(), |n| format!("al numero {n}"));
            let which_en = number.map_or_else(|| "without a house number".to_owned(), |n| format!("at number {n}"));
            warn(
                "street-number-unlisted",
                format!("la via {street} {which} non è nell'elenco «{}»", set.code),
                format!("the street {street} {which_en} is not in the list “{}”", set.code),
            );
        } else {
            warn(
                "street-unlisted",
                format!("la via {street} non è nell'elenco «{}»", set.code),
                format!("the street {street} is not in the list “{}”", set.code),
            );
        }
        return None;
    };
    if let (Some(distance), Some(most)) = (distance_m, &set.max_distance_m)
        && distance > most
    {
        warn(
            "street-too-far",
            format!("{} dista {} m, oltre i {} m ammessi", entry.name, distance.readable(), most.readable()),
            format!("{} is {} m away, more than the {} m allowed", entry.name, distance.readable(), most.readable()),
        );
        return None;
    }
    let street = StreetMatch { code: street.clone(), name: entry.name.clone(), number, distance_m: distance_m.clone() };
    Some((&entry.zone, Some(street)))
}
