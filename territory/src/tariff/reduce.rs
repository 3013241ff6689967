//! Reductions and exemptions: which are given, and how they are taken together.

use super::answer::{Granted, Line};
use super::condition::{Facts, Verdict};
use super::lines::{formula, line};
use super::plan::{Combination, Occupation, TariffPlan};
use super::question::Question;
use crate::text::Warning;
use crate::{Exact, Text};

/// Reductions whose conditions hold, by code, with their percentages of the whole.
pub(super) fn reductions(
    plan: &TariffPlan,
    occupation: &Occupation,
    question: &Question,
    zones: &[String],
    total: &Exact,
    days: Option<u64>,
    warnings: &mut Vec<Warning>,
) -> Vec<Granted> {
    let share = |layer: &str| question.layers.get(layer).map(|share| share.percent.clone());
    let facts = Facts {
        occupation: &occupation.code,
        vertical: occupation.vertical,
        zones,
        flags: &question.flags,
        days,
        quantity: total,
        day: question.day,
        share: &share,
    };
    let mut granted = Vec::new();
    for reduction in &plan.reductions {
        match reduction.condition.judge(&facts) {
            Verdict::Fails => {}
            Verdict::Holds(share) => granted.push(Granted {
                code: reduction.code.clone(),
                title: reduction.title.clone(),
                percent: reduction.percent.clone() * &share,
                applied: plan.combination != Combination::Best,
            }),
            Verdict::Unknown(layer) => {
                let text = Text::new(
                    format!(
                        "la riduzione «{}» dipende dallo strato «{layer}», che non è stato interrogato",
                        reduction.code
                    ),
                    format!("the reduction “{}” depends on the layer “{layer}”, which was not asked", reduction.code),
                );
                warnings.push(Warning::new("layer-not-asked", text));
            }
        }
    }
    if plan.combination == Combination::Best {
        // The first of the largest, by code.
        let best = granted.iter().enumerate().max_by(|(i, a), (j, b)| a.percent.cmp(&b.percent).then(j.cmp(i)));
        if let Some(best) = best.map(|(i, _)| i) {
            granted[best].applied = true;
        }
    }
    granted
}

/// What is left of an amount.
pub(super) fn reduce(gross: &Exact, granted: &[Granted], combination: Combination, lines: &mut Vec<Line>) -> Exact {
    let hundred = Exact::from(100);
    let mut left = gross.clone();
    for reduction in granted.iter().filter(|reduction| reduction.applied) {
        let of = if combination == Combination::Cascade { &left } else { gross };
        let off = of.clone() * &reduction.percent / &hundred;
        let text = format!("{} − {} × {} %", left.readable(), of.readable(), reduction.percent.readable());
        let next = left.clone() - &off;
        left = if next.is_negative() { Exact::zero() } else { next };
        let label =
            Text::new(format!("Riduzione «{}»", reduction.title.it), format!("Reduction “{}”", reduction.title.en));
        lines.push(line("reduction", label, formula(&text), left.clone(), "EUR"));
    }
    left
}
