//! Conflicts by rules, and against an evaluation day by day.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::{Around, Assessment, Closed, Dates, Effect, Neighbour, NewSite, Rules, Severity, read_rules};
use crate::FeatureRef;

const RULES: &str = include_str!("../../../city/conflicts/cantieri.toml");

fn rules() -> Rules {
    read_rules("cantieri.toml", RULES).unwrap()
}

fn assess(rules: &Rules, site: NewSite, near: &[Neighbour], missing: &[String]) -> Assessment {
    super::assess(rules, site, Around { near, missing, closed: &[] })
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn site(from: &str, to: &str) -> NewSite {
    NewSite { from: day(from), to: day(to), clearance_m: None, digs: true, earliest: day("2026-01-01") }
}

fn neighbour(role: &str, distance_m: f64, dates: [Option<&str>; 2], values: &[(&str, &str)]) -> Neighbour {
    Neighbour {
        rule: rules().layers.iter().position(|layer| layer.role == role).unwrap(),
        feature: FeatureRef { layer: role.into(), id: "1".into(), version: 1 },
        name: "Calle Lunga".into(),
        distance_m,
        width_m: None,
        from: dates[0].map(day),
        to: dates[1].map(day),
        values: values.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
        told: Vec::new(),
    }
}

#[test]
fn what_is_near_at_the_time_is_a_conflict_and_what_is_not_is_none() {
    let closed = |distance| {
        neighbour("site", distance, [Some("2026-06-10"), Some("2026-06-20")], &[("traffic_effect", "closed")])
    };
    let found = assess(&rules(), site("2026-06-20", "2026-06-30"), &[closed(2.9)], &[]);
    assert_eq!((found.worst, found.conflicts.len(), found.days), (Some(Severity::Blocking), 1, 11));
    assert_eq!((found.conflicts[0].common_days, found.conflicts[0].distance_m.as_str()), (Some(1), "2.9"));
    assert!(found.conflicts[0].reason.it.contains("a 2,9 m") && found.conflicts[0].reason.it.contains("strada chiusa"));
    let window = found.free_window.unwrap();
    assert_eq!((window.from, window.to, window.shift_days), (day("2026-06-21"), day("2026-07-01"), 1));
    // A day later, or farther away.
    assert_eq!(assess(&rules(), site("2026-06-21", "2026-06-30"), &[closed(2.9)], &[]).worst, None);
    assert_eq!(assess(&rules(), site("2026-06-20", "2026-06-30"), &[closed(3.1)], &[]).worst, None);
    // The question's own clearance counts.
    let wide = NewSite { clearance_m: Some("10".parse().unwrap()), ..site("2026-06-20", "2026-06-30") };
    assert_eq!(assess(&rules(), wide, &[closed(9.9)], &[]).worst, Some(Severity::Blocking));
}

#[test]
fn fresh_paving_is_not_dug_up_for_three_years() {
    let paved = neighbour("no-dig", 4.5, [Some("2025-03-01"), None], &[("kind", "paving"), ("phase", "completed")]);
    let found = assess(&rules(), site("2028-02-28", "2028-03-05"), std::slice::from_ref(&paved), &[]);
    assert_eq!((found.worst, found.conflicts[0].common_days), (Some(Severity::Blocking), Some(2)));
    let to = day("2028-02-29");
    assert_eq!(found.conflicts[0].dates, Dates::Known { from: Some(day("2025-03-01")), to: Some(to) });
    assert_eq!(found.free_window.unwrap().from, day("2028-03-01"));
    let scaffold = NewSite { digs: false, ..site("2026-02-28", "2026-03-05") };
    assert_eq!(assess(&rules(), scaffold, std::slice::from_ref(&paved), &[]).worst, None, "who does not dig may");
    let other = Neighbour { values: BTreeMap::from([("kind".into(), "green".into())]), ..paved };
    assert_eq!(assess(&rules(), site("2026-02-28", "2026-03-05"), &[other], &[]).worst, None);
}

#[test]
fn events_lines_and_changes_have_their_own_times() {
    let event = neighbour("event", 0.0, [Some("2026-07-18"), Some("2026-07-20")], &[("kind", "event")]);
    let found = assess(&rules(), site("2026-07-19", "2026-07-25"), std::slice::from_ref(&event), &[]);
    assert_eq!((found.worst, found.conflicts[0].common_days), (Some(Severity::Serious), Some(1)));
    assert_eq!(assess(&rules(), site("2026-07-20", "2026-07-25"), &[event], &[]).worst, None, "over on that day");
    let change = neighbour("ztl-change", 0.0, [Some("2020-01-01"), Some("2026-07-22")], &[("kind", "ztl")]);
    let found = assess(&rules(), site("2026-07-22", "2026-07-25"), std::slice::from_ref(&change), &[]);
    assert_eq!((found.worst, found.conflicts.len()), (Some(Severity::Notice), 1));
    assert_eq!(assess(&rules(), site("2026-07-23", "2026-07-25"), &[change], &[]).worst, None);
    let line = neighbour("transit", 7.9, [None, None], &[("mode", "bus")]);
    let found = assess(&rules(), site("2026-07-22", "2026-07-25"), std::slice::from_ref(&line), &[]);
    assert_eq!((found.worst, found.conflicts[0].common_days), (Some(Severity::Serious), Some(4)));
    assert_eq!(found.free_window.unwrap().shift_days, 0, "another time would not help");
    let wide = Neighbour { width_m: Some(8.0), distance_m: 11.9, ..line };
    assert_eq!(assess(&rules(), site("2026-07-22", "2026-07-25"), &[wide], &[]).conflicts.len(), 1);
}

#[test]
fn what_has_no_dates_or_could_not_be_looked_at_is_told() {
    let undated = neighbour("site", 0.0, [None, None], &[("traffic_effect", "closed")]);
    let found = assess(&rules(), site("2026-07-22", "2026-07-25"), &[undated], &["occupations".into()]);
    assert_eq!((found.worst, found.conflicts[0].dates), (Some(Severity::Minor), Dates::Unknown));
    let codes: Vec<_> = found.warnings.iter().map(|it| it.code.as_str()).collect();
    assert_eq!((codes, found.free_window.unwrap().shift_days), (vec!["no-layer", "undated"], 0));
    let forever = neighbour("site", 0.0, [Some("2020-01-01"), None], &[("traffic_effect", "closed")]);
    let found = assess(&rules(), site("2026-07-22", "2026-07-25"), &[forever], &[]);
    assert_eq!((found.free_window, found.warnings[0].code.as_str()), (None, "no-free-time"));
}

#[test]
fn a_street_that_is_closed_on_foot_weighs_what_follows_from_it() {
    let closed = |effect| Closed {
        feature: FeatureRef { layer: "streets".into(), id: "1".into(), version: 1 },
        name: "Ponte Storto".into(),
        metres: 12.3,
        effect,
    };
    let told = |effect| {
        let closed = [closed(effect)];
        let found =
            super::assess(&rules(), site("2026-06-01", "2026-06-30"), Around { closed: &closed, ..Around::default() });
        assert_eq!(found.free_window.map(|window| window.shift_days), Some(0), "another time would not help");
        let it = &found.conflicts[0];
        assert_eq!((it.role.as_str(), it.common_days), ("walk", Some(30)));
        (it.severity, it.reason.it.clone())
    };
    assert_eq!(told(Effect::None).0, Severity::Minor);
    assert_eq!(told(Effect::Detour(149.0)), (Severity::Minor, "A piedi, chiusa per 12 m, deviazione di 149 m".into()));
    assert_eq!(told(Effect::Detour(150.0)).0, Severity::Serious);
    assert!(told(Effect::Beyond(3_000.0)).1.ends_with("oltre 3000 m"));
    let schools = crate::Text::new("Scuole", "Schools");
    let (severity, reason) = told(Effect::CutOff(vec![(schools, 2)]));
    assert!(severity == Severity::Blocking && reason.ends_with("isola ciò che sta oltre; Scuole: 2"), "{reason}");
}

#[test]
fn every_fault_of_the_rules_is_told_with_its_line() {
    for (from, to, field, rule) in [
        ("clearance_m = 3", "", "clearance_m", "missing"),
        ("clearance_m = 3", "clearance_m = 3000", "clearance_m", "out-of-range"),
        ("free_of = \"serious\"", "free_of = \"grave\"", "free_of", "unknown-word"),
        ("horizon_days = 365", "horizon_days = 99999", "horizon_days", "out-of-range"),
        ("severity = \"minor\"", "", "layer[1].severity", "missing"),
        ("layer = \"work-sites\"", "", "layer[1].layer", "missing"),
        ("values = [\"closed\"]", "", "layer[1].case[1].values", "missing"),
        ("years = 3", "years = 99", "layer[3].years", "out-of-range"),
        ("years = 3", "years = 3\nto = [\"x\"]", "layer[3].years", "contradiction"),
        ("margin_m = 5", "margin_m = 5\nchanges = true", "layer[7].changes", "contradiction"),
        ("digs_only = true", "digs = true", "layer[3].digs", "unknown-key"),
        ("act = ", "atto = ", "act", "missing"),
        ("passage_m = 1.2", "", "walk.passage_m", "missing"),
        ("detour_m = 150", "detour_m = 5000", "walk.detour_m", "out-of-range"),
        ("cut_off = \"blocking\"", "cut_off = \"bad\"", "walk.cut_off", "unknown-word"),
        ("cut_off = \"blocking\"", "", "walk.cut_off", "missing"),
    ] {
        assert!(RULES.contains(from), "{from}");
        let faults = read_rules("c.toml", &RULES.replacen(from, to, 1)).unwrap_err();
        assert!(faults.iter().any(|it| it.line > 0 && it.field == field && it.rule == rule), "{to}: {faults:?}");
    }
    assert_eq!(read_rules("c.toml", "id = ").unwrap_err()[0].rule, "not-toml");
    assert_ne!(rules().sha256(), read_rules("c.toml", &RULES.replace("years = 3", "years = 4")).unwrap().sha256());
}

/// A work site with days from the beginning of 2026, either end open.
fn drawn() -> impl Strategy<Value = (Option<u64>, Option<u64>, usize, f64)> {
    let end = || proptest::option::weighted(0.9, 0_u64..500);
    (end(), end(), 0_usize..3, prop_oneof![Just(0.0), 0.0..6.0_f64])
}

proptest! {
    #[test]
    fn conflicts_and_free_times_are_those_found_day_by_day(
        sites in proptest::collection::vec(drawn(), 0..12), from in 100_u64..400, length in 0_u64..60, earliest in 0_u64..150,
    ) {
        let begin = day("2026-01-01");
        let at = |days: u64| begin + Days::new(days);
        let effects = ["none", "narrowed", "closed"];
        let near: Vec<Neighbour> = sites.iter().enumerate().map(|(i, (first, last, effect, metres))| Neighbour {
            feature: FeatureRef { layer: "work-sites".into(), id: i.to_string(), version: 1 },
            distance_m: *metres,
            from: first.map(at),
            to: last.map(at),
            ..neighbour("site", 0.0, [None, None], &[("traffic_effect", effects[*effect])])
        }).collect();
        let asked = NewSite { from: at(from), to: at(from + length), clearance_m: None, digs: true, earliest: at(earliest) };
        let found = assess(&rules(), asked, &near, &[]);
        // Day by day.
        let is_there = |(first, last, ..): &(Option<u64>, Option<u64>, usize, f64), day: i64| {
            first.is_none_or(|first| first as i64 <= day) && last.is_none_or(|last| day <= last as i64)
        };
        let dated = |site: &(Option<u64>, Option<u64>, usize, f64)| site.0.is_some() || site.1.is_some();
        let mut expected = Vec::new();
        for (i, site) in sites.iter().enumerate().filter(|(_, site)| site.3 <= 3.0) {
            let common = (from..=from + length).filter(|day| is_there(site, *day as i64)).count() as u64;
            if !dated(site) {
                expected.push((i.to_string(), None));
            } else if common > 0 {
                expected.push((i.to_string(), Some(common)));
            }
        }
        let mut told: Vec<_> = found.conflicts.iter().map(|it| (it.feature.id.clone(), it.common_days)).collect();
        told.sort();
        expected.sort();
        prop_assert_eq!(told, expected);
        prop_assert!(found.conflicts.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
        // The nearest beginning, of two as near the earlier.
        let heavy: Vec<_> = sites.iter().filter(|site| site.3 <= 3.0 && site.2 > 0 && dated(site)).collect();
        let is_free = |start: i64| (start..=start + length as i64).all(|day| heavy.iter().all(|site| !is_there(site, day)));
        let starts = (from as i64 - 365).max(earliest as i64)..=from as i64 + 365;
        let nearest = starts.filter(|start| is_free(*start)).min_by_key(|start| ((start - from as i64).abs(), start - from as i64));
        prop_assert_eq!(found.free_window.map(|window| window.shift_days), nearest.map(|start| start - from as i64));
    }

    #[test]
    fn no_damage_to_rules_makes_their_reading_panic(at in 0_usize..3000, cut in 0_usize..40, text in "[a-z0-9=.\\[\\]\"{} \n-]{0,12}") {
        let mut damaged = RULES.to_owned();
        let mut start = at.min(damaged.len());
        while !damaged.is_char_boundary(start) { start -= 1; }
        let mut end = (start + cut).min(damaged.len());
        while !damaged.is_char_boundary(end) { end -= 1; }
        damaged.replace_range(start..end.max(start), &text);
        if let Err(faults) = read_rules("c.toml", &damaged) {
            prop_assert!(!faults.is_empty());
        }
    }
}
