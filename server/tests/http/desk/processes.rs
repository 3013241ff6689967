//! The services as processes, and jobs.

use serde_json::{Value as Json, json};

use super::{TOKEN, town};

const ZONES: &str = "/processes/zones/execution";

fn question() -> Json {
    json!({"inputs": {"parcel": "12/57", "layers": ["tariff-zones"], "datetime": {"value": "2026-01-01"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_listed_described_and_answer_as_their_paths_do() {
    let town = town().await;
    let list = town.json("/processes").await;
    for process in list["processes"].as_array().expect("processes") {
        let id = process["id"].as_str().expect("an id");
        let one = town.json(&format!("/processes/{id}")).await;
        assert_eq!(
            (&one["title"], one["inputs"].as_object().is_some_and(|it| it.len() > 3)),
            (&process["title"], true)
        );
        assert!(one["outputs"].as_object().is_some_and(|it| !it.is_empty()), "{one}");
        assert!(!one.to_string().contains("$ref"), "a description stands for itself: {one}");
        let page = town.server.get(&format!("/processes/{id}?f=html")).await;
        assert_eq!(page.status, 200);
    }
    let raw = town.server.post_json(ZONES, &question()).await;
    let plain = town.server.get("/zones?parcel=12/57&layers=tariff-zones&datetime=2026-01-01").await;
    assert_eq!(raw.json(), plain.json());
    let mut wanted = question();
    wanted["response"] = "document".into();
    assert_eq!(town.server.post_json(ZONES, &wanted).await.json()["zones"], plain.json());
    let mut several = json!({"inputs": {"parcels": "12/57"}, "outputs": {"certificate": {}, "page": {}}});
    let raw = town.server.post_json("/processes/planning-certificate/execution", &several).await;
    let boundary = raw.header("content-type").strip_prefix("multipart/related; boundary=").expect("several parts");
    let text = raw.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!((parts.len(), parts[3]), (4, "--\r\n"), "{text}");
    assert!(parts[1].starts_with("\r\nContent-Type: application/json\r\nContent-ID: <certificate>\r\n\r\n{"), "{text}");
    assert!(parts[2].contains("Content-ID: <page>\r\n\r\n<!DOCTYPE html>"));
    // Who names none has all of them.
    let all = json!({"inputs": {"parcels": "12/57"}, "response": "document"});
    let all = town.server.post_json("/processes/planning-certificate/execution", &all).await.json();
    let mut names: Vec<&str> = all.as_object().expect("outputs").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["certificate", "page", "pdf", "pieces"]);
    several["response"] = "document".into();
    let several = town.server.post_json("/processes/planning-certificate/execution", &several).await.json();
    assert!(
        several["certificate"]["certificates"].is_array() && several["page"]["mediaType"] == "text/html; charset=utf-8"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_followed_read_and_forgotten() {
    let town = town().await;
    let request = town.server.client.post(town.server.url(ZONES)).header("prefer", "respond-async").json(&question());
    let begun = town.server.send(request).await;
    assert_eq!((begun.status, begun.header("preference-applied")), (201, "respond-async"), "{}", begun.text());
    let id = begun.json()["jobID"].as_str().expect("an id").to_owned();
    assert!(begun.header("location").ends_with(&format!("/jobs/{id}")));
    let mut status = begun.json();
    while status["status"] == "accepted" || status["status"] == "running" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        status = town.json(&format!("/jobs/{id}")).await;
    }
    assert_eq!((&status["status"], &status["progress"]), (&"successful".into(), &100.into()));
    let results = town.json(&format!("/jobs/{id}/results")).await;
    assert_eq!(
        results["layers"],
        town.json("/zones?parcel=12/57&layers=tariff-zones&datetime=2026-01-01").await["layers"]
    );
    town.server.get("/jobs").await.problem(401, "unauthorized");
    let listed = async |query: &str| {
        let known = town.server.client.get(town.server.url(&format!("/jobs?{query}"))).bearer_auth(TOKEN);
        town.server.send(known).await
    };
    assert_eq!(listed("").await.json()["jobs"][0]["jobID"], id.as_str());
    let created = status["created"].as_str().expect("an instant").replace('+', "%2B");
    let all = [
        "type=process".to_owned(),
        "processID=zones".to_owned(),
        "status=failed,successful".to_owned(),
        "minDuration=0&maxDuration=600".to_owned(),
        format!("datetime={created}"),
        format!("datetime={created}/.."),
        "limit=1".to_owned(),
    ];
    for query in all {
        assert_eq!(listed(&query).await.json()["jobs"].as_array().map(Vec::len), Some(1), "{query}");
    }
    for query in ["processID=parcel", "status=running", "minDuration=600", "datetime=../2020-01-01T00:00:00Z"] {
        assert_eq!(listed(query).await.json()["jobs"], json!([]), "{query}");
    }
    for (query, named) in [
        ("type=workflow", "type"),
        ("status=done", "status"),
        ("datetime=ieri", "datetime"),
        ("minDuration=-1", "minDuration"),
    ] {
        assert_eq!(listed(query).await.problem(400, "invalid-parameter")["parameter"], named);
    }
    assert!(listed("f=html&lang=it").await.text().contains(&id));
    let page = town.server.get(&format!("/jobs/{id}?f=html&lang=it")).await.text();
    assert!(page.contains("finito, 100 %") && page.contains(&format!("jobs/{id}/results")), "{page}");
    let gone = town.server.send(town.server.client.delete(town.server.url(&format!("/jobs/{id}")))).await;
    assert_eq!(gone.json()["status"], "dismissed");
    for path in [format!("/jobs/{id}"), format!("/jobs/{id}/results")] {
        let problem = town.server.get(&path).await.problem(404, "unknown-job");
        assert!(problem["type"].as_str().is_some_and(|it| it.ends_with("/no-such-job")), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_says_why() {
    let town = town().await;
    let request = town.server.client.post(town.server.url(ZONES)).header("prefer", "respond-async");
    let begun = town.server.send(request.json(&json!({"inputs": {"parcel": "99/1"}}))).await.json();
    let id = begun["jobID"].as_str().expect("an id");
    let mut status = begun.clone();
    while status["status"] == "accepted" || status["status"] == "running" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        status = town.json(&format!("/jobs/{id}")).await;
    }
    assert_eq!(status["status"], "failed");
    assert!(status["message"].as_str().is_some_and(|it| it.contains("no parcel")), "{status}");
    town.server.get(&format!("/jobs/{id}/results")).await.problem(404, "unknown-feature");
}
