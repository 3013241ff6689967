use std::collections::BTreeMap;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::plan::{Base, Regime};
use super::{NoPlan, Plans, TariffPlan, read_plan};

const PLAN: &str = include_str!("../../examples/canone-2026.toml");

fn tables() -> BTreeMap<String, Vec<u8>> {
    let zones = include_bytes!("../../examples/zone.csv").to_vec();
    let streets = include_bytes!("../../examples/vie.csv").to_vec();
    BTreeMap::from([("zone.csv".to_owned(), zones), ("vie.csv".to_owned(), streets)])
}

pub(crate) fn example() -> TariffPlan {
    read_plan("canone-2026.toml", PLAN, &tables()).unwrap()
}

/// The example with some of its text replaced.
pub(crate) fn example_with(replacements: &[(&str, &str)]) -> TariffPlan {
    read_plan("canone-2026.toml", &replaced(replacements), &tables()).unwrap()
}

fn replaced(replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(PLAN.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

/// The faults of the example with some of its text replaced: line, field, rule.
fn faults(replacements: &[(&str, &str)]) -> Vec<(String, u64, String, String)> {
    let faults = read_plan("canone-2026.toml", &replaced(replacements), &tables()).unwrap_err();
    faults.into_iter().map(|fault| (fault.file, fault.line, fault.field, fault.rule)).collect()
}

fn line_of(text: &str) -> u64 {
    1 + PLAN.lines().position(|line| line.contains(text)).unwrap() as u64
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn the_example_is_read_with_its_tables() {
    let plan = example();
    assert_eq!(plan.standard.annual.fixed(2), "60.00");
    assert_eq!(plan.zone_sets.iter().map(|set| set.code.as_str()).collect::<Vec<_>>(), ["acqua", "vie", "zone"]);
    let zones = &plan.zone_sets[2].zones;
    assert_eq!(zones["C"].daily.to_string(), "0.75");
    assert_eq!(plan.zone_sets[1].streets.len(), 4);
    assert_eq!(plan.occupations["banco"].regime, Regime::Hourly);
    assert_eq!(plan.occupations["stazione-radio"].base, Base::Flat("800".parse().unwrap()));
    assert_eq!(plan.durations_for("banco").len(), 1);
    assert_eq!(plan.durations_for("plateatico").len(), 3);
    assert_eq!(plan.reductions.len(), 3);
}

#[test]
fn numbers_are_what_is_written_and_not_the_nearest_float() {
    let plan = example_with(&[("daily = 1.30", "daily = 1.1000000000000000001")]);
    assert_eq!(plan.standard.daily.to_string(), "1.1000000000000000001");
}

#[test]
fn comments_and_the_order_of_parts_do_not_change_the_hash_and_amounts_do() {
    let plan = example();
    assert_eq!(plan.sha256(), example_with(&[("# --- Zone", "# ~~~ Zone")]).sha256());
    let mut tables = tables();
    let reordered = "name;code;rank;annual;daily\nPeriferia;C;3;0.8;0.75\nCentro;A;1;2;2.00\nSemicentro;B;2;1,20;1,2\n";
    tables.insert("zone.csv".into(), reordered.into());
    assert_eq!(plan.sha256(), read_plan("x", PLAN, &tables).unwrap().sha256());
    assert_ne!(plan.sha256(), example_with(&[("coefficient = 1.5", "coefficient = 1.6")]).sha256());
    tables.insert("zone.csv".into(), reordered.replace("0.75", "0.76").into());
    assert_ne!(plan.sha256(), read_plan("x", PLAN, &tables).unwrap().sha256());
}

#[test]
fn all_faults_of_a_plan_are_told_at_once_with_their_lines() {
    let found = faults(&[
        ("annual = 60.00", "annual = -60.00"),
        ("policy = \"highest\"", "policy = \"hihgest\""),
        ("valid_to = 2026-12-31", "valid_to = 2025-12-31\nvalidto = 3"),
        ("from_day = 91", "from_day = 95"),
        ("occupations = [\"ponteggio\"]", "occupations = [\"ponteggi\"]"),
    ]);
    let rules: Vec<_> = found.iter().map(|(_, line, field, rule)| (*line, field.as_str(), rule.as_str())).collect();
    assert!(rules.contains(&(line_of("annual = 60.00") + 1, "standard.annual", "out-of-range")), "{rules:?}");
    assert!(rules.contains(&(line_of("policy = ") + 1, "crossing.policy", "unknown-word")), "{rules:?}");
    assert!(rules.contains(&(line_of("valid_to = ") + 1, "validto", "unknown-key")), "{rules:?}");
    assert!(rules.iter().any(|(_, field, rule)| *field == "valid_to" && *rule == "out-of-range"), "{rules:?}");
    assert!(rules.iter().any(|(_, field, rule)| *field == "duration" && *rule == "gap"), "{rules:?}");
    assert!(rules.iter().any(|(_, _, rule)| *rule == "unknown-occupation"), "{rules:?}");
}

#[test]
fn each_rule_of_a_plan_is_held() {
    for (from, to, field, rule) in [
        ("from_day = 31", "from_day = 30", "duration", "overlap"),
        ("from_day = 31", "from_day = 33", "duration", "gap"),
        ("from_day = 91", "from_day = 91\nto_day = 100", "duration", "gap"),
        ("from_day = 1\nto_day = 30", "from_day = 0\nto_day = 30", "duration", "out-of-range"),
        ("code = \"ponteggio\"", "code = \"plateatico\"", "occupation[2].code", "duplicate-code"),
        ("coefficient = 1.5", "coefficient = -1.5", "occupation[1].coefficient", "out-of-range"),
        ("coefficient = 1.5", "coefficient = nan", "occupation[1].coefficient", "wrong-type"),
        ("coefficient = 1.5", "coefficient = \"uno\"", "occupation[1].coefficient", "wrong-type"),
        ("coefficient = 1.5", "coefficent = 1.5", "occupation[1].coefficent", "unknown-key"),
        ("per_unit = 1.00", "per_unit = 1.00\nflat = 3", "occupation[7].code", "contradiction"),
        ("percent = 30", "percent = 130", "reduction[1].percent", "out-of-range"),
        ("min_days = 61", "min_days = 61\nmax_days = 60", "reduction.cantiere-lungo.condition", "contradiction"),
        ("min_days = 61", "zones = [\"zone/Z\"]", "reduction.cantiere-lungo.zones", "unknown-zone"),
        ("code = \"W2\"", "code = \"W1\"", "zone_set[3].zone[2].code", "duplicate-code"),
        ("kind = \"water\"", "kind = \"polygon\"\npriority = 2", "zone_set[3].priority", "contradiction"),
        ("kind = \"water\"", "kind = \"water\"\nvalid_from = 2027-01-01", "zone_set[3].valid_to", "out-of-range"),
        ("zone_table = \"zone.csv\"", "", "zone_set[1].zone", "missing"),
        ("zone_table = \"zone.csv\"", "zone_table = \"zona.csv\"", "zone_set[1].zone_table", "missing-file"),
        ("valid_from = 2026-01-01", "valid_from = \"1 gennaio\"", "valid_from", "wrong-type"),
        ("valid_from = 2026-01-01", "", "valid_from", "missing"),
        ("hours_per_day = 9", "hours_per_day = 25", "standard.hours_per_day", "out-of-range"),
        ("measure_decimals = 2", "measure_decimals = 9", "area.measure_decimals", "out-of-range"),
        ("act = ", "# act = ", "act", "missing"),
        ("vertical = \"water\"\n", "vertical = \"acqua\"\n", "occupation[10].vertical", "unknown-word"),
        ("steps = {", "# steps = {", "occupation[6].quantity", "contradiction"),
        (
            "regime = \"annual\"\nquantity = \"count\"",
            "regime = \"daily\"\nquantity = \"count\"",
            "occupation[8].regime",
            "contradiction",
        ),
    ] {
        let found = faults(&[(from, to)]);
        assert!(found.iter().any(|(_, line, f, r)| *line > 0 && f == field && r == rule), "{to}: {found:?}");
    }
    assert_eq!(faults(&[("id = ", "id = = ")])[0].3, "not-toml");
}

#[test]
fn tables_tell_row_and_column_of_each_fault() {
    let mut files = tables();
    files.insert(
        "zone.csv".into(),
        "code;name;rank;annual;daily\nA;Centro;1;2,0;\nB;B;x;1,2;-1\nA;;1;1;1\nC;C;3;1;1\nC;C;3;1;1\n".into(),
    );
    let streets = "street;name;zone;from;to;side\n1;Via;Z;;;\n2;Via;S;9;3;\n3;Via;S;1;20;odd\n3;Via;1;20;30;\n3;Via;1;19;25;odd\n4;Via;S;;;left\n4;Via\n";
    files.insert("vie.csv".into(), streets.into());
    let faults = read_plan("p.toml", PLAN, &files).unwrap_err();
    let found: Vec<_> = faults.iter().map(|f| (f.file.as_str(), f.line, f.field.as_str(), f.rule.as_str())).collect();
    for fault in [
        ("zone.csv", 2, "daily", "missing"),
        ("zone.csv", 3, "rank", "wrong-type"),
        ("zone.csv", 3, "daily", "out-of-range"),
        ("zone.csv", 6, "code", "duplicate-code"),
        ("vie.csv", 2, "zone", "unknown-zone"),
        ("vie.csv", 3, "from", "out-of-range"),
        ("vie.csv", 6, "street", "overlap"),
        ("vie.csv", 7, "side", "unknown-word"),
        ("vie.csv", 8, "", "bad-row"),
    ] {
        assert!(found.contains(&fault), "{fault:?} not in {found:?}");
    }
    assert_eq!(found.iter().filter(|fault| fault.0 == "vie.csv").count(), 5, "{found:?}");
    files.insert("zone.csv".into(), vec![0xff, 0xfe]);
    files.insert("vie.csv".into(), "street,street,zona\n".into());
    let faults = read_plan("p.toml", PLAN, &files).unwrap_err();
    let rules: Vec<_> = faults.iter().map(|f| (f.field.as_str(), f.rule.as_str())).collect();
    for fault in [("", "not-utf8"), ("zone", "missing"), ("zona", "unknown-key"), ("street", "duplicate-code")] {
        assert!(rules.contains(&fault), "{fault:?} not in {rules:?}");
    }
}

#[test]
fn the_plan_of_a_day_is_chosen_and_gaps_and_overlaps_are_named() {
    let of = |id: &str, from: &str, to: Option<&str>| {
        let mut plan = example();
        (plan.id, plan.valid_from, plan.valid_to) = (id.into(), day(from), to.map(day));
        plan
    };
    let plans = Plans::new(vec![
        of("c", "2027-01-01", None),
        of("a", "2025-01-01", Some("2025-12-31")),
        of("b", "2026-02-01", Some("2027-01-10")),
    ]);
    assert_eq!(plans.on(day("2025-12-31")).unwrap().id, "a");
    assert_eq!(plans.on(day("2026-02-01")).unwrap().id, "b");
    assert_eq!(plans.on(day("2031-01-01")).unwrap().id, "c");
    let gap = plans.on(day("2026-01-15")).unwrap_err();
    assert_eq!(gap, NoPlan::Gap { day: day("2026-01-15"), before: Some("a".into()), after: Some("b".into()) });
    assert!(gap.text().it.contains("non è in vigore"));
    let overlap = plans.on(day("2027-01-05")).unwrap_err();
    assert_eq!(overlap, NoPlan::Overlap { day: day("2027-01-05"), plans: vec!["b".into(), "c".into()] });
    assert!(matches!(plans.on(day("2020-01-01")), Err(NoPlan::Gap { before: None, .. })));
    let faults = plans.faults();
    assert_eq!(faults.len(), 2);
    assert_eq!(
        (faults[0].rule.as_str(), faults[0].from, faults[0].to),
        ("gap", day("2026-01-01"), Some(day("2026-01-31")))
    );
    assert_eq!(
        (faults[1].rule.as_str(), faults[1].from, faults[1].to),
        ("overlap", day("2027-01-01"), Some(day("2027-01-10")))
    );
    assert!(
        Plans::new(vec![of("a", "2025-01-01", Some("2025-12-31")), of("b", "2026-01-01", None)]).faults().is_empty()
    );
}

proptest! {
    #[test]
    fn no_damage_to_a_plan_makes_its_reading_panic(at in 0_usize..6000, cut in 0_usize..40, text in "[a-z0-9=.\\[\\]\"{} \n-]{0,12}") {
        let mut plan = PLAN.to_owned();
        let mut start = at.min(plan.len());
        while !plan.is_char_boundary(start) { start -= 1; }
        let mut end = (start + cut).min(plan.len());
        while !plan.is_char_boundary(end) { end -= 1; }
        plan.replace_range(start..end.max(start), &text);
        if let Err(faults) = read_plan("p.toml", &plan, &tables()) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn no_table_makes_its_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[a-z;,0-9\"\n-]{0,200}") {
        for content in [bytes, text.into_bytes()] {
            let files = BTreeMap::from([("zone.csv".to_owned(), content.clone()), ("vie.csv".to_owned(), content)]);
            prop_assert!(read_plan("p.toml", PLAN, &files).is_err());
        }
    }
}
