//! `/conformance`, `/styles`, and `/collections/{id}/schema`, `/queryables`, `/sortables` for people.

use maud::html;
use serde_json::Value;

use super::collection::above;
use super::frame::Content;
use super::{Asked, members, table, text};

/// The page of `/conformance`.
pub fn conformance(asked: &Asked<'_>, document: &Value) -> Content {
    let classes: Vec<&str> = members(document, "conformsTo").filter_map(Value::as_str).collect();
    let parts = |class: &str| -> (String, String) {
        let rest = class.rsplit_once("/spec/").map_or(class, |(_, rest)| rest);
        let (standard, name) = rest.split_once("/conf/").unwrap_or((rest, ""));
        (standard.to_owned(), name.to_owned())
    };
    let mut standards: Vec<String> = Vec::new();
    for class in &classes {
        let (standard, _) = parts(class);
        if !standards.contains(&standard) {
            standards.push(standard);
        }
    }
    let body = html! {
        p class="lead" {
            (asked.say(
                "Le parti degli standard dell’OGC che questo servizio rispetta.",
                "The parts of OGC’s standards that this service keeps.",
            ))
        }
        @for standard in &standards {
            section {
                h2 { (title(standard)) }
                ul class="classes" {
                    @for class in classes.iter().filter(|class| parts(class).0 == *standard) {
                        li { a href=(class) rel="noreferrer" { (parts(class).1) } }
                    }
                }
            }
        }
    };
    Content { title: asked.say("Conformità", "Conformance").to_owned(), above: Vec::new(), body }
}

/// The title of a standard by the name in its URIs.
fn title(standard: &str) -> String {
    let (name, version) = standard.split_once('/').unwrap_or((standard, ""));
    let title = match name {
        "ogcapi-common-1" => "OGC API – Common – Part 1: Core",
        "ogcapi-common-2" => "OGC API – Common – Part 2: Geospatial Data",
        "ogcapi-features-1" => "OGC API – Features – Part 1: Core",
        "ogcapi-features-2" => "OGC API – Features – Part 2: Coordinate Reference Systems by Reference",
        "ogcapi-features-3" => "OGC API – Features – Part 3: Filtering",
        "ogcapi-features-4" => "OGC API – Features – Part 4: Create, Replace, Update and Delete",
        "ogcapi-features-5" => "OGC API – Features – Part 5: Schemas",
        "ogcapi-processes-1" => "OGC API – Processes – Part 1: Core",
        "ogcapi-tiles-1" => "OGC API – Tiles – Part 1: Core",
        "ogcapi-styles-1" => "OGC API – Styles – Part 1: Core",
        "json-fg-1" => "OGC Features and Geometries JSON – Part 1: Core",
        "cql2" => "Common Query Language (CQL2)",
        "tms" => "Two Dimensional Tile Matrix Set",
        other => other,
    };
    format!("{title} {version}").trim_end().to_owned()
}

/// The page of `/styles`.
pub fn styles(asked: &Asked<'_>, document: &Value) -> Content {
    let body = html! {
        p class="lead" {
            (asked.say(
                "Come si disegnano gli strati: stili per MapLibre, QGIS e altri programmi.",
                "How the layers are drawn: styles for MapLibre, QGIS and other programs.",
            ))
        }
        ul class="cards" {
            @for style in members(document, "styles") {
                li class="layer-card" {
                    h2 class="h3" { (text(style, "title")) }
                    p { a href=(asked.to(&format!("styles/{}", text(style, "id")))) { "MapLibre JSON" span class="visually-hidden" { " – " (text(style, "title")) } } }
                    p class="facts" { code { (asked.base) "/styles/" (text(style, "id")) } }
                }
            }
        }
    };
    Content { title: asked.say("Stili", "Styles").to_owned(), above: Vec::new(), body }
}

/// The page of the schema, the queryables or the sortables of a layer.
pub fn fields(asked: &Asked<'_>, document: &Value, layer: &str, title: &str) -> Content {
    let rows: Vec<Value> =
        document["properties"].as_object().into_iter().flatten().map(|(name, it)| field(name, it)).collect();
    let rows: Vec<&Value> = rows.iter().collect();
    let body = html! {
        p class="lead" { (text(document, "description")) }
        (table::fields(asked, &rows))
    };
    let mut above = above(asked);
    above.push((text(document, "title").to_owned(), format!("collections/{layer}")));
    Content { title: format!("{}: {}", text(document, "title"), title.to_lowercase()), above, body }
}

/// A property of a JSON Schema in the words of `/collections/{id}`.
fn field(name: &str, property: &Value) -> Value {
    let kind = match (text(property, "type"), text(property, "format")) {
        ("string", "date") => "date",
        ("string", "date-time") => "datetime",
        ("string", _) => "text",
        ("number", _) => "real",
        (kind @ ("integer" | "boolean"), _) => kind,
        (_, format) => format,
    };
    let values: Vec<Value> = members(property, "anyOf")
        .filter(|value| value.get("const").is_some())
        .map(|value| serde_json::json!({"code": value["const"], "title": value["title"]}))
        .collect();
    let mut field = serde_json::json!({"name": name, "type": kind, "title": property["title"], "values": values});
    if let Some(unit) = property["x-ogc-unit"].as_str() {
        field["unit"] = unit.into();
    }
    field
}
