//! Short-term rentals: counts by area that point at nobody, and what a blurred place may mean.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bricola_city::City;
use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::Feature;
use bricola_layers::load::{LoadOptions, load};
use bricola_layers::reader::{OpenOptions, open};
use bricola_layers::store::{GeoPackageStore, OpenMode, Replacement as _, Store as _};
use serde_json::{Value as Json, json};

use super::TOKEN;
use crate::harness::{Answer, Server};

struct Demo {
    server: Server,
    listings: Vec<Feature>,
    addresses: Vec<Feature>,
    folder: tempfile::TempDir,
}

fn definition(layer: &str) -> LayerDefinition {
    let mut definition = Catalog::shipped().expect("sound").get(layer).expect("shipped").clone();
    definition.crs = Some(bricola_city::CRS.to_owned());
    definition
}

async fn demo() -> Demo {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    let city = City::new(12_000, 7);
    let (mut listings, mut addresses) = (Vec::new(), Vec::new());
    for layer in ["districts", "addresses", "rentals", "listings", "tax-objects"] {
        let definition = definition(layer);
        let features: Vec<Feature> = city.features(layer, &definition).collect();
        match layer {
            "listings" => listings.clone_from(&features),
            "addresses" => addresses.clone_from(&features),
            _ => {}
        }
        store.define(&definition).await.expect("defined");
        let mut replacement = store.replace(layer).await.expect("begun");
        replacement.push(features).await.expect("pushed");
        replacement.commit().await.expect("committed");
    }
    let server = Server::over_with(Arc::clone(&store), |config| {
        folder.path().clone_into(&mut config.data);
        config.tenant.istat = Some(bricola_city::ISTAT.to_owned());
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
    })
    .await;
    Demo { server, listings, addresses, folder }
}

impl Demo {
    async fn staff(&self, path: &str) -> Answer {
        self.server.send(self.server.client.get(self.server.url(path)).bearer_auth(TOKEN)).await
    }
}

fn whole(value: &Json) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no count: {value}"))
}

/// Every number of a report is nothing or not small, and rows and kinds sum up to the whole.
fn assert_protected(report: &Json, listings: u64) {
    let least = whole(&report["least"]);
    let told = |value: &Json| value.is_null() || whole(value) == 0 || whole(value) >= least;
    let rows = report["areas"].as_array().expect("areas");
    let mut sum = 0;
    for row in rows {
        sum += whole(&row["listings"]);
        assert!(told(&row["listings"]) && told(&row["registered"]["structures"]), "{row}");
        assert!(told(&row["mismatches"]), "{row}");
        if let Some(cells) = row["standings"].as_array() {
            assert!(cells.iter().all(told), "{row}");
            assert_eq!(cells.iter().map(whole).sum::<u64>(), whole(&row["mismatches"]), "{row}");
        }
    }
    let kinds = report["standings"].as_array().expect("kinds");
    assert!(kinds.iter().all(|kind| told(&kind["count"])), "{kinds:?}");
    let of_kinds: u64 = kinds.iter().map(|kind| whole(&kind["count"])).sum();
    assert_eq!((sum, whole(&report["listings"]), of_kinds), (listings, listings, whole(&report["mismatches"])));
    let back: Vec<&Json> = rows.iter().filter(|row| row["mismatches"].is_null()).collect();
    let with_any = rows.iter().filter(|row| row["listings"] != 0).count();
    assert!(back.len() != 1 || with_any == 1, "one alone is what the totals leave over");
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_compared_with_the_register_area_by_area() {
    let demo = demo().await;
    demo.server.get("/rentals").await.problem(401, "unauthorized");
    let report = demo.staff("/rentals").await.json();
    assert_protected(&report, demo.listings.len() as u64);
    let count = |code: &str| -> u64 {
        let kinds = report["standings"].as_array().expect("kinds");
        let of = |kind: &&Json| kind["codes"].as_array().is_some_and(|codes| codes.contains(&code.into()));
        whole(&kinds.iter().find(of).expect("a kind")["count"])
    };
    assert!(count("no-code") >= 5 && whole(&report["listings"]) > 3 * whole(&report["mismatches"]), "{report}");
    let text = report.to_string();
    assert!(!text.contains("IT0"), "no code of anybody is in it");
    let evidence = report["evidence"]["features"].as_array().expect("features");
    assert!(evidence.iter().all(|feature| feature["layer"] == "districts"), "{evidence:?}");
    assert_eq!(demo.staff("/rentals").await.body, demo.staff("/rentals").await.body);
    // A larger least count tells no more.
    let coarser = demo.staff("/rentals?min-count=40").await.json();
    assert_protected(&coarser, demo.listings.len() as u64);
    for (path, named) in [("min-count=4", "min-count"), ("error-m=2001", "error-m"), ("areas=addresses", "areas")] {
        let problem = demo.staff(&format!("/rentals?{path}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], named);
    }
    let page = demo.staff("/rentals?f=html&lang=it").await.text();
    assert!(page.contains("Strutture registrate") && page.contains("non accusano nessuno"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_listings_is_compared_and_not_kept() {
    let demo = demo().await;
    let mut table = String::from("id,longitude,latitude,license\n");
    let mut rows = 0;
    let report = demo.staff("/rentals/candidates?x=12.3388&y=45.4342").await;
    assert_eq!(report.status, 200, "{}", report.text());
    for n in 0..40 {
        let code = if n % 4 == 0 { "" } else { "IT058091C2ADIO77EW" };
        let _ = writeln!(table, "{n},12.3{n:02},45.43,{code}");
        rows += 1;
    }
    table.push_str("41,,45.43,\n42,dodici,45.43,\n");
    let send = |body: String| {
        let request = demo.server.client.post(demo.server.url("/rentals")).header("content-type", "text/csv");
        demo.server.send(request.body(body).bearer_auth(TOKEN))
    };
    let report = send(table.clone()).await.json();
    assert_protected(&report, rows);
    assert_eq!(report["refused"]["count"], 2, "{report}");
    assert!(!report.to_string().contains("058091"));
    let anonymous = demo.server.client.post(demo.server.url("/rentals")).header("content-type", "text/csv");
    demo.server.send(anonymous.body(table)).await.problem(401, "unauthorized");
    // Three are too few for any number.
    let few = send("longitude,latitude,license\n12.33,45.43,\n12.33,45.43,\n12.33,45.43,x\n".to_owned()).await.json();
    assert_eq!((&few["listings"], few["areas"].as_array().map(Vec::len)), (&Json::Null, Some(0)), "{few}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blurred_place_means_many_addresses_or_none() {
    let demo = demo().await;
    let at = |feature: &Feature| match feature.geometry {
        Some(geo_types::Geometry::Point(point)) => [point.x(), point.y()],
        _ => panic!("addresses are points"),
    };
    let [x, y] = at(&demo.addresses[demo.addresses.len() / 2]);
    let path = format!("/rentals/candidates?x={x}&y={y}&crs=EPSG:7795");
    demo.server.get(&path).await.problem(401, "unauthorized");
    let answer = demo.staff(&path).await.json();
    let candidates = answer["candidates"].as_array().expect("candidates");
    assert!(candidates.len() > 1, "{answer}");
    let number = |value: &Json| value.as_str().expect("a text").parse::<f64>().expect("a number");
    let sum: f64 = candidates.iter().map(|candidate| number(&candidate["percent"])).sum();
    assert!((sum - 100.0).abs() < 1e-6, "{sum}");
    // As many as lie in the circle on the plane of the city's CRS, whose scale is one.
    let [mut nearest, mut inside] = [f64::MAX, 0.0];
    for address in &demo.addresses {
        let [a, b] = at(address);
        let metres = (a - x).hypot(b - y);
        nearest = nearest.min(metres);
        inside += f64::from(u8::from(metres <= 150.0));
    }
    assert!(candidates.len() as f64 <= inside && candidates.iter().all(|it| number(&it["distance_m"]) <= 150.0));
    let few = demo.staff(&format!("{path}&error-m=0")).await.json();
    assert_eq!(few["candidates"], json!([]), "one house would be an accusation");
    assert!(few["warnings"].to_string().contains("too-few"), "{few}");
    let line = format!("/rentals/candidates?geometry=LINESTRING({x}%20{y},{} {y})&crs=EPSG:7795", x + 9.0);
    assert_eq!(demo.staff(&line).await.problem(400, "invalid-parameter")["parameter"], "geometry");
    let process = json!({"inputs": {"x": x, "y": y, "crs": "EPSG:7795"}});
    let request = demo.server.client.post(demo.server.url("/processes/rental-candidates/execution")).json(&process);
    demo.server.send(request.try_clone().expect("a copy")).await.problem(401, "unauthorized");
    assert_eq!(demo.server.send(request.bearer_auth(TOKEN)).await.json(), answer);

    // Where there are census dumps, the dwellings are theirs.
    let parcels: Vec<&str> = candidates.iter().filter_map(|candidate| candidate["parcel"].as_str()).collect();
    let (first, last) = (parcels[0], *parcels.last().expect("a parcel"));
    assert_ne!(first, last);
    let mut dump = String::new();
    for (id, (parcel, category)) in
        [(first, "A02"); 12].iter().chain(&[(last, "A03"); 4]).chain(&[(last, "A10"); 9]).enumerate()
    {
        let mut unit = vec![String::new(); 40];
        let (comune, number) = (&parcel[..4], parcel.rsplit('.').next().expect("a number"));
        (unit[0], unit[2], unit[3]) = (comune.to_owned(), id.to_string(), "F".to_owned());
        (unit[4], unit[5], unit[7]) = ("1".to_owned(), "1".to_owned(), (*category).to_owned());
        let _ = writeln!(dump, "{}\n{comune}||{id}|F|1|2||{}|{number}|||", unit.join("|"), &parcel[5..9]);
    }
    let folder = demo.folder.path().join("units");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("dump.FAB"), dump).expect("written");
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let by_dumps = demo.staff(&path).await.json();
    let told = by_dumps["candidates"].as_array().expect("candidates");
    assert!(!told.is_empty() && told.iter().all(|it| it["parcel"] == first || it["parcel"] == last), "{by_dumps}");
    let of = |parcel: &str| -> f64 {
        told.iter().filter(|it| it["parcel"] == parcel).map(|it| number(&it["percent"])).sum()
    };
    assert!((of(first) + of(last) - 100.0).abs() < 1e-6 && of(first) > of(last), "12 dwellings and 4: {by_dumps}");
}

pub fn shared_data() -> Option<PathBuf> {
    let named = std::env::var_os("BRICOLA_SHARED_DATA").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let near = ["../shared/data", "../../shared/data"].map(|path| workspace.join(path));
    let found = named.into_iter().chain(near).find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: no shared data");
    }
    found
}

/// The open data of Venice: 8,590 listings of 2025, 7,858 structures of 2019 in metres of Monte Mario and without codes,
/// 118 neighbourhoods. Figures counted with Python's csv and re.
#[tokio::test(flavor = "multi_thread")]
async fn the_open_listings_of_venice_give_a_sensible_report() {
    let Some(data) = shared_data() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    let catalog = Catalog::shipped().expect("sound");
    let options = LoadOptions {
        storage_crs: Some("EPSG:7795".to_owned()),
        envelope: Some([12.16, 45.23, 12.6, 45.58]),
        ..LoadOptions::default()
    };
    for (file, layer) in [
        ("listings.csv", "listings"),
        ("strutture-turistiche-2019-04-17.csv", "rentals"),
        ("neighbourhoods.geojson", "districts"),
    ] {
        let definition = catalog.get(layer).expect("shipped");
        let reader = open(&data.join("venice/lodging").join(file), &OpenOptions::default()).expect("opens");
        let report = load(&*store, reader, definition, &options, |_| {}).await.expect("loads");
        println!("{file}: {} of {}", report.loaded, report.rows);
    }
    let server = Server::over_with(store, |config| {
        config.tenant.istat = Some("027042".to_owned());
        config.show_all_layers = true;
    })
    .await;
    let report = server.get("/rentals").await.json();
    assert_protected(&report, 8_590);
    let kinds = report["standings"].as_array().expect("kinds");
    println!("{}", serde_json::to_string_pretty(kinds).expect("JSON"));
    for row in report["areas"].as_array().expect("areas").iter().filter(|row| row["listings"] != 0) {
        let names: Vec<&str> =
            row["areas"].as_array().expect("areas").iter().map(|it| it["name"].as_str().unwrap_or("-")).collect();
        let (listings, mismatches) = (&row["listings"], &row["mismatches"]);
        println!("{} {listings} {mismatches} {} {}", names.join(", "), row["standings"], row["registered"]);
    }
    println!("{} {}", report["registered"], report["warnings"]);
    let count = |code: &str| {
        let of = |kind: &&Json| kind["codes"].as_array().is_some_and(|codes| codes.contains(&code.into()));
        whole(&kinds.iter().find(of).expect("a kind")["count"])
    };
    assert_eq!((count("no-code"), count("not-a-code"), count("other-comune")), (471, 64, 25));
    assert_eq!(report["mismatches"], 471 + 64 + 25, "the register of 2019 has no codes to find the others in");
    assert_eq!(report["registered"]["structures"], 7_858);
    assert!(report["warnings"].to_string().contains("register-without-codes"));
    let of = |name: &str| {
        let rows = report["areas"].as_array().expect("areas");
        let is =
            |row: &&Json| row["areas"][0]["name"] == name && row["areas"].as_array().is_some_and(|it| it.len() == 1);
        whole(&rows.iter().find(is).expect("the area")["listings"])
    };
    // What the file itself says of where they are, but for a few at borders.
    for (name, told) in [("Cannaregio", 1_566), ("Castello", 1_554), ("San Marco", 943), ("Dorsoduro", 665)] {
        let found = of(name);
        assert!(found.abs_diff(told) <= 10, "{name}: {found} of {told}");
    }
    let page = server.get("/rentals?f=html&lang=it").await.text();
    assert!(page.contains("Cannaregio") && !page.contains("IT027042"), "{page}");
}
