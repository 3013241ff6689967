//! Who may enter, by the example.

use std::collections::BTreeSet;

use super::read_tests::{EXAMPLE, HOLIDAYS, regulations};
use super::{Access, Answer, Category, Fuel, Question, Vehicle, ZoneAt, decide};
use crate::FeatureRef;

fn zone(code: &str) -> ZoneAt {
    ZoneAt {
        layer: "ztl".into(),
        code: code.into(),
        name: code.to_lowercase(),
        kind: None,
        published: Some("dalle 8 alle 20".into()),
        valid_from: None,
        valid_to: None,
        feature: FeatureRef { layer: "ztl".into(), id: "1".into(), version: 1 },
    }
}

fn question(instant: &str, category: Category) -> Question {
    Question {
        instant: instant.parse().unwrap(),
        vehicle: Vehicle { category: Some(category), ..Vehicle::default() },
        users: BTreeSet::new(),
        resident_of: BTreeSet::new(),
        permits: BTreeSet::new(),
        days: 7,
    }
}

fn ask(zones: &[ZoneAt], question: &Question) -> Answer {
    decide(&regulations(&[EXAMPLE, HOLIDAYS]), zones, &[], question)
}

fn rule(answer: &Answer) -> Option<&str> {
    answer.zones[0].decisive.as_ref().map(|it| it.exception.as_deref().unwrap_or(&it.rule))
}

/// A light van of those that pay no heed to emissions.
fn van(instant: &str, mass: &str) -> Question {
    let mut question = question(instant, Category::Van);
    question.vehicle.mass_kg = Some(mass.parse().unwrap());
    (question.vehicle.euro, question.vehicle.fuel) = (Some(6), Some(Fuel::Diesel));
    question
}

#[test]
fn may_this_van_enter_on_saturday_at_seven_in_the_evening_and_from_when() {
    // 18 July 2026, 19:00 in Italy.
    let answer = ask(&[zone("CENTRO")], &van("2026-07-18T17:00:00Z", "3500"));
    assert_eq!((answer.access, rule(&answer)), (Access::WithPermit, Some("merci")));
    assert_eq!(answer.permits.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["merci"]);
    let change = answer.next_change.as_ref().unwrap();
    assert_eq!((change.at.local.as_str(), change.access), ("2026-07-18T20:00:00+02:00", Access::Yes));
    let decisive = answer.zones[0].decisive.as_ref().unwrap();
    assert_eq!(decisive.from.as_ref().unwrap().utc, "2026-07-18T06:00:00Z");
    assert_eq!(decisive.to.as_ref().unwrap().local, "2026-07-18T20:00:00+02:00");
    // After that it may, until Monday.
    let later = ask(&[zone("CENTRO")], &van("2026-07-18T18:00:00Z", "3500"));
    assert_eq!((later.access, rule(&later)), (Access::Yes, None));
    assert_eq!(later.next_change.unwrap().at.local, "2026-07-20T08:00:00+02:00");
    // A heavier one may not at all; one with the permit may.
    assert_eq!(ask(&[zone("CENTRO")], &van("2026-07-18T17:00:00Z", "3500.1")).access, Access::No);
    let mut with = van("2026-07-18T17:00:00Z", "3500");
    with.permits.insert("merci".into());
    assert_eq!(ask(&[zone("CENTRO")], &with).access, Access::Yes);
}

#[test]
fn the_timeline_has_no_gaps_and_says_what_each_moment_says() {
    let answer = ask(&[zone("CENTRO")], &van("2026-07-18T17:00:00Z", "3500"));
    assert_eq!(answer.timeline.first().unwrap().from.local, "2026-07-18T00:00:00+02:00");
    assert_eq!(answer.timeline.last().unwrap().to.local, "2026-07-25T00:00:00+02:00");
    assert!(answer.timeline.windows(2).all(|pair| pair[0].to == pair[1].from));
    for span in &answer.timeline {
        let now = ask(&[zone("CENTRO")], &van(&span.from.utc, "3500"));
        assert_eq!(now.access, span.access, "{span:?}");
    }
}

#[test]
fn what_is_left_open_is_named_and_only_where_the_answer_hangs_on_it() {
    let mut car = question("2026-11-18T10:00:00Z", Category::Car);
    let answer = ask(&[zone("VERDE")], &car);
    assert_eq!((answer.access, answer.needs), (Access::Depends, BTreeSet::from(["euro", "fuel"])));
    car.vehicle.fuel = Some(Fuel::Petrol);
    assert_eq!(ask(&[zone("VERDE")], &car).access, Access::Yes);
    car.vehicle.fuel = Some(Fuel::Diesel);
    let answer = ask(&[zone("VERDE")], &car);
    assert_eq!((answer.access, answer.needs), (Access::Depends, BTreeSet::from(["euro"])));
    car.vehicle.euro = Some(3);
    assert_eq!(ask(&[zone("VERDE")], &car).access, Access::No);
    car.vehicle.fuel = Some(Fuel::Electric);
    assert_eq!(ask(&[zone("VERDE")], &car).access, Access::Yes);
    // In the centre both rules say no: nothing more needs to be known.
    let car = question("2026-11-18T10:00:00Z", Category::Car);
    let answer = ask(&[zone("CENTRO")], &car);
    assert_eq!((answer.access, answer.needs), (Access::No, BTreeSet::new()));
    // What has neither is not asked.
    let bicycle = question("2026-11-18T10:00:00Z", Category::Bicycle);
    assert_eq!(ask(&[zone("VERDE")], &bicycle).access, Access::Yes);
}

#[test]
fn users_permits_and_exceptions_count_in_their_order() {
    let mut resident = question("2026-07-18T17:00:00Z", Category::Car);
    resident.users.insert("residente".into());
    let answer = ask(&[zone("CENTRO")], &resident);
    assert_eq!((answer.access, answer.needs), (Access::Depends, BTreeSet::from(["resident_of"])));
    resident.resident_of.insert("CENTRO".into());
    assert_eq!(ask(&[zone("CENTRO")], &resident).access, Access::Yes);
    resident.resident_of = BTreeSet::from(["NOTTE".into()]);
    assert_eq!(ask(&[zone("CENTRO")], &resident).access, Access::No);
    let mut badge = question("2026-07-18T17:00:00Z", Category::Car);
    badge.users.insert("cude".into());
    assert_eq!(ask(&[zone("CENTRO")], &badge).access, Access::Yes);
    // A strike opens the centre, from midnight to midnight by the clock.
    let strike = ask(&[zone("CENTRO")], &question("2026-03-20T10:00:00Z", Category::Car));
    assert_eq!((strike.access, rule(&strike)), (Access::Yes, Some("sciopero-2026-03-20")));
    assert_eq!(strike.zones[0].decisive.as_ref().unwrap().order, "Ord. 88/2026");
    assert_eq!(strike.next_change.unwrap().at.local, "2026-03-21T08:00:00+01:00");
    // Who pays enters.
    let coach = ask(&[zone("CENTRO")], &question("2026-07-18T19:00:00Z", Category::Coach));
    assert_eq!((coach.access, coach.permits[0].code.as_str()), (Access::WithFee, "ticket"));
}

#[test]
fn of_rules_with_the_same_rank_the_stricter_counts_and_the_one_that_names_more_before_it() {
    let text = |rules: &str| format!("id = \"r\"\nact = \"a\"\nvalid_from = 2020-01-01\nlayer = \"ztl\"\n{rules}");
    let rule = |id: &str, effect: &str, filter: &str| {
        format!("[[rule]]\nid = \"{id}\"\nzones = [\"Z\"]\neffect = \"{effect}\"\nschedule = \"24/7\"\n{filter}\n")
    };
    let kinds = "vehicles = { categories = [\"car\", \"van\"] }";
    let cars = "vehicles = { categories = [\"car\"] }";
    for (a, b, expected) in [
        (rule("a", "allow", ""), rule("b", "prohibit", ""), Access::No),
        (rule("a", "allow", kinds), rule("b", "prohibit", ""), Access::Yes),
        (rule("a", "allow", cars), rule("b", "prohibit", kinds), Access::Yes),
        (rule("a", "allow", cars), rule("b", "prohibit", "priority = 1"), Access::No),
    ] {
        for rules in [format!("{a}{b}"), format!("{b}{a}")] {
            let regulations = regulations(&[&text(&rules)]);
            let answer = decide(&regulations, &[zone("Z")], &[], &question("2026-07-18T17:00:00Z", Category::Car));
            assert_eq!(answer.access, expected, "{rules}");
        }
    }
}

#[test]
fn what_nobody_can_say_is_unknown_and_told() {
    let codes = |answer: &Answer| answer.warnings.iter().map(|it| it.code.clone()).collect::<Vec<_>>();
    let school = ask(&[zone("SCUOLA")], &question("2026-07-18T17:00:00Z", Category::Car));
    assert_eq!((school.access, codes(&school)), (Access::Unknown, vec!["unreadable-schedule".to_owned()]));
    assert!(school.warnings[0].text.it.contains("ingresso e uscita degli alunni"));
    // Whom that rule is not about it does not concern.
    assert_eq!(ask(&[zone("SCUOLA")], &question("2026-07-18T17:00:00Z", Category::Bicycle)).access, Access::Yes);
    let unruled = ask(&[zone("ALTRA")], &question("2026-07-18T17:00:00Z", Category::Car));
    assert_eq!((unruled.access, codes(&unruled)), (Access::Unknown, vec!["no-rules".to_owned()]));
    assert!(unruled.warnings[0].text.it.contains("dalle 8 alle 20"));
    // Before the regulation came into force.
    let early = ask(&[zone("CENTRO")], &question("2023-07-18T17:00:00Z", Category::Bicycle));
    assert_eq!((early.access, codes(&early)), (Access::Unknown, vec!["no-rules".to_owned()]));
    // A year without holidays.
    let far = ask(&[zone("CENTRO")], &question("2031-07-18T17:00:00Z", Category::Car));
    assert!(codes(&far).contains(&"missing-holidays".to_owned()), "{:?}", far.warnings);
    // Several zones: the worst of them.
    let both = ask(&[zone("SCUOLA"), zone("NOTTE")], &question("2026-07-18T21:00:00Z", Category::Car));
    assert_eq!((both.access, both.zones.len()), (Access::No, 2));
    // No zone at all.
    let free = ask(&[], &question("2026-07-18T21:00:00Z", Category::Car));
    assert_eq!((free.access, free.zones.len(), free.next_change.is_none()), (Access::Yes, 0, true));
}

#[test]
fn where_not_all_zones_could_be_looked_for_nobody_says_yes() {
    let all = regulations(&[EXAMPLE, HOLIDAYS]);
    let missing = ["ztl".to_owned()];
    let code = |answer: &Answer| answer.warnings[0].code.clone();
    let blind = decide(&all, &[], &missing, &question("2026-07-18T17:00:00Z", Category::Car));
    assert_eq!((blind.access, code(&blind)), (Access::Unknown, "no-layer".to_owned()));
    let no = decide(&all, &[zone("CENTRO")], &missing, &question("2026-07-18T17:00:00Z", Category::Car));
    assert_eq!(no.access, Access::No);
    let none = decide(&super::Regulations::default(), &[], &[], &question("2026-07-18T17:00:00Z", Category::Car));
    assert_eq!((none.access, code(&none)), (Access::Unknown, "no-regulation".to_owned()));
}

#[test]
fn a_zone_counts_while_it_is_in_force() {
    let event = ZoneAt {
        valid_from: Some("2026-07-18".parse().unwrap()),
        valid_to: Some("2026-07-20".parse().unwrap()),
        ..zone("CENTRO")
    };
    let before = ask(std::slice::from_ref(&event), &question("2026-07-17T12:00:00Z", Category::Car));
    assert_eq!((before.access, before.zones.len()), (Access::Yes, 0));
    assert_eq!(before.next_change.unwrap().at.local, "2026-07-18T08:00:00+02:00");
    let after = ask(std::slice::from_ref(&event), &question("2026-07-20T12:00:00Z", Category::Car));
    assert_eq!((after.access, after.zones.len(), after.next_change), (Access::Yes, 0, None));
}

#[test]
fn the_same_question_has_the_same_bytes() {
    let bytes = || serde_json::to_string(&ask(&[zone("CENTRO"), zone("NOTTE")], &van("2026-10-25T00:30:00Z", "900")));
    assert_eq!(bytes().unwrap(), bytes().unwrap());
}
