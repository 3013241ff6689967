use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType as FgbType};
use geo_types::{Geometry, polygon};
use geozero::{ColumnValue, PropertyProcessor};
use proptest::prelude::*;

use crate::definition::FieldType::{DateTime, Integer, Real, Text};
use crate::definition::GeometryType;
use crate::feature::Value;
use crate::reader::testing::{drain, open, text};
use crate::reader::{OpenOptions, SourceCrs, open_bytes};

fn sample() -> Vec<u8> {
    let options = FgbWriterOptions { crs: FgbCrs { code: 7792, ..FgbCrs::default() }, ..FgbWriterOptions::default() };
    let mut writer = FgbWriter::create_with_options("particelle", FgbType::Polygon, options).expect("a writer");
    writer.add_column("foglio", ColumnType::Int, |_, _| {});
    writer.add_column("numero", ColumnType::String, |_, _| {});
    writer.add_column("area", ColumnType::Double, |_, _| {});
    writer.add_column("dal", ColumnType::DateTime, |_, _| {});
    for at in 0..3_i32 {
        let x = f64::from(at) * 10.0;
        let square: Geometry<f64> = polygon!(
            exterior: [(x: x, y: 0.0), (x: x + 4.0, y: 0.0), (x: x + 4.0, y: 4.0), (x: x, y: 0.0)],
            interiors: [[(x: x + 1.0, y: 1.0), (x: x + 2.0, y: 1.0), (x: x + 2.0, y: 2.0), (x: x + 1.0, y: 1.0)]],
        )
        .into();
        writer
            .add_feature_geom(square, |feature| {
                feature.property(0, "foglio", &ColumnValue::Int(at)).expect("written");
                feature.property(1, "numero", &ColumnValue::String("12/à")).expect("written");
                if at == 1 {
                    feature.property(2, "area", &ColumnValue::Double(f64::NAN)).expect("written");
                }
                feature.property(3, "dal", &ColumnValue::DateTime("2024-01-31T10:00:00Z")).expect("written");
            })
            .expect("added");
    }
    let mut bytes = Vec::new();
    writer.write(&mut bytes).expect("written");
    bytes
}

#[test]
fn features_of_another_writer_are_read_with_types_holes_and_crs() {
    let mut reader = open("a.fgb", sample());
    let schema = reader.schema().clone();
    assert_eq!((schema.layer.as_str(), schema.crs, schema.rows), ("particelle", SourceCrs::Epsg(7792), Some(3)));
    assert_eq!(schema.geometry, Some(GeometryType::Polygon));
    assert_eq!(schema.fields.iter().map(|field| field.kind).collect::<Vec<_>>(), [Integer, Text, Real, DateTime]);
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty() && rows.len() == 3, "{errors:?}");
    let second = rows.iter().find(|row| row.values[0] == Value::Integer(1)).expect("the second");
    assert_eq!(second.values[1..3], [text("12/à"), Value::Null]);
    assert!(matches!(second.values[3], Value::DateTime(_)));
    assert!(matches!(&second.geometry, Some(Geometry::Polygon(polygon)) if polygon.interiors().len() == 1));
    assert!(reader.schema().remarks.iter().any(|remark| remark.contains("NaN")));
}

#[test]
fn a_truncated_file_gives_its_good_rows_first() {
    let bytes = sample();
    let (rows, errors) = drain(&mut *open("a.fgb", &bytes[..bytes.len() - 20]));
    assert_eq!(rows.len(), 2);
    assert!(errors.len() == 1 && errors[0].contains("truncated"), "{errors:?}");
}

#[test]
fn a_feature_that_claims_gigabytes_is_not_believed() {
    let mut bytes = sample();
    let one = open("a.fgb", bytes.clone()).count();
    assert_eq!(one, 3);
    // The size of the last feature: found from the end by its own length.
    let at = (0..bytes.len() - 4)
        .rev()
        .find(|&at| {
            let size = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
            size > 100 && at + 4 + size == bytes.len()
        })
        .expect("a feature");
    bytes[at..at + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let (rows, errors) = drain(&mut *open("a.fgb", bytes));
    assert_eq!(rows.len(), 2);
    assert!(errors[0].contains("MAX_ROW_BYTES"), "{errors:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_changed_byte_panics(at in 8_usize..2000, byte in any::<u8>(), cut in 0_usize..100) {
        let mut bytes = sample();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut);
        if let Ok(mut reader) = open_bytes("a.fgb", bytes, &OpenOptions::default()) {
            drain(&mut *reader);
        }
    }
}
