//! `/collections` and `/collections/{id}` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::frame::Content;
use super::{Asked, count, members, snippets, table, text};
use crate::routes::items::FORMS;

/// The page of all layers; `document` is what programs get.
pub fn collections(asked: &Asked<'_>, document: &Value) -> Content {
    let all: Vec<&Value> = members(document, "collections").collect();
    let mut themes: Vec<&str> = all.iter().map(|layer| text(layer, "themeTitle")).collect();
    themes.sort_unstable();
    themes.dedup();
    let body = html! {
        p class="lead" {
            (asked.say(
                "I dati territoriali pubblicati qui: da guardare sulla mappa, da interrogare, da scaricare.",
                "The territorial data that are published here: to look at on the map, to query, to download.",
            ))
        }
        @for theme in themes {
            section {
                h2 { (theme) }
                ul class="cards" {
                    @for layer in all.iter().filter(|layer| text(layer, "themeTitle") == theme) {
                        li class="layer-card" {
                            h3 { a href=(asked.page(&format!("collections/{}", text(layer, "id")))) { (text(layer, "title")) } }
                            p { (text(layer, "description")) }
                            p class="facts" { (size(asked, layer)) }
                        }
                    }
                }
            }
        }
    };
    Content { title: asked.say("Strati", "Layers").to_owned(), above: Vec::new(), body }
}

/// How many features there are, as far as it is known.
fn size(asked: &Asked<'_>, layer: &Value) -> String {
    match layer["count"].as_u64() {
        None => asked.say("in lettura: riprovare fra poco", "being read: try again in a moment").to_owned(),
        Some(1) => asked.say("1 oggetto", "1 feature").to_owned(),
        Some(number) => format!("{} {}", count(number, asked.language), asked.say("oggetti", "features")),
    }
}

/// The page of a layer; `document` is what programs get, `sample` some of its features as GeoJSON.
pub fn collection(asked: &Asked<'_>, document: &Value, sample: &[Value]) -> Content {
    let id = text(document, "id");
    let fields: Vec<&Value> = members(document, "fields").collect();
    let body = html! {
        p class="lead" { (text(document, "description")) }
        (map(asked, id, &document["extent"]["spatial"]["bbox"][0], &Shown::Layer(somewhere(sample))))
        (facts(asked, document))
        section {
            h2 id="features" { (asked.say("Oggetti", "Features")) }
            @if sample.is_empty() {
                p { (size(asked, document)) }
            } @else {
                (table::features(asked, id, &fields, sample, false))
                p { a class="btn btn-primary" href=(asked.page(&format!("collections/{id}/items"))) { (asked.say("Tutti gli oggetti", "All features")) } }
            }
        }
        section {
            h2 id="download" { (asked.say("Scaricare", "Download")) }
            (downloads(asked, id))
        }
        section {
            h2 id="fields" { (asked.say("Campi", "Fields")) }
            (table::fields(asked, &fields))
            ul class="links" {
                @for (path, title) in [
                    ("schema", asked.say("Schema", "Schema")),
                    ("queryables", asked.say("Campi per filtrare", "Fields to filter by")),
                    ("sortables", asked.say("Campi per ordinare", "Fields to sort by")),
                ] {
                    li { a href=(asked.page(&format!("collections/{id}/{path}"))) { (title) } }
                }
            }
        }
        section {
            h2 id="use" { (asked.say("Usare questi dati", "Use these data")) }
            (snippets::of_layer(asked, id, &document["extent"]["spatial"]["bbox"][0]))
        }
    };
    Content { title: text(document, "title").to_owned(), above: above(asked), body }
}

/// The pages above that of a layer.
pub fn above(asked: &Asked<'_>) -> Vec<(String, String)> {
    vec![(asked.say("Strati", "Layers").to_owned(), "collections".to_owned())]
}

/// The box of one of the features.
fn somewhere(sample: &[Value]) -> Option<&Value> {
    sample.iter().find_map(|feature| feature.get("bbox"))
}

fn numbers(bbox: &Value) -> Vec<String> {
    bbox.as_array().into_iter().flatten().map(Value::to_string).collect()
}

/// What a map is to show.
pub enum Shown<'a> {
    /// A layer; the box of a feature, in case that all of the layer would be too small to be drawn.
    Layer(Option<&'a Value>),
    /// One of its features, lit on the map of the city.
    Feature(&'a str),
}

/// A map of a layer, or of one of its features; drawn by the script of our pages, and left out without it.
pub fn map(asked: &Asked<'_>, layer: &str, bbox: &Value, shown: &Shown<'_>) -> Markup {
    let bbox = numbers(bbox);
    let (style, near, feature) = match shown {
        Shown::Layer(near) => (layer, near.map(|near| numbers(near).join(",")), None),
        Shown::Feature(id) => ("city", None, Some(asked.to(&format!("collections/{layer}/items/{id}?f=json")))),
    };
    html! {
        @if bbox.len() == 4 {
            section class="page-map" hidden aria-label=(asked.say("Mappa", "Map"))
                data-style=(asked.to(&format!("styles/{style}"))) data-bbox=(bbox.join(","))
                data-near=[near] data-feature=[feature] {}
        }
    }
}

fn facts(asked: &Asked<'_>, document: &Value) -> Markup {
    let own = text(document, "storageCrs").rsplit('/').next().unwrap_or_default().to_owned();
    html! {
        dl class="facts-list" {
            div { dt { (asked.say("Quanti", "How many")) } dd { (size(asked, document)) } }
            div { dt { (asked.say("Geometria", "Geometry")) } dd { (table::geometry(asked, text(document, "geometryType"))) } }
            div { dt { (asked.say("Sistema di riferimento dei dati", "CRS of the data")) } dd { "EPSG:" (own) } }
            @for (member, title) in [
                ("attribution", asked.say("Fonte", "Source")),
                ("licence", asked.say("Licenza", "Licence")),
                ("contact", asked.say("Contatto", "Contact")),
            ] {
                @if let Some(value) = document[member].as_str() {
                    div { dt { (title) } dd { (table::value(asked, &Value::Null, &Value::from(value))) } }
                }
            }
            div { dt { (asked.say("Identificatore", "Identifier")) } dd { code { (text(document, "id")) } } }
        }
    }
}

/// Every form in which the features are given.
fn downloads(asked: &Asked<'_>, id: &str) -> Markup {
    html! {
        ul class="downloads" {
            @for form in FORMS.iter().filter(|form| !form.is_page()) {
                li {
                    a class="btn btn-outline-primary btn-sm" href=(asked.to(&format!("collections/{id}/items?f={}", form.word)))
                        download=[form.extension.map(|extension| format!("{id}.{extension}"))] {
                        (form.title)
                    }
                    span { (form.about.of(asked.language)) }
                }
            }
        }
    }
}
