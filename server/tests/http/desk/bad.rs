//! What is wrong is refused by its name, with the reason.

use serde_json::json;

use super::{drawn, town};
use crate::harness::CORNER;

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_question_is_refused_by_name() {
    let town = town().await;
    let bow = format!(
        "geometry=POLYGON(({x} {y},{e} {n},{e} {y},{x} {n},{x} {y}))&crs=EPSG:7795",
        x = CORNER[0],
        y = CORNER[1],
        e = CORNER[0] + 9.0,
        n = CORNER[1] + 9.0
    );
    let flat =
        format!("geometry=POLYGON(({x} {y},{x} {y},{x} {y},{x} {y}))&crs=EPSG:7795", x = CORNER[0], y = CORNER[1]);
    let outside = drawn([25.0, 5.0, 80.0, 6.8]);
    let here = drawn([1.0, 1.0, 5.0, 5.0]);
    for (path, status, code, named) in [
        ("/zones".to_owned(), 400, "missing-parameter", "geometry"),
        ("/zones?x=12".to_owned(), 400, "missing-parameter", "y"),
        ("/zones?x=12&y=nord".to_owned(), 400, "invalid-parameter", "y"),
        (
            "/zones?x=12&y=45&parcel=12/57".to_owned(),
            400,
            "invalid-parameter",
            "geometry, x, y, parcel, feature, address, along",
        ),
        ("/zones?x=3026510&y=5033255".to_owned(), 400, "invalid-parameter", "geometry, x, y, crs"),
        ("/zones?x=1&y=2&crs=EPSG:1".to_owned(), 400, "invalid-parameter", "crs"),
        ("/zones?geometry=POINT(NaN%2045)".to_owned(), 400, "invalid-parameter", "geometry"),
        ("/zones?geometry=CIRCLE(1%202)".to_owned(), 400, "invalid-parameter", "geometry"),
        ("/zones?geometry=MULTIPOINT(12%2045,13%2045)".to_owned(), 400, "invalid-parameter", "geometry, x, y, crs"),
        ("/zones?geometry=POLYGON%20EMPTY".to_owned(), 400, "invalid-parameter", "geometry, x, y, crs"),
        (format!("/zones?{bow}"), 422, "unmeasurable", "geometry"),
        (format!("/zones?{flat}"), 422, "unmeasurable", "geometry"),
        ("/zones?parcel=12/99".to_owned(), 404, "unknown-feature", "parcel"),
        ("/zones?parcel=dodici".to_owned(), 400, "invalid-parameter", "parcel"),
        ("/zones?feature=parcels".to_owned(), 400, "invalid-parameter", "feature"),
        ("/zones?feature=parcels/999".to_owned(), 404, "unknown-feature", "feature"),
        ("/zones?feature=tax-objects/1".to_owned(), 404, "unknown-layer", "layers"),
        ("/zones?parcel=12/57&layers=streets".to_owned(), 400, "invalid-parameter", "layers"),
        ("/zones?parcel=12/57&layers=nothing".to_owned(), 404, "unknown-layer", "layers"),
        ("/zones?parcel=12/57&datetime=domani".to_owned(), 400, "invalid-parameter", "datetime"),
        ("/zones?parcel=12/57&at=99999".to_owned(), 400, "invalid-parameter", "at"),
        ("/tariff".to_owned(), 400, "missing-parameter", "occupation"),
        (format!("/tariff?occupation=piscina&{here}&days=3"), 422, "no-fee", "occupation"),
        (format!("/tariff?occupation=plateatico&{here}"), 422, "no-fee", "time"),
        (format!("/tariff?occupation=plateatico&{here}&from=2026-06-30&to=2026-06-01"), 422, "no-fee", "time"),
        (format!("/tariff?occupation=plateatico&{outside}&days=3"), 422, "no-fee", "pieces"),
        ("/tariff?occupation=plateatico&days=3".to_owned(), 422, "no-fee", "quantity"),
        (format!("/tariff?occupation=plateatico&{here}&crossing=lowest&days=3"), 400, "invalid-parameter", "crossing"),
        (
            format!("/tariff?occupation=plateatico&{here}&crossing=highest&days=3"),
            400,
            "missing-parameter",
            "motivation",
        ),
        (format!("/tariff?occupation=plateatico&{here}&days=tre"), 400, "invalid-parameter", "days"),
        (format!("/tariff?occupation=plateatico&{here}&number=3&days=3"), 400, "missing-parameter", "street"),
        ("/certificate".to_owned(), 400, "missing-parameter", "parcels"),
        ("/certificate?parcels=12/57,12/99".to_owned(), 404, "unknown-feature", "parcel"),
        ("/processes/alchemy".to_owned(), 404, "unknown-process", ""),
        ("/jobs/none".to_owned(), 404, "unknown-job", ""),
    ] {
        let path = path.replace(' ', "%20");
        let problem = town.server.get(&path).await.problem(status, code);
        if !named.is_empty() {
            let parameter = problem["parameter"].as_str().unwrap_or_default();
            assert!(parameter.starts_with(named), "{path}: {problem}");
        }
    }
    // Where outlines cross is told.
    let problem = town.server.get(&format!("/zones?{bow}").replace(' ', "%20")).await.json();
    assert!(problem["place"].as_array().is_some_and(|place| place.len() == 2), "{problem}");
    assert!(problem["text"]["it"].as_str().is_some_and(|text| text.contains("incrocia")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_execution_is_refused_by_name() {
    let town = town().await;
    for (id, body, status, code) in [
        ("alchemy", json!({}), 404, "unknown-process"),
        ("zones", json!([]), 400, "invalid-body"),
        ("zones", json!({"input": {}}), 400, "invalid-body"),
        ("zones", json!({"inputs": {"owner": "x"}}), 400, "invalid-body"),
        ("zones", json!({"inputs": {"geometry": {"href": "http://127.0.0.1/secret"}}}), 400, "invalid-parameter"),
        (
            "zones",
            json!({"inputs": {"geometry": {"type": "Point", "coordinates": ["a", 1]}}}),
            400,
            "invalid-parameter",
        ),
        ("zones", json!({"inputs": {"geometry": 7}}), 400, "invalid-parameter"),
        ("zones", json!({"inputs": {"parcel": "12/57"}, "outputs": {"gold": {}}}), 400, "invalid-body"),
        (
            "zones",
            json!({"inputs": {"parcel": "12/57"}, "outputs": {"zones": {"transmissionMode": "reference"}}}),
            400,
            "invalid-body",
        ),
        ("zones", json!({"inputs": {"parcel": "12/57"}, "response": "telegram"}), 400, "invalid-body"),
        ("planning-certificate", json!({"inputs": {"parcels": [1]}}), 400, "invalid-parameter"),
        ("planning-certificate", json!({"inputs": {"parcels": vec!["12/57"; 1001]}}), 400, "invalid-parameter"),
    ] {
        let answer = town.server.post_json(&format!("/processes/{id}/execution"), &body).await;
        answer.problem(status, code);
    }
    let request =
        town.server.client.post(town.server.url("/processes/zones/execution")).header("content-type", "text/xml");
    town.server.send(request.body("<x/>")).await.problem(415, "unsupported-media-type");
}
