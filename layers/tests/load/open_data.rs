//! Real files through readers, checks and the GeoPackage store: figures counted with GDAL.
//!
//! The folder of open data is no part of the project; without it these tests have nothing to do.

use std::path::{Path, PathBuf};

use bricola_layers::definition::Catalog;
use bricola_layers::feature::{StoredFeature, Value};
use bricola_layers::load::{Language, LoadError, LoadOptions, Report, load};
use bricola_layers::reader::{OpenOptions, open};
use bricola_layers::store::{GeoPackageStore, OpenMode, Store};
use chrono::NaiveDate;

fn shared_data() -> Option<PathBuf> {
    let named = std::env::var_os("BRICOLA_SHARED_DATA").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let near = ["../shared/data", "../../shared/data"].map(|path| workspace.join(path));
    let found = named.into_iter().chain(near).find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: no shared data");
    }
    found
}

async fn load_file(path: &Path, layer: &str, options: &LoadOptions) -> (Result<Report, LoadError>, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = GeoPackageStore::open(folder.path().join("store.gpkg"), OpenMode::ReadWrite).await.expect("opens");
    let catalog = Catalog::shipped().expect("valid");
    let definition = catalog.get(layer).expect("shipped");
    let wanted = OpenOptions { geometry: Some(definition.geometry), ..OpenOptions::default() };
    let reader = open(path, &wanted).expect("opens");
    let loaded = load(&store, reader, definition, options, |_| {}).await;
    let stored = store.layers().await.expect("lists").first().map_or(0, |stored| stored.count);
    (loaded, stored)
}

#[tokio::test]
async fn every_row_of_the_open_files_is_loaded_or_named() {
    let Some(data) = shared_data() else { return };
    // File, layer, EPSG code found, rows read, rows stored.
    let cases = [
        ("parcels/quarrata/cadastre_H109.gpkg", "parcels", 32633, 4278, 2948),
        ("parcels/quarrata/cadastre_H109.gpkg", "buildings", 32633, 4278, 1330),
        ("parcels/trento/001_vl_parcel_poly.shp", "parcels", 25832, 1493, 1493),
        ("parcels/ade_sample/particelle_esempio.geojson", "parcels", 6706, 4, 4),
        ("parcels/france/cadastre-36174-parcelles.json", "parcels", 4326, 4163, 4163),
        ("census/vda/R02_11_WGS84.shp", "census-sections", 32632, 1902, 1902),
        ("boundaries/limits_P_27_municipalities.geojson", "municipal-boundary", 4326, 44, 44),
        ("venice/islands/IslesLagoon_single.geojson", "islands", 4326, 196, 196),
        ("venice/lodging/listings.csv", "rentals", 4326, 8590, 8590),
        ("venice/gtfs/actv_nav.zip", "stops", 4326, 150, 150),
        ("venice/gtfs/actv_nav.zip", "transit-lines", 4326, 209, 209),
        ("venice/streets/venezia.geojson", "streets", 4326, 4111, 4111),
        ("osm/aq.pbf", "streets", 4326, 6473, 6473),
        ("schools/lombardia/exp_scuole.geojson", "schools", 4326, 593, 593),
        ("cycling/trento/piste_ciclabili.geojson", "cycle-lanes", 25832, 263, 263),
        ("cycling/trento/piste_ciclabili.gml", "cycle-lanes", 25832, 122, 122),
        ("fountains/palermo/fontanelle.json", "fountains", 4326, 150, 150),
        ("parking/trento/zone_parcheggio.gml", "tariff-zones", 25832, 14, 14),
    ];
    let options = LoadOptions { storage_crs: Some("EPSG:7795".to_owned()), ..LoadOptions::default() };
    for (file, layer, code, read, expected) in cases {
        let (result, stored) = load_file(&data.join(file), layer, &options).await;
        let report = result.expect("loads");
        println!("#### {file}\n{}", report.render(Language::English));
        assert_eq!((report.rows, report.loaded, stored), (read, expected, expected), "{file}");
        assert_eq!(report.crs.source, format!("EPSG:{code}"), "{file}");
        let elsewhere: u64 = report.elsewhere.values().sum();
        assert_eq!(elsewhere + report.rejected + report.loaded + report.warnings.count("repeated_row"), read, "{file}");
    }
}

#[tokio::test]
async fn invalid_rings_and_double_encodings_of_open_files_are_repaired() {
    let Some(data) = shared_data() else { return };
    let options = LoadOptions::default();
    let census =
        load_file(&data.join("census/vda/R02_11_WGS84.shp"), "census-sections", &options).await.0.expect("loads");
    // ogrinfo -sql "SELECT … WHERE NOT ST_IsValid(geometry)" counts two.
    assert_eq!(census.repairs.count("made_valid"), 2);
    let schools =
        load_file(&data.join("schools/lombardia/exp_scuole.geojson"), "schools", &options).await.0.expect("loads");
    assert_eq!(schools.repairs.count("mojibake"), 12);
    let islands = load_file(&data.join("venice/islands/IslesLagoon_multi.geojson"), "islands", &options).await.0;
    assert_eq!(islands.expect("loads").repairs.count("made_valid"), 1);
}

#[tokio::test]
async fn metres_in_columns_called_longitude_are_found_out() {
    let Some(data) = shared_data() else { return };
    let file = data.join("venice/lodging/strutture-turistiche-2019-04-17.csv");
    let options = LoadOptions { envelope: Some([12.16, 45.23, 12.6, 45.58]), ..LoadOptions::default() };
    let (result, stored) = load_file(&file, "rentals", &options).await;
    let report = result.expect("loads");
    println!("{}", report.render(Language::Italian));
    assert_eq!((report.crs.source.as_str(), stored), ("EPSG:3004", 7858));
    assert_eq!(report.crs.operation.code.as_deref(), Some("EPSG:1659"));
}

#[tokio::test]
async fn loading_a_file_again_changes_nothing() {
    let Some(data) = shared_data() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = GeoPackageStore::open(folder.path().join("store.gpkg"), OpenMode::ReadWrite).await.expect("opens");
    let catalog = Catalog::shipped().expect("valid");
    let definition = catalog.get("census-sections").expect("shipped");
    let mut replaced = Vec::new();
    for _ in 0..2 {
        let reader = open(&data.join("census/vda/R02_11_WGS84.shp"), &OpenOptions::default()).expect("opens");
        let report = load(&store, reader, definition, &LoadOptions::default(), |_| {}).await.expect("loads");
        replaced.extend(report.replaced);
    }
    assert_eq!((replaced[0].added, replaced[1].added, replaced[1].unchanged), (1902, 0, 1902));
}

/// The departures of a timetable from each stop on the days that are named, in other words than ours.
const DEPARTURES: &str = r"
import csv, io, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
rows = lambda name: csv.DictReader(io.TextIOWrapper(archive.open(name), 'utf-8-sig'))
runs = [set(), set(), set()]
for kind, day in enumerate(sys.argv[2:5]):
    for row in rows('calendar.txt'):
        if row['start_date'] <= day <= row['end_date'] and row[(sys.argv[5], 'saturday', 'sunday')[kind]] == '1':
            runs[kind].add(row['service_id'])
    for row in rows('calendar_dates.txt'):
        if row['date'] == day:
            (runs[kind].add if row['exception_type'] == '1' else runs[kind].discard)(row['service_id'])
lines = {row['route_id']: row['route_short_name'] or row['route_long_name'] for row in rows('routes.txt')}
trips = {row['trip_id']: (row['service_id'], lines[row['route_id']]) for row in rows('trips.txt')}
times = list(rows('stop_times.txt'))
last = {}
for row in times:
    last[row['trip_id']] = max(last.get(row['trip_id'], -1), int(row['stop_sequence']))
stops = {row['stop_id']: [0, 0, 0, set()] for row in rows('stops.txt')}
for row in times:
    service, line = trips[row['trip_id']]
    if row['pickup_type'] != '1' and int(row['stop_sequence']) != last[row['trip_id']]:
        stop = stops[row['stop_id']]
        stop[3].add(line)
        for kind in range(3):
            stop[kind] += service in runs[kind]
for stop, (weekday, saturday, sunday, called) in stops.items():
    print(stop, weekday, saturday, sunday, len(called), sep='|')
";

#[tokio::test]
async fn departures_of_a_real_timetable_are_those_that_another_program_counts() {
    let Some(data) = shared_data() else { return };
    let file = data.join("venice/gtfs/actv_nav.zip");
    let folder = tempfile::tempdir().expect("a folder");
    let store = GeoPackageStore::open(folder.path().join("store.gpkg"), OpenMode::ReadWrite).await.expect("opens");
    let catalog = Catalog::shipped().expect("valid");
    let definition = catalog.get("stops").expect("shipped");
    let reader = open(&file, &OpenOptions::default()).expect("opens");
    let remarks = reader.schema().remarks.join("\n");
    assert!(remarks.contains("the timetable holds from 2026-03-20 to 2026-05-23"), "{remarks}");
    let days: Vec<NaiveDate> = remarks
        .split("as on ")
        .skip(1)
        .map(|rest| rest.get(..10).and_then(|day| day.parse().ok()).unwrap_or_else(|| panic!("{remarks}")))
        .collect();
    assert_eq!(days.len(), 3, "{remarks}");
    load(&store, reader, definition, &LoadOptions::default(), |_| {}).await.expect("loads");
    let mut python = std::process::Command::new("/usr/bin/python3");
    python.args(["-c", DEPARTURES]).arg(&file).args(days.iter().map(|day| day.format("%Y%m%d").to_string()));
    let output = python.arg(days[0].format("%A").to_string().to_lowercase()).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).expect("text");
    let position = |name: &str| definition.field(name).expect("a field").0;
    let at = ["code", "departures_weekday", "departures_saturday", "departures_sunday", "lines"].map(position);
    let ids: Vec<i64> = (1..=150).collect();
    let stored = store.features("stops", &ids).await.expect("features");
    let line = |stored: &StoredFeature| {
        let values = &stored.feature.properties;
        let number = |at: usize| match values[at] {
            Value::Integer(number) => number.to_string(),
            _ => "none".to_owned(),
        };
        let lines = values[at[4]].as_text().map_or(0, |lines| lines.split(", ").count());
        let code = values[at[0]].as_text().unwrap_or_default();
        format!("{code}|{}|{}|{}|{lines}", number(at[1]), number(at[2]), number(at[3]))
    };
    let mut ours: Vec<String> = stored.iter().map(line).collect();
    let mut theirs: Vec<&str> = theirs.lines().collect();
    ours.sort();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
    assert!(ours.iter().any(|line| !line.contains("|0|0|0|")), "{ours:?}");
}
