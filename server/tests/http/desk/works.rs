//! `/works`.

use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store as _};
use geo_types::{Geometry, LineString, MultiLineString, Point};
use serde_json::{Value as Json, json};

use super::{Town, day, definition, feature, rectangle, text, town};
use crate::harness::CORNER;

fn line([x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> Geometry<f64> {
    let at = |x: f64, y: f64| (CORNER[0] + x, CORNER[1] + y);
    Geometry::MultiLineString(MultiLineString(vec![LineString::from(vec![at(x1, y1), at(x2, y2)])]))
}

fn work(
    cup: &str,
    geometry: Option<Geometry<f64>>,
    phase: &str,
    amount: f64,
    progress: f64,
    besides: &[(&str, Value)],
) -> Feature {
    let mut values = vec![
        ("cup", text(cup)),
        ("title", text(&format!("Opera {cup}"))),
        ("phase", text(phase)),
        ("funding", text("PNRR, \"missione 2\"")),
        ("amount_eur", Value::Real(amount)),
        ("progress_pct", Value::Real(progress)),
        ("start_planned", day("2026-01-01")),
        ("end_planned", day("2026-04-10")),
    ];
    values.extend(besides.iter().cloned());
    let at = geometry.clone().unwrap_or_else(|| Geometry::Point(Point::new(CORNER[0], CORNER[1])));
    Feature { geometry, ..feature("public-works", at, &values) }
}

/// Two districts, a line across their border, a point in the second, a work that lies nowhere.
async fn register() -> Town {
    let town = town().await;
    town.store.define(&definition("public-works")).await.expect("defined");
    town.store.define(&definition("districts")).await.expect("defined");
    let district = |code: &str, name: &str, frame| {
        feature(
            "districts",
            rectangle(frame),
            &[("code", text(code)), ("name", text(name)), ("level", text("sestiere"))],
        )
    };
    for it in [district("S1", "Castello", [0.0, 0.0, 30.0, 30.0]), district("S2", "Dorsoduro", [30.0, 0.0, 60.0, 30.0])]
    {
        town.write("districts", Edit::Insert(it)).await;
    }
    let contracts = "[{\"cig\": \"90956743A2\", \"base_eur\": 1, \"awarded_eur\": 1, \"current_eur\": 1, \"sal\": [{\"n\": 1, \
                     \"date\": \"2026-02-01\", \"amount_eur\": 2.5, \"physical_pct\": 30}]}]";
    let across = [
        ("contract_eur", Value::Real(110_000.0)),
        ("paid_eur", Value::Real(40_000.0)),
        ("contracts", text(contracts)),
        ("end_expected", day("2026-05-10")),
    ];
    let point = Geometry::Point(Point::new(CORNER[0] + 40.0, CORNER[1] + 5.0));
    for it in [
        work("F71B21006420006", Some(line([20.0, 5.0], [60.0, 5.0])), "execution", 100_000.0, 30.0, &across),
        work("B11B23000110001", Some(point), "completed", 50_000.0, 100.0, &[("end_actual", day("2026-04-01"))]),
        work("B11B23000110002", None, "tender", 10_000.0, 0.0, &[("cig", text("90956743A3"))]),
    ] {
        town.write("public-works", Edit::Insert(it)).await;
    }
    town
}

fn groups(answer: &Json, member: &str) -> Vec<(String, String)> {
    let groups = answer["groups"].as_array().expect("groups").iter();
    groups
        .map(|it| (it["group"].as_str().unwrap_or("?").to_owned(), it[member].as_str().unwrap_or("–").to_owned()))
        .collect()
}

fn pair(group: &str, value: &str) -> (String, String) {
    (group.to_owned(), value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn works_are_summed_up_with_their_earned_value() {
    let town = register().await;
    let answer = town.json("/works?day=2026-02-19").await;
    assert_eq!((&answer["total"]["works"], &answer["total"]["amount_eur"]), (&3.into(), &"160000.00".into()));
    assert_eq!(
        groups(&answer, "planned_value_eur"),
        [pair("completed", "25000.00"), pair("execution", "50000.00"), pair("tender", "5000.00")]
    );
    assert_eq!(
        groups(&answer, "earned_value_eur"),
        [pair("completed", "50000.00"), pair("execution", "30000.00"), pair("tender", "0.00")]
    );
    assert_eq!(groups(&answer, "growth_eur")[1], pair("execution", "10000.00"));
    assert_eq!(answer["total"]["schedule_index"], "1.000");
    let first =
        answer["works"].as_array().expect("works").iter().find(|it| it["cup"] == "F71B21006420006").expect("the work");
    assert_eq!(
        (&first["days_late"], &first["days_replanned"], &first["warnings"]),
        (&0.into(), &30.into(), &json!([]))
    );
    assert_eq!(first["contracts"][0]["sal"][0]["physical_pct"], 30.0);
    let late = town.json("/works?day=2026-04-20").await;
    assert_eq!(late["total"]["late"], 2, "the tender and the execution, not what ended in time");
    let odd = town.json("/works?day=2026-02-19&odd=true").await;
    let codes: Vec<&str> =
        odd["works"][0]["warnings"].as_array().expect("warnings").iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!((odd["total"]["works"].as_u64(), codes), (Some(1), vec!["check-digits", "no-place"]));
    let one = town.json("/works?day=2026-02-19&phase=execution&by=year&limit=0").await;
    assert_eq!((groups(&one, "amount_eur"), &one["omitted"]), (vec![pair("2026", "100000.00")], &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_across_districts_is_shared_by_its_length() {
    let town = register().await;
    let answer = town.json("/works?day=2026-02-19&by=district").await;
    let amounts = groups(&answer, "amount_eur");
    assert_eq!(amounts[0], pair("", "10000.00"), "what lies nowhere");
    let euro = |at: usize| amounts[at].1.parse::<f64>().expect("a number");
    assert!((euro(1) - 25_000.0).abs() < 1.0 && (euro(2) - 125_000.0).abs() < 1.0, "{amounts:?}");
    assert!((euro(0) + euro(1) + euro(2) - 160_000.0).abs() < 0.005, "{amounts:?}");
    let quarters =
        feature("districts", rectangle([0.0, 0.0, 60.0, 30.0]), &[("code", text("Q1")), ("level", text("quartiere"))]);
    town.write("districts", Edit::Insert(quarters)).await;
    let problem = town.server.get("/works?by=district").await.problem(400, "missing-parameter");
    assert_eq!(problem["allowed"], json!(["quartiere", "sestiere"]));
    let named = town.json("/works?day=2026-02-19&by=district&level=sestiere").await;
    assert_eq!(groups(&named, "amount_eur"), amounts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_is_a_table_a_page_a_process_and_has_a_past() {
    let town = register().await;
    let csv = town.server.get("/works?day=2026-02-19&by=funding&f=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let lines: Vec<String> = csv.text().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("group,works,late,amount_eur"), "{lines:?}");
    assert!(lines[1].starts_with("\"PNRR, \"\"missione 2\"\"\",3,"), "{lines:?}");
    let page = town.server.get("/works?f=html&day=2026-04-20").await.text();
    for part in ["Opere pubbliche", "esecuzione", "100.000,00 €", "<svg", "F71B21006420006", "l’opera non ha un luogo"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(" style="), "no style that the policy forbids");
    assert!(town.server.get("/works?f=html&lang=en").await.text().contains("Works in time"));
    let path = "/works?day=2026-02-19";
    let first = town.server.get(path).await;
    let raw = town.server.post_json("/processes/works/execution", &json!({"inputs": {"day": "2026-02-19"}})).await;
    assert_eq!(raw.json(), first.json());
    let seq = first.json()["evidence"]["seq"].as_i64().expect("a seq");
    let again = work("F71B 2100 6420 006", None, "tender", 7.0, 0.0, &[]);
    town.write("public-works", Edit::Insert(again)).await;
    let twice = town.json(&format!("{path}&cup=F71B21006420006")).await;
    let codes = twice["works"][0]["warnings"].to_string();
    assert!(codes.contains("cup-twice"), "{codes}");
    assert_eq!(town.server.get(&format!("{path}&at={seq}")).await.text(), first.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_question_is_refused_by_name() {
    let town = register().await;
    for (path, named) in [
        ("/works?by=colour", "by"),
        ("/works?day=domani", "day"),
        ("/works?limit=10001", "limit"),
        ("/works?limit=-1", "limit"),
        ("/works?odd=forse", "odd"),
        ("/works?by=district&level=rione", "level"),
        ("/works?f=pdf", "f"),
        ("/works?at=999999", "at"),
    ] {
        let problem = town.server.get(path).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], named, "{path}: {problem}");
    }
    // Where there is no register.
    let bare = super::town().await;
    let answer = bare.json("/works").await;
    assert_eq!((&answer["total"]["works"], &answer["warnings"][0]["code"]), (&0.into(), &"no-layer".into()));
}
