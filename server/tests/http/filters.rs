//! `filter` on `/changes`.

use std::time::{Duration, Instant};

use bricola_layers::store::{Edit, Store as _};
use serde_json::{Value as Json, json};

use super::feed::{City, definition, fountain, update};

/// Operation, id and selection of what was told.
fn said(answer: &Json) -> Vec<Json> {
    let changes = answer["changes"].as_array().expect("changes");
    changes.iter().map(|change| json!([change["operation"], change["id"], change["selection"]])).collect()
}

fn encoded(filter: &str) -> String {
    form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

async fn fountains() -> City {
    City::of(&[definition("fountains", "public")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_tells_what_enters_what_stays_and_what_leaves() {
    let city = fountains().await;
    let start = city.end().await;
    let edits = vec![
        update(1, fountain(1.0, "dry")),
        update(2, fountain(2.0, "closed")),
        update(1, fountain(50.0, "Dry and old")),
        update(1, fountain(50.0, "runs")),
        Edit::Insert(fountain(7.5, "dry")),
        Edit::Delete { id: 3, expected: None },
    ];
    let (ids, end) = city.write("fountains", edits).await;
    let (_, end) = (end, city.write("fountains", vec![Edit::Delete { id: ids[4], expected: None }]).await.1);
    let expected = [
        json!(["update", 1, "entered"]),
        json!(["update", 1, "stayed"]),
        json!(["update", 1, "left"]),
        json!(["insert", ids[4], "entered"]),
        json!(["delete", ids[4], "left"]),
    ];
    let filter = encoded("CASEI(name) LIKE 'dry%' AND id < 1000");
    let told = city.changes(&format!("after={start}&layers=fountains&filter={filter}")).await;
    assert_eq!(said(&told), expected, "{told}");
    assert_eq!((&told["next"], &told["seq"]), (&json!(end), &json!(end)));
    assert_eq!(told["changes"][2]["before"]["properties"]["name"], "Dry and old");
    // In JSON's own form, as lines, and page by page.
    let as_json = encoded(r#"{"op":"like","args":[{"op":"casei","args":[{"property":"name"}]},"dry%"]}"#);
    let same = city.changes(&format!("after={start}&filter={as_json}&filter-lang=cql2-json")).await;
    assert_eq!(same["changes"], told["changes"]);
    let lines = city.server.get(&format!("/changes?after={start}&filter={filter}&f=ndjson")).await;
    let parsed: Vec<Json> = lines.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((Json::from(parsed), lines.header("bricola-next")), (told["changes"].clone(), &*end.to_string()));
    let (mut next, mut paged) = (start, Vec::new());
    while next < end {
        let page = city.changes(&format!("after={next}&filter={filter}&limit=1")).await;
        assert!(page["next"].as_i64() > Some(next), "the cursor moves on: {page}");
        next = page["next"].as_i64().expect("a cursor");
        paged.extend(page["changes"].as_array().expect("changes").clone());
    }
    assert_eq!(Json::from(paged), told["changes"]);
    // The layer as a whole is told of whatever the filter.
    let all = city.changes(&format!("filter={filter}")).await;
    assert_eq!(all["changes"][0]["operation"], "replace");
    assert!(all["changes"][0].get("selection").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn filter_and_bbox_select_together() {
    let city = fountains().await;
    let start = city.end().await;
    let place = city.server.get("/changes?after=0").await;
    assert_eq!(place.status, 200);
    city.write("fountains", vec![update(1, fountain(0.0, "dry"))]).await;
    let told = city.changes(&format!("after={start}")).await;
    let at = &told["changes"][0]["after"]["geometry"]["coordinates"];
    let [x, y] = [at[0].as_f64().expect("x"), at[1].as_f64().expect("y")];
    let (here, filter) = (format!("{},{},{},{}", x - 1e-5, y - 1e-5, x + 1e-5, y + 1e-5), encoded("name = 'dry'"));
    let box_of = |here: &str| encoded(&format!("S_INTERSECTS(geometry, BBOX({here})) AND name = 'dry'"));
    // Away while dry, mended elsewhere, dry and elsewhere moved: never again both here and dry.
    for (east, name) in [(500.0, "dry"), (500.0, "runs"), (0.0, "runs")] {
        city.write("fountains", vec![update(1, fountain(east, name))]).await;
    }
    for query in [format!("bbox={here}&filter={filter}"), format!("filter={}", box_of(&here))] {
        let told = city.changes(&format!("after={start}&{query}")).await;
        assert_eq!(said(&told), [json!(["update", 1, "entered"]), json!(["update", 1, "left"])], "{query}");
        assert_eq!(told["next"], told["seq"]);
    }
    let by_box = city.changes(&format!("after={start}&bbox={here}")).await;
    assert_eq!(said(&by_box).last(), Some(&json!(["update", 1, "entered"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_with_a_filter_is_neither_held_up_nor_woken_by_what_it_does_not_want() {
    let city = fountains().await;
    let start = city.end().await;
    let edits = (0..1_200).map(|n| update(1 + n % 10, fountain(n as f64, &format!("n{n}")))).collect();
    let (_, end) = city.write("fountains", edits).await;
    let filter = encoded("name = 'wanted'");
    let empty = city.changes(&format!("after={start}&filter={filter}&limit=1")).await;
    assert_eq!((&empty["changes"], &empty["next"]), (&json!([]), &json!(end)));
    let started = Instant::now();
    let query = format!("after={end}&filter={filter}&wait=20");
    let (answer, ()) = tokio::join!(city.changes(&query), async {
        for name in ["not this", "nor this", "wanted"] {
            tokio::time::sleep(Duration::from_millis(200)).await;
            city.write("fountains", vec![update(3, fountain(3.0, name))]).await;
        }
    });
    assert_eq!(said(&answer), [json!(["update", 3, "entered"])]);
    assert!(started.elapsed() > Duration::from_millis(550) && started.elapsed() < Duration::from_secs(8));
    assert_eq!(answer["next"], json!(city.store.last_seq().await.expect("the end")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_taken_is_refused_by_field_value_and_place() {
    let mut benches = definition("benches", "public");
    benches.fields[0].name = "kind".to_owned();
    let city = City::of(&[definition("fountains", "public"), benches, definition("hidden", "staff")]).await;
    for (query, code, member, expected) in [
        ("layers=fountains&filter=name%20==%201", "filter-syntax", "place", json!("character 7")),
        ("layers=fountains&filter=nome=1", "filter-field", "field", json!("nome")),
        ("layers=fountains&filter=nome=1", "filter-field", "allowed", json!(["name", "id", "geometry"])),
        ("layers=fountains&filter=note='secret'", "filter-field", "allowed", json!(["name", "id", "geometry"])),
        ("layers=fountains&filter=name=1", "filter-type", "value", json!("1")),
        ("layers=fountains&filter=name=1", "filter-type", "field", json!("name")),
        ("layers=fountains&filter=A_CONTAINS(name,('x'))", "filter-unsupported", "value", json!("A_CONTAINS")),
        ("layers=fountains,benches&filter=name='x'", "filter-field", "layer", json!("benches")),
        ("filter=name='x'", "filter-field", "layer", json!("benches")),
        ("filter=kind='x'", "filter-field", "layer", json!("fountains")),
        ("filter=name='x'&filter-lang=cql2-json", "filter-syntax", "parameter", json!("filter")),
        ("filter=name='x'&filter-lang=ecql", "invalid-parameter", "parameter", json!("filter-lang")),
        ("filter-lang=cql2-text", "missing-parameter", "parameter", json!("filter")),
        ("filter=id=1&filter-crs=EPSG:4326", "unknown-parameter", "parameter", json!("filter-crs")),
    ] {
        let problem = city.server.get(&format!("/changes?{query}")).await.problem(400, code);
        assert_eq!(problem[member], expected, "{query}: {problem}");
    }
    let deep = format!("/changes?filter={}", "(".repeat(80));
    let problem = city.server.get(&deep).await.problem(400, "filter-too-large");
    assert_eq!((&problem["limit"], &problem["allowed"]), (&json!("MAX_FILTER_DEPTH"), &json!(64)));
    // What every layer has may be asked of all.
    let told = city.changes("filter=id=1%20AND%20geometry%20IS%20NOT%20NULL").await;
    assert!(said(&told).iter().all(|change| change[0] == "replace"), "{told}");
}
