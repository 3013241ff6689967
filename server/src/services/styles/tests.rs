//! The shipped cartography is complete, consistent with the catalogue, legible and valid.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bricola_layers::definition::{Catalog, FieldDefinition, GeometryType, LayerDefinition};
use bricola_layers::tile::LABEL_SUFFIX;
use serde_json::Value;

use super::glyphs::Glyphs;
use super::sprites::Sprites;
use super::{CITY, StyleError, compose, shipped, summaries};

const BASE: &str = "https://sit.comune.example";
/// Land and water of the city map, on which everything is drawn.
const GROUNDS: [&str; 2] = ["#f6f3ec", "#c9e1ea"];

fn catalog() -> Catalog {
    Catalog::shipped().expect("valid")
}

fn city(present: &[&LayerDefinition]) -> Value {
    compose(present, BASE, CITY).expect("composed")
}

fn own_layer(id: &str, geometry: &str) -> LayerDefinition {
    let text = format!(
        "id = \"{id}\"\ntheme = \"services\"\ngeometry = \"{geometry}\"\nlabel = \"name\"\n\
         title = {{ it = \"Proprio\", en = \"Own\" }}\ndescription = {{ it = \"\", en = \"\" }}\n\
         [[field]]\nname = \"name\"\ntype = \"text\"\ntitle = {{ it = \"Nome\", en = \"Name\" }}\n"
    );
    bricola_layers::definition::parse("test", &text).expect("valid")
}

/// Every string that an expression passes to one of these operators.
fn arguments<'a>(value: &'a Value, operators: &[&str], found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(items) => {
            if let [Value::String(operator), Value::String(argument)] = items.as_slice()
                && operators.contains(&operator.as_str())
            {
                found.insert(argument);
            }
            for item in items {
                arguments(item, operators, found);
            }
        }
        Value::Object(members) => members.values().for_each(|member| arguments(member, operators, found)),
        _ => {}
    }
}

fn strings<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => {
            found.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("hexadecimal")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

/// Contrast ratio of WCAG 2.1.
fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn is_colour(text: &str) -> bool {
    text.len() == 7 && text.starts_with('#')
}

#[test]
fn every_shipped_layer_has_a_style_and_every_style_a_layer() {
    let layers: Vec<_> = catalog().iter().map(|definition| definition.id.clone()).collect();
    assert_eq!(shipped::all().keys().cloned().collect::<Vec<_>>(), layers);
}

#[test]
fn style_layers_are_named_after_their_layer_and_have_one_place_in_the_order() {
    let catalog = catalog();
    let mut ids = Vec::new();
    for (id, layers) in shipped::all() {
        for layer in layers {
            let name = layer["id"].as_str().expect("named");
            assert!(name.starts_with(&format!("{id}-")), "{name}");
            let source = layer["source-layer"].as_str().expect("a source layer");
            let has_points = catalog.get(id).is_some_and(LayerDefinition::has_label_points);
            assert!(source == id || has_points && source == format!("{id}{LABEL_SUFFIX}"), "{name}");
            let has_text = layer["layout"].get("text-field").is_some();
            assert!(!(has_points && has_text && source == id), "{name} would be written once in each tile");
            assert_eq!(layer["metadata"]["bricola:layer"], id.as_str(), "{name}");
            ids.push(name);
        }
    }
    let mut order: Vec<_> = shipped::order().collect();
    order.sort_unstable();
    ids.sort_unstable();
    assert_eq!(ids, order);
}

#[test]
fn expressions_read_only_fields_that_tiles_carry() {
    for definition in catalog().iter() {
        for layer in &shipped::all()[&definition.id] {
            let mut fields = BTreeSet::new();
            arguments(layer, &["get", "has"], &mut fields);
            for name in fields {
                let mut of_points = definition.label_point_fields().filter(|_| layer["source-layer"] != *definition.id);
                let mut of_features = definition.tile_fields().filter(|_| layer["source-layer"] == *definition.id);
                let carried = |(_, field): (usize, &FieldDefinition)| field.name == name;
                assert!(of_features.any(carried) || of_points.any(carried), "{}: {name}", layer["id"]);
            }
        }
    }
}

#[test]
fn every_layer_has_a_legend_in_both_languages() {
    for (id, layers) in shipped::all() {
        let entries = layers.iter().filter_map(|layer| layer["metadata"]["bricola:legend"].as_array()).flatten();
        let entries: Vec<_> = entries.collect();
        assert!(!entries.is_empty(), "{id}");
        for entry in entries {
            assert!(entry["label"]["it"].is_string() && entry["label"]["en"].is_string(), "{id}: {entry}");
            assert!(entry["swatch"]["type"].is_string(), "{id}: {entry}");
        }
    }
}

#[test]
fn icons_and_fonts_exist() {
    let icons = Sprites::names();
    let fonts = Glyphs::names();
    for layers in shipped::all().values() {
        for layer in layers {
            for key in ["icon-image", "fill-pattern"] {
                let mut found = BTreeSet::new();
                strings(&layer["layout"][key], &mut found);
                strings(&layer["paint"][key], &mut found);
                let used =
                    |word: &&str| word.contains('-') && !word.starts_with("to-") && !word.starts_with("secondaria");
                let codes = ["play-area", "dog-area"];
                for icon in found.into_iter().filter(|word| used(word) || codes.contains(word)) {
                    assert!(icons.iter().any(|known| known == icon), "{}: {icon}", layer["id"]);
                }
            }
            let mut swatches = BTreeSet::new();
            for legend in layer["metadata"]["bricola:legend"].as_array().into_iter().flatten() {
                swatches.extend(legend["swatch"]["icon"].as_str());
            }
            assert!(swatches.iter().all(|icon| icons.iter().any(|known| known == icon)), "{}", layer["id"]);
            for font in layer["layout"]["text-font"].as_array().into_iter().flatten() {
                assert!(fonts.iter().any(|known| font == known), "{}: {font}", layer["id"]);
            }
        }
    }
}

#[test]
fn lines_stand_out_from_land_and_text_is_readable() {
    for layers in shipped::all().values() {
        for layer in layers.iter().filter(|layer| layer["metadata"]["bricola:decorative"] != true) {
            let mut colours = BTreeSet::new();
            strings(&layer["paint"]["line-color"], &mut colours);
            for colour in colours.into_iter().filter(|word| is_colour(word)) {
                let ratio = contrast(colour, GROUNDS[0]);
                assert!(ratio >= 3.0, "{}: {colour} has {ratio:.2}:1 on land", layer["id"]);
            }
            if let Some(colour) = layer["paint"]["text-color"].as_str() {
                for ground in GROUNDS {
                    let ratio = contrast(colour, ground);
                    assert!(ratio >= 4.5, "{}: {colour} has {ratio:.2}:1 on {ground}", layer["id"]);
                }
            }
        }
    }
    let own = ["point", "linestring", "polygon"].map(|geometry| own_layer(&format!("own-{geometry}"), geometry));
    let mut colours = BTreeSet::new();
    let style = city(&own.each_ref());
    for layer in style["layers"].as_array().expect("layers").iter().skip(1) {
        for key in ["line-color", "circle-color", "fill-outline-color"] {
            strings(&layer["paint"][key], &mut colours);
        }
    }
    for colour in colours.into_iter().filter(|word| is_colour(word)) {
        assert!(GROUNDS.iter().all(|ground| contrast(colour, ground) >= 3.0), "{colour}");
    }
}

#[test]
fn the_city_map_draws_every_present_layer_from_a_source_that_holds_it() {
    let catalog = catalog();
    let present: Vec<_> = catalog.iter().collect();
    let style = city(&present);
    let mut drawn = BTreeSet::new();
    for layer in style["layers"].as_array().expect("layers").iter().skip(1) {
        let id = layer["source-layer"].as_str().expect("a source layer");
        let source = &style["sources"][layer["source"].as_str().expect("a source")];
        let tiles = source["tiles"][0].as_str().expect("an address");
        let ids = tiles.strip_prefix("https://sit.comune.example/tiles/").and_then(|rest| rest.split('/').next());
        let ids: Vec<_> = ids.expect("ours").split(',').collect();
        assert!(ids.contains(&id), "{id} in {tiles}");
        let bare = |id: &&str| id.trim_end_matches(LABEL_SUFFIX).to_owned();
        assert!(ids.iter().map(bare).is_sorted(), "{tiles}");
        let first = layer["minzoom"].as_u64().unwrap_or(source["minzoom"].as_u64().expect("a zoom"));
        assert!(first >= source["minzoom"].as_u64().expect("a zoom"), "{id}");
        drawn.insert(id.trim_end_matches(LABEL_SUFFIX).to_owned());
    }
    assert_eq!(drawn.len(), present.len());
    assert_eq!(style["layers"][0]["type"], "background");
    assert_eq!(style["sources"]["mobility"]["maxzoom"], 18);
}

#[test]
fn parcels_weigh_on_no_tile_before_they_are_drawn() {
    let catalog = catalog();
    let style = city(&catalog.iter().collect::<Vec<_>>());
    assert_eq!(style["sources"]["cadastre-from-15"]["minzoom"], 15);
    assert_eq!(style["sources"]["cadastre-from-15"]["tiles"][0], format!("{BASE}/tiles/parcels/{{z}}/{{x}}/{{y}}"));
    assert_eq!(
        style["sources"]["cadastre"]["tiles"][0],
        format!("{BASE}/tiles/buildings,parcel-sheets,parcel-sheets_label/{{z}}/{{x}}/{{y}}")
    );
}

#[test]
fn label_points_of_parcels_come_in_no_tile_before_they_are_written() {
    let catalog = catalog();
    let (all, parcels) = (catalog.iter().collect::<Vec<_>>(), catalog.get("parcels").expect("shipped"));
    for (style, features) in
        [(city(&all), "cadastre-from-15"), (compose(&[parcels], BASE, "parcels").expect("composes"), "cadastre")]
    {
        let label = style["layers"].as_array().expect("layers").iter().find(|layer| layer["id"] == "parcels-label");
        let label = label.expect("parcels are named");
        assert_eq!(label["source"], "cadastre-from-17");
        let source = &style["sources"]["cadastre-from-17"];
        assert_eq!(source["minzoom"], label["minzoom"]);
        assert_eq!(source["tiles"][0], format!("{BASE}/tiles/parcels_label/{{z}}/{{x}}/{{y}}"));
        assert!(style["sources"][features]["tiles"][0].as_str().is_some_and(|tiles| !tiles.contains("parcels_label")));
        let tree = style["metadata"]["bricola:layers"].as_array().expect("the tree");
        assert_eq!(tree.iter().find(|line| line["id"] == "parcels").expect("listed")["source"], features);
    }
}

#[test]
fn absent_layers_leave_no_trace() {
    let catalog = catalog();
    let present = ["schools", "parks"].map(|id| catalog.get(id).expect("shipped"));
    let style = city(&present);
    assert_eq!(style["sources"].as_object().expect("sources").keys().collect::<Vec<_>>(), ["green", "services"]);
    let text = style.to_string();
    assert!(!text.contains("stops") && !text.contains("parcels"), "{text}");
    assert_eq!(city(&[])["layers"].as_array().expect("layers").len(), 1, "the ground is left");
}

#[test]
fn the_base_map_is_visible_and_themes_wait_to_be_chosen() {
    let catalog = catalog();
    let style = city(&catalog.iter().collect::<Vec<_>>());
    let tree = style["metadata"]["bricola:layers"].as_array().expect("a tree");
    let visible: Vec<_> = tree.iter().filter(|line| line["visible"] == true).map(|line| &line["id"]).collect();
    let base = "addresses buildings districts islands municipal-boundary parcels parks schools stops streets water";
    assert_eq!(visible, base.split(' ').collect::<Vec<_>>());
}

#[test]
fn a_layer_has_a_style_of_its_own_that_shows_it() {
    let catalog = catalog();
    let present: Vec<_> = catalog.iter().collect();
    let style = compose(&present, &format!("{BASE}/"), "zoning").expect("composed");
    assert_eq!(style["sources"]["planning"]["tiles"][0], format!("{BASE}/tiles/zoning,zoning_label/{{z}}/{{x}}/{{y}}"));
    assert!(!style.to_string().contains("\"none\""));
    assert_eq!(summaries(&present).len(), present.len() + 1);
    let error = compose(&present, BASE, "zoonig").expect_err("refused");
    assert!(matches!(&error, StyleError::UnknownStyle { available, .. } if available.len() == present.len() + 1));
}

#[test]
fn an_own_layer_is_drawn_below_the_labels_always_in_the_same_colour() {
    let catalog = catalog();
    let own = own_layer("bollards", "geometry");
    let mut present: Vec<_> = catalog.iter().collect();
    present.push(&own);
    let style = city(&present);
    let ids: Vec<_> = style["layers"].as_array().expect("layers").iter().filter_map(|l| l["id"].as_str()).collect();
    let at = |id: &str| ids.iter().position(|other| *other == id).expect("drawn");
    assert!(at("buildings-fill") < at("bollards-fill") && at("bollards-circle") < at("districts-line"));
    assert_eq!(at("bollards-label"), ids.len() - 1);
    assert_eq!(style, city(&present));
}

#[test]
fn a_shipped_layer_redefined_with_another_geometry_gets_an_automatic_style() {
    let mut schools = own_layer("schools", "multipolygon");
    assert_eq!(city(&[&schools])["layers"][1]["id"], "schools-fill");
    assert_eq!(city(&[&schools])["layers"][2]["source-layer"], "schools_label");
    schools.geometry = GeometryType::MultiPoint;
    assert_eq!(city(&[&schools])["layers"][1]["id"], "schools-icon");
}

#[test]
fn a_shipped_layer_redefined_without_what_names_it_is_asked_for_no_label_points() {
    let mut parks = catalog().get("parks").expect("shipped").clone();
    (parks.label, parks.label_fields) = (None, Vec::new());
    let style = city(&[&parks]);
    assert_eq!(style["sources"]["green"]["tiles"][0], format!("{BASE}/tiles/parks/{{z}}/{{x}}/{{y}}"));
    assert!(!style.to_string().contains(LABEL_SUFFIX));
}

#[test]
fn layers_of_a_theme_that_end_at_another_zoom_get_their_own_source() {
    let catalog = catalog();
    let mut own = own_layer("bollards", "point");
    own.zoom.max = 12;
    let style = city(&[&own, catalog.get("schools").expect("shipped")]);
    assert_eq!(style["sources"]["services-to-12"]["maxzoom"], 12);
    assert_eq!(style["sources"]["services"]["maxzoom"], 18);
}

/// Holds every composed style to `@maplibre/maplibre-gl-style-spec`, which `npm ci` brings to `styles/check`.
#[test]
fn composed_styles_are_valid_by_the_style_specification() {
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../styles/check");
    assert!(check.join("node_modules").is_dir(), "run `npm ci` in styles/check, as `make unit` does");
    let catalog = catalog();
    let own = ["point", "linestring", "polygon", "geometry"].map(|kind| own_layer(&format!("own-{kind}"), kind));
    let present: Vec<_> = catalog.iter().chain(&own).collect();
    for summary in summaries(&present) {
        let style = compose(&present, BASE, &summary.id).expect("composed");
        if summary.id != CITY && !summary.id.starts_with("own-") {
            continue; // their layers are those of the city map
        }
        let mut node = Command::new("node")
            .arg("check.js")
            .current_dir(&check)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node runs");
        node.stdin.take().expect("piped").write_all(style.to_string().as_bytes()).expect("written");
        let output = node.wait_with_output().expect("ends");
        assert!(output.status.success(), "{}: {}", summary.id, String::from_utf8_lossy(&output.stderr));
    }
}
