//! `bricola load`, `layers`, `lookup` and `demo`.

use super::harness::{Folder, complaints};

/// Three fountains in Venice, one of them with a place that cannot be.
const FOUNTAINS: &str = "code,name,lon,lat\nF1,Fontana dei Mori,12.3330,45.4460\nF2,Fontana di Rialto,12.3359,45.4380\nF3,Fontana senza luogo,abc,45.44\n";

#[test]
fn a_file_is_loaded_with_a_report_and_listed_and_served() {
    let folder = Folder::new();
    folder.write("fountains.csv", FOUNTAINS);
    let run = folder.run(&["load", "fountains.csv", "--layer", "fountains"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("fountains"), "{}", run.stdout);
    assert_eq!(run.stderr, "", "no progress bar where there is no terminal, no complaints");
    let english = folder.run(&["load", "fountains.csv", "--layer", "fountains", "--lang", "en", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&english.stdout).expect("JSON");
    assert_eq!((&report["rows"], &report["loaded"], &report["rejected"]), (&3.into(), &2.into(), &1.into()));
    let layers = folder.run(&["layers"]);
    let line = layers.stdout.lines().find(|line| line.starts_with("fountains ")).expect("listed");
    assert!(line.contains(" 2 ") && line.contains("EPSG:7795"), "{line}");
    assert!(layers.stdout.lines().any(|line| line.starts_with("parcels ") && line.contains('-')));
}

#[test]
fn a_dry_run_and_a_strict_one_change_nothing() {
    let folder = Folder::new();
    folder.write("fountains.csv", FOUNTAINS);
    let run = folder.run(&["load", "fountains.csv", "--layer", "fountains", "--dry-run"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!folder.path().join("bricola-data").exists(), "not even a folder");
    let run = folder.run(&["load", "fountains.csv", "--layer", "fountains", "--strict"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("--strict"), "{}", run.stderr);
    let layers = folder.run(&["layers"]).stdout;
    let line = layers.lines().find(|line| line.starts_with("fountains ")).expect("line");
    assert!(!line.contains(" 2 "), "{line}");
}

#[test]
fn what_cannot_be_loaded_is_told_with_the_right_exit_code() {
    let folder = Folder::new();
    folder.write("empty.csv", "");
    folder.write("words.txt", "This is no data file of any kind.");
    folder.write("fountains.csv", FOUNTAINS);
    for (arguments, code, expected) in [
        (&["load", "missing.gpkg", "--layer", "parcels"][..], 3, "missing.gpkg"),
        (&["load", "empty.csv", "--layer", "fountains"], 3, "empty"),
        (&["load", "words.txt", "--layer", "fountains"], 3, "words.txt"),
        (&["load", "fountains.csv", "--layer", "fountain"], 2, "did you mean fountains"),
        (&["load", "fountains.csv", "--layer", "fountains", "--crs", "EPSG:1"], 3, "EPSG:1"),
        (&["load", "fountains.csv", "--layer", "fountains", "--map", "code=colour"], 3, "colour"),
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_demo_is_made_once_and_joined_with_a_file_of_points() {
    let folder = Folder::new();
    let demo = ["demo", "--parcels", "500", "--seed", "7", "--no-serve"];
    let run = folder.run(&demo);
    assert_eq!(run.code, 0, "{run:?}");
    let before = folder.run(&["layers"]).stdout;
    assert_eq!(folder.run(&demo).code, 0);
    assert_eq!(folder.run(&["layers"]).stdout, before, "made once: the change log has not moved");
    let server = folder.start(&["demo", "--parcels", "500", "--seed", "7"]);
    server.wait_until_ready();
    assert!(server.started < std::time::Duration::from_secs(3), "{:?}", server.started);
    assert_eq!(server.json("/collections")["tenant"]["name"], bricola_city::NAME);
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!((code, complaints(&log)), (Some(0), vec![]), "{log}");
    let other = folder.run(&["demo", "--parcels", "600", "--no-serve"]);
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("500 parcels") && other.stderr.contains("--fresh"), "{}", other.stderr);

    let layers = folder.run(&["layers"]).stdout;
    let parcels = layers.lines().find(|line| line.starts_with("parcels ")).expect("parcels");
    assert!(parcels.contains("EPSG:7795"), "{parcels}");

    // Points with quotes, semicolons, decimal commas, a bad row and a far place: rows go out as they came in.
    folder.write("points.csv", "nome;est;nord\n\"a \"\"b\"\"\";3020000,5;5030000\nbad;x;5\nfar;3100000;5000000\n");
    let run = folder.run(&["lookup", "points.csv", "--layer", "parcels", "--crs", "EPSG:7795", "-o", "out.csv"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("row 2: \"x\" is not a number") && run.stderr.contains("3 points"), "{}", run.stderr);
    let out = folder.read("out.csv");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("nome;est;nord;parcels_id;parcels_national_ref"), "{out}");
    assert!(lines[1].starts_with("\"a \"\"b\"\"\";3020000,5;5030000;"), "{out}");
    assert!(lines[2].starts_with("bad;x;5;;"), "{out}");
    assert_eq!(lines.len(), 4);
    for (arguments, expected) in [
        (&["lookup", "points.csv", "--layer", "parcel"][..], "there are:"),
        (&["lookup", "points.csv", "--layer", "parcels", "--x", "e", "--y", "n"], "nome, est, nord"),
        (&["lookup", "points.csv", "--layer", "parcels", "--fields", "colour"], "national_ref"),
        (&["lookup", "none.csv", "--layer", "parcels"], "none.csv"),
    ] {
        let run = folder.run(arguments);
        assert!(run.code != 0 && run.stderr.contains(expected), "{arguments:?}: {run:?}");
    }
}

#[test]
fn followers_are_added_listed_and_forgotten_and_the_log_is_pruned_behind_them() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["followers"]).code, 2, "there is no store");
    folder.write("fountains.csv", FOUNTAINS);
    assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    let run = folder.run(&["followers", "add", "tributi", "--from", "1", "--patience", "90"]);
    assert!(run.code == 0 && run.stdout.starts_with("Bricola-Follower: tributi:"), "{run:?}");
    assert_eq!(folder.run(&["followers", "add", "tributi"]).code, 1, "the name is taken");
    let list = folder.run(&["followers"]).stdout;
    let line = list.lines().find(|line| line.starts_with("tributi")).expect("listed");
    assert!(line.contains("90 days") && line.ends_with("yes"), "{line}");
    assert!(!list.contains(run.stdout.trim().rsplit(':').next().expect("a key")), "keys are not shown again");
    assert_eq!(folder.run(&["prune"]).code, 2, "says what to keep");
    for _ in 0..3 {
        folder.write("fountains.csv", &FOUNTAINS.replace("Mori", "Saraceni"));
        assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    }
    let pruned = folder.run(&["prune", "--log-days", "0"]).stdout;
    assert!(pruned.contains("after change 1\n") && pruned.contains("\"tributi\""), "{pruned}");
    assert_eq!(folder.run(&["followers", "forget", "tributi"]).code, 0);
    assert_eq!(folder.run(&["followers", "forget", "tributi"]).code, 2);
    let pruned = folder.run(&["prune", "--log-days", "0", "--past-days", "0"]).stdout;
    assert!(!pruned.contains("after change 1\n") && !pruned.contains("tributi"), "{pruned}");
}

#[test]
fn points_are_looked_up_in_a_layer_as_it_was() {
    let folder = Folder::new();
    folder.write("fountains.csv", FOUNTAINS);
    assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    folder.write("fountains.csv", &FOUNTAINS.replace("Mori", "Saraceni"));
    assert_eq!(folder.run(&["load", "fountains.csv", "--layer", "fountains"]).code, 0);
    folder.write("points.csv", "lon,lat\n12.3330,45.4460\n");
    let lookup = |at: &[&str]| {
        let run = folder.run(&[&["lookup", "points.csv", "--layer", "fountains", "--fields", "all"], at].concat());
        (run.code, run.stdout)
    };
    assert!(lookup(&[]).1.contains("Saraceni"));
    assert!(lookup(&["--at", "2"]).1.contains("Mori"), "{:?}", lookup(&["--at", "2"]));
    assert!(!lookup(&["--at", "2020-01-01T00:00:00Z"]).1.contains("Fontana"), "before it was loaded");
    for wrong in ["99999", "-1", "yesterday", "2999-01-01T00:00:00Z"] {
        assert_eq!(lookup(&[&format!("--at={wrong}")]).0, 2, "{wrong}");
    }
}

#[test]
fn census_dumps_are_listed_with_their_faults_and_owners_are_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("dumps")).expect("a folder");
    folder.write("dumps/L736.FAB", "L736||7|F|1|2||0012|00057||0003|\nno row\n");
    let run = folder.run(&["units", "dumps"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("L736.FAB  1 records, 1 faults  sha256 "), "{}", run.stdout);
    assert!(run.stdout.contains("L736.FAB:2: "), "{}", run.stdout);
    folder.write("dumps/L736.SOG", "L736||7|P|ROSSI|MARIO\n");
    let run = folder.run(&["units", "dumps"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains("L736.SOG  refused: owners and rights"), "{}", run.stdout);
    assert!(!run.stdout.contains("ROSSI") && !run.stderr.contains("ROSSI"), "{run:?}");
    assert_eq!(folder.run(&["units", "nowhere"]).code, 2);
}
