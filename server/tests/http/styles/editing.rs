//! Styles of the office: made, replaced, taken away, on a store that two servers follow.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::store::{GeoPackageStore, OpenMode, Store as _};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use crate::harness::{Answer, Server, assert_log_is_clean};

const TOKEN: &str = "a-token-of-the-gis-office";
const STYLE: &str = "application/vnd.mapbox.style+json";
const WELLS: &str = r#"
    id = "wells"
    title = { it = "Vere da pozzo", en = "Wells" }
    description = { it = "d", en = "d" }
    theme = "green"
    geometry = "point"
    crs = "EPSG:7795"
    resolution = 0.001
    zoom = { min = 10, max = 16 }
    [[field]]
    name = "code"
    type = "text"
    title = { it = "Codice", en = "Code" }
    [[field]]
    name = "owner_note"
    type = "text"
    visibility = "tax"
    title = { it = "Nota", en = "Note" }
"#;

struct Office {
    store: Arc<GeoPackageStore>,
    server: Server,
    _folder: tempfile::TempDir,
}

async fn serve(store: &Arc<GeoPackageStore>) -> Server {
    Server::over_with(Arc::clone(store), |config| {
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
        config.limits.body_bytes = 64 * 1024;
    })
    .await
}

async fn office() -> Office {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&toml::from_str(WELLS).expect("a definition")).await.expect("defined");
    Office { server: serve(&store).await, store, _folder: folder }
}

fn wells(name: &str, color: &str) -> Json {
    json!({
        "version": 8, "name": name,
        "sources": {"green": {"type": "vector", "tiles": ["/tiles/wells/{z}/{x}/{y}"], "minzoom": 10, "maxzoom": 16}},
        "sprite": "/sprites/city", "glyphs": "/fonts/{fontstack}/{range}.pbf",
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": "#ffffff"}},
            {"id": "wells", "type": "circle", "source": "green", "source-layer": "wells", "filter": ["has", "code"],
             "paint": {"circle-color": color, "circle-radius": 12}},
        ],
    })
}

impl Office {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.client.request(method, self.server.url(path)).bearer_auth(TOKEN)
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Json) -> Answer {
        let request = self.request(method, path).header("content-type", STYLE).body(body.to_string());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.server.send(request).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_style_is_made_replaced_and_taken_away_and_other_servers_follow() {
    let office = office().await;
    let other = serve(&office.store).await;
    let made = office.send(Method::POST, "/styles", &[], &wells("Vere da pozzo, a cerchi", "red")).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header("location"), office.server.url("/styles/vere-da-pozzo-a-cerchi"));
    let seq = made.header("bricola-seq").to_owned();
    let path = "/styles/vere-da-pozzo-a-cerchi";
    let found = office.server.get(&format!("{path}?f=mapbox")).await;
    assert_eq!((found.header("etag"), found.header("content-type")), (made.header("etag"), STYLE));
    assert_eq!(found.json()["sources"]["green"]["tiles"][0], office.server.url("/tiles/wells/{z}/{x}/{y}"));
    let there = other.get(&format!("{path}?min-seq={seq}")).await;
    assert_eq!(there.json()["sources"]["green"]["tiles"][0], other.url("/tiles/wells/{z}/{x}/{y}"));
    let known = office.server.get_with(path, &[("if-none-match", found.header("etag"))]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let list = office.server.get("/styles").await.json();
    let listed = list["styles"].as_array().expect("styles").iter().find(|it| it["id"] == "vere-da-pozzo-a-cerchi");
    assert_eq!(listed.expect("listed")["title"], "Vere da pozzo, a cerchi");

    // What is read can be sent back: addresses of this server are known as such.
    let mut read = found.json();
    read["layers"][1]["paint"]["circle-color"] = json!("blue");
    let replaced = office.send(Method::PUT, path, &[("if-match", found.header("etag"))], &read).await;
    assert_eq!(replaced.status, 204, "{}", replaced.text());
    assert_ne!(replaced.header("etag"), found.header("etag"));
    let second = office.send(Method::PUT, path, &[("if-match", found.header("etag"))], &read).await;
    second.problem(412, "precondition-failed");
    office.send(Method::PUT, path, &[], &read).await.problem(428, "precondition-required");
    office.send(Method::PUT, path, &[("if-none-match", "*")], &read).await.problem(412, "precondition-failed");
    office.send(Method::DELETE, path, &[], &json!({})).await.problem(428, "precondition-required");
    let removed = office.send(Method::DELETE, path, &[("if-match", replaced.header("etag"))], &json!({})).await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    let seq = removed.header("bricola-seq").to_owned();
    other.get(&format!("{path}?min-seq={seq}")).await.problem(404, "unknown-style");
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_style_of_a_layer_is_replaced_and_comes_back() {
    let office = office().await;
    let automatic = office.server.get("/styles/wells").await;
    office
        .send(Method::DELETE, "/styles/wells", &[("if-match", "*")], &json!({}))
        .await
        .problem(405, "method-not-allowed");
    let own = wells("Vere", "#00ff00");
    let put = office.send(Method::PUT, "/styles/wells", &[("if-match", automatic.header("etag"))], &own).await;
    assert_eq!(put.status, 204, "{}", put.text());
    let now = office.server.get("/styles/wells").await;
    assert_eq!(now.json()["layers"][1]["paint"]["circle-color"], "#00ff00");
    let removed = office.send(Method::DELETE, "/styles/wells", &[("if-match", now.header("etag"))], &json!({})).await;
    assert_eq!(removed.status, 204);
    assert_eq!(office.server.get("/styles/wells").await.json(), automatic.json());
    for method in [Method::PUT, Method::DELETE] {
        office.send(method, "/styles/city", &[("if-match", "*")], &own).await.problem(405, "method-not-allowed");
    }
    let put = office.send(Method::PUT, "/styles/new_one", &[("if-none-match", "*")], &own).await;
    assert_eq!((put.status, put.header("location")), (201, &*office.server.url("/styles/new_one")));
    let wrong = office.send(Method::PUT, "/styles/New%2FOne", &[], &own).await.problem(400, "invalid-parameter");
    assert_eq!(wrong["parameter"], "styleId");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_told_and_a_dry_run_changes_nothing() {
    let office = office().await;
    let sound =
        office.send(Method::POST, "/styles?dry-run=true", &[("prefer", "handling=strict")], &wells("x", "red")).await;
    assert_eq!((sound.status, sound.header("bricola-dry-run"), sound.body.len()), (204, "true", 0), "{}", sound.text());
    assert_eq!(office.server.get("/styles").await.json()["styles"].as_array().expect("styles").len(), 2);
    let mut wrong = wells("x", "reddish");
    wrong["layers"][1]["filter"] = json!(["==", ["get", "owner_note"], "x"]);
    wrong["sources"]["green"]["tiles"] = json!(["https://tiles.example.com/tiles/wells/{z}/{x}/{y}"]);
    wrong["layers"][1]["layout"] = json!({"circle-shape": "square"});
    for path in ["/styles", "/styles?dry-run=true"] {
        let problem = office.send(Method::POST, path, &[], &wrong).await.problem(400, "invalid-style");
        let errors = problem["errors"].as_array().expect("errors");
        let told: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect();
        for pointer in
            ["/layers/1/paint/circle-color", "/layers/1/filter/1/1", "/sources/green", "/layers/1/layout/circle-shape"]
        {
            assert!(told.contains(&pointer), "{pointer}: {problem}");
        }
        assert!(errors.iter().all(|error| error["reason"]["it"].is_string() && error["reason"]["en"].is_string()));
    }
    let request = office.request(Method::POST, "/styles").header("content-type", "text/css").body("a {}");
    office.server.send(request).await.problem(415, "unsupported-media-type");
    let request = office.request(Method::POST, "/styles").header("content-type", STYLE).body("{");
    office.server.send(request).await.problem(400, "invalid-body");
    let mut long = wells("x", "red");
    long["metadata"] = json!("x".repeat(70_000));
    office.send(Method::POST, "/styles", &[], &long).await.problem(413, "body-too-large");
    let mut deep = json!(1);
    for _ in 0..80 {
        deep = json!([deep]);
    }
    long["metadata"] = deep;
    let problem = office.send(Method::POST, "/styles", &[], &long).await.problem(400, "invalid-style");
    assert!(problem["detail"].as_str().expect("text").contains("MAX_NESTING"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_edits_styles_but_who_knows_a_token_and_nobody_at_all_by_default() {
    let office = office().await;
    let body = wells("x", "red").to_string();
    let request =
        office.server.client.post(office.server.url("/styles")).header("content-type", STYLE).body(body.clone());
    let refused = office.server.send(request).await;
    refused.problem(401, "unauthorized");
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let options = office.server.client.request(Method::OPTIONS, office.server.url("/styles"));
    let options = office.server.send(options).await;
    assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, POST, OPTIONS"));
    assert!(office.server.get("/conformance").await.text().contains("styles-1/1.0/conf/manage-styles"));

    let closed = Server::start().await;
    let request = closed.client.post(closed.url("/styles")).bearer_auth(TOKEN).header("content-type", STYLE).body(body);
    let refused = closed.send(request).await;
    refused.problem(405, "method-not-allowed");
    assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
    let conformance = closed.get("/conformance").await.text();
    assert!(conformance.contains("styles-1/1.0/conf/core") && !conformance.contains("manage-styles"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_map_hears_that_styles_are_others() {
    let office = office().await;
    let mut events = office.server.client.get(office.server.url("/events")).send().await.expect("a stream");
    let put = office.send(Method::PUT, "/styles/one", &[], &wells("x", "red")).await;
    assert_eq!(put.status, 201, "{}", put.text());
    let seq = put.header("bricola-seq").to_owned();
    let mut heard = String::new();
    while !heard.contains(&format!("event: styles\nid: {seq}")) && !heard.contains(&format!("id: {seq}\nevent: styles"))
    {
        let part = tokio::time::timeout(Duration::from_secs(5), events.chunk()).await.expect("in time");
        heard.push_str(&String::from_utf8_lossy(&part.expect("bytes").expect("more")));
        assert!(heard.len() < 10_000, "{heard}");
    }
    assert!(!heard.contains(":styles"), "{heard}");
    // Other systems are told of layers.
    let changes = office.server.get("/changes").await.text();
    assert!(!changes.contains(":styles"), "{changes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_never_that_of_before() {
    let office = office().await;
    let [lon, lat] = crate::harness::CORNER_LONLAT;
    let well = |lon: f64| {
        let feature = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"code": "P1"}});
        office
            .request(Method::POST, "/collections/wells/items")
            .header("content-type", "application/geo+json")
            .body(feature.to_string())
    };
    let path = format!("/styles/wells/thumbnail?center={lon},{lat}&zoom=15&width=64&height=64");
    let picture = async || {
        let answer = office.server.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        (answer.header("etag").to_owned(), answer.body)
    };
    let empty = picture().await;
    assert_eq!(office.server.send(well(lon + 1.0)).await.status, 201);
    assert_eq!(picture().await, empty, "what lies elsewhere is not in it");
    assert_eq!(office.server.send(well(lon)).await.status, 201);
    let drawn = picture().await;
    assert_ne!(drawn, empty);
    assert_eq!(picture().await, drawn);
    let put = office.send(Method::PUT, "/styles/wells", &[("if-match", "*")], &wells("Vere", "#ff0000")).await;
    assert_eq!(put.status, 204, "{}", put.text());
    let red = picture().await;
    assert_ne!(red.0, drawn.0);
    let middle = tiny_skia::Pixmap::decode_png(&red.1).expect("a PNG").pixel(32, 32).expect("inside").demultiply();
    assert_eq!((middle.red(), middle.green(), middle.blue()), (255, 0, 0));
}
