//! The memory of readers does not grow with the file. Alone in its process: the whole process is measured.

use std::io::{BufWriter, Write};
use std::path::Path;

use bricola_layers::reader::{OpenOptions, open};

/// Resident memory of this process in bytes (Linux).
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split_whitespace().nth(1)?.parse::<u64>().ok()? * 4096)
}

fn read_and_measure(path: &Path, rows: u64) {
    let size = std::fs::metadata(path).expect("a file").len();
    assert!(size > 60_000_000, "{} is only {size} bytes", path.display());
    let before = resident();
    let reader = open(path, &OpenOptions::default()).expect("opens");
    let (mut count, mut peak) = (0, 0);
    for row in reader {
        row.expect("a good row");
        count += 1;
        if count % 10_000 == 0 {
            peak = peak.max(resident().unwrap_or(0));
        }
    }
    assert_eq!(count, rows);
    if let Some(before) = before {
        let grown = peak.saturating_sub(before);
        assert!(grown < 25_000_000, "{}: grew by {grown} bytes over {size}", path.display());
        println!("{}: {size} bytes read, grew by {grown}", path.display());
    }
}

#[test]
fn large_files_are_read_in_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, head: &str, tail: &str, row: &dyn Fn(u64) -> String| {
        let path = folder.path().join(name);
        let mut file = BufWriter::new(std::fs::File::create(&path).expect("made"));
        file.write_all(head.as_bytes()).expect("written");
        for at in 0..150_000 {
            file.write_all(row(at).as_bytes()).expect("written");
        }
        file.write_all(tail.as_bytes()).expect("written");
        file.into_inner().expect("flushed");
        path
    };
    let text = "Calle de la Vida ".repeat(20);
    let json = |at: u64| {
        let comma = if at == 0 { "" } else { "," };
        format!(
            r#"{comma}{{"type":"Feature","geometry":{{"type":"LineString","coordinates":[[{at},1],[2,3],[4,5]]}},"properties":{{"n":{at},"t":"{text}"}}}}"#
        )
    };
    let path = write("a.geojson", r#"{"type":"FeatureCollection","features":["#, "]}", &json);
    read_and_measure(&path, 150_000);
    let csv = |at: u64| format!("{at},{text}{text},12.{at},45\n");
    read_and_measure(&write("a.csv", "n,t,lon,lat\n", "", &csv), 150_000);
    let gml = |at: u64| {
        format!("<m:member><a><g><gml:Point><gml:pos>{at} 2</gml:pos></gml:Point></g><t>{text}</t></a></m:member>\n")
    };
    let head = "<FeatureCollection xmlns:gml='http://www.opengis.net/gml'>";
    read_and_measure(&write("a.gml", head, "</FeatureCollection>", &gml), 150_000);
}
