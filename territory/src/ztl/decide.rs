//! Whether one may enter.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Days, TimeDelta, Utc};

use super::answer::{Access, Answer, Change, Decisive, Other, Rules, Span, UsedRegulation, ZoneAnswer};
use super::candidate::{Candidate, covers, governs};
use super::clock::{moment_of, now_at, reading};
use super::line::{Governed, Scene, State, Stretch};
use super::question::{MAX_DAYS, Question, ZoneAt};
use super::regulation::{Permit, Regulation, Regulations};
use super::schedule::begin_of;
use crate::Text;
use crate::evidence::hash_of;
use crate::text::Warning;

/// Version of the way in which rules are read: another answer to the same question by the same rules needs another.
pub const ENGINE: &str = "bricola-ztl/1";
/// Days for which the next change is looked for.
pub const HORIZON_DAYS: i64 = 400;
/// Days around the moment in which the stretch of the rule that counts is looked for.
const AROUND: TimeDelta = TimeDelta::days(8);
/// Most years of which missing holidays are told.
const MAX_YEARS: usize = 4;

/// Whether one may enter at a place that these zones cover, and until when. `missing`: layers with zones that nobody could
/// look at.
pub fn decide(regulations: &Regulations, zones: &[ZoneAt], missing: &[String], question: &Question) -> Answer {
    let used: Vec<(&Regulation, &str)> = regulations
        .hashed()
        .iter()
        .filter(|(regulation, _)| zones.iter().any(|zone| names(regulation, zone)))
        .map(|(regulation, hash)| (&**regulation, hash.as_str()))
        .collect();
    let is_blind = regulations.is_empty() || !missing.is_empty();
    let scene = Scene { zones: governed(&used, zones, question), question, is_blind };
    let at = question.instant;
    let now = scene.moment(at);
    let (next_change, searched_until) = next_change(&scene, now.access);
    let timeline = timeline(&scene);
    let mut needs = BTreeSet::new();
    if now.access == Access::Depends {
        needs = now.zones.iter().flatten().flat_map(|state| state.needs.iter().copied()).collect();
    }
    let mut warnings = warnings(&scene, &now, &timeline, next_change.map_or(at, |(at, _)| at));
    warnings.extend(unseen(regulations, missing));
    let told = scene.zones.iter().zip(&now.zones).filter_map(|(zone, state)| Some((zone, state.as_ref()?)));
    Answer {
        access: now.access,
        needs,
        instant: moment_of(at),
        zones: told.map(|(zone, state)| zone_answer(zone, state, question)).collect(),
        next_change: next_change.map(|(at, access)| Change { at: moment_of(at), access }),
        searched_until: moment_of(searched_until),
        permits: permits(&used, zones, &scene, now.access),
        timeline: timeline.iter().map(|stretch| span(&scene.zones, stretch)).collect(),
        warnings,
        rules: Rules {
            engine: ENGINE,
            regulations: used.iter().map(|(regulation, hash)| used_regulation(regulation, hash)).collect(),
            question_sha256: hash_of(question),
        },
    }
}

fn names(regulation: &Regulation, zone: &ZoneAt) -> bool {
    regulation.layer == zone.layer && regulation.rules.iter().any(|rule| rule.zones.contains(&zone.code))
}

fn governed<'a>(used: &[(&'a Regulation, &str)], zones: &'a [ZoneAt], question: &Question) -> Vec<Governed<'a>> {
    let of = |zone: &'a ZoneAt| {
        let regulations: Vec<&Regulation> =
            used.iter().map(|(regulation, _)| *regulation).filter(|regulation| names(regulation, zone)).collect();
        let mut candidates: Vec<Candidate<'a>> =
            regulations.iter().flat_map(|regulation| Candidate::all(regulation, &zone.code, question)).collect();
        candidates.sort_by(|a, b| a.rank().cmp(&b.rank()));
        Governed { zone, regulations, candidates }
    };
    zones.iter().map(of).collect()
}

/// When the answer will be another, and until when was looked: near first, since most rules change within a day.
fn next_change(scene: &Scene<'_>, now: Access) -> (Option<(DateTime<Utc>, Access)>, DateTime<Utc>) {
    let at = scene.question.instant;
    let mut from = at;
    for days in [2, 10, 60, HORIZON_DAYS] {
        let to = at + TimeDelta::days(days);
        let line = scene.line(from, to);
        if let Some(other) = line.iter().find(|stretch| stretch.access != now) {
            return (Some((other.from, other.access)), to);
        }
        from = to;
    }
    (None, from)
}

fn timeline(scene: &Scene<'_>) -> Vec<Stretch> {
    let today = reading(scene.question.instant).date();
    let days = scene.question.days.clamp(1, MAX_DAYS);
    let last = today.checked_add_days(Days::new(days.into())).unwrap_or(today);
    match now_at(begin_of(today)).zip(now_at(begin_of(last))) {
        Some((from, to)) if from < to => scene.line(from, to),
        _ => Vec::new(),
    }
}

fn span(zones: &[Governed<'_>], stretch: &Stretch) -> Span {
    let counting = zones.iter().zip(&stretch.zones).filter_map(|(zone, state)| {
        let candidate = &zone.candidates[state.as_ref()?.decisive?];
        Some(format!("{}/{}", candidate.regulation.id, candidate.id()))
    });
    Span { from: moment_of(stretch.from), to: moment_of(stretch.to), access: stretch.access, rules: counting.collect() }
}

fn zone_answer(zone: &Governed<'_>, state: &State, question: &Question) -> ZoneAnswer {
    let at = question.instant;
    let holding = zone.candidates.iter().enumerate().filter(|(i, candidate)| {
        Some(*i) != state.decisive && covers(&candidate.holds(at, at + TimeDelta::seconds(1)), at)
    });
    let others = holding.map(|(_, candidate)| Other {
        regulation: candidate.regulation.id.clone(),
        rule: candidate.id().to_owned(),
        effect: candidate.effect(),
        certain: candidate.is_certain(),
    });
    let decisive = state.decisive.map(|i| &zone.candidates[i]);
    let is_barred = matches!(state.access, Access::WithFee | Access::WithPermit);
    let permits = decisive.filter(|_| is_barred).into_iter().flat_map(|candidate| {
        candidate.permits().iter().filter_map(|code| candidate.regulation.permits.get(code)).cloned()
    });
    ZoneAnswer {
        layer: zone.zone.layer.clone(),
        code: zone.zone.code.clone(),
        name: zone.zone.name.clone(),
        kind: zone.zone.kind.clone(),
        feature: zone.zone.feature.clone(),
        access: state.access,
        needs: state.needs.clone(),
        decisive: decisive.map(|candidate| decisive_of(candidate, at)),
        others: others.collect(),
        permits: permits.collect(),
    }
}

fn decisive_of(candidate: &Candidate<'_>, at: DateTime<Utc>) -> Decisive {
    let (first, last) = (at - AROUND, at + AROUND);
    let held = candidate.holds(first, last);
    let stretch = held.into_iter().find(|stretch| stretch.contains(&at));
    let (rule, regulation) = (candidate.rule, candidate.regulation);
    let order = candidate.exception.map(|exception| &exception.order).or(rule.order.as_ref());
    Decisive {
        regulation: regulation.id.clone(),
        rule: rule.id.clone(),
        exception: candidate.exception.map(|exception| exception.id.clone()),
        title: rule.title.clone(),
        effect: candidate.effect(),
        schedule: candidate.schedule().and_then(|it| it.as_ref().ok()).map(|schedule| schedule.text().to_owned()),
        order: order.unwrap_or(&regulation.act).clone(),
        from: stretch.as_ref().map(|stretch| stretch.start).filter(|from| *from > first).map(moment_of),
        to: stretch.as_ref().map(|stretch| stretch.end).filter(|to| *to < last).map(moment_of),
    }
}

/// Permits of which one alone would do.
fn permits(used: &[(&Regulation, &str)], zones: &[ZoneAt], scene: &Scene<'_>, now: Access) -> Vec<Permit> {
    if !matches!(now, Access::WithFee | Access::WithPermit) {
        return Vec::new();
    }
    let mut all: Vec<&Permit> = used.iter().flat_map(|(regulation, _)| regulation.permits.values()).collect();
    all.sort_by(|a, b| a.code.cmp(&b.code));
    all.dedup_by(|a, b| a.code == b.code);
    let would_do = |permit: &&Permit| {
        let mut with = scene.question.clone();
        with.permits.insert(permit.code.clone());
        let zones = governed(used, zones, &with);
        Scene { zones, question: &with, is_blind: scene.is_blind }.moment(with.instant).access == Access::Yes
    };
    all.into_iter().filter(would_do).cloned().collect()
}

fn used_regulation(regulation: &Regulation, hash: &str) -> UsedRegulation {
    UsedRegulation {
        id: regulation.id.clone(),
        act: regulation.act.clone(),
        valid_from: regulation.valid_from,
        valid_to: regulation.valid_to,
        sha256: hash.to_owned(),
    }
}

/// What somebody should look at: zones without rules, rules that nobody could read, holidays that nobody wrote down.
fn warnings(scene: &Scene<'_>, now: &Stretch, timeline: &[Stretch], last: DateTime<Utc>) -> Vec<Warning> {
    let at = scene.question.instant;
    let mut warnings = BTreeSet::new();
    let first = timeline.first().map_or(at, |stretch| stretch.from.min(at));
    let last = timeline.last().map_or(last, |stretch| stretch.to.max(last));
    // What begins on the last day of a year reaches into the next.
    let first_year = (first - TimeDelta::days(1)).with_timezone(&super::ROME).year();
    let last_year = (last - TimeDelta::seconds(1)).with_timezone(&super::ROME).year();
    for (zone, state) in scene.zones.iter().zip(&now.zones) {
        let code = &zone.zone.code;
        let second = at + TimeDelta::seconds(1);
        let is_governed = zone.regulations.iter().any(|regulation| covers(&governs(regulation, at, second), at));
        if state.is_some() && !is_governed {
            warnings.insert(no_rules(zone.zone));
        }
        for candidate in &zone.candidates {
            if let Some(unreadable) = candidate.unreadable() {
                warnings.insert(unread(code, candidate, &unreadable.text, &unreadable.reason));
            }
            let Some(Ok(schedule)) = candidate.schedule() else { continue };
            let calendar = &candidate.regulation.calendar;
            for year in (first_year..=last_year).take(MAX_YEARS) {
                if schedule.names_public_holidays() && !calendar.public.contains_key(&year) {
                    warnings.insert(no_holidays(&candidate.regulation.id, year, "festivi", "public holidays"));
                }
                if schedule.names_school_holidays() && !calendar.school.contains_key(&year) {
                    warnings.insert(no_holidays(
                        &candidate.regulation.id,
                        year,
                        "di vacanza scolastica",
                        "school holidays",
                    ));
                }
            }
        }
    }
    warnings.into_iter().collect()
}

/// What could not be looked at.
fn unseen(regulations: &Regulations, missing: &[String]) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = missing
        .iter()
        .map(|layer| {
            let text = Text::new(
                format!("lo strato {layer}, in cui un regolamento cerca le sue zone, non c’è o non è pronto"),
                format!("the layer {layer}, in which a regulation looks for its zones, is not there, or not ready"),
            );
            Warning::new("no-layer", text)
        })
        .collect();
    if regulations.is_empty() {
        let text = Text::new(
            "non c’è alcun regolamento senza errori: nessuno può dire se si entra",
            "there is no regulation without faults: nobody can say whether one may enter",
        );
        warnings.push(Warning::new("no-regulation", text));
    }
    warnings
}

fn no_rules(zone: &ZoneAt) -> Warning {
    let (code, name) = (&zone.code, &zone.name);
    let [it, en] = zone.published.as_ref().map_or([String::new(), String::new()], |hours| {
        [format!("; lo strato riporta: «{hours}»"), format!("; the layer says: “{hours}”")]
    });
    let text = Text::new(
        format!("nessun regolamento in vigore nomina la zona {code} ({name}): chiedere all’ufficio{it}"),
        format!("no regulation in force names the zone {code} ({name}): ask the office{en}"),
    );
    Warning::new("no-rules", text)
}

fn unread(zone: &str, candidate: &Candidate<'_>, schedule: &str, reason: &Text) -> Warning {
    let rule = format!("{}/{}", candidate.regulation.id, candidate.id());
    let text = Text::new(
        format!("zona {zone}: l’orario «{schedule}» della regola {rule} {}; la regola non è applicata", reason.it),
        format!("zone {zone}: the schedule “{schedule}” of rule {rule} {}; the rule is not applied", reason.en),
    );
    Warning::new("unreadable-schedule", text)
}

fn no_holidays(regulation: &str, year: i32, it: &str, en: &str) -> Warning {
    let text = Text::new(
        format!("i giorni {it} del {year} mancano dal calendario di {regulation}: in quei giorni può valere altro"),
        format!(
            "the {en} of {year} are missing from the calendar of {regulation}: on those days something else may hold"
        ),
    );
    Warning::new("missing-holidays", text)
}

/// What holds within [from, to): each stretch with its beginning, its end and the answer.
#[cfg(test)]
pub(super) fn line_of(
    regulations: &Regulations,
    zones: &[ZoneAt],
    question: &Question,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, DateTime<Utc>, Access)> {
    let used: Vec<(&Regulation, &str)> =
        regulations.hashed().iter().map(|(regulation, hash)| (&**regulation, hash.as_str())).collect();
    let line = Scene { zones: governed(&used, zones, question), question, is_blind: false }.line(from, to);
    line.into_iter().map(|stretch| (stretch.from, stretch.to, stretch.access)).collect()
}
