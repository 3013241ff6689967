//! What is sent: features that fit and that do not, in any CRS, one or many, and bodies made at random.

use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store as _};
use geo_types::Point;
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::super::harness::{CORNER, CORNER_LONLAT};
use super::{ITEMS, TOKEN, city, well};

const OWN_CRS: &str = "<http://www.opengis.net/def/crs/EPSG/0/7795>";

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
    // What is refused is not read: the connection may break under a client that is still writing.
    let mut refused = None;
    for _ in 0..10 {
        let request = city.request(Method::POST, ITEMS).body(large.clone());
        if let Ok(answer) = request.send().await {
            refused = Some((answer.status().as_u16(), answer.text().await.expect("a body")));
            break;
        }
    }
    let (status, problem) = refused.expect("an answer");
    assert!(status == 413 && problem.contains("body-too-large"), "{status} {problem}");
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
