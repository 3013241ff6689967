//! Other programs on a `GeoPackage` store: GDAL and `sqlite3` read it, edit it, and are heard.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bricola_layers::feature::{FeatureId, Value};
use bricola_layers::log::{Operation, Seq};
use bricola_layers::store::{Edit, GeoPackageStore, Store};
use futures::{StreamExt, pin_mut};

use super::sample::{all, anything, insert, parcel, with_parcels};
use super::{geopackage, path};

const LAYER: &str = "test-parcels";

/// Runs a program of Debian's package; the packages are part of `scripts/setup test`.
fn run(program: &str, package: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; install {package}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}\n{out}\n{err}");
    assert!(!err.contains("ERROR") && !err.contains("Warning"), "{program} {arguments:?}\n{err}");
    out.into_owned()
}

fn sqlite3(file: &Path, sql: &str) -> String {
    run("sqlite3", "sqlite3", &["-cmd", ".timeout 20000", "-bail", &file.display().to_string(), sql])
}

/// Runs a script of GDAL's Python with the path of the store as its argument.
fn python(file: &Path, script: &str) -> String {
    let script = format!("import sys\nfrom osgeo import ogr, osr, gdal\ngdal.UseExceptions()\n{script}");
    run("/usr/bin/python3", "python3-gdal", &["-c", &script, &file.display().to_string()])
}

async fn changes_within_two_seconds(store: &GeoPackageStore, after: Seq) -> Vec<(Option<FeatureId>, Operation)> {
    tokio::time::timeout(Duration::from_secs(2), store.changed(after)).await.expect("in time").expect("answers");
    let changes = store.changes(after, 1_000).await.expect("reads");
    changes.into_iter().map(|change| (change.id, change.operation)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_sees_layers_types_and_reference_system() {
    let (store, folder) = geopackage().await;
    with_parcels(&store, 3).await;
    store.define(&anything()).await.expect("defines");
    let file = path(&folder);
    let listed = run("ogrinfo", "gdal-bin", &["-ro", &file.display().to_string()]);
    let layers: Vec<&str> =
        listed.lines().filter(|line| line.contains(": ") && line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(layers, ["1: test_parcels (Multi Polygon)", "2: anything", "3: bricola_changes (None)"], "{listed}");
    let summary = run("ogrinfo", "gdal-bin", &["-ro", "-so", &file.display().to_string(), "test_parcels"]);
    for line in [
        "Geometry: Multi Polygon",
        "Feature Count: 3",
        "Extent: (3026020.000000, 5033000.000000) - (3026080.000000, 5033030.500000)",
        "RDN2008 / Zone 12 (E-N)",
        "ID[\"EPSG\",7795]",
        "FID Column = fid",
        "Geometry Column = geom",
        "sheet: String (0.0)",
        "area: Real (0.0)",
        "floors: Integer64 (0.0)",
        "listed: Integer(Boolean) (0.0)",
        "surveyed: Date (0.0)",
        "seen: DateTime (0.0)",
        "version: Integer64 (0.0) NOT NULL DEFAULT 1",
    ] {
        assert!(summary.contains(line), "{line}\n{summary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_reads_the_same_geometries_and_values() {
    let (store, folder) = geopackage().await;
    with_parcels(&store, 3).await;
    let script = "
d = ogr.Open(sys.argv[1])
for f in d.GetLayerByName('test_parcels'):
    print(f.GetFID(), f.GetGeometryRef().ExportToWkt(), f['sheet'], f['area'], f['floors'], int(f['listed']), f['surveyed'], f['seen'], sep='|')";
    let read = python(&path(&folder), script);
    let first = "1|MULTIPOLYGON (((3026020 5033000,3026040 5033000,3026040.0 5033030.5,3026020.0 5033030.5,3026020 5033000)))\
                 |7|1.0|1|0|2026/11/22|2026/11/18 11:06:40.123+00";
    assert_eq!(
        read.lines().next().expect("a row").replace(".0 5033030.5", " 5033030.5"),
        first.replace(".0 5033030.5", " 5033030.5")
    );
    assert_eq!(read.lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_by_gdal_are_logged_versioned_and_kept_in_the_history() {
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 3).await;
    let file = path(&folder);
    let seq = store.last_seq().await.expect("answers");
    let script = "
d = ogr.Open(sys.argv[1], 1); l = d.GetLayerByName('test_parcels')
f = l.GetFeature(1); f['area'] = 50.5; l.SetFeature(f)
f = ogr.Feature(l.GetLayerDefn()); f['sheet'] = 'gdal'; f['number'] = '1'
f.SetGeometry(ogr.CreateGeometryFromWkt('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')); l.CreateFeature(f)
l.DeleteFeature(2)
d.ExecuteSQL('UPDATE test_parcels SET floors = 9 WHERE fid = 3')";
    python(&file, script);
    let new = ids[2] + 1;
    assert_eq!(
        changes_within_two_seconds(&store, seq).await,
        [
            (Some(ids[0]), Operation::Update),
            (Some(new), Operation::Insert),
            (Some(ids[1]), Operation::Delete),
            (Some(ids[2]), Operation::Update),
        ]
    );
    let rows = all(&store, LAYER).await;
    assert_eq!(rows.iter().map(|row| (row.id, row.version)).collect::<Vec<_>>(), [(ids[0], 2), (ids[2], 2), (new, 1)]);
    assert_eq!(rows[0].feature, parcel("7", 1, 50.5));
    assert_eq!(rows[1].feature.properties[3], Value::Integer(9));
    // The versions go on from there, and the old states are kept.
    let stale = Edit::Update { id: ids[0], expected: Some(1), feature: parcel("7", 1, 1.0) };
    assert!(store.write(LAYER, vec![stale]).await.is_err());
    let kept =
        sqlite3(&file, "SELECT fid, area, version, seq_from < seq_to FROM bricola_history_test_parcels ORDER BY fid");
    assert_eq!(kept, "1|1.0|1|1\n2|1.0|1|1\n3|1.0|1|1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_in_qgis_are_logged() {
    let script = r#"
import sys
from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsVectorLayer
app = QgsApplication([], False); app.initQgis()
l = QgsVectorLayer(sys.argv[1] + "|layername=test_parcels", "p", "ogr")
print(l.isValid(), l.crs().authid(), l.featureCount())
l.startEditing()
f = l.getFeature(1)
l.changeAttributeValue(1, l.fields().indexOf("area"), 77.5)
g = f.geometry(); g.translate(100, 0); l.changeGeometry(1, g)
n = QgsFeature(l.fields()); n.setGeometry(QgsGeometry.fromWkt("MultiPolygon(((0 0,1 0,1 1,0 0)))"))
n["sheet"] = "qgis"; n["number"] = "1"; n["listed"] = True
l.addFeature(n)
l.deleteFeature(2)
print(l.commitChanges(), l.commitErrors())
"#;
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 3).await;
    let seq = store.last_seq().await.expect("answers");
    let output = Command::new("/usr/bin/python3")
        .args(["-c", script, &path(&folder).display().to_string()])
        .env("QT_QPA_PLATFORM", "offscreen")
        .output()
        .expect("/usr/bin/python3 with python3-qgis");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("True EPSG:7795 3"), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    let changes = changes_within_two_seconds(&store, seq).await;
    for expected in [(ids[0], Operation::Update), (ids[1], Operation::Delete), (ids[2] + 1, Operation::Insert)]
        .map(|(id, operation)| (Some(id), operation))
    {
        assert!(changes.contains(&expected), "{expected:?} in {changes:?}\n{out}");
    }
    let rows = all(&store, LAYER).await;
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[0], ids[2], ids[2] + 1]);
    assert_eq!(rows[0].feature.properties, parcel("7", 1, 77.5).properties);
    assert_eq!(rows[0].feature.geometry, parcel("7", 6, 1.0).geometry);
    assert_eq!(rows[2].feature.properties[4], Value::Boolean(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn ogr2ogr_appends_and_ogrinfo_updates() {
    let (store, folder) = geopackage().await;
    with_parcels(&store, 2).await;
    let (file, source) = (path(&folder), folder.path().join("more.geojson"));
    let feature = |number: u32| {
        format!(
            r#"{{"type":"Feature","properties":{{"sheet":"ogr","number":"{number}"}},"geometry":{{"type":"Polygon","coordinates":[[[12.33,45.43],[12.34,45.43],[12.34,45.44],[12.33,45.43]]]}}}}"#
        )
    };
    let text = format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, feature(1), feature(2));
    std::fs::write(&source, text).expect("writes");
    let seq = store.last_seq().await.expect("answers");
    let (file, source) = (file.display().to_string(), source.display().to_string());
    let append = [
        "-update",
        "-append",
        "-nln",
        "test_parcels",
        "-t_srs",
        "EPSG:7795",
        "-nlt",
        "PROMOTE_TO_MULTI",
        &file,
        &source,
    ];
    run("ogr2ogr", "gdal-bin", &append);
    run("ogrinfo", "gdal-bin", &[&file, "-sql", "UPDATE test_parcels SET area = 7 WHERE sheet = 'ogr'"]);
    let changes = changes_within_two_seconds(&store, seq).await;
    let counted = |operation| changes.iter().filter(|change| change.1 == operation).count();
    assert_eq!((counted(Operation::Insert), counted(Operation::Update), changes.len()), (2, 2, 4), "{changes:?}");
    let rows = all(&store, LAYER).await;
    assert_eq!(rows.iter().map(|row| row.version).collect::<Vec<_>>(), [1, 1, 2, 2]);
    assert_eq!(rows[3].feature.properties[2], Value::Real(7.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_by_plain_sqlite_are_heard() {
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 3).await;
    let file = path(&folder);
    let seq = store.last_seq().await.expect("answers");
    let sql = "UPDATE test_parcels SET area = 2 WHERE fid = 1; UPDATE test_parcels SET fid = 50 WHERE fid = 2; \
               DELETE FROM test_parcels WHERE fid = 3; INSERT INTO test_parcels (sheet, number) VALUES ('s', '1'); \
               INSERT OR REPLACE INTO test_parcels (fid, sheet, number) VALUES (1, 's', '2');";
    sqlite3(&file, sql);
    let changes = changes_within_two_seconds(&store, seq).await;
    let expected = [
        (ids[0], Operation::Update),
        (ids[1], Operation::Delete),
        (50, Operation::Insert),
        (ids[2], Operation::Delete),
        (51, Operation::Insert),
        (ids[0], Operation::Update),
        (ids[0], Operation::Insert),
    ];
    assert_eq!(changes, expected.map(|(id, operation)| (Some(id), operation)));
    let kept = sqlite3(&file, "SELECT fid, sheet, area, version FROM bricola_history_test_parcels ORDER BY seq_to");
    assert_eq!(kept, "1|7|1.0|1\n2|7|1.0|1\n3|7|1.0|1\n1|7|2.0|2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_are_named_and_cost_no_other() {
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 6).await;
    let sql = "UPDATE test_parcels SET geom = x'00' WHERE fid = 1; UPDATE test_parcels SET geom = 'POINT(1 2)' WHERE fid = 2; \
               UPDATE test_parcels SET floors = 'many' WHERE fid = 3; UPDATE test_parcels SET surveyed = 'today' WHERE fid = 4; \
               UPDATE test_parcels SET geom = NULL, area = NULL WHERE fid = 5;";
    sqlite3(&path(&folder), sql);
    let rows = store.scan(LAYER, 0..100);
    pin_mut!(rows);
    let batch = rows.next().await.expect("a batch").expect("is read");
    let reasons: Vec<_> = batch.iter().filter_map(|row| row.as_ref().err()).collect();
    assert_eq!(reasons.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[..4]);
    for (position, word) in ["GP", "blob", "floors", "today"].iter().enumerate() {
        assert!(reasons[position].1.contains(word), "{reasons:?}");
    }
    let good: Vec<_> = batch.iter().filter_map(|row| row.as_ref().ok()).collect();
    assert_eq!(good.iter().map(|row| row.id).collect::<Vec<_>>(), ids[4..]);
    assert_eq!(good[0].feature.geometry, None);
    assert_eq!(store.features(LAYER, &ids).await.expect("reads").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_write_at_once_and_nothing_is_lost() {
    let (store, folder) = geopackage().await;
    with_parcels(&store, 1).await;
    let file = path(&folder);
    let seq = store.last_seq().await.expect("answers");
    let other = std::thread::spawn(move || {
        for sheet in 0..4 {
            let inserts: Vec<String> = (0..25)
                .map(|number| format!("INSERT INTO test_parcels (sheet, number) VALUES ('cli{sheet}', '{number}');"))
                .collect();
            sqlite3(&file, &inserts.concat());
        }
    });
    for number in 0..100 {
        insert(&store, LAYER, vec![parcel("ours", number, 1.0)]).await;
    }
    other.join().expect("ends");
    assert_eq!(all(&store, LAYER).await.len(), 1 + 100 + 4 * 25);
    let changes = store.changes(seq, 1_000).await.expect("reads");
    assert_eq!(changes.len(), 100 + 4 * 25);
    assert!(changes.is_sorted_by(|a, b| a.seq < b.seq));
}
