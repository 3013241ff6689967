//! Tables of places: every row comes back with its answer or with the reason why there is none.

use std::fmt::Write as _;

use bricola_layers::store::Edit;
use serde_json::Value as Json;

use super::{Town, parcel, town};
use crate::harness::{Answer, CORNER};

async fn sent(town: &Town, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let request = town.server.client.post(town.server.url(path)).header("content-type", kind);
    town.server.send(request.body(body)).await
}

fn rows(answer: &Answer) -> Vec<std::collections::BTreeMap<String, String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("text/csv"));
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_a_csv_file_has_the_fee_that_it_has_alone() {
    let town = town().await;
    let at = |x: f64, y: f64| format!("{},{}", CORNER[0] + x, CORNER[1] + y);
    let table = format!(
        "id;est;nord;quantita;giorni;nota\na;{};10;30;=1+1\nb;{};4,5;10;\nc;{};10;0;\nd;;;10;30;\ne;{};dieci;30;\n",
        at(5.0, 5.0).replace(',', ";"),
        at(45.0, 5.0).replace(',', ";"),
        at(5.0, 5.0).replace(',', ";"),
        at(5.0, 5.0).replace(',', ";"),
    );
    let path = "/tariff?occupation=plateatico&crs=EPSG:7795&datetime=2026-06-01";
    let answer = sent(&town, path, "text/csv", table.into_bytes()).await;
    let rows = rows(&answer);
    assert_eq!(rows.len(), 5);
    let field = |row: usize, name: &str| rows[row][name].as_str();
    for (row, (x, quantity, days)) in [(5.0, "10", 30), (45.0, "4.5", 10)].into_iter().enumerate() {
        let at = format!("x={}&y={}&crs=EPSG:7795", CORNER[0] + x, CORNER[1] + 5.0);
        let alone = town
            .json(&format!("/tariff?occupation=plateatico&{at}&quantity={quantity}&days={days}&datetime=2026-06-01"))
            .await;
        assert_eq!((field(row, "status"), field(row, "fee")), ("accepted", alone["fee"].as_str().expect("a fee")));
    }
    assert_eq!((field(0, "row"), field(0, "id"), field(0, "nota")), ("1", "a", "'=1+1"), "a formula is made harmless");
    assert_eq!((field(2, "status"), field(2, "fee")), ("refused", ""));
    assert!(field(2, "reason").contains("days"), "{}", field(2, "reason"));
    assert!(field(4, "reason").contains("quantity") && field(4, "reason").contains("dieci"));
    assert_eq!(field(3, "status"), "refused", "without a place: {}", field(3, "reason"));
    assert!(answer.header("bricola-seq").parse::<i64>().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_parcels_of_a_table_are_those_of_one() {
    let town = town().await;
    let table = "particella\n12/57\n12/99\n12/58\n";
    let certificates = rows(&sent(&town, "/certificate?datetime=2026-01-01", "text/csv", table.into()).await);
    assert_eq!(
        certificates.iter().map(|row| row["status"].as_str()).collect::<Vec<_>>(),
        ["accepted", "refused", "accepted"]
    );
    let alone = town.json("/certificate?parcels=12/57&datetime=2026-01-01").await;
    let seq = alone["evidence"]["seq"].clone();
    let again = town.json(&format!("/certificate?parcels=12/57&datetime=2026-01-01&at={seq}")).await;
    assert_eq!(certificates[0]["sha256"], again["evidence"]["sha256"].as_str().expect("a hash"));
    assert_eq!(certificates[0]["certified"], "L736_001200.57");
    assert!(certificates[0]["zones"].contains("A1 ") && certificates[1]["reason"].contains("12/99"));
    let parcels = rows(&sent(&town, "/parcel", "text/csv", table.into()).await);
    assert_eq!((parcels[2]["references"].as_str(), parcels[2]["registered_m2"].as_str()), ("L736_001200.58", "300.00"));
    assert_eq!(parcels[1]["status"], "refused");
}

/// A `GeoPackage` that GDAL wrote, in another CRS than the layers'.
#[tokio::test(flavor = "multi_thread")]
async fn a_geopackage_of_drawings_is_taken_too() {
    let town = town().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("drawn.gpkg");
    let script = r"
import sys
from osgeo import ogr, osr
out, x, y = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
source, target = osr.SpatialReference(), osr.SpatialReference()
source.ImportFromEPSG(7795); target.ImportFromEPSG(7792)
file = ogr.GetDriverByName('GPKG').CreateDataSource(out)
layer = file.CreateLayer('drawn', target, ogr.wkbPolygon)
layer.CreateField(ogr.FieldDefn('giorni', ogr.OFTInteger)); layer.CreateField(ogr.FieldDefn('indirizzo', ogr.OFTString))
for east in (1, 41):
    shape = ogr.CreateGeometryFromWkt('POLYGON((%f %f,%f %f,%f %f,%f %f,%f %f))' % (x+east,y+1,x+east+5,y+1,x+east+5,y+5,x+east,y+5,x+east,y+1))
    shape.Transform(osr.CoordinateTransformation(source, target))
    row = ogr.Feature(layer.GetLayerDefn()); row.SetGeometry(shape); row['giorni'] = 30; row['indirizzo'] = 'Calle Larga'
    layer.CreateFeature(row)
";
    let made = std::process::Command::new("/usr/bin/python3")
        .args(["-c", script])
        .arg(&path)
        .args([CORNER[0].to_string(), CORNER[1].to_string()])
        .output()
        .expect("python3");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let body = std::fs::read(&path).expect("a file");
    let path = "/tariff?occupation=plateatico&datetime=2026-06-01";
    let rows = rows(&sent(&town, path, "application/geopackage+sqlite3", body).await);
    assert_eq!(rows.iter().map(|row| row["status"].as_str()).collect::<Vec<_>>(), ["accepted"; 2], "{rows:?}");
    let zone = |row: usize| rows[row]["zones"].split(' ').next().expect("a zone").to_owned();
    assert_eq!((zone(0).as_str(), zone(1).as_str()), ("A", "B"));
    let other = sent(&town, path, "application/pdf", b"%PDF".to_vec()).await;
    other.problem(415, "unsupported-media-type");
    sent(&town, path, "application/geopackage+sqlite3", b"nonsense".to_vec()).await.problem(400, "invalid-body");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_table_is_a_job_that_tells_how_far_it_is_and_can_be_called_off() {
    let town = town().await;
    let mut table = String::from("parcel\n");
    for n in 0..3_000 {
        let _ = writeln!(table, "12/{}", 57 + n % 3);
    }
    let begin = |body: String| {
        let request = town.server.client.post(town.server.url("/certificate?datetime=2026-01-01"));
        town.server.send(request.header("content-type", "text/csv").header("prefer", "respond-async").body(body))
    };
    let begun = begin(table.clone()).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = begun.json()["jobID"].as_str().expect("an id").to_owned();
    // What is edited meanwhile is not in it.
    town.write("parcels", Edit::Insert(parcel("60", [0.0, 0.0, 1.0, 1.0], 1.0))).await;
    let (mut seen, mut status) = (Vec::new(), Json::Null);
    while status != "successful" {
        let job = town.json(&format!("/jobs/{id}")).await;
        status = job["status"].clone();
        assert_ne!(status, "failed", "{job}");
        seen.push(job["progress"].as_i64().expect("a number"));
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    assert!(seen.is_sorted() && seen.iter().any(|percent| (1..100).contains(percent)), "{seen:?}");
    let answer = town.server.get(&format!("/jobs/{id}/results")).await;
    let rows = rows(&answer);
    assert_eq!(rows.len(), 3_000);
    assert!(rows.iter().skip(3).step_by(3).all(|row| row["sha256"] == rows[0]["sha256"]), "one moment for all");
    let begun = begin(table).await.json();
    let id = begun["jobID"].as_str().expect("an id");
    let gone = town.server.send(town.server.client.delete(town.server.url(&format!("/jobs/{id}")))).await;
    assert_eq!(gone.json()["status"], "dismissed");
    town.server.get(&format!("/jobs/{id}")).await.problem(404, "unknown-job");
}
