//! `/ztl`.

use std::path::Path;

use bricola_layers::store::{Edit, Store as _};
use geo_types::{Geometry, Point};
use serde_json::{Value as Json, json};

use super::{Town, day, definition, drawn, feature, rectangle, text, town};
use crate::harness::CORNER;

/// Where the zone CENTRO is, and where NOTTE overlaps it.
const CENTRE: [f64; 2] = [5.0, 5.0];
const BOTH: [f64; 2] = [25.0, 5.0];

fn zone(code: &str, frame: [f64; 4], from: &str, to: Option<&str>) -> bricola_layers::feature::Feature {
    let to = to.map_or(bricola_layers::feature::Value::Null, day);
    let values = [
        ("code", text(code)),
        ("name", text(&format!("Zona {code}"))),
        ("kind", text("ztl")),
        ("schedule", text("dalle 8 alle 20")),
        ("valid_from", day(from)),
        ("valid_to", to),
    ];
    feature("ztl", rectangle(frame), &values)
}

fn gate(code: &str, zone: &str, [x, y]: [f64; 2]) -> bricola_layers::feature::Feature {
    let at = Geometry::Point(Point::new(CORNER[0] + x, CORNER[1] + y));
    feature(
        "ztl-gates",
        at,
        &[("code", text(code)), ("ztl_code", text(zone)), ("name", text(&format!("Varco {code}")))],
    )
}

/// The town with zones, gates and the regulation of the rules' crate.
async fn regulated() -> Town {
    let town = town().await;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../territory/examples");
    let folder = town.folder.path().join("ztl");
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["ztl.toml", "festivita.toml"] {
        std::fs::copy(examples.join(name), folder.join(name)).expect("copied");
    }
    town.store.define(&definition("ztl")).await.expect("defined");
    town.store.define(&definition("ztl-gates")).await.expect("defined");
    for zone in [
        zone("CENTRO", [0.0, 0.0, 30.0, 30.0], "2020-01-01", None),
        zone("NOTTE", [20.0, 0.0, 50.0, 30.0], "2020-01-01", None),
        zone("SCUOLA", [50.0, 0.0, 60.0, 30.0], "2020-01-01", None),
        zone("NUOVA", [60.0, 0.0, 70.0, 30.0], "2026-09-01", None),
    ] {
        town.write("ztl", Edit::Insert(zone)).await;
    }
    for gate in [gate("V1", "CENTRO", [30.0, 15.0]), gate("V2", "CENTRO", [0.0, 5.0]), gate("V3", "NOTTE", [50.0, 5.0])]
    {
        town.write("ztl-gates", Edit::Insert(gate)).await;
    }
    town
}

fn at([x, y]: [f64; 2], besides: &str) -> String {
    format!("/ztl?x={}&y={}&crs=EPSG:7795&{besides}", CORNER[0] + x, CORNER[1] + y)
}

const VAN: &str = "datetime=2026-07-18T19:00&vehicle=van&mass=3500&euro=6&fuel=diesel";

fn codes(list: &Json, member: &str) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|it| it[member].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn may_this_van_enter_here_on_saturday_at_seven_and_from_when() {
    let town = regulated().await;
    let answer = town.json(&at(CENTRE, VAN)).await;
    assert_eq!(answer["access"], "with_permit");
    assert_eq!(answer["instant"], json!({"utc": "2026-07-18T17:00:00Z", "local": "2026-07-18T19:00:00+02:00"}));
    assert_eq!(codes(&answer["zones"], "code"), ["CENTRO"]);
    let decisive = &answer["zones"][0]["decisive"];
    assert_eq!((&decisive["rule"], &decisive["effect"]), (&"merci".into(), &"permit_required".into()));
    assert_eq!(answer["next_change"]["at"]["local"], "2026-07-18T20:00:00+02:00");
    assert_eq!(answer["next_change"]["access"], "yes");
    assert_eq!(codes(&answer["permits"], "code"), ["merci"]);
    assert_eq!(codes(&answer["gates"], "code"), ["V2", "V1"], "the nearest first, of this zone only");
    assert_eq!((&answer["gates"][0]["distance_m"], &answer["warnings"]), (&"5".into(), &json!([])));
    assert_eq!(answer["timeline"][0]["from"]["local"], "2026-07-18T00:00:00+02:00");
    assert_eq!(codes(&answer["rules"]["regulations"], "id"), ["ztl-esempio"]);
    assert_eq!(answer["rules"]["regulations"][0]["sha256"].as_str().map(str::len), Some(64));
    let used = answer["evidence"]["features"].as_array().expect("features");
    assert!(used.contains(&json!({"layer": "ztl", "id": "1", "version": 1})), "{used:?}");
    // By the instant with its offset it is the same moment.
    let offset = town.json(&at(CENTRE, &VAN.replace("19:00", "17:00:00Z"))).await;
    assert_eq!(answer, offset);
    let permitted = town.json(&at(CENTRE, &format!("{VAN}&permit=merci"))).await;
    assert_eq!((&permitted["access"], &permitted["permits"]), (&"yes".into(), &json!([])));
    let resident = town.json(&at(CENTRE, &format!("{VAN}&user=residente&resident_of=CENTRO,NOTTE"))).await;
    assert_eq!(resident["access"], "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_answers_as_the_path_does() {
    let town = regulated().await;
    let inputs = json!({
        "geometry": {"type": "Point", "coordinates": [CORNER[0] + CENTRE[0], CORNER[1] + CENTRE[1]]}, "crs": "EPSG:7795",
        "datetime": "2026-07-18T19:00", "vehicle": "van", "mass": 3500, "euro": 6, "fuel": "diesel", "permit": ["merci"],
    });
    let raw = town.server.post_json("/processes/ztl/execution", &json!({"inputs": inputs})).await;
    assert_eq!(raw.json(), town.json(&at(CENTRE, &format!("{VAN}&permit=merci"))).await);
    let wrong = json!({"inputs": {"parcel": "12/57", "vehicle": ["van"]}});
    town.server.post_json("/processes/ztl/execution", &wrong).await.problem(400, "invalid-parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_are_found_by_points_lines_surfaces_and_parcels_and_while_they_are_in_force() {
    let town = regulated().await;
    let zones = async |path: &str| codes(&town.json(path).await["zones"], "code");
    let when = "datetime=2026-07-18T19:00&vehicle=car";
    assert_eq!(zones(&at(BOTH, when)).await, ["CENTRO", "NOTTE"]);
    assert_eq!(zones(&format!("/ztl?{}&{when}", drawn([25.0, 1.0, 55.0, 3.0]))).await, ["CENTRO", "NOTTE", "SCUOLA"]);
    assert_eq!(zones(&format!("/ztl?parcel=12/57&{when}")).await, ["CENTRO", "NOTTE"]);
    let [x, y] = [CORNER[0] + 1.0, CORNER[1] + 1.0];
    let line = format!("/ztl?geometry=LINESTRING({x} {y},{} {y})&crs=EPSG:7795&{when}", x + 22.0).replace(' ', "%20");
    assert_eq!(zones(&line).await, ["CENTRO", "NOTTE"]);
    // A zone that comes into force in September, and has no rules.
    let before = town.json(&at([65.0, 5.0], when)).await;
    assert_eq!((&before["access"], &before["zones"]), (&"yes".into(), &json!([])));
    assert_eq!(
        (&before["next_change"]["at"]["local"], &before["next_change"]["access"]),
        (&"2026-09-01T00:00:00+02:00".into(), &"unknown".into())
    );
    let after = town.json(&at([65.0, 5.0], "datetime=2026-09-01T00:00&vehicle=car")).await;
    assert_eq!(
        (after["access"].as_str(), codes(&after["warnings"], "code")),
        (Some("unknown"), vec!["no-rules".to_owned()])
    );
    assert!(after["warnings"][0]["text"]["it"].as_str().is_some_and(|it| it.contains("«dalle 8 alle 20»")), "{after}");
    let school = town.json(&at([55.0, 5.0], when)).await;
    assert_eq!(
        (school["access"].as_str(), codes(&school["warnings"], "code")),
        (Some("unknown"), vec!["unreadable-schedule".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nights_in_which_clocks_change_are_told() {
    let town = regulated().await;
    let night = async |when: &str| town.json(&at([40.0, 5.0], &format!("datetime={when}&vehicle=car"))).await;
    let twice = night("2026-10-25T02:30").await;
    assert_eq!(
        (twice["instant"]["utc"].as_str(), codes(&twice["warnings"], "code")),
        (Some("2026-10-25T00:30:00Z"), vec!["clock-twice".to_owned()])
    );
    let decisive = &twice["zones"][0]["decisive"];
    assert_eq!(
        (&decisive["from"]["utc"], &decisive["to"]["utc"]),
        (&"2026-10-24T20:00:00Z".into(), &"2026-10-25T05:00:00Z".into())
    );
    let never = night("2026-03-29T02:30").await;
    assert_eq!(
        (never["instant"]["local"].as_str(), codes(&never["warnings"], "code")),
        (Some("2026-03-29T03:00:00+02:00"), vec!["clock-never".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_as_of_the_same_change_has_the_same_bytes() {
    let town = regulated().await;
    let path = at(CENTRE, VAN);
    let first = town.server.get(&path).await;
    let seq = first.json()["evidence"]["seq"].as_i64().expect("a seq");
    assert_eq!(first.header("bricola-seq"), seq.to_string());
    let moved = zone("CENTRO", [10.0, 0.0, 30.0, 30.0], "2020-01-01", None);
    town.write("ztl", Edit::Update { id: 1, expected: None, feature: moved }).await;
    assert_eq!(town.json(&path).await["access"], "yes");
    assert_eq!(town.server.get(&format!("{path}&at={seq}")).await.text(), first.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_answers_and_draws_the_days_in_both_languages() {
    let town = regulated().await;
    let form = town.server.get("/ztl?f=html").await;
    assert_eq!((form.status, form.header("content-type")), (200, "text/html; charset=utf-8"));
    let form = form.text();
    assert!(
        form.contains("Furgone") && form.contains("Carico e scarico merci") && !form.contains("class=\"answer\""),
        "{form}"
    );
    let page = town.server.get(&format!("{}&f=html&lang=it", at(CENTRE, VAN))).await.text();
    for part in [
        "solo con permesso",
        "18/07/2026, 20:00",
        "<svg",
        "Zona CENTRO",
        "Varco V2",
        "https://mobilita.comune.example.it/permessi/merci",
        "08:00",
        "24:00",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        page.contains("datetime=2026-07-18T19%3A00%3A00%2B02%3A00") || page.contains("at="),
        "the same question again"
    );
    assert!(!page.contains(" style="), "no style that the policy forbids");
    let english = town.server.get(&format!("{}&f=html&lang=en", at(CENTRE, VAN))).await.text();
    assert!(english.contains("with a permit only") && english.contains("Day by day"), "{english}");
    let depends = town
        .server
        .get(&format!("{}&f=html&lang=en", at(CENTRE, "datetime=2026-11-18T10:00&vehicle=van")))
        .await
        .text();
    assert!(depends.contains("To answer, say"), "{depends}");
    let autumn =
        town.server.get(&format!("{}&f=html", at([40.0, 5.0], "datetime=2026-10-25T01:00&vehicle=car"))).await.text();
    assert!(autumn.contains("il giorno dura ore 25"), "{autumn}");
    let refused = town.server.get("/ztl?f=html&parcel=99/1").await;
    assert!(refused.status == 200 && refused.text().contains("Nessuna risposta"), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_question_is_refused_by_name() {
    let town = regulated().await;
    let here = at(CENTRE, "datetime=2026-07-18T19:00");
    for (path, status, code, named) in [
        ("/ztl?vehicle=car".to_owned(), 400, "missing-parameter", "geometry"),
        (at(CENTRE, "datetime=2026-07-18"), 400, "invalid-parameter", "datetime"),
        (at(CENTRE, "datetime=domani"), 400, "invalid-parameter", "datetime"),
        (at(CENTRE, "datetime=2026-02-30T10:00"), 400, "invalid-parameter", "datetime"),
        (at(CENTRE, "datetime=9999-12-31T10:00"), 400, "invalid-parameter", "datetime"),
        (at(CENTRE, "datetime=1890-12-31T10:00:00Z"), 400, "invalid-parameter", "datetime"),
        (format!("{here}&vehicle=monopattino"), 400, "invalid-parameter", "vehicle"),
        (format!("{here}&euro=10"), 400, "invalid-parameter", "euro"),
        (format!("{here}&euro=-1"), 400, "invalid-parameter", "euro"),
        (format!("{here}&fuel=vapore"), 400, "invalid-parameter", "fuel"),
        (format!("{here}&mass=0"), 400, "invalid-parameter", "mass"),
        (format!("{here}&mass=tanto"), 400, "invalid-parameter", "mass"),
        (format!("{here}&length=-3"), 400, "invalid-parameter", "length"),
        (format!("{here}&seats=0"), 400, "invalid-parameter", "seats"),
        (format!("{here}&plate=AB123CD"), 400, "invalid-parameter", "plate"),
        (format!("{here}&user=sindaco"), 400, "invalid-parameter", "user"),
        (format!("{here}&permit=oro"), 400, "invalid-parameter", "permit"),
        (format!("{here}&days=32"), 400, "invalid-parameter", "days"),
        (format!("{here}&days=0"), 400, "invalid-parameter", "days"),
        (format!("{here}&at=999999"), 400, "invalid-parameter", "at"),
        (format!("{here}&owner=x"), 400, "unknown-parameter", "owner"),
        ("/ztl?parcel=12/99".to_owned(), 404, "unknown-feature", "parcel"),
    ] {
        let problem = town.server.get(&path).await.problem(status, code);
        assert!(problem["parameter"].as_str().unwrap_or_default().starts_with(named), "{path}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regulation_with_faults_is_not_in_use_until_it_is_mended() {
    let town = regulated().await;
    let file = town.folder.path().join("ztl/ztl.toml");
    let sound = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, sound.replace("effect = \"fee\"", "effect = \"gratis\"")).expect("written");
    let answer = town.json(&at(CENTRE, VAN)).await;
    assert_eq!(
        (answer["access"].as_str(), codes(&answer["warnings"], "code")),
        (Some("unknown"), vec!["no-regulation".to_owned()])
    );
    let page = town.server.get("/ztl?f=html&lang=en").await.text();
    assert!(page.contains("have faults and are not in use"), "{page}");
    std::fs::write(&file, sound).expect("written");
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(town.json(&at(CENTRE, VAN)).await["access"], "with_permit");
}
