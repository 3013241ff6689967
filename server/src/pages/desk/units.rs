//! `/units` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};

/// The form, and the units.
pub fn units(asked: &Asked<'_>, outcome: &Outcome) -> Content {
    let body = html! {
        p class="lead no-print" {
            (asked.say(
                "Le unità immobiliari e i terreni che il catasto ha su una particella, a una data. Dei titolari non si legge nulla.",
                "The units and the land that the cadastre has on a parcel, on a day. Nothing is read of owners.",
            ))
        }
        (form::form(asked, &html! {
            (form::place(asked))
            div class="row-fields" { (form::field(asked, "datetime", asked.say("Alla data", "On the day"), "", "date")) }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => {
                section class="answer" aria-live="polite" {
                    (warnings(asked, answer))
                    @for parcel in members(answer, "parcels") { (one(asked, parcel)) }
                    (sources(asked, answer))
                    (evidence(asked, answer))
                }
            },
        }
    };
    let above = vec![(asked.say("Servizi", "Services").to_owned(), "processes".to_owned())];
    Content { title: asked.say("Unità immobiliari", "Real-estate units").to_owned(), above, body }
}

fn one(asked: &Asked<'_>, parcel: &Value) -> Markup {
    html! {
        h2 { (asked.say("Particella ", "Parcel ")) (text(parcel, "reference")) }
        @if members(parcel, "units").next().is_none() { p { (asked.say("Nessuna unità.", "No unit.")) } }
        @else {
            table class="table" {
                caption class="visually-hidden" { (asked.say("Unità immobiliari", "Real-estate units")) }
                thead { tr {
                    th scope="col" { (asked.say("Subalterno", "Subunit")) } th scope="col" { (asked.say("Categoria", "Category")) }
                    th scope="col" { (asked.say("Classe", "Class")) }
                    th scope="col" class="number" { (asked.say("Consistenza", "Size")) } th scope="col" class="number" { "m²" }
                    th scope="col" class="number" { (asked.say("Rendita €", "Income €")) }
                } }
                tbody { @for unit in members(parcel, "units") { tr {
                    td { (subunits(unit)) } td { (text(unit, "category")) } td { (text(unit, "class")) }
                    td class="number" { (number(asked, text(unit, "consistency"))) }
                    td class="number" { (number(asked, text(unit, "area_m2"))) }
                    td class="number" { (number(asked, text(unit, "income_eur"))) }
                } } }
            }
        }
        @for land in members(parcel, "land") {
            p {
                (asked.say("Terreni: qualità ", "Land: quality ")) (text(land, "quality")) ", "
                (asked.say("classe ", "class ")) (text(land, "class")) ", " (land["area_m2"]) " m²"
            }
        }
    }
}

fn subunits(unit: &Value) -> String {
    let subunits: Vec<&str> =
        members(unit, "parcels").map(|it| text(it, "subunit")).filter(|it| !it.is_empty()).collect();
    if subunits.is_empty() { "–".to_owned() } else { subunits.join(", ") }
}

/// The files, and why some are not in use.
fn sources(asked: &Asked<'_>, answer: &Value) -> Markup {
    html! {
        details {
            summary { (asked.say("Estrazioni", "Dumps")) }
            ul {
                @for source in members(answer, "sources") {
                    li {
                        (text(source, "file")) ": "
                        @if source["refused"].is_object() { strong { (in_language(asked, &source["refused"])) } }
                        @else {
                            (source["records"]) " " (asked.say("righe lette, con errori: ", "rows read, with faults: ")) (source["faults"])
                        }
                    }
                }
            }
        }
    }
}
