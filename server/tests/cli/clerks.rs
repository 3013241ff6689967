//! Edits over HTTP on PostGIS: two servers, another program, and a restart between.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::harness::{Folder, Process, complaints};
use super::postgis::PostGis;

const TOKEN: &str = "a-token-of-the-gis-office";
const ITEMS: &str = "/collections/fountains/items";

/// What a server answers: status, headers, body.
struct Answer(u16, reqwest::header::HeaderMap, Value);

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.1.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

fn send(server: &Process, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let media_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/geo+json" };
        let request = Client::new().request(method, format!("{}{path}", server.url)).bearer_auth(TOKEN);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response =
            request.header("content-type", media_type).body(body.to_string()).send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer(status, headers, response.json().await.unwrap_or_default())
    })
}

fn start(folder: &Folder, url: &str) -> Process {
    let mut command =
        folder.command(&["serve", "--listen", "127.0.0.1:0", "--database", url, "--editing-enabled=true"]);
    command.env("BRICOLA_EDITING_TOKEN", TOKEN);
    let server = Process::of(command);
    server.wait_until_ready();
    server
}

#[test]
fn clerks_on_two_servers_and_at_the_database_lose_no_edit() {
    let (database, folder) = (PostGis::start(), Folder::new());
    let url = database.url();
    let filled = folder.run(&["demo", "--parcels", "500", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    database.sql("CREATE TABLE public.benches (id int PRIMARY KEY, geom geometry(Point, 4326))");
    let (first, second) = (start(&folder, &url), start(&folder, &url));
    let known = first.json(&format!("{ITEMS}?limit=1"))["features"][0].clone();
    let mut body = json!({"type": "Feature", "geometry": known["geometry"], "properties": {"name": "Nuova"}});
    let key = [("idempotency-key", "k-1")];
    let made = send(&first, Method::POST, ITEMS, &key, &body);
    assert_eq!(made.0, 201, "{}", made.2);
    let id = made.header("location").rsplit('/').next().expect("an id").to_owned();
    let again = send(&second, Method::POST, ITEMS, &key, &body);
    assert_eq!((again.0, again.header("bricola-seq")), (201, made.header("bricola-seq")), "{}", again.2);
    assert_eq!(database.sql("SELECT count(*) FROM city.fountains WHERE name = 'Nuova'").trim(), "1");
    body["properties"]["name"] = json!("Altra");
    assert_eq!(send(&second, Method::POST, ITEMS, &key, &body).2["code"], "idempotency-key-reused");

    let one = format!("{ITEMS}/{id}");
    let seen = second.json(&format!("{one}?min-seq={}", made.header("bricola-seq")));
    assert_eq!((&seen["version"], &seen["properties"]["name"]), (&json!(1), &json!("Nuova")));
    // Somebody at the database is quicker, before any server has heard of it.
    database.sql(&format!("UPDATE city.fountains SET name = 'Del geometra' WHERE fid = {id}"));
    let patch = json!({"properties": {"name": "Del SIT"}});
    let late = send(&second, Method::PATCH, &one, &[("if-match", "\"v1\"")], &patch);
    assert_eq!(
        (late.0, &late.2["version"], &late.2["current"]["properties"]["name"]),
        (412, &json!(2), &json!("Del geometra"))
    );
    let now = [("if-match", "\"v2\""), ("prefer", "return=representation")];
    let taken = send(&second, Method::PATCH, &one, &now, &patch);
    assert_eq!((taken.0, &taken.2["version"], taken.header("etag")), (200, &json!(3), "\"v3\""), "{}", taken.2);
    assert_eq!(taken.2["geometry"], known["geometry"], "to the last digit");
    let same = send(&first, Method::PUT, &one, &[("if-match", "\"v3\"")], &taken.2);
    assert_eq!((same.0, same.header("etag")), (204, "\"v3\""), "what is the same changes nothing: {}", same.2);

    first.signal("-KILL");
    let third = start(&folder, &url);
    body["properties"]["name"] = json!("Nuova");
    let again = send(&third, Method::POST, ITEMS, &key, &body);
    assert_eq!((again.0, again.header("location").ends_with(&id)), (201, true), "{}", again.2);
    let gone = send(&third, Method::DELETE, &one, &[("if-match", "\"v3\"")], &json!(null));
    assert_eq!(gone.0, 204, "{}", gone.2);
    assert_eq!(database.sql("SELECT count(*) FROM city.fountains WHERE name = 'Del SIT'").trim(), "0");
    let attached = send(&third, Method::POST, "/collections/benches/items", &[], &body);
    assert_eq!(attached.0, 405, "{}", attached.2);
    assert!(attached.2["detail"].as_str().expect("text").contains("another program"), "{}", attached.2);
    for server in [second, third] {
        server.signal("-TERM");
        let (_, log) = server.end();
        assert!(complaints(&log).is_empty() && !log.contains(TOKEN), "{log}");
    }
}

#[test]
fn a_server_that_is_to_be_edited_by_nobody_does_not_start() {
    let folder = Folder::new();
    let run = folder.run(&["serve", "--listen", "127.0.0.1:0", "--editing-enabled=true"]);
    assert!(run.code != 0 && run.stderr.contains("BRICOLA_EDITING_TOKEN"), "{run:?}");
    let mut command = folder.command(&["config"]);
    let output = command.env("BRICOLA_EDITING_TOKEN", TOKEN).output().expect("runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("token = \"***\"") && !text.contains(TOKEN), "{text}");
}
