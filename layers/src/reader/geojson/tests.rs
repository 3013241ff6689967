use geo_types::{Geometry, Point};
use proptest::prelude::*;

use crate::definition::FieldType::{Boolean, Integer, Real, Text};
use crate::definition::GeometryType;
use crate::feature::Value;
use crate::reader::testing::{drain, get, open, refusal, text};
use crate::reader::{OpenOptions, SourceCrs, open_bytes};

const POINTS: &str = r#"{"type":"FeatureCollection","name":"fontane","features":[
 {"type":"Feature","id":"f1","geometry":{"type":"Point","coordinates":[12.3,45.4,7]},"properties":{"nome":"Campo","anno":1900,"q":1.5,"attiva":true,"note":null}},
 {"type":"Feature","id":"f2","geometry":null,"properties":{"nome":"Riva","anno":1950,"q":2,"tag":{"a":[1]}}}
],"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::25833"}}}"#;

fn point(coordinates: &str) -> String {
    format!(r#"{{"type":"Feature","geometry":{{"type":"Point","coordinates":{coordinates}}},"properties":{{"a":1}}}}"#)
}

fn collection(features: &[String]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

#[test]
fn a_collection_is_read_with_types_ids_and_a_crs_that_stands_after_the_features() {
    let mut reader = open("f.geojson", POINTS);
    let schema = reader.schema().clone();
    assert_eq!((schema.layer.as_str(), schema.rows, schema.crs), ("fontane", Some(2), SourceCrs::Epsg(25833)));
    assert_eq!(schema.geometry, Some(GeometryType::Point));
    let kinds: Vec<_> = schema.fields.iter().map(|field| (field.name.as_str(), field.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("id", Text),
            ("nome", Text),
            ("anno", Integer),
            ("q", Real),
            ("attiva", Boolean),
            ("note", Text),
            ("tag", Text)
        ]
    );
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(rows[0].geometry, Some(Point::new(12.3, 45.4).into()));
    assert_eq!(get(&*reader, &rows[0], "id"), text("f1"));
    assert_eq!(get(&*reader, &rows[1], "tag"), text(r#"{"a":[1]}"#));
    assert_eq!((rows[1].row, rows[1].geometry.clone()), (2, None));
}

#[test]
fn a_file_without_crs_is_wgs84_and_says_so() {
    let reader = open("f.geojson", collection(&[point("[1,2]")]));
    assert_eq!(reader.schema().crs, SourceCrs::Epsg(4326));
    assert!(reader.schema().remarks[0].contains("RFC 7946"));
}

#[test]
fn one_bad_feature_costs_one_row() {
    let features = [
        point("[1,2]"),
        point("[NaN,2]"),
        point("[1e999,2]"),
        point(r#"["uno",2]"#),
        point("[[1,2]]"),
        "7".to_owned(),
        point("[3,4]"),
    ];
    let (rows, errors) = drain(&mut *open("f.geojson", collection(&features)));
    assert_eq!(rows.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 7]);
    assert_eq!(errors.len(), 5, "{errors:?}");
    assert!(errors[0].contains("row 2") && errors[0].contains("NaN"), "{}", errors[0]);
    assert!(errors[2].contains("`uno` is not a number"), "{}", errors[2]);
}

#[test]
fn a_truncated_file_gives_its_good_rows_and_then_says_so() {
    let whole = collection(&[point("[1,2]"), point("[3,4]"), point("[5,6]")]);
    let cut = &whole[..whole.len() - 40];
    let (rows, errors) = drain(&mut *open("f.geojson", cut));
    assert_eq!(rows.len(), 2);
    assert!(errors.len() == 1 && errors[0].contains("truncated") && errors[0].contains("after row 2"), "{errors:?}");
}

#[test]
fn coordinates_written_as_text_are_read_and_told() {
    let mut reader = open("f.geojson", collection(&[point(r#"["8.84302055", "45.80041256"]"#)]));
    let (rows, _) = drain(&mut *reader);
    assert_eq!(rows[0].geometry, Some(Point::new(8.843_020_55, 45.800_412_56).into()));
    assert!(reader.schema().remarks.iter().any(|remark| remark.contains("written as text")));
}

#[test]
fn strings_that_are_not_utf8_are_windows_1252_each_for_itself() {
    let mut bytes =
        br#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"a":"Citt"#
            .to_vec();
    bytes.extend(b"\xe0\",\"b\":\"Citt\xc3\xa0\"}}]}");
    let mut reader = open("f.geojson", bytes);
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(rows[0].values, [text("Città"), text("Città")]);
    assert!(reader.schema().remarks.contains(&"1 values were not UTF-8, read as windows-1252".to_owned()));
}

#[test]
fn lines_with_and_without_record_separators_are_read_and_a_bad_line_costs_itself() {
    let lines = format!("\u{1e}{}\n\u{1e}{{\"type\":\"Feature\",\n\u{1e}{}\n\n", point("[1,2]"), point("[3,4]"));
    let mut reader = open("f.geojsonl", lines);
    assert_eq!(reader.schema().format, "GeoJSON lines");
    let (rows, errors) = drain(&mut *reader);
    assert_eq!((rows.len(), errors.len()), (2, 1));
    assert!(errors[0].starts_with("row 2"), "{}", errors[0]);
    let (rows, _) = drain(&mut *open("f.json", format!("{}\n{}\n", point("[1,2]"), point("[3,4]"))));
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_single_feature_or_geometry_is_one_row() {
    let (rows, _) = drain(&mut *open("f.geojson", point("[1,2]")));
    assert_eq!((rows.len(), rows[0].values.clone()), (1, vec![Value::Integer(1)]));
    let (rows, _) = drain(&mut *open("f.geojson", r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#));
    assert!(matches!(rows[0].geometry, Some(Geometry::LineString(_))));
}

#[test]
fn plain_records_are_rows_without_a_place() {
    let mut reader = open("f.json", r#"{"opencup":[{"CUP":"F71B","COSTO":12.5},{"CUP":"F72B","COSTO":3}],"n":2}"#);
    assert_eq!((reader.schema().format, reader.schema().crs.clone()), ("JSON records", SourceCrs::Undeclared));
    let (rows, _) = drain(&mut *reader);
    assert_eq!(rows[1].values, [text("F72B"), Value::Integer(3)]);
    let (rows, _) = drain(&mut *open("f.json", r#"[{"a":1},{"a":2}]"#));
    assert_eq!(rows.len(), 2);
}

#[test]
fn json_that_is_no_data_is_refused() {
    let message = refusal("f.json", r#"{"hello":"world"}"#, &OpenOptions::default());
    assert!(message.contains("`features` member is expected"), "{message}");
}

#[test]
fn an_empty_collection_has_no_rows() {
    let (rows, errors) = drain(&mut *open("f.geojson", collection(&[])));
    assert!(rows.is_empty() && errors.is_empty());
}

#[test]
fn deep_nesting_ends_the_file_with_a_reason() {
    let deep = format!(r#"{{"type":"FeatureCollection","features":[{}{}]}}"#, "[".repeat(5000), "]".repeat(5000));
    let (_, errors) = drain(&mut *open("f.geojson", deep));
    assert!(errors.len() == 1 && errors[0].contains("MAX_NESTING"), "{errors:?}");
}

proptest! {
    #[test]
    fn any_cut_and_any_changed_byte_gives_rows_or_errors_but_never_a_panic(
        cut in 0..POINTS.len(), at in 0..POINTS.len(), byte in any::<u8>()
    ) {
        let mut bytes = POINTS.as_bytes().to_vec();
        bytes[at] = byte;
        for bytes in [bytes, POINTS.as_bytes()[..cut].to_vec()] {
            if let Ok(mut reader) = open_bytes("f.geojson", bytes, &OpenOptions::default()) {
                let (rows, _) = drain(&mut *reader);
                prop_assert!(rows.iter().all(|row| row.values.len() == reader.schema().fields.len()));
            }
        }
    }
}
