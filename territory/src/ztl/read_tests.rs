//! Regulations and calendars from their files.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::read::{File, read_file};
use super::regulation::Regulations;
use super::schedule::Schedule;

pub(super) const EXAMPLE: &str = include_str!("../../examples/ztl.toml");
pub(super) const HOLIDAYS: &str = include_str!("../../examples/festivita.toml");

/// Regulations of these texts, which have no faults.
pub(super) fn regulations(texts: &[&str]) -> Regulations {
    let (mut drafts, mut calendars) = (Vec::new(), Vec::new());
    for text in texts {
        match read_file("test.toml", text).unwrap() {
            File::Calendar(calendar) => calendars.push(("test.toml".to_owned(), calendar)),
            File::Regulation(draft) => drafts.push(*draft),
        }
    }
    let (regulations, faults) = Regulations::new(drafts, calendars);
    assert_eq!(faults, []);
    regulations
}

/// The faults of the example with some of its text replaced: line, field, rule.
fn faults(text: &str, from: &str, to: &str) -> Vec<(u64, String, String)> {
    assert!(text.contains(from), "{from}");
    let faults = read_file("ztl.toml", &text.replacen(from, to, 1)).unwrap_err();
    faults.into_iter().map(|fault| (fault.line, fault.field, fault.rule)).collect()
}

#[test]
fn the_example_is_read_with_its_calendar() {
    let regulations = regulations(&[EXAMPLE, HOLIDAYS]);
    let regulation = regulations.all().next().unwrap();
    assert_eq!(regulation.rules.len(), 7);
    assert_eq!(regulation.zones(), BTreeSet::from(["CENTRO", "NOTTE", "SCUOLA", "VERDE"]));
    assert_eq!(regulation.permits["merci"].cost_eur.as_ref().unwrap().fixed(2), "40.00");
    assert_eq!(regulation.calendar.is_public("2026-10-04".parse().unwrap()), Some(true));
    assert_eq!(regulation.calendar.is_public("2026-10-05".parse().unwrap()), Some(false));
    assert_eq!(regulation.calendar.is_public("2031-12-25".parse().unwrap()), None, "nobody said");
    assert_eq!(regulation.calendar.is_school("2026-07-01".parse().unwrap()), Some(true));
    let unread: Vec<_> = regulation.unreadable().map(|(rule, it)| (rule, it.text.as_str())).collect();
    assert_eq!(unread, [("scuole", "ingresso e uscita degli alunni")]);
}

#[test]
fn comments_and_order_do_not_change_the_hash_and_rules_and_holidays_do() {
    let hash = |text: &str, holidays: &str| regulations(&[text, holidays]).all().next().unwrap().sha256();
    let one = hash(EXAMPLE, HOLIDAYS);
    assert_eq!(one, hash(&format!("# first\n{EXAMPLE}"), HOLIDAYS));
    assert_ne!(one, hash(&EXAMPLE.replace("22:00-06:00", "22:00-07:00"), HOLIDAYS));
    assert_ne!(one, hash(EXAMPLE, &HOLIDAYS.replace(", 2026-10-04", "")));
}

#[test]
fn every_fault_is_told_with_line_field_and_rule() {
    for (from, to, field, rule) in [
        ("act = ", "atto = ", "act", "missing"),
        ("valid_from = 2024-01-01", "", "valid_from", "missing"),
        ("valid_from = 2024-01-01", "valid_from = 2024-01-01\nvalid_to = 2023-01-01", "valid_to", "out-of-range"),
        ("layer = \"ztl\"", "", "layer", "missing"),
        ("calendar = \"festivita\"", "", "calendar", "missing"),
        ("effect = \"prohibit\"", "effect = \"forbid\"", "rule[1].effect", "unknown-word"),
        ("effect = \"prohibit\"", "", "rule[1].effect", "missing"),
        ("schedule = \"24/7\"", "", "rule[3].schedule", "missing"),
        ("zones = [\"CENTRO\"]", "", "rule[1].zones", "missing"),
        ("\"moped\"", "\"monopattino\"", "rule[1].vehicles.categories", "unknown-word"),
        ("euro_max = 3", "euro_max = 33", "rule[5].vehicles.euro_max", "out-of-range"),
        ("mass_max_kg = 3500", "mass_max_kg = -1", "rule[2].vehicles.mass_max_kg", "out-of-range"),
        ("mass_max_kg = 3500", "peso = 1", "rule[2].vehicles.peso", "unknown-key"),
        ("permits = [\"merci\"]", "permits = [\"oro\"]", "rule[2].permits", "unknown-code"),
        ("permits = [\"merci\"]", "", "rule[2].permits", "missing"),
        (
            "schedule = \"22:00-06:00\"",
            "schedule = \"22:00-06:00\"\npermits = [\"merci\"]",
            "rule[4].permits",
            "contradiction",
        ),
        ("users = [\"residente\"", "users = [\"papa\"", "rule[3].users", "unknown-code"),
        ("id = \"notte\"", "id = \"merci\"", "rule[4].id", "duplicate-code"),
        ("code = \"ticket\"", "code = \"merci\"", "permit[2].code", "duplicate-code"),
        ("url = \"https://mobilita", "url = \"javascript:mobilita", "permit[1].url", "out-of-range"),
        ("rule = \"centro-giorno\"", "rule = \"centro\"", "exception[1].rule", "unknown-rule"),
        ("from = 2026-03-20T00:00:00", "from = 2026-03-20T00:00:00Z", "exception[1].from", "wrong-type"),
        ("from = 2026-03-20T00:00:00", "from = 2026-03-22T00:00:00", "exception[1].to", "out-of-range"),
        ("order = \"Ord. 88/2026\"", "", "exception[1].order", "missing"),
    ] {
        let found = faults(EXAMPLE, from, to);
        assert!(found.iter().any(|(line, f, r)| *line > 0 && f == field && r == rule), "{to}: {found:?}");
    }
    for (from, to, field, rule) in [
        ("2026-01-06", "2025-01-06", "public_holidays[2].days", "out-of-range"),
        (
            "year = 2027",
            "year = 2026\ndays = []\n[[public_holidays]]\nyear = 2027",
            "public_holidays[3].year",
            "duplicate-code",
        ),
        ("year = 2027", "anno = 2027", "public_holidays[3].anno", "unknown-key"),
        ("to = 2026-01-06", "to = 2025-01-06", "school_holidays[1].periods[1].to", "out-of-range"),
        ("days = [2026-02-16", "days = [\"carnevale\"", "school_holidays[1].days", "wrong-type"),
        ("calendar = \"festivita\"", "", "calendar", "missing"),
    ] {
        let found = faults(HOLIDAYS, from, to);
        assert!(found.iter().any(|(line, f, r)| *line > 0 && f == field && r == rule), "{to}: {found:?}");
    }
    assert_eq!(faults(EXAMPLE, "id = ", "id = = ")[0].2, "not-toml");
}

#[test]
fn a_calendar_that_is_not_there_and_ids_that_are_there_twice_are_told() {
    let draft = || match read_file("a.toml", EXAMPLE).unwrap() {
        File::Regulation(draft) => *draft,
        File::Calendar(_) => panic!("a regulation"),
    };
    let calendar = || match read_file("b.toml", HOLIDAYS).unwrap() {
        File::Calendar(calendar) => ("b.toml".to_owned(), calendar),
        File::Regulation(_) => panic!("a calendar"),
    };
    let (none, faults) = Regulations::new(vec![draft()], vec![]);
    assert!(none.is_empty());
    assert_eq!((faults[0].rule.as_str(), faults[0].line), ("unknown-calendar", 8));
    let (one, faults) = Regulations::new(vec![draft(), draft()], vec![calendar(), calendar()]);
    assert_eq!(one.all().count(), 1);
    assert_eq!(faults.iter().map(|fault| fault.rule.as_str()).collect::<Vec<_>>(), ["duplicate-code"; 2]);
}

#[test]
fn a_schedule_that_leaves_open_when_it_holds_is_kept_as_it_is() {
    for text in [
        "Mo-Fr 08:00-20:00",
        "24/7",
        "22:00-06:00; PH off",
        "Apr-Sep Sa,Su 10:00-18:00",
        "SH off",
        "2026 Jul 18-19 14:00-26:00",
    ] {
        assert_eq!(Schedule::read(text).map(|it| it.text().to_owned()), Ok(text.to_owned()), "{text}");
    }
    for text in [
        "giorni feriali 8-20",
        "dalle 23:00 alle 3:00",
        "",
        "sunrise-sunset",
        "Mo-Fr 08:00-20:00 \"salvo eventi\"",
        "Mo-Fr 08:00-20:00 unknown",
        "08:00-25:99",
        "Mo-Fr 22:00+",
        "08:00-18:00/01:30",
        "Mo-Fr 08:00-10:00 || 12:00-13:00",
        "SH Mo-Fr 08:00-10:00",
        "Mo-Fr PH 08:00-10:00",
    ] {
        let unreadable = Schedule::read(text).unwrap_err();
        assert_eq!(unreadable.text, text);
        assert!(!unreadable.reason.it.is_empty() && !unreadable.reason.en.is_empty());
    }
}

proptest! {
    #[test]
    fn no_damage_makes_the_reading_panic(at in 0_usize..4000, cut in 0_usize..40, text in "[a-zA-Z0-9=.\\[\\]\"{} :;\n-]{0,12}") {
        for file in [EXAMPLE, HOLIDAYS] {
            let mut damaged = file.to_owned();
            let mut start = at.min(damaged.len());
            while !damaged.is_char_boundary(start) { start -= 1; }
            let mut end = (start + cut).min(damaged.len());
            while !damaged.is_char_boundary(end) { end -= 1; }
            damaged.replace_range(start..end.max(start), &text);
            if let Err(faults) = read_file("p.toml", &damaged) {
                prop_assert!(!faults.is_empty());
            }
        }
    }

    #[test]
    fn no_schedule_makes_the_reading_panic(text in "[MoTuWeThFrSaSuPHJanDec0-9:;,/ -]{0,40}") {
        if let Ok(schedule) = Schedule::read(&text) {
            let from = "2026-03-28T00:00:00Z".parse().unwrap();
            let to = "2026-04-03T00:00:00Z".parse().unwrap();
            for stretch in schedule.within(from, to) {
                prop_assert!(from <= stretch.start && stretch.start < stretch.end && stretch.end <= to);
            }
        }
    }
}
