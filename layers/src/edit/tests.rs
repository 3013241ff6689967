use geo_types::{Geometry, LineString, Point, Polygon};
use serde_json::json;

use super::*;

const LAYER: &str = r#"
    id = "plots"
    title = { it = "t", en = "t" }
    description = { it = "d", en = "d" }
    theme = "green"
    geometry = "polygon"
    crs = "EPSG:7795"
    resolution = 0.001
    key = ["code"]
    [[field]]
    name = "code"
    type = "text"
    required = true
    title = { it = "c", en = "c" }
    [[field]]
    name = "height"
    type = "real"
    title = { it = "h", en = "h" }
    [[field]]
    name = "secret"
    type = "text"
    visibility = "tax"
    title = { it = "s", en = "s" }
"#;
const CORNER: [f64; 2] = [3_026_510.775, 5_033_255.48];

fn editor() -> Editor {
    let definition = Arc::new(toml::from_str(LAYER).expect("a definition"));
    Editor::new(&definition, Scope::PUBLIC, None).expect("an editor")
}

fn square(side: f64) -> Geometry<f64> {
    let [x, y] = CORNER;
    let snap = |v: f64| (v * 1000.0).round() / 1000.0;
    let ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
    Polygon::new(LineString::from(ring.map(|[x, y]| [snap(x), snap(y)]).to_vec()), vec![]).into()
}

fn plot() -> Feature {
    let properties = vec![Value::Text("A1".into()), Value::Real(3.0), Value::Text("not for all".into())];
    Feature { geometry: Some(square(20.0)), properties }
}

fn storage() -> Crs {
    Crs::parse("EPSG:7795").expect("a CRS")
}

/// The ring of a square of the storage CRS, as JSON of another, with eight decimals.
fn sent(geometry: &Geometry<f64>, crs: &Crs) -> Json {
    use geo::CoordsIter as _;
    let round = |v: f64| (v * 1e8).round() / 1e8;
    let place = |at: geo_types::Coord<f64>| {
        let [x, y] =
            crate::crs::with_transformer(&storage(), crs, |way| way.point([at.x, at.y])).expect("way").expect("place");
        if crs.north_first() { json!([round(y), round(x)]) } else { json!([round(x), round(y)]) }
    };
    json!({"type": "Polygon", "coordinates": [geometry.coords_iter().map(place).collect::<Vec<_>>()]})
}

#[test]
fn what_was_read_and_is_sent_back_is_the_same_to_the_last_bit() {
    let (editor, plot) = (editor(), plot());
    for name in ["OGC:CRS84", "EPSG:4326", "EPSG:7795", "EPSG:3003", "EPSG:25833", "EPSG:3857"] {
        let crs = Crs::parse(name).expect("a CRS");
        let geometry = sent(plot.geometry.as_ref().expect("a geometry"), &crs);
        let body = json!({"type": "Feature", "geometry": geometry, "properties": {"code": "A1", "height": 3}});
        assert_eq!(editor.read(&body, &crs, Some(&plot)), Ok(plot.clone()), "{name}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let bow = json!({"type": "Polygon", "coordinates":
        [[CORNER, [CORNER[0] + 20.0, CORNER[1] + 20.0], [CORNER[0] + 20.0, CORNER[1]], [CORNER[0], CORNER[1] + 20.0], CORNER]]});
    let body =
        json!({"type": "Feature", "geometry": bow, "properties": {"height": "tall", "colour": 1, "secret": "x"}});
    let faults = editor().read(&body, &storage(), None).expect_err("faults");
    let told: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
    for expected in [
        ("/geometry", "self_intersection"),
        ("/properties/colour", "unknown_property"),
        ("/properties/secret", "unknown_property"),
        ("/properties/code", "missing_value"),
        ("/properties/height", "wrong_type"),
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    let bow = &faults[0];
    assert!(bow.message.contains("outer ring"), "{bow:?}");
    let [lon, lat] = bow.place.expect("a place");
    assert!((lon - 12.3388).abs() < 0.01 && (lat - 45.4342).abs() < 0.01, "{bow:?}");
}

#[test]
fn geometries_that_cannot_be_are_named() {
    let at = |x: f64, y: f64| json!({"type": "Point", "coordinates": [x, y]});
    let ring = |points: &[[f64; 2]]| json!({"type": "Polygon", "coordinates": [points]});
    for (geometry, crs, code) in [
        (json!(null), "OGC:CRS84", "no_geometry"),
        (json!({"type": "Polygon", "coordinates": []}), "OGC:CRS84", "no_geometry"),
        (json!(7), "OGC:CRS84", "not_a_geometry"),
        (json!({"type": "Circle", "coordinates": [1, 2]}), "OGC:CRS84", "not_a_geometry"),
        (json!({"type": "Point", "coordinates": ["12", "45"]}), "OGC:CRS84", "not_a_geometry"),
        (ring(&[[12.0, 45.0], [12.1, 45.0], [12.1, 45.1]]), "OGC:CRS84", "not_a_geometry"),
        (at(12.3, 45.4), "OGC:CRS84", "wrong_geometry"),
        (ring(&[[500.0, 45.0], [501.0, 45.0], [501.0, 46.0], [500.0, 45.0]]), "OGC:CRS84", "not_transformable"),
        (ring(&[[45.0, 112.0], [45.0, 112.1], [45.1, 112.1], [45.0, 112.0]]), "EPSG:4326", "outside"),
        (ring(&[[1e15, 1e15], [2e15, 1e15], [2e15, 2e15], [1e15, 1e15]]), "EPSG:7795", "not_transformable"),
        (
            ring(&[CORNER, [CORNER[0] + 1e-5, CORNER[1]], [CORNER[0], CORNER[1] + 1e-5], CORNER]),
            "EPSG:7795",
            "collapsed",
        ),
    ] {
        let body = json!({"type": "Feature", "geometry": geometry, "properties": {"code": "A1"}});
        let faults = editor().read(&body, &Crs::parse(crs).expect("a CRS"), None).expect_err(code);
        assert_eq!(faults[0].code, code, "{geometry}: {faults:?}");
    }
}

#[test]
fn a_patch_changes_what_it_names_and_leaves_the_rest_as_it_is_stored() {
    let (editor, plot, crs) = (editor(), plot(), Crs::crs84());
    let document = json!({"type": "Feature", "id": 1, "properties": {"code": "A1", "height": 3.0},
        "geometry": sent(plot.geometry.as_ref().expect("a geometry"), &crs)});
    let patched =
        editor.patched(document.clone(), json!({"properties": {"height": null}}), &crs, &plot).expect("sound");
    assert_eq!(patched.geometry, plot.geometry);
    assert_eq!(patched.properties, [Value::Text("A1".into()), Value::Null, plot.properties[2].clone()]);
    let faults =
        editor.patched(document.clone(), json!({"properties": {"code": null}}), &crs, &plot).expect_err("required");
    assert_eq!(faults[0].code, "missing_value");
    let faults = editor.patched(document.clone(), json!({"geometry": null}), &crs, &plot).expect_err("a place");
    assert_eq!(faults[0].code, "no_geometry");
    assert_eq!(editor.patched(document, json!([1]), &crs, &plot).expect_err("no patch")[0].code, "not_an_object");
}

#[test]
fn a_tax_code_is_refused_and_not_repeated() {
    let body = json!({"type": "Feature", "geometry": sent(&square(20.0), &storage()), "properties": {"code": "RSSMRA80A01H501U"}});
    let faults = editor().read(&body, &storage(), None).expect_err("personal");
    assert_eq!(faults[0].code, "personal_data");
    assert!(!serde_json::to_string(&faults).expect("json").contains("RSSMRA"));
}

#[test]
fn a_point_moves_by_what_it_was_moved() {
    let text = LAYER.replace("\"polygon\"", "\"point\"");
    let definition = Arc::new(toml::from_str(&text).expect("a definition"));
    let editor = Editor::new(&definition, Scope::PUBLIC, None).expect("an editor");
    let known = Feature { geometry: Some(Point::new(CORNER[0], CORNER[1]).into()), ..plot() };
    let body = json!({"type": "Feature", "properties": {"code": "A1"},
        "geometry": {"type": "Point", "coordinates": [CORNER[0] + 0.001, CORNER[1]]}});
    let moved = editor.read(&body, &storage(), Some(&known)).expect("sound");
    assert_eq!(moved.geometry, Some(Point::new(3_026_510.776, CORNER[1]).into()));
}
