//! What was: the versions of a feature, the differences between two moments, and taking changes back.

use bricola_layers::store::Store as _;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::super::harness::Answer;
use super::{City, city};

impl City {
    async fn undo(&self, query: &str, body: &Json) -> Answer {
        let url = self.server.url(&format!("/collections/wells/undo{query}"));
        self.server.send(self.server.client.post(url).bearer_auth(super::TOKEN).json(body)).await
    }

    async fn depths(&self) -> Vec<(String, Option<f64>)> {
        let seq = self.store.last_seq().await.expect("answers");
        let items = self.server.get(&format!("/collections/wells/items?limit=100&min-seq={seq}")).await.json();
        let features = items["features"].as_array().expect("features").iter();
        features.map(|of| (text(&of["properties"]["code"]), of["properties"]["depth"].as_f64())).collect()
    }
}

fn text(json: &Json) -> String {
    json.as_str().expect("a text").to_owned()
}

fn seq(answer: &Answer) -> i64 {
    answer.header("bricola-seq").parse().expect("a seq")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_tells_what_it_was_even_when_it_is_gone() {
    let city = city().await;
    let id = city.well("P1").await;
    let patched = city.edit(Method::PATCH, id, "\"v1\"", &json!({"properties": {"depth": 9}})).await;
    let path = format!("/collections/wells/items/{id}/versions");
    let told = city.server.get(&path).await.json();
    let versions = told["versions"].as_array().expect("versions");
    let shown: Vec<_> = versions.iter().map(|of| (&of["version"], &of["feature"]["properties"]["depth"])).collect();
    assert_eq!(shown, [(&json!(1), &json!(3.5)), (&json!(2), &json!(9.0))], "{told}");
    assert_eq!((&versions[0]["until"], &versions[1]["since"]), (&json!(seq(&patched)), &json!(seq(&patched))));
    assert_eq!(versions[1]["until"], Json::Null);
    assert!(!told.to_string().contains("owner_note"), "a field that the public may not read: {told}");
    // Each state is at its address, as the items give it.
    for version in versions {
        let href = text(&version["href"]);
        let there = city.server.send(city.server.client.get(&href)).await.json();
        assert_eq!(there["properties"], version["feature"]["properties"], "{href}");
        assert_eq!(there["version"], version["version"], "{href}");
    }
    let removed = city.edit(Method::DELETE, id, "\"v2\"", &json!({})).await;
    let told = city.server.get(&format!("{path}?min-seq={}", seq(&removed))).await.json();
    assert_eq!(told["versions"][1]["until"], json!(seq(&removed)));
    let metric = city.server.get(&format!("{path}?crs=http://www.opengis.net/def/crs/EPSG/0/7795")).await;
    assert_eq!(metric.header("content-crs"), "<http://www.opengis.net/def/crs/EPSG/0/7795>");
    assert!(metric.json()["versions"][0]["feature"]["geometry"]["coordinates"][0].as_f64().expect("metres") > 1e6);
    city.server.get("/collections/wells/items/77/versions").await.problem(404, "unknown-feature");
    city.server.get("/collections/wells/items/x/versions").await.problem(404, "unknown-feature");
    city.server.get(&format!("{path}?f=html")).await.problem(400, "invalid-parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_between_two_moments_is_told_once_with_what_was() {
    let city = city().await;
    let mut ids = Vec::new();
    for code in ["P1", "P2", "P3", "P4"] {
        ids.push(city.well(code).await);
    }
    let from = city.store.last_seq().await.expect("answers");
    city.edit(Method::PATCH, ids[0], "*", &json!({"properties": {"depth": 1}})).await;
    city.edit(Method::PATCH, ids[0], "*", &json!({"properties": {"depth": 2}})).await;
    city.edit(Method::DELETE, ids[1], "*", &json!({})).await;
    let fifth = city.well("P5").await;
    // It came and went.
    let sixth = city.well("P6").await;
    city.edit(Method::DELETE, sixth, "*", &json!({})).await;
    let to = city.store.last_seq().await.expect("answers");
    city.edit(Method::DELETE, ids[3], "*", &json!({})).await;

    let told = city.server.get(&format!("/collections/wells/differences?from={from}&to={to}")).await.json();
    let shown: Vec<_> = told["features"]
        .as_array()
        .expect("features")
        .iter()
        .map(|of| {
            let before = of["before"]["properties"]["depth"].as_f64();
            (of["id"].as_i64().expect("an id"), text(&of["change"]), before, of["properties"]["depth"].as_f64())
        })
        .collect();
    let expected = [
        (ids[0], "update".to_owned(), Some(3.5), Some(2.0)),
        (ids[1], "delete".to_owned(), None, Some(3.5)),
        (fifth, "insert".to_owned(), None, Some(3.5)),
    ];
    assert_eq!(shown, expected, "{told}");
    let mut next = Some(format!("/collections/wells/differences?from={from}&to={to}&limit=2"));
    let mut pages = Vec::new();
    while let Some(path) = next {
        let page = city.server.get(&path).await.json();
        pages.extend(page["features"].as_array().expect("features").iter().map(|of| of["id"].as_i64().expect("an id")));
        let link = page["links"].as_array().expect("links").iter().find(|link| link["rel"] == "next");
        next = link.map(|link| text(&link["href"]).split_once("/collections").expect("ours").1.to_owned());
        next = next.map(|rest| format!("/collections{rest}"));
    }
    assert_eq!(pages, [ids[0], ids[1], fifth]);
    let now = city.server.get(&format!("/collections/wells/differences?from={from}&min-seq={}", to + 1)).await.json();
    assert_eq!(now["features"].as_array().map(Vec::len), Some(4), "{now}");
    for (query, status, code) in [
        ("", 400, "missing-parameter"),
        ("?from=x", 400, "invalid-parameter"),
        ("?from=3&to=1", 400, "invalid-parameter"),
        ("?from=999999", 400, "invalid-parameter"),
        ("?from=1&limit=0", 400, "invalid-parameter"),
        ("?from=1&cursor=-4", 400, "invalid-parameter"),
        ("?from=1&crs=EPSG:1", 400, "invalid-parameter"),
        ("?from=2999-01-01T00:00:00Z", 400, "invalid-parameter"),
    ] {
        city.server.get(&format!("/collections/wells/differences{query}")).await.problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_taken_back_whole_and_the_taking_back_too() {
    let city = city().await;
    let (first, second) = (city.well("P1").await, city.well("P2").await);
    let before = city.depths().await;
    let from = city.store.last_seq().await.expect("answers") + 1;
    city.edit(Method::PATCH, first, "*", &json!({"properties": {"depth": 1}})).await;
    city.edit(Method::PATCH, first, "*", &json!({"properties": {"depth": 2, "built": "1700-01-01"}})).await;
    city.edit(Method::DELETE, second, "*", &json!({})).await;
    // The key of what is gone is taken by what is new.
    let third = city.well("P2").await;
    let to = city.store.last_seq().await.expect("answers");
    let body = json!({"from": from, "to": to});

    let would = city.undo("?dry-run=true", &body).await;
    assert_eq!((would.header("bricola-dry-run"), would.json()["count"].as_i64()), ("true", Some(3)));
    assert_eq!(city.store.last_seq().await.expect("answers"), to);

    let undone = city.undo("", &body).await;
    let told = undone.json();
    assert_eq!((undone.status, &told["seq"]), (200, &json!(seq(&undone))), "{told}");
    let steps: Vec<_> = told["undone"].as_array().expect("steps").iter().map(|of| text(&of["done"])).collect();
    assert_eq!(steps, ["reverted", "restored", "removed"], "{told}");
    let restored = told["undone"][1]["new_id"].as_i64().expect("a new id");
    assert!(restored > third, "ids are never used again");
    assert_eq!(city.depths().await, before);
    assert_eq!(city.get(first).await["version"], 4);
    assert_eq!(city.get(first).await["properties"]["built"], Json::Null);

    // Taken back once more, it is as it was done.
    let again = city.undo("", &json!({"from": to + 1, "to": seq(&undone)})).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let mut depths = city.depths().await;
    depths.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(depths, [("P1".to_owned(), Some(2.0)), ("P2".to_owned(), Some(3.5))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_changed_since_is_not_taken_back() {
    let city = city().await;
    let (first, second) = (city.well("P1").await, city.well("P2").await);
    let from = city.store.last_seq().await.expect("answers") + 1;
    for id in [first, second] {
        city.edit(Method::PATCH, id, "*", &json!({"properties": {"depth": 1}})).await;
    }
    let to = from + 1;
    city.edit(Method::PATCH, second, "*", &json!({"properties": {"depth": 7}})).await;
    let end = city.store.last_seq().await.expect("answers");
    let problem = city.undo("", &json!({"from": from, "to": to})).await.problem(409, "changed-since");
    assert_eq!(problem["features"], json!([second]));
    assert_eq!(city.store.last_seq().await.expect("answers"), end, "nothing was done");
    let part = city.undo("", &json!({"from": from, "to": to, "features": [first]})).await;
    assert_eq!(part.json()["count"], 1, "{}", part.text());
    assert_eq!(city.depths().await, [("P1".to_owned(), Some(3.5)), ("P2".to_owned(), Some(7.0))]);
    // There is nothing left to take back of it.
    let problem = city.undo("", &json!({"from": from, "to": to, "features": [first]})).await;
    problem.problem(409, "changed-since");
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_is_refused_with_the_reason() {
    let city = city().await;
    let id = city.well("P1").await;
    let end = city.store.last_seq().await.expect("answers");
    for (body, code) in [
        (json!({"from": 0, "to": 1}), "invalid-body"),
        (json!({"from": 2, "to": 1}), "invalid-body"),
        (json!({"from": 1, "to": end + 1}), "invalid-body"),
        (json!({"from": 1}), "invalid-body"),
        (json!({"from": "a", "to": 1}), "invalid-body"),
        (json!({"from": 1, "to": 2, "layer": "wells"}), "invalid-body"),
    ] {
        city.undo("", &body).await.problem(400, code);
    }
    let body = json!({"from": end, "to": end});
    let anonymous = city.server.client.post(city.server.url("/collections/wells/undo"));
    city.server.send(anonymous.body(body.to_string())).await.problem(401, "unauthorized");
    let url = city.server.url("/collections/nowhere/undo");
    let request = city.server.client.post(url).bearer_auth(super::TOKEN).json(&body);
    city.server.send(request).await.problem(404, "unknown-layer");

    // The same key takes back once.
    let with_key = || {
        let request = city.server.client.post(city.server.url("/collections/wells/undo")).bearer_auth(super::TOKEN);
        request.header("content-type", "application/json").header("idempotency-key", "u-1")
    };
    let once = city.server.send(with_key().body(body.to_string())).await;
    assert_eq!((once.status, &once.json()["undone"][0]["done"]), (200, &json!("removed")), "{}", once.text());
    assert_eq!(city.get(id).await["code"], "unknown-feature");
    let other = city.well("P3").await;
    let now = city.store.last_seq().await.expect("answers");
    let reused = city.server.send(with_key().body(json!({"from": now, "to": now}).to_string())).await;
    reused.problem(422, "idempotency-key-reused");
    assert_eq!(city.get(other).await["properties"]["code"], "P3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_edits_takes_nothing_back() {
    let server = super::super::harness::Server::start().await;
    let request = server.client.post(server.url("/collections/parcels/undo")).body("{}");
    let answer = server.send(request).await;
    answer.problem(405, "method-not-allowed");
}
