//! Pictures of styles, and what is told of styles.

use bricola_layers::crs::lonlat_to_world_f64;

use crate::harness::{CORNER_LONLAT, Server, assert_log_is_clean};

/// Width, height and pixels of a PNG.
fn decoded(png: &[u8]) -> tiny_skia::Pixmap {
    tiny_skia::Pixmap::decode_png(png).expect("a PNG")
}

fn pixel(picture: &tiny_skia::Pixmap, x: u32, y: u32) -> [u8; 3] {
    let pixel = picture.pixel(x, y).expect("inside").demultiply();
    [pixel.red(), pixel.green(), pixel.blue()]
}

#[tokio::test]
async fn a_picture_shows_the_features_where_they_are() {
    let server = Server::start().await;
    // Ten parcels of 20 m in each direction, from the corner to the north-east.
    let [lon, lat] = CORNER_LONLAT;
    let path = format!("/styles/parcels/thumbnail?center={lon},{lat}&zoom=17&width=400&height=300");
    let answer = server.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"), "{}", answer.text());
    let picture = decoded(&answer.body);
    assert_eq!((picture.width(), picture.height()), (400, 300));
    let ground = pixel(&picture, 20, 280);
    assert_eq!(ground, [0xe9, 0xec, 0xea], "south-west of the corner is the ground");
    let differs = |x: u32, y: u32| pixel(&picture, x, y) != ground;
    // 0.84 m a pixel there.
    let inside = (205..350).flat_map(|x| (20..145).map(move |y| (x, y))).filter(|(x, y)| differs(*x, *y)).count();
    let outside = (0..190).flat_map(|x| (0..300).map(move |y| (x, y))).filter(|(x, y)| differs(*x, *y)).count();
    assert!(inside > 145 * 125 / 10, "{inside}");
    assert_eq!(outside, 0);
    let known = server.get_with(&path, &[("if-none-match", answer.header("etag"))]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let dense = decoded(&server.get(&format!("{path}&scale=2")).await.body);
    assert_eq!((dense.width(), dense.height()), (800, 600));
    let (mut same, mut all) = (0, 0);
    for (x, y) in (0..400).step_by(7).flat_map(|x| (0..300).step_by(7).map(move |y| (x, y))) {
        all += 1;
        same += usize::from((pixel(&dense, 2 * x, 2 * y) == ground) == (pixel(&picture, x, y) == ground));
    }
    assert!(same * 100 > all * 85, "{same} of {all}");
    assert_log_is_clean();
}

#[tokio::test]
async fn every_style_has_a_picture_and_metadata_and_boxes_are_taken_in_any_crs() {
    let server = Server::start().await;
    let list = server.get("/styles").await.json();
    for style in list["styles"].as_array().expect("styles") {
        let id = style["id"].as_str().expect("an id");
        let rels: Vec<&str> =
            style["links"].as_array().expect("links").iter().filter_map(|link| link["rel"].as_str()).collect();
        assert_eq!(rels, ["stylesheet", "describedby", "preview"]);
        let metadata = server.get(&format!("/styles/{id}/metadata?lang=en")).await.json();
        assert_eq!(
            (&metadata["id"], &metadata["title"]),
            (
                &style["id"],
                &server.get("/styles?lang=en").await.json()["styles"]
                    .as_array()
                    .expect("styles")
                    .iter()
                    .find(|it| it["id"] == id)
                    .expect("listed")["title"]
            )
        );
        assert_eq!(metadata["stylesheets"][0]["link"]["href"], server.url(&format!("/styles/{id}")));
        if id == "slow-layer" || id == "city" {
            continue;
        }
        let picture = server.get(&format!("/styles/{id}/thumbnail")).await;
        assert_eq!(picture.status, 200, "{id}: {}", picture.text());
        let picture = decoded(&picture.body);
        let first = pixel(&picture, 0, 0);
        let drawn = (0..400)
            .flat_map(|x| (0..300).map(move |y| (x, y)))
            .filter(|(x, y)| pixel(&picture, *x, *y) != first)
            .count();
        assert!(drawn > 20, "{id}: {drawn}");
    }
    let parcels = server.get("/styles/parcels/metadata").await.json();
    assert_eq!((&parcels["layers"][0]["id"], &parcels["layers"][0]["type"]), (&"parcels".into(), &"polygon".into()));
    let [lon, lat] = CORNER_LONLAT;
    let [low, high] = [[lon, lat], [lon + 0.002, lat + 0.001]];
    let degrees = format!("{},{},{},{}", low[0], low[1], high[0], high[1]);
    let metres = [low, high].map(|at| {
        let [x, y] = lonlat_to_world_f64(at);
        let side = 2.0 * std::f64::consts::PI * 6_378_137.0;
        [x / 4_294_967_296.0 * side - side / 2.0, side / 2.0 - y / 4_294_967_296.0 * side]
    });
    let metres = format!("{},{},{},{}", metres[0][0], metres[0][1], metres[1][0], metres[1][1]);
    let size = "width=128&height=64";
    let a = server.get(&format!("/styles/parcels/thumbnail?bbox={degrees}&{size}")).await.body;
    let crs = "http://www.opengis.net/def/crs/EPSG/0/3857";
    let b = server.get(&format!("/styles/parcels/thumbnail?bbox={metres}&bbox-crs={crs}&{size}")).await.body;
    let (a, b) = (decoded(&a), decoded(&b));
    let apart = a.data().iter().zip(b.data()).filter(|(a, b)| a.abs_diff(**b) > 24).count();
    assert!(apart * 50 < a.data().len(), "{apart}");
}

#[tokio::test]
async fn a_picture_marks_the_feature_that_it_is_about() {
    let server = Server::start().await;
    let items = server.get("/collections/parcels/items?limit=1").await.json();
    let feature = &items["features"][0];
    let ring: Vec<[f64; 2]> = serde_json::from_value(match feature["geometry"]["type"].as_str() {
        Some("MultiPolygon") => feature["geometry"]["coordinates"][0][0].clone(),
        _ => feature["geometry"]["coordinates"][0].clone(),
    })
    .expect("a ring");
    let path = format!("/styles/parcels/thumbnail?feature=parcels/{}&width=200&height=200", feature["id"]);
    let answer = server.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let picture = decoded(&answer.body);
    let red: Vec<(u32, u32)> = (0..200)
        .flat_map(|x| (0..200).map(move |y| (x, y)))
        .filter(|(x, y)| matches!(pixel(&picture, *x, *y), [r, g, b] if r > 150 && g < 40 && b < 60))
        .collect();
    // The outline is round the middle, as wide as high as the parcel is.
    let reach = |axis: fn(&(u32, u32)) -> u32| {
        let (low, high) = (red.iter().map(axis).min().expect("red"), red.iter().map(axis).max().expect("red"));
        assert!((90..=110).contains(&low.midpoint(high)), "{low} {high}");
        f64::from(high - low)
    };
    let world: Vec<[f64; 2]> = ring.iter().map(|at| lonlat_to_world_f64(*at)).collect();
    let side = |axis: usize| {
        let of = world.iter().map(|at| at[axis]);
        of.clone().fold(f64::MIN, f64::max) - of.fold(f64::MAX, f64::min)
    };
    let (across, down) = (reach(|at| at.0), reach(|at| at.1));
    assert!((across / down - side(0) / side(1)).abs() < 0.1, "{across} × {down}");
    // Where it is said what is to be seen, a feature of another day is not missed.
    let [lon, lat] = CORNER_LONLAT;
    let plain = server.get(&format!("/styles/parcels/thumbnail?center={lon},{lat}&zoom=17")).await;
    let gone =
        server.get(&format!("/styles/parcels/thumbnail?center={lon},{lat}&zoom=17&feature=parcels/999999")).await;
    assert_eq!((gone.status, &gone.body), (200, &plain.body));
    server.get("/styles/parcels/thumbnail?feature=parcels/999999").await.problem(404, "unknown-feature");
    server.get("/styles/parcels/thumbnail?feature=nowhere/1").await.problem(404, "unknown-layer");
    for wrong in ["parcels", "parcels/x", "parcels/1/2"] {
        server.get(&format!("/styles/parcels/thumbnail?feature={wrong}")).await.problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn wrong_views_are_refused_by_name() {
    let server = Server::start().await;
    for (query, code, parameter) in [
        ("width=5", "invalid-parameter", "width"),
        ("height=4096", "invalid-parameter", "height"),
        ("scale=3", "invalid-parameter", "scale"),
        ("width=2000&scale=2", "invalid-parameter", "scale"),
        ("center=12,45", "missing-parameter", "zoom"),
        ("zoom=12", "missing-parameter", "center"),
        ("center=12,95&zoom=3", "invalid-parameter", "center"),
        ("center=12,45&zoom=23", "invalid-parameter", "zoom"),
        ("center=12,45&zoom=NaN", "invalid-parameter", "zoom"),
        ("center=12,45&zoom=3&bbox=1,2,3,4", "invalid-parameter", "center"),
        ("bbox=1,2,3", "invalid-parameter", "bbox"),
        ("bbox=1,2,1,4", "invalid-parameter", "bbox"),
        ("bbox=170,2,-170,4", "invalid-parameter", "bbox"),
        ("bbox-crs=http://www.opengis.net/def/crs/EPSG/0/3857", "missing-parameter", "bbox"),
        ("size=4", "unknown-parameter", "size"),
    ] {
        let problem = server.get(&format!("/styles/parcels/thumbnail?{query}")).await.problem(400, code);
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
    server.get("/styles/moon/thumbnail").await.problem(404, "unknown-style");
    server.get("/styles/moon/metadata").await.problem(404, "unknown-style");
}
