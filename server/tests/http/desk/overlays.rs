//! Overlays through the services and PostGIS' of the same surfaces.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bricola_layers::definition::Catalog;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::load::{LoadOptions, load};
use bricola_layers::reader::{OpenOptions, open};
use bricola_layers::store::{GeoPackageStore, OpenMode, Replacement as _, Store as _};
use bricola_territory::FeatureRef;
use bricola_territory::overlay::{Zone, overlay};
use geo::MapCoords as _;
use geo_types::{Coord, Geometry, MultiPolygon};
use serde_json::Value as Json;

use super::rentals::shared_data;
use crate::harness::Server;
use crate::stored::cluster::cluster;

#[path = "../../../../territory/examples/stars/mod.rs"]
mod stars;

/// Parcels that are compared.
const PARCELS: usize = 150;

/// What PostGIS says of pairs: square metres on GRS80.
fn measured(sql: &str) -> Vec<(String, f64)> {
    let database = cluster().database();
    let told = cluster().sql(&database, sql);
    let line = |line: &str| {
        let (name, area) = line.rsplit_once('|').expect("a name and an area");
        (name.to_owned(), area.parse().expect("a number"))
    };
    told.lines().map(line).collect()
}

#[test]
fn random_surfaces_share_what_postgis_says_that_they_share() {
    let mut numbers = stars::Numbers(7);
    let mut sql = String::from("CREATE TABLE pairs (i int, a text, b text); COPY pairs FROM stdin;\n");
    let mut ours = Vec::new();
    for i in 0..3_000 {
        let (_, surface, geometry) = stars::pair(&mut numbers, i);
        let feature = FeatureRef { layer: "zones".into(), id: i.to_string(), version: 1 };
        let zones = [Zone { code: "A".into(), feature, geometry }];
        let answer = overlay(&surface, &zones).expect("stars do not cross themselves");
        let _ = writeln!(sql, "{i}\t{}\t{}", stars::wkt(&surface), stars::wkt(&zones[0].geometry));
        ours.push(answer.pieces.first().map_or(0.0, |piece| piece.m2));
    }
    sql.push_str(
        "\\.\nSELECT i, ST_Area(ST_Intersection(ST_GeomFromText(a, 4258), ST_GeomFromText(b, 4258))::geography) FROM pairs ORDER BY i;",
    );
    let theirs = measured(&sql);
    assert_eq!(theirs.len(), ours.len());
    let mut overlapping = 0;
    for (ours, (i, theirs)) in ours.iter().zip(&theirs) {
        overlapping += usize::from(*theirs > 1.0);
        assert!((ours - theirs).abs() <= theirs * 1e-6 + 2e-4, "pair {i}: {ours} and {theirs}");
    }
    assert!(overlapping > 1_000, "{overlapping}");
}

/// The land-use plan of one place and the parcels of another, moved onto it: shapes that people drew.
#[tokio::test(flavor = "multi_thread")]
async fn zones_of_real_parcels_measure_what_postgis_measures() {
    let Some(data) = shared_data() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    let catalog = Catalog::shipped().expect("sound");
    let definition = catalog.get("zoning").expect("shipped");
    let options = LoadOptions { storage_crs: Some("EPSG:4258".to_owned()), ..LoadOptions::default() };
    let wanted = OpenOptions { layer: Some("zone".to_owned()), ..OpenOptions::default() };
    let reader = open(&data.join("zoning/france/pluiM2.gpkg"), &wanted).expect("opens");
    let report = load(&*store, reader, definition, &options, |_| {}).await.expect("loads");
    assert!(report.loaded > 100, "{}", report.loaded);

    let mut parcels = catalog.get("parcels").expect("shipped").clone();
    parcels.crs = Some("EPSG:4258".to_owned());
    let reader = open(&data.join("parcels/france/cadastre-36174-parcelles.json"), &OpenOptions::default());
    let shapes: Vec<Geometry<f64>> = reader.expect("opens").filter_map(|row| row.ok()?.geometry).take(4_000).collect();
    let moved = |geometry: &Geometry<f64>, by: Coord<f64>| {
        let snapped = |value: f64| (value * 1e8).round() / 1e8;
        let geometry = geometry.map_coords(|at| Coord { x: snapped(at.x + by.x), y: snapped(at.y + by.y) });
        match geometry {
            Geometry::Polygon(polygon) => Geometry::MultiPolygon(MultiPolygon(vec![polygon])),
            other => other,
        }
    };
    let middle = |shapes: &[Geometry<f64>]| {
        let boxes = shapes.iter().filter_map(geo::BoundingRect::bounding_rect);
        let all = boxes.reduce(|a, b| {
            geo_types::Rect::new(
                Coord { x: a.min().x.min(b.min().x), y: a.min().y.min(b.min().y) },
                Coord { x: a.max().x.max(b.max().x), y: a.max().y.max(b.max().y) },
            )
        });
        all.expect("shapes").center()
    };
    let collection = Server::over(Arc::clone(&store)).await.get("/collections/zoning").await.json();
    let bbox = collection["extent"]["spatial"]["bbox"][0].clone();
    let [west, south, east, north]: [f64; 4] = serde_json::from_value(bbox).expect("a box");
    let here = middle(&shapes);
    let by = Coord { x: f64::midpoint(west, east) - here.x, y: f64::midpoint(south, north) - here.y };
    let rows: Vec<Feature> = shapes
        .iter()
        .enumerate()
        .map(|(n, shape)| {
            let of =
                |name: &str| if name == "national_ref" { Value::Text(format!("A000_000100.{n}")) } else { Value::Null };
            let properties = parcels.fields.iter().map(|field| of(&field.name)).collect();
            Feature { geometry: Some(moved(shape, by)), properties }
        })
        .collect();
    store.define(&parcels).await.expect("defined");
    let mut replacement = store.replace("parcels").await.expect("begun");
    replacement.push(rows).await.expect("pushed");
    replacement.commit().await.expect("committed");
    let server = Server::over(Arc::clone(&store)).await;

    // Of parcels as the services have them, those in the middle of the plan.
    let frame = format!("bbox={west},{south},{east},{north}");
    let items = async |layer: &str, limit: usize| -> Vec<Json> {
        let page = server.get(&format!("/collections/{layer}/items?limit={limit}&{frame}")).await.json();
        page["features"].as_array().expect("features").clone()
    };
    let (zones, parcels) = (items("zoning", 10_000).await, items("parcels", 10_000).await);
    let step = (parcels.len() / PARCELS).max(1);
    let mut sql =
        String::from("CREATE TABLE shapes (layer text, id text, g geometry); COPY shapes (layer, id, g) FROM stdin;\n");
    let mut ours: BTreeMap<String, f64> = BTreeMap::new();
    let mut put = |layer: &str, feature: &Json| {
        let wkt = geozero::ToWkt::to_ewkt(
            &geozero::ToGeo::to_geo(&geozero::geojson::GeoJson(&feature["geometry"].to_string())).expect("a geometry"),
            Some(4258),
        );
        let _ = writeln!(sql, "{layer}\t{}\t{}", feature["id"], wkt.expect("WKT"));
    };
    for zone in &zones {
        put("zone", zone);
    }
    for parcel in parcels.iter().step_by(step).take(PARCELS) {
        put("parcel", parcel);
        let answer = server.get(&format!("/zones?feature=parcels/{}&layers=zoning", parcel["id"])).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        for zone in answer.json()["layers"][0]["zones"].as_array().expect("zones") {
            let area = zone["area_m2"].as_str().expect("an area").parse().expect("a number");
            ours.insert(format!("{}|{}", parcel["id"], zone["feature"]["id"].as_str().expect("an id")), area);
        }
    }
    sql.push_str(
        "\\.\nSELECT p.id, z.id, ST_Area(ST_Intersection(p.g, z.g)::geography) FROM shapes p JOIN shapes z ON p.layer = 'parcel' \
         AND z.layer = 'zone' AND ST_Intersects(p.g, z.g);",
    );
    let theirs: BTreeMap<String, f64> = measured(&sql).into_iter().collect();
    println!("{} pairs of ours, {} of PostGIS", ours.len(), theirs.len());
    assert!(ours.len() >= PARCELS / 2, "{}", ours.len());
    for (pair, theirs) in &theirs {
        let ours = ours.get(pair).copied().unwrap_or(0.0);
        // Told with two decimals.
        assert!((ours - theirs).abs() <= theirs * 1e-6 + 0.006, "{pair}: {ours} and {theirs}");
    }
    assert!(ours.iter().all(|(pair, m2)| theirs.contains_key(pair) || *m2 < 0.01), "a pair that PostGIS does not have");
}
