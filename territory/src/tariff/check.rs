//! What a plan's parts must be to each other.

use std::collections::BTreeSet;

use super::plan::{Base, Crossing, DurationRule, Occupation, Quantity, Regime, TariffPlan, ZoneKind};
use super::read::Places;
use crate::Text;
use crate::document::Section;

/// Says what does not fit together in a plan.
pub(super) fn check(root: &Section<'_>, plan: &TariffPlan, places: &Places) {
    validity(root, plan);
    zone_sets(root, plan, places);
    durations(root, plan, places);
    reductions(root, plan, places);
    if plan.occupations.is_empty() {
        root.missing("occupation");
    }
    crossing(root, plan);
}

fn validity(root: &Section<'_>, plan: &TariffPlan) {
    if plan.valid_to.is_some_and(|last| last < plan.valid_from) {
        let text = Text::new("l'ultimo giorno viene prima del primo", "the last day is before the first");
        root.fault("valid_to", "out-of-range", text);
    }
}

/// Whether an occupation can be used as it is defined.
pub(super) fn occupation(section: &Section<'_>, occupation: &Occupation) {
    if occupation.steps.is_some() && occupation.quantity != Quantity::Volume {
        let text = Text::new("gli scatti valgono solo per i volumi", "steps are for volumes only");
        section.fault("steps", "contradiction", text);
    }
    if occupation.quantity == Quantity::Volume && occupation.steps.is_none() {
        let text =
            Text::new("una quantità in litri ha bisogno degli scatti («steps»)", "a quantity in litres needs steps");
        section.fault("quantity", "contradiction", text);
    }
    if matches!(occupation.base, Base::PerUnit(_) | Base::Flat(_)) && occupation.regime != Regime::Annual {
        let text = Text::new(
            "«per_unit» e «flat» sono importi annuali: il regime deve essere «annual»",
            "per_unit and flat are yearly amounts: the regime must be annual",
        );
        section.fault("regime", "contradiction", text);
    }
}

fn zone_sets(root: &Section<'_>, plan: &TariffPlan, places: &Places) {
    for (i, set) in plan.zone_sets.iter().enumerate() {
        let path = format!("zone_set[{}]", i + 1);
        let fault = |field: &str, rule: &str, text: Text| {
            root.doc.fault(places.sets[i], &format!("{path}.{field}"), rule, text);
        };
        if set.zones.is_empty() {
            fault(
                "zone",
                "missing",
                Text::new("l'insieme non ha zone con coefficienti", "the set has no zones with coefficients"),
            );
        }
        if plan.zone_sets[..i].iter().any(|other| other.code == set.code) {
            fault("code", "duplicate-code", super::read::duplicate(&set.code));
        }
        let rival = plan.zone_sets[..i].iter().find(|other| {
            other.priority == set.priority && other.verticals.iter().any(|vertical| set.verticals.contains(vertical))
        });
        if let Some(rival) = rival {
            let text = Text::new(
                format!("ha la stessa priorità di «{}»: non si sa quale valga", rival.code),
                format!("has the same priority as “{}”: which of them counts is not said", rival.code),
            );
            fault("priority", "contradiction", text);
        }
        let (first, last) = (set.valid_from.unwrap_or(plan.valid_from), set.valid_to.or(plan.valid_to));
        if last.is_some_and(|last| last < first) {
            let text = Text::new("non vale in alcun giorno del piano", "holds on no day of the plan");
            fault("valid_to", "out-of-range", text);
        }
        if set.max_distance_m.is_some() && matches!(set.kind, ZoneKind::Polygon | ZoneKind::Water) {
            let text = Text::new("vale solo per insiemi di vie", "is for sets of streets only");
            fault("max_distance_m", "contradiction", text);
        }
    }
    for occupation in plan.occupations.values().filter(|occupation| matches!(occupation.base, Base::Standard(_))) {
        if !plan.zone_sets.iter().any(|set| set.verticals.contains(&occupation.vertical)) {
            let text = Text::new(
                format!("nessun insieme di zone vale per «{}»", occupation.code),
                format!("no set of zones is for “{}”", occupation.code),
            );
            let at = places.occupations.get(&occupation.code).copied().unwrap_or(0);
            root.doc.fault(at, &format!("occupation.{}.vertical", occupation.code), "no-zone-set", text);
        }
    }
}

/// Classes of days begin at 1, follow each other and have an end only where another begins.
fn durations(root: &Section<'_>, plan: &TariffPlan, places: &Places) {
    for (rule, at) in plan.durations.iter().zip(&places.durations) {
        for code in rule.occupations.iter().filter(|code| !plan.occupations.contains_key(*code)) {
            root.doc.fault(*at, "duration.occupations", "unknown-occupation", unknown_occupation(code));
        }
    }
    let mut groups: BTreeSet<Option<&str>> =
        plan.durations.iter().flat_map(|rule| &rule.occupations).map(|c| Some(c.as_str())).collect();
    groups.insert(None);
    for group in groups {
        let mut rules: Vec<(&DurationRule, usize)> = plan
            .durations
            .iter()
            .zip(places.durations.iter().copied())
            .filter(|(rule, _)| match group {
                None => rule.occupations.is_empty(),
                Some(code) => rule.occupations.iter().any(|other| other == code),
            })
            .collect();
        rules.sort_by_key(|(rule, _)| rule.from_day);
        let of =
            group.map_or_else(|| Text::same(""), |code| Text::new(format!(" per «{code}»"), format!(" for “{code}”")));
        // The day after the last class; none once one has no end.
        let mut next = Some(1);
        let mut last_at = 0;
        for (rule, at) in &rules {
            let fault = |rule: &str, text: Text| root.doc.fault(*at, "duration", rule, text);
            let (from, to) = (rule.from_day, rule.to_day);
            if from == 0 || to.is_some_and(|to| to < from) {
                fault(
                    "out-of-range",
                    Text::new(
                        "i giorni si contano da 1, il primo non dopo l'ultimo",
                        "days count from 1, the first not after the last",
                    ),
                );
                continue;
            }
            match next {
                Some(next) if from > next => {
                    let (gap, to) = (next, from - 1);
                    fault(
                        "gap",
                        Text::new(
                            format!("nessuna regola vale dal giorno {gap} al giorno {to}{}", of.it),
                            format!("no rule holds from day {gap} to day {to}{}", of.en),
                        ),
                    );
                }
                Some(next) if from == next => {}
                _ => fault(
                    "overlap",
                    Text::new(
                        format!("al giorno {from} vale già un'altra regola{}", of.it),
                        format!("another rule holds on day {from} already{}", of.en),
                    ),
                ),
            }
            next = match (next, to) {
                (Some(next), Some(to)) => Some(next.max(to.saturating_add(1))),
                _ => None,
            };
            last_at = *at;
        }
        if let (Some(next), false) = (next, rules.is_empty()) {
            let text = Text::new(
                format!("nessuna regola vale dal giorno {next} in poi{}", of.it),
                format!("no rule holds from day {next} on{}", of.en),
            );
            root.doc.fault(last_at, "duration", "gap", text);
        }
    }
}

fn reductions(root: &Section<'_>, plan: &TariffPlan, places: &Places) {
    for (reduction, at) in plan.reductions.iter().zip(&places.reductions) {
        let condition = &reduction.condition;
        let field = |name: &str| format!("reduction.{}.{name}", reduction.code);
        for code in condition.occupations.iter().filter(|code| !plan.occupations.contains_key(*code)) {
            root.doc.fault(*at, &field("occupations"), "unknown-occupation", unknown_occupation(code));
        }
        for zone in &condition.zones {
            let known = zone.split_once('/').is_some_and(|(set, code)| {
                plan.zone_sets.iter().any(|other| other.code == set && other.zones.contains_key(code))
            });
            if !known {
                let text = Text::new(
                    format!("la zona «{zone}» non c'è; scrivere insieme/zona"),
                    format!("there is no zone “{zone}”; write set/zone"),
                );
                root.doc.fault(*at, &field("zones"), "unknown-zone", text);
            }
        }
        let never = condition.min_days.zip(condition.max_days).is_some_and(|(least, most)| least > most)
            || condition.min_quantity.as_ref().zip(condition.max_quantity.as_ref()).is_some_and(|(l, m)| l > m)
            || condition.valid_from.zip(condition.valid_to).is_some_and(|(first, last)| first > last);
        if never {
            let text =
                Text::new("un minimo supera il suo massimo: non vale mai", "a least is above its most: it never holds");
            root.doc.fault(*at, &field("condition"), "contradiction", text);
        }
    }
}

fn crossing(root: &Section<'_>, plan: &TariffPlan) {
    let has_streets = plan.zone_sets.iter().any(|set| matches!(set.kind, ZoneKind::Street | ZoneKind::StreetSegment));
    if plan.crossing.policy == Crossing::FrontStreet && !has_streets {
        let text = Text::new("«front_street» ha bisogno di un insieme di vie", "front_street needs a set of streets");
        root.fault("crossing", "contradiction", text);
    }
}

fn unknown_occupation(code: &str) -> Text {
    Text::new(format!("l'occupazione «{code}» non c'è"), format!("there is no occupation “{code}”"))
}
