//! Landing page, assets, errors for what is not there, CORS, health, metrics.

use reqwest::Method;

use super::harness::{Server, assert_log_is_clean};

#[tokio::test]
async fn the_landing_page_is_html_for_browsers_and_json_for_machines() {
    let server = Server::start().await;
    let page = server.get_with("/", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let json = server.get_with("/", &[("accept", "application/json")]).await.json();
    assert_eq!(json["title"], "Comune di Prova");
    let links: Vec<&str> =
        json["links"].as_array().expect("links").iter().filter_map(|link| link["rel"].as_str()).collect();
    assert!(links.contains(&"self") && links.contains(&"data"), "{links:?}");
    assert_eq!(server.get("/?f=json").await.header("content-type"), "application/json");
    assert_eq!(server.get("/?f=html").await.header("content-type"), "text/html; charset=utf-8");
    server.get_with("/", &[("accept", "image/png")]).await.problem(406, "not-acceptable");
    assert_log_is_clean();
}

#[tokio::test]
async fn every_link_of_the_landing_page_answers() {
    let server = Server::start().await;
    for link in server.get("/?f=json").await.json()["links"].as_array().expect("links") {
        let href = link["href"].as_str().expect("href");
        let answer = server.send(server.client.get(href)).await;
        assert!(matches!(answer.status, 200 | 503), "{href}: {}", answer.status);
        let kind = if answer.status == 200 { link["type"].as_str().expect("type") } else { "application/problem+json" };
        assert!(answer.header("content-type").starts_with(kind), "{href}");
    }
}

#[tokio::test]
async fn a_page_that_is_asked_for_again_is_not_sent_again() {
    let server = Server::start().await;
    let first = server.get("/?f=html").await;
    let again = server.get_with("/?f=html", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_that_names_it() {
    let server = Server::start().await;
    let problem = server.get("/nowhere/at/all").await.problem(404, "unknown-path");
    assert!(problem["detail"].as_str().expect("detail").contains("/nowhere/at/all"));
    assert_eq!(problem["instance"], "/nowhere/at/all");
    server.get("/assets/../../Cargo.toml").await.problem(404, "unknown-path");
    server.get("/assets/%2e%2e/%2e%2e/Cargo.toml").await.problem(404, "unknown-path");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_a_problem_with_allow() {
    let server = Server::start().await;
    for (method, path, allowed) in [
        (Method::POST, "/collections", "GET"),
        (Method::DELETE, "/tiles/parcels/14/1/1", "GET"),
        (Method::PUT, "/lookup", "POST"),
    ] {
        let answer = server.send(server.client.request(method, server.url(path))).await;
        answer.problem(405, "method-not-allowed");
        assert!(answer.header("allow").contains(allowed), "{path}: {:?}", answer.headers);
    }
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let server = Server::start().await;
    for path in
        ["/?f=json", "/collections", "/tiles/parcels.json", "/lookup?x=12.3389&y=45.4343", "/status", "/metrics"]
    {
        let get = server.get(path).await;
        let head = server.send(server.client.head(server.url(path))).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn other_origins_may_read_and_ask_first() {
    let server = Server::start().await;
    let answer = server.get_with("/collections", &[("origin", "https://qgis.example")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-expose-headers").contains("ETag"));
    let preflight = server
        .client
        .request(Method::OPTIONS, server.url("/lookup"))
        .header("origin", "https://qgis.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let answer = server.send(preflight).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert!(answer.header("access-control-allow-headers").contains("Content-Type"));
    let error = server.get_with("/nowhere", &[("origin", "https://qgis.example")]).await;
    assert_eq!(error.header("access-control-allow-origin"), "*", "errors can be read too");
}

#[tokio::test]
async fn only_listed_origins_may_read_where_there_is_a_list() {
    let server = Server::with(|config| config.cors.origins = vec!["https://www.comune.example.it".to_owned()]).await;
    let ours = server.get_with("/collections", &[("origin", "https://www.comune.example.it")]).await;
    assert_eq!(ours.header("access-control-allow-origin"), "https://www.comune.example.it");
    assert!(ours.headers.get_all("vary").iter().any(|value| value == "origin"));
    let other = server.get_with("/collections", &[("origin", "https://evil.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn status_says_what_is_loading_and_what_is_ready() {
    let server = Server::start().await;
    let answer = server.get("/status").await;
    let json = answer.problem(503, "not-ready");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(json["seq"], 10);
    let layers = json["layers"].as_array().expect("layers");
    let layer = |id: &str| layers.iter().find(|layer| layer["id"] == id);
    let parcels = layer("parcels").expect("parcels");
    assert_eq!((&parcels["state"], &parcels["count"], &parcels["seq"]), (&"ready".into(), &100.into(), &7.into()));
    assert!(parcels["age_s"].as_u64().expect("age") < 60);
    assert_eq!(layer("slow-layer").expect("slow")["state"], "loading");
    assert!(layer("rentals").is_none(), "a layer that is not public is not even named");
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_not_by_path() {
    let server = Server::start().await;
    server.get("/collections/parcels").await;
    server.get("/collections/fountains").await;
    server.get("/some/path").await;
    let text = server.get("/metrics").await.text();
    for line in [
        "bricola_http_requests_total{method=\"GET\",route=\"/collections/{collectionId}\",status=\"200\"} 2",
        "bricola_http_requests_total{method=\"GET\",route=\"(none)\",status=\"404\"} 1",
        "bricola_http_request_seconds_count{route=\"/collections/{collectionId}\"} 2",
        "bricola_layer_ready{layer=\"parcels\"} 1",
        "bricola_layer_ready{layer=\"slow-layer\"} 0",
        "bricola_layer_features{layer=\"parcels\"} 100",
        "bricola_seq 10",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("/some/path") && !text.contains("rentals"));
}

#[tokio::test]
async fn a_request_keeps_its_id_and_a_forged_one_is_replaced() {
    let server = Server::start().await;
    assert_eq!(server.get_with("/status", &[("x-request-id", "proxy-17")]).await.header("x-request-id"), "proxy-17");
    let forged = server.get_with("/status", &[("x-request-id", "a b\"c")]).await;
    assert!(!forged.header("x-request-id").contains(' '));
}

#[tokio::test]
async fn links_follow_the_proxy_in_front() {
    let server = Server::start().await;
    let headers = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mappe.comune.example.it"),
        ("x-forwarded-prefix", "/gis/"),
    ];
    let json = server.get_with("/tiles/parcels.json", &headers).await.json();
    assert_eq!(json["tiles"][0], "https://mappe.comune.example.it/gis/tiles/parcels/{z}/{x}/{y}");
    let forged = [("x-forwarded-host", "evil.example/<script>"), ("x-forwarded-prefix", "//evil.example")];
    let json = server.get_with("/tiles/parcels.json", &forged).await.json();
    let url = json["tiles"][0].as_str().expect("url");
    assert!(!url.contains("evil"), "{url}");
    let fixed = Server::with(|config| config.public_url = Some("https://a.example/b".to_owned())).await;
    let json = fixed.get_with("/tiles/parcels.json", &headers).await.json();
    assert_eq!(json["tiles"][0], "https://a.example/b/tiles/parcels/{z}/{x}/{y}");
    let distrusting = Server::with(|config| config.trust_forwarded = false).await;
    let json = distrusting.get_with("/tiles/parcels.json", &headers).await.json();
    assert!(json["tiles"][0].as_str().expect("url").starts_with(&distrusting.url("")));
}
