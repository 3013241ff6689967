//! `bricola ztl`: regulations listed with their faults; zones of the demo, and of a city that publishes its own.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{Folder, complaints};

#[test]
fn the_demo_has_zones_with_rules_and_answers() {
    let folder = Folder::new();
    let demo = ["demo", "--parcels", "500", "--seed", "7"];
    let server = folder.start(&demo);
    server.wait_until_ready();
    let listed = folder.run(&["ztl"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let zones = server.json("/collections/ztl/items?limit=100");
    let zones = zones["features"].as_array().expect("features");
    assert!(zones.len() >= 5, "{zones:?}");
    for zone in zones {
        let (code, id) = (zone["properties"]["code"].as_str().expect("a code"), &zone["id"]);
        assert!(listed.stdout.contains(code), "{code} has rules: {}", listed.stdout);
        let answer = server.json(&format!("/ztl?feature=ztl/{id}&datetime=2026-07-18T15:00&vehicle=boat&length=7"));
        let found = answer["zones"].as_array().expect("zones").iter().any(|it| it["code"] == code);
        let is_over = zone["properties"]["valid_to"].as_str().is_some_and(|day| day < "2026-07-18");
        assert!(found || is_over, "{code}: {answer}");
        assert_ne!(answer["access"], "unknown", "{code}: {answer}");
    }
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!((code, complaints(&log)), (Some(0), vec![]), "{log}");
}

#[test]
fn faults_and_schedules_that_nobody_can_read_are_listed() {
    let folder = Folder::new();
    let run = folder.run(&["ztl"]);
    assert!(run.code == 2 && run.stderr.contains("there is no folder"), "{run:?}");
    std::fs::create_dir(folder.path().join("regole")).expect("a folder");
    folder.write("regole/a.toml", &ROME.replace("{schedule}", "giorni feriali dalle 6:30"));
    folder.write("regole/b.toml", "id = \"b\"\nact = \"x\"\nlayer = \"ztl\"\nvalid_from = ieri\n");
    let run = folder.run(&["ztl", "regole"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("roma/diurna: the schedule “giorni feriali dalle 6:30”"), "{}", run.stdout);
    assert!(run.stdout.contains("b.toml:4:"), "{}", run.stdout);
}

const ROME: &str = "id = \"roma\"\nact = \"inventato\"\nvalid_from = 2020-01-01\nlayer = \"ztl\"\n[[rule]]\nid = \"diurna\"\n\
    zones = [\"ZTL_centro_storico_diurna\"]\neffect = \"prohibit\"\nschedule = \"{schedule}\"\n";

/// The folder of open data, which is no part of the project.
fn shared_data() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let named = std::env::var_os("BRICOLA_SHARED_DATA").map(PathBuf::from);
    let near = ["../shared/data", "../../shared/data"].map(|path| workspace.join(path));
    named.into_iter().chain(near).find(|path| path.is_dir())
}

#[test]
fn zones_that_a_city_publishes_are_unknown_until_somebody_writes_their_rules() {
    let Some(data) = shared_data() else { return };
    let folder = Folder::new();
    let load = |file: &str, layer: &str| {
        let path = data.join("ztl/roma").join(file);
        let run = folder.run(&["load", &path.to_string_lossy(), "--layer", layer, "--map", "name=code"]);
        assert_eq!(run.code, 0, "{run:?}");
    };
    load("centro_diurna.json", "ztl");
    load("centro_diurna_varchi.json", "ztl-gates");
    let server = folder.start(&["serve"]);
    server.wait_until_ready();
    // Piazza Navona, on a Monday morning.
    let ask = || server.json("/ztl?x=12.4731&y=41.8992&datetime=2026-07-20T10:00&vehicle=car");
    let codes = |answer: &Value| {
        answer["warnings"].as_array().expect("warnings").iter().map(|it| it["code"].to_string()).collect::<Vec<_>>()
    };
    let nothing = ask();
    assert_eq!((&nothing["access"], codes(&nothing)), (&"unknown".into(), vec!["\"no-regulation\"".to_owned()]));
    let rules = folder.path().join("bricola-data/ztl");
    std::fs::create_dir(&rules).expect("a folder");
    let write = |schedule: &str| {
        std::fs::write(rules.join("roma.toml"), ROME.replace("{schedule}", schedule)).expect("written");
        std::thread::sleep(std::time::Duration::from_millis(2200));
    };
    write("giorni feriali dalle 6:30 alle 18");
    let words = ask();
    assert_eq!((&words["access"], codes(&words)), (&"unknown".into(), vec!["\"unreadable-schedule\"".to_owned()]));
    write("Mo-Fr 06:30-18:00; Sa 14:00-18:00");
    let read = ask();
    assert_eq!(
        (&read["access"], &read["next_change"]["at"]["local"]),
        (&"no".into(), &"2026-07-20T18:00:00+02:00".into())
    );
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}
