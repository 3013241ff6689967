//! `/conflicts`.

use std::collections::BTreeSet;
use std::path::Path;

use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store as _};
use chrono::{Days, NaiveDate};
use geo::{Distance as _, Euclidean};
use geo_types::{Geometry, LineString, MultiLineString};
use serde_json::{Value as Json, json};

use super::{Town, day, definition, drawn, feature, rectangle, text, town};
use crate::harness::CORNER;

fn work_site(code: &str, frame: [f64; 4], dates: [&str; 2], effect: &str) -> Feature {
    let values = [
        ("code", text(code)),
        ("title", text(&format!("Cantiere {code}"))),
        ("from_date", day(dates[0])),
        ("to_date", day(dates[1])),
        ("traffic_effect", text(effect)),
    ];
    feature("work-sites", rectangle(frame), &values)
}

fn work(cup: &str, geometry: Geometry<f64>, kind: &str, phase: &str, dates: [&str; 2]) -> Feature {
    let values = [
        ("cup", text(cup)),
        ("title", text(&format!("Opera {cup}"))),
        ("kind", text(kind)),
        ("phase", text(phase)),
        ("start_planned", day(dates[0])),
        ("end_planned", day(dates[1])),
    ];
    feature("public-works", geometry, &values)
}

fn occupation(code: &str, frame: [f64; 4], kind: &str, from: NaiveDate, to: NaiveDate) -> Feature {
    let values =
        [("code", text(code)), ("kind", text(kind)), ("from_date", Value::Date(from)), ("to_date", Value::Date(to))];
    feature("occupations", rectangle(frame), &values)
}

fn line([x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> Geometry<f64> {
    let at = |x: f64, y: f64| (CORNER[0] + x, CORNER[1] + y);
    Geometry::MultiLineString(MultiLineString(vec![LineString::from(vec![at(x1, y1), at(x2, y2)])]))
}

fn put_rules(town: &Town) {
    let folder = town.folder.path().join("conflicts");
    std::fs::create_dir_all(&folder).expect("a folder");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../city/conflicts/cantieri.toml");
    std::fs::copy(rules, folder.join("cantieri.toml")).expect("copied");
}

async fn define(town: &Town, layers: &[&str]) {
    for layer in layers {
        town.store.define(&definition(layer)).await.expect("defined");
    }
}

/// A town with rules of conflicts, and the layers that they speak of.
async fn ruled() -> Town {
    let town = town().await;
    put_rules(&town);
    define(
        &town,
        &["work-sites", "public-works", "occupations", "ztl", "transit-lines", "schools", "addresses", "stops"],
    )
    .await;
    town
}

/// A street with a site, fresh paving, an event and a bus.
async fn street() -> Town {
    let town = ruled().await;
    town.write(
        "work-sites",
        Edit::Insert(work_site("C1", [0.0, 0.0, 10.0, 4.0], ["2026-06-10", "2026-06-20"], "closed")),
    )
    .await;
    let paving =
        work("F71B21006420006", line([22.0, 2.0], [40.0, 2.0]), "paving", "completed", ["2025-01-01", "2025-03-01"]);
    town.write("public-works", Edit::Insert(paving)).await;
    let event = [
        ("code", text("EV1")),
        ("name", text("Festa")),
        ("kind", text("event")),
        ("valid_from", day("2026-07-18")),
        ("valid_to", day("2026-07-20")),
    ];
    town.write("ztl", Edit::Insert(feature("ztl", rectangle([-50.0, -50.0, 100.0, 100.0]), &event))).await;
    let bus = [("code", text("4L")), ("name", text("Linea 4L")), ("mode", text("bus"))];
    town.write("transit-lines", Edit::Insert(feature("transit-lines", line([-50.0, 60.0], [100.0, 60.0]), &bus))).await;
    town
}

fn told(answer: &Json) -> Vec<(&str, &str)> {
    let conflicts = answer["conflicts"].as_array().expect("conflicts").iter();
    conflicts.map(|it| (it["role"].as_str().unwrap_or_default(), it["severity"].as_str().unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn which_works_collide_with_my_dig_in_june_and_when_is_it_free() {
    let town = street().await;
    let dig = format!("/conflicts?{}&from=2026-06-15&to=2026-06-30", drawn([12.0, 0.0, 16.0, 4.0]));
    let answer = town.json(&dig).await;
    assert_eq!(told(&answer), [("site", "blocking")], "{answer}");
    let conflict = &answer["conflicts"][0];
    assert_eq!(
        (&conflict["distance_m"], &conflict["common_days"], &conflict["name"]),
        (&"2.0".into(), &6.into(), &"Cantiere C1".into())
    );
    assert_eq!(conflict["dates"], json!({"kind": "known", "from": "2026-06-10", "to": "2026-06-20"}));
    assert!(
        conflict["reason"]["it"].as_str().is_some_and(|it| it.contains("strada chiusa") && it.contains("2,0 m")),
        "{conflict}"
    );
    assert_eq!(answer["free_window"], json!({"from": "2026-06-21", "to": "2026-07-06", "shift_days": 6}));
    assert_eq!(
        (&answer["worst"], &answer["counts"]["blocking"], &answer["complete"]),
        (&"blocking".into(), &1.into(), &true.into())
    );
    let earlier = town.json(&format!("{dig}&earliest=2026-01-01")).await;
    assert_eq!(
        earlier["free_window"],
        json!({"from": "2026-06-21", "to": "2026-07-06", "shift_days": 6}),
        "the nearest"
    );
    // Nearer than a metre nothing lies.
    assert_eq!(told(&town.json(&format!("{dig}&clearance=1,9")).await), []);
    // On fresh paving, which who does not dig may stand on; an event at the time.
    let paved = format!("/conflicts?{}&from=2026-07-19&to=2026-07-25", drawn([30.0, 0.0, 33.0, 4.0]));
    assert_eq!(told(&town.json(&paved).await), [("no-dig", "blocking"), ("event", "serious")]);
    assert_eq!(told(&town.json(&format!("{paved}&digs=false")).await), [("event", "serious")]);
    // A line of buses is there at any time.
    let point =
        format!("/conflicts?x={}&y={}&crs=EPSG:7795&from=2026-09-01&to=2026-09-02", CORNER[0], CORNER[1] + 67.9);
    let bus = town.json(&point).await;
    assert_eq!((told(&bus), &bus["free_window"]["shift_days"]), (vec![("transit", "serious")], &0.into()));
    let used = answer["evidence"]["features"].as_array().expect("features");
    assert_eq!(used, &[json!({"layer": "work-sites", "id": "1", "version": 1})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_answers_as_the_path_does_and_the_past_stays() {
    let town = street().await;
    let path = "/conflicts?feature=work-sites/1&from=2026-06-15&to=2026-06-30&digs=true";
    let inputs = json!({"feature": "work-sites/1", "from": "2026-06-15", "to": "2026-06-30", "digs": true});
    let raw = town.server.post_json("/processes/conflicts/execution", &json!({"inputs": inputs})).await;
    let first = town.server.get(path).await;
    assert_eq!(raw.json(), first.json());
    let seq = first.json()["evidence"]["seq"].as_i64().expect("a seq");
    let later = work_site("C1", [0.0, 0.0, 10.0, 4.0], ["2027-06-10", "2027-06-20"], "closed");
    town.write("work-sites", Edit::Update { id: 1, expected: None, feature: later }).await;
    assert_eq!(told(&town.json(path).await), []);
    assert_eq!(town.server.get(&format!("{path}&at={seq}")).await.text(), first.text());
}

/// Two quays of 200 m with a bridge between them at one end, and an alley with a school beyond a second bridge.
async fn canal() -> Town {
    let town = ruled().await;
    let street = |name: &str, from: [f64; 2], to: [f64; 2], width: Option<f64>| {
        let values = [("full_name", text(name)), ("width_m", width.map_or(Value::Null, Value::Real))];
        Edit::Insert(feature("streets", line(from, to), &values))
    };
    let streets = vec![
        street("Riva", [0.0, 0.0], [200.0, 0.0], Some(6.0)),
        street("Ponte", [200.0, 0.0], [200.0, 30.0], Some(3.0)),
        street("Fondamenta", [200.0, 30.0], [0.0, 30.0], Some(4.0)),
        street("Ponte Vecchio", [0.0, 0.0], [0.0, 30.0], Some(3.0)),
        street("Ponte della Scuola", [100.0, 30.0], [100.0, 50.0], None),
        street("Calle della Scuola", [100.0, 50.0], [100.0, 120.0], Some(2.0)),
    ];
    town.store.write("streets", streets).await.expect("written");
    let point = |x: f64, y: f64| Geometry::Point(geo_types::Point::new(CORNER[0] + x, CORNER[1] + y));
    let school = feature("schools", point(102.0, 110.0), &[("code", text("S1")), ("name", text("Scuola Manin"))]);
    town.write("schools", Edit::Insert(school)).await;
    let stop = [
        ("code", text("F1")),
        ("name", text("Riva")),
        ("lines", text("1, 2")),
        ("departures_weekday", Value::Integer(84)),
    ];
    town.write("stops", Edit::Insert(feature("stops", point(150.0, -5.0), &stop))).await;
    town
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_closes_a_street_says_who_goes_around_and_who_is_cut_off() {
    let town = canal().await;
    let asked = |frame: [f64; 4]| format!("/conflicts?{}&from=2026-06-15&to=2026-06-30", drawn(frame));
    let walked = |answer: &Json| answer["walk"]["closed"].as_array().map_or(0, Vec::len);
    // On the quay of six metres a scaffold of two leaves a way; one of five does not.
    let narrow = town.json(&asked([40.0, 1.0, 60.0, 3.0])).await;
    assert_eq!((walked(&narrow), told(&narrow), &narrow["complete"]), (0, vec![], &json!(true)), "{narrow}");
    let wide = town.json(&asked([40.0, -2.0, 60.0, 3.0])).await;
    // Around by the two bridges it is as far as 30 + 200 + 30 m, in place of 200 m.
    assert_eq!(told(&wide), [("walk", "minor")], "{wide}");
    assert_eq!(wide["walk"]["closed"][0]["detour_m"], "60");
    assert!(
        wide["conflicts"][0]["reason"]["it"]
            .as_str()
            .is_some_and(|it| it.contains("chiusa per 20 m, deviazione di 60 m"))
    );
    // The far bridge: 430 m in place of 30.
    let bridge = town.json(&asked([195.0, 10.0, 205.0, 15.0])).await;
    assert_eq!(
        (told(&bridge), &bridge["walk"]["closed"][0]["detour_m"]),
        (vec![("walk", "serious")], &json!("400")),
        "{bridge}"
    );
    // The school's bridge, whose width nobody knows.
    let school = town.json(&asked([95.0, 38.0, 105.0, 42.0])).await;
    assert_eq!(
        (told(&school), school["walk"]["closed"][0]["effect"].as_str()),
        (vec![("walk", "blocking")], Some("cut_off"))
    );
    let part = &school["walk"]["cut_off"][0];
    assert_eq!((&part["junctions"], &part["streets_m"]), (&json!(2), &json!("70")));
    assert_eq!(
        (&part["places"][0]["layer"], &part["places"][0]["features"][0]["name"]),
        (&json!("schools"), &json!("Scuola Manin"))
    );
    let reason = &school["conflicts"][0]["reason"];
    assert!(
        reason["it"].as_str().is_some_and(|it| it.contains("Scuole: 1"))
            && reason["en"].as_str().is_some_and(|en| en.contains("cuts off")),
        "{reason}"
    );
    assert!(
        school["warnings"].as_array().is_some_and(|all| all.iter().any(|it| it["code"] == "unknown-width")),
        "{school}"
    );
    let used = school["evidence"]["features"].as_array().expect("features");
    assert!(used.contains(&json!({"layer": "streets", "id": "5", "version": 1})), "{used:?}");
    // Around the school itself: it lies at the closed stretch.
    let at_school = town.json(&asked([95.0, 100.0, 105.0, 115.0])).await;
    assert_eq!(at_school["walk"]["within"][0]["count"], 1, "{at_school}");
    // Of the alley only its end is left behind, where nothing lies: nobody is cut off.
    assert_eq!((told(&at_school), &at_school["walk"]["cut_off"]), (vec![("walk", "minor")], &json!([])));
    let page = town.server.get(&format!("{}&f=html", asked([95.0, 38.0, 105.0, 42.0]))).await.text();
    assert!(page.contains("Scuola Manin") && page.contains("Che cosa non si raggiunge più a piedi"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_a_site_touches_is_told_with_its_lines() {
    let town = canal().await;
    let answer =
        town.json(&format!("/conflicts?{}&from=2026-06-15&to=2026-06-30", drawn([148.0, -12.0, 152.0, -7.0]))).await;
    assert_eq!(told(&answer), [("stop", "serious")], "{answer}");
    let reason = answer["conflicts"][0]["reason"]["it"].as_str().expect("a reason");
    assert!(reason.contains("Linee: 1, 2") && reason.contains("feriali: 84"), "{reason}");
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        most * ((self.0 >> 11) as f64) / ((1_u64 << 53) as f64)
    }

    fn frame(&mut self) -> [f64; 4] {
        let (x, y) = (self.below(250.0), self.below(250.0));
        [x, y, x + 1.0 + self.below(20.0), y + 1.0 + self.below(20.0)]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_those_that_looking_at_everything_finds() {
    let town = town().await;
    put_rules(&town);
    define(&town, &["work-sites", "public-works", "occupations", "ztl", "transit-lines"]).await;
    let mut dice = Dice(7);
    let begin: NaiveDate = "2026-01-01".parse().expect("a day");
    let mut all: Vec<(String, Geometry<f64>, NaiveDate, NaiveDate)> = Vec::new();
    let (mut sites, mut occupations) = (Vec::new(), Vec::new());
    for n in 1..=500_usize {
        let (frame, from) = (dice.frame(), begin + Days::new(dice.below(500.0) as u64));
        let to = from + Days::new(dice.below(90.0) as u64);
        if n <= 300 {
            sites.push(Edit::Insert(work_site(
                &format!("C{n}"),
                frame,
                [&from.to_string(), &to.to_string()],
                "closed",
            )));
            all.push((format!("work-sites/{n}"), rectangle(frame), from, to));
        } else {
            occupations.push(Edit::Insert(occupation(&format!("O{n}"), frame, "market", from, to)));
            all.push((format!("occupations/{}", n - 300), rectangle(frame), from, to));
        }
    }
    town.store.write("work-sites", sites).await.expect("written");
    let (_, seq) = town.store.write("occupations", occupations).await.expect("written");
    town.server.get(&format!("/collections?min-seq={seq}")).await;
    let mut found = 0;
    for _ in 0..60 {
        let (frame, from) = (dice.frame(), begin + Days::new(dice.below(500.0) as u64));
        let (to, clearance) = (from + Days::new(dice.below(40.0) as u64), (dice.below(40.0) * 10.0).round() / 10.0);
        let here = rectangle(frame);
        let path = format!("/conflicts?{}&from={from}&to={to}&clearance={clearance}", drawn(frame));
        let answer = town.json(&path).await;
        let told: BTreeSet<String> = answer["conflicts"]
            .as_array()
            .expect("conflicts")
            .iter()
            .map(|it| {
                format!(
                    "{}/{}",
                    it["feature"]["layer"].as_str().unwrap_or_default(),
                    it["feature"]["id"].as_str().unwrap_or_default()
                )
            })
            .collect();
        for (id, there, first, last) in &all {
            let metres = Euclidean.distance(&here, there);
            let is_conflict = metres <= clearance && *first <= to && from <= *last;
            // By a hair one measure says yes where the other says no.
            let is_close = (metres - clearance).abs() < 0.02 + 0.002 * metres;
            assert!(is_close || told.contains(id) == is_conflict, "{id} at {metres} m, {first} to {last}: {path}");
        }
        found += told.len();
    }
    assert!(found > 100, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_and_answers_in_both_languages() {
    let town = street().await;
    let form = town.server.get("/conflicts?f=html").await;
    assert_eq!((form.status, form.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(form.text().contains("<form") && !form.text().contains("class=\"answer\""));
    let dig = format!("/conflicts?{}&from=2026-06-15&to=2026-06-30&f=html", drawn([12.0, 0.0, 16.0, 4.0]));
    let page = town.server.get(&dig).await.text();
    for part in ["incompatibile", "Cantiere C1", "<svg", "21/06/2026", "Giorni in comune"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(" style="), "no style that the policy forbids");
    let english = town.server.get(&format!("{dig}&lang=en")).await.text();
    assert!(english.contains("The nearest free time") && english.contains("street closed"), "{english}");
    let refused = town.server.get("/conflicts?f=html&parcel=12/57").await.text();
    assert!(refused.contains("Nessuna risposta"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_or_missing_is_told_by_name() {
    let town = street().await;
    let here = drawn([12.0, 0.0, 16.0, 4.0]);
    for (path, status, code, named) in [
        ("/conflicts?from=2026-06-15&to=2026-06-30".to_owned(), 400, "missing-parameter", "geometry"),
        (format!("/conflicts?{here}&to=2026-06-30"), 400, "missing-parameter", "from"),
        (format!("/conflicts?{here}&from=2026-06-15"), 400, "missing-parameter", "to"),
        (format!("/conflicts?{here}&from=giugno&to=2026-06-30"), 400, "invalid-parameter", "from"),
        (format!("/conflicts?{here}&from=2026-06-15&to=2026-06-14"), 400, "invalid-parameter", "to"),
        (format!("/conflicts?{here}&from=2026-06-15&to=2056-06-14"), 400, "invalid-parameter", "to"),
        (
            format!("/conflicts?{here}&from=2026-06-15&to=2026-06-16&clearance=501"),
            400,
            "invalid-parameter",
            "clearance",
        ),
        (
            format!("/conflicts?{here}&from=2026-06-15&to=2026-06-16&clearance=-1"),
            400,
            "invalid-parameter",
            "clearance",
        ),
        (format!("/conflicts?{here}&from=2026-06-15&to=2026-06-16&digs=forse"), 400, "invalid-parameter", "digs"),
        (
            format!("/conflicts?{here}&from=2026-06-15&to=2026-06-16&earliest=2026-07-01"),
            400,
            "invalid-parameter",
            "earliest",
        ),
        (
            "/conflicts?feature=work-sites/99&from=2026-06-15&to=2026-06-16".to_owned(),
            404,
            "unknown-feature",
            "feature",
        ),
    ] {
        let problem = town.server.get(&path).await.problem(status, code);
        assert!(problem["parameter"].as_str().unwrap_or_default().starts_with(named), "{path}: {problem}");
    }
    // A work without dates and one without a place.
    let undated = feature(
        "public-works",
        line([13.0, 1.0], [14.0, 2.0]),
        &[("cup", text("B11B23000110001")), ("phase", text("tender"))],
    );
    town.write("public-works", Edit::Insert(undated)).await;
    let nowhere = Feature {
        geometry: None,
        ..work("B11B23000110002", line([0.0, 0.0], [1.0, 1.0]), "green", "tender", ["2026-01-01", "2026-12-31"])
    };
    town.write("public-works", Edit::Insert(nowhere)).await;
    let answer = town.json(&format!("/conflicts?{here}&from=2026-09-15&to=2026-09-16")).await;
    assert_eq!((told(&answer), &answer["conflicts"][0]["dates"]["kind"]), (vec![("work", "minor")], &"unknown".into()));
    let codes: Vec<&str> =
        answer["warnings"].as_array().expect("warnings").iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!(codes, ["placeless", "undated"]);
    // Layers that the rules name and that are not there; fields that they do not have.
    let bare = super::town().await;
    put_rules(&bare);
    let answer = bare.json(&format!("/conflicts?{here}&from=2026-09-15&to=2026-09-16")).await;
    assert_eq!((&answer["complete"], &answer["warnings"][0]["code"]), (&false.into(), &"no-layer".into()));
    let file = bare.folder.path().join("conflicts/cantieri.toml");
    let sound = std::fs::read_to_string(&file).expect("a file");
    let other =
        sound.replacen("layer = \"work-sites\"\nfrom = [\"from_date\"]", "layer = \"streets\"\nfrom = [\"dal\"]", 1);
    std::fs::write(&file, other).expect("written");
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let answer = bare.json(&format!("/conflicts?{here}&from=2026-09-15&to=2026-09-16")).await;
    assert_eq!(answer["warnings"][0]["code"], "no-field", "{answer}");
    // No rules at all, or some with faults.
    std::fs::write(&file, "id = 1").expect("written");
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let problem =
        bare.server.get(&format!("/conflicts?{here}&from=2026-09-15&to=2026-09-16")).await.problem(422, "no-rules");
    assert!(
        problem["faults"].as_u64().is_some_and(|faults| faults > 0) && problem["text"]["it"].is_string(),
        "{problem}"
    );
}
