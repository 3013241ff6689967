//! What is odd about a record.

use super::decimal::Percent;
use super::record::Record;
use crate::Text;
use crate::codes::{Cig, Cup};
use crate::text::Warning;

/// All that somebody should look at: codes that are none or fail their check, no place, days out of order, parts that
/// cannot be read or contradict each other.
pub fn check(record: &Record) -> Vec<Warning> {
    let mut warnings = Vec::new();
    match record.cup.as_deref() {
        None => warnings.push(Warning::new("no-cup", Text::new("manca il CUP", "there is no CUP"))),
        Some(cup) => match Cup::parse(cup) {
            Ok(cup) => warnings.extend(cup.warnings()),
            Err(error) => warnings.push(Warning::new("bad-cup", error.text)),
        },
    }
    let cigs = record.cig.iter().chain(record.parts.contracts.iter().map(|contract| &contract.cig));
    for cig in cigs {
        match Cig::parse(cig) {
            Ok(cig) => warnings.extend(cig.warnings()),
            Err(error) => warnings.push(Warning::new("bad-cig", error.text)),
        }
    }
    if record.placeless {
        let text = Text::new("l’opera non ha un luogo: va disegnata", "the work has no place: it has to be drawn");
        warnings.push(Warning::new("no-place", text));
    }
    days(record, &mut warnings);
    parts(record, &mut warnings);
    warnings.sort();
    warnings.dedup();
    warnings
}

fn days(record: &Record, warnings: &mut Vec<Warning>) {
    let backwards = |from: Option<_>, to: Option<_>| from.zip(to).is_some_and(|(from, to)| to < from);
    let pairs = [
        (record.start_planned, record.end_planned),
        (record.start_actual, record.end_actual),
        (record.start_planned, record.end_expected),
    ];
    let mut out_of_order = pairs.into_iter().any(|(from, to)| backwards(from, to));
    let phases = &record.parts.phases;
    out_of_order |= phases.windows(2).any(|pair| backwards(pair[0].planned, pair[1].planned));
    let ended = phases.iter().filter_map(|phase| phase.actual).collect::<Vec<_>>();
    out_of_order |= ended.windows(2).any(|pair| pair[1] < pair[0]);
    if out_of_order {
        let text = Text::new("date o fasi fuori ordine", "days or phases are out of order");
        warnings.push(Warning::new("out-of-order", text));
    }
    if phases.iter().any(|phase| phase.replanned.is_some() && phase.act.is_none()) {
        let text = Text::new("una fase è riprogrammata senza atto", "a phase was planned again without an act");
        warnings.push(Warning::new("no-act", text));
    }
}

fn parts(record: &Record, warnings: &mut Vec<Warning>) {
    for field in &record.parts.unread {
        let text = Text::new(format!("il campo {field} non è leggibile"), format!("the field {field} cannot be read"));
        warnings.push(Warning::new("unreadable", text));
    }
    let falls = record.parts.contracts.iter().any(|contract| {
        contract.sal.windows(2).any(|pair| pair[1].physical_pct < pair[0].physical_pct || pair[1].date < pair[0].date)
    });
    if falls {
        let text = Text::new("gli stati di avanzamento tornano indietro", "states of progress go back");
        warnings.push(Warning::new("sal-backwards", text));
    }
    let sals = record.parts.contracts.iter().flat_map(|contract| &contract.sal);
    let is_outside = |percent: Percent| percent < Percent::default() || percent > Percent::HUNDRED;
    let sal_outside = sals.map(|sal| sal.physical_pct).any(|percent| !(0.0..=100.0).contains(&percent));
    if sal_outside || record.progress.is_some_and(is_outside) {
        let text = Text::new("un avanzamento non è tra 0 e 100", "a progress is not between 0 and 100");
        warnings.push(Warning::new("progress-out-of-range", text));
    }
}
