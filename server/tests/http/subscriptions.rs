//! Subscriptions: webhooks to a receiver of our own, pages and streams, over a real store.

mod modi;
pub mod receiver;
mod wrong;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Replacement as _, Store as _};
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::Digest as _;

use super::feed::{definition, fountain, update};
use super::harness::{Answer, Server};
use receiver::Receiver;

const TOKEN: &str = "a-token-of-the-gis-office";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr";

struct City {
    store: Arc<GeoPackageStore>,
    server: Server,
    folder: tempfile::TempDir,
}

impl City {
    /// Ten fountains, and a layer for the staff; events may go to this machine.
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(configure: impl FnOnce(&mut bricola::config::Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bricola.gpkg");
        let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
        for (id, visibility) in [("fountains", "public"), ("hidden", "staff")] {
            store.define(&definition(id, visibility)).await.expect("defined");
            let rows = (0..10).map(|n| Edit::Insert(fountain(f64::from(n), &format!("n{n}")))).collect();
            store.write(id, rows).await.expect("written");
        }
        let server = Self::serve(&store, configure).await;
        Self { store, server, folder }
    }

    async fn serve(store: &Arc<GeoPackageStore>, configure: impl FnOnce(&mut bricola::config::Config)) -> Server {
        Server::over_with(Arc::clone(store), |config| {
            config.editing.enabled = true;
            config.editing.token = Some(TOKEN.to_owned().into());
            config.subscriptions.hosts = vec!["127.0.0.1".to_owned()];
            configure(config);
        })
        .await
    }

    async fn store_write(&self, id: i64, name: &str) {
        self.store.write("fountains", vec![update(id, fountain(1.0, name))]).await.expect("written");
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let request = self.server.client.request(method, self.server.url(path)).bearer_auth(TOKEN);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.server.send(request).await
    }

    async fn subscribe(&self, body: Json) -> Json {
        let answer = self.ask(Method::POST, "/subscriptions", Some(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    async fn status(&self, id: &str) -> Json {
        let answer = self.ask(Method::GET, &format!("/subscriptions/{id}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["status"].clone()
    }

    /// Waits until the subscription says so.
    async fn until(&self, id: &str, holds: impl Fn(&Json) -> bool) -> Json {
        for _ in 0..600 {
            let status = self.status(id).await;
            if holds(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}", self.status(id).await);
    }

    async fn caught_up(&self, id: &str) -> Json {
        let end = self.store.last_seq().await.expect("the end");
        self.until(id, |status| status["state"] == "current" && status["seq"].as_i64() >= Some(end)).await
    }
}

fn webhook(id: &str, url: &str, more: &Json) -> Json {
    let mut body = json!({
        "id": id, "layers": ["fountains"], "secret": SECRET, "delivery": {"kind": "webhook", "url": url},
    });
    for (name, value) in more.as_object().expect("an object") {
        if name == "delivery" {
            body["delivery"].as_object_mut().expect("it").extend(value.as_object().expect("an object").clone());
        } else {
            body[name] = value.clone();
        }
    }
    body
}

/// What a subscriber has who applies what it is told, by id: the names.
fn applied(events: &[Json]) -> BTreeMap<i64, String> {
    let mut copy = BTreeMap::new();
    for event in events {
        let data = &event["data"];
        let Some(id) = data["id"].as_i64() else { continue };
        match data["after"]["properties"]["name"].as_str() {
            Some(name) if data["selection"] != "left" => drop(copy.insert(id, name.to_owned())),
            _ => drop(copy.remove(&id)),
        }
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_a_copy_and_then_every_change_in_order_and_signed() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    let told = city.subscribe(webhook("tributi", &receiver.url("/events"), &json!({"start": "copy"}))).await;
    assert_eq!(told["secret"], SECRET);
    city.caught_up("tributi").await;
    let kinds: Vec<String> =
        receiver.events().iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(
        (kinds.first().map(String::as_str), kinds.last().map(String::as_str)),
        (Some("bricola.copy.begin"), Some("bricola.copy.end"))
    );
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    for n in 0..20_i64 {
        let id = n % 10 + 1;
        city.store.write("fountains", vec![update(id, fountain(n as f64, &format!("m{n}")))]).await.expect("written");
    }
    city.store.write("hidden", vec![update(1, fountain(1.0, "never told"))]).await.expect("written");
    city.store.write("fountains", vec![Edit::Delete { id: 3, expected: None }]).await.expect("written");
    let status = city.caught_up("tributi").await;
    assert_eq!((status["delivered"].as_u64(), status["letters"].as_u64()), (Some(33), Some(0)), "{status}");
    let events = receiver.events();
    let expected: BTreeMap<i64, String> =
        (0..10).filter(|n| *n != 2).map(|n| (n + 1, format!("m{}", n + 10))).collect();
    assert_eq!(applied(&events), expected);
    let all = serde_json::to_string(&events).expect("JSON");
    assert!(!all.contains("never told") && !all.contains("secret"), "what is hidden is told to nobody");
    let seqs: Vec<i64> = events.iter().skip(12).filter_map(|event| event["data"]["seq"].as_i64()).collect();
    assert!(seqs.is_sorted() && seqs.len() == 21, "{seqs:?}");
    for event in &events {
        assert_eq!((&event["specversion"], &event["subscription"]), (&json!("1.0"), &json!("tributi")));
        assert!(event["source"].as_str().is_some_and(|source| source.ends_with("/collections/fountains")), "{event}");
    }
    receiver.assert_signed(SECRET);
    // Other layers and fields are hidden, versions and cells are told.
    let last = &events[events.len() - 2]["data"];
    assert!(
        last["version"].as_i64() > Some(1) && last["cell"].as_str().is_some_and(|cell| cell.starts_with("14/")),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_fails_for_a_while_loses_nothing_and_hears_all_in_order() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    city.subscribe(webhook("lavori", &receiver.url("/events"), &json!({"delivery": {"events_per_request": 3}}))).await;
    receiver.answer(|count, _| if count < 3 { 500 } else { 200 });
    for n in 0..10 {
        city.store.write("fountains", vec![update(n % 2 + 1, fountain(1.0, &format!("f{n}")))]).await.expect("written");
    }
    let failing = city.until("lavori", |status| status["state"] == "failing").await;
    assert!(failing["failing"]["reason"].as_str().is_some_and(|reason| reason.contains("500")), "{failing}");
    city.caught_up("lavori").await;
    let names: Vec<String> = receiver
        .taken()
        .iter()
        .map(|event| event["data"]["after"]["properties"]["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, (0..10).map(|n| format!("f{n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_lies_aside_with_what_comes_behind_it_until_it_is_sent_again() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    city.subscribe(webhook("tributi", &receiver.url("/events"), &json!({}))).await;
    receiver.answer(|_, events| if events.iter().any(|event| event["data"]["id"] == 1) { 422 } else { 200 });
    for n in 0..6 {
        city.store.write("fountains", vec![update(n % 2 + 1, fountain(1.0, &format!("r{n}")))]).await.expect("written");
    }
    let status = city.caught_up("tributi").await;
    assert_eq!(status["letters"], 3, "{status}");
    let taken: Vec<Json> = receiver.taken().iter().map(|event| event["data"]["id"].clone()).collect();
    assert_eq!(taken, [json!(2), json!(2), json!(2)], "others do not wait");
    let letters = city.ask(Method::GET, "/subscriptions/tributi/letters", None).await.json();
    let all = letters["letters"].as_array().expect("letters");
    assert!(all[0]["reason"].as_str().is_some_and(|reason| reason.contains("422")), "{letters}");
    assert!(all[1]["reason"].as_str().is_some_and(|reason| reason.contains("behind")), "{letters}");
    assert_eq!(all[0]["event"]["data"]["after"]["properties"]["name"], "r0");
    // Mended: everything is sent again, in its order, and what comes after behind it.
    receiver.answer(|_, _| 200);
    let replay = city.ask(Method::POST, "/subscriptions/tributi/replay", None).await;
    assert_eq!(replay.json()["letters"], 3);
    city.until("tributi", |status| status["letters"] == 0).await;
    city.store.write("fountains", vec![update(1, fountain(1.0, "r6"))]).await.expect("written");
    city.caught_up("tributi").await;
    let names: Vec<Json> = receiver
        .taken()
        .iter()
        .filter(|event| event["data"]["id"] == 1)
        .map(|event| event["data"]["after"]["properties"]["name"].clone())
        .collect();
    assert_eq!(names, [json!("r0"), json!("r2"), json!("r4"), json!("r6")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_nobody_wants_lets_the_next_go() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    city.subscribe(webhook("tributi", &receiver.url("/events"), &json!({}))).await;
    receiver.answer(|_, events| {
        if events.iter().any(|event| event["data"]["after"]["properties"]["name"] == "poison") { 400 } else { 200 }
    });
    for name in ["poison", "after"] {
        city.store.write("fountains", vec![update(1, fountain(1.0, name))]).await.expect("written");
    }
    city.until("tributi", |status| status["letters"] == 2).await;
    let letters = city.ask(Method::GET, "/subscriptions/tributi/letters?limit=1", None).await.json();
    let number = letters["letters"][0]["number"].as_i64().expect("a number");
    let path = format!("/subscriptions/tributi/letters/{number}");
    assert_eq!(city.ask(Method::DELETE, &path, None).await.status, 204);
    city.ask(Method::DELETE, &path, None).await.problem(404, "unknown-subscription");
    city.until("tributi", |status| status["letters"] == 0).await;
    let names: Vec<Json> =
        receiver.taken().iter().map(|event| event["data"]["after"]["properties"]["name"].clone()).collect();
    assert_eq!(names, [json!("after")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_wanted_is_told_and_what_leaves_too() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    let wanted = json!({"filter": "name LIKE 'k%'", "fields": ["name"], "start": "copy"});
    city.subscribe(webhook("few", &receiver.url("/events"), &wanted)).await;
    city.caught_up("few").await;
    assert_eq!(receiver.events().len(), 2, "an empty copy has a beginning and an end");
    for (id, name) in [(1, "k1"), (2, "other"), (1, "k2"), (1, "gone")] {
        city.store.write("fountains", vec![update(id, fountain(1.0, name))]).await.expect("written");
    }
    city.caught_up("few").await;
    let said: Vec<Json> = receiver.events().iter().skip(2).map(|event| event["data"]["selection"].clone()).collect();
    assert_eq!(said, [json!("entered"), json!("stayed"), json!("left")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_loaded_anew_is_copied_anew_and_one_that_goes_is_told() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    city.subscribe(webhook("tributi", &receiver.url("/events"), &json!({}))).await;
    let mut replacement = city.store.replace("fountains").await.expect("begins");
    replacement.push((0..4).map(|n| fountain(f64::from(n), &format!("z{n}"))).collect()).await.expect("takes");
    replacement.commit().await.expect("commits");
    city.caught_up("tributi").await;
    let kinds: Vec<Json> = receiver.events().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    assert_eq!(
        (&kinds[0], &kinds[1], &kinds[6]),
        (&json!("bricola.layer.replace"), &json!("bricola.copy.begin"), &json!("bricola.copy.end"))
    );
    let names: Vec<String> = applied(&receiver.events()).into_values().collect();
    assert_eq!(names, ["z0", "z1", "z2", "z3"]);
    city.store.drop_layer("fountains").await.expect("dropped");
    city.until("tributi", |status| status["missing_layers"] == json!(["fountains"])).await;
    for _ in 0..400 {
        if receiver.events().last().is_some_and(|event| event["type"] == "bricola.layer.gone") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?}", receiver.events().last());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_goes_on_where_one_has_ended() {
    let (city, receiver) = (City::new().await, Receiver::start().await);
    city.subscribe(webhook("tributi", &receiver.url("/events"), &json!({"start": "copy"}))).await;
    city.caught_up("tributi").await;
    let City { store, server, folder } = city;
    assert!(server.end().await);
    for n in 0..5 {
        store.write("fountains", vec![update(1, fountain(1.0, &format!("away{n}")))]).await.expect("written");
    }
    let server = City::serve(&store, |_| ()).await;
    let city = City { store, server, folder };
    city.caught_up("tributi").await;
    assert_eq!(applied(&receiver.events())[&1], "away4");
    assert_eq!(receiver.events().len(), 12 + 5, "nothing twice after an orderly end");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fetches_confirms_by_asking_on_and_compares_by_digest() {
    let city = City::new().await;
    let told = city
        .subscribe(json!({"id": "pages", "layers": ["fountains"], "delivery": {"kind": "pull"}, "patience_days": 30}))
        .await;
    let secret = told["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"));
    let fetch = async |query: &str| {
        let url = city.server.url(&format!("/subscriptions/pages/changes?{query}"));
        city.server.send(city.server.client.get(url).bearer_auth(&secret)).await
    };
    for n in 0..5 {
        city.store.write("fountains", vec![update(n + 1, fountain(1.0, &format!("p{n}")))]).await.expect("written");
    }
    let first = fetch("limit=2").await.json();
    assert_eq!(first["events"].as_array().map(Vec::len), Some(2), "{first}");
    let again = fetch("limit=2").await.json();
    assert_eq!(first["events"][0]["id"], again["events"][0]["id"], "not confirmed, told again");
    let token = |page: &Json| page["next"].as_str().expect("a token").to_owned();
    let next = fetch(&format!("after={}", token(&first))).await.json();
    assert_eq!(next["events"].as_array().map(Vec::len), Some(3), "{next}");
    assert_eq!(city.status("pages").await["seq"].to_string(), token(&first));
    let none = fetch(&format!("after={}", token(&next))).await.json();
    assert_eq!((none["events"].as_array().map(Vec::len), token(&none)), (Some(0), none["seq"].to_string()));
    fetch("after=999999").await.problem(400, "cursor-ahead");
    fetch("after=yesterday").await.problem(400, "invalid-parameter");
    let followers = city.store.followers().await.expect("reads");
    let kept: Vec<_> = followers.iter().map(|follower| (follower.name.as_str(), follower.patience_days)).collect();
    assert_eq!(kept, [("subscription pages", Some(30))]);

    let url = city.server.url("/subscriptions/pages/digest");
    let digest = city.server.send(city.server.client.get(url).bearer_auth(&secret)).await.json();
    let layer = &digest["layers"][0];
    assert_eq!((&layer["layer"], &layer["count"]), (&json!("fountains"), &json!(10)));
    let cells: u64 =
        layer["cells"].as_object().expect("cells").values().filter_map(|cell| cell["count"].as_u64()).sum();
    assert_eq!(cells, 10);
    // As a subscriber computes it: features 1 to 5 at version 2, the others at 1.
    let bits = (1..=10).fold(0_u128, |bits, id| {
        let hash = sha2::Sha256::digest(format!("fountains/{id}/{}", if id <= 5 { 2 } else { 1 }));
        bits ^ u128::from_be_bytes(hash[..16].try_into().expect("16 bytes"))
    });
    assert_eq!(layer["digest"], format!("{bits:032x}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fetches_may_begin_with_a_copy_and_breaks_off_where_it_likes() {
    let city = City::new().await;
    let wanted =
        json!({"id": "copy", "layers": ["fountains"], "secret": SECRET, "start": "copy", "delivery": {"kind": "pull"}});
    city.subscribe(wanted).await;
    let (mut token, mut events) = (String::new(), Vec::new());
    for page in 0..40 {
        let query = if token.is_empty() { String::new() } else { format!("&after={token}") };
        let answer = city.ask(Method::GET, &format!("/subscriptions/copy/changes?limit=3{query}"), None).await.json();
        token = answer["next"].as_str().expect("a token").to_owned();
        let new = answer["events"].as_array().expect("events").clone();
        if page == 1 {
            // In the middle of the copy something changes.
            city.store.write("fountains", vec![update(1, fountain(1.0, "changed"))]).await.expect("written");
            city.store.write("fountains", vec![Edit::Delete { id: 10, expected: None }]).await.expect("written");
        }
        let is_over = new.is_empty();
        events.extend(new);
        if is_over {
            break;
        }
    }
    let mut expected: BTreeMap<i64, String> = (0..9).map(|n| (n + 1, format!("n{n}"))).collect();
    expected.insert(1, "changed".to_owned());
    assert_eq!(applied(&events), expected);
    assert_eq!(city.status("copy").await["state"], "current");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_happens_and_is_resumed() {
    let city = City::new().await;
    city.subscribe(json!({"id": "live", "layers": ["fountains"], "secret": SECRET, "delivery": {"kind": "pull"}}))
        .await;
    let open = async |after: Option<i64>| {
        let request = city.server.client.get(city.server.url("/subscriptions/live/events")).bearer_auth(SECRET);
        let request = after.into_iter().fold(request, |request, after| request.header("last-event-id", after));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer
    };
    let mut stream = open(None).await;
    let (_, seq) = city.store.write("fountains", vec![update(1, fountain(1.0, "live"))]).await.expect("written");
    let mut text = String::new();
    while !text.contains("event: change") {
        let piece =
            tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.expect("in time").expect("a piece");
        text.push_str(&String::from_utf8_lossy(&piece.expect("more")));
    }
    assert!(text.contains(&format!("id: {seq}")) && text.contains("\"name\":\"live\""), "{text}");
    drop(stream);
    city.store.write("fountains", vec![update(2, fountain(1.0, "missed"))]).await.expect("written");
    let mut stream = open(Some(seq)).await;
    let mut text = String::new();
    while !text.contains("missed") {
        let piece =
            tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.expect("in time").expect("a piece");
        text.push_str(&String::from_utf8_lossy(&piece.expect("more")));
    }
    assert!(!text.contains("\"name\":\"live\""), "{text}");
}
