//! `bricola config`, and what all subcommands do with a configuration.

use super::harness::Folder;

#[test]
fn the_default_configuration_is_printed_and_is_accepted_back() {
    let folder = Folder::new();
    let run = folder.run(&["config", "--print-default"]);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    assert!(run.stdout.contains("listen = \"127.0.0.1:8080\"") && run.stdout.contains("[tenant]"), "{}", run.stdout);
    folder.write("bricola.toml", &run.stdout);
    assert_eq!(folder.run(&["config"]).stdout, run.stdout);
}

#[test]
fn a_configuration_error_names_file_line_and_key_and_exits_with_2() {
    let folder = Folder::new();
    folder.write("bricola.toml", "[tenant]\nname = \"X\"\n\ncolour = \"red\"\n");
    for command in ["config", "serve", "layers"] {
        let run = folder.run(&[command]);
        assert_eq!((run.code, &*run.stdout), (2, ""));
        assert!(run.stderr.contains("bricola.toml:4:1: ") && run.stderr.contains("colour"), "{}", run.stderr);
    }
    folder.write("other.toml", "listen = \"127.0.0.1:99999\"\n");
    let run = folder.run(&["serve", "--config", "other.toml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("other.toml:1:"), "{}", run.stderr);
}

#[test]
fn flags_stand_for_keys_and_wrong_ones_are_refused() {
    let folder = Folder::new();
    let run = folder.run(&["config", "--tenant-name", "Comune di Bricola", "--tile-cache-mb=7"]);
    assert!(run.stdout.contains("name = \"Comune di Bricola\"") && run.stdout.contains("cache_mb = 7"), "{run:?}");
    for (arguments, expected) in [
        (&["config", "--listen", "nowhere"][..], "--listen=nowhere"),
        (&["config", "--colour", "red"], "--colour"),
        (&["config", "--config", "nothing.toml"], "nothing.toml"),
        (&["config", "--limits-request-seconds", "0"], "at least 1"),
        (&["nonsense"], "nonsense"),
        (&["load", "x.gpkg"], "--layer"),
        (&["load", "x.gpkg", "--layer", "parcels", "--map", "x"], "column=field"),
        (&["demo", "--parcels", "many"], "30k"),
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_wrong_layer_definition_is_named_with_file_and_line() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("bricola-data/layers")).expect("folder");
    folder.write("bricola-data/layers/mine.toml", "id = \"mine\"\ncolour = 1\n");
    let run = folder.run(&["serve"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("mine.toml") && run.stderr.contains("line 2"), "{}", run.stderr);
}

#[test]
fn a_grid_that_tiles_cannot_be_cut_by_keeps_the_server_from_starting_with_file_and_reason() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("grids")).expect("folder");
    for (text, said) in [
        ("{\"id\": \"Comune\"", "line 1"),
        ("{\"id\": \"comune\", \"crs\": \"EPSG:7795\", \"tileMatrices\": []}", "capital letter"),
        ("{\"id\": \"Comune\", \"crs\": \"EPSG:7795\", \"tileMatrices\": []}", "tileMatrices"),
        ("{\"id\": \"Comune\", \"crs\": \"EPSG:999\", \"tileMatrices\": []}", "crs"),
    ] {
        folder.write("grids/comune.json", text);
        let run = folder.run(&["serve", "--tile-matrix-sets", "grids"]);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{run:?}");
        assert!(run.stderr.contains("grids/comune.json") && run.stderr.contains(said), "{said}: {}", run.stderr);
    }
    let run = folder.run(&["serve", "--tile-matrix-sets", "nowhere"]);
    assert!(run.code == 2 && run.stderr.contains("nowhere"), "{}", run.stderr);
}
