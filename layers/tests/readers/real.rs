//! The real open data, where the folder is there: counts as GDAL has them, and the traps of each file.

use std::path::{Path, PathBuf};

use bricola_layers::definition::GeometryType;
use bricola_layers::feature::Value;
use bricola_layers::reader::{OpenOptions, ReadError, Reader, SourceCrs, SourceFeature, layers, open};

/// The folder of real data, if it is there.
pub fn shared_data() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let tried = [
        std::env::var_os("BRICOLA_SHARED_DATA").map(PathBuf::from),
        Some(workspace.join("../shared/data")),
        Some(workspace.join("../../shared/data")),
    ];
    let found = tried.into_iter().flatten().find(|folder| folder.join("INDEX.md").is_file());
    if found.is_none() {
        eprintln!("skipped: no shared data");
    }
    found
}

/// Opens a file, or one of its layers.
pub fn opened(path: &Path, layer: Option<&str>) -> Box<dyn Reader> {
    let options = OpenOptions { layer: layer.map(str::to_owned), ..OpenOptions::default() };
    open(path, &options).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads all good rows, and the messages of bad ones.
pub fn drain(reader: &mut dyn Reader) -> (Vec<SourceFeature>, Vec<String>) {
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for item in &mut *reader {
        match item {
            Ok(row) => rows.push(row),
            Err(error) => errors.push(error.to_string()),
        }
    }
    (rows, errors)
}

#[test]
fn every_real_file_is_read_to_its_last_row() {
    let Some(data) = shared_data() else { return };
    let undeclared = None;
    for (file, layer, rows, epsg) in [
        ("parcels/quarrata/cadastre_H109.gpkg", None, 4278, Some(32633)),
        ("parcels/trento/001_vl_boundary.shp", None, 1, undeclared),
        ("parcels/trento/001_vl_parcel_poly.shp", None, 1493, undeclared),
        ("parcels/ade_sample/particelle_esempio.geojson", None, 4, Some(6706)),
        ("parcels/france/cadastre-36174-parcelles.json", None, 4163, Some(4326)),
        ("parking/trento/parcheggi_disabili.gml", None, 418, Some(25832)),
        ("parking/trento/zone_parcheggio.gml", None, 14, Some(25832)),
        ("cycling/trento/piste_ciclabili.gml", None, 122, Some(25832)),
        ("cycling/trento/piste_ciclabili.geojson", None, 263, Some(25832)),
        ("cycling/trento/ciclabili_in_previsione.geojson", None, 109, Some(25832)),
        ("cycling/trento/ciclabili_in_fase_di_realizzazione.geojson", None, 1, Some(25832)),
        ("census/vda/R02_11_WGS84.shp", None, 1902, undeclared),
        ("census/vda/Valle_d_Aosta.csv", None, 1486, undeclared),
        ("ztl/roma/centro_diurna.json", None, 1, Some(4326)),
        ("ztl/roma/centro_diurna_varchi.json", None, 20, Some(4326)),
        ("ztl/roma/centro_notturna_varchi.json", None, 10, Some(4326)),
        ("boundaries/limits_P_27_municipalities.geojson", None, 44, Some(4326)),
        ("zoning/france/pluiM2.gpkg", Some("zone"), 151, Some(2154)),
        ("zoning/france/pluiM2.gpkg", Some("pres_surf"), 649, undeclared),
        ("zoning/france/pluiM2.gpkg", Some("icpe"), 22, Some(2154)),
        ("venice/omi/Provincia%20di%20VENEZIA%202018-2.kmz", None, 247, Some(4326)),
        ("venice/omi/Provincia%20di%20VENEZIA%202018-2.kmz", Some("Comune di VENEZIA 2018-2"), 36, Some(4326)),
        ("venice/omi/QI_294577_1_20182_ZONE_utf8.csv", None, 27328, undeclared),
        ("venice/boundaries/boundaries/Comune.json", None, 1, Some(4326)),
        ("venice/boundaries/boundaries/MetropolitanArea.json", None, 1, Some(4326)),
        ("venice/islands/IslesLagoon_multi.geojson", None, 8, Some(4326)),
        ("venice/islands/IslesLagoon_single.geojson", None, 196, Some(4326)),
        ("venice/streets/venezia.geojson", None, 4111, Some(4326)),
        ("venice/gtfs/actv_nav.zip", None, 150, Some(4326)),
        ("venice/lodging/listings.csv", None, 8590, Some(4326)),
        ("venice/lodging/neighbourhoods.geojson", None, 118, Some(4326)),
        ("venice/lodging/strutture-turistiche-2019-04-17.csv", None, 7858, undeclared),
        ("schools/lombardia/exp_diurni.geojson", None, 20, Some(4326)),
        ("schools/lombardia/exp_scuole.geojson", None, 593, Some(4326)),
        ("schools/lombardia/exp_servizisociali.geojson", None, 69, Some(4326)),
        ("schools/lombardia/exp_terzosett.geojson", None, 33, Some(4326)),
        ("fountains/palermo/fontanelle.json", None, 150, Some(4326)),
        ("publicworks/opencup_candidature_comuni_finanziate.json", None, 554, undeclared),
    ] {
        let mut reader = opened(&data.join(file), layer);
        let schema = reader.schema().clone();
        let (read, errors) = drain(&mut *reader);
        assert!(errors.is_empty(), "{file}: {errors:?}");
        assert_eq!(read.len(), rows, "{file}");
        assert!(schema.rows.is_none_or(|declared| declared == rows as u64), "{file} declares {:?}", schema.rows);
        assert!(read.iter().all(|row| row.values.len() == schema.fields.len()), "{file}");
        let found = match &schema.crs {
            SourceCrs::Epsg(code) => Some(*code),
            _ => None,
        };
        assert_eq!(found, epsg, "{file}");
        println!("{file}: {rows} rows, {:?} {:?} {:?}", schema.geometry, schema.encoding, reader.schema().remarks);
    }
}

#[test]
fn several_layers_of_a_real_file_have_to_be_chosen_from() {
    let Some(data) = shared_data() else { return };
    let zoning = data.join("zoning/france/pluiM2.gpkg");
    let Err(ReadError::File(message)) = open(&zoning, &OpenOptions::default()) else { panic!("opened") };
    assert!(message.contains("13 layers") && message.contains("`zone`"), "{message}");
    let listed = layers(&zoning).expect("listed");
    assert_eq!((listed.len(), listed[11].name.as_str(), listed[11].rows), (13, "zone", Some(151)));
    let omi = layers(&data.join("venice/omi/Provincia%20di%20VENEZIA%202018-2.kmz")).expect("listed");
    assert_eq!(omi.len(), 44);
}

#[test]
fn the_traps_of_the_real_files_are_seen() {
    let Some(data) = shared_data() else { return };
    let remarks = |file: &str| {
        let mut reader = opened(&data.join(file), None);
        drain(&mut *reader);
        reader.schema().remarks.join("; ")
    };
    let islands = remarks("venice/islands/IslesLagoon_single.geojson");
    assert!(islands.contains("values were not UTF-8, read as windows-1252"), "{islands}");
    let lodging = remarks("venice/lodging/strutture-turistiche-2019-04-17.csv");
    assert!(lodging.contains("cannot be degrees"), "{lodging}");
    let centres = remarks("schools/lombardia/exp_diurni.geojson");
    assert!(centres.contains("20 coordinates were written as text"), "{centres}");
    let Err(error) = open(&data.join("venice/islands/bridges_geojson.js"), &OpenOptions::default()) else {
        panic!("opened");
    };
    assert!(error.to_string().contains("JavaScript"), "{error}");
    let points = OpenOptions { geometry: Some(GeometryType::Point), ..OpenOptions::default() };
    let Err(error) = open(&data.join("osm/aq.pbf"), &points) else { panic!("opened") };
    assert!(error.to_string().contains("ogr2ogr"), "{error}");
    let census = opened(&data.join("census/vda/Valle_d_Aosta.csv"), None);
    assert!(census.schema().encoding.as_deref().is_some_and(|found| found.starts_with("windows-1252")));
    let text = |file: &str, column: &str, value: &str| {
        let mut reader = opened(&data.join(file), None);
        let at = reader.schema().fields.iter().position(|field| field.name == column).expect(column);
        let wanted = Value::Text(value.to_owned());
        assert!(drain(&mut *reader).0.iter().any(|row| row.values[at] == wanted), "{file}: no {value}");
    };
    text("census/vda/Valle_d_Aosta.csv", "REGIONE", "Valle d'Aosta/Vallée d'Aoste");
    text("parcels/trento/001_vl_parcel_poly.shp", "PT_CODE", "481/1");
    text("venice/omi/Provincia%20di%20VENEZIA%202018-2.kmz", "document", "Comune di FIESSO D`ARTICO 2018-2");
}
