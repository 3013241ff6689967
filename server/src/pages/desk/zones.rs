//! `/zones` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};

/// The form, with the layers that may be chosen, and the answer.
pub fn zones(asked: &Asked<'_>, layers: &[(String, String)], outcome: &Outcome) -> Content {
    let all = (String::new(), asked.say("tutti", "all").to_owned());
    let layers: Vec<(String, String)> = std::iter::once(all).chain(layers.iter().cloned()).collect();
    let body = html! {
        p class="lead" {
            (asked.say("In quali zone ricade un luogo, strato per strato, a una data.", "In which zones a place lies, layer by layer, on a day."))
        }
        (form::form(asked, &html! {
            (form::place(asked))
            div class="row-fields" {
                (form::choice(asked, "layers", asked.say("Strato", "Layer"), &layers))
                (form::field(asked, "datetime", asked.say("Alla data", "On the day"), "", "date"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (told(asked, answer)),
        }
    };
    Content { title: asked.say("Zone di un luogo", "Zones of a place").to_owned(), above: Vec::new(), body }
}

fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    let (with, without): (Vec<&Value>, Vec<&Value>) =
        members(answer, "layers").partition(|layer| members(layer, "zones").next().is_some());
    html! {
        section class="answer" aria-live="polite" {
            (warnings(asked, answer))
            h2 { (asked.say("Zone", "Zones")) }
            (super::zones::size(asked, &answer["place"]))
            table class="table" {
                caption class="visually-hidden" { (asked.say("Zone per strato", "Zones by layer")) }
                thead { tr {
                    th scope="col" { (asked.say("Strato", "Layer")) } th scope="col" { (asked.say("Zona", "Zone")) }
                    th scope="col" class="number" { (asked.say("Misura", "Measure")) } th scope="col" class="number" { "%" }
                } }
                tbody {
                    @for layer in &with {
                        @for zone in members(layer, "zones") {
                            tr {
                                td { (in_language(asked, &layer["title"])) }
                                td {
                                    a href=(asked.page(&format!("collections/{}/items/{}", text(&zone["feature"], "layer"), text(&zone["feature"], "id")))) {
                                        (text(zone, "name"))
                                    }
                                    @if text(zone, "code") != text(zone, "name") { " " span class="code" { "(" (text(zone, "code")) ")" } }
                                }
                                td class="number" { (measure(asked, zone)) }
                                td class="number" { (number(asked, text(zone, "percent"))) }
                            }
                        }
                    }
                }
            }
            @if !without.is_empty() {
                p {
                    (asked.say("In nessuna zona di: ", "In no zone of: "))
                    @for (position, layer) in without.iter().enumerate() {
                        @if position > 0 { ", " } (in_language(asked, &layer["title"]))
                    }
                    "."
                }
            }
            (evidence(asked, answer))
        }
    }
}

/// How large the place is.
pub fn size(asked: &Asked<'_>, place: &Value) -> Markup {
    html! {
        @if let Some(m2) = place["area_m2"].as_str() { p { (asked.say("Superficie: ", "Area: ")) (number(asked, m2)) " m²" } }
        @if let Some(m) = place["length_m"].as_str() { p { (asked.say("Lunghezza: ", "Length: ")) (number(asked, m)) " m" } }
    }
}

fn measure(asked: &Asked<'_>, zone: &Value) -> String {
    let of = |name: &str, unit: &str| zone[name].as_str().map(|value| format!("{} {unit}", number(asked, value)));
    of("area_m2", "m²").or_else(|| of("length_m", "m")).unwrap_or_default()
}
