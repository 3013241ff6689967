//! Tables of features and of fields.

use maud::{Markup, html};
use serde_json::{Number, Value};

use super::{Asked, members, text};

/// The value of a field, in words that the language has for it. `field` is as `/collections/{id}` describes it.
pub fn value(asked: &Asked<'_>, field: &Value, value: &Value) -> Markup {
    match value {
        Value::Null => html! {
            span class="no-value" aria-hidden="true" { "–" }
            span class="visually-hidden" { (asked.say("nessun valore", "no value")) }
        },
        Value::Bool(true) => html! { (asked.say("sì", "yes")) },
        Value::Bool(false) => html! { (asked.say("no", "no")) },
        Value::String(code) => match members(field, "values").find(|coded| text(coded, "code") == code) {
            Some(coded) => html! { (text(coded, "title")) " " span class="code" { "(" (code) ")" } },
            None if is_address(code) => html! { a href=(code) rel="nofollow noopener noreferrer" { (code) } },
            None => html! { (code) },
        },
        Value::Number(number) => {
            let unit = text(field, "unit");
            html! { (decimal(number)) @if !unit.is_empty() { " " (of_unit(unit)) } }
        }
        other => html! { (other) },
    }
}

/// A number as people write it: what is whole has no decimals.
fn decimal(number: &Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// Only what a browser opens as a page: a value is whatever somebody wrote into the data.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.len() > 3 && !text.contains(char::is_whitespace))
}

/// A unit by its UCUM symbol, as people write it.
fn of_unit(symbol: &str) -> &str {
    match symbol {
        "m2" => "m²",
        "m3" => "m³",
        "EUR" => "€",
        other => other,
    }
}

/// A table of features: `fields` as `/collections/{id}` describes them, `features` as GeoJSON. The heads sort where
/// `sorts` says so.
pub fn features(asked: &Asked<'_>, layer: &str, fields: &[&Value], features: &[Value], sorts: bool) -> Markup {
    let sorted = asked.parameter("sortby").unwrap_or_default();
    let head = |name: &str, title: &str| {
        let (order, next) = match sorted.trim() {
            this if this == name => (Some("ascending"), format!("-{name}")),
            this if this.strip_prefix('-') == Some(name) => (Some("descending"), name.to_owned()),
            _ => (None, name.to_owned()),
        };
        html! {
            th scope="col" aria-sort=[order] {
                @if sorts {
                    a href=(asked.here(&[("sortby", &next), ("cursor", "")])) {
                        (title)
                        span class="sort-mark" aria-hidden="true" {
                            (match order { Some("ascending") => "▲", Some(_) => "▼", None => "" })
                        }
                    }
                } @else { (title) }
            }
        }
    };
    html! {
        div class="table-responsive" tabindex="0" role="region" aria-label=(asked.say("Tabella degli oggetti", "Table of features")) {
            table class="table table-sm table-striped" {
                thead {
                    tr {
                        (head("id", "id"))
                        @for field in fields { (head(text(field, "name"), text(field, "title"))) }
                    }
                }
                tbody {
                    @for feature in features {
                        tr {
                            th scope="row" {
                                a href=(asked.page(&format!("collections/{layer}/items/{}", feature["id"]))) { (feature["id"]) }
                            }
                            @for field in fields {
                                td { (value(asked, field, &feature["properties"][text(field, "name")])) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A table of fields, as `/collections/{id}` describes them.
pub fn fields(asked: &Asked<'_>, fields: &[&Value]) -> Markup {
    html! {
        div class="table-responsive" tabindex="0" role="region" aria-label=(asked.say("Tabella dei campi", "Table of fields")) {
            table class="table table-sm" {
                thead {
                    tr {
                        th scope="col" { (asked.say("Campo", "Field")) }
                        th scope="col" { (asked.say("Significato", "Meaning")) }
                        th scope="col" { (asked.say("Tipo", "Type")) }
                        th scope="col" { (asked.say("Valori", "Values")) }
                    }
                }
                tbody {
                    @for field in fields {
                        tr {
                            th scope="row" { code { (text(field, "name")) } }
                            td { (text(field, "title")) }
                            td { (kind(asked, text(field, "type"))) @if let Some(unit) = field["unit"].as_str() { ", " (of_unit(unit)) } }
                            td { (values(asked, field)) }
                        }
                    }
                }
            }
        }
    }
}

fn values(asked: &Asked<'_>, field: &Value) -> Markup {
    /// Codes that are listed at once; more are folded.
    const SHOWN: usize = 6;
    let coded: Vec<&Value> = members(field, "values").collect();
    let list = html! {
        ul class="codes" { @for value in &coded { li { code { (text(value, "code")) } " " (text(value, "title")) } } }
    };
    match coded.len() {
        0 => html! {},
        1..=SHOWN => list,
        many => html! { details { summary { (many) " " (asked.say("codici", "codes")) } (list) } },
    }
}

/// The type of geometries in words.
pub fn geometry<'a>(asked: &Asked<'_>, kind: &'a str) -> &'a str {
    match kind {
        "point" | "multipoint" => asked.say("punti", "points"),
        "linestring" | "multilinestring" => asked.say("linee", "lines"),
        "polygon" | "multipolygon" => asked.say("superfici", "surfaces"),
        "geometry" | "any" => asked.say("punti, linee e superfici", "points, lines and surfaces"),
        other => other,
    }
}

/// The type of a field in words.
fn kind(asked: &Asked<'_>, kind: &str) -> String {
    match kind {
        "text" => asked.say("testo", "text"),
        "integer" => asked.say("numero intero", "whole number"),
        "real" => asked.say("numero decimale", "decimal number"),
        "boolean" => asked.say("sì o no", "yes or no"),
        "date" => asked.say("data", "date"),
        "datetime" => asked.say("data e ora", "date and time"),
        other => return geometry(asked, other.trim_start_matches("geometry-")).to_owned(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_pages_become_links() {
        for address in ["https://www.comune.example.it/a?b=c", "http://x.it"] {
            assert!(is_address(address), "{address}");
        }
        for other in ["javascript:alert(1)", "http://", "https://a b", "ftp://x.it", "//x.it", "data:text/html,x"] {
            assert!(!is_address(other), "{other}");
        }
    }
}
