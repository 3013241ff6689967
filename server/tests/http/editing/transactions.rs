//! Edits of several layers as one: `POST /transactions`, and `POST /undo`.

use bricola_layers::feature::Value;
use bricola_layers::store::{Replacement as _, Store as _};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::super::harness::{Answer, CORNER_LONLAT, Server};
use super::{City, TOKEN, city, well};

impl City {
    async fn transact(&self, query: &str, edits: Json) -> Answer {
        let url = self.server.url(&format!("/transactions{query}"));
        self.server.send(self.server.client.post(url).bearer_auth(TOKEN).json(&json!({"edits": edits}))).await
    }

    async fn undo_all(&self, query: &str, body: Json) -> Answer {
        let url = self.server.url(&format!("/undo{query}"));
        self.server.send(self.server.client.post(url).bearer_auth(TOKEN).json(&body)).await
    }

    async fn end(&self) -> i64 {
        self.store.last_seq().await.expect("answers")
    }

    async fn codes(&self, layer: &str) -> Vec<Json> {
        let end = self.end().await;
        let items = self.server.get(&format!("/collections/{layer}/items?min-seq={end}&sortby=code")).await.json();
        let features = items["features"].as_array().expect("features").iter();
        features.map(|of| json!([of["properties"]["code"], of["properties"]["depth"]])).collect()
    }
}

fn plot(code: &str) -> Json {
    let [lon, lat] = CORNER_LONLAT;
    let ring = [[0., 0.], [0.0002, 0.], [0.0002, 0.0002], [0., 0.0002], [0., 0.]].map(|[x, y]| [lon + x, lat + y]);
    json!({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"code": code, "depth": 1}})
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_two_layers_are_made_together_and_taken_back_together() {
    let city = city().await;
    let (first, second) = (city.well("P1").await, city.well("P2").await);
    let start = city.end().await;
    let edits = json!([
        {"op": "insert", "collection": "plots", "feature": plot("A")},
        {"op": "update", "collection": "wells", "id": first, "version": 1, "patch": {"properties": {"depth": 9}}},
        {"op": "delete", "collection": "wells", "id": second, "version": 1},
        // What is deleted makes room for the same key.
        {"op": "insert", "collection": "wells", "feature": well("P2", 2.5)},
        {"op": "insert", "collection": "plots", "feature": plot("B")},
    ]);
    let would = city.transact("?dry-run=true", edits.clone()).await;
    let told = would.json();
    assert_eq!((would.status, would.header("bricola-dry-run"), &told["seq"]), (200, "true", &Json::Null), "{told}");
    let fates = |told: &Json| -> Vec<Json> {
        told["edits"].as_array().expect("edits").iter().map(|of| json!([of["collection"], of["version"]])).collect()
    };
    let expected = json!([["plots", 1], ["wells", 2], ["wells", null], ["wells", 1], ["plots", 1]]);
    assert_eq!(json!(fates(&told)), expected);
    assert_eq!(told["edits"][0]["id"], Json::Null);
    assert_eq!(city.end().await, start, "a dry run changes nothing");

    let done = city.transact("", edits.clone()).await;
    let told = done.json();
    assert_eq!((done.status, told["count"].as_i64()), (200, Some(5)), "{told}");
    assert_eq!(json!(fates(&told)), expected);
    let seq = city.end().await;
    assert_eq!((told["seq"].as_i64(), done.header("bricola-seq"), seq - start), (Some(seq), &*seq.to_string(), 5));
    let known = &told["edits"][3]["id"];
    let there = city.server.get(&format!("/collections/wells/items/{known}?min-seq={seq}")).await.json();
    assert_eq!(there["properties"]["depth"], json!(2.5));
    assert_eq!(city.codes("wells").await, [json!(["P1", 9.0]), json!(["P2", 2.5])]);
    assert_eq!(city.codes("plots").await.len(), 2);

    // Sent again, none of it is as it was seen.
    let again = city.transact("", edits).await.problem(412, "precondition-failed");
    let conflicts = again["conflicts"].as_array().expect("conflicts");
    assert_eq!(
        (conflicts.len(), &conflicts[0]["pointer"], &conflicts[0]["version"]),
        (2, &json!("/edits/1"), &json!(2))
    );
    assert_eq!(conflicts[0]["current"]["properties"]["depth"], json!(9.0));
    assert_eq!((&conflicts[1]["id"], &conflicts[1]["current"]), (&json!(second), &Json::Null), "{again}");
    assert_eq!(city.end().await, seq);

    let body = json!({"from": start + 1, "to": seq});
    let would = city.undo_all("?dry-run=true", body.clone()).await;
    assert_eq!((would.json()["count"].as_i64(), city.end().await), (Some(5), seq));
    let undone = city.undo_all("", body).await;
    let told = undone.json();
    let done: Vec<Json> =
        told["undone"].as_array().expect("steps").iter().map(|of| json!([of["collection"], of["done"]])).collect();
    assert_eq!(
        json!(done),
        json!([
            ["plots", "removed"],
            ["plots", "removed"],
            ["wells", "reverted"],
            ["wells", "restored"],
            ["wells", "removed"]
        ]),
        "{told}"
    );
    assert_eq!(city.codes("wells").await, [json!(["P1", 3.5]), json!(["P2", 3.5])]);
    assert!(city.codes("plots").await.is_empty());
    // The taking back is taken back, of one of the layers.
    let end = city.end().await;
    let part = city.undo_all("", json!({"from": seq + 1, "to": end, "collections": ["plots"]})).await;
    assert_eq!(part.json()["count"], json!(2), "{}", part.text());
    assert_eq!((city.codes("plots").await.len(), city.codes("wells").await.len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_wrong_anywhere_changes_nothing_and_tells_where() {
    let city = city().await;
    let first = city.well("P1").await;
    let end = city.end().await;
    let insert = |feature: Json| json!({"op": "insert", "collection": "wells", "feature": feature});
    let update =
        |patch: Json| json!({"op": "update", "collection": "wells", "id": first, "version": 1, "patch": patch});
    let good = insert(well("P9", 1.0));
    let mut shape = well("P8", 1.0);
    shape["geometry"] = json!({"type": "Polygon", "coordinates": []});
    let faults = city
        .transact("", json!([good, insert(shape), update(json!({"properties": {"depth": "deep", "colour": 1}}))]))
        .await
        .problem(422, "invalid-feature");
    let pointers: Vec<&str> =
        faults["errors"].as_array().expect("errors").iter().map(|of| of["pointer"].as_str().expect("one")).collect();
    let wanted = ["/edits/1/feature/geometry", "/edits/2/patch/properties/colour", "/edits/2/patch/properties/depth"];
    assert_eq!(pointers, wanted, "{faults}");
    let twice = [update(json!({})), json!({"op": "delete", "collection": "wells", "id": first, "version": 1})];
    let twice = city.transact("", json!(twice)).await.problem(422, "invalid-feature");
    assert_eq!(twice["errors"][0]["pointer"], "/edits/1/id");
    city.transact("", json!([good, insert(well("P1", 2.0))])).await.problem(409, "duplicate-key");
    city.transact("?dry-run=true", json!([good, insert(well("P9", 2.0))])).await.problem(409, "duplicate-key");
    let blind = json!([{"op": "delete", "collection": "wells", "id": first}]);
    let blind = city.transact("", blind).await.problem(428, "precondition-required");
    assert_eq!(blind["pointer"], "/edits/0/version");
    let missing = city.transact("", json!([{"op": "delete", "collection": "wells", "id": 4711, "version": 1}])).await;
    assert_eq!(missing.problem(412, "precondition-failed")["conflicts"][0]["current"], Json::Null);
    for edits in [
        json!([]),
        json!({}),
        json!([{"op": "upsert", "collection": "wells", "feature": {}}]),
        json!([{"op": "insert", "collection": "nowhere", "feature": well("X", 1.0)}]),
        json!([{"op": "insert", "collection": "wells"}]),
        json!([{"op": "delete", "collection": "wells", "id": "a", "version": 1}]),
        json!([{"op": "delete", "collection": "wells", "id": first, "version": 1, "because": "so"}]),
        json!(vec![json!({"op": "delete", "collection": "wells", "id": 1}); 1001]),
    ] {
        city.transact("", edits).await.problem(400, "invalid-body");
    }
    city.transact("?async=true", json!([good])).await.problem(400, "unknown-parameter");
    let url = city.server.url("/transactions");
    let anonymous = city.server.client.post(&url).json(&json!({"edits": [good]}));
    city.server.send(anonymous).await.problem(401, "unauthorized");
    let foreign = city.server.client.post(&url).bearer_auth(TOKEN).header("content-type", "text/plain").body("{}");
    city.server.send(foreign).await.problem(415, "unsupported-media-type");
    assert_eq!(city.end().await, end, "nothing was changed by any of them");

    // Coordinates of another CRS, and a key under which it is done once.
    let mut metric = well("P7", 1.0);
    let stored = format!("/collections/wells/items/{first}?crs=http://www.opengis.net/def/crs/EPSG/0/7795");
    metric["geometry"]["coordinates"] = city.server.get(&stored).await.json()["geometry"]["coordinates"].clone();
    let body = json!({"edits": [insert(metric)]});
    let send = || {
        let request = city.server.client.post(&url).bearer_auth(TOKEN).header("idempotency-key", "t-1").json(&body);
        city.server.send(request.header("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/7795>"))
    };
    let (once, again) = (send().await, send().await);
    assert_eq!((once.status, once.json()), (200, again.json()), "{}", once.text());
    let id = &once.json()["edits"][0]["id"];
    let there = city.server.get(&format!("/collections/wells/items/{id}")).await.json();
    assert_eq!(there["geometry"], city.get(first).await["geometry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_race_by_transactions_each_feature_has_one_winner_and_none_is_half_done() {
    let city = city().await;
    let (a, b) = (city.well("A").await, city.well("B").await);
    for round in 0..20 {
        let version = round + 1;
        let edits = |who: i32, ids: [i64; 2]| {
            let edit = |id: i64| {
                json!({"op": "update", "collection": "wells", "id": id, "version": version,
                "patch": {"properties": {"depth": f64::from(round * 10 + who)}}})
            };
            json!(ids.map(edit))
        };
        // In opposite orders, by which two transactions could wait for each other.
        let (first, second) = tokio::join!(city.transact("", edits(1, [a, b])), city.transact("", edits(2, [b, a])));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{} {}", first.text(), second.text());
        let winner = if first.status == 200 { 1 } else { 2 };
        let depth = json!(f64::from(round * 10 + winner));
        let end = city.end().await;
        for id in [a, b] {
            let now = city.server.get(&format!("{}/{id}?min-seq={end}", super::ITEMS)).await.json();
            assert_eq!(now["properties"]["depth"], depth, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_taken_back_whole_unless_somebody_has_worked_on_it_since() {
    let city = city().await;
    let (first, second) = (city.well("P1").await, city.well("P2").await);
    let before = city.codes("wells").await;
    let rows = city.store.features("wells", &[first, second]).await.expect("there");
    let mut kept = rows[0].feature.clone();
    kept.properties[1] = Value::Real(77.0);
    let mut new = rows[1].feature.clone();
    new.properties[0] = Value::Text("P9".to_owned());
    let mut load = city.store.replace("wells").await.expect("begins");
    load.push(vec![kept, new]).await.expect("takes");
    let (_, seq) = load.commit().await.expect("loads");
    assert_eq!(city.codes("wells").await, [json!(["P1", 77.0]), json!(["P9", 3.5])]);

    let body = json!({"from": seq, "to": seq});
    let url = city.server.url("/collections/wells/undo");
    let undo = |query: &str, body: &Json| {
        city.server.send(city.server.client.post(format!("{url}{query}")).bearer_auth(TOKEN).json(body))
    };
    // Not together with other layers, nor of some features only.
    city.undo_all("", body.clone()).await.problem(400, "invalid-body");
    undo("", &json!({"from": seq, "to": seq, "features": [first]})).await.problem(400, "invalid-body");
    let would = undo("?dry-run=true", &body).await;
    assert_eq!((would.status, would.header("bricola-dry-run"), city.end().await), (200, "true", seq));

    let done = undo("", &body).await;
    let told = done.json();
    assert_eq!(told["replaced"], json!({"added": 1, "changed": 1, "unchanged": 0, "removed": 1}), "{told}");
    assert_eq!(city.codes("wells").await, before);
    assert_eq!(city.get(first).await["version"], json!(3), "what the load had changed has its id and goes on");

    // What somebody did after the load would be lost.
    city.edit(Method::PATCH, first, "*", &json!({"properties": {"depth": 1}})).await;
    for query in ["", "?dry-run=true"] {
        undo(query, &json!({"from": seq, "to": told["seq"]})).await.problem(409, "changed-since");
    }
    assert_eq!(city.codes("wells").await, [json!(["P1", 1.0]), json!(["P2", 3.5])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_edits_takes_no_transactions() {
    let server = Server::start().await;
    for path in ["/transactions", "/undo"] {
        server.send(server.client.post(server.url(path)).body("{}")).await.problem(405, "method-not-allowed");
        server.send(server.client.get(server.url(path))).await.problem(405, "method-not-allowed");
    }
}
