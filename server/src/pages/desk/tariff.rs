//! `/tariff` for people.

use bricola_territory::Text;
use bricola_territory::tariff::TariffPlan;
use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};
use crate::services::tariff::Loaded;

/// The form, and the answer.
pub fn tariff(asked: &Asked<'_>, loaded: &Loaded, outcome: &Outcome) -> Content {
    let mut kinds: Vec<(String, String)> = Vec::new();
    for (code, occupation) in loaded.each.iter().rev().flat_map(|plan: &TariffPlan| &plan.occupations) {
        if !kinds.iter().any(|(known, _)| known == code) {
            kinds.push((code.clone(), say(asked, &occupation.title).to_owned()));
        }
    }
    kinds.sort_by(|a, b| a.1.cmp(&b.1));
    let body = html! {
        p class="lead" {
            (asked.say(
                "Il canone di un’occupazione di suolo o acqua pubblica, secondo il piano tariffario del giorno.",
                "The fee of an occupation of public land or water, by the tariff plan of the day.",
            ))
        }
        @if !loaded.faults.is_empty() {
            div class="notice notice-warning" {
                p { (asked.say("Un piano tariffario contiene errori e non è in uso; bricola tariffs check li elenca: ", "A tariff plan has faults and is not in use; bricola tariffs check lists them: ")) (loaded.faults.len()) "." }
            }
        }
        @if kinds.is_empty() {
            p { (asked.say("Non c’è ancora alcun piano tariffario.", "There is no tariff plan yet.")) }
        }
        (form::form(asked, &html! {
            (form::choice(asked, "occupation", asked.say("Tipo di occupazione", "Kind of occupation"), &kinds))
            (form::place(asked))
            div class="row-fields" {
                (form::field(asked, "quantity", asked.say("Quantità, se non è disegnata", "Quantity, if it is not drawn"), asked.say("m², metri di fronte, pezzi, litri o utenze", "m², metres of front, pieces, litres or users"), "text"))
                (form::field(asked, "from", asked.say("Dal", "From"), "", "date"))
                (form::field(asked, "to", asked.say("al", "to"), asked.say("Compreso", "Inclusive"), "date"))
                (form::field(asked, "hours", asked.say("Ore al giorno", "Hours a day"), asked.say("Solo per i tipi a ore", "Only for kinds by the hour"), "text"))
                (form::field(asked, "flags", asked.say("Dichiarazioni", "Declarations"), asked.say("Separate da virgole, come alimentari", "Separated by commas, such as alimentari"), "text"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (told(asked, answer)),
        }
    };
    Content { title: asked.say("Tariffa di base", "Base tariff").to_owned(), above: Vec::new(), body }
}

/// A text in the language of the page.
pub fn say<'a>(asked: &Asked<'_>, both: &'a Text) -> &'a str {
    if asked.language.tag() == "it" { &both.it } else { &both.en }
}

fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    let rules = &answer["rules"];
    html! {
        section class="answer" aria-live="polite" {
            (warnings(asked, answer))
            p class="fee" {
                span { (asked.say("Canone", "Fee")) } " "
                strong { (number(asked, text(answer, "fee"))) " €" }
            }
            (super::zones::size(asked, &answer["place"]))
            h2 { (asked.say("Come si arriva all’importo", "How the amount comes about")) }
            table class="table" {
                caption class="visually-hidden" { (asked.say("I passaggi", "The steps")) }
                thead { tr {
                    th scope="col" { (asked.say("Passaggio", "Step")) } th scope="col" { (asked.say("Calcolo", "Calculation")) }
                    th scope="col" class="number" { (asked.say("Risultato", "Result")) }
                } }
                tbody {
                    @for line in members(answer, "lines") {
                        tr {
                            td { (in_language(asked, &line["label"])) }
                            td { (in_language(asked, &line["formula"])) }
                            td class="number" { (number(asked, text(line, "result"))) " " (text(line, "unit")) }
                        }
                    }
                }
            }
            (zones(asked, answer))
            (alternatives(asked, answer))
            p class="facts" {
                (asked.say("Secondo ", "By ")) (text(rules, "act")) " (" (text(rules, "plan")) ")."
                " " (asked.say("L’importo non tiene conto di chi occupa; la bolletta non la emette questo servizio.", "The amount takes no account of who occupies; this service issues no bill."))
            }
            (evidence(asked, answer))
        }
    }
}

fn zones(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut zones = members(answer, "zones").peekable();
    html! {
        @if zones.peek().is_some() {
            h2 { (asked.say("Zone", "Zones")) }
            table class="table" {
                caption class="visually-hidden" { (asked.say("Le zone e le loro quote", "The zones and their shares")) }
                thead { tr {
                    th scope="col" { (asked.say("Zona", "Zone")) } th scope="col" class="number" { (asked.say("Coefficiente", "Coefficient")) }
                    th scope="col" class="number" { (asked.say("Quantità", "Quantity")) } th scope="col" class="number" { "%" }
                } }
                tbody {
                    @for zone in zones {
                        tr {
                            td { (in_language(asked, &zone["name"])) " " span class="code" { "(" (text(zone, "code")) ")" } }
                            td class="number" { (number(asked, text(zone, "coefficient"))) }
                            td class="number" { (number(asked, text(zone, "quantity"))) }
                            td class="number" { (number(asked, text(zone, "percent"))) }
                        }
                    }
                }
            }
        }
    }
}

/// What the other rules for borders would have given, where there is a border.
fn alternatives(asked: &Asked<'_>, answer: &Value) -> Markup {
    let policy = &answer["policy"];
    html! {
        @if policy["crosses"] == true {
            details {
                summary { (asked.say("Che cosa darebbero le altre regole di confine", "What other rules for borders would give")) }
                ul {
                    @for other in members(policy, "alternatives") {
                        li {
                            code { (text(other, "policy")) } ": "
                            @match other["fee"].as_str() {
                                Some(fee) => { (number(asked, fee)) " €" },
                                None => (in_language(asked, &other["reason"])),
                            }
                        }
                    }
                }
            }
        }
    }
}
