//! Wrong subscriptions, unknown callers, and destinations that may not be.

use bricola_layers::store::Store as _;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{City, SECRET, webhook};
use crate::harness::Server;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_hears_nothing() {
    let city = City::new().await;
    city.subscribe(json!({"id": "pages", "layers": ["fountains"], "secret": SECRET, "delivery": {"kind": "pull"}}))
        .await;
    for path in [
        "/subscriptions",
        "/subscriptions/pages",
        "/subscriptions/none",
        "/subscriptions/pages/changes",
        "/subscriptions/none/changes",
        "/subscriptions/pages/digest",
        "/subscriptions/pages/letters",
        "/subscriptions/pages/events",
    ] {
        city.server.get(path).await.problem(401, "unauthorized");
        let wrong = city.server.client.get(city.server.url(path)).bearer_auth("whsec_of_somebody_else_altogether");
        city.server.send(wrong).await.problem(401, "unauthorized");
    }
    // The secret of a subscription opens that one only, and not the list.
    for (path, status) in
        [("/subscriptions/pages", 200), ("/subscriptions", 401), ("/subscriptions/pages/letters", 401)]
    {
        let its = city.server.client.get(city.server.url(path)).bearer_auth(SECRET);
        assert_eq!(city.server.send(its).await.status, status, "{path}");
    }
    let shown = city.ask(Method::GET, "/subscriptions/pages", None).await;
    assert!(!shown.text().contains(SECRET), "the secret is told once");
    city.ask(Method::GET, "/subscriptions/none", None).await.problem(404, "unknown-subscription");
    city.ask(Method::DELETE, "/subscriptions/none", None).await.problem(404, "unknown-subscription");
    // Where nobody may edit there are none.
    Server::start().await.get("/subscriptions").await.problem(405, "method-not-allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_subscriptions_are_refused_with_all_that_is_wrong() {
    let city = City::new().await;
    let refused = async |body: Json, pointers: &[&str]| {
        let answer = city.ask(Method::POST, "/subscriptions", Some(&body)).await;
        let problem = answer.problem(422, "invalid-subscription");
        let told: Vec<&str> =
            problem["errors"].as_array().expect("errors").iter().filter_map(|e| e["pointer"].as_str()).collect();
        assert_eq!(told, pointers, "{problem}");
    };
    let url = "http://127.0.0.1:1/";
    refused(webhook("A", url, &json!({})), &["/id"]).await;
    refused(webhook("a", url, &json!({"layers": ["fountains", "nowhere"]})), &["/layers/1"]).await;
    refused(webhook("a", url, &json!({"layers": ["hidden"]})), &["/layers/0"]).await;
    refused(webhook("a", url, &json!({"filter": "nowhere = 1"})), &["/filter"]).await;
    refused(webhook("a", url, &json!({"filter": "name ="})), &["/filter"]).await;
    refused(webhook("a", url, &json!({"filter": "note = 'secret'"})), &["/filter"]).await;
    refused(webhook("a", url, &json!({"fields": ["name", "note"]})), &["/fields/1"]).await;
    refused(webhook("a", url, &json!({"bbox": [13.0, 46.0, 12.0, 45.0]})), &["/bbox"]).await;
    refused(webhook("a", url, &json!({"area": {"type": "Point", "coordinates": [12, 45]}})), &["/area"]).await;
    refused(webhook("a", url, &json!({"secret": "short", "layers": []})), &["/secret", "/layers"]).await;
    refused(webhook("a", url, &json!({"start": 999_999})), &["/start"]).await;
    refused(webhook("a", url, &json!({"delivery": {"signature": "modi"}})), &["/delivery/signature"]).await;
    for url in ["http://localhost:9/", "http://10.0.0.1/", "http://169.254.169.254/latest", "https://example.it/"] {
        refused(webhook("a", url, &json!({})), &["/delivery/url"]).await;
    }
    for body in [
        json!([]),
        json!({"id": "a"}),
        json!({"id": "a", "layers": ["fountains"], "delivery": {"kind": "pigeon"}}),
        webhook("a", url, &json!({"colour": "red"})),
    ] {
        city.ask(Method::POST, "/subscriptions", Some(&body)).await.problem(400, "invalid-body");
    }
    city.subscribe(webhook("a", url, &json!({}))).await;
    let twice = webhook("a", url, &json!({}));
    city.ask(Method::POST, "/subscriptions", Some(&twice)).await.problem(409, "subscription-exists");
    // What GET shows can be sent back; a webhook is not fetched.
    let mut shown = city.ask(Method::GET, "/subscriptions/a", None).await.json();
    shown["paused"] = true.into();
    let changed = city.ask(Method::PUT, "/subscriptions/a", Some(&shown)).await;
    assert_eq!((changed.status, &changed.json()["status"]["state"]), (200, &json!("paused")), "{}", changed.text());
    city.ask(Method::GET, "/subscriptions/a/changes", None).await.problem(405, "method-not-allowed");
    assert_eq!(city.ask(Method::DELETE, "/subscriptions/a", None).await.status, 204);
    city.ask(Method::GET, "/subscriptions/a", None).await.problem(404, "unknown-subscription");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_nothing_goes_to_this_machine() {
    let city = City::with(|config| config.subscriptions.hosts.clear()).await;
    for url in ["http://127.0.0.1:1/", "http://[::1]:1/", "http://192.168.1.1/"] {
        let body = webhook("a", url, &json!({}));
        let problem = city.ask(Method::POST, "/subscriptions", Some(&body)).await.problem(422, "invalid-subscription");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("inner network")), "{problem}");
    }
    // A name that leads here is found out when it is looked up.
    city.subscribe(webhook("named", "http://localhost:1/", &json!({}))).await;
    city.store.write("fountains", vec![super::update(1, super::fountain(1.0, "x"))]).await.expect("written");
    let status = city.until("named", |status| status["state"] == "failing").await;
    assert!(status["failing"]["reason"].as_str().is_some_and(|reason| reason.contains("inner network")), "{status}");
}
