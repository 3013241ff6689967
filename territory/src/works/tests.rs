//! Records that are odd, and sums by hand.

use chrono::NaiveDate;

use super::{Indicators, Parts, Record, Totals, check, stand};
use crate::{Exact, FeatureRef};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn exact(text: &str) -> Exact {
    text.parse().unwrap()
}

/// A hundred days, a hundred thousand euro.
fn record() -> Record {
    Record {
        feature: FeatureRef { layer: "public-works".into(), id: "1".into(), version: 1 },
        cup: Some("F71B21006420006".into()),
        cig: Some("90956743A2".into()),
        title: "Ponte".into(),
        phase: Some("execution".into()),
        amount: Some(exact("100000")),
        contract: Some(exact("112500.50")),
        paid: Some(exact("40000")),
        progress: Some(exact("30")),
        start_planned: Some(day("2026-01-01")),
        end_planned: Some(day("2026-04-10")),
        end_expected: Some(day("2026-05-10")),
        start_actual: Some(day("2026-01-08")),
        end_actual: None,
        placeless: false,
        parts: Parts::default(),
    }
}

fn codes(record: &Record) -> Vec<String> {
    check(record).into_iter().map(|warning| warning.code).collect()
}

#[test]
fn earned_value_is_that_of_the_book() {
    let half = stand(&record(), day("2026-02-19"));
    assert_eq!(
        half,
        Indicators {
            planned_value: Some(exact("50000")),
            earned_value: Some(exact("30000")),
            actual_cost: Some(exact("40000")),
            growth: Some(exact("12500.50")),
            days_late: Some(0),
            days_replanned: Some(30),
        }
    );
    assert_eq!(stand(&record(), day("2025-06-01")).planned_value, Some(exact("0")));
    let over = stand(&record(), day("2026-04-20"));
    assert_eq!((over.planned_value, over.days_late), (Some(exact("100000")), Some(10)));
    let ended = Record { end_actual: Some(day("2026-04-08")), ..record() };
    assert_eq!(stand(&ended, day("2026-06-01")).days_late, Some(-2), "before its time");
    let bare = Record { amount: None, end_planned: None, ..record() };
    let unknown = stand(&bare, day("2026-02-19"));
    assert_eq!((unknown.planned_value, unknown.earned_value, unknown.days_late), (None, None, None));
}

#[test]
fn shares_of_a_work_sum_up_to_it_and_what_is_not_known_is_counted_apart() {
    let (one, day) = (record(), day("2026-04-20"));
    let (mut a, mut b, mut all) = (Totals::default(), Totals::default(), Totals::default());
    let third = exact("1") / &exact("3");
    let rest = exact("1") - &third;
    a.add(&one, &stand(&one, day), &third);
    b.add(&one, &stand(&one, day), &rest);
    all.add(&one, &stand(&one, day), &exact("1"));
    for of in [|it: &Totals| it.amount.clone(), |it: &Totals| it.planned_value.clone(), |it: &Totals| it.growth.clone()]
    {
        assert_eq!(of(&a).unwrap() + &of(&b).unwrap(), of(&all).unwrap());
    }
    assert_eq!((all.works, all.late, all.valued, all.amount_unknown), (1, 1, 1, 0));
    assert_eq!(all.schedule_index(), Some(exact("0.3")));
    let bare = Record { amount: None, ..record() };
    all.add(&bare, &stand(&bare, day), &exact("1"));
    assert_eq!((all.works, all.valued, all.amount_unknown, all.amount), (2, 1, 1, Some(exact("100000"))));
    assert_eq!(Totals::default().schedule_index(), None);
}

#[test]
fn codes_days_and_parts_that_are_odd_are_told() {
    assert_eq!(codes(&record()), Vec::<String>::new());
    let with = |change: fn(&mut Record)| {
        let mut record = record();
        change(&mut record);
        codes(&record)
    };
    assert_eq!(with(|it| it.cup = None), ["no-cup"]);
    assert_eq!(with(|it| it.cup = Some("F71B2100642000".into())), ["bad-cup"]);
    assert_eq!(with(|it| it.cig = Some("90956743A3".into())), ["check-digits"]);
    assert_eq!(with(|it| it.cig = Some("due".into())), ["bad-cig"]);
    assert_eq!(with(|it| it.placeless = true), ["no-place"]);
    assert_eq!(with(|it| it.end_planned = Some("2025-01-01".parse().unwrap())), ["out-of-order"]);
    assert_eq!(with(|it| it.progress = Some("130".parse().unwrap())), ["progress-out-of-range"]);
    let phases = r#"[{"phase": "design", "planned": "2026-03-01", "replanned": "2026-04-01"}, {"phase": "tender", "planned": "2026-02-01"}]"#;
    let parts = Parts::read(Some(phases), Some("no"), Some(r#"[{"source": "PNRR", "year": 2026}]"#));
    assert_eq!(parts.unread, ["contracts", "funds"]);
    assert_eq!(codes(&Record { parts, ..record() }), ["no-act", "out-of-order", "unreadable", "unreadable"]);
    let contracts = r#"[{"cig": "Z7B350B2CA", "base_eur": 10, "awarded_eur": 9, "current_eur": 9.5, "sal": [
        {"n": 1, "date": "2026-02-01", "amount_eur": 3, "physical_pct": 40}, {"n": 2, "date": "2026-03-01", "amount_eur": 1, "physical_pct": 30}]}]"#;
    let parts = Parts::read(None, Some(contracts), Some(""));
    assert_eq!((parts.contracts.len(), parts.unread.len()), (1, 0));
    assert_eq!(codes(&Record { parts, ..record() }), ["sal-backwards"]);
}
