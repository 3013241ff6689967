//! Tests, and the archives that other tests use.

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::nested::NestedZip;
use crate::reader::testing::{drain, open, refusal, text};
use crate::reader::{OpenOptions, open_bytes};

/// A zip archive of some files.
pub(in crate::reader) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    packed(files, CompressionMethod::Deflated)
}

fn packed(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("started");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("finished").into_inner()
}

/// The same as a streaming tool writes it: sizes after the data.
fn streamed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).expect("started");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("finished").into_inner()
}

const CSV: &[u8] = b"nome,x,y\na,1,2\n";

#[test]
fn a_single_table_in_an_archive_is_read_and_several_need_a_choice() {
    for archive in
        [zip(&[("a.csv", CSV)]), packed(&[("a.csv", CSV)], CompressionMethod::Stored), streamed(&[("a.csv", CSV)])]
    {
        let (rows, errors) = drain(&mut *open("x.zip", archive));
        assert_eq!((rows.len(), rows[0].values[0].clone()), (1, text("a")), "{errors:?}");
    }
    let two = zip(&[("strade/a.csv", CSV), ("b.csv", CSV), ("__MACOSX/._a.csv", b"\0"), ("leggimi.txt", b"x")]);
    assert!(refusal("x.zip", two.clone(), &OpenOptions::default()).contains("`a`, `b`"));
    let options = OpenOptions { layer: Some("b".into()), ..OpenOptions::default() };
    assert_eq!(open_bytes("x.zip", two, &options).expect("opens").schema().layer, "b");
}

#[test]
fn archives_without_data_are_refused_with_advice() {
    let none = OpenOptions::default();
    assert!(refusal("x.zip", zip(&[]), &none).contains("empty"));
    assert!(refusal("x.zip", zip(&[("a.png", b"x")]), &none).contains("nothing that can be read (`a.png`)"));
    assert!(refusal("x.zip", zip(&[("a.gpkg", b"x")]), &none).contains("extract it first"));
    assert!(refusal("x.zip", zip(&[("routes.txt", b"x"), ("stop_times.txt", b"x")]), &none).contains("GTFS"));
    let whole = zip(&[("a.csv", CSV)]);
    assert!(refusal("x.zip", &whole[..whole.len() - 10], &none).contains("not a readable zip"));
}

#[test]
fn a_zip_bomb_is_stopped_before_it_grows() {
    let mut bomb = b"nome,x,y\n".to_vec();
    bomb.resize(90 * 1024 * 1024, b'\n');
    let archive = zip(&[("a.csv", &bomb)]);
    assert!(archive.len() < 200_000);
    let (_, errors) = drain(&mut *open("x.zip", archive.clone()));
    assert!(errors[0].contains("zip bomb"), "{errors:?}");
    let gml = zip(&[("a.zip", &zip(&[("a.gml", &bomb)]))]);
    let message = refusal("x.zip", gml, &OpenOptions::default());
    assert!(message.contains("zip bomb") || message.contains("MAX_ROW_BYTES"), "{message}");
}

#[test]
fn archives_nested_too_deep_are_refused() {
    let mut archive = zip(&[("a.gml", b"<x/>")]);
    for _ in 0..8 {
        archive = zip(&[("a.zip", &archive)]);
    }
    assert!(refusal("x.zip", archive, &OpenOptions::default()).contains("MAX_ARCHIVE_DEPTH"));
}

#[test]
fn nested_archives_are_read_as_they_stream_by_in_all_their_forms() {
    let long = b"0123456789".repeat(20_000);
    let files: [(&str, &[u8]); 4] = [("a.txt", b"uno"), ("vuoto.txt", b""), ("b.txt", &long), ("c.txt", b"tre")];
    for archive in [zip(&files), streamed(&files), packed(&files, CompressionMethod::Stored)] {
        let mut nested = NestedZip::new(Box::new(Cursor::new(archive)));
        let mut seen = Vec::new();
        while let Some((name, mut member)) = nested.next_member().expect("a member") {
            let mut bytes = Vec::new();
            // Of the long one only the beginning: the rest has to be passed over.
            member.by_ref().take(5).read_to_end(&mut bytes).expect("read");
            seen.push((name, bytes));
        }
        let names: Vec<_> = seen.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert_eq!(names, [("a.txt", &b"uno"[..]), ("vuoto.txt", b""), ("b.txt", b"01234"), ("c.txt", b"tre")]);
    }
}

#[test]
fn gzip_is_unpacked_on_the_way() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(CSV).expect("written");
    let mut reader = open("a.csv.gz", encoder.finish().expect("finished"));
    assert_eq!(reader.schema().layer, "a");
    assert_eq!(drain(&mut *reader).0.len(), 1);
}

proptest! {
    #[test]
    fn no_changed_byte_panics(at in 0_usize..2000, byte in any::<u8>(), cut in 0_usize..60) {
        let inner = zip(&[("a_ple.gml", b"<FeatureCollection><member><a><b>1</b></a></member></FeatureCollection>")]);
        let mut archive = packed(&[("x.zip", &inner), ("b.csv", CSV)], CompressionMethod::Stored);
        let at = at % archive.len();
        archive[at] = byte;
        archive.truncate(archive.len() - cut);
        for layer in [None, Some("a".to_owned()), Some("b".to_owned())] {
            let options = OpenOptions { layer, ..OpenOptions::default() };
            if let Ok(mut reader) = open_bytes("x.zip", archive.clone(), &options) {
                drain(&mut *reader);
            }
        }
    }
}
