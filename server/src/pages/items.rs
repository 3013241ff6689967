//! `/collections/{id}/items` and `/collections/{id}/items/{feature}` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::collection::{Shown, above, map};
use super::frame::Content;
use super::{Asked, count, members, table, text};
use crate::routes::items::FORMS;

/// The page of some features; `layer` is the description of their layer, `document` the page that programs get. Fields that
/// were not asked for are not in it.
pub fn items(asked: &Asked<'_>, layer: &Value, document: &Value) -> Content {
    let id = text(layer, "id");
    let features: Vec<Value> = members(document, "features").cloned().collect();
    let is_there =
        |field: &&Value| features.first().is_none_or(|first| first["properties"].get(text(field, "name")).is_some());
    let fields: Vec<&Value> = members(layer, "fields").filter(is_there).collect();
    let [matched, returned] =
        ["numberMatched", "numberReturned"].map(|name| document[name].as_u64().unwrap_or_default());
    let body = html! {
        p class="facts" role="status" {
            (count(returned, asked.language)) " " (asked.say("di", "of")) " " (count(matched, asked.language)) " "
            (asked.say("oggetti", "features"))
            @if let Some(sorted) = asked.parameter("sortby") { ", " (asked.say("ordinati per", "sorted by")) " " code { (sorted) } }
        }
        @if let Some(filter) = asked.parameter("filter") { p { (asked.say("Filtro", "Filter")) ": " code { (filter) } } }
        @if features.is_empty() {
            p { (asked.say("Nessun oggetto corrisponde.", "No feature matches.")) }
        } @else {
            (table::features(asked, id, &fields, &features, true))
        }
        (pager(asked, document))
        ul class="links" {
            @for form in FORMS.iter().filter(|form| !form.is_page()) {
                li { a href=(asked.here(&[("f", form.word), ("lang", ""), ("limit", ""), ("cursor", "")])) { (form.title) } }
            }
        }
    };
    let mut above = above(asked);
    above.push((text(layer, "title").to_owned(), format!("collections/{id}")));
    let title = format!("{}: {}", text(layer, "title"), asked.say("oggetti", "features"));
    Content { title, above, body }
}

/// The ways to other pages. What comes before is not known by key: one goes back to the first page.
fn pager(asked: &Asked<'_>, document: &Value) -> Markup {
    let next = members(document, "links").find(|link| link["rel"] == "next");
    let query = next.and_then(|link| text(link, "href").split_once('?')).map(|(_, query)| query);
    let cursor = query.and_then(|query| form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "cursor"));
    let is_first = asked.parameter("cursor").is_none();
    html! {
        @if !is_first || cursor.is_some() {
            nav class="pager" aria-label=(asked.say("Pagine", "Pages")) {
                @if !is_first { a class="btn btn-outline-primary" href=(asked.here(&[("cursor", "")])) { (asked.say("Prima pagina", "First page")) } }
                @if let Some((_, cursor)) = cursor {
                    a class="btn btn-primary" rel="next" href=(asked.here(&[("cursor", &cursor)])) { (asked.say("Pagina successiva", "Next page")) }
                }
            }
        }
    }
}

/// The page of a feature; `layer` is the description of its layer, `document` what programs get.
pub fn feature(asked: &Asked<'_>, layer: &Value, document: &Value) -> Content {
    let id = text(layer, "id");
    let number = document["id"].to_string();
    let is_there = |field: &&Value| document["properties"].get(text(field, "name")).is_some();
    let fields = members(layer, "fields").filter(is_there);
    let name = layer["label"].as_str().map(|label| &document["properties"][label]);
    let title = match name {
        Some(Value::String(name)) if !name.is_empty() => format!("{}: {name}", text(layer, "title")),
        Some(Value::Number(name)) => format!("{}: {name}", text(layer, "title")),
        _ => format!("{} {number}", text(layer, "title")),
    };
    let body = html! {
        (map(asked, id, &document["bbox"], &Shown::Feature(&number)))
        div class="table-responsive" {
            table class="table attributes" {
                caption class="visually-hidden" { (asked.say("Attributi", "Attributes")) }
                tbody {
                    @for field in fields {
                        tr {
                            th scope="row" { (text(field, "title")) }
                            td { (table::value(asked, field, &document["properties"][text(field, "name")])) }
                        }
                    }
                    tr { th scope="row" { (asked.say("Identificatore", "Identifier")) } td { code { (number) } } }
                    tr { th scope="row" { (asked.say("Versione", "Version")) } td { (document["version"]) } }
                }
            }
        }
        ul class="links" {
            li { a href=(asked.here(&[("f", "json"), ("lang", "")])) { "GeoJSON" } }
            li { a href=(asked.here(&[("f", "jsonfg"), ("lang", "")])) { "JSON-FG" } }
        }
    };
    let mut above = above(asked);
    above.push((text(layer, "title").to_owned(), format!("collections/{id}")));
    above.push((asked.say("Oggetti", "Features").to_owned(), format!("collections/{id}/items")));
    Content { title, above, body }
}
