//! `/changes`, `/events` and the promise of freshness, over a real store.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Pruning, Replacement as _, Store as _};
use geo_types::Point;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::harness::{CORNER, Server};

/// A store with ten fountains, of which the server tells, and a layer for the staff, of which it does not.
pub(super) struct City {
    pub(super) store: Arc<GeoPackageStore>,
    pub(super) server: Server,
    _folder: TempDir,
}

pub(super) fn definition(id: &str, visibility: &str) -> LayerDefinition {
    toml::from_str(&format!(
        "id = \"{id}\"\ntitle = {{ it = \"t\", en = \"t\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"green\"\ngeometry = \"point\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\nvisibility = \"{visibility}\"\n\
         zoom = {{ min = 10, max = 16 }}\n\
         [[field]]\nname = \"name\"\ntype = \"text\"\ntitle = {{ it = \"Nome\", en = \"Name\" }}\n\
         [[field]]\nname = \"note\"\ntype = \"text\"\nvisibility = \"staff\"\ntitle = {{ it = \"Nota\", en = \"Note\" }}\n"
    ))
    .expect("a definition")
}

pub(super) fn fountain(east: f64, name: &str) -> Feature {
    let place = Point::new(((CORNER[0] + east) * 1000.0).round() / 1000.0, (CORNER[1] * 1000.0).round() / 1000.0);
    Feature {
        geometry: Some(place.into()),
        properties: vec![Value::Text(name.to_owned()), Value::Text("secret".to_owned())],
    }
}

impl City {
    async fn new() -> Self {
        Self::of(&[definition("fountains", "public"), definition("hidden", "staff")]).await
    }

    /// Ten features in each layer; the definitions have two text fields.
    pub(super) async fn of(definitions: &[LayerDefinition]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bricola.gpkg");
        let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
        for definition in definitions {
            store.define(definition).await.expect("defined");
            let mut replacement = store.replace(&definition.id).await.expect("begun");
            let rows = (0..10).map(|n| fountain(f64::from(n), &format!("n{n}"))).collect();
            replacement.push(rows).await.expect("pushed");
            replacement.commit().await.expect("committed");
        }
        let server = Server::over(Arc::clone(&store)).await;
        Self { store, server, _folder: folder }
    }

    pub(super) async fn end(&self) -> i64 {
        self.store.last_seq().await.expect("the end")
    }

    pub(super) async fn write(&self, layer: &str, edits: Vec<Edit>) -> (Vec<i64>, i64) {
        self.store.write(layer, edits).await.expect("written")
    }

    pub(super) async fn changes(&self, query: &str) -> Json {
        let answer = self.server.get(&format!("/changes?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

pub(super) fn update(id: i64, feature: Feature) -> Edit {
    Edit::Update { id, expected: None, feature }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_tells_every_change_with_its_images_and_hides_what_is_hidden() {
    let city = City::new().await;
    let start = city.end().await;
    city.write("fountains", vec![update(1, fountain(100.0, "moved")), update(1, fountain(200.0, "again"))]).await;
    city.write("hidden", vec![update(1, fountain(0.0, "never told"))]).await;
    let (ids, _) =
        city.write("fountains", vec![Edit::Insert(fountain(5.5, "new")), Edit::Delete { id: 2, expected: None }]).await;
    let told = city.changes(&format!("after={start}")).await;
    let changes = told["changes"].as_array().expect("changes");
    let said: Vec<Json> = changes
        .iter()
        .map(|c| json!([c["operation"], c["id"], c["before"]["properties"]["name"], c["after"]["properties"]["name"]]))
        .collect();
    assert_eq!(
        said,
        [
            json!(["update", 1, "n0", "moved"]),
            json!(["update", 1, "moved", "again"]),
            json!(["insert", ids[0], null, "new"]),
            json!(["delete", 2, "n1", null]),
        ]
    );
    assert!(changes[2]["before"].is_null() && changes[2].get("before").is_some());
    assert!(!told.to_string().contains("secret") && !told.to_string().contains("never told"));
    assert_eq!((&told["next"], &told["seq"]), (&json!(city.end().await), &json!(city.end().await)));
    let place = &changes[0]["after"]["geometry"]["coordinates"];
    assert!((place[0].as_f64().expect("a longitude") - 12.34).abs() < 0.01, "{place}");
    // In pages, as lines, by layer and place.
    let mut next = start;
    let mut paged = Vec::new();
    loop {
        let page = city.changes(&format!("after={next}&limit=1")).await;
        next = page["next"].as_i64().expect("a cursor");
        paged.extend(page["changes"].as_array().expect("changes").clone());
        if next == city.end().await {
            break;
        }
    }
    assert_eq!(&paged, changes);
    let lines = city.server.get(&format!("/changes?after={start}&f=ndjson")).await;
    let parsed: Vec<Json> = lines.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&parsed, lines.header("bricola-next")), (changes, &*next.to_string()));
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let [west, north] = [place[0].as_f64().expect("x"), place[1].as_f64().expect("y")];
    let bbox = format!("{},{},{},{}", west - 1e-5, north - 1e-5, west + 1e-5, north + 1e-5);
    let near = city.changes(&format!("after={start}&bbox={bbox}")).await;
    assert_eq!(
        near["changes"].as_array().map(Vec::len),
        Some(2),
        "the one that came there and the one that left: {near}"
    );
    assert_eq!(city.changes(&format!("after={next}")).await["changes"], json!([]));
    let all = city.changes("layers=fountains").await;
    assert_eq!(all["changes"].as_array().map(Vec::len), Some(6), "defined, loaded, and the four");
    assert_eq!(all["changes"][0]["operation"], "replace");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_cursors_boxes_and_limits_are_refused_by_name() {
    let city = City::new().await;
    for (query, status, code, parameter) in [
        ("after=99999", 400, "cursor-ahead", "after"),
        ("after=-1", 400, "invalid-parameter", "after"),
        ("after=x", 400, "invalid-parameter", "after"),
        ("limit=0", 400, "invalid-parameter", "limit"),
        ("limit=10001", 400, "invalid-parameter", "limit"),
        ("wait=26", 400, "invalid-parameter", "wait"),
        ("bbox=1,2,3", 400, "invalid-parameter", "bbox"),
        ("bbox=1,2,0,3", 400, "invalid-parameter", "bbox"),
        ("bbox=1,2,300,3", 400, "invalid-parameter", "bbox"),
        ("bbox=NaN,2,3,3", 400, "invalid-parameter", "bbox"),
        ("layers=hidden", 404, "unknown-layer", "layers"),
        ("f=xml", 400, "invalid-parameter", "f"),
    ] {
        let problem = city.server.get(&format!("/changes?{query}")).await.problem(status, code);
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_change_is_answered_when_it_comes() {
    let city = City::new().await;
    let end = city.end().await;
    let started = std::time::Instant::now();
    let query = format!("after={end}&wait=20");
    let (answer, ()) = tokio::join!(city.changes(&query), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        city.write("fountains", vec![update(3, fountain(3.0, "at last"))]).await;
    });
    assert_eq!(answer["changes"][0]["after"]["properties"]["name"], "at last");
    assert!(started.elapsed() < Duration::from_secs(5));
    let end = city.end().await;
    let nothing = city.changes(&format!("after={end}&wait=1")).await;
    assert_eq!(nothing["changes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reflects_the_change_that_was_asked_for_or_says_not_yet() {
    let city = City::new().await;
    for round in 0..20 {
        let name = format!("round {round}");
        let (_, seq) = city.write("fountains", vec![update(4, fountain(4.0, &name))]).await;
        let [x, y] = [CORNER[0] + 4.0, CORNER[1]];
        let path = format!("/lookup?x={x}&y={y}&crs=EPSG:7795&layers=fountains&radius=1");
        let answer = city.server.get_with(&path, &[("bricola-min-seq", &seq.to_string())]).await;
        assert!(answer.text().contains(&name), "{}", answer.text());
        let answer = city.server.get(&format!("{path}&min-seq={seq}")).await;
        assert!(answer.json()["seq"].as_i64() >= Some(seq));
    }
    let ahead = (city.end().await + 1).to_string();
    let answer = city.server.get_with("/tiles/fountains/10/0/0", &[("bricola-min-seq", &ahead)]).await;
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.problem(503, "not-yet")["parameter"], "min-seq");
    let wrong = city.server.get_with("/collections", &[("bricola-min-seq", "soon")]).await;
    assert_eq!(wrong.problem(400, "invalid-parameter")["parameter"], "min-seq");
}

/// An open stream of events.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(city: &City, query: &str, last: Option<i64>) -> Self {
        let mut request = city.server.client.get(city.server.url(&format!("/events{query}")));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("a stream");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event that is more than a sign of life: its name, id and data; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, i64, Json)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim().to_owned();
                let (name, id, data) = (field("event:"), field("id:"), field("data:"));
                let rest = rest.len();
                self.text.drain(..self.text.len() - rest);
                if name != "seq" {
                    return Some((name, id.parse().expect("an id"), serde_json::from_str(&data).expect("JSON")));
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await.expect("in time");
            self.text.push_str(std::str::from_utf8(&chunk.expect("a chunk")?).expect("text"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_say_what_changed_where_and_are_resumed_without_a_gap() {
    let mut city = City::new().await;
    let mut events = Events::open(&city, "", None).await;
    let (_, first) = city.write("fountains", vec![update(5, fountain(300.0, "far"))]).await;
    let (name, id, data) = events.next().await.expect("an event");
    assert_eq!((name.as_str(), id, &data["seq"]), ("change", first, &json!(first)));
    let part = &data["layers"][0];
    assert_eq!((&part["layer"], &part["whole"], &part["ids"]), (&json!("fountains"), &json!(false), &json!([5])));
    assert_eq!(part["boxes"].as_array().map(Vec::len), Some(2), "where it was and where it is: {part}");
    let west = part["boxes"][0][0].as_f64().expect("west");
    assert!((12.3..12.4).contains(&west));
    // What nobody may see is not told, not even that it happened.
    city.write("hidden", vec![update(5, fountain(300.0, "far"))]).await;
    drop(events);
    let (_, second) =
        city.write("fountains", vec![update(6, fountain(6.0, "b")), Edit::Delete { id: 7, expected: None }]).await;
    let (_, third) = city.write("fountains", vec![update(8, fountain(8.0, "c"))]).await;
    city.server.get_with("/status", &[("bricola-min-seq", &third.to_string())]).await;
    for (query, last) in [(String::new(), Some(first)), (format!("?after={first}&layers=fountains"), None)] {
        let mut events = Events::open(&city, &query, last).await;
        let (name, id, data) = events.next().await.expect("what was missed");
        assert_eq!((name.as_str(), id), ("change", third));
        assert!(second < third);
        assert_eq!((&data["layers"][0]["ids"], data["layers"].as_array().map(Vec::len)), (&json!([6, 7, 8]), Some(1)));
        assert_eq!(data["layers"][0]["boxes"].as_array().map(Vec::len), Some(5));
    }
    let mut ahead = Events::open(&city, &format!("?after={}", third + 50), None).await;
    assert_eq!(ahead.next().await.expect("an event").0, "reset");
    // A stream ends with its server, and does not hold it up.
    city.server.begin_end();
    assert!(ahead.next().await.is_none());
    assert!(city.server.end().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_was_replaced_is_told_of_as_a_whole() {
    let city = City::new().await;
    let mut events = Events::open(&city, "?layers=fountains", None).await;
    let mut replacement = city.store.replace("fountains").await.expect("begun");
    replacement.push(vec![fountain(1.0, "only")]).await.expect("pushed");
    replacement.commit().await.expect("committed");
    let (name, _, data) = events.next().await.expect("an event");
    assert_eq!((name.as_str(), &data["layers"][0]["whole"]), ("change", &json!(true)));
    assert!(data["layers"][0].get("boxes").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_come_and_go_are_told_before_what_changed_in_them() {
    let city = City::new().await;
    let mut events = Events::open(&city, "", None).await;
    let mut of_one = Events::open(&city, "?layers=fountains", None).await;
    city.store.define(&definition("secrets", "staff")).await.expect("defined");
    city.store.define(&definition("benches", "public")).await.expect("defined");
    let (name, _, data) = events.next().await.expect("an event");
    assert_eq!((name.as_str(), &data["layers"]), ("layers", &json!(["benches", "fountains"])));
    let (name, _, data) = events.next().await.expect("an event");
    assert_eq!((name.as_str(), &data["layers"][0]["layer"]), ("change", &json!("benches")));
    let listed = city.server.get_with("/collections", &[("bricola-min-seq", &data["seq"].to_string())]).await.json();
    assert_eq!(listed["collections"].as_array().map(Vec::len), Some(2));
    city.store.drop_layer("benches").await.expect("dropped");
    let (name, _, data) = events.next().await.expect("an event");
    assert_eq!((name.as_str(), &data["layers"]), ("layers", &json!(["fountains"])));
    // Whoever asked for one layer hears of no other.
    city.write("fountains", vec![update(1, fountain(1.0, "after all that"))]).await;
    assert_eq!(of_one.next().await.expect("an event").0, "change");
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_and_those_that_a_client_has_ask_nothing_of_the_store() {
    let city = City::new().await;
    let asked = || async {
        let metrics = city.server.get("/metrics").await.text();
        let line = metrics.lines().find(|line| line.starts_with("bricola_store_questions_total")).map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let before = asked().await.to_bits();
    let path = "/tiles/fountains/16/35017/23485";
    let tag = city.server.get(path).await.header("etag").to_owned();
    let again = city.server.get_with(path, &[("if-none-match", &tag)]).await;
    assert_eq!(again.status, 304);
    city.server.get("/lookup?x=12.34&y=45.43").await;
    assert_eq!(asked().await.to_bits(), before);
    city.changes("after=0").await;
    assert_ne!(asked().await.to_bits(), before, "the counter counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_follower_acknowledges_and_the_log_is_cut_behind_it() {
    let city = City::new().await;
    let start = city.end().await;
    let key = city.store.register("tributi", start, None).await.expect("registered");
    for name in ["one", "two", "three"] {
        city.write("fountains", vec![update(1, fountain(1.0, name))]).await;
    }
    let header = format!("tributi:{key}");
    let prune = || async {
        let soon = Some(chrono::Utc::now() + chrono::TimeDelta::days(1));
        city.store.prune(Pruning { log_before: soon, past_before: soon }).await.expect("pruned").log_from
    };
    // Whoever only asks, or says that he is somebody, moves nothing.
    city.changes(&format!("after={}", start + 2)).await;
    for wrong in ["tributi", "tributi:", "tributi:0123", &format!("lavori:{key}"), ":"] {
        let path = format!("/changes?after={}", start + 2);
        city.server.get_with(&path, &[("bricola-follower", wrong)]).await.problem(403, "unknown-follower");
    }
    assert_eq!(prune().await, start);
    let page = city.server.get_with(&format!("/changes?after={start}&limit=2"), &[("bricola-follower", &header)]).await;
    assert_eq!((page.status, page.header("bricola-next")), (200, &*(start + 2).to_string()));
    assert_eq!(prune().await, start, "asked for is not handled");
    let path = format!("/changes?after={}", start + 2);
    let page = city.server.get_with(&path, &[("bricola-follower", &header)]).await.json();
    let change = &page["changes"][0];
    assert_eq!(
        (&change["before"]["properties"]["name"], &change["after"]["properties"]["name"]),
        (&json!("two"), &json!("three"))
    );
    assert_eq!(prune().await, start + 2);
    let gone = city.server.get(&format!("/changes?after={start}")).await.problem(410, "pruned");
    assert_eq!(gone["first"], start + 2);
    // A stream of events that was broken off before that begins anew.
    city.server.get_with("/status", &[("bricola-min-seq", &(start + 3).to_string())]).await;
    let mut events = Events::open(&city, &format!("?after={start}"), None).await;
    assert_eq!(events.next().await.expect("an event").0, "reset");
    let past = city.server.get(&format!("/lookup?x=12.34&y=45.43&at={}", start + 1)).await.problem(410, "pruned");
    assert!(past["detail"].as_str().is_some_and(|detail| detail.contains(&(start + 2).to_string())), "{past}");
}
