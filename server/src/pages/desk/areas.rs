//! `/service-area` for people.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};

/// Pixels of the picture.
const SIZE: (f64, f64) = (640.0, 420.0);

/// The form, with the layers that may be counted, and the answer.
pub fn areas(asked: &Asked<'_>, layers: &[(String, String)], outcome: &Outcome) -> Content {
    let none = (String::new(), asked.say("nessuno", "none").to_owned());
    let layers: Vec<(String, String)> = std::iter::once(none).chain(layers.iter().cloned()).collect();
    let body = html! {
        p class="lead" {
            (asked.say(
                "Quali strade si raggiungono a piedi da un luogo, che cosa c’è, e che cosa resta isolato se alcune sono chiuse.",
                "Which streets are reached on foot from a place, what is there, and what is cut off when some are closed.",
            ))
        }
        (form::form(asked, &html! {
            (form::place(asked))
            div class="row-fields" {
                (form::field(asked, "minutes", asked.say("Minuti", "Minutes"), asked.say("Vuoto: 15", "Empty: 15"), "text"))
                (form::choice(asked, "count", asked.say("Conta gli oggetti di", "Count features of"), &layers))
                (form::choice(asked, "nearest", asked.say("I più vicini di", "The nearest of"), &layers))
                (form::field(asked, "closed", asked.say("Strade chiuse", "Closed streets"),
                    asked.say("Numeri degli oggetti, come 12,57", "Numbers of features, such as 12,57"), "text"))
                (form::field(asked, "tide", asked.say("Marea (m)", "Tide (m)"),
                    asked.say("Per esempio 1.10; vuoto: asciutto", "Such as 1.10; empty: dry"), "text"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (told(asked, answer)),
        }
    };
    Content {
        title: asked.say("Che cosa si raggiunge a piedi", "What is within walking reach").to_owned(),
        above: Vec::new(),
        body,
    }
}

fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    html! {
        section class="answer" aria-live="polite" {
            (warnings(asked, answer))
            h2 { (asked.say("Che cosa si raggiunge", "What is reached")) }
            p {
                (asked.say("In ", "In ")) (answer["minutes"]) (asked.say(" minuti (", " minutes ("))
                (number(asked, text(answer, "metres"))) " m): "
                (number(asked, text(answer, "streets_m"))) (asked.say(" m di strade.", " m of streets."))
            }
            (picture(asked, answer))
            (under_water(asked, &answer["tide"]))
            @if members(answer, "within").next().is_some() {
                table class="table" {
                    caption { (asked.say("Oggetti raggiunti", "Features reached")) }
                    thead { tr {
                        th scope="col" { (asked.say("Strato", "Layer")) }
                        th scope="col" class="number" { (asked.say("Quanti", "How many")) }
                        th scope="col" class="number" { (asked.say("Somma", "Sum")) }
                    } }
                    tbody { @for layer in members(answer, "within") { tr {
                        td { (in_language(asked, &layer["title"])) }
                        td class="number" { (layer["count"]) }
                        td class="number" { @if let Some(sum) = layer["sum"].as_f64() { (sum) } }
                    } } }
                }
            }
            @for layer in members(answer, "nearest") {
                table class="table" {
                    caption { (asked.say("I più vicini: ", "The nearest: ")) (in_language(asked, &layer["title"])) }
                    thead { tr {
                        th scope="col" { (asked.say("Nome", "Name")) }
                        th scope="col" class="number" { "m" } th scope="col" class="number" { (asked.say("minuti", "minutes")) }
                    } }
                    tbody { @for feature in members(layer, "features") { tr {
                        td { a href=(asked.page(&format!("collections/{}/items/{}", text(&feature["feature"], "layer"), text(&feature["feature"], "id")))) { (text(feature, "name")) } }
                        td class="number" { (text(feature, "metres")) }
                        td class="number" { (number(asked, text(feature, "minutes"))) }
                    } } }
                }
            }
            @if members(answer, "cut_off").next().is_some() {
                h3 { (asked.say("Parti isolate", "Parts that are cut off")) }
                ul { @for part in members(answer, "cut_off") {
                    li {
                        (part["junctions"]) (asked.say(" incroci presso ", " junctions near "))
                        (part["lat"]) ", " (part["lon"])
                    }
                } }
            }
            (evidence(asked, answer))
        }
    }
}

/// Streets under water.
fn under_water(asked: &Asked<'_>, tide: &Value) -> Markup {
    html! {
        @if tide.is_object() {
            p {
                (asked.say("Marea a ", "Tide at ")) (number(asked, text(tide, "level_m"))) (asked.say(" m sullo ", " m above the "))
                (in_language(asked, &tide["datum"])) ". "
                (asked.say("Strade sott’acqua qui attorno, tratteggiate: ", "Streets under water around here, dashed: ")) (tide["count"])
                " (" (number(asked, text(tide, "metres"))) " m); "
                (asked.say("con passerella: ", "with a walkway: ")) (tide["walkways"])
                (asked.say("; di quota ignota: ", "; of unknown height: ")) (tide["unknown"]) "."
            }
            @if members(tide, "streets").next().is_some() {
                table class="table" {
                    caption { (asked.say("Strade sott’acqua, le più vicine prima", "Streets under water, the nearest first")) }
                    thead { tr {
                        th scope="col" { (asked.say("Strada", "Street")) }
                        th scope="col" class="number" { (asked.say("Quota (m)", "Height (m)")) }
                        th scope="col" class="number" { (asked.say("Tratti (m)", "Stretches (m)")) }
                    } }
                    tbody { @for street in members(tide, "streets") { tr {
                        td { a href=(asked.page(&format!("collections/{}/items/{}", text(&street["feature"], "layer"), text(&street["feature"], "id")))) { (text(street, "name")) } }
                        td class="number" { (number(asked, text(street, "ground_m"))) }
                        td class="number" { (number(asked, text(street, "metres"))) }
                    } } }
                }
            }
        }
    }
}

fn lines_of(geometry: &Value) -> Vec<Vec<[f64; 2]>> {
    serde_json::from_value(geometry["coordinates"].clone()).unwrap_or_default()
}

/// The streets, drawn by us: north is up; those under water are dashed.
fn picture(asked: &Asked<'_>, answer: &Value) -> Markup {
    let (lines, wet) = (lines_of(&answer["streets"]), lines_of(&answer["tide"]["under_water"]));
    let all = || lines.iter().chain(&wet).flatten();
    let bound = |pick: fn(f64, f64) -> f64, axis: usize| all().map(|at| at[axis]).reduce(pick);
    let (Some(west), Some(east), Some(south), Some(north)) =
        (bound(f64::min, 0), bound(f64::max, 0), bound(f64::min, 1), bound(f64::max, 1))
    else {
        return html! {};
    };
    // A degree of longitude is narrower than one of latitude.
    let squeeze = f64::midpoint(south, north).to_radians().cos();
    let scale =
        ((SIZE.0 - 20.0) / ((east - west) * squeeze).max(1e-6)).min((SIZE.1 - 20.0) / (north - south).max(1e-6));
    let place = |at: &[f64; 2]| [10.0 + (at[0] - west) * squeeze * scale, 10.0 + (north - at[1]) * scale];
    let drawn = |lines: &[Vec<[f64; 2]>]| {
        let mut path = String::new();
        for line in lines {
            for (number, at) in line.iter().enumerate() {
                let [x, y] = place(at);
                let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 { "M" } else { "L" });
            }
        }
        path
    };
    let (path, wet) = (drawn(&lines), drawn(&wet));
    let start = [answer["start"]["lon"].as_f64().unwrap_or(west), answer["start"]["lat"].as_f64().unwrap_or(south)];
    let [x, y] = place(&start);
    let title = asked.say("Le strade che si raggiungono", "The streets that are reached");
    let (width, height) = ((east - west).mul_add(squeeze * scale, 20.0), (north - south).mul_add(scale, 20.0));
    html! {
        (PreEscaped(format!(
            "<svg class=\"reach\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">\
             <path class=\"wet\" d=\"{wet}\" fill=\"none\" stroke=\"#5b6b7b\" stroke-width=\"1.5\" stroke-dasharray=\"3 3\"/>\
             <path d=\"{path}\" fill=\"none\" stroke=\"#0066cc\" stroke-width=\"2\" stroke-linecap=\"round\"/>\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\" fill=\"#b3001b\"/></svg>"
        )))
    }
}
