//! What is at the edge of what may be: nothing at all, very much, and edits that lack what the standard asks for.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::super::harness::CORNER_LONLAT;
use super::{ITEMS, TOKEN, city, city_with, well};

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_without_features_is_empty_in_every_form() {
    let city = city().await;
    let page = city.server.get(ITEMS).await.json();
    assert_eq!(
        (&page["features"], &page["numberMatched"], &page["numberReturned"]),
        (&json!([]), &0.into(), &0.into())
    );
    for form in ["json", "jsonfg", "html", "fgb", "gpkg", "parquet", "shp", "csv", "ndjson"] {
        for asked in ["", "&bbox=-180,-90,180,90", "&filter=code='x'", "&sortby=-depth", "&datetime=2026-01-01"] {
            let answer = city.server.get(&format!("{ITEMS}?f={form}{asked}")).await;
            assert_eq!(answer.status, 200, "{form}{asked}: {}", answer.text());
        }
    }
    let collection = city.server.get("/collections/wells").await.json();
    assert_eq!((&collection["count"], collection.get("extent")), (&0.into(), None));
    for path in
        ["/collections/wells/schema", "/collections/wells/tiles", "/tiles/wells.json", "/collections/wells?f=html"]
    {
        assert_eq!(city.server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(city.server.get("/tiles/wells/14/8753/5865").await.status, 204);
    city.server.get(&format!("{ITEMS}/1")).await.problem(404, "unknown-feature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_of_a_hundred_thousand_vertices_is_made_found_and_drawn() {
    const VERTICES: u32 = 100_000;
    let city = city_with(|config| config.limits.body_bytes = 32 * 1024 * 1024).await;
    // A round plot of half a kilometre across.
    let ring: Vec<[f64; 2]> = (0..=VERTICES)
        .map(|n| f64::from(n % VERTICES) / f64::from(VERTICES) * std::f64::consts::TAU)
        .map(|angle| [CORNER_LONLAT[0] + 0.0064 * angle.cos(), CORNER_LONLAT[1] + 0.0045 * angle.sin()])
        .collect();
    let body = json!({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"code": "round"}});
    let items = "/collections/plots/items";
    let made = city.server.send(city.request(Method::POST, items).body(body.to_string())).await;
    assert_eq!(made.status, 201, "{}", made.text().chars().take(500).collect::<String>());
    let read = city.server.get(&format!("{items}/1")).await.json();
    assert_eq!(read["geometry"]["coordinates"][0].as_array().map(Vec::len), Some(100_001));
    let [x, y] = CORNER_LONLAT;
    for (asked, count) in [
        (format!("bbox={x},{y},{x},{y}"), 1),
        (format!("bbox={},{y},{},{y}", x + 0.0065, x + 0.0066), 0),
        (format!("filter=S_CONTAINS(geometry,POINT({x}%20{y}))"), 1),
        (format!("filter=S_WITHIN(geometry,BBOX({},{},{},{}))", x - 0.01, y - 0.01, x + 0.01, y + 0.01), 1),
    ] {
        let page = city.server.get(&format!("{items}?limit=1&skipGeometry=true&{asked}")).await.json();
        assert_eq!(page["numberMatched"], count, "{asked}");
    }
    let tile = city.server.get("/tiles/plots/14/8753/5865").await;
    // Half a kilometre is some sixty pixels there: what the eye cannot tell apart is not sent.
    assert!(tile.status == 200 && tile.body.len() < 20_000, "{} {}", tile.status, tile.body.len());
    let removed = city.request(Method::DELETE, &format!("{items}/1")).header("if-match", made.header("etag"));
    assert_eq!(city.server.send(removed).await.status, 204);
}

/// OGC API Features 4 (draft): /req/create-replace-delete, /req/update.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_without_a_media_type_or_of_nothing_is_told_so() {
    let city = city().await;
    let id = city.well("P1").await;
    let one = format!("{ITEMS}/{id}");
    for (method, path, body) in [
        (Method::POST, ITEMS, well("P2", 1.0)),
        (Method::PUT, &*one, well("P1", 1.0)),
        (Method::PATCH, &*one, json!({"properties": {}})),
    ] {
        let request = city.server.client.request(method, city.server.url(path)).bearer_auth(TOKEN);
        let problem =
            city.server.send(request.header("if-match", "*").body(body.to_string())).await.problem(400, "invalid-body");
        assert_eq!(problem["header"], "Content-Type");
    }
    // Of what is not there nobody needs to have seen a version; of what is there everybody does.
    let without = |method: Method, id: i64| {
        let request = city.request(method.clone(), &format!("{ITEMS}/{id}"));
        let body = if method == Method::PATCH { json!({}) } else { well("P9", 1.0) };
        city.server.send(if method == Method::DELETE { request } else { request.body(body.to_string()) })
    };
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        without(method.clone(), 4_711).await.problem(404, "unknown-feature");
        without(method, id).await.problem(428, "precondition-required");
    }
    for (path, header, takes) in
        [(ITEMS, "accept-post", "application/geo+json"), (&one, "accept-patch", "application/merge-patch+json")]
    {
        let answer = city.server.send(city.server.client.request(Method::OPTIONS, city.server.url(path))).await;
        assert_eq!((answer.status, answer.header(header)), (200, takes));
    }
    let left: Vec<Json> = city.server.get(ITEMS).await.json()["features"].as_array().expect("features").clone();
    assert_eq!(left.len(), 1);
}
