use geo_types::{Geometry, Point};
use proptest::prelude::*;

use super::number;
use crate::feature::Value;
use crate::reader::testing::{drain, get, open, refusal, text};
use crate::reader::{OpenOptions, SourceCrs, open_bytes};

#[test]
fn numbers_of_every_habit_are_read() {
    for (written, value) in [
        ("45.4342", 45.4342),
        ("45,4342", 45.4342),
        (" +12 ", 12.0),
        ("-0,5", -0.5),
        ("2.307.149,63", 2_307_149.63),
        ("2,307,149.63", 2_307_149.63),
        ("2.307.149", 2_307_149.0),
        ("2 307 149,63", 2_307_149.63),
        ("1e3", 1000.0),
    ] {
        assert_eq!(number(written), Some(value), "{written}");
    }
    for written in ["", "abc", "12a", "--1", ","] {
        assert_eq!(number(written), None, "{written}");
    }
}

#[test]
fn places_in_degrees_are_points_in_wgs84_and_all_columns_stay_text() {
    let mut reader = open("a.csv", "id,nome,latitudine,longitudine\n007,\"Roma, via\",45.4,12.3\n008,,,\n");
    assert_eq!(reader.schema().crs, SourceCrs::Epsg(4326));
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(rows[0].geometry, Some(Point::new(12.3, 45.4).into()));
    assert_eq!(rows[0].values[..2], [text("007"), text("Roma, via")]);
    assert_eq!((rows[1].geometry.clone(), rows[1].values[1].clone()), (None, Value::Null));
}

#[test]
fn metres_in_columns_called_longitude_do_not_pass_for_degrees() {
    let mut reader = open("a.csv", "longitude,latitude\n2307149.6369,5042467.7509\n");
    assert_eq!(reader.schema().crs, SourceCrs::Undeclared);
    assert!(reader.schema().remarks.iter().any(|remark| remark.contains("cannot be degrees")));
    let (rows, _) = drain(&mut *reader);
    assert_eq!(rows[0].geometry, Some(Point::new(2_307_149.636_9, 5_042_467.750_9).into()));
}

#[test]
fn semicolons_and_decimal_commas_go_together() {
    let (rows, _) = drain(&mut *open("a.csv", "x;y\n12,3;45,4\n"));
    assert_eq!(rows[0].geometry, Some(Point::new(12.3, 45.4).into()));
    let mut reader = open("a.tsv", "x\ty\n12.3\t45.4\n");
    assert_eq!(reader.schema().format, "TSV");
    assert_eq!(drain(&mut *reader).0.len(), 1);
}

#[test]
fn wkt_and_hexadecimal_wkb_are_geometries() {
    let mut reader = open("a.csv", "id;wkt\n1;POLYGON((0 0,1 0,1 1,0 0))\n2;\n3;POLYGON((0 0\n");
    let (rows, errors) = drain(&mut *reader);
    assert!(matches!(rows[0].geometry, Some(Geometry::Polygon(_))));
    assert_eq!((rows.len(), rows[1].geometry.clone(), rows[0].values.len()), (2, None, 1));
    assert!(errors.len() == 1 && errors[0].contains("row 3: column `wkt`"), "{errors:?}");
    let wkb = "0101000020E6100000000000000000F03F0000000000000040";
    let (rows, errors) = drain(&mut *open("a.csv", format!("id,geom\n1,{wkb}\n2,{wkb}\n")));
    assert_eq!(rows[1].geometry, Some(Point::new(1.0, 2.0).into()), "{errors:?}");
}

#[test]
fn encodings_are_found_or_given() {
    let mut reader = open("a.csv", b"nome,x\nCitt\xe0,1\n".to_vec());
    assert!(reader.schema().encoding.as_deref().is_some_and(|found| found.starts_with("windows-1252")));
    assert_eq!(drain(&mut *reader).0[0].values[0], text("Città"));
    let options = OpenOptions { encoding: Some("cp850".into()), ..OpenOptions::default() };
    let mut reader = open_bytes("a.csv", b"nome,x\nCitt\x85,1\n".to_vec(), &options).expect("opens");
    assert_eq!(drain(&mut *reader).0[0].values[0], text("Città"));
    let utf16: Vec<u8> = "\u{feff}nome;x\nCittà;1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut reader = open("a.csv", utf16);
    let (rows, _) = drain(&mut *reader);
    assert_eq!(get(&*reader, &rows[0], "nome"), text("Città"));
    let mut reader = open("a.csv", "\u{feff}nome;x\nCittà;1\n");
    let (rows, _) = drain(&mut *reader);
    assert_eq!(get(&*reader, &rows[0], "nome"), text("Città"));
}

#[test]
fn bad_rows_name_column_value_and_reason() {
    let (rows, errors) = drain(&mut *open("a.csv", "lon,lat,n\n12,45,a\nest,45,b\n12,,c\nNaN,45,d\n12,45\n13,46,e\n"));
    assert_eq!(rows.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 6]);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].contains("`est` is not a number") && errors[0].contains("`lon`"), "{}", errors[0]);
    assert!(errors[2].contains("not a finite number"), "{}", errors[2]);
    assert!(errors[3].contains("2 values where the header has 3 columns"), "{}", errors[3]);
}

#[test]
fn wrong_options_are_refused_with_the_choices() {
    let options = OpenOptions { x_column: Some("est".into()), y_column: Some("nord".into()), ..OpenOptions::default() };
    let message = refusal("a.csv", "a,b\n1,2\n", &options);
    assert!(message.contains("`est`") && message.contains("`a`, `b`"), "{message}");
    let options = OpenOptions { encoding: Some("klingon".into()), ..OpenOptions::default() };
    assert!(refusal("a.csv", "a,b\n1,2\n", &options).contains("klingon"));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut table = b"x,y,wkt\n1,2,POINT(1 2)\n".to_vec();
        table.extend(bytes);
        if let Ok(mut reader) = open_bytes("a.csv", table, &OpenOptions::default()) {
            drain(&mut *reader);
        }
    }
}
