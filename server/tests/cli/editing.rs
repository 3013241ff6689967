//! QGIS edits layers in `PostGIS`, beside a running server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Folder, alone, complaints};
use super::postgis::PostGis;

const EDIT_POSTGIS: &str = include_str!("scripts/edit_postgis.py");
/// How long after a step nothing may come that it is not to have made.
const SETTLED: Duration = Duration::from_millis(300);

#[test]
fn each_edit_in_qgis_on_postgis_reaches_the_log_and_what_is_undone_does_not() {
    let _alone = alone();
    let (database, folder) = (PostGis::start(), Folder::new());
    let url = database.url();
    let filled = folder.run(&["demo", "--parcels", "500", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    let server = folder.start(&["serve", "--database", &url]);
    server.wait_until_ready();
    let mut after: i64 = database.sql("SELECT bricola.sequence()").trim().parse().expect("a seq");
    let port = database.cluster().port.to_string();
    let mut qgis = Command::new("/usr/bin/python3")
        .args(["-c", EDIT_POSTGIS, "127.0.0.1", &port, database.name(), "bricola"])
        // QGIS keeps settings at home.
        .env("HOME", folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Debian's python3 with python3-qgis");
    let mut input = qgis.stdin.take().expect("piped");
    let lines = BufReader::new(qgis.stdout.take().expect("piped")).lines();
    let mut steps = 0;
    for line in lines.map(|line| line.expect("text")).filter(|line| line.starts_with('{')) {
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let step = told["step"].as_str().expect("a step");
        let mut wanted: Vec<String> =
            told["changes"].as_array().expect("changes").iter().map(Value::to_string).collect();
        wanted.sort();
        let started = Instant::now();
        // All that has come when it is there, and nothing for a while after.
        let mut page = server.json(&format!("/changes?after={after}"));
        while page["changes"].as_array().map_or(0, Vec::len) < wanted.len()
            && started.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(Duration::from_millis(10));
            page = server.json(&format!("/changes?after={after}"));
        }
        std::thread::sleep(SETTLED);
        page = server.json(&format!("/changes?after={after}"));
        let change = |change: &Value| format!("[{},{},{}]", change["layer"], change["operation"], change["id"]);
        let mut found: Vec<String> = page["changes"].as_array().expect("changes").iter().map(change).collect();
        found.sort();
        assert_eq!(found, wanted, "{step}");
        after = page["next"].as_i64().expect("next");
        steps += 1;
        input.write_all(b"go\n").expect("QGIS waits");
    }
    let mut complaint = String::new();
    qgis.stderr.take().expect("piped").read_to_string(&mut complaint).expect("text");
    assert!(qgis.wait().expect("ends").success(), "{complaint}");
    assert_eq!(steps, 9, "{complaint}");
    let names = "SELECT string_agg(name, ', ' ORDER BY name) FROM city.fountains WHERE name LIKE 'Fontana r%' OR name = 'in gruppo'";
    assert_eq!(database.sql(names).trim(), "Fontana rinominata ancora, in gruppo");
    server.signal("-TERM");
    assert_eq!(complaints(&server.end().1), Vec::<&str>::new());
}
