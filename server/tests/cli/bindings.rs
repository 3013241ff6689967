//! Bound fields beside running servers: over HTTP, killed at any moment, two at once; and the command line.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::harness::{Folder, Process, alone};
use super::postgis::PostGis;

const TOKEN: &str = "a-token-of-the-tax-office";

fn serve(folder: &Folder, url: Option<&str>) -> Process {
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--editing-enabled=true", "--show-all-layers=true"];
    arguments.extend(["--log-level", "error"]);
    arguments.extend(url.into_iter().flat_map(|url| ["--database", url]));
    let mut command = folder.command(&arguments);
    command.env("BRICOLA_EDITING_TOKEN", TOKEN);
    Process::of(command)
}

fn send(server: &Process, method: Method, path: &str, body: &Value) -> (u16, String, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let media_type = match method {
        Method::PATCH => "application/merge-patch+json",
        Method::POST => "application/json",
        _ => "application/geo+json",
    };
    runtime.block_on(async {
        let request = Client::new().request(method, format!("{}{path}", server.url)).bearer_auth(TOKEN);
        let request = request.header("content-type", media_type).header("if-match", "*").body(body.to_string());
        let response = request.send().await.expect("an answer");
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (status, seq) = (response.status().as_u16(), header("bricola-seq").to_owned());
        (status, seq, response.json().await.unwrap_or_default())
    })
}

/// How the bindings of tax objects stand, once they are true as of the end of the log.
fn settled(server: &Process) -> Value {
    let started = Instant::now();
    loop {
        let status = server.json("/status");
        let binding = status["bindings"][0].clone();
        let next = server.json("/changes?after=0&limit=1&layers=fountains")["seq"].clone();
        if binding["state"] == "true" && binding["seq"].as_i64() >= next.as_i64() {
            return binding;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{next}: {binding}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn fill(folder: &Folder, url: Option<&str>) {
    let mut arguments = vec!["demo", "--parcels", "500", "--no-serve", "--log-level", "error"];
    arguments.extend(url.into_iter().flat_map(|url| ["--database", url]));
    let filled = folder.run(&arguments);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
}

#[test]
fn the_feed_tells_which_objects_changed_their_zone_and_why() {
    let folder = Folder::new();
    fill(&folder, None);
    let waiting = folder.run(&["bindings"]);
    assert!(waiting.stdout.contains("tax-objects.tariff_zone"), "{waiting:?}");
    assert!(waiting.stdout.contains("never found"), "{waiting:?}");
    let server = serve(&folder, None);
    server.wait_until_ready();
    let binding = settled(&server);
    assert_eq!((&binding["layer"], binding["fields"].as_array().map(Vec::len)), (&json!("tax-objects"), Some(4)));
    let schema = server.json("/collections/tax-objects/schema");
    assert_eq!(schema["properties"]["tariff_zone"]["readOnly"], true);
    assert_eq!(schema["properties"]["code"]["readOnly"], Value::Null);

    // A zone goes: the objects in it hear of it, each with the feature before and after and the cause.
    let object = server.json("/collections/tax-objects/items?limit=1")["features"][0].clone();
    let zone = object["properties"]["tariff_zone"].as_str().expect("every object lies in a zone").to_owned();
    let path = format!("/collections/tariff-zones/items?filter=code%3D%27{zone}%27");
    let id = server.json(&path)["features"][0]["id"].as_i64().expect("the zone");
    let in_it = server.json(&format!("/collections/tax-objects/items?limit=1&filter=tariff_zone%3D%27{zone}%27"));
    let in_it = in_it["numberMatched"].as_u64().expect("counted");
    let (status, seq, told) =
        send(&server, Method::DELETE, &format!("/collections/tariff-zones/items/{id}"), &json!({}));
    assert!((200..300).contains(&status), "{status} {told}");
    settled(&server);
    let page = server.json(&format!("/changes?after={seq}&layers=tax-objects&limit=10000"));
    let changes = page["changes"].as_array().expect("changes");
    assert_eq!(changes.len() as u64, in_it);
    let cause = json!([{"fields": ["tariff_zone"], "layer": "tariff-zones", "id": id, "seq": seq.parse::<i64>().expect("a seq"), "operation": "delete"}]);
    for change in changes {
        assert_eq!(change["causes"], cause, "{change}");
        assert_eq!(change["before"]["properties"]["tariff_zone"], zone.as_str());
        assert_ne!(change["after"]["properties"]["tariff_zone"], zone.as_str());
    }
    let events = server.events(seq.parse().expect("a seq"), |text| text.contains("\"causes\":[{"));
    assert!(events.contains("\"causes\":[{"), "{events}");

    // What is bound is not edited: a patch is refused, in a whole feature it is passed over.
    let path = format!("/collections/tax-objects/items/{}", object["id"]);
    let (status, _, told) = send(&server, Method::PATCH, &path, &json!({"properties": {"tariff_zone": "mine"}}));
    assert_eq!((status, told.to_string().contains("read_only")), (422, true), "{told}");
    let mut whole = object.clone();
    whole["properties"]["tariff_zone"] = json!("mine");
    whole["properties"]["rate_class"] = json!("N9");
    let (status, edited, told) = send(&server, Method::PUT, &path, &whole);
    assert!((200..300).contains(&status), "{status} {told}");
    let now = server.json(&path)["properties"].clone();
    assert_eq!(
        (&now["rate_class"], &now["tariff_zone"]),
        (&json!("N9"), &changes[0]["after"]["properties"]["tariff_zone"])
    );

    // The zone comes back, and with it the values; the edit before that can still be taken back.
    let undo = |seq: &str| {
        let seq: i64 = seq.parse().expect("a seq");
        send(&server, Method::POST, "/undo", &json!({"from": seq, "to": seq}))
    };
    let (status, _, told) = undo(&seq);
    assert_eq!(status, 200, "{told}");
    settled(&server);
    assert_eq!(server.json(&path)["properties"]["tariff_zone"], zone.as_str());
    let (status, _, told) = undo(&edited);
    assert_eq!(status, 200, "{told}");
    settled(&server);
    assert_eq!(server.json(&path)["properties"], object["properties"]);
    server.signal("-TERM");
    server.end();

    let checked = folder.run(&["bindings", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stdout.contains(" 0 differ"), "{checked:?}");
    let rebuilt = folder.run(&["bindings", "rebuild"]);
    assert!(rebuilt.code == 0 && rebuilt.stdout.contains("tax-objects: 0 of "), "{rebuilt:?}");
}

#[test]
fn a_value_that_somebody_forged_is_found_and_mended() {
    let (database, folder) = (PostGis::start(), Folder::new());
    let url = database.url();
    fill(&folder, Some(&url));
    let rebuilt = folder.run(&["bindings", "rebuild", "--database", &url]);
    assert_eq!(rebuilt.code, 0, "{rebuilt:?}");
    // Behind everybody's back.
    database.sql(
        "ALTER TABLE city.tax_objects DISABLE TRIGGER USER; UPDATE city.tax_objects SET omi_zone = 'forged' \
         WHERE fid IN (SELECT fid FROM city.tax_objects ORDER BY fid LIMIT 3); ALTER TABLE city.tax_objects ENABLE TRIGGER USER",
    );
    let checked = folder.run(&["bindings", "check", "--first", "2", "--database", &url]);
    assert_eq!(checked.code, 1, "{checked:?}");
    assert!(checked.stdout.contains(" 3 differ"), "{checked:?}");
    assert_eq!(checked.stdout.matches("\"forged\" is stored").count(), 2, "{checked:?}");
    let rebuilt = folder.run(&["bindings", "rebuild", "--layer", "tax-objects", "--database", &url]);
    assert!(rebuilt.stdout.contains("tax-objects: 3 of "), "{rebuilt:?}");
    let checked = folder.run(&["bindings", "check", "--database", &url]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let unknown = folder.run(&["bindings", "check", "--layer", "parcels", "--database", &url]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[test]
fn servers_that_are_killed_while_they_bind_leave_nothing_untrue() {
    let _alone = alone();
    let (database, folder) = (PostGis::start(), Folder::new());
    let url = database.url();
    fill(&folder, Some(&url));
    for round in 0..6_u64 {
        let servers = [serve(&folder, Some(&url)), serve(&folder, Some(&url))];
        servers.iter().for_each(Process::wait_until_ready);
        // Every zone moves, and comes back with the next round; objects move with them.
        let by = if round % 2 == 0 { 150 } else { -150 };
        database.sql(&format!("UPDATE city.tariff_zones SET geom = ST_Translate(geom, {by}, 0)"));
        database.sql(&format!(
            "UPDATE city.tax_objects SET geom = ST_Translate(geom, {round}, 0.5) WHERE fid % 7 = {}",
            round % 7
        ));
        std::thread::sleep(Duration::from_millis(round * 61 % 240));
        for mut server in servers {
            server.child.kill().expect("killed");
            server.child.wait().expect("ended");
        }
    }
    let (first, second) = (serve(&folder, Some(&url)), serve(&folder, Some(&url)));
    first.wait_until_ready();
    second.wait_until_ready();
    settled(&first);
    settled(&second);
    let checked = folder.run(&["bindings", "check", "--database", &url]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let listed = folder.run(&["bindings", "--database", &url]);
    assert!(listed.code == 0 && listed.stdout.contains("tax-objects.district"), "{listed:?}");
    let differing = "SELECT count(*), count(*) FILTER (WHERE o.tariff_zone IS DISTINCT FROM (SELECT z.code FROM city.tariff_zones AS z \
         WHERE ST_Contains(z.geom, o.geom) ORDER BY z.rank, z.fid LIMIT 1)) FROM city.tax_objects AS o";
    let told = database.sql(differing);
    let numbers: Vec<u64> = told.trim().split('|').map(|number| number.parse().expect("a number")).collect();
    assert!(numbers[0] > 100 && numbers[1] == 0, "{told}");
}
