//! `bricola works`: files of the national registers listed with their faults.

use super::harness::Folder;

#[test]
fn files_of_the_national_registers_are_listed_with_their_faults() {
    let folder = Folder::new();
    let run = folder.run(&["works"]);
    assert!(run.code == 2 && run.stderr.contains("there is no folder"), "{run:?}");
    std::fs::create_dir(folder.path().join("registri")).expect("a folder");
    let header = "CUP;DESCRIZIONE_SINTETICA_CUP;COSTO_PROGETTO\n";
    folder.write("registri/opencup.csv", &format!("{header}F71B21006420006;PONTE;1200,50\n"));
    let run = folder.run(&["works", "registri"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stdout.contains("opencup.csv  opencup projects  1 rows  0 faults") && run.stdout.contains("1 projects"),
        "{run:?}"
    );
    folder.write("registri/opencup.csv", &format!("{header}F71B21006420006;PONTE;1.200\nF71;SCUOLA;1\n"));
    folder.write("registri/altro.csv", "a;b\n1;2\n");
    let run = folder.run(&["works", "registri"]);
    assert_eq!(run.code, 3, "{run:?}");
    for line in [
        "opencup.csv:2: COSTO_PROGETTO: cannot be read: \"1.200\" [unreadable]",
        "opencup.csv:3: CUP: ",
        "altro.csv:1: ",
    ] {
        assert!(run.stdout.contains(line), "{line}: {run:?}");
    }
}
