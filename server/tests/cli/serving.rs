//! `bricola serve` as a process: its address, its layers, edits from elsewhere, its end.

use std::time::{Duration, Instant};

use super::harness::{Folder, complaints};

const FOUNTAINS: &str =
    "code,name,lon,lat\nF1,Fontana dei Mori,12.3330,45.4460\nF2,Fontana di Rialto,12.3359,45.4380\n";

#[test]
fn it_says_where_it_listens_serves_what_was_loaded_and_ends_cleanly_on_both_signals() {
    let folder = Folder::new();
    folder.write("fountains.csv", FOUNTAINS);
    assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    for signal in ["-TERM", "-INT"] {
        let server = folder.start(&["serve"]);
        server.wait_until_ready();
        let json = server.json("/lookup?x=12.3359&y=45.4380");
        assert_eq!(json["hits"][0]["feature"]["properties"]["name"], "Fontana di Rialto", "{json}");
        assert_eq!(server.get("/tiles/fountains.json").0, 200);
        server.signal(signal);
        let (code, log) = server.end();
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(complaints(&log), Vec::<&str>::new());
    }
}

#[test]
fn a_load_by_another_process_is_seen_within_two_seconds() {
    let folder = Folder::new();
    folder.write("fountains.csv", FOUNTAINS);
    assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    let server = folder.start(&["serve"]);
    server.wait_until_ready();
    folder.write("more.csv", &format!("{FOUNTAINS}F3,Fontana nuova,12.3400,45.4400\n"));
    assert_eq!(folder.run(&["load", "more.csv", "--layer", "fountains"]).code, 0);
    let committed = Instant::now();
    while server.json("/collections/fountains")["count"] != 3 {
        assert!(committed.elapsed() < Duration::from_secs(10), "not seen");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Two seconds on a machine that does nothing else.
    assert!(committed.elapsed() < Duration::from_secs(5), "{:?}", committed.elapsed());
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!((code, complaints(&log)), (Some(0), vec![]), "{log}");
}

#[test]
fn an_empty_store_is_served_and_says_what_to_do() {
    let folder = Folder::new();
    let server = folder.start(&["serve", "--log-format", "json"]);
    server.wait_until_ready();
    assert_eq!(server.json("/collections")["collections"], serde_json::json!([]));
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("bricola load FILE"), "{log}");
}

#[test]
fn an_address_that_is_taken_is_told() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let address = taken.local_addr().expect("address").to_string();
    let run = folder.run(&["serve", "--listen", &address]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains(&address) && run.stderr.contains("--listen"), "{}", run.stderr);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("bricola-data")).expect("folder");
    folder.write("bricola-data/bricola.gpkg", "this is not a database, but it is somebody's file");
    let run = folder.run(&["serve"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("bricola.gpkg"), "{}", run.stderr);
    assert!(folder.read("bricola-data/bricola.gpkg").contains("somebody's file"));
}
