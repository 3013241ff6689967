//! Which neighbours are conflicts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::foot::{Closed, on_foot};
use super::rules::{LayerRule, Rules, Severity, When};
use super::span::{Span, after_years};
use super::window::{Window, days, nearest};
use crate::evidence::hash_of;
use crate::text::Warning;
use crate::{Exact, FeatureRef, Text};

/// Version of the way in which conflicts are found: another answer to the same question by the same rules needs another.
pub const ENGINE: &str = "bricola-conflicts/2";
/// Most conflicts of one answer, the heaviest first.
pub const MAX_TOLD: usize = 500;

/// The site that somebody plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewSite {
    /// First day.
    pub from: NaiveDate,
    /// Last day, which counts.
    pub to: NaiveDate,
    /// Metres around it within which things collide; those of the rules without it.
    pub clearance_m: Option<Exact>,
    /// Whether the ground is opened.
    pub digs: bool,
    /// The first day on which it could begin, for the nearest free time.
    pub earliest: NaiveDate,
}

/// A feature near the site.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Its layer's place in [`Rules::layers`].
    pub rule: usize,
    /// The feature.
    pub feature: FeatureRef,
    /// Its name.
    pub name: String,
    /// Metres between it and the site; 0 where they touch.
    pub distance_m: f64,
    /// Its width in metres, where the layer says.
    pub width_m: Option<f64>,
    /// Its first day.
    pub from: Option<NaiveDate>,
    /// Its last day, or the first on which it is over.
    pub to: Option<NaiveDate>,
    /// Values of the fields that the rules ask about.
    pub values: BTreeMap<String, String>,
    /// Values that are told with the reason: what they are called, and what they are.
    pub told: Vec<(Text, String)>,
}

/// What is around a site.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// Features that are near.
    pub near: &'a [Neighbour],
    /// Streets that it closes.
    pub closed: &'a [Closed],
    /// Layers of the rules that nobody could look at.
    pub missing: &'a [String],
}

/// A conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The role of its layer.
    pub role: String,
    /// What the role is called.
    pub title: Text,
    /// The feature.
    pub feature: FeatureRef,
    /// Its name.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// Metres between it and the site.
    pub distance_m: String,
    /// When it is there.
    pub dates: Dates,
    /// Days that both last; none where nobody knows.
    pub common_days: Option<u64>,
    /// Why it is one.
    pub reason: Text,
}

/// When something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Dates {
    /// On these days.
    Known {
        /// First day; none: open.
        from: Option<NaiveDate>,
        /// Last day; none: open.
        to: Option<NaiveDate>,
    },
    /// The feature does not say.
    Unknown,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct Assessment {
    /// The site.
    pub site: NewSite,
    /// Its days.
    pub days: u64,
    /// Metres around it.
    pub clearance_m: Exact,
    /// The heaviest severity; none where there are no conflicts.
    pub worst: Option<Severity>,
    /// How many conflicts there are of each severity.
    pub counts: BTreeMap<Severity, usize>,
    /// The conflicts, the heaviest first, then the nearest.
    pub conflicts: Vec<Conflict>,
    /// How many more there are than are listed.
    pub omitted: usize,
    /// The nearest time that is free of what is severe; that which was asked, where it is; none within the horizon.
    pub free_window: Option<Window>,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// The rules.
    pub rules: UsedRules,
}

/// The rules that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsedRules {
    /// The way in which conflicts are found, with its version.
    pub engine: &'static str,
    /// Their id.
    pub id: String,
    /// The act.
    pub act: String,
    /// From which severity on a time is not free.
    pub free_of: Severity,
    /// Days in which a free time was looked for, before and after.
    pub horizon_days: u64,
    /// SHA-256 of the rules.
    pub sha256: String,
    /// SHA-256 of the question.
    pub question_sha256: String,
}

/// Which of what is around a site is a conflict, and when there is none.
pub fn assess(rules: &Rules, site: NewSite, around: Around<'_>) -> Assessment {
    let Around { near, closed, missing } = around;
    let asked = Span { from: Some(site.from), to: Some(site.to) };
    let clearance = site.clearance_m.clone().unwrap_or_else(|| rules.clearance_m.clone());
    let (mut conflicts, mut taken, mut undated) = (Vec::new(), Vec::new(), BTreeMap::new());
    for neighbour in near {
        let Some(rule) = rules.layers.get(neighbour.rule) else { continue };
        if !matters(rule, neighbour, &site) || !is_within(rule, neighbour, &clearance) {
            continue;
        }
        let (severity, why) = severity(rule, neighbour);
        let Some(spans) = spans(rule, neighbour) else {
            *undated.entry(rule.layer.clone()).or_insert(0) += 1;
            // What has no dates may be there at the time, and may not.
            conflicts.push(conflict(rule, neighbour, severity.min(Severity::Minor), why, None));
            continue;
        };
        // What is always there is there at any other time too.
        if severity >= rules.free_of && rule.when != When::Always {
            taken.extend(spans.iter().copied());
        }
        for span in spans {
            if let Some(common) = span.both(&asked) {
                conflicts.push(conflict(rule, neighbour, severity, why, Some((span, common))));
            }
        }
    }
    if let Some(walk) = &rules.walk {
        conflicts.extend(closed.iter().map(|closed| on_foot(walk, closed, &site)));
    }
    conflicts.sort_by(|a, b| {
        let metres = |it: &Conflict| it.distance_m.parse::<f64>().unwrap_or_default();
        let by_weight = b.severity.cmp(&a.severity).then(metres(a).total_cmp(&metres(b)));
        by_weight.then_with(|| (&a.role, &a.feature, a.dates).cmp(&(&b.role, &b.feature, b.dates)))
    });
    let mut counts = BTreeMap::new();
    for conflict in &conflicts {
        *counts.entry(conflict.severity).or_insert(0) += 1;
    }
    let omitted = conflicts.len().saturating_sub(MAX_TOLD);
    conflicts.truncate(MAX_TOLD);
    let free_window = nearest([site.from, site.to], site.earliest, rules.horizon_days, &taken);
    Assessment {
        days: days([site.from, site.to]),
        clearance_m: clearance,
        worst: counts.keys().next_back().copied(),
        counts,
        conflicts,
        omitted,
        free_window,
        warnings: warnings(&undated, missing, free_window.is_none(), rules),
        rules: UsedRules {
            engine: ENGINE,
            id: rules.id.clone(),
            act: rules.act.clone(),
            free_of: rules.free_of,
            horizon_days: rules.horizon_days,
            sha256: rules.sha256(),
            question_sha256: hash_of(&site),
        },
        site,
    }
}

fn matters(rule: &LayerRule, neighbour: &Neighbour, site: &NewSite) -> bool {
    let value = |field: &str| neighbour.values.get(field).map(String::as_str);
    (site.digs || !rule.digs_only)
        && rule.only.iter().all(|only| only.holds(value(&only.field)))
        && !rule.except.iter().any(|except| except.holds(value(&except.field)))
}

fn is_within(rule: &LayerRule, neighbour: &Neighbour, clearance: &Exact) -> bool {
    let half = neighbour.width_m.filter(|width| width.is_finite() && *width > 0.0).unwrap_or_default() / 2.0;
    neighbour.distance_m <= clearance.to_f64() + rule.margin_m.to_f64() + half
}

fn severity<'a>(rule: &'a LayerRule, neighbour: &Neighbour) -> (Severity, Option<&'a Text>) {
    let value = |field: &str| neighbour.values.get(field).map(String::as_str);
    let case = rule.cases.iter().find(|case| case.when.holds(value(&case.when.field)));
    case.map_or((rule.severity, None), |case| (case.severity, case.reason.as_ref()))
}

/// The days on which it is there; none where that is not known.
fn spans(rule: &LayerRule, neighbour: &Neighbour) -> Option<Vec<Span>> {
    if rule.when == When::Always {
        return Some(vec![Span::ALWAYS]);
    }
    let over = neighbour.to.filter(|_| rule.to_excluded);
    let last = if rule.to_excluded { over.and_then(|day| day.pred_opt()) } else { neighbour.to };
    let last = match rule.years {
        Some(years) => Some(after_years(neighbour.from?, years)?),
        None => last,
    };
    if neighbour.from.is_none() && last.is_none() {
        return None;
    }
    match rule.when {
        When::Changes => {
            let next = last.and_then(|last| last.succ_opt());
            Some([neighbour.from, next].into_iter().flatten().map(Span::day).collect())
        }
        _ => Some(Some(Span { from: neighbour.from, to: last }).into_iter().filter(|span| !span.is_empty()).collect()),
    }
}

fn conflict(
    rule: &LayerRule,
    neighbour: &Neighbour,
    severity: Severity,
    why: Option<&Text>,
    time: Option<(Span, Span)>,
) -> Conflict {
    let distance = format!("{:.1}", neighbour.distance_m);
    let place = if neighbour.distance_m <= 0.0 {
        Text::new("nello stesso luogo", "at the same place")
    } else {
        Text::new(format!("a {} m", distance.replace('.', ",")), format!("{distance} m away"))
    };
    let common_days = time.and_then(|(_, common)| common.days());
    let when = match (rule.when, common_days) {
        (When::Always, _) => Text::new("sempre", "always"),
        (When::Changes, _) => Text::new("cambia in quel periodo", "changes within that time"),
        (_, Some(days)) => Text::new(format!("giorni in comune: {days}"), format!("days in common: {days}")),
        (_, None) => Text::new("senza date: verificare", "without dates: to be checked"),
    };
    let mut why =
        why.map_or_else(|| Text::same(""), |why| Text::new(format!(" ({})", why.it), format!(" ({})", why.en)));
    for (title, value) in &neighbour.told {
        why = Text::new(format!("{}; {}: {value}", why.it, title.it), format!("{}; {}: {value}", why.en, title.en));
    }
    Conflict {
        role: rule.role.clone(),
        title: rule.title.clone(),
        feature: neighbour.feature.clone(),
        name: neighbour.name.clone(),
        severity,
        distance_m: distance,
        dates: time.map_or(Dates::Unknown, |(span, _)| Dates::Known { from: span.from, to: span.to }),
        common_days,
        reason: Text::new(
            format!("{}, {}, {}{}", rule.title.it, place.it, when.it, why.it),
            format!("{}, {}, {}{}", rule.title.en, place.en, when.en, why.en),
        ),
    }
}

fn warnings(undated: &BTreeMap<String, usize>, missing: &[String], is_taken: bool, rules: &Rules) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = missing
        .iter()
        .map(|layer| {
            let text = Text::new(
                format!("lo strato {layer}, che le regole nominano, non c’è o non è pronto: non è stato guardato"),
                format!("the layer {layer}, which the rules name, is not there or not ready: nobody looked at it"),
            );
            Warning::new("no-layer", text)
        })
        .collect();
    warnings.extend(undated.iter().map(|(layer, count)| {
        let text = Text::new(
            format!("oggetti vicini senza date nello strato {layer}: {count}; non si sa se ci sono in quel periodo"),
            format!(
                "features nearby without dates in the layer {layer}: {count}; whether they are there then is not known"
            ),
        );
        Warning::new("undated", text)
    }));
    if is_taken {
        let days = rules.horizon_days;
        let text = Text::new(
            format!("entro {days} giorni prima e dopo non c’è un periodo libero così lungo"),
            format!("within {days} days before and after there is no free time as long as this"),
        );
        warnings.push(Warning::new("no-free-time", text));
    }
    warnings
}
