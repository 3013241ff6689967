//! What a file is: by what is in it first, by its extension where the content leaves it open.

use super::ReadError;
use super::encoding::{Transcoder, wide, without_bom};
use super::source::Source;
use std::io::Read;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    GeoPackage,
    FlatGeobuf,
    Shapefile,
    Zip,
    Gzip,
    /// A JSON document: `GeoJSON`, or plain records.
    Json,
    /// One JSON document per line.
    JsonLines,
    Csv,
    Kml,
    Gml,
    /// An extract of OpenStreetMap.
    Osm,
}

const KNOWN: &str = "GeoPackage, Shapefile (.shp or .zip), GeoJSON, newline-delimited GeoJSON, FlatGeobuf, CSV/TSV, \
                     KML/KMZ, GML and OpenStreetMap extracts (.osm.pbf)";

/// Tells the format of a source.
pub(super) fn detect(source: &Source) -> Result<Format, ReadError> {
    let head = source.head()?;
    let name = source.name();
    let extension = source.extension();
    let refuse = |reason: String| Err(ReadError::File(format!("{name}: {reason}")));
    if head.is_empty() {
        return refuse("the file is empty; copy or download it again".into());
    }
    if let Some(format) = by_signature(&head) {
        return Ok(format);
    }
    if matches!(extension.as_str(), "dbf" | "shx" | "prj" | "cpg") {
        return Ok(Format::Shapefile);
    }
    if super::osm::is_extract(&head) {
        return Ok(Format::Osm);
    }
    let text = as_text(&head);
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match start.chars().next() {
        Some('{') if is_json_lines(start, &extension) => Ok(Format::JsonLines),
        Some('{' | '[') => Ok(Format::Json),
        Some('\u{1e}') => Ok(Format::JsonLines),
        Some('<') => markup(start, &extension, &name).or_else(refuse),
        _ if start.starts_with("%PDF") => refuse(format!("a PDF holds no features; the formats read are {KNOWN}")),
        _ if is_script(start) => refuse(
            "this is JavaScript, not data; remove everything before the first `{` or `[` and the closing `;`, and \
             save it as .geojson"
                .into(),
        ),
        Some(_) if is_plain_text(&text) && table(start, &extension) => Ok(Format::Csv),
        _ if extension == "shp" => refuse("not a shapefile, whatever its name says; export it again".into()),
        _ if extension == "gpkg" => refuse("not a GeoPackage, whatever its name says; export it again".into()),
        _ => refuse(format!("the format is not recognised; the formats read are {KNOWN}")),
    }
}

fn by_signature(head: &[u8]) -> Option<Format> {
    if head.starts_with(b"SQLite format 3\0") {
        return Some(Format::GeoPackage);
    }
    if head.starts_with(b"fgb\x03fgb") {
        return Some(Format::FlatGeobuf);
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(Format::Zip);
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Some(Format::Gzip);
    }
    (head.starts_with(&9994_i32.to_be_bytes()) && head.get(28..32) == Some(&1000_i32.to_le_bytes()))
        .then_some(Format::Shapefile)
}

/// The head as text, for looking at.
pub(super) fn as_text(head: &[u8]) -> String {
    if let Some(encoding) = wide(head) {
        let mut text = String::new();
        if Transcoder::new(head, encoding).read_to_string(&mut text).is_ok() {
            return text;
        }
    }
    String::from_utf8_lossy(without_bom(head)).into_owned()
}

fn is_json_lines(start: &str, extension: &str) -> bool {
    if matches!(extension, "ndjson" | "jsonl" | "geojsonl" | "geojsons" | "geojsonseq" | "ndgeojson") {
        return true;
    }
    let Some((line, rest)) = start.split_once('\n') else { return false };
    rest.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

/// How the features of an OpenStreetMap file come to be read.
fn osm_advice(name: &str) -> String {
    format!(
        "convert it first, `ogr2ogr osm.gpkg {name}`, and load one of its layers (points, lines, multilinestrings, \
         multipolygons) with --source-layer"
    )
}

fn markup(start: &str, extension: &str, name: &str) -> Result<Format, String> {
    let lower = start.to_ascii_lowercase();
    let root = lower
        .split('<')
        .find(|tag| tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        .map(|tag| tag.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default())
        .unwrap_or_default();
    let local = root.rsplit(':').next().unwrap_or_default();
    match local {
        "kml" => Ok(Format::Kml),
        "featurecollection" | "simplefeaturecollection" | "spatialdataset" | "getfeatureresponse" => Ok(Format::Gml),
        "html" => {
            Err("this is a web page, not data; the download was probably an error page: open it in a browser".into())
        }
        "serviceexceptionreport" | "exceptionreport" => {
            Err("this is the error message of a web service, not data; open it in an editor to see what it says".into())
        }
        "osm" => Err(format!("OpenStreetMap XML is not read; {}", osm_advice(name))),
        "gpx" => Err("GPX is not read; convert it with ogr2ogr to GeoPackage".into()),
        _ if lower.contains("opengis.net/kml") || extension == "kml" => Ok(Format::Kml),
        _ if lower.contains("opengis.net/gml") || extension == "gml" => Ok(Format::Gml),
        _ => Err(format!("XML with the root <{root}> is not a known format; the formats read are {KNOWN}")),
    }
}

fn is_script(start: &str) -> bool {
    ["var ", "let ", "const ", "function", "window.", "export "].iter().any(|word| start.starts_with(word))
}

fn is_plain_text(text: &str) -> bool {
    let control = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')).count();
    control * 100 <= text.chars().count()
}

fn table(start: &str, extension: &str) -> bool {
    if matches!(extension, "csv" | "tsv" | "txt" | "tab" | "psv") {
        return true;
    }
    let line = start.lines().next().unwrap_or_default();
    line.contains([',', ';', '\t', '|']) && start.lines().nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn of(name: &str, bytes: &[u8]) -> Result<Format, String> {
        detect(&Source::Bytes(name.into(), Arc::from(bytes))).map_err(|error| error.to_string())
    }

    #[test]
    fn content_goes_before_the_extension() {
        assert_eq!(of("a.shp", b"{\"type\":\"FeatureCollection\"}"), Ok(Format::Json));
        assert_eq!(of("a.csv", b"fgb\x03fgb\0xxxx"), Ok(Format::FlatGeobuf));
        assert_eq!(of("a.txt", b"<?xml version='1.0'?><kml/>"), Ok(Format::Kml));
        assert_eq!(of("a.xml", b"<!-- x --><wfs:FeatureCollection>"), Ok(Format::Gml));
        assert_eq!(of("a", b"id;nome\n1;x\n"), Ok(Format::Csv));
        assert_eq!(of("a.json", b"{\"type\":\"Feature\"}\n{\"type\":\"Feature\"}\n"), Ok(Format::JsonLines));
        assert_eq!(of("a.json", b"{\n\"type\":\"Feature\"}"), Ok(Format::Json));
        assert_eq!(of("a.gpkg", b"PK\x03\x04"), Ok(Format::Zip));
        assert_eq!(of("a.csv", "\u{feff}lon,lat\n1,2".as_bytes()), Ok(Format::Csv));
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("a;b\n1;2\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(of("a.csv", &utf16), Ok(Format::Csv));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_advice() {
        for (name, bytes, advice) in [
            ("a.geojson", &b""[..], "empty"),
            ("a.js", b"var stops = [{}]", "JavaScript"),
            ("a.kml", b"<!DOCTYPE html><html>", "web page"),
            ("a.gml", b"<ows:ExceptionReport>", "error message of a web service"),
            ("a.shp", b"\x00\x01\x02\x03", "not a shapefile"),
            ("a.gpkg", b"\x00\x01\x02\x03", "not a GeoPackage"),
            ("a.pdf", b"%PDF-1.4", "PDF"),
            ("a.osm", b"<?xml version='1.0'?><osm version='0.6'>", "ogr2ogr osm.gpkg a.osm"),
            ("a.bin", b"\x00\x01\x02\x03", "formats read are"),
        ] {
            let message = of(name, bytes).expect_err(name);
            assert!(message.contains(advice), "{name}: {message}");
        }
    }
}
