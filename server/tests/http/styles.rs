//! Styles, glyphs and sprites.

mod editing;
mod pictures;

use super::harness::{Server, assert_log_is_clean};

#[tokio::test]
async fn the_city_style_asks_only_this_server_and_every_address_in_it_answers() {
    let server = Server::start().await;
    let list = server.get("/styles").await.json();
    assert_eq!(list["default"], "city");
    let ids: Vec<&str> =
        list["styles"].as_array().expect("styles").iter().filter_map(|style| style["id"].as_str()).collect();
    assert!(ids.contains(&"city") && ids.contains(&"parcels") && !ids.contains(&"rentals"), "{ids:?}");
    let style = server.get("/styles/city.json").await.json();
    assert_eq!(style["version"], 8);
    assert_eq!(style, server.get("/styles/city").await.json());
    let text = style.to_string();
    let foreign = text.match_indices("http").filter(|(at, _)| !text[*at..].starts_with(&server.url("")));
    assert_eq!(foreign.count(), 0, "{text}");
    let sprite = style["sprite"].as_str().expect("sprite");
    for suffix in [".json", ".png", "@2x.json", "@2x.png"] {
        let answer = server.send(server.client.get(format!("{sprite}{suffix}"))).await;
        assert_eq!(answer.status, 200, "{suffix}");
        assert!(answer.header("cache-control").contains("max-age"));
    }
    let glyphs = style["glyphs"].as_str().expect("glyphs");
    let glyphs = glyphs.replace("{fontstack}", "Titillium Web Regular").replace("{range}", "0-255");
    let answer = server.send(server.client.get(glyphs)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-protobuf"), "{}", answer.text());
    assert!(answer.body.len() > 10_000);
    for source in style["sources"].as_object().expect("sources").values() {
        let url = source["tiles"][0].as_str().expect("tiles");
        let url = url.replace("{z}", "16").replace("{x}", "0").replace("{y}", "0");
        let status = server.send(server.client.get(&url)).await.status;
        assert!(matches!(status, 204 | 503), "{url}: {status}");
    }
    assert_log_is_clean();
}

#[tokio::test]
async fn what_is_not_there_is_named_with_what_is() {
    let server = Server::start().await;
    let style = server.get("/styles/moon").await.problem(404, "unknown-style");
    assert!(style["allowed"].to_string().contains("city"));
    server.get("/styles/rentals").await.problem(404, "unknown-style");
    let font = server.get("/fonts/Comic%20Sans/0-255.pbf").await.problem(404, "unknown-asset");
    assert!(font["allowed"].to_string().contains("Titillium"));
    let range = server.get("/fonts/Titillium%20Web%20Regular/1-2.pbf").await.problem(400, "invalid-parameter");
    assert_eq!(range["parameter"], "range");
    server.get("/sprites/moon.png").await.problem(404, "unknown-asset");
}
