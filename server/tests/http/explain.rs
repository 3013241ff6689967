//! `?explain=true` on features: what was looked at, and what each condition let go.

use serde_json::Value as Json;

use super::harness::{CORNER_LONLAT, SIDE, Server, assert_log_is_clean};
use super::tile_terms::{TOKEN, encoded};

fn count(told: &Json, pointer: &str) -> u64 {
    told.pointer(pointer).and_then(Json::as_u64).unwrap_or_else(|| panic!("{pointer} of {told}"))
}

/// Every feature that was looked at and is not found has a reason.
fn assert_complete(told: &Json) {
    let seen =
        told.pointer("/index/candidates").map_or(count(told, "/features"), |seen| seen.as_u64().expect("a count"));
    let dropped: u64 = ["bbox", "datetime", "filter"].iter().map(|why| count(told, &format!("/dropped/{why}"))).sum();
    assert_eq!(seen, count(told, "/matched") + dropped, "{told}");
    let fields: u64 = told["fields"].as_array().expect("fields").iter().map(|field| count(field, "/bytes")).sum();
    let parts = count(told, "/geometryBytes") + fields + count(told, "/otherBytes");
    // Commas between the fields.
    let (bytes, commas) = (count(told, "/bytes"), count(told, "/returned") * fields.min(8));
    assert!(parts <= bytes && bytes <= parts + commas, "{told}");
    for time in ["selectMs", "pageMs", "writeMs"] {
        assert!(told[time].as_f64().is_some_and(|time| time >= 0.0), "{told}");
    }
}

#[tokio::test]
async fn the_staff_learn_how_a_page_comes_about_and_nobody_else() {
    let server = Server::open(TOKEN).await;
    let bearer = format!("Bearer {TOKEN}");
    let path = "/collections/parcels/items?explain=true";
    let refused = server.get(path).await;
    refused.problem(401, "unauthorized");
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"bricola\"");
    let told = async |more: &str| {
        let answer = server.get_with(&format!("{path}{more}"), &[("authorization", &bearer)]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{}", answer.text());
        assert_eq!((answer.header("cache-control"), answer.header("bricola-seq")), ("no-store", "7"));
        let told = answer.json();
        assert_complete(&told);
        told
    };
    let all = told("").await;
    assert_eq!((&all["index"], count(&all, "/matched"), count(&all, "/returned")), (&Json::Null, 100, 10));
    assert_eq!((all["hasNext"].as_bool(), all["source"].as_str()), (Some(true), Some("cache")));
    let plain = server.get("/collections/parcels/items").await.body.len() as u64;
    assert!(count(&all, "/bytes").abs_diff(plain) < 400, "the links differ: {plain} {all}");

    let [lon, lat] = CORNER_LONLAT;
    let side = SIDE / 111_000.0;
    let area = format!("&bbox={lon},{lat},{},{}", lon + side * 4.0, lat + side * 4.0);
    let near = told(&format!("{area}&skipGeometry=true")).await;
    assert!(count(&near, "/index/candidates") < 60 && count(&near, "/matched") > 3, "{near}");
    assert_eq!(count(&near, "/geometryBytes"), 0);
    let filter = encoded("number IN ('1','2','3')");
    let few = told(&format!("{area}&sheet=12&filter={filter}")).await;
    let works = few["filters"].as_array().expect("filters");
    assert_eq!(works.len(), 2);
    let left = count(&works[0], "/tests") - count(&works[0], "/refused");
    assert_eq!(count(&works[1], "/tests"), left, "what the first refuses comes before none of the rest: {few}");
    assert!(count(&few, "/matched") <= 3 && count(&few, "/dropped/filter") > 0);

    let answer = server.get_with(&format!("{path}&limit=-1"), &[("authorization", &bearer)]).await;
    answer.problem(400, "invalid-parameter");
    server.get("/collections/parcels/items?explain=perhaps").await.problem(400, "invalid-parameter");
    assert_eq!(server.get("/collections/parcels/items?explain=false").await.status, 200);
    assert_log_is_clean();
}
