//! Ours against the official validator, `@maplibre/maplibre-gl-style-spec`, which `npm ci` brings to `styles/check`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bricola_layers::definition::Catalog;
use serde_json::{Value as Json, json};

use super::*;
use crate::services::styles::specification;

fn check() -> PathBuf {
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../styles/check");
    assert!(check.join("node_modules").is_dir(), "run `npm ci` in styles/check, as `make unit` does");
    check
}

fn node(script: &str, input: &str) -> String {
    let mut node = Command::new("node")
        .arg(script)
        .current_dir(check())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    node.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    let output = node.wait_with_output().expect("ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

/// What each of the styles is accused of by the official validator.
fn official(styles: &[Json]) -> Vec<Vec<String>> {
    let told: Vec<Vec<Option<String>>> =
        serde_json::from_str(&node("verdicts.js", &json!(styles).to_string())).expect("verdicts");
    told.into_iter().map(|all| all.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

fn base() -> Json {
    json!({
        "version": 8, "name": "Prova", "metadata": {"a:b": [1, {"c": null}]},
        "center": [12.3, 45.4], "zoom": 12, "bearing": 0, "pitch": 0,
        "sources": {"s": {"type": "vector", "tiles": ["/tiles/parcels,parcels_label,fountains/{z}/{x}/{y}"], "minzoom": 3, "maxzoom": 18}},
        "sprite": "/sprites/city", "glyphs": "/fonts/{fontstack}/{range}.pbf",
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": "#e9ecea"}},
            {"id": "f", "type": "fill", "source": "s", "source-layer": "parcels", "filter": ["has", "number"],
             "layout": {"visibility": "visible"}, "paint": {"fill-color": "red", "fill-opacity": 0.5}},
            {"id": "l", "type": "line", "source": "s", "source-layer": "parcels", "layout": {"line-cap": "round"},
             "paint": {"line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.5, 14, 2]}},
            {"id": "c", "type": "circle", "source": "s", "source-layer": "fountains", "paint": {"circle-radius": 4}},
            {"id": "t", "type": "symbol", "source": "s", "source-layer": "parcels_label",
             "layout": {"text-field": ["to-string", ["get", "number"]], "text-font": ["Titillium Web Regular"], "text-size": 12}}
        ]
    })
}

fn with(pointer: &str, value: &Json) -> Json {
    let mut style = base();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = style.pointer_mut(parent).expect("a place");
    match parent {
        Json::Array(items) => items[name.parse::<usize>().expect("a number")] = value.clone(),
        parent if value == "—" => {
            parent.as_object_mut().expect("an object").remove(name);
        }
        parent => parent[name] = value.clone(),
    }
    style
}

const COLOR: &str = "/layers/1/paint/fill-color";
const OPACITY: &str = "/layers/1/paint/fill-opacity";
const WIDTH: &str = "/layers/2/paint/line-width";
const FIELD: &str = "/layers/4/layout/text-field";
const FILTER: &str = "/layers/1/filter";

/// A layer that is written anew.
fn layer(kind: &str, paint: Json) -> Json {
    let mut layer = json!({"id": "f", "type": kind, "source": "s", "source-layer": "parcels"});
    layer["paint"] = paint;
    layer
}

/// Changes of the sound style: where, and what stands there then (— for nothing).
#[rustfmt::skip]
fn planted() -> Vec<(&'static str, Json)> {
    vec![
        // Colours.
        (COLOR, json!("rgba(12, 30, 255, 0.4)")), (COLOR, json!("hsl(120, 50%, 50%)")), (COLOR, json!("#abc")), (COLOR, json!("transparent")),
        (COLOR, json!("reddish")), (COLOR, json!("#12345")), (COLOR, json!(5)), (COLOR, json!(null)), (COLOR, json!("")), (COLOR, json!(["red"])),
        (COLOR, json!(["get", "number"])), (COLOR, json!(["to-color", ["get", "number"], "red"])), (COLOR, json!(["rgb", 1, 2, ["get", "sheet"]])),
        (COLOR, json!(["rgb", 1, 2])), (COLOR, json!(["rgba", 1, 2, 3])), (COLOR, json!(["rgb", 1, 2, 300])), (COLOR, json!(["to-color", "reddish"])),
        (COLOR, json!(["to-string", ["get", "a"]])), (COLOR, json!(["to-number", ["get", "a"]])), (COLOR, json!(["case", true, "reddish", "red"])),
        // Choices.
        (COLOR, json!(["match", ["get", "sheet"], 1, "red", [2, 3], "blue", "green"])), (COLOR, json!(["match", ["get", "a"], 1, "red", "x", "blue", "green"])),
        (COLOR, json!(["match", ["get", "a"], 1, "red", 1, "blue", "green"])), (COLOR, json!(["match", ["get", "a"], 1.5, "red", "green"])),
        (COLOR, json!(["match", ["get", "a"], 1, "red"])), (COLOR, json!(["match", ["get", "a"], [], "red", "blue"])), (COLOR, json!(["match", ["get", "a"], true, "red", "blue"])),
        (COLOR, json!(["match", ["to-string", ["coalesce", ["get", "a"], ""]], "x", "red", ["y", "z"], "#123456", "green"])),
        (COLOR, json!(["match", ["to-string", ["get", "a"]], 1, "red", "green"])), (COLOR, json!(["match", ["geometry-type"], ["Polygon", "Point"], "red", "green"])),
        (COLOR, json!(["case", ["==", ["get", "a"], 1], "red", ["all", ["has", "b"], ["!", ["has", "c"]]], "blue", "green"])),
        (COLOR, json!(["case", ["get", "a"], "red", "blue"])), (COLOR, json!(["case", ["to-string", ["get", "a"]], "red", "blue"])), (COLOR, json!(["case", true, "red"])),
        (COLOR, json!(["case", true, "red", false, "blue"])), (COLOR, json!(["coalesce", ["get", "a"], "red"])), (COLOR, json!(["coalesce"])), (COLOR, json!(["coalesce", 1, "red"])),
        // Steps and curves.
        (COLOR, json!(["step", ["zoom"], "red", 12, ["get", "a"], 15, "blue"])), (COLOR, json!(["step", ["zoom"], "red", 12, "blue", 11, "green"])),
        (COLOR, json!(["step", ["zoom"], "red"])), (COLOR, json!(["step", ["zoom"], "red", "12", "blue"])), (COLOR, json!(["step", "a", "red", 12, "blue"])),
        (COLOR, json!(["interpolate", ["exponential", 1.5], ["zoom"], 5, "red", 10, ["case", ["has", "a"], "blue", "green"]])),
        (COLOR, json!(["interpolate", ["linear"], ["zoom"], 5, "red", 5, "blue"])), (COLOR, json!(["interpolate", "linear", ["zoom"], 5, "red", 6, "blue"])),
        (COLOR, json!(["interpolate", ["exponential"], ["zoom"], 5, "red", 6, "blue"])), (COLOR, json!(["interpolate", ["cubic-bezier", 0, 1, 2, 1], ["zoom"], 5, "red", 6, "blue"])),
        (COLOR, json!(["interpolate", ["linear"], ["zoom"], 5, "red", 6])), (COLOR, json!(["interpolate", ["quadratic"], ["zoom"], 5, "red", 6, "blue"])),
        (COLOR, json!(["interpolate-hcl", ["linear"], ["get", "a"], 0, "red", 1, "blue"])), (OPACITY, json!(["interpolate-lab", ["linear"], ["zoom"], 0, 0.1, 1, 0.2])),
        (COLOR, json!(["case", [">", ["zoom"], 10], "red", "blue"])), (COLOR, json!(["case", true, ["step", ["zoom"], "red", 5, "blue"], "red"])),
        (COLOR, json!(["step", ["zoom"], ["step", ["zoom"], "red", 5, "blue"], 9, "green"])), (COLOR, json!(["step", ["+", ["zoom"], 1], "red", 5, "blue"])),
        (WIDTH, json!(["coalesce", ["step", ["zoom"], 1, 4, 2], 3])), (WIDTH, json!(["let", "w", 2, ["interpolate", ["linear"], ["zoom"], 3, ["var", "w"], 4, 5]])),
        (WIDTH, json!(["coalesce", ["step", ["zoom"], 1, 4, 2], ["step", ["zoom"], 1, 4, 2]])), (WIDTH, json!(["interpolate", ["linear"], ["zoom"], 3, "a", 4, "b"])),
        ("/layers/4/layout/text-transform", json!(["interpolate", ["linear"], ["zoom"], 3, "uppercase", 4, "none"])), ("/layers/4/layout/text-transform", json!(["step", ["zoom"], "uppercase", 4, "none"])),
        ("/layers/4/layout/text-transform", json!("capitals")), ("/layers/4/layout/symbol-placement", json!(["get", "a"])), ("/layers/4/layout/symbol-placement", json!(["step", ["zoom"], "point", 5, "line"])),
        // Variables.
        (COLOR, json!(["let", "a", ["get", "x"], ["case", ["==", ["var", "a"], 1], "red", "blue"]])), (COLOR, json!(["var", "a"])), (COLOR, json!(["let", "a-b", 1, "red"])), (COLOR, json!(["let", "a", 1])),
        (COLOR, json!(["let", "a", "red", ["var", "b"]])), (COLOR, json!(["let", "a", "red", ["var", "a"]])), (COLOR, json!(["let", 1, "red", ["var", "a"]])),
        // Numbers.
        (OPACITY, json!(["+", ["*", 0.1, ["to-number", ["get", "a"]]], ["min", 0.1, 0.2]])), (OPACITY, json!(["/", 1, 2])), (OPACITY, json!(["-", 1])), (OPACITY, json!(["-", 1, 2, 3])), (OPACITY, json!(["/", 1])),
        (OPACITY, json!(["length", ["get", "a"]])), (OPACITY, json!(["length", 1])), (OPACITY, json!(["index-of", "a", ["get", "b"]])), (OPACITY, json!(["number", ["get", "a"], 1])), (OPACITY, json!(["number"])),
        (OPACITY, json!(["at", 0, ["literal", [0.1, 0.2]]])), (OPACITY, json!(["at", 7, ["literal", [0.1, 0.2]]])), (OPACITY, json!(["at", "0", ["literal", [0.1, 0.2]]])),
        (OPACITY, json!(["case", ["in", ["get", "a"], ["literal", ["x", "y"]]], 1, 0.5])), (OPACITY, json!(["case", ["in", ["literal", [1]], ["literal", ["x", "y"]]], 1, 0.5])), (OPACITY, json!(["in", 1])),
        (OPACITY, json!(["case", [">", ["get", "a"], 5], 1, 0.5])), (OPACITY, json!(["case", [">", ["get", "a"], true], 1, 0.5])), (OPACITY, json!(["case", [">", "a", 5], 1, 0.5])), (OPACITY, json!(["case", ["==", ["get", "a"], null], 1, 0])),
        (OPACITY, json!(["case", ["==", ["literal", [1]], 5], 1, 0.5])), (OPACITY, json!(["case", ["==", "a", 5], 1, 0.5])), (OPACITY, json!(["case", ["==", 1, 2, 3, 4], 1, 0.5])), (OPACITY, json!(["case", ["<", null, 5], 1, 0.5])),
        (OPACITY, json!(["interpolate", ["cubic-bezier", 0.1, 0.2, 0.3, 0.4], ["zoom"], 1, 0, 2, 1])), (OPACITY, json!(2)), (OPACITY, json!(-0.1)), (OPACITY, json!("0.5")), (OPACITY, json!(["%", ["id"], 2])),
        (OPACITY, json!(["to-number", "abc"])), (OPACITY, json!(["to-number", "1.5"])), (OPACITY, json!(["sqrt", 4, 5])), (OPACITY, json!(["^", 2, 3])), (OPACITY, json!(["pi"])), (OPACITY, json!(["pi", 1])), (OPACITY, json!(["log3", 1])),
        (OPACITY, json!(["upcase", "a"])), (OPACITY, json!(["string", ["get", "a"]])), (OPACITY, json!(["array", ["get", "a"]])), (OPACITY, json!([])), (OPACITY, json!({"literal": 1})), (OPACITY, json!(["literal", 1])), (OPACITY, json!(["literal", 1, 2])),
        (OPACITY, json!(["round", ["get", "a"]])), (OPACITY, json!(["max"])), (OPACITY, json!(["get"])), (OPACITY, json!(["get", 1])), (OPACITY, json!(["get", "a", ["literal", {"a": 1}]])), (OPACITY, json!(["get", "a", "b"])),
        (OPACITY, json!(["distance", {"type": "Point", "coordinates": [0, 0]}])), (OPACITY, json!(["global-state", "x"])), (OPACITY, json!(["global-state"])), (OPACITY, json!(["error", "no"])), (OPACITY, json!(["+", 1, {"a": 1}])), (OPACITY, json!(["+", 1, [1]])),
        // State and features where there are none.
        (COLOR, json!(["case", ["boolean", ["feature-state", "hover"], false], "red", "blue"])), ("/layers/4/layout/text-size", json!(["case", ["boolean", ["feature-state", "hover"], false], 1, 2])),
        ("/layers/0/paint/background-color", json!(["get", "a"])), ("/layers/0/paint/background-color", json!(["step", ["zoom"], "red", 5, "blue"])), ("/layers/2/layout/line-cap", json!(["get", "a"])),
        ("/layers/1/layout/visibility", json!("hidden")), ("/layers/1/layout/visibility", json!(["step", ["zoom"], "none", 5, "visible"])), ("/layers/1/paint/fill-translate-anchor", json!("map")),
        // Lists.
        ("/layers/2/paint/line-dasharray", json!([2, 1])), ("/layers/2/paint/line-dasharray", json!(["a"])), ("/layers/2/paint/line-dasharray", json!(2)), ("/layers/2/paint/line-dasharray", json!([])),
        ("/layers/2/paint/line-dasharray", json!(["step", ["zoom"], ["literal", [1, 1]], 10, ["literal", [2, 2]]])), ("/layers/2/paint/line-dasharray", json!(["step", ["zoom"], [1, 1], 10, [2, 2]])),
        ("/layers/1/paint/fill-translate", json!([1, 2])), ("/layers/1/paint/fill-translate", json!([1, 2, 3])), ("/layers/1/paint/fill-translate", json!(["literal", [1, 2]])), ("/layers/1/paint/fill-translate", json!(["literal", [1, 2, 3]])),
        ("/layers/4/layout/text-offset", json!([0, 0.9])), ("/layers/4/layout/text-offset", json!(["literal", [0, 1]])), ("/layers/4/layout/text-offset", json!(["interpolate", ["linear"], ["zoom"], 1, ["literal", [0, 1]], 2, ["literal", [1, 1]]])),
        ("/layers/4/layout/text-offset", json!(["array", "number", 2, ["get", "a"]])), ("/layers/4/layout/text-offset", json!(["array", "number", 3, ["get", "a"]])), ("/layers/4/layout/text-offset", json!(["array", "colour", ["get", "a"]])),
        ("/layers/4/layout/icon-padding", json!([1, 2])), ("/layers/4/layout/icon-padding", json!(3)), ("/layers/4/layout/icon-padding", json!([1, 2, 3, 4, 5])), ("/layers/4/layout/icon-padding", json!("3")), ("/layers/4/layout/icon-padding", json!(["get", "a"])),
        ("/layers/4/layout/text-variable-anchor-offset", json!(["top", [0, 1], "left", [1, 0]])), ("/layers/4/layout/text-variable-anchor-offset", json!(["top", [0, 1], "middle", [1, 0]])),
        ("/layers/4/layout/text-variable-anchor-offset", json!(["top"])), ("/layers/4/layout/text-variable-anchor", json!(["top", "left"])), ("/layers/4/layout/text-variable-anchor", json!(["top", "middle"])),
        // Texts, icons, fonts.
        (FIELD, json!("{number}")), (FIELD, json!(["get", "number"])), (FIELD, json!(["concat", ["get", "a"], " ", ["get", "b"]])), (FIELD, json!(5)), (FIELD, json!(["get", "a", "b"])),
        (FIELD, json!(["format", ["get", "a"], {"font-scale": 0.8, "text-color": "red"}, "b"])), (FIELD, json!(["format", {"font-scale": 0.8}])), (FIELD, json!(["format", ["get", "a"], {"font-scale": "x"}])), (FIELD, json!(["format", 5])),
        (FIELD, json!(["step", ["zoom"], "", 14, ["get", "a"]])), (FIELD, json!(["number-format", ["get", "a"], {"min-fraction-digits": 1}])), (FIELD, json!(["number-format", ["get", "a"]])),
        (FIELD, json!(["number-format", ["get", "a"], {"currency": "EUR", "unit": "m"}])), (FIELD, json!(["upcase", ["slice", ["get", "a"], 0, 3]])), (FIELD, json!(["slice", 5, 0])), (FIELD, json!(["slice", ["get", "a"]])), (FIELD, json!(["join", ["split", ["get", "a"], ","], ";"])),
        (FIELD, json!(["to-string"])), (FIELD, json!(["to-string", 1, 2])), (FIELD, json!(["downcase", 1])), (FIELD, json!(["typeof", ["get", "a"]])), (FIELD, json!(["resolved-locale", ["collator", {"locale": "it"}]])), (FIELD, json!(["resolved-locale", "it"])),
        ("/layers/4/layout/icon-image", json!("school-nido")), ("/layers/4/layout/icon-image", json!(["coalesce", ["image", ["get", "a"]], ["image", "x"]])), ("/layers/4/layout/icon-image", json!(["image"])), ("/layers/4/layout/icon-image", json!(5)),
        ("/layers/4/layout/text-font", json!(["step", ["zoom"], ["literal", ["A"]], 12, ["literal", ["B"]]])), ("/layers/4/layout/text-font", json!(["get", "font"])), ("/layers/4/layout/text-font", json!("A")), ("/layers/4/layout/text-font", json!([5])),
        ("/layers/4/layout/text-font", json!(["case", ["has", "a"], ["literal", ["A"]], ["literal", ["B"]]])), ("/layers/4/layout/symbol-sort-key", json!(["get", "a"])), ("/layers/4/layout/text-allow-overlap", json!("yes")),
        // Filters, of now and of before.
        (FILTER, json!(["==", "number", "1"])), (FILTER, json!(["all", ["in", "a", "x", "y"], ["!has", "b"], ["none", [">", "c", 3]]])), (FILTER, json!(["==", "$type", "Polygon"])), (FILTER, json!(["==", "$type", "Surface"])),
        (FILTER, json!(["<", "$type", "Polygon"])), (FILTER, json!(["in", "a", ["x"]])), (FILTER, json!(["!in", "a", [1]])), (FILTER, json!(["==", "a", null])), (FILTER, json!(["!has"])), (FILTER, json!(["!has", 1])), (FILTER, json!(["=", "a", 1])), (FILTER, json!([])),
        (FILTER, json!(["==", ["get", "a"], 1])), (FILTER, json!(["==", ["get", "a"]])), (FILTER, json!(["any", ["has", "a"], ["in", ["get", "b"], ["literal", [1, 2]]]])), (FILTER, json!(true)), (FILTER, json!(1)), (FILTER, json!("a")),
        (FILTER, json!(["match", ["geometry-type"], ["Polygon", "MultiPolygon"], true, false])), (FILTER, json!([">=", ["zoom"], 14])), (FILTER, json!(["get", "a"])),
        (FILTER, json!(["within", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}])), (FILTER, json!(["within", {"type": "Point", "coordinates": [0, 0]}])), (FILTER, json!(["boolean", ["feature-state", "a"], true])),
        (FILTER, json!(["all", ["==", ["get", "a"], 1], ["foo", 1]])), (FILTER, json!(["!", ["has", "a"], 1])), (FILTER, json!(["has", "a", ["properties"]])),
        // The document.
        ("/version", json!(7)), ("/version", json!("8")), ("/version", json!("—")), ("/layers", json!("—")), ("/layers", json!({})), ("/layers", json!([])), ("/layers/0", json!(5)), ("/sources", json!("—")), ("/sources", json!([])), ("/name", json!(5)), ("/center", json!([1])), ("/center", json!(["a", 1])),
        ("/zoom", json!("12")), ("/metadata", json!([1])), ("/unknown", json!(1)), ("/transition", json!({"duration": 200})), ("/transition", json!({"duration": -1})), ("/transition", json!({"length": 1})), ("/glyphs", json!("/fonts/{range}.pbf")), ("/glyphs", json!("/fonts/a")), ("/glyphs", json!(1)), ("/glyphs", json!("—")),
        ("/light", json!({"anchor": "map", "intensity": 0.4})), ("/light", json!({"anchor": "moon"})), ("/light", json!({"brightness": 1})), ("/light", json!({"color": ["step", ["zoom"], "red", 4, "blue"]})), ("/sky", json!({"sky-color": "#fff"})), ("/sky", json!({"sky-colour": "#fff"})), ("/sky", json!(5)),
        ("/projection", json!({"type": "mercator"})), ("/projection", json!({"type": 5})), ("/projection", json!({"kind": "globe"})), ("/state", json!({"x": {"default": 1}})), ("/state", json!(1)),
        ("/sprite", json!([{"id": "default", "url": "/sprites/city"}])), ("/sprite", json!([{"id": "default"}])), ("/sprite", json!(5)), ("/sprite", json!([{"id": "a", "url": "x"}, {"id": "a", "url": "y"}])),
        ("/sources/s/bounds", json!([1, 2, 3, 4])), ("/sources/s/bounds", json!([1, 2, 3])), ("/sources/s/attribution", json!("© Comune")), ("/sources/s/attribution", json!(1)), ("/sources/s/minzoom", json!("3")), ("/sources/s/tiles", json!("x")), ("/sources/s/scheme", json!("wms")), ("/sources/s/own", json!(1)),
        ("/sources/s/type", json!("—")), ("/sources/s/type", json!("vectors")), ("/sources/s", json!(5)),
        // Layers.
        ("/layers/1/minzoom", json!(24)), ("/layers/1/minzoom", json!(25)), ("/layers/1/maxzoom", json!("5")), ("/layers/1/unknown", json!(1)), ("/layers/1/id", json!("—")), ("/layers/1/id", json!("ground")), ("/layers/1/id", json!(5)), ("/layers/1/type", json!("polygon")), ("/layers/1/type", json!("—")),
        ("/layers/1/source", json!("t")), ("/layers/1/source", json!("—")), ("/layers/1/source-layer", json!("—")), ("/layers/1/source-layer", json!(5)), ("/layers/1/paint", json!(5)), ("/layers/1/layout", json!([])), ("/layers/1/metadata", json!({"a": 1})),
        ("/layers/1/paint/fill-colour", json!("red")), ("/layers/1/paint/line-color", json!("red")), ("/layers/1/layout/line-cap", json!("round")), ("/layers/1/paint/fill-antialias", json!(["step", ["zoom"], true, 10, false])), ("/layers/1/paint/fill-antialias", json!(1)),
        ("/layers/2/paint/line-color-transition", json!({"duration": 100, "delay": 0})), ("/layers/2/paint/line-color-transition", json!({"duration": "x"})), ("/layers/2/paint/line-cap-transition", json!({})), ("/layers/2/paint/line-gradient", json!(["interpolate", ["linear"], ["line-progress"], 0, "red", 1, "blue"])),
        ("/layers/2/layout/line-join", json!("miter")), ("/layers/2/layout/line-join", json!("mitre")), ("/layers/3/paint/circle-stroke-width", json!(["get", "w"])), ("/layers/3/paint/circle-radius", json!(-4)), ("/layers/3/paint/circle-pitch-scale", json!(["get", "w"])),
        ("/layers/1", layer("heatmap", json!({"heatmap-color": ["interpolate", ["linear"], ["heatmap-density"], 0, "rgba(0,0,0,0)", 1, "red"]}))), ("/layers/1", layer("heatmap", json!({"heatmap-color": "red"}))), ("/layers/1", layer("heatmap", json!({"heatmap-radius": ["get", "r"]}))),
        ("/layers/1", layer("fill-extrusion", json!({"fill-extrusion-height": ["get", "h"]}))), ("/layers/1", layer("fill-extrusion", json!({"fill-extrusion-opacity": ["get", "h"]}))), ("/layers/1", layer("raster", json!({}))), ("/layers/1", layer("hillshade", json!({}))),
    ]
}

#[test]
fn ours_agrees_with_the_official_validator() {
    let planted = planted();
    let styles: Vec<Json> = planted.iter().map(|(pointer, value)| with(pointer, value)).chain([base()]).collect();
    let official = official(&styles);
    let (mut sound, mut unsound, mut differ) = (0, 0, Vec::new());
    for (index, (style, official)) in styles.iter().zip(&official).enumerate() {
        let own = faults(style, None);
        *if official.is_empty() { &mut sound } else { &mut unsound } += 1;
        if own.is_empty() != official.is_empty() {
            differ.push(format!("{:?}\n  official: {official:?}\n  own: {own:?}", planted.get(index)));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(sound > 90 && unsound > 130, "{sound} sound, {unsound} not");
}

#[test]
fn every_fault_has_a_place_that_is_there_and_both_languages() {
    for (pointer, value) in planted() {
        let style = with(pointer, &value);
        for fault in faults(&style, None) {
            let parent = fault.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            assert!(style.pointer(parent).is_some(), "{fault:?} of {pointer} {value}");
            assert!(
                !fault.reason.it.is_empty() && !fault.reason.en.is_empty() && fault.reason.it != fault.reason.en,
                "{fault:?}"
            );
        }
    }
}

#[test]
fn what_is_deprecated_or_not_ours_is_refused_though_the_specification_allows_it() {
    let styles = [
        with(COLOR, &json!({"stops": [[5, "red"], [10, "blue"]]})),
        with("/sources/s", &json!({"type": "geojson", "data": {"type": "FeatureCollection", "features": []}})),
        with("/layers/1", &json!({"id": "f", "ref": "l"})),
        // A map fails at such a filter when it is opened.
        with(FILTER, &json!(["+", 1, 2])),
    ];
    for (style, official) in styles.iter().zip(official(&styles)) {
        assert!(official.is_empty(), "{official:?}");
        assert!(!faults(style, None).is_empty(), "{style}");
    }
}

#[test]
fn the_table_is_that_of_the_installed_specification() {
    let own: Json = serde_json::from_str(include_str!("../../../../../styles/specification.json")).expect("JSON");
    let installed: Json = serde_json::from_str(&node("specification.js", "")).expect("JSON");
    assert!(own == installed, "run: node styles/check/specification.js > styles/specification.json");
    assert!(specification::SPECIFICATION.layout.contains_key("symbol"));
}

#[test]
fn a_style_draws_with_what_is_there_and_nothing_else() {
    let catalog = Catalog::shipped().expect("shipped");
    let present: Vec<_> = ["parcels", "fountains"].iter().map(|id| catalog.get(id).expect("shipped")).collect();
    let ours = Ours::new(present.iter().copied(), "https://sit.example.it");
    assert_eq!(faults(&base(), Some(&ours)), []);
    for (pointer, value, told) in [
        ("/sources/s/tiles", json!(["https://tiles.example.com/tiles/parcels/{z}/{x}/{y}"]), "/sources/s"),
        ("/sources/s/tiles", json!(["/tiles/parcels,wells/{z}/{x}/{y}"]), "/sources/s"),
        ("/layers/1/source-layer", json!("schools"), "/layers/1/source-layer"),
        ("/layers/1/filter", json!(["==", ["get", "owner"], "x"]), "/layers/1/filter/1/1"),
        ("/layers/1/filter", json!(["==", "owner", "x"]), "/layers/1/filter"),
        ("/layers/4/layout/text-field", json!("{owner}"), "/layers/4/layout/text-field"),
        ("/layers/4/layout/icon-image", json!("castle"), "/layers/4/layout/icon-image"),
        ("/layers/4/layout/text-font", json!(["Comic Sans"]), "/layers/4/layout/text-font"),
        ("/sprite", json!("https://cdn.example.com/sprite"), "/sprite"),
        ("/glyphs", json!("https://cdn.example.com/{fontstack}/{range}.pbf"), "/glyphs"),
        ("/font-faces", json!({"A": "https://cdn.example.com/a.ttf"}), "/font-faces"),
        ("/terrain", json!({"source": "s"}), "/terrain"),
    ] {
        let faults = faults(&with(pointer, &value), Some(&ours));
        assert!(faults.iter().any(|fault| fault.pointer == told), "{pointer} {value}: {faults:?}");
    }
}

#[test]
fn what_is_deep_or_grows_without_end_is_refused_at_once() {
    let mut nested = json!(1);
    for _ in 0..100 {
        nested = json!(["+", nested, 1]);
    }
    assert!(faults(&with(OPACITY, &nested), None)[0].reason.en.contains("MAX_NESTING"));
    // Each level doubles the text of the one before.
    let mut doubled = json!(["upcase", ["var", "v"]]);
    for _ in 0..25 {
        doubled = json!(["let", "v", ["concat", ["var", "v"], ["var", "v"]], doubled]);
    }
    let doubled = json!(["let", "v", "0123456789", doubled]);
    assert!(!faults(&with(FIELD, &doubled), None).is_empty());
    let mut read = json!(["var", "v"]);
    for _ in 0..25 {
        read = json!(["let", "v", ["+", ["var", "v"], ["var", "v"]], read]);
    }
    assert_eq!(faults(&with(OPACITY, &json!(["let", "v", ["to-number", ["get", "a"]], read])), None), []);
    let many = vec![json!(1); MAX_STYLE_LAYERS + 1];
    assert!(faults(&with("/layers", &json!(many)), None)[0].reason.en.contains("MAX_STYLE_LAYERS"));
    assert_eq!(faults(&with("/layers", &json!(vec![json!(1); 1_000])), None).len(), MAX_FAULTS);
}

proptest::proptest! {
    #[test]
    fn no_document_makes_it_panic(pick in proptest::collection::vec((0..planted().len(), 0..planted().len()), 1..6)) {
        let all = planted();
        let mut style = base();
        for (place, value) in pick {
            if let Some(here) = style.pointer_mut(all[place].0) {
                *here = all[value].1.clone();
            }
        }
        faults(&style, None);
    }
}
