use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::plan::Crossing;
use super::question::{LayerShare, Measure, Override, Piece, Place, Question, Time};
use super::read_tests::{example, example_with};
use super::{Assessment, TariffPlan, assess};
use crate::{Exact, FeatureRef};

fn exact(text: &str) -> Exact {
    text.parse().unwrap()
}

fn zone(set: &str, code: &str, quantity: &str) -> Piece {
    Piece {
        set: set.into(),
        place: Place::Zone { code: code.into() },
        quantity: (!quantity.is_empty()).then(|| exact(quantity)),
        front: false,
        centroid: false,
        feature: Some(FeatureRef { layer: "tariff-zones".into(), id: code.into(), version: 3 }),
    }
}

fn street(code: &str, number: Option<u64>, distance: &str) -> Piece {
    let distance_m = Some(exact(distance));
    let place = Place::Street { code: code.into(), number, distance_m };
    Piece { set: "vie".into(), place, quantity: None, front: true, centroid: false, feature: None }
}

fn question(occupation: &str, quantity: &str, days: Option<u64>, pieces: Vec<Piece>) -> Question {
    Question {
        day: "2026-06-01".parse().unwrap(),
        occupation: occupation.into(),
        quantity: (!quantity.is_empty()).then(|| exact(quantity)),
        time: Time { days, ..Time::default() },
        pieces,
        layers: BTreeMap::new(),
        flags: BTreeSet::new(),
        crossing: None,
        measure: Some(Measure { method: "geodesic-grs80".into(), geometry_sha256: None }),
    }
}

fn e1() -> Question {
    question("plateatico", "25.2", Some(30), vec![zone("zone", "A", "9.0"), zone("zone", "B", "16.2")])
}

fn with_policy(plan: &TariffPlan, policy: Crossing) -> TariffPlan {
    let mut plan = plan.clone();
    plan.crossing.policy = policy;
    plan
}

fn refusal(plan: &TariffPlan, question: &Question) -> &'static str {
    assess(plan, question).unwrap_err().code
}

fn warnings(assessment: &Assessment) -> Vec<&str> {
    assessment.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[test]
fn example_e1_is_right_to_the_cent_by_every_policy() {
    let plan = example();
    for (policy, counted, fee) in [
        (Crossing::Highest, "26", "3042.00"),
        (Crossing::PrevalentArea, "26", "1825.20"),
        (Crossing::ProRataArea, "26", "2259.77"),
        (Crossing::ProRataCeilParts, "26", "2246.40"),
    ] {
        let answer = assess(&with_policy(&plan, policy), &e1()).unwrap();
        assert_eq!((answer.fee.as_str(), answer.quantity.counted.to_string().as_str()), (fee, counted), "{policy:?}");
    }
    let unrounded = example_with(&[("rounding = \"ceil_1\"", "rounding = \"none\"")]);
    assert_eq!(assess(&with_policy(&unrounded, Crossing::ProRataArea), &e1()).unwrap().fee, "2190.24");
}

#[test]
fn an_answer_says_what_the_other_policies_would_have_given() {
    let answer = assess(&example(), &e1()).unwrap();
    let policy = answer.policy.unwrap();
    assert!(policy.crosses);
    let others: Vec<_> = policy.alternatives.iter().map(|other| (other.policy, other.fee.as_deref())).collect();
    assert_eq!(
        others,
        [
            (Crossing::PrevalentArea, Some("1825.20")),
            (Crossing::ProRataArea, Some("2259.77")),
            (Crossing::ProRataCeilParts, Some("2246.40")),
            (Crossing::FrontStreet, None),
            (Crossing::Centroid, None),
        ]
    );
    assert!(policy.alternatives[4].reason.as_ref().unwrap().it.contains("baricentro"));
    let mut with_centroid = e1();
    with_centroid.pieces[1].centroid = true;
    let fee = assess(&with_policy(&example(), Crossing::Centroid), &with_centroid).unwrap().fee;
    assert_eq!(fee, "1825.20");
    assert_eq!(refusal(&with_policy(&example(), Crossing::Centroid), &e1()), "policy-needs-more");
}

#[test]
fn the_pro_rata_split_of_e1_shows_its_quantities() {
    let answer = assess(&with_policy(&example(), Crossing::ProRataArea), &e1()).unwrap();
    let zones: Vec<_> = answer.lines.iter().filter(|l| l.code == "zone").map(|l| l.formula.it.as_str()).collect();
    assert_eq!(zones, ["16,7143… × 1,2", "9,2857… × 2"]);
    let percents: Vec<_> = answer.zones.iter().map(|zone| (zone.code.as_str(), zone.percent.as_str())).collect();
    assert_eq!(percents, [("B", "64.29"), ("A", "35.71")]);
}

#[test]
fn examples_e2_and_e3_count_half_square_metres_beyond_the_first() {
    let plan = example_with(&[("rounding = \"ceil_1\"", "rounding = \"first_ceil_then_half\"")]);
    for (measured, counted) in [("25.2", "25.5"), ("1.2", "1.5"), ("0.3", "1"), ("1.6", "2")] {
        let answer = assess(&plan, &question("plateatico", measured, Some(30), vec![zone("zone", "A", measured)]));
        assert_eq!(answer.unwrap().quantity.counted, exact(counted), "{measured}");
    }
}

#[test]
fn example_e4_a_vehicle_access_of_3_40_metres() {
    let answer =
        assess(&example(), &question("passo-carrabile", "3.40", None, vec![zone("zone", "B", "3.40")])).unwrap();
    assert_eq!((answer.fee.as_str(), answer.quantity.counted.to_string().as_str()), ("144.00", "4"));
    assert!(answer.lines.iter().any(|line| line.formula.it == "ceil_1(3,4 m × 1 m)"));
}

#[test]
fn example_e5_an_underground_duct() {
    let answer = assess(&example(), &question("condotta", "48", None, vec![zone("zone", "B", "48")])).unwrap();
    assert_eq!(answer.fee, "864.00");
}

#[test]
fn example_e6_a_network_with_few_users_pays_the_minimum() {
    let answer = assess(&example(), &question("rete", "780", None, vec![])).unwrap();
    assert_eq!((answer.fee.as_str(), answer.policy), ("800.00", None));
    assert!(answer.lines.iter().any(|line| line.code == "minimum" && line.formula.it == "max(780; 800)"));
    assert_eq!(assess(&example(), &question("rete", "80000", None, vec![])).unwrap().fee, "80000.00");
    assert_eq!(refusal(&example(), &question("rete", "80000.5", None, vec![])), "out-of-range");
}

#[test]
fn example_e7_a_stretched_measure_costs_a_square_metre_more() {
    let fee = |measured: &str| {
        let answer = assess(&example(), &question("plateatico", measured, Some(30), vec![zone("zone", "A", measured)]));
        let answer = answer.unwrap();
        (answer.quantity.counted.to_string(), answer.fee.parse::<f64>().unwrap())
    };
    let (true_m2, stretched) = (fee("25.99"), fee("26.0129"));
    assert_eq!((true_m2.0.as_str(), stretched.0.as_str()), ("26", "27"));
    assert_eq!(format!("{:.1}", (stretched.1 / true_m2.1 - 1.0) * 100.0), "3.8");
}

#[test]
fn fixed_amounts_steps_and_hours() {
    let plan = example();
    assert_eq!(assess(&plan, &question("stazione-radio", "", None, vec![])).unwrap().fee, "800.00");
    // A quarter of 60 times 1.2: 18 for up to 3,000 litres, 4.50 more for each further 1,000 that is begun.
    for (litres, fee) in [("500", "18.00"), ("3000", "18.00"), ("3150", "18.00"), ("3151", "22.50"), ("5000", "27.00")]
    {
        let answer = assess(&plan, &question("serbatoio", litres, None, vec![zone("zone", "B", "")])).unwrap();
        assert_eq!(answer.fee, fee, "{litres}");
    }
    let mut stall = question("banco", "20", Some(10), vec![zone("zone", "A", "20")]);
    assert_eq!(refusal(&plan, &stall), "missing");
    for (hours, fee) in [("4.5", "208.00"), ("9", "416.00"), ("12", "416.00")] {
        stall.time.hours_per_day = Some(exact(hours));
        assert_eq!(assess(&plan, &stall).unwrap().fee, fee, "{hours}");
    }
    stall.time.hours_per_day = Some(exact("25"));
    assert_eq!(refusal(&plan, &stall), "out-of-range");
}

#[test]
fn days_are_counted_with_both_ends_and_by_their_classes() {
    let plan = example();
    let mut asked = question("ponteggio", "10", None, vec![zone("zone", "B", "10")]);
    assert_eq!(refusal(&plan, &asked), "missing");
    (asked.time.from, asked.time.to) = (Some("2026-03-01".parse().unwrap()), Some("2026-04-09".parse().unwrap()));
    let answer = assess(&plan, &asked).unwrap();
    assert_eq!(answer.time.days, Some(40));
    // 1.30 × 1.2 × 10 × 1.1 × 40 × 0.8
    assert_eq!(answer.fee, "549.12");
    let progressive = example_with(&[("duration_mode = \"whole\"", "duration_mode = \"progressive\"")]);
    // … × (30 × 1 + 10 × 0.8)
    assert_eq!(assess(&progressive, &asked).unwrap().fee, "652.08");
    asked.time.days = Some(39);
    assert_eq!(refusal(&plan, &asked), "contradiction");
    asked.time = Time { from: asked.time.to, to: asked.time.from, ..Time::default() };
    assert_eq!(refusal(&plan, &asked), "out-of-range");
    asked.time = Time { days: Some(0), ..Time::default() };
    assert_eq!(refusal(&plan, &asked), "out-of-range");
    asked.time = Time { days: Some(400), ..Time::default() };
    assert_eq!(warnings(&assess(&plan, &asked).unwrap()), ["long-daily"]);
    asked.time =
        Time { from: Some("2026-12-30".parse().unwrap()), to: Some("2027-01-03".parse().unwrap()), ..Time::default() };
    assert_eq!(warnings(&assess(&plan, &asked).unwrap()), ["beyond-plan"]);
}

#[test]
fn a_part_of_a_year_counts_as_the_plan_says() {
    let mut asked = question("chiosco", "10", None, vec![zone("zone", "B", "10")]);
    asked.time.from = Some("2026-11-15".parse().unwrap());
    // 60 × 1.2 × 1.4 × 10 = 1008 for the year; November and December; 47 days.
    for (part, fee) in [("whole_year", "1008.00"), ("months", "168.00"), ("days", "129.80")] {
        let plan = example_with(&[("year_part = \"whole_year\"", &format!("year_part = \"{part}\""))]);
        assert_eq!(assess(&plan, &asked).unwrap().fee, fee, "{part}");
    }
    asked.time = Time { to: Some("2025-06-01".parse().unwrap()), ..Time::default() };
    assert_eq!(refusal(&example(), &asked), "outside-year");
}

#[test]
fn streets_find_their_category_by_the_list_and_say_so() {
    let plan = example();
    let asked = |piece| question("plateatico", "10", Some(10), vec![piece, zone("zone", "B", "10")]);
    let answer = assess(&plan, &asked(street("1002", Some(7), "3.2"))).unwrap();
    assert_eq!((answer.zone_set.as_deref(), answer.fee.as_str()), (Some("vie"), "487.50"));
    assert_eq!(answer.zones[0].streets[0].name, "Via Lunga");
    assert_eq!(assess(&plan, &asked(street("1002", Some(43), "3.2"))).unwrap().zones[0].code, "1");
    // Not in the list, not this number, no number, too far: polygons count, and somebody is told.
    for (piece, warning) in [
        (street("9999", Some(1), "3"), "street-unlisted"),
        (street("1002", Some(44), "3"), "street-number-unlisted"),
        (street("1002", None, "3"), "street-number-unlisted"),
        (street("1001", None, "15.01"), "street-too-far"),
    ] {
        let answer = assess(&plan, &asked(piece)).unwrap();
        assert_eq!((answer.zone_set.as_deref(), warnings(&answer)), (Some("zone"), vec![warning]));
    }
    let front = with_policy(&plan, Crossing::FrontStreet);
    let mut two = question("plateatico", "10", Some(10), vec![street("1003", None, "1"), street("1001", None, "4")]);
    two.pieces[0].quantity = Some(exact("6"));
    two.pieces[1].quantity = Some(exact("4"));
    two.pieces[0].front = false;
    assert_eq!(assess(&front, &two).unwrap().fee, "487.50");
}

#[test]
fn water_has_zones_of_its_own() {
    let asked = question("specchio-acqueo", "12", None, vec![zone("zone", "A", "12"), zone("acqua", "W1", "12")]);
    let answer = assess(&example(), &asked).unwrap();
    // 60 × 1.8 × 0.7 × 12
    assert_eq!((answer.zone_set.as_deref(), answer.fee.as_str()), (Some("acqua"), "907.20"));
    assert_eq!(refusal(&example(), &question("specchio-acqueo", "12", None, vec![zone("zone", "A", "12")])), "no-zone");
}

#[test]
fn gaps_and_overlaps_of_zones_are_told_and_beyond_the_tolerance_refused() {
    let plan = example();
    let asked =
        |a: &str, b: &str| question("plateatico", "10", Some(10), vec![zone("zone", "A", a), zone("zone", "B", b)]);
    let answer = assess(&plan, &asked("4", "5.6")).unwrap();
    assert_eq!((answer.outside.to_string().as_str(), warnings(&answer)), ("0.4", vec!["outside-zones"]));
    assert_eq!(refusal(&plan, &asked("4", "5")), "outside-zones");
    assert_eq!(warnings(&assess(&plan, &asked("4", "6.4")).unwrap()), ["overlap"]);
    assert_eq!(refusal(&plan, &asked("4", "7")), "overlap");
    let spread = example_with(&[("outside = \"refuse\"", "outside = \"spread\"")]);
    let spread = with_policy(&spread, Crossing::ProRataArea);
    // Half and half of 10, though a fifth lies outside: (5 × 2 + 5 × 1.2) × 1.30 × 1.5 × 10.
    assert_eq!(assess(&spread, &asked("4", "4")).unwrap().fee, "312.00");
    assert_eq!(refusal(&spread, &question("plateatico", "10", Some(10), vec![])), "no-zone");
}

#[test]
fn reductions_are_given_where_their_conditions_hold() {
    let plan = example();
    let mut asked = question("plateatico", "20", Some(10), vec![zone("zone", "A", "20")]);
    let full = assess(&plan, &asked).unwrap();
    assert_eq!((full.fee.as_str(), full.reductions.len()), ("780.00", 0));
    asked.flags.insert("alimentari".into());
    // The layer was not asked: no guess.
    let unknown = assess(&plan, &asked).unwrap();
    assert_eq!((unknown.fee.as_str(), warnings(&unknown)), ("780.00", vec!["layer-not-asked"]));
    for (percent, fee) in [("100", "390.00"), ("50", "390.00"), ("49.99", "780.00"), ("0", "780.00")] {
        asked.layers.insert("reduction-areas".into(), LayerShare { percent: exact(percent), features: vec![] });
        assert_eq!(assess(&plan, &asked).unwrap().fee, fee, "{percent}");
    }
    let proportional = example_with(&[("min_share_percent = 50", "min_share_percent = 0\nproportional = true")]);
    asked.layers.insert("reduction-areas".into(), LayerShare { percent: exact("30"), features: vec![] });
    assert_eq!(assess(&proportional, &asked).unwrap().fee, "663.00");
    asked.layers.insert("reduction-areas".into(), LayerShare { percent: exact("130"), features: vec![] });
    assert_eq!(refusal(&plan, &asked), "out-of-range");
}

#[test]
fn several_reductions_are_taken_as_the_plan_says_and_exemptions_owe_no_minimum() {
    let second = "[[reduction]]\ncode = \"z\"\npercent = 20\noccupations = [\"ponteggio\"]\n\n[[exemption]]";
    let mut asked = question("ponteggio", "20", Some(70), vec![zone("zone", "B", "20")]);
    // 1.30 × 1.2 × 20 × 1.1 × 70 × 0.8 = 1921.92
    for (mode, fee, applied) in [("best", "1345.34", 1), ("sum", "960.96", 2), ("cascade", "1076.28", 2)] {
        let plan =
            example_with(&[("[[exemption]]", second), ("reductions = \"best\"", &format!("reductions = \"{mode}\""))]);
        let answer = assess(&plan, &asked).unwrap();
        assert_eq!(answer.fee, fee, "{mode}");
        assert_eq!(answer.reductions.iter().filter(|reduction| reduction.applied).count(), applied);
    }
    asked.quantity = Some(exact("10"));
    asked.pieces = vec![zone("zone", "B", "10")];
    asked.flags.insert("non-commerciale".into());
    assert_eq!(assess(&example(), &asked).unwrap().fee, "0.00");
    // The least amount of the plan is for what is due at all.
    let little = question("plateatico", "1", Some(1), vec![zone("zone", "C", "1")]);
    assert_eq!(assess(&example(), &little).unwrap().fee, "10.00");
    let half_up = example_with(&[("rounding = \"ceil_1\"", "rounding = \"half_up\"")]);
    let less = question("plateatico", "0.4", Some(1), vec![zone("zone", "C", "0.4")]);
    let nothing = assess(&half_up, &less).unwrap();
    assert_eq!((nothing.fee.as_str(), nothing.per_unit), ("0.00", None));
}

#[test]
fn what_cannot_be_is_refused_with_the_field() {
    let plan = example();
    let with = |change: fn(&mut Question)| {
        let mut asked = e1();
        change(&mut asked);
        let refusal = assess(&plan, &asked).unwrap_err();
        assert!(!refusal.text.it.is_empty() && !refusal.text.en.is_empty());
        (refusal.code, refusal.field)
    };
    assert_eq!(with(|q| q.day = "2027-01-01".parse().unwrap()), ("plan-not-in-force", "day"));
    assert_eq!(with(|q| q.occupation = "altalena".into()), ("unknown-occupation", "occupation"));
    assert_eq!(with(|q| q.quantity = Some(exact("-1"))), ("out-of-range", "quantity"));
    assert_eq!(with(|q| q.quantity = Some(exact("0"))), ("zero", "quantity"));
    assert_eq!(with(|q| q.quantity = Some(exact("0.001"))), ("zero", "quantity"));
    assert_eq!(with(|q| q.quantity = Some(exact("9999999999"))), ("out-of-range", "quantity"));
    assert_eq!(with(|q| q.pieces[0].quantity = Some(exact("-1"))), ("out-of-range", "pieces.quantity"));
    assert_eq!(with(|q| q.pieces[0].set = "zon".into()), ("unknown-zone-set", "pieces.set"));
    assert_eq!(with(|q| q.pieces[0].place = Place::Zone { code: "Q".into() }), ("unknown-zone", "pieces.place"));
    assert_eq!(
        with(|q| {
            q.quantity = None;
            q.pieces[0].quantity = None;
        }),
        ("missing", "quantity")
    );
    assert_eq!(
        with(|q| q.crossing = Some(Override { policy: Crossing::Highest, motivation: " ".into() })),
        ("missing", "crossing.motivation")
    );
}

#[test]
fn the_same_question_has_the_same_bytes_and_another_policy_changes_only_what_it_must() {
    let plan = example();
    let bytes = |plan: &TariffPlan| serde_json::to_string(&assess(plan, &e1()).unwrap()).unwrap();
    assert_eq!(bytes(&plan), bytes(&example()));
    let (highest, prevalent) =
        (assess(&plan, &e1()).unwrap(), assess(&with_policy(&plan, Crossing::PrevalentArea), &e1()).unwrap());
    assert_eq!(highest.evidence.question_sha256, prevalent.evidence.question_sha256);
    assert_ne!(highest.evidence.plan_sha256, prevalent.evidence.plan_sha256);
    assert_ne!(highest.evidence.sha256, prevalent.evidence.sha256);
    let differing: Vec<_> =
        highest.lines.iter().zip(&prevalent.lines).filter(|(a, b)| a != b).map(|(a, _)| a.code).collect();
    assert_eq!(differing, ["zone", "gross", "fee"]);
    let mut same = prevalent.clone();
    (same.fee, same.per_unit, same.policy) = (highest.fee.clone(), highest.per_unit.clone(), highest.policy.clone());
    (same.lines, same.evidence) = (highest.lines.clone(), highest.evidence.clone());
    assert_eq!(same, highest);
    // A decision of the office is in the question, not in the plan.
    let mut decided = e1();
    decided.crossing = Some(Override { policy: Crossing::PrevalentArea, motivation: "Det. 12/2026".into() });
    let decided = assess(&plan, &decided).unwrap();
    assert_eq!(decided.fee, "1825.20");
    assert_eq!(decided.evidence.plan_sha256, highest.evidence.plan_sha256);
    assert_ne!(decided.evidence.question_sha256, highest.evidence.question_sha256);
    assert_eq!(decided.policy.unwrap().decision.unwrap().motivation, "Det. 12/2026");
}

#[test]
fn questions_come_and_go_as_json_and_unknown_members_are_refused() {
    let json = serde_json::to_string(&e1()).unwrap();
    assert_eq!(serde_json::from_str::<Question>(&json).unwrap(), e1());
    let holder = json.replacen('{', r#"{"holder":"Rossi","#, 1);
    assert!(serde_json::from_str::<Question>(&holder).is_err());
}

#[test]
fn every_line_speaks_both_languages() {
    let answer = assess(&example(), &e1()).unwrap();
    let codes: Vec<_> = answer.lines.iter().map(|line| line.code).collect();
    assert_eq!(codes, ["quantity", "time", "standard", "zone", "gross", "fee"]);
    for line in &answer.lines {
        assert!(!line.label.it.is_empty() && !line.label.en.is_empty() && line.label.it != line.label.en);
    }
    assert_eq!(answer.lines[4].formula.it, "1,3 × 52 × 1,5 × 30");
    assert_eq!(answer.lines[4].formula.en, "1.3 × 52 × 1.5 × 30");
}

fn hundredths(n: u64) -> String {
    (Exact::from(n) / &Exact::from(100)).to_string()
}

fn fee(answer: &Assessment) -> Exact {
    answer.fee.parse().unwrap()
}

proptest! {
    #[test]
    fn more_of_it_never_costs_less(a in 1_u64..50_000, b in 0_u64..50_000, more in 0_u64..5_000, policy in 0_usize..4, rounding in 0_usize..5, per_part in any::<bool>()) {
        let rule = ["none", "ceil_1", "ceil_0_5", "first_ceil_then_half", "half_up"][rounding];
        let scope = if per_part { "per_part" } else { "total" };
        let plan = example_with(&[("rounding = \"ceil_1\"", &format!("rounding = \"{rule}\"")), ("scope = \"total\"", &format!("scope = \"{scope}\""))]);
        // Growing in its larger zone, so that the prevalent one stays.
        let policy = Crossing::ALL[policy];
        let plan = with_policy(&plan, policy);
        let (large, small) = (a.max(b), a.min(b));
        let ask = |large: u64, small: u64| {
            let pieces = vec![zone("zone", "B", &hundredths(large)), zone("zone", "A", &hundredths(small))];
            assess(&plan, &question("plateatico", &hundredths(large + small), Some(17), pieces)).unwrap()
        };
        // By shares of a rounded whole the dear zone's share may fall while the whole stays: not monotone by nature.
        let (before, after) = (ask(large, small), ask(large + more, small));
        if policy != Crossing::ProRataArea || rule == "none" || per_part {
            prop_assert!(fee(&before) <= fee(&after), "{} {}", before.fee, after.fee);
        }
        prop_assert!(before.quantity.counted <= after.quantity.counted);
        if rule != "half_up" && policy == Crossing::Highest {
            prop_assert!(before.quantity.counted >= before.quantity.measured);
        }
    }

    #[test]
    fn pro_rata_parts_sum_up_to_the_whole_and_lie_between_the_extremes(a in 1_u64..50_000, b in 1_u64..50_000, c in 1_u64..50_000, days in 1_u64..400) {
        let plan = example();
        let pieces = vec![zone("zone", "A", &hundredths(a)), zone("zone", "B", &hundredths(b)), zone("zone", "C", &hundredths(c))];
        let asked = question("ponteggio", &hundredths(a + b + c), Some(days), pieces);
        let answer = assess(&with_policy(&plan, Crossing::ProRataArea), &asked).unwrap();
        prop_assert_eq!(&answer.quantity.counted, &exact(&hundredths(a + b + c)).ceil());
        let highest = assess(&plan, &asked).unwrap();
        prop_assert!(fee(&answer) <= fee(&highest));
        // Every line's product is what the next one takes.
        let zones: Exact = answer.lines.iter().filter(|line| line.code == "zone").map(|line| &line.result).sum();
        let k_time = answer.time.factor.clone();
        let gross = exact("1.30") * &exact("1.1") * &zones * &k_time;
        let line = answer.lines.iter().find(|line| line.code == "gross").unwrap();
        prop_assert_eq!(&line.result, &gross);
        let shares: f64 = answer.zones.iter().map(|zone| zone.percent.parse::<f64>().unwrap()).sum();
        prop_assert!((shares - 100.0).abs() < 0.02);
    }

    #[test]
    fn the_order_of_pieces_does_not_matter_to_the_fee(a in 1_u64..5_000, b in 1_u64..5_000, c in 1_u64..5_000, policy in 0_usize..4) {
        let plan = with_policy(&example(), Crossing::ALL[policy]);
        let mut pieces = vec![zone("zone", "A", &hundredths(a)), zone("zone", "B", &hundredths(b)), zone("zone", "A", &hundredths(c))];
        let first = assess(&plan, &question("chiosco", "", None, pieces.clone())).unwrap();
        pieces.rotate_left(1);
        let second = assess(&plan, &question("chiosco", "", None, pieces)).unwrap();
        prop_assert_eq!((first.fee, first.zones, first.lines), (second.fee, second.zones, second.lines));
    }
}
