//! The binary, as a person runs it.

use std::process::{Command, Output};

fn bricola(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("folder");
    Command::new(env!("CARGO_BIN_EXE_bricola")).args(arguments).current_dir(&folder).output().expect("runs")
}

fn texts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_default_configuration_is_printed_and_is_accepted_back() {
    let (code, text, _) = texts(&bricola(&["config", "--print-default"]));
    assert_eq!(code, 0);
    assert!(text.contains("listen = \"127.0.0.1:8080\"") && text.contains("[tenant]"), "{text}");
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("bricola.toml"), &text).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_bricola")).arg("config").current_dir(&folder).output().expect("runs");
    assert_eq!(texts(&output).1, text);
}

#[test]
fn a_configuration_error_names_file_line_and_key_and_exits_with_2() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("bricola.toml"), "[tenant]\nname = \"X\"\n\ncolour = \"red\"\n").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_bricola")).arg("config").current_dir(&folder).output().expect("runs");
    let (code, stdout, stderr) = texts(&output);
    assert_eq!((code, &*stdout), (2, ""));
    assert!(stderr.contains("bricola.toml:4:1: ") && stderr.contains("colour"), "{stderr}");
}

#[test]
fn flags_stand_for_keys_and_wrong_ones_are_refused() {
    let (code, text, _) = texts(&bricola(&["config", "--tenant-name", "Comune di Bricola", "--tiles-cache-mib=7"]));
    assert_eq!(code, 0);
    assert!(text.contains("name = \"Comune di Bricola\"") && text.contains("cache_mib = 7"), "{text}");
    let (code, _, stderr) = texts(&bricola(&["config", "--listen", "nowhere"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("--listen=nowhere"), "{stderr}");
    let (code, _, stderr) = texts(&bricola(&["config", "--colour", "red"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("--colour"), "{stderr}");
    let (code, _, stderr) = texts(&bricola(&["config", "--config", "nothing.toml"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("nothing.toml"), "{stderr}");
}
