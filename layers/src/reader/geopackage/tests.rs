use std::path::{Path, PathBuf};

use geo_types::{Geometry, Point};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::definition::FieldType::{Boolean, Date, DateTime, Integer, Real, Text};
use crate::definition::GeometryType;
use crate::feature::Value;
use crate::reader::testing::{drain, get, text};
use crate::reader::{OpenOptions, SourceCrs, layers, open};

/// The parts of the standard that a reader looks at, and two tables.
const SCHEMA: &str = "
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, identifier TEXT, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT, srs_id INTEGER, z INTEGER, m INTEGER);
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT, organization_coordsys_id INTEGER, definition TEXT);
INSERT INTO gpkg_spatial_ref_sys VALUES ('x', 7792, 'EPSG', 7792, 'PROJCS[]');
INSERT INTO gpkg_contents VALUES ('zone', 'features', 'zone', 7792), ('punti \"veri\"', 'features', 'p', 7792);
INSERT INTO gpkg_geometry_columns VALUES ('zone', 'geom', 'POLYGON', 7792, 0, 0), ('punti \"veri\"', 'geom', 'POINT', 7792, 0, 0);
CREATE TABLE zone (fid INTEGER PRIMARY KEY, geom POLYGON, nome TEXT);
CREATE TABLE \"punti \"\"veri\"\"\" (fid INTEGER PRIMARY KEY, geom POINT, nome TEXT(20), n MEDIUMINT, a DOUBLE, ok BOOLEAN, d DATE, t DATETIME, foto BLOB);
";

async fn connect(path: &Path, mode: SqliteJournalMode) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(mode);
    options.connect().await.expect("connects")
}

fn blob(x: f64, y: f64) -> String {
    let mut bytes = b"GP\0\x01\x70\x1e\0\0\x01\x01\0\0\0".to_vec();
    bytes.extend(x.to_le_bytes());
    bytes.extend(y.to_le_bytes());
    bytes.iter().fold("x'".to_owned(), |hex, byte| format!("{hex}{byte:02x}")) + "'"
}

async fn sample(folder: &Path, mode: SqliteJournalMode) -> (PathBuf, SqliteConnection) {
    let path = folder.join("a.gpkg");
    let mut connection = connect(&path, mode).await;
    connection.execute(SCHEMA).await.expect("made");
    let rows = format!(
        "INSERT INTO \"punti \"\"veri\"\"\" VALUES (3, {}, ' Campo ', 7, 1.5, 1, '2024-01-31', '2024-01-31T10:00:00.000Z', x'00'), \
         (9, NULL, CAST(x'43697474e0' AS TEXT), NULL, 2, 0, 'ieri', NULL, NULL), (12, x'4750', 'rotto', 1, 1e999, 2, NULL, NULL, NULL)",
        blob(12.0, 45.0)
    );
    connection.execute(rows.as_str()).await.expect("filled");
    (path, connection)
}

fn points() -> OpenOptions {
    OpenOptions { layer: Some("punti \"veri\"".into()), ..OpenOptions::default() }
}

#[tokio::test]
async fn tables_are_read_with_types_and_row_ids_and_bad_blobs_cost_their_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, connection) = sample(folder.path(), SqliteJournalMode::Delete).await;
    connection.close().await.expect("closed");
    let mut reader = open(&path, &points()).expect("opens");
    let schema = reader.schema().clone();
    assert_eq!((schema.crs, schema.rows, schema.geometry), (SourceCrs::Epsg(7792), Some(3), Some(GeometryType::Point)));
    let kinds: Vec<_> = schema.fields.iter().map(|field| field.kind).collect();
    assert_eq!(kinds, [Text, Integer, Real, Boolean, Date, DateTime]);
    assert!(schema.remarks[0].contains("`foto`"));
    let (rows, errors) = drain(&mut *reader);
    assert_eq!((rows[0].row, rows[1].row), (3, 9));
    assert_eq!(rows[0].geometry, Some(Geometry::Point(Point::new(12.0, 45.0))));
    assert_eq!(rows[0].values[..4], [text("Campo"), Value::Integer(7), Value::Real(1.5), Value::Boolean(true)]);
    assert!(matches!(rows[0].values[4], Value::Date(_)) && matches!(rows[0].values[5], Value::DateTime(_)));
    assert_eq!(get(&*reader, &rows[1], "nome"), text("Città"));
    assert_eq!(get(&*reader, &rows[1], "d"), text("ieri"));
    assert!(errors.len() == 1 && errors[0].starts_with("row 12:"), "{errors:?}");
}

#[tokio::test]
async fn several_tables_need_a_choice_and_the_message_names_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, connection) = sample(folder.path(), SqliteJournalMode::Delete).await;
    connection.close().await.expect("closed");
    let Err(error) = open(&path, &OpenOptions::default()) else { panic!("opened") };
    assert!(error.to_string().contains("`zone`, `punti \"veri\"`"), "{error}");
    let options = OpenOptions { layer: Some("ZONE".into()), ..OpenOptions::default() };
    assert_eq!(open(&path, &options).expect("opens").schema().layer, "zone");
    let names: Vec<String> = layers(&path).expect("listed").into_iter().map(|layer| layer.name).collect();
    assert_eq!(names, ["zone", "punti \"veri\""]);
}

#[tokio::test]
async fn a_write_ahead_log_is_honoured_and_nothing_is_written_beside_a_file_without_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, mut connection) = sample(folder.path(), SqliteJournalMode::Wal).await;
    connection.execute("INSERT INTO zone VALUES (1, NULL, 'nel log')").await.expect("written");
    let options = OpenOptions { layer: Some("zone".into()), ..OpenOptions::default() };
    let (rows, _) = drain(&mut *open(&path, &options).expect("opens"));
    assert_eq!(rows.len(), 1, "the row in the log is seen");
    connection.close().await.expect("closed");
    let copy = tempfile::tempdir().expect("a folder");
    let copied = copy.path().join("b.gpkg");
    std::fs::copy(&path, &copied).expect("copied");
    let before = std::fs::read(&copied).expect("read");
    let (rows, _) = drain(&mut *open(&copied, &options).expect("opens"));
    assert_eq!(rows.len(), 1);
    let beside: Vec<_> =
        std::fs::read_dir(copy.path()).expect("listed").flatten().map(|file| file.file_name()).collect();
    assert_eq!(beside, ["b.gpkg"]);
    assert_eq!(std::fs::read(&copied).expect("read"), before);
}

#[tokio::test]
async fn what_is_no_geopackage_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.gpkg");
    connect(&path, SqliteJournalMode::Delete).await.execute("CREATE TABLE t (a)").await.expect("made");
    let Err(error) = open(&path, &OpenOptions::default()) else { panic!("opened") };
    assert!(error.to_string().contains("not a GeoPackage"), "{error}");
    let (whole, connection) =
        sample(tempfile::tempdir().expect("a folder").keep().as_path(), SqliteJournalMode::Delete).await;
    connection.close().await.expect("closed");
    let bytes = std::fs::read(&whole).expect("read");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    let outcome = open(&path, &points()).map(|mut reader| drain(&mut *reader));
    assert!(outcome.is_err() || outcome.is_ok_and(|(_, errors)| errors.iter().any(|error| error.starts_with("file:"))));
    std::fs::remove_dir_all(whole.parent().expect("a folder")).expect("removed");
}

#[test]
fn dropping_a_reader_early_ends_its_thread() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let path = runtime.block_on(async {
        let (path, mut connection) = sample(folder.path(), SqliteJournalMode::Delete).await;
        let many = "WITH RECURSIVE n(i) AS (SELECT 20 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                    INSERT INTO zone SELECT i, NULL, 'x' FROM n";
        connection.execute(many).await.expect("filled");
        connection.close().await.expect("closed");
        path
    });
    let options = OpenOptions { layer: Some("zone".into()), ..OpenOptions::default() };
    let mut reader = open(&path, &options).expect("opens");
    assert_eq!(reader.next().expect("a row").expect("good").row, 20);
    drop(reader);
    assert_eq!(open(&path, &options).expect("opens").count(), 19_981);
}
