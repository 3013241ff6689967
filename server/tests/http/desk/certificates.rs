//! `/certificate`.

use bricola_layers::store::Edit;
use serde_json::Value as Json;

use super::{plan_zone, town};

fn layer<'a>(certificate: &'a Json, status: &str) -> &'a Json {
    let layers = certificate["layers"].as_array().expect("layers");
    layers.iter().find(|it| it["status"] == status).expect("the layer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_has_shares_that_close_whatever_plans_divide_the_ground() {
    let town = town().await;
    let answer = town.json("/certificate?parcels=12/57,L736_001200.58&datetime=2026-01-01").await;
    let certificates = answer["certificates"].as_array().expect("certificates");
    assert_eq!(certificates.len(), 2);
    let first = layer(&certificates[0], "approved");
    let zones: Vec<(&str, &str, &str)> = first["zones"]
        .as_array()
        .expect("zones")
        .iter()
        .map(|it| (it["code"].as_str().unwrap(), it["plan"].as_str().unwrap(), it["percent"].as_str().unwrap()))
        .collect();
    assert_eq!(zones, [("B2", "PI", "52.38"), ("A1", "PRG", "47.62")]);
    assert_eq!(first["gap_m2"], "0.00");
    // 58 lies in the adopted variant too, which is listed beside the plan in force.
    assert_eq!(layer(&certificates[1], "approved")["zones"][0]["percent"], "100.00");
    assert_eq!(layer(&certificates[1], "adopted")["zones"][0]["code"], "B3");
    let codes: Vec<&str> =
        certificates[1]["warnings"].as_array().unwrap().iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!(codes, ["registered-area"], "200 m² on the map, 300 in the register");
    // 59 reaches beyond all plans.
    let third = town.json("/certificate?parcels=12/59&datetime=2026-01-01").await;
    assert_eq!(layer(&third["certificates"][0], "approved")["gap_percent"], "80.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_again_byte_by_byte() {
    let town = town().await;
    let path = "/certificate?parcels=12/57&datetime=2026-01-01";
    let first = town.server.get(path).await;
    let seq = first.json()["evidence"]["seq"].clone();
    let page = town.server.post_json("/processes/planning-certificate/execution", &body(&seq)).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{}", page.text());
    let moved =
        Edit::Update { id: 1, expected: None, feature: plan_zone("A1", [0.0, 0.0, 15.0, 30.0], "PRG", "approved") };
    town.write("zoning", moved).await;
    assert_ne!(town.server.get(path).await.text(), first.text());
    assert_eq!(town.server.get(&format!("{path}&at={seq}")).await.text(), first.text());
    let again = town.server.post_json("/processes/planning-certificate/execution", &body(&seq)).await;
    assert_eq!(again.text(), page.text());
    assert!(page.text().contains("52,38"), "{}", page.text());
}

fn body(seq: &Json) -> Json {
    serde_json::json!({
        "inputs": {"parcels": ["12/57"], "datetime": "2026-01-01", "at": seq.to_string()},
        "outputs": {"page": {}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_it() {
    let town = town().await;
    let page = town.server.get("/certificate?f=html&parcels=12/57&datetime=2026-01-01").await.text();
    assert!(page.contains("Particella L736_001200.57") && page.contains("47,62"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_pdf_that_is_the_same_each_time_and_a_geopackage_of_the_pieces() {
    let town = town().await;
    let path = "/certificate?parcels=12/57,12/59&datetime=2026-01-01";
    let seq = town.json(path).await["evidence"]["seq"].clone();
    let pdf = town.server.get(&format!("{path}&at={seq}&f=pdf")).await;
    assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
    assert!(pdf.body.starts_with(b"%PDF-") && pdf.body.ends_with(b"%%EOF"), "{}", pdf.body.len());
    let moved =
        Edit::Update { id: 1, expected: None, feature: plan_zone("A1", [0.0, 0.0, 9.0, 30.0], "PRG", "approved") };
    town.write("zoning", moved).await;
    assert_eq!(town.server.get(&format!("{path}&at={seq}&f=pdf")).await.body, pdf.body);
    // What another program reads in it.
    let file = town.folder.path().join("cdu.pdf");
    std::fs::write(&file, &pdf.body).expect("written");
    let script = "import sys, re\ntext = open(sys.argv[1], 'rb').read().decode('latin-1')\nprint(all(w in text for w in ['L736_001200.57', '52,38', 'Art. 7 N.T.A.', '1 / 1']))";
    let read = std::process::Command::new("/usr/bin/python3").args(["-c", script]).arg(&file).output().expect("Python");
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "True", "{}", String::from_utf8_lossy(&read.stderr));

    let package = town.server.get(&format!("{path}&at={seq}&f=gpkg")).await;
    assert_eq!((package.status, package.header("content-type")), (200, "application/geopackage+sqlite3"));
    let file = town.folder.path().join("cdu.gpkg");
    std::fs::write(&file, &package.body).expect("written");
    let script = "from osgeo import ogr; import sys\nfile = ogr.Open(sys.argv[1]); layer = file.GetLayer(0)\nprint(sorted((f['parcel'], f['zone'], f['percent']) for f in layer))";
    let read = std::process::Command::new("/usr/bin/python3").args(["-c", script]).arg(&file).output().expect("GDAL");
    let expected = "[('L736_001200.57', 'A1', 47.62), ('L736_001200.57', 'B2', 52.38), ('L736_001200.59', 'B2', 20.0), ('L736_001200.59', 'B3', 20.0)]";
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), expected, "{}", String::from_utf8_lossy(&read.stderr));
}
