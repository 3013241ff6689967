//! Acceptance checks of the domain paper's annex A that are no other module's: axes of the cadastre's web service, and privacy.

use std::sync::Arc;

use bricola_layers::crs::{Crs, with_transformer};
use bricola_layers::definition::{Catalog, FieldType, GeometryType, LayerDefinition, is_personal};
use bricola_layers::reader::{OpenOptions, SourceCrs, open_bytes};
use bricola_layers::store::{GeoPackageStore, OpenMode, Store as _};
use geo_types::Geometry;
use serde_json::{Value as Json, json};

use super::harness::{CORNER_LONLAT, LOG, Server};

const TOKEN: &str = "a-token-of-the-privacy-desk";
/// A tax code whose check character is right (the example of DM 23-12-1976).
const TAX_CODE: &str = "RSSMRA85T10A562S";

/// A member as the cadastre's web service gives it: latitude before longitude, as `urn:ogc:def:crs:EPSG::6706` says.
const MEMBER: &str = r#"<?xml version='1.0' encoding='UTF-8'?>
<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"
  xmlns:CP="http://mapserver.gis.umn.edu/mapserver" numberMatched="unknown" numberReturned="1">
<wfs:member><CP:CadastralParcel gml:id="CadastralParcel.IT.AGE.PLA.B354_000200.35"><CP:msGeometry>
<gml:Polygon gml:id="p" srsName="urn:ogc:def:crs:EPSG::6706"><gml:exterior><gml:LinearRing>
<gml:posList srsDimension="2">39.54843572 9.13011880 39.54853572 9.13011880 39.54853572 9.13021880 39.54843572 9.13011880</gml:posList>
</gml:LinearRing></gml:exterior></gml:Polygon></CP:msGeometry>
<CP:NATIONALCADASTRALREFERENCE>B354_000200.35</CP:NATIONALCADASTRALREFERENCE></CP:CadastralParcel></wfs:member>
</wfs:FeatureCollection>"#;

#[test]
fn annex_a_3_what_the_cadastre_serves_lies_in_sardinia_and_not_in_ethiopia() {
    let mut reader = open_bytes("wfs.gml", MEMBER.as_bytes().to_vec(), &OpenOptions::default()).expect("opens");
    assert_eq!(reader.schema().crs, SourceCrs::Epsg(6706));
    let feature = reader.next().expect("a row").expect("readable");
    let first = |geometry: &Geometry<f64>| {
        use geo::CoordsIter as _;
        geometry.coords_iter().next().expect("a vertex")
    };
    let at = first(&feature.geometry.expect("a place"));
    assert!((at.x - 9.130_118_8).abs() < 1e-9 && (at.y - 39.548_435_72).abs() < 1e-9, "{at:?}");
    let crs = Crs::epsg(6706).expect("known");
    let lonlat = with_transformer(&crs, &Crs::crs84(), |there| there.point([at.x, at.y])).expect("a way");
    let [lon, lat] = lonlat.expect("a place");
    assert!((8.0..10.0).contains(&lon) && (38.8..41.4).contains(&lat), "{lon} {lat} is not in Sardinia");
}

#[tokio::test]
async fn annex_a_2_the_operation_is_named_and_is_no_null_shift() {
    let server = Server::start().await;
    let there = server.get("/zones?x=2311853.068&y=5034649.2008&crs=EPSG:3004&layers=parcels").await.json();
    let transform = &there["evidence"]["transform"];
    let is_helmert = ["EPSG:1659", "EPSG:1660"].iter().any(|code| transform["code"] == *code);
    assert!(transform["from"] == "EPSG:3004" && is_helmert && transform["accuracy_m"] == 4.0, "{there}");
    let (lon, lat) = (there["place"]["lon"].as_f64().expect("lon"), there["place"]["lat"].as_f64().expect("lat"));
    let metres = [(lon - CORNER_LONLAT[0]) * 78_249.0, (lat - CORNER_LONLAT[1]) * 111_140.0];
    assert!(metres.iter().all(|off| off.abs() < 0.01), "{metres:?}: 78 m would be the null shift");
    // Codes that say north before east mean the same place: what is sent is east before north, always.
    for code in [7795, 6876] {
        let same =
            server.get(&format!("/zones?x=3026510.7759&y=5033255.4806&crs=EPSG:{code}&layers=parcels")).await.json();
        let off = |name: &str, wanted: f64| (same["place"][name].as_f64().expect("degrees") - wanted).abs();
        assert!(off("lon", CORNER_LONLAT[0]) < 1e-8 && off("lat", CORNER_LONLAT[1]) < 1e-8, "{code}: {same}");
    }
}

/// A place of a layer's type.
fn place(definition: &LayerDefinition) -> Json {
    let [x, y] = CORNER_LONLAT;
    let ring = json!([[[x, y], [x + 0.001, y], [x + 0.001, y + 0.001], [x, y]]]);
    match definition.geometry {
        GeometryType::Point | GeometryType::Geometry => json!({"type": "Point", "coordinates": [x, y]}),
        GeometryType::MultiPoint => json!({"type": "MultiPoint", "coordinates": [[x, y]]}),
        GeometryType::LineString => json!({"type": "LineString", "coordinates": [[x, y], [x + 0.001, y]]}),
        GeometryType::MultiLineString => json!({"type": "MultiLineString", "coordinates": [[[x, y], [x + 0.001, y]]]}),
        GeometryType::Polygon => json!({"type": "Polygon", "coordinates": ring}),
        GeometryType::MultiPolygon => json!({"type": "MultiPolygon", "coordinates": [ring]}),
    }
}

/// Names of members of all schemas, however deep.
fn members(schema: &Json, found: &mut Vec<String>) {
    match schema {
        Json::Object(object) => {
            for (name, value) in object {
                if let (true, Some(properties)) = (name == "properties", value.as_object()) {
                    found.extend(properties.keys().cloned());
                }
                members(value, found);
            }
        }
        Json::Array(values) => values.iter().for_each(|value| members(value, found)),
        _ => {}
    }
}

/// No field of a layer, of an answer or of a parameter is one of a person's, and no text field takes a tax code: so neither
/// items nor tiles, feed, search index or log, which have nothing but these fields, can hold one.
#[tokio::test(flavor = "multi_thread")]
async fn annex_a_10_nothing_public_can_hold_tax_codes_names_or_plates() {
    let catalog = Catalog::shipped().expect("sound");
    for definition in catalog.iter() {
        for field in &definition.fields {
            let names = field.aliases.iter().chain([&field.name]);
            let personal: Vec<&String> = names.filter(|name| is_personal(name)).collect();
            assert!(personal.is_empty(), "{} of {} takes {personal:?}", field.name, definition.id);
        }
        // What goes into tiles, labels and the search index is of these fields.
        for name in definition.key.iter().chain(&definition.label).chain(&definition.label_fields) {
            assert!(definition.field(name).is_some(), "{name} of {}", definition.id);
        }
    }
    for (name, kind) in [("codice_fiscale", "a tax code"), ("intestatario", "an owner"), ("targa", "a plate")] {
        let text = format!(
            "id = \"x\"\ntitle = {{ it = \"x\", en = \"x\" }}\ndescription = {{ it = \"x\", en = \"x\" }}\ntheme = \"green\"\n\
             geometry = \"point\"\n[[field]]\nname = \"{name}\"\ntype = \"text\"\ntitle = {{ it = \"x\", en = \"x\" }}\n"
        );
        let refused = bricola_layers::definition::parse("x.toml", &text).expect_err(kind).to_string();
        assert!(refused.contains("personal data"), "{refused}");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    for definition in catalog.iter() {
        let placed =
            LayerDefinition { crs: Some("EPSG:7795".to_owned()), resolution: Some(0.001), ..definition.clone() };
        store.define(&placed).await.expect("defined");
    }
    let server = Server::over_with(Arc::clone(&store), |config| {
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
        config.show_all_layers = true;
    })
    .await;
    let document = super::api::document(&server).await;
    let mut names = Vec::new();
    members(&document["components"], &mut names);
    for path in document["paths"].as_object().expect("paths").values() {
        for operation in path.as_object().expect("operations").values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            // What takes a word of a list (whether a plate is even or odd) takes nothing else.
            let free = parameters.filter(|it| it["schema"]["enum"].is_null());
            names.extend(free.filter_map(|it| it["name"].as_str().map(str::to_owned)));
        }
    }
    assert!(names.len() > 200, "{}", names.len());
    let personal: Vec<&String> = names.iter().filter(|name| is_personal(name)).collect();
    assert!(personal.is_empty(), "{personal:?}");

    let mut tried = 0;
    for definition in catalog.iter() {
        // What is bound to another layer takes nothing from an editor: what is sent is left out.
        for field in definition.fields.iter().filter(|field| field.kind == FieldType::Text && field.bound.is_none()) {
            for text in [TAX_CODE.to_owned(), format!("di {} e altri", TAX_CODE.to_lowercase())] {
                let mut feature = json!({"type": "Feature", "geometry": place(definition), "properties": {}});
                feature["properties"][&field.name] = text.into();
                let path = format!("/collections/{}/items", definition.id);
                let request = server.client.post(server.url(&path)).bearer_auth(TOKEN);
                let request = request.header("content-type", "application/geo+json").body(feature.to_string());
                let answer = server.send(request).await;
                let told = answer.text();
                assert_eq!(answer.status, 422, "{} of {}: {told}", field.name, definition.id);
                let is_named = told.contains("personal_data") || !field.values.is_empty();
                assert!(
                    is_named && !told.to_uppercase().contains(TAX_CODE),
                    "{} of {}: {told}",
                    field.name,
                    definition.id
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
    for path in ["/changes?limit=1000".to_owned(), format!("/search?q={TAX_CODE}"), "/status".to_owned()] {
        let told = server.get(&path).await.text().replace(&format!("\"q\":\"{TAX_CODE}\""), "");
        assert!(!told.contains(TAX_CODE), "{path}: {told}");
    }
    let lines = LOG.lock().expect("log");
    assert!(lines.iter().all(|line| !line.to_uppercase().contains(TAX_CODE)), "the log repeats what was refused");
}
