use geo_types::{Coord, Geometry, Point};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

use super::shape;
use crate::definition::FieldType::{Boolean, Date, Integer, Real, Text};
use crate::feature::Value;
use crate::reader::tally::Tally;
use crate::reader::testing::{drain, text};
use crate::reader::{OpenOptions, Reader, SourceCrs, open, open_bytes};

/// A `.shp` of some record contents.
fn shp(kind: i32, contents: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0; 100];
    file[..4].copy_from_slice(&9994_i32.to_be_bytes());
    file[28..32].copy_from_slice(&1000_i32.to_le_bytes());
    file[32..36].copy_from_slice(&kind.to_le_bytes());
    for (at, content) in contents.iter().enumerate() {
        file.extend((at as i32 + 1).to_be_bytes());
        file.extend((content.len() as i32 / 2).to_be_bytes());
        file.extend(content);
    }
    file
}

/// A `.dbf` with a text, a number, a logical, a date and a real column.
fn dbf(rows: &[&str], language_driver: u8) -> Vec<u8> {
    dbf_bytes(&rows.iter().map(|row| row.as_bytes().to_vec()).collect::<Vec<_>>(), language_driver)
}

fn dbf_bytes(rows: &[Vec<u8>], language_driver: u8) -> Vec<u8> {
    let columns: [(&str, u8, u8, u8); 5] =
        [("NOME", b'C', 8, 0), ("NUM", b'N', 4, 0), ("OK", b'L', 1, 0), ("DATA", b'D', 8, 0), ("AREA", b'N', 6, 2)];
    let mut file = vec![3, 126, 1, 1];
    file.extend((rows.len() as u32).to_le_bytes());
    file.extend((32 + 32 * columns.len() as u16 + 1).to_le_bytes());
    file.extend(28_u16.to_le_bytes());
    file.extend([0; 17]);
    file.push(language_driver);
    file.extend([0; 2]);
    for (name, kind, length, decimals) in columns {
        let mut field = [0; 32];
        field[..name.len()].copy_from_slice(name.as_bytes());
        (field[11], field[16], field[17]) = (kind, length, decimals);
        file.extend(field);
    }
    file.push(0x0d);
    for row in rows {
        assert_eq!(row.len(), 28, "{row:?}");
        file.extend(row);
    }
    file.push(0x1a);
    file
}

fn point(x: f64, y: f64) -> Vec<u8> {
    [&1_i32.to_le_bytes()[..], &x.to_le_bytes(), &y.to_le_bytes()].concat()
}

fn polygon(rings: &[&[(f64, f64)]]) -> Vec<u8> {
    let mut content = 5_i32.to_le_bytes().to_vec();
    content.extend([0; 32]);
    content.extend((rings.len() as i32).to_le_bytes());
    content.extend((rings.iter().map(|ring| ring.len()).sum::<usize>() as i32).to_le_bytes());
    let mut start = 0;
    for ring in rings {
        content.extend((start as i32).to_le_bytes());
        start += ring.len();
    }
    for (x, y) in rings.iter().flat_map(|ring| ring.iter()) {
        content.extend(x.to_le_bytes());
        content.extend(y.to_le_bytes());
    }
    content
}

fn clockwise(x: f64, y: f64, size: f64) -> [(f64, f64); 5] {
    [(x, y), (x, y + size), (x + size, y + size), (x + size, y), (x, y)]
}

fn reversed(mut ring: [(f64, f64); 5]) -> [(f64, f64); 5] {
    ring.reverse();
    ring
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn opened(path: &Path) -> Box<dyn Reader> {
    open(path, &OpenOptions::default()).expect("opens")
}

const ROWS: [&str; 3] =
    [" Campo     12T20240131 12.50", " Riva    ****?        ******", "*gone       1F20240101  1.00"];

#[test]
fn types_null_shapes_and_deleted_rows_are_read_as_they_stand() {
    let shapes = shp(1, &[point(1.0, 2.0), 0_i32.to_le_bytes().to_vec(), point(5.0, 6.0)]);
    let folder = Folder::with(&[("a.shp", &shapes), ("A.DBF", &dbf(&ROWS, 0)), ("a.prj", b"PROJCS[\"x\"]")]);
    let mut reader = opened(&folder.path("a.shp"));
    let schema = reader.schema().clone();
    assert_eq!(schema.fields.iter().map(|field| field.kind).collect::<Vec<_>>(), [Text, Integer, Boolean, Date, Real]);
    assert_eq!(schema.crs, SourceCrs::Definition("PROJCS[\"x\"]".into()));
    assert_eq!(schema.rows, Some(3));
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].geometry, Some(Point::new(1.0, 2.0).into()));
    let date = chrono::NaiveDate::from_ymd_opt(2024, 1, 31).expect("a date");
    assert_eq!(
        rows[0].values,
        [text("Campo"), Value::Integer(12), Value::Boolean(true), Value::Date(date), Value::Real(12.5)]
    );
    assert_eq!(rows[1].geometry, None);
    assert_eq!(rows[1].values[1..], [Value::Null, Value::Null, Value::Null, Value::Null]);
}

#[test]
fn holes_go_to_the_ring_around_them_in_whatever_order_they_stand() {
    let (big, small) = (clockwise(0.0, 0.0, 10.0), clockwise(20.0, 0.0, 10.0));
    let (hole, other) = (reversed(clockwise(2.0, 2.0, 2.0)), reversed(clockwise(22.0, 2.0, 2.0)));
    let island = clockwise(2.5, 2.5, 1.0);
    let content = polygon(&[&hole, &big, &small, &other, &island]);
    let geometry = shape::read(&content, &mut Tally::default()).expect("reads").expect("a geometry");
    let Geometry::MultiPolygon(parts) = geometry else { panic!("{geometry:?}") };
    let holes: Vec<usize> = parts.iter().map(|part| part.interiors().len()).collect();
    assert_eq!(holes, [1, 1, 0]);
    assert_eq!(parts.0[0].interiors()[0].0[0], Coord { x: 2.0, y: 2.0 });
}

#[test]
fn rings_that_all_run_the_wrong_way_are_outer_rings() {
    let content = polygon(&[&reversed(clockwise(0.0, 0.0, 1.0)), &reversed(clockwise(5.0, 5.0, 1.0))]);
    let geometry = shape::read(&content, &mut Tally::default()).expect("reads");
    assert!(matches!(geometry, Some(Geometry::MultiPolygon(parts)) if parts.0.len() == 2));
}

#[test]
fn encodings_come_from_cpg_code_page_or_the_user() {
    let rest = |name: &[u8]| {
        let mut row = b" Citt".to_vec();
        row.extend(name);
        row.resize(9, b' ');
        row.extend(b"  12T20240131 12.50");
        row
    };
    let shapes = shp(1, &[point(1.0, 2.0)]);
    for (driver, cpg, name) in [
        (0_u8, None, &b"\xe0"[..]),
        (0, None, "à".as_bytes()),
        (0x57, None, "à".as_bytes()),
        (0x02, None, b"\x85"),
        (0, Some("UTF-8"), "à".as_bytes()),
        (0, Some("ISO-8859-1"), b"\xe0"),
        (0, Some("850"), b"\x85"),
    ] {
        let mut files = vec![("a.shp", shapes.clone()), ("a.dbf", dbf_bytes(&[rest(name)], driver))];
        files.extend(cpg.map(|label| ("a.cpg", label.as_bytes().to_vec())));
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let folder = Folder::with(&files);
        let (rows, _) = drain(&mut *opened(&folder.path("a.shp")));
        assert_eq!(rows[0].values[0], text("Città"), "{driver} {cpg:?} {name:?}");
    }
}

#[test]
fn truncated_files_give_their_good_rows_first() {
    let shapes = shp(1, &[point(1.0, 2.0), point(3.0, 4.0), point(5.0, 6.0)]);
    let folder = Folder::with(&[("a.shp", &shapes[..shapes.len() - 10]), ("a.dbf", &dbf(&ROWS[..1], 0))]);
    let (rows, errors) = drain(&mut *opened(&folder.path("a.shp")));
    assert_eq!(rows.len(), 1);
    assert!(errors[0].contains("no row for this shape"), "{errors:?}");
    assert!(errors[1].starts_with("file:") && errors[1].contains("truncated"), "{errors:?}");
    let folder = Folder::with(&[("b.shp", &shapes[..50]), ("c.dbf", b"x")]);
    assert!(open(&folder.path("b.shp"), &OpenOptions::default()).is_err());
    let Err(error) = open(&folder.path("c.dbf"), &OpenOptions::default()) else { panic!("opened") };
    assert!(error.to_string().contains("no .shp"), "{error}");
}

#[test]
fn an_index_leads_past_stale_records() {
    let shapes = shp(1, &[point(1.0, 2.0), point(9.0, 9.0), point(3.0, 4.0)]);
    let mut index = shapes[..100].to_vec();
    for offset in [50_i32 + 2 * 14, 50] {
        index.extend(offset.to_be_bytes());
        index.extend(10_i32.to_be_bytes());
    }
    let folder = Folder::with(&[("a.shp", &shapes), ("a.shx", &index)]);
    let (rows, errors) = drain(&mut *opened(&folder.path("a.shp")));
    assert!(errors.is_empty(), "{errors:?}");
    let places: Vec<_> = rows.into_iter().map(|row| row.geometry).collect();
    assert_eq!(places, [Some(Point::new(3.0, 4.0).into()), Some(Point::new(1.0, 2.0).into())]);
}

#[test]
fn declared_sizes_are_not_believed() {
    let mut content = polygon(&[&clockwise(0.0, 0.0, 1.0)]);
    content[36..40].copy_from_slice(&i32::MAX.to_le_bytes());
    assert!(shape::read(&content, &mut Tally::default()).expect_err("refused").contains("MAX_RINGS"));
    let mut shapes = shp(1, &[point(1.0, 2.0)]);
    shapes[104..108].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut reader = open_bytes("a.shp", shapes, &OpenOptions::default()).expect("opens");
    let (rows, errors) = drain(&mut *reader);
    assert!(rows.is_empty() && errors[0].contains("truncated"), "{errors:?}");
}

proptest! {
    #[test]
    fn no_changed_byte_panics(at in 100_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
        let mut shapes = shp(5, &[polygon(&[&clockwise(0.0, 0.0, 9.0), &reversed(clockwise(1.0, 1.0, 1.0))]), point(1.0, 2.0)]);
        let at = at % shapes.len();
        shapes[at] = byte;
        shapes.truncate(400 - cut);
        if let Ok(mut reader) = open_bytes("a.shp", shapes, &OpenOptions::default()) {
            drain(&mut *reader);
        }
    }

    #[test]
    fn no_changed_byte_of_the_table_panics(at in 0_usize..220, byte in any::<u8>()) {
        let mut table = dbf(&ROWS, 0);
        let at = at % table.len();
        table[at] = byte;
        if let Ok(mut table) = super::Table::open(Box::new(std::io::Cursor::new(table))) {
            let mut tally = Tally::default();
            for _ in 0..5 {
                if table.next(super::Charset::Utf8, &mut tally).is_err() {
                    break;
                }
            }
        }
    }
}
