//! Records that are odd, and sums by hand.

use chrono::NaiveDate;

use super::{
    Cents, Indicators, Parts, Percent, Record, Share, Totals, acknowledged, check, over_tender, phase_days_late, stand,
};
use crate::{Exact, FeatureRef};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn exact(text: &str) -> Exact {
    text.parse().unwrap()
}

fn euro(text: &str) -> Option<Cents> {
    Cents::of_exact(&exact(text))
}

/// A hundred days, a hundred thousand euro.
fn record() -> Record {
    Record {
        feature: FeatureRef { layer: "public-works".into(), id: "1".into(), version: 1 },
        cup: Some("F71B21006420006".into()),
        cig: Some("90956743A2".into()),
        title: "Ponte".into(),
        phase: Some("execution".into()),
        kind: Some("bridge".into()),
        funding: Some("PNRR".into()),
        amount: euro("100000"),
        contract: euro("112500.50"),
        paid: euro("40000"),
        progress: euro("30"),
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
            planned: euro("50"),
            planned_value: euro("50000"),
            earned_value: euro("30000").map(super::Decimal::finer),
            actual_cost: euro("40000"),
            growth: euro("12500.50"),
            days_late: Some(0),
            days_replanned: Some(30),
        }
    );
    // SV = EV − PV, CV = EV − AC, SPI = EV/PV, CPI = EV/AC.
    assert_eq!(half.schedule_variance().map(|it| it.fixed(2)).as_deref(), Some("-20000.00"));
    assert_eq!(half.cost_variance().map(|it| it.fixed(2)).as_deref(), Some("-10000.00"));
    assert_eq!((half.schedule_index(), half.cost_index()), (Some(exact("0.6")), Some(exact("0.75"))));
    let early = stand(&record(), day("2025-06-01"));
    assert_eq!((early.planned_value, early.schedule_index()), (euro("0"), None), "nothing was planned yet");
    let over = stand(&record(), day("2026-04-20"));
    assert_eq!((over.planned_value, over.planned, over.days_late), (euro("100000"), euro("100"), Some(10)));
    let ended = Record { end_actual: Some(day("2026-04-08")), ..record() };
    assert_eq!(stand(&ended, day("2026-06-01")).days_late, Some(-2), "before its time");
    let bare = Record { amount: None, end_planned: None, paid: None, ..record() };
    let unknown = stand(&bare, day("2026-02-19"));
    assert_eq!((unknown.planned_value, unknown.earned_value, unknown.days_late), (None, None, None));
    assert_eq!((unknown.schedule_variance(), unknown.cost_variance(), unknown.cost_index()), (None, None, None));
}

#[test]
fn contracts_say_what_is_acknowledged_and_what_they_cost_beyond_the_tender() {
    let contracts = r#"[
        {"cig": "90956743A2", "base_eur": 80000, "awarded_eur": 70000, "current_eur": 75000, "sal": [
            {"n": 1, "date": "2026-02-01", "amount_eur": 15000, "physical_pct": 20},
            {"n": 2, "date": "2026-03-01", "amount_eur": 30000, "physical_pct": 60}]},
        {"cig": "Z7B350B2CA", "base_eur": 20000, "awarded_eur": 20000, "current_eur": 25000}]"#;
    let parts = Parts::read(None, Some(contracts), None);
    // 20 % of 75,000 among 100,000; then 60 %.
    for (day_of, percent) in
        [("2026-01-31", "0"), ("2026-02-01", "15"), ("2026-02-28", "15"), ("2026-03-01", "45"), ("2027-01-01", "45")]
    {
        assert_eq!(acknowledged(&parts.contracts, day(day_of)), euro(percent), "{day_of}");
    }
    assert_eq!(over_tender(&parts.contracts), euro("0"), "what one lost the other won");
    assert_eq!(over_tender(&parts.contracts[1..]), euro("25"));
    assert_eq!((acknowledged(&[], day("2026-01-01")), over_tender(&[])), (None, None));
    assert_eq!(Percent::percent_of(euro("112500.50").unwrap(), euro("100000").unwrap()), euro("112.5"));
}

#[test]
fn phases_are_late_by_their_end_or_so_far() {
    let phases = r#"[{"phase": "design", "planned": "2026-03-01", "replanned": "2026-04-01", "act": "D.D. 1", "actual": "2026-03-15"},
        {"phase": "tender", "planned": "2026-05-01"}, {"phase": "execution"}]"#;
    let phases = Parts::read(Some(phases), None, None).phases;
    let late = |of: &str| -> Vec<Option<i64>> { phases.iter().map(|phase| phase_days_late(phase, day(of))).collect() };
    assert_eq!(late("2026-04-20"), [Some(14), Some(0), None]);
    assert_eq!(late("2026-05-04"), [Some(14), Some(3), None]);
}

#[test]
fn shares_of_a_work_sum_up_to_it_and_what_is_not_known_is_counted_apart() {
    let (one, day) = (record(), day("2026-04-20"));
    let (mut a, mut b, mut all) = (Totals::default(), Totals::default(), Totals::default());
    let third = Share::of(1.0, 3.0);
    let rest = Share::WHOLE.minus(third);
    a.add(&one, &stand(&one, day), third);
    b.add(&one, &stand(&one, day), rest);
    all.add(&one, &stand(&one, day), Share::WHOLE);
    for of in [|it: &Totals| it.amount, |it: &Totals| it.planned_value, |it: &Totals| it.growth] {
        assert_eq!(Some(of(&a).unwrap().plus(of(&b).unwrap())), of(&all));
    }
    assert_eq!(Some(a.earned_value.unwrap().plus(b.earned_value.unwrap())), all.earned_value);
    assert_eq!((all.works, all.late, all.days_late, all.valued, all.costed, all.amount_unknown), (1, 1, 10, 1, 1, 0));
    assert_eq!((all.schedule_index(), all.cost_index()), (Some(exact("0.3")), Some(exact("0.75"))));
    assert_eq!((all.planned(), all.done()), (Some(exact("100")), Some(exact("30"))));
    let bare = Record { amount: None, ..record() };
    all.add(&bare, &stand(&bare, day), Share::WHOLE);
    assert_eq!((all.works, all.valued, all.amount_unknown), (2, 1, 1));
    assert_eq!(all.amount.map(|it| it.fixed(2)).as_deref(), Some("100000.00"));
    // What was paid for the other is known; its worth is not.
    assert_eq!(all.actual_cost.map(|it| it.fixed(2)).as_deref(), Some("80000.00"));
    assert_eq!((all.costed, all.cost_variance().map(|it| it.fixed(2)).as_deref()), (1, Some("-10000.00")));
    assert_eq!((Totals::default().schedule_index(), Totals::default().cost_index()), (None, None));
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
    assert_eq!(with(|it| it.progress = Percent::percent(130.0)), ["progress-out-of-range"]);
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
