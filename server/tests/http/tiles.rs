//! Tiles and `TileJSON`.

use bricola_layers::crs::lonlat_to_world;
use bricola_layers::tile::TileId;

use super::harness::{Answer, CORNER_LONLAT, Server, assert_log_is_clean};

pub fn path(layers: &str, z: u8) -> String {
    let TileId { z, x, y } =
        TileId::holding(lonlat_to_world([CORNER_LONLAT[0] + 0.0002, CORNER_LONLAT[1] + 0.0002]), z);
    format!("/tiles/{layers}/{z}/{x}/{y}")
}

fn decoded(answer: &Answer) -> Vec<u8> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    match answer.header("content-encoding") {
        "gzip" => drop(flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut bytes).expect("gzip")),
        "zstd" => bytes = zstd::decode_all(&answer.body[..]).expect("zstd"),
        "br" => brotli::BrotliDecompress(&mut &answer.body[..], &mut bytes).expect("br"),
        other => {
            assert_eq!(other, "");
            bytes.clone_from(&answer.body);
        }
    }
    bytes
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_tile_is_the_same_in_every_coding_and_each_has_its_own_tag() {
    let server = Server::start().await;
    let path = path("parcels", 16);
    let plain = server.get(&path).await;
    assert_eq!((plain.status, plain.header("content-type")), (200, "application/vnd.mapbox-vector-tile"));
    assert_eq!(plain.header("vary"), "accept-encoding");
    assert_eq!(plain.header("bricola-seq"), "10");
    assert!(contains(&plain.body, "parcels") && !contains(&plain.body, "value_eur"));
    let mut tags = vec![plain.header("etag").to_owned()];
    for coding in ["gzip", "br", "zstd"] {
        let answer = server.get_with(&path, &[("accept-encoding", coding)]).await;
        assert_eq!(answer.header("content-encoding"), coding);
        assert_eq!(decoded(&answer), plain.body);
        tags.push(answer.header("etag").to_owned());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "strong tags differ by coding");
    let picky = server.get_with(&path, &[("accept-encoding", "gzip;q=0.2, br;q=0.8, zstd;q=0")]).await;
    assert_eq!(picky.header("content-encoding"), "br");
    assert_log_is_clean();
}

#[tokio::test]
async fn a_tile_that_the_client_has_is_not_sent_again() {
    let server = Server::start().await;
    let path = path("parcels", 16);
    let first = server.get(&path).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'));
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = server.get_with(&path, &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, &*tag), "{known}");
        assert_eq!(again.header("vary"), "accept-encoding");
    }
    assert_eq!(server.get_with(&path, &[("if-none-match", "\"other\"")]).await.status, 200);
}

#[tokio::test]
async fn suffixes_give_the_same_tile() {
    let server = Server::start().await;
    let path = path("parcels", 15);
    let plain = server.get(&path).await;
    for suffix in [".mvt", ".pbf"] {
        let answer = server.get(&format!("{path}{suffix}")).await;
        assert_eq!((answer.status, answer.header("etag")), (200, plain.header("etag")));
    }
}

#[tokio::test]
async fn a_composite_holds_its_layers_one_after_the_other() {
    let server = Server::start().await;
    let both = server.get(&path("parcels,fountains", 16)).await;
    let parcels = server.get(&path("parcels", 16)).await;
    let fountains = server.get(&path("fountains", 16)).await;
    assert_eq!(both.body, [parcels.body, fountains.body].concat());
    assert_eq!(both.header("bricola-seq"), "10");
    let deep = server.get(&path("parcels,fountains", 18)).await;
    assert_eq!(deep.body, server.get(&path("parcels", 18)).await.body, "each layer keeps its own zoom range");
}

#[tokio::test]
async fn label_points_are_a_layer_of_the_same_tile_when_asked_for() {
    let server = Server::start().await;
    let parcels = server.get(&path("parcels", 16)).await;
    let labels = server.get(&path("parcels_label", 16)).await;
    assert_eq!((labels.status, labels.header("content-type")), (200, "application/vnd.mapbox-vector-tile"));
    assert!(contains(&labels.body, "parcels_label") && contains(&labels.body, "number"));
    assert!(!contains(&labels.body, "sheet") && !contains(&parcels.body, "_label"));
    let both = server.get(&path("parcels,parcels_label", 16)).await;
    assert_eq!(both.body, [&*parcels.body, &*labels.body].concat());
    let tag = both.header("etag").to_owned();
    assert!(tag != parcels.header("etag") && tag != labels.header("etag"));
    let again = server.get_with(&path("parcels,parcels_label", 16), &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    for unnamed in
        ["fountains_label", "streets_label", "rentals_label", "parcels_label_label", "_label", "nothing_label"]
    {
        let problem = server.get(&path(unnamed, 14)).await.problem(404, "unknown-layer");
        assert_eq!(problem["value"], unnamed);
    }
    server.get(&path("parcels_label,parcels_label", 14)).await.problem(400, "invalid-parameter");
    server.get("/lookup?x=12.3389&y=45.4343&layers=parcels_label").await.problem(404, "unknown-layer");
}

#[tokio::test]
async fn empty_is_204_and_what_cannot_be_is_404_or_400_with_the_reason() {
    let server = Server::start().await;
    let empty = server.get("/tiles/parcels/14/0/0").await;
    assert_eq!((empty.status, empty.body.len()), (204, 0));
    assert!(!empty.header("etag").is_empty());
    let shallow = server.get("/tiles/parcels/5/16/11").await.problem(404, "outside-zoom-range");
    assert_eq!(shallow["allowed"]["min"], 13);
    server.get("/tiles/parcels/19/0/0").await.problem(404, "outside-zoom-range");
    let outside = server.get("/tiles/parcels/14/16384/0").await.problem(404, "outside-grid");
    assert_eq!((&outside["parameter"], &outside["value"]), (&"x".into(), &16384.into()));
    server.get("/tiles/parcels/23/0/0").await.problem(404, "outside-grid");
    for (bad, parameter) in [
        ("/tiles/parcels/z/0/0", "z"),
        ("/tiles/parcels/14/-1/0", "x"),
        ("/tiles/parcels/14/1.5/0", "x"),
        ("/tiles/parcels/14/0/99999999999", "y"),
        ("/tiles/parcels/14/0/+1", "y"),
        ("/tiles/parcels/14/01/1", "x"),
        ("/tiles/parcels/14/0/1.png", "y"),
    ] {
        let problem = server.get(bad).await.problem(400, "invalid-tile");
        assert_eq!(problem["parameter"], parameter, "{problem}");
    }
}

#[tokio::test]
async fn layers_that_are_unknown_twice_too_many_or_loading_are_named() {
    let server = Server::start().await;
    let unknown = server.get("/tiles/parcels,nothing/14/0/0").await.problem(404, "unknown-layer");
    assert_eq!(unknown["value"], "nothing");
    server.get("/tiles/parcels,parcels/14/0/0").await.problem(400, "invalid-parameter");
    server.get("/tiles/,/14/0/0").await.problem(404, "unknown-layer");
    let loading = server.get("/tiles/parcels,slow-layer/14/0/0").await;
    assert_eq!(loading.problem(503, "layer-loading")["layer"], "slow-layer");
    assert_eq!(loading.header("retry-after"), "1");
    let query = server.get("/tiles/parcels/14/0/0?token=x").await.problem(400, "unknown-parameter");
    assert_eq!(query["parameter"], "token");
}

#[tokio::test]
async fn tile_json_describes_what_the_tiles_hold() {
    let server = Server::start().await;
    let json = server.get("/tiles/parcels,fountains.json?lang=en").await.json();
    assert_eq!((&json["tilejson"], &json["scheme"]), (&"3.0.0".into(), &"xyz".into()));
    assert_eq!(json["tiles"][0], server.url("/tiles/parcels,fountains/{z}/{x}/{y}"));
    assert_eq!((&json["minzoom"], &json["maxzoom"]), (&12.into(), &18.into()));
    assert_eq!(json["name"], "Parcels, fountains en");
    assert_eq!(json["attribution"], "Agenzia");
    let layers = json["vector_layers"].as_array().expect("layers");
    assert_eq!((&layers[0]["id"], &layers[0]["fields"]["sheet"]), (&"parcels".into(), &"Number".into()));
    assert!(layers[0]["fields"].get("national_ref").is_none(), "not in tiles");
    assert!(layers[0]["fields"].get("value_eur").is_none(), "not public");
    let bounds: Vec<f64> = serde_json::from_value(json["bounds"].clone()).expect("bounds");
    let center: Vec<f64> = serde_json::from_value(json["center"].clone()).expect("center");
    assert!(bounds[0] < center[0] && center[0] < bounds[2] && bounds[1] < center[1] && center[1] < bounds[3]);
    let json = server.get("/tiles/parcels,parcels_label.json?lang=en").await.json();
    assert_eq!((&json["name"], &json["minzoom"], &json["maxzoom"]), (&"Parcels".into(), &13.into(), &18.into()));
    let layers = json["vector_layers"].as_array().expect("layers");
    assert_eq!((layers.len(), &layers[0]["id"], &layers[1]["id"]), (2, &"parcels".into(), &"parcels_label".into()));
    assert_eq!(layers[1]["fields"], serde_json::json!({"number": "String"}));
    assert_eq!((&layers[1]["minzoom"], &layers[1]["maxzoom"]), (&13.into(), &18.into()));
    server.get("/tiles/parcels").await.problem(404, "unknown-path");
}

#[tokio::test]
async fn tiles_come_out_the_same_without_a_cache_and_from_it() {
    let cached = Server::start().await;
    let uncached = Server::with(|config| config.tile.cache_mb = 0).await;
    let path = path("parcels,streets", 15);
    let first = cached.get(&path).await;
    let second = cached.get(&path).await;
    let third = uncached.get(&path).await;
    assert_eq!((&first.body, first.header("etag")), (&second.body, second.header("etag")));
    assert_eq!((&first.body, first.header("etag")), (&third.body, third.header("etag")));
    let metrics = cached.get("/metrics").await.text();
    assert!(metrics.contains("bricola_tile_cache_total{result=\"hit\"} 1"), "{metrics}");
    assert!(metrics.contains("bricola_tile_cache_total{result=\"miss\"} 1"));
}

#[tokio::test]
async fn many_at_once_get_one_and_the_same_tile() {
    let server = Server::start().await;
    let url = server.url(&path("parcels", 14));
    let requests = (0..32).map(|_| {
        let request = server.client.get(&url).header("accept-encoding", "gzip");
        tokio::spawn(async move { request.send().await.expect("answer").bytes().await.expect("body") })
    });
    let mut bodies = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        bodies.push(request.await.expect("task"));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}
