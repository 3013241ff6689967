//! `bricola serve` lets go of the old part of the log by itself, but not of what a registered follower has not handled.

use std::time::{Duration, Instant};

use super::harness::{Folder, sqlite3};

/// Waits until the store answers a question with a number.
fn until(folder: &Folder, sql: &str, wanted: &str) {
    let started = Instant::now();
    loop {
        let found = sqlite3(&folder.path().join("bricola-data/bricola.gpkg"), sql);
        if found.trim() == wanted {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{sql}: {found}, not {wanted}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_lets_go_of_the_old_log_but_not_of_what_a_follower_has_not_handled() {
    let folder = Folder::new();
    folder.write("fountains.csv", "code,name,lon,lat\nF1,Fontana dei Mori,12.3330,45.4460\n");
    assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    let store = folder.path().join("bricola-data/bricola.gpkg");
    let rename = |name: &str| sqlite3(&store, &format!("UPDATE fountains SET name = '{name}'"));
    let end = || sqlite3(&store, "SELECT max(seq) FROM bricola_changes").trim().parse::<i64>().expect("a number");
    for number in 0..5 {
        rename(&format!("before {number}"));
    }
    let handled = end();
    let added = folder.run(&["followers", "add", "office", "--from", &handled.to_string()]);
    assert_eq!(added.code, 0, "{added:?}");
    for number in 0..5 {
        rename(&format!("since {number}"));
    }
    sqlite3(&store, "UPDATE bricola_changes SET at = '2020-01-01T00:00:00.000Z'");
    // Young, and the last, which always stays.
    rename("today");

    let server = folder.start(&["serve", "--retention-log-days", "30", "--retention-every-seconds", "1"]);
    server.wait_until_ready();
    until(&folder, "SELECT log_from FROM bricola_store", &handled.to_string());
    // Looked at again and again, and kept all the same.
    std::thread::sleep(Duration::from_millis(2_500));
    until(&folder, "SELECT log_from FROM bricola_store", &handled.to_string());
    assert_eq!(server.get(&format!("/changes?after={}", handled - 1)).0, 410);
    let changes = server.json(&format!("/changes?after={handled}"));
    assert_eq!(changes["changes"].as_array().map(Vec::len), Some(6), "{changes}");

    assert_eq!(folder.run(&["followers", "forget", "office"]).code, 0);
    until(&folder, "SELECT log_from FROM bricola_store", &(end() - 1).to_string());
    let changes = server.json(&format!("/changes?after={}", end() - 1));
    assert_eq!(changes["changes"][0]["after"]["properties"]["name"], "today", "{changes}");
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("office") && log.contains("pruned"), "{log}");
}
