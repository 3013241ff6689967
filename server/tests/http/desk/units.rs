//! Units of a parcel from the cadastre's census dumps, for the staff.

use super::{TOKEN, Town, town};
use crate::harness::Answer;

/// A row of record 1 of `.FAB`.
fn unit(id: u64, category: &str, income: &str, from: &str, to: &str) -> String {
    let mut columns = vec![String::new(); 40];
    for (place, value) in [
        (0, "L736"),
        (3, "F"),
        (4, "1"),
        (5, "1"),
        (7, category),
        (8, "3"),
        (10, "81"),
        (12, income),
        (22, from),
        (28, to),
    ] {
        value.clone_into(&mut columns[place]);
    }
    columns[2] = id.to_string();
    columns.join("|")
}

fn put(town: &Town, name: &str, text: &str) {
    let folder = town.folder.path().join("units");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("written");
}

async fn staff(town: &Town, path: &str) -> Answer {
    town.server.send(town.server.client.get(town.server.url(path)).bearer_auth(TOKEN)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_told_to_the_staff_by_parcel_place_and_day() {
    let town = town().await;
    let rows = [
        unit(7, "A02", "500,25", "01012001", "01062020"),
        unit(8, "C01", "1200,00", "", ""),
        "L736||7|F|1|2||0012|00057||0003|".to_owned(),
        "L736||8|F|1|2||0012|00057||0004|".to_owned(),
        "L736||8|F|1|3|236|LARGA|00012||||".to_owned(),
        "not a row".to_owned(),
    ];
    put(&town, "L736.FAB", &rows.join("\n"));
    town.server.get("/units?parcel=12/57").await.problem(401, "unauthorized");
    let now = staff(&town, "/units?parcel=12/57").await.json();
    let units = now["parcels"][0]["units"].as_array().expect("units");
    assert_eq!(
        (units.len(), &units[0]["category"], &units[0]["income_eur"]),
        (1, &"C01".into(), &"1200".into()),
        "{now}"
    );
    assert_eq!(units[0]["addresses"][0]["street"], "LARGA");
    let then = staff(&town, "/units?parcel=12/57&datetime=2010-01-01").await.json();
    assert_eq!(then["parcels"][0]["units"].as_array().map(Vec::len), Some(2));
    let elsewhere = staff(&town, "/units?parcel=12/58").await.json();
    assert_eq!(elsewhere["parcels"][0]["units"].as_array().map(Vec::len), Some(0));
    assert_eq!((&now["sources"][0]["records"], &now["sources"][0]["faults"]), (&5.into(), &1.into()));
    assert_eq!(now["sources"][0]["sha256"].as_str().map(str::len), Some(64));
    let page = staff(&town, "/units?parcel=12/57&f=html&lang=it").await.text();
    assert!(page.contains("C01") && page.contains("1200") && page.contains("Subalterno"), "{page}");
    assert_eq!(staff(&town, "/units?parcel=12/99").await.json()["parcels"], serde_json::json!([]));
    staff(&town, "/units?parcel=dodici").await.problem(400, "invalid-parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_refused_whatever_their_file_is_called() {
    let town = town().await;
    put(&town, "L736.TIT", "L736||7|P|1|RSSMRA80A01L736X\n");
    put(&town, "L736.SOG", "L736||7|P|ROSSI|MARIO|RSSMRA80A01L736X\n");
    put(&town, "renamed.FAB", "L736||7|P|ROSSI|MARIO|RSSMRA80A01L736X\n");
    put(&town, "notes.csv", "a,b\n");
    put(&town, "LEGGIMI.txt", "a note\n");
    let answer = staff(&town, "/units?parcel=12/57").await.json();
    let sources = answer["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 4, "{sources:?}");
    for source in sources {
        let reason = source["refused"]["it"].as_str().expect("a reason");
        assert!(reason.contains("dati personali") || source["file"] == "notes.csv", "{source}");
    }
    let text = answer.to_string();
    assert!(!text.contains("ROSSI") && !text.contains("RSSMRA80A01L736X"), "{text}");
    assert!(answer["warnings"].to_string().contains("no-dumps"));
}
