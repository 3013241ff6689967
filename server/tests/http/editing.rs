//! Create, replace, update and delete over HTTP (OGC API Features 4), on a store that the server follows.

mod bodies;
mod extremes;
mod transactions;
mod undo;

use std::sync::Arc;

use bricola::config::Config;
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::Value;
use bricola_layers::store::{GeoPackageStore, OpenMode, Store as _};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use super::harness::{Answer, CORNER_LONLAT, Server};

const TOKEN: &str = "a-token-of-the-gis-office";
const ITEMS: &str = "/collections/wells/items";

const WELLS: &str = r#"
    id = "wells"
    title = { it = "Vere da pozzo", en = "Wells" }
    description = { it = "d", en = "d" }
    theme = "green"
    geometry = "point"
    crs = "EPSG:7795"
    resolution = 0.001
    zoom = { min = 10, max = 16 }
    key = ["code"]
    [[field]]
    name = "code"
    type = "text"
    required = true
    title = { it = "Codice", en = "Code" }
    [[field]]
    name = "depth"
    type = "real"
    title = { it = "Profondità", en = "Depth" }
    [[field]]
    name = "built"
    type = "date"
    title = { it = "Anno", en = "Built" }
    [[field]]
    name = "owner_note"
    type = "text"
    visibility = "tax"
    title = { it = "Nota", en = "Note" }
"#;

fn definition(text: &str) -> LayerDefinition {
    toml::from_str(text).expect("a definition")
}

struct City {
    store: Arc<GeoPackageStore>,
    server: Server,
    _folder: tempfile::TempDir,
}

async fn city() -> City {
    city_with(|config| config.limits.body_bytes = 64 * 1024).await
}

async fn city_with(configure: impl FnOnce(&mut Config)) -> City {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition(WELLS)).await.expect("defined");
    let surfaces = WELLS.replace("\"wells\"", "\"plots\"").replace("\"point\"", "\"polygon\"");
    store.define(&definition(&surfaces)).await.expect("defined");
    let server = Server::over_with(Arc::clone(&store), |config| {
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
        configure(config);
    })
    .await;
    City { store, server, _folder: folder }
}

impl City {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let media_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/geo+json" };
        let request = self.server.client.request(method, self.server.url(path)).bearer_auth(TOKEN);
        request.header("content-type", media_type)
    }

    async fn post(&self, body: &Json) -> Answer {
        self.server.send(self.request(Method::POST, ITEMS).body(body.to_string())).await
    }

    /// An edit of a feature from a version.
    async fn edit(&self, method: Method, id: i64, tag: &str, body: &Json) -> Answer {
        let request = self.request(method, &format!("{ITEMS}/{id}")).header("if-match", tag);
        self.server.send(request.body(body.to_string())).await
    }

    /// A new well; its id.
    async fn well(&self, code: &str) -> i64 {
        let answer = self.post(&well(code, 3.5)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.header("location").rsplit('/').next().expect("an id").parse().expect("a number")
    }

    async fn get(&self, id: i64) -> Json {
        self.server.get(&format!("{ITEMS}/{id}")).await.json()
    }
}

fn well(code: &str, depth: f64) -> Json {
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": CORNER_LONLAT},
        "properties": {"code": code, "depth": depth}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_is_created_changed_and_removed_and_every_answer_says_so() {
    let city = city().await;
    let created = city.post(&well("P1", 3.5)).await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!((created.header("etag"), created.body.len()), ("\"v1\"", 0));
    let location = created.header("location").to_owned();
    assert!(location.ends_with(&format!("{ITEMS}/1")), "{location}");
    let seq: i64 = created.header("bricola-seq").parse().expect("a seq");
    let found = city.server.send(city.server.client.get(format!("{location}?min-seq={seq}"))).await;
    assert_eq!((found.header("etag"), found.json()["properties"]["depth"].as_f64()), ("\"v1\"", Some(3.5)));

    let replaced = city.edit(Method::PUT, 1, "\"v1\"", &well("P1", 4.0)).await;
    assert_eq!((replaced.status, replaced.header("etag")), (204, "\"v2\""), "{}", replaced.text());
    let patch = json!({"properties": {"built": "1750-05-01", "depth": null}});
    let request = city.request(Method::PATCH, &format!("{ITEMS}/1")).header("if-match", "\"v2\"");
    let patched = city.server.send(request.header("prefer", "return=representation").body(patch.to_string())).await;
    assert_eq!((patched.status, patched.header("etag")), (200, "\"v3\""), "{}", patched.text());
    assert_eq!(patched.header("preference-applied"), "return=representation");
    let feature = patched.json();
    assert_eq!(feature["properties"], json!({"code": "P1", "depth": null, "built": "1750-05-01"}));
    assert_eq!((&feature["version"], &feature["id"]), (&json!(3), &json!(1)));
    let seq = patched.header("bricola-seq").to_owned();
    assert_eq!(city.server.get(&format!("{ITEMS}/1?min-seq={seq}")).await.json()["properties"], feature["properties"]);

    let removed = city.edit(Method::DELETE, 1, "\"v3\"", &json!({})).await;
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    let seq = removed.header("bricola-seq").to_owned();
    city.server.get(&format!("{ITEMS}/1?min-seq={seq}")).await.problem(404, "unknown-feature");
    let gone = city.edit(Method::DELETE, 1, "\"v3\"", &json!({})).await.problem(404, "unknown-feature");
    assert!(gone["detail"].as_str().expect("text").contains("POST"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_second_is_told_what_is_there_and_where_it_differs() {
    let city = city().await;
    let id = city.well("P1").await;
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let request = city.request(method, &format!("{ITEMS}/{id}")).body(well("P1", 1.0).to_string());
        let problem = city.server.send(request).await.problem(428, "precondition-required");
        assert_eq!(problem["header"], "If-Match");
    }
    assert_eq!(city.edit(Method::PATCH, id, "\"v1\"", &json!({"properties": {"depth": 9}})).await.status, 204);
    let late = city.edit(Method::PUT, id, "\"v1\"", &well("P2", 5.0)).await;
    assert_eq!(late.header("etag"), "\"v2\"");
    let problem = late.problem(412, "precondition-failed");
    assert_eq!(
        (&problem["version"], &problem["current"]["properties"]["depth"]),
        (&json!(2), &json!(9.0)),
        "{problem}"
    );
    let fields: Vec<&str> =
        problem["differences"].as_array().expect("a list").iter().filter_map(|of| of["field"].as_str()).collect();
    assert_eq!(fields, ["code", "depth"]);
    assert_eq!(
        problem["differences"][1],
        json!({"pointer": "/properties/depth", "field": "depth", "yours": 5.0, "current": 9.0})
    );
    let late = city.edit(Method::PATCH, id, "\"v1\"", &json!({"properties": {"depth": 8}})).await;
    let problem = late.problem(412, "precondition-failed");
    assert_eq!(problem["differences"].as_array().map(Vec::len), Some(1), "only what was sent: {problem}");
    for tag in ["\"v1\", \"v7\"", "W/\"v2\"", "v2", ""] {
        city.edit(Method::DELETE, id, tag, &json!({})).await.problem(412, "precondition-failed");
    }
    let request = city.request(Method::PUT, &format!("{ITEMS}/{id}")).header("if-none-match", "*");
    city.server.send(request.body(well("P1", 1.0).to_string())).await.problem(412, "precondition-failed");
    let request = city.request(Method::PUT, &format!("{ITEMS}/77")).header("if-none-match", "*");
    city.server.send(request.body(well("P9", 1.0).to_string())).await.problem(404, "unknown-feature");
    assert_eq!(city.edit(Method::DELETE, id, "\"v1\", \"v2\"", &json!({})).await.status, 204);
    let id = city.well("P3").await;
    assert_eq!(city.edit(Method::DELETE, id, "*", &json!({})).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_race_exactly_one_wins() {
    let city = city().await;
    let id = city.well("P1").await;
    for round in 1..=100 {
        let tag = format!("\"v{round}\"");
        let bodies = [1, 2].map(|who| json!({"properties": {"depth": f64::from(round) + f64::from(who) / 10.0}}));
        let (first, second) = tokio::join!(
            city.edit(Method::PATCH, id, &tag, &bodies[0]),
            city.edit(Method::PATCH, id, &tag, &bodies[1])
        );
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 412], "round {round}: {} {}", first.text(), second.text());
        let (winner, loser) = if first.status == 204 { (&bodies[0], &second) } else { (&bodies[1], &first) };
        let stored = city.store.features("wells", &[id]).await.expect("read");
        assert_eq!(stored[0].version, i64::from(round) + 1);
        assert_eq!(
            stored[0].feature.properties[1],
            Value::Real(winner["properties"]["depth"].as_f64().expect("a number"))
        );
        assert_eq!(loser.problem(412, "precondition-failed")["version"], json!(round + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_edits_without_a_token_and_nothing_is_edited_unless_it_is_enabled() {
    let city = city().await;
    let id = city.well("P1").await;
    for token in [None, Some("Bearer another-token-altogether"), Some("Basic YTpi"), Some(TOKEN)] {
        let request = city.server.client.post(city.server.url(ITEMS)).header("content-type", "application/geo+json");
        let request = token.into_iter().fold(request, |request, token| request.header("authorization", token));
        let answer = city.server.send(request.body(well("P2", 1.0).to_string())).await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{:?}", answer.headers);
        let problem = answer.problem(401, "unauthorized");
        assert!(!problem.to_string().contains("another"), "{problem}");
    }
    let options = |path: String| city.server.send(city.server.client.request(Method::OPTIONS, city.server.url(&path)));
    assert!(options(ITEMS.to_owned()).await.header("allow").contains("POST"));
    let one = options(format!("{ITEMS}/{id}")).await;
    assert!(["PUT", "PATCH", "DELETE"].iter().all(|method| one.header("allow").contains(method)), "{:?}", one.headers);
    assert_eq!(one.header("accept-patch"), "application/merge-patch+json");

    let closed = Server::over(Arc::clone(&city.store)).await;
    let request = closed.client.post(closed.url(ITEMS)).bearer_auth(TOKEN).body(well("P2", 1.0).to_string());
    let answer = closed.send(request).await;
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    let problem = answer.problem(405, "method-not-allowed");
    assert!(problem["detail"].as_str().expect("text").contains("editing.enabled"), "{problem}");
    let allow = closed.send(closed.client.request(Method::OPTIONS, closed.url(ITEMS))).await;
    assert_eq!((allow.status, allow.header("allow")), (200, "GET, HEAD, OPTIONS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let city = city().await;
    let id = city.well("P1").await;
    let before = city.store.last_seq().await.expect("the end");
    let dry = |method: Method, path: String, body: Json| {
        city.server
            .send(city.request(method, &format!("{path}?dry-run=true")).header("if-match", "*").body(body.to_string()))
    };
    let one = || format!("{ITEMS}/{id}");
    let would = dry(Method::POST, ITEMS.to_owned(), well("P2", 2.0)).await;
    assert_eq!((would.status, would.header("bricola-dry-run"), would.header("location")), (200, "true", ""));
    assert_eq!((&would.json()["id"], &would.json()["properties"]["code"]), (&json!(null), &json!("P2")));
    dry(Method::POST, ITEMS.to_owned(), well("P1", 2.0)).await.problem(409, "duplicate-key");
    dry(Method::POST, ITEMS.to_owned(), json!({"type": "Feature"})).await.problem(422, "invalid-feature");
    let would = dry(Method::PATCH, one(), json!({"properties": {"depth": 7}})).await;
    assert_eq!((would.status, would.json()["properties"]["depth"].as_f64()), (200, Some(7.0)));
    assert_eq!(dry(Method::DELETE, one(), json!({})).await.status, 204);
    assert_eq!(city.store.last_seq().await.expect("the end"), before);
    assert_eq!(city.get(id).await["properties"]["depth"].as_f64(), Some(3.5));
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_ask_before_they_edit() {
    let city = city().await;
    let preflight = city
        .server
        .client
        .request(Method::OPTIONS, city.server.url(ITEMS))
        .header("origin", "https://sit.example")
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization, if-match");
    let answer = city.server.send(preflight).await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert!(answer.header("access-control-allow-methods").contains(method), "{method}");
    }
    for header in ["Authorization", "If-Match", "Content-Crs", "Idempotency-Key", "Prefer"] {
        assert!(answer.header("access-control-allow-headers").contains(header), "{header}");
    }
    let exposed = city.server.get_with("/collections", &[("origin", "https://sit.example")]).await;
    assert!(exposed.header("access-control-expose-headers").contains("Location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_told_with_the_time_to_come_again() {
    let server = Server::with(|_| ()).await;
    // Without tokens the server is closed, whatever its store does.
    let request = server.client.delete(server.url("/collections/parcels/items/1")).header("if-match", "*");
    server.send(request).await.problem(405, "method-not-allowed");
    let server = Server::open(TOKEN).await;
    let request = server.client.delete(server.url("/collections/parcels/items/1")).bearer_auth(TOKEN);
    let answer = server.send(request.header("if-match", "*")).await;
    assert_eq!(answer.header("retry-after"), "5");
    answer.problem(503, "store-unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_sent_again_under_its_key_is_made_once() {
    let city = city().await;
    let send = |key: &'static str, body: Json| {
        city.server.send(city.request(Method::POST, ITEMS).header("idempotency-key", key).body(body.to_string()))
    };
    let first = send("key-1", well("P1", 1.0)).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = send("key-1", well("P1", 1.0)).await;
    for header in ["location", "bricola-seq", "etag"] {
        assert_eq!((again.status, again.header(header)), (201, first.header(header)), "{}", again.text());
    }
    send("key-1", well("P1", 2.0)).await.problem(422, "idempotency-key-reused");
    send("", well("P2", 2.0)).await.problem(400, "invalid-parameter");
    // Another server over the same store knows it too, as does this one when it is started again.
    let other = Server::over_with(Arc::clone(&city.store), |config| {
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
    })
    .await;
    let request = other.client.post(other.url(ITEMS)).bearer_auth(TOKEN).header("content-type", "application/geo+json");
    let elsewhere = other.send(request.header("idempotency-key", "key-1").body(well("P1", 1.0).to_string())).await;
    assert_eq!((elsewhere.status, elsewhere.header("bricola-seq")), (201, first.header("bricola-seq")));
    // Of many at once one is made.
    let many = futures::future::join_all((0..16).map(|_| send("key-2", well("P2", 1.0)))).await;
    let places: std::collections::BTreeSet<&str> = many.iter().map(|answer| answer.header("location")).collect();
    assert!(many.iter().all(|answer| answer.status == 201) && places.len() == 1, "{places:?}");
    let counted = city.server.get(&format!("{ITEMS}?limit=100&min-seq={}", many[0].header("bricola-seq"))).await.json();
    assert_eq!(counted["numberMatched"], json!(2), "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_leave_out_the_version_overwrites_what_is_there() {
    let city = city().await;
    let id = city.well("P1").await;
    let lenient = Server::over_with(Arc::clone(&city.store), |config| {
        config.editing.enabled = true;
        config.editing.unconditional = true;
        config.editing.token = Some(TOKEN.to_owned().into());
    })
    .await;
    let patch = |tag: Option<&'static str>| {
        let request = lenient.client.patch(lenient.url(&format!("{ITEMS}/{id}"))).bearer_auth(TOKEN);
        let request =
            request.header("content-type", "application/merge-patch+json").body("{\"properties\":{\"depth\":8}}");
        lenient.send(tag.into_iter().fold(request, |request, tag| request.header("if-match", tag)))
    };
    assert_eq!(patch(None).await.status, 204);
    patch(Some("\"v1\"")).await.problem(412, "precondition-failed");
}
