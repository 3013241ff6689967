//! How long an occupation lasts, and what that multiplies a tariff by.

use chrono::{Datelike as _, NaiveDate};

use super::answer::{Duration, Line, Refusal};
use super::lines::{formula, line};
use super::plan::{DurationMode, DurationRule, Occupation, Regime, TariffPlan, YearPart};
use super::question::{Question, Time};
use crate::text::Warning;
use crate::{Exact, Text};

/// Most days of one occupation: longer than a lifetime is a slip.
const MAX_DAYS: u64 = 36_600;

/// The time that counts, its lines, and what is odd about it.
pub(super) fn time(
    plan: &TariffPlan,
    occupation: &Occupation,
    question: &Question,
    lines: &mut Vec<Line>,
    warnings: &mut Vec<Warning>,
) -> Result<Duration, Refusal> {
    let days = days(&question.time)?;
    beyond_the_plan(plan, question, warnings);
    match occupation.regime {
        Regime::Annual => Ok(annual(plan, question, days, lines)?),
        Regime::Daily => {
            let days = days.ok_or_else(|| missing("time.days", "le date o i giorni", "dates or days"))?;
            let factor = classes(plan, occupation, days, &Exact::one(), lines);
            long(days, warnings);
            Ok(Duration { days: Some(days), factor })
        }
        Regime::Hourly => {
            let days = days.ok_or_else(|| missing("time.days", "le date o i giorni", "dates or days"))?;
            let hours = (question.time.hours_per_day.clone())
                .ok_or_else(|| missing("time.hours_per_day", "le ore al giorno", "hours a day"))?;
            if hours.is_negative() || hours.is_zero() || hours > Exact::from(24) {
                return Err(Refusal::new(
                    "out-of-range",
                    "time.hours_per_day",
                    format!("{hours} ore al giorno non è possibile"),
                    format!("{hours} hours a day cannot be"),
                ));
            }
            let (whole_day, counted) =
                (&plan.standard.hours_per_day, hours.clone().min(plan.standard.hours_per_day.clone()));
            let share = counted.clone() / whole_day;
            lines.push(line(
                "hours",
                Text::new("Quota oraria del giorno", "Share of a day, by hours"),
                formula(&format!("min({}, {}) / {}", hours.readable(), whole_day.readable(), whole_day.readable())),
                share.clone(),
                "",
            ));
            let factor = classes(plan, occupation, days, &share, lines);
            long(days, warnings);
            Ok(Duration { days: Some(days), factor })
        }
    }
}

fn missing(field: &'static str, it: &str, en: &str) -> Refusal {
    Refusal::new("missing", field, format!("mancano {it}"), format!("{en} are missing"))
}

fn days(time: &Time) -> Result<Option<u64>, Refusal> {
    let between = match (time.from, time.to) {
        (Some(from), Some(to)) if to < from => {
            return Err(Refusal::new(
                "out-of-range",
                "time.to",
                format!("l'ultimo giorno, {to}, viene prima del primo, {from}"),
                format!("the last day, {to}, is before the first, {from}"),
            ));
        }
        (Some(from), Some(to)) => Some(days_between(from, to)),
        _ => None,
    };
    if let (Some(between), Some(days)) = (between, time.days)
        && between != days
    {
        return Err(Refusal::new(
            "contradiction",
            "time.days",
            format!("le date dicono {between} giorni, non {days}"),
            format!("the dates say {between} days, not {days}"),
        ));
    }
    match between.or(time.days) {
        Some(days) if days == 0 || days > MAX_DAYS => Err(Refusal::new(
            "out-of-range",
            "time.days",
            format!("{days} giorni: ne servono da 1 a {MAX_DAYS}"),
            format!("{days} days: 1 to {MAX_DAYS} are possible"),
        )),
        days => Ok(days),
    }
}

/// Both of which count.
fn days_between(from: NaiveDate, to: NaiveDate) -> u64 {
    (to - from).num_days().unsigned_abs() + 1
}

fn annual(
    plan: &TariffPlan,
    question: &Question,
    days: Option<u64>,
    lines: &mut Vec<Line>,
) -> Result<Duration, Refusal> {
    let year = question.day.year();
    let (Some(first), Some(last)) = (NaiveDate::from_ymd_opt(year, 1, 1), NaiveDate::from_ymd_opt(year, 12, 31)) else {
        return Err(Refusal::new("out-of-range", "day", "anno non valido", "the year is not valid"));
    };
    let from = question.time.from.map_or(first, |from| from.max(first));
    let to = question.time.to.map_or(last, |to| to.min(last));
    if to < from {
        return Err(Refusal::new(
            "outside-year",
            "time",
            format!("l'occupazione non dura in alcun giorno del {year}"),
            format!("the occupation lasts on no day of {year}"),
        ));
    }
    let (part, text) = match plan.standard.year_part {
        YearPart::WholeYear => (Exact::one(), "1".to_owned()),
        YearPart::Months => {
            let months = u64::from(to.month() - from.month() + 1);
            (Exact::from(months) / &Exact::from(12), format!("{months} / 12"))
        }
        YearPart::Days => {
            let (part, all) = (days_between(from, to), days_between(first, last));
            (Exact::from(part) / &Exact::from(all), format!("{part} / {all}"))
        }
    };
    let label = Text::new(format!("Quota dell'anno {year}"), format!("Share of the year {year}"));
    lines.push(line("year", label, formula(&text), part.clone(), ""));
    Ok(Duration { days, factor: part })
}

/// Days times the coefficients of their classes.
fn classes(plan: &TariffPlan, occupation: &Occupation, days: u64, share: &Exact, lines: &mut Vec<Line>) -> Exact {
    let rules = plan.durations_for(&occupation.code);
    let terms: Vec<(u64, Exact)> = match plan.duration_mode {
        _ if rules.is_empty() => vec![(days, Exact::one())],
        DurationMode::Whole => {
            let rule = rules.iter().find(|rule| holds(rule, days));
            vec![(days, rule.map_or_else(Exact::one, |rule| rule.coefficient.clone()))]
        }
        DurationMode::Progressive => rules
            .iter()
            .filter(|rule| rule.from_day <= days)
            .map(|rule| (rule.to_day.unwrap_or(days).min(days) + 1 - rule.from_day, rule.coefficient.clone()))
            .collect(),
    };
    let sum: Exact = terms.iter().map(|(days, coefficient)| Exact::from(*days) * coefficient).sum();
    let factor = sum * share;
    let text = terms.iter().map(|(days, k)| format!("{days} × {}", k.readable())).collect::<Vec<_>>().join(" + ");
    let text = if *share == Exact::one() { text } else { format!("({text}) × {}", share.readable()) };
    let label = Text::new("Giorni, per il coefficiente di durata", "Days, times the coefficient of duration");
    lines.push(line("time", label, formula(&text), factor.clone(), ""));
    factor
}

fn holds(rule: &DurationRule, days: u64) -> bool {
    rule.from_day <= days && rule.to_day.is_none_or(|last| days <= last)
}

fn long(days: u64, warnings: &mut Vec<Warning>) {
    if days > 366 {
        let text = Text::new(
            format!("{days} giorni con tariffa giornaliera: oltre l'anno l'occupazione è di norma permanente"),
            format!("{days} days by the daily tariff: what lasts beyond a year is permanent as a rule"),
        );
        warnings.push(Warning::new("long-daily", text));
    }
}

fn beyond_the_plan(plan: &TariffPlan, question: &Question, warnings: &mut Vec<Warning>) {
    let Time { from, to, .. } = question.time;
    let early = from.is_some_and(|from| !plan.holds_on(from));
    let late = to.is_some_and(|to| !plan.holds_on(to));
    if early || late {
        let text = Text::new(
            format!("il periodo esce dalla validità del piano «{}»: per gli altri giorni vale un altro piano", plan.id),
            format!(
                "the time goes beyond the validity of the plan “{}”: another plan counts on the other days",
                plan.id
            ),
        );
        warnings.push(Warning::new("beyond-plan", text));
    }
}
