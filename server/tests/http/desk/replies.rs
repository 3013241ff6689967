//! Outcomes that are sent to whoever asked: callbacks of OGC API Processes, and the patterns of the Italian guidelines.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{TOKEN, Town, town_with};
use crate::harness::Answer;
use crate::subscriptions::receiver::{Got, Receiver};

const ZONES: &str = "/processes/zones/execution";
const REQUESTS: &str = "/processes/zones/requests";

async fn town() -> Town {
    town_with(|config| config.subscriptions.hosts = vec!["127.0.0.1".to_owned()]).await
}

fn question() -> Json {
    json!({"inputs": {"parcel": "12/57", "layers": ["tariff-zones"], "datetime": "2026-01-01"}})
}

impl Town {
    async fn ask(&self, path: &str, reply_to: Option<&str>, body: &Json) -> Answer {
        let mut request = self.server.client.post(self.server.url(path)).bearer_auth(TOKEN).json(body);
        if let Some(url) = reply_to {
            request = request.header("x-replyto", url);
        }
        self.server.send(request).await
    }

    async fn status_of(&self, id: &str, holds: impl Fn(&Json) -> bool) -> Json {
        for _ in 0..800 {
            let status = self.json(&format!("/jobs/{id}")).await;
            if holds(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{}", self.json(&format!("/jobs/{id}")).await);
    }
}

fn id_of(answer: &Answer) -> String {
    answer.json()["jobID"].as_str().expect("an id").to_owned()
}

fn header<'a>(got: &'a Got, name: &str) -> Option<&'a str> {
    got.headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_sent_to_whoever_asked_for_it() {
    let (town, receiver) = (town().await, Receiver::start().await);
    // The first request finds nobody at home.
    receiver.answer(|before, _| if before == 0 { 503 } else { 200 });
    let mut wanted = question();
    wanted["response"] = "document".into();
    wanted["subscriber"] = json!({"successUri": receiver.url("/events"), "failedUri": receiver.url("/events")});
    let begun = town.ask(ZONES, None, &wanted).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = id_of(&begun);
    let status = town.status_of(&id, |status| status["reply"]["state"] == "sent").await;
    assert_eq!(status["status"], "successful");
    let results = town.json(&format!("/jobs/{id}/results")).await;
    assert_eq!(receiver.events(), [results.clone(), results], "once in vain, and once more");
    receiver.each(|got| assert!(header(got, "x-correlation-id").is_none()));
    // What fails goes elsewhere, as the problem that it is.
    wanted["inputs"]["parcel"] = "99/99".into();
    let failed = id_of(&town.ask(ZONES, None, &wanted).await);
    town.status_of(&failed, |status| status["reply"]["state"] == "sent").await;
    let problem = receiver.events().pop().expect("a problem");
    let told = town.server.get(&format!("/jobs/{failed}/results")).await;
    for member in ["type", "title", "status", "detail", "code"] {
        assert_eq!(problem[member], told.json()[member], "{member}");
    }
    // Who does not want it is left alone.
    receiver.answer(|_, _| 410);
    let unwanted = id_of(&town.ask(ZONES, None, &wanted).await);
    let status = town.status_of(&unwanted, |status| status["reply"]["state"] == "given-up").await;
    assert_eq!(status["reply"]["reason"], "the subscriber answered 410");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_accepted_and_their_outcome_is_fetched_or_sent() {
    let (town, receiver) = (town().await, Receiver::start().await);
    let plain = town.json("/zones?parcel=12/57&layers=tariff-zones&datetime=2026-01-01").await;
    // NONBLOCK_PULL_REST: 202, a status, and 303 to the outcome. Nobody has to be known for it.
    let accepted = town.server.post_json(REQUESTS, &question()).await;
    let id = id_of(&accepted);
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    assert!(accepted.header("location").ends_with(&format!("/requests/{id}")));
    assert!(!accepted.headers.contains_key("x-correlation-id"));
    town.status_of(&id, |status| status["status"] == "successful").await;
    let unled = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let there = unled.get(town.server.url(&format!("/requests/{id}"))).send().await.expect("an answer");
    assert_eq!(there.status(), 303);
    let location = there.headers()["location"].to_str().expect("a text");
    assert!(location.ends_with(&format!("/jobs/{id}/results")), "{location}");
    assert_eq!(town.json(&format!("/jobs/{id}/results")).await, plain);
    // NONBLOCK_PUSH_REST: what is accepted has a name, by which its outcome is known.
    let accepted = town.ask(REQUESTS, Some(&receiver.url("/events")), &question()).await;
    assert_eq!((accepted.status, accepted.header("x-correlation-id")), (202, &*id_of(&accepted)));
    town.status_of(&id_of(&accepted), |status| status["reply"]["state"] == "sent").await;
    assert_eq!(receiver.events(), [plain]);
    receiver.each(|got| {
        assert_eq!(header(got, "x-correlation-id"), Some(&*id_of(&accepted)));
        assert_eq!(header(got, "content-type"), Some("application/json"));
    });
    town.server.get("/requests/00000000-0000-4000-8000-000000000000").await.problem(404, "unknown-job");
    let mut both = question();
    both["subscriber"] = json!({"successUri": receiver.url("/events")});
    town.ask(REQUESTS, None, &both).await.problem(400, "invalid-body");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_for_strangers_or_to_where_it_may_not_go() {
    let town = town().await;
    let mut wanted = question();
    wanted["subscriber"] = json!({"successUri": "http://127.0.0.1:1/"});
    town.server.post_json(ZONES, &wanted).await.problem(401, "unauthorized");
    let stranger = town.server.client.post(town.server.url(REQUESTS)).header("x-replyto", "http://127.0.0.1:1/");
    town.server.send(stranger.json(&question())).await.problem(401, "unauthorized");
    for url in ["http://169.254.169.254/latest", "ftp://127.0.0.1/", "nowhere", "http://127.0.0.1:x/"] {
        town.ask(REQUESTS, Some(url), &question()).await.problem(422, "invalid-reply-to");
        wanted["subscriber"]["inProgressUri"] = url.into();
        town.ask(ZONES, None, &wanted).await.problem(422, "invalid-reply-to");
    }
    town.ask(REQUESTS, Some(" "), &question()).await.problem(422, "invalid-reply-to");
    for subscriber in [json!({}), json!("http://127.0.0.1:1/"), json!({"successUri": 1}), json!({"success": "x"})] {
        wanted["subscriber"] = subscriber;
        town.ask(ZONES, None, &wanted).await.problem(400, "invalid-body");
    }
}
