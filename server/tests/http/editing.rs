//! Create, replace, update and delete over HTTP (OGC API Features 4), on a store that the server follows.

use std::sync::Arc;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use geo_types::Point;
use proptest::prelude::*;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use super::harness::{Answer, CORNER, CORNER_LONLAT, Server};

const TOKEN: &str = "a-token-of-the-gis-office";
const ITEMS: &str = "/collections/wells/items";
const OWN_CRS: &str = "<http://www.opengis.net/def/crs/EPSG/0/7795>";

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
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition(WELLS)).await.expect("defined");
    let surfaces = WELLS.replace("\"wells\"", "\"plots\"").replace("\"point\"", "\"polygon\"");
    store.define(&definition(&surfaces)).await.expect("defined");
    let server = Server::over_with(Arc::clone(&store), |config| {
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
        config.limits.body_bytes = 64 * 1024;
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
async fn a_feature_that_does_not_fit_is_refused_with_all_that_is_wrong() {
    let city = city().await;
    city.well("P1").await;
    let body = json!({"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[12.3, 45.4], [12.4, 45.4]]},
        "properties": {"depth": "deep", "colour": "red", "owner_note": "x", "built": "1/5/1750"}});
    let problem = city.post(&body).await.problem(422, "invalid-feature");
    let mut told: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| (error["pointer"].as_str().expect("a pointer"), error["code"].as_str().expect("a code")))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("/geometry", "wrong_geometry"),
            ("/properties/built", "wrong_type"),
            ("/properties/code", "missing_value"),
            ("/properties/colour", "unknown_property"),
            ("/properties/depth", "wrong_type"),
            ("/properties/owner_note", "unknown_property"),
        ]
    );
    let problem = city.post(&well("P1", 1.0)).await.problem(409, "duplicate-key");
    assert_eq!(problem["value"], "P1");
    let second = city.well("P2").await;
    city.edit(Method::PATCH, second, "*", &json!({"properties": {"code": "P1"}})).await.problem(409, "duplicate-key");
    let other = city.edit(Method::PUT, second, "*", &json!({"type": "Feature", "id": 99, "geometry": null})).await;
    assert_eq!(other.problem(422, "invalid-feature")["errors"][0]["pointer"], "/id");
    let bow = json!({"type": "Feature", "properties": {"code": "Q1"}, "geometry": {"type": "Polygon", "coordinates":
        [[[12.33, 45.43], [12.34, 45.44], [12.34, 45.43], [12.33, 45.44], [12.33, 45.43]]]}});
    let request = city.request(Method::POST, "/collections/plots/items").body(bow.to_string());
    let problem = city.server.send(request).await.problem(422, "invalid-feature");
    let error = &problem["errors"][0];
    assert_eq!(error["code"], "self_intersection");
    assert!(error["message"].as_str().expect("text").contains("outer ring crosses itself"), "{error}");
    assert!((error["place"][0].as_f64().expect("a place") - 12.335).abs() < 0.001, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_none_are_refused() {
    let city = city().await;
    let id = city.well("P1").await;
    let send = |method: Method, path: String, media_type: &'static str, body: String| {
        let request = city.server.client.request(method, city.server.url(&path)).bearer_auth(TOKEN);
        city.server.send(request.header("content-type", media_type).header("if-match", "*").body(body))
    };
    let one = || format!("{ITEMS}/{id}");
    for wrong in ["text/plain", "application/json-patch+json", "application/geo+json"] {
        let answer = send(Method::PATCH, one(), wrong, "{}".to_owned()).await;
        assert_eq!(answer.header("accept-patch"), "application/merge-patch+json");
        answer.problem(415, "unsupported-media-type");
    }
    send(Method::POST, ITEMS.to_owned(), "text/csv", "a,b".to_owned()).await.problem(415, "unsupported-media-type");
    for wrong in [
        "",
        "{",
        "NaN",
        "{\"type\": \"Feature\", \"geometry\": {\"type\": \"Point\", \"coordinates\": [NaN, 1]}}",
        "[1e999]",
    ] {
        let answer = send(Method::POST, ITEMS.to_owned(), "application/geo+json", wrong.to_owned()).await;
        answer.problem(400, "invalid-body");
    }
    let deep = "[".repeat(10_000);
    send(Method::POST, ITEMS.to_owned(), "application/geo+json", deep).await.problem(400, "invalid-body");
    let large = format!("{{\"type\": \"{}\"}}", "x".repeat(70_000));
    send(Method::POST, ITEMS.to_owned(), "application/geo+json", large).await.problem(413, "body-too-large");
    for wrong in ["7", "[]", "null", "{\"type\": \"Features\"}"] {
        let answer = send(Method::PUT, one(), "application/geo+json", wrong.to_owned()).await;
        answer.problem(422, "invalid-feature");
    }
    let answer = city.server.send(city.request(Method::POST, &format!("{ITEMS}?dry=yes")).body("{}")).await;
    answer.problem(400, "unknown-parameter");
    let request = city.request(Method::POST, ITEMS).header("content-crs", "<EPSG:32633>");
    city.server.send(request.body("{}")).await.problem(400, "invalid-parameter");
    let request = city.request(Method::POST, "/collections/nothing/items").body("{}");
    city.server.send(request).await.problem(404, "unknown-layer");
    city.edit(Method::DELETE, 4_711, "*", &json!({})).await.problem(404, "unknown-feature");
    let request = city.request(Method::DELETE, &format!("{ITEMS}/x")).header("if-match", "*");
    city.server.send(request).await.problem(404, "unknown-feature");
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
    assert_eq!((allow.status, allow.header("allow")), (204, "GET, HEAD, OPTIONS"));
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
async fn coordinates_come_in_the_crs_that_they_say_and_stay_where_they_are() {
    let city = city().await;
    let body =
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": CORNER}, "properties": {"code": "P1"}});
    let request =
        city.request(Method::POST, ITEMS).header("content-crs", OWN_CRS).header("prefer", "return=representation");
    let answer = city.server.send(request.body(body.to_string())).await;
    assert_eq!((answer.status, answer.header("content-crs")), (201, OWN_CRS), "{}", answer.text());
    let snapped: [f64; 2] = CORNER.map(|value| (value * 1000.0).round() / 1000.0);
    assert_eq!(answer.json()["geometry"]["coordinates"], json!(snapped));
    let swapped = json!({"geometry": {"type": "Point", "coordinates": [CORNER_LONLAT[1], CORNER_LONLAT[0]]}});
    let request = city.request(Method::PATCH, &format!("{ITEMS}/1")).header("if-match", "*");
    let request = request.header("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/4326>");
    assert_eq!(city.server.send(request.body(swapped.to_string())).await.status, 204);
    let stored = city.store.features("wells", &[1]).await.expect("read");
    // What is read in degrees and sent back unchanged changes nothing, not even the version.
    let mut feature = city.get(1).await;
    let version = feature["version"].clone();
    feature.as_object_mut().expect("an object").remove("links");
    let answer = city.edit(Method::PUT, 1, "*", &feature).await;
    assert_eq!(
        (answer.status, answer.header("etag").to_owned()),
        (204, format!("\"v{version}\"")),
        "{}",
        answer.text()
    );
    assert_eq!(city.store.features("wells", &[1]).await.expect("read"), stored);
    let abroad = json!({"geometry": {"type": "Point", "coordinates": [2.35, 48.85]}});
    let problem = city.edit(Method::PATCH, 1, "*", &abroad).await.problem(422, "invalid-feature");
    assert_eq!(problem["errors"][0]["code"], "outside");
    let nowhere = json!({"geometry": {"type": "Point", "coordinates": [12.3, 95.0]}});
    city.edit(Method::PATCH, 1, "*", &nowhere).await.problem(422, "invalid-feature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_editor_does_not_see_survives_the_edit() {
    let city = city().await;
    let secret = Value::Text("not for all".to_owned());
    let feature = Feature {
        geometry: Some(Point::new(3_026_510.776, 5_033_255.481).into()),
        properties: vec![Value::Text("P1".to_owned()), Value::Null, Value::Null, secret.clone()],
    };
    let (ids, _) = city.store.write("wells", vec![Edit::Insert(feature)]).await.expect("written");
    let answer = city.edit(Method::PUT, ids[0], "*", &well("P1", 4.0)).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let stored = city.store.features("wells", &ids).await.expect("read");
    assert_eq!((&stored[0].feature.properties[3], &stored[0].feature.properties[1]), (&secret, &Value::Real(4.0)));
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

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        prop::sample::select(vec!["Feature", "Point", "Polygon", "1750-01-01", "P1", "", "\0", "RSSMRA80A01H501U"])
            .prop_map(Json::from),
        "\\PC{0,8}".prop_map(Json::from),
    ];
    let names = prop::sample::select(vec![
        "type",
        "geometry",
        "coordinates",
        "properties",
        "code",
        "depth",
        "built",
        "id",
        "x/~",
    ]);
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|members| Json::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Bodies that come nearer to a feature than chance does.
fn any_body() -> impl Strategy<Value = Json> {
    let kinds = prop::sample::select(vec!["Point", "LineString", "Polygon", "MultiPolygon", "GeometryCollection"]);
    let near = (kinds, any_json(), any_json()).prop_map(|(kind, coordinates, depth)| {
        json!({"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates},
            "properties": {"code": "Z", "depth": depth}})
    });
    let numbers = prop::collection::vec(prop::collection::vec(-400.0..400.0_f64, 0..4), 0..7);
    let rings = numbers.prop_map(|ring| {
        json!({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"code": "Z"}})
    });
    prop_oneof![any_json(), near, rings]
}

#[test]
fn no_body_whatever_makes_the_server_fail() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let city = runtime.block_on(city());
    let id = runtime.block_on(city.well("P1"));
    proptest!(ProptestConfig::with_cases(400), |(body in any_body(), layer in prop::sample::select(vec!["wells", "plots"]))| {
        let path = format!("/collections/{layer}/items");
        let posted = runtime.block_on(city.server.send(city.request(Method::POST, &path).body(body.to_string())));
        prop_assert!(posted.status < 500, "{body}: {}", posted.text());
        for method in [Method::PUT, Method::PATCH] {
            let edited = runtime.block_on(city.edit(method, id, "*", &body));
            prop_assert!(edited.status < 500, "{body}: {}", edited.text());
        }
    });
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

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_made_whole_or_not_at_all() {
    let city = city().await;
    let collection = |codes: &[&str]| {
        let features: Vec<Json> = codes.iter().map(|code| well(code, 1.0)).collect();
        json!({"type": "FeatureCollection", "features": features})
    };
    let made = city.post(&collection(&["P1", "P2", "P3"])).await;
    assert_eq!((made.status, &made.json()["ids"]), (201, &json!([1, 2, 3])), "{}", made.text());
    assert_eq!(made.json()["seq"].to_string(), made.header("bricola-seq"));
    city.post(&collection(&["P4", "P1"])).await.problem(409, "duplicate-key");
    let mut wrong = collection(&["P5", "P6"]);
    wrong["features"][1]["properties"]["depth"] = json!("deep");
    let problem = city.post(&wrong).await.problem(422, "invalid-feature");
    assert_eq!(problem["errors"][0]["pointer"], "/features/1/properties/depth");
    for none in [json!([]), json!({}), json!(null)] {
        city.post(&json!({"type": "FeatureCollection", "features": none})).await.problem(422, "invalid-feature");
    }
    let request =
        city.request(Method::POST, &format!("{ITEMS}?dry-run=true")).body(collection(&["P7", "P7"]).to_string());
    city.server.send(request).await.problem(409, "duplicate-key");
    let counted = city.server.get(&format!("{ITEMS}?limit=100&min-seq={}", made.header("bricola-seq"))).await.json();
    assert_eq!(counted["numberMatched"], json!(3), "{counted}");
}
