//! What lies at a point.

use serde_json::{Value, json};

use super::harness::{Server, assert_log_is_clean};

fn layers(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().expect("hits").iter().filter_map(|hit| hit["layer"].as_str()).collect()
}

#[tokio::test]
async fn a_point_is_answered_with_every_layer_there() {
    let server = Server::start().await;
    let answer = server.get("/lookup?x=12.33888&y=45.43425").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("bricola-seq"), "10");
    let json = answer.json();
    assert_eq!(json["seq"], 10);
    assert_eq!((&json["query"]["x"], &json["query"]["lat"]), (&12.33888.into(), &45.43425.into()));
    let found = layers(&json);
    assert!(found.contains(&"parcels") && found.contains(&"fountains") && found.contains(&"streets"), "{found:?}");
    let parcel = json["hits"].as_array().expect("hits").iter().find(|hit| hit["layer"] == "parcels").expect("parcel");
    assert_eq!(parcel["distance_m"], 0);
    let feature = &parcel["feature"];
    assert_eq!((&feature["type"], &feature["id"]), (&"Feature".into(), &1.into()));
    assert_eq!(feature["properties"], json!({"national_ref": "L736_001200.1", "sheet": 12, "number": "1"}));
    assert_eq!(feature["geometry"]["type"], "MultiPolygon");
    let first = &feature["geometry"]["coordinates"][0][0][0];
    assert!((first[0].as_f64().expect("lon") - 12.3388).abs() < 1e-3, "longitude first: {first}");
    assert_log_is_clean();
}

#[tokio::test]
async fn the_same_place_is_found_in_every_usual_crs() {
    let server = Server::start().await;
    // Three metres east and north of S. Marco of the control points.
    for (x, y, crs) in [
        ("3026513.7759", "5033258.4806", "EPSG:7795"),
        ("3026513.7759", "5033258.4806", "EPSG:6876"),
        ("3026513.7759", "5033258.4806", "7795"),
        ("3026513.7759", "5033258.4806", "http://www.opengis.net/def/crs/EPSG/0/7795"),
        ("291850.9605", "5034634.5450", "EPSG:25833"),
        ("291850.9605", "5034634.5450", "EPSG:7792"),
        ("1761186.9981", "5036632.4894", "EPSG:3003"),
        ("2311856.0682", "5034652.2008", "EPSG:3004"),
        ("1373552.9330", "5690142.3743", "EPSG:3857"),
        ("12.33884", "45.43423", "EPSG:6706"),
        ("12,33884", "45,43423", "EPSG:4326"),
    ] {
        let json = server.get(&format!("/lookup?x={x}&y={y}&crs={crs}&layers=parcels")).await.json();
        assert_eq!(json["hits"][0]["feature"]["id"], 1, "{crs}: {json}");
    }
    let json = server.get("/lookup?x=1761186.9981&y=5036632.4894&crs=EPSG:3003&layers=parcels").await.json();
    assert_eq!(json["query"]["crs"], "EPSG:3003");
    assert!(json["query"]["operation"].as_str().is_some_and(|name| name.contains("Monte Mario")), "{json}");
    assert_eq!(json["query"]["accuracy_m"], 4);
}

#[tokio::test]
async fn coordinates_are_read_as_people_type_them() {
    let server = Server::start().await;
    for typed in [
        "45.43423, 12.33884",
        "45,43423 12,33884",
        "12.33884 E 45.43423 N",
        "45°26'03.23\"N 12°20'19.82\"E",
        "3026513.7759 5033258.4806",
        "E 3026513,78 N 5033258,48",
        "EPSG:3003 1761186.9981 5036632.4894",
    ] {
        let request = server.client.get(server.url("/lookup")).query(&[("q", typed), ("layers", "parcels")]);
        let json = server.send(request).await.json();
        assert_eq!(json["hits"][0]["feature"]["id"], 1, "{typed}: {json}");
        let best = &json["interpretations"][0];
        assert!(
            best["reason"].as_str().is_some_and(|reason| !reason.is_empty()) && best["swapped"].is_boolean(),
            "{best}"
        );
        assert_eq!(best["crs"], json["query"]["crs"]);
        let apart = best["lon"].as_f64().expect("lon") - json["query"]["lon"].as_f64().expect("lon");
        assert!(apart.abs() < 1e-8, "{json}");
    }
}

#[tokio::test]
async fn the_radius_decides_which_points_and_lines_are_near() {
    let server = Server::start().await;
    let at =
        |radius: &str| format!("/lookup?x=3026515.7759&y=5033260.4806&crs=EPSG:7795&layers=fountains,streets{radius}");
    let json = server.get(&at("&radius=0.5")).await.json();
    assert_eq!(layers(&json), ["fountains"]);
    let json = server.get(&at("&radius=9")).await.json();
    assert_eq!(layers(&json), ["fountains", "fountains"]);
    let distance = json["hits"][1]["distance_m"].as_f64().expect("metres");
    assert!((distance - 8.0).abs() < 0.01, "{distance}");
    let json = server.get(&at("&radius=5000")).await.json();
    assert_eq!(json["hits"].as_array().expect("hits").len(), 6);
    let street = json["hits"][5]["distance_m"].as_f64().expect("metres");
    assert!((street - 15.0).abs() < 0.02, "{street}");
    assert_eq!(layers(&server.get(&at("")).await.json()).len(), 5, "25 m when nobody says");
}

#[tokio::test]
async fn a_point_in_the_sea_has_no_hits() {
    let server = Server::start().await;
    let json = server.get("/lookup?x=12.9&y=45.1").await.json();
    assert_eq!(json["hits"], json!([]));
}

#[tokio::test]
async fn a_layer_that_is_loading_is_left_out_unless_it_is_asked_for() {
    let server = Server::start().await;
    assert_eq!(server.get("/lookup?x=12.33888&y=45.43425").await.status, 200);
    server.get("/lookup?x=12.33888&y=45.43425&layers=slow-layer").await.problem(503, "layer-loading");
}

#[tokio::test]
async fn many_points_are_answered_in_their_order() {
    let server = Server::start().await;
    let points: Vec<[f64; 2]> = (0..100)
        .map(|n| [3_026_520.775_9 + 20.0 * f64::from(n % 10), 5_033_265.480_6 + 20.0 * f64::from(n / 10)])
        .chain([[0.0, 0.0], [1e300, 5.0]])
        .collect();
    let request = server
        .client
        .post(server.url("/lookup"))
        .json(&json!({"points": points, "crs": "EPSG:7795", "layers": ["parcels"]}));
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let results = json["results"].as_array().expect("results");
    assert_eq!(results.len(), 102);
    for (n, result) in results[..100].iter().enumerate() {
        assert_eq!(result["hits"][0]["feature"]["id"], n + 1);
    }
    assert!(results[101]["error"].is_string(), "{}", results[101]);
    assert_eq!(json["seq"], 10);
}

#[tokio::test]
async fn bodies_that_are_not_a_batch_are_refused_with_the_reason() {
    let server = Server::start().await;
    let post = |body: String, media_type: &'static str| {
        server.send(server.client.post(server.url("/lookup")).header("content-type", media_type).body(body))
    };
    post("{}".into(), "text/csv").await.problem(415, "unsupported-media-type");
    for (body, expected) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "points"),
        ("{}", "points"),
        ("{\"points\": [[1]]}", "length"),
        ("{\"points\": [[1, \"2\"]]}", "f64"),
        ("{\"points\": [], \"colour\": 1}", "colour"),
        ("\u{feff}{}", "expected value"),
    ] {
        let problem = post(body.into(), "application/json").await.problem(400, "invalid-body");
        assert!(problem["detail"].as_str().expect("detail").contains(expected), "{body}: {problem}");
    }
    let many = json!({"points": vec![[12.3, 45.4]; 10_001]}).to_string();
    let problem = post(many, "application/json; charset=utf-8").await.problem(400, "invalid-body");
    assert_eq!((&problem["limit"], &problem["allowed"]), (&"MAX_LOOKUP_POINTS".into(), &10_000.into()));
    for (body, parameter) in [
        (json!({"points": [], "crs": "EPSG:99999"}), "crs"),
        (json!({"points": [], "radius": -1}), "radius"),
        (json!({"points": [], "layers": ["parcels", "parcels"]}), "layers"),
    ] {
        let problem = post(body.to_string(), "application/json").await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], parameter, "{problem}");
    }
    post(json!({"points": [], "layers": ["nothing"]}).to_string(), "application/json")
        .await
        .problem(404, "unknown-layer");
}
