//! Pages of the offices' desks: a form whose address is the question, so that an answer can be shared by its link and
//! printed. They do without scripts; with them the place is drawn on a map.

mod areas;
mod certificate;
mod conflicts;
mod form;
mod jobs;
mod parcel;
mod processes;
mod rentals;
mod tariff;
mod timeline;
mod units;
mod works;
mod zones;
mod ztl;

use maud::{Markup, html};
use serde_json::Value;

use super::{Asked, members, text};
use crate::error::Problem;

pub use areas::areas;
pub use certificate::{certificate, printed};
pub use conflicts::conflicts;
pub use jobs::{job, jobs};
pub use parcel::parcel;
pub use processes::{process, processes};
pub use rentals::{candidates, rentals};
pub use tariff::tariff;
pub use units::units;
pub use works::works;
pub use zones::zones;
pub use ztl::ztl;

/// What came of a question, where one was asked.
pub type Outcome = Option<Result<Value, Problem>>;

/// Why there is no answer: in the language of the page where the reason is told in both.
fn refused(asked: &Asked<'_>, problem: &Problem) -> Markup {
    let reason = problem.member("text").map(|text| in_language(asked, text));
    html! {
        div class="notice notice-danger" role="alert" {
            h2 class="h3" { (asked.say("Nessuna risposta", "No answer")) }
            @match reason {
                Some(reason) => p { (reason) },
                None => p lang="en" { (problem.detail()) },
            }
            (choices(asked, problem))
            @if let Some(odd) = problem.member("warnings").and_then(Value::as_array) {
                @for warning in odd { p { (in_language(asked, &warning["text"])) } }
            }
        }
    }
}

/// The addresses or streets that were meant, to choose from.
fn choices(asked: &Asked<'_>, problem: &Problem) -> Markup {
    let choices = problem.member("choices").and_then(Value::as_array);
    html! {
        @if let Some(choices) = choices {
            p { (asked.say("Quale? Si scelga:", "Which one? Choose:")) }
            ul {
                @for choice in choices {
                    li {
                        a href=(asked.here(&chosen(choice))) { (text(choice, "label")) }
                        @if !text(choice, "context").is_empty() { ", " (text(choice, "context")) }
                    }
                }
            }
        }
    }
}

/// What the question says where a choice is taken: a street by its code, or else a feature instead of an address.
fn chosen(choice: &Value) -> Vec<(&str, &str)> {
    match choice["along"].as_str() {
        Some(code) => vec![("along", code)],
        None => vec![("address", ""), ("feature", text(choice, "feature"))],
    }
}

/// A text that is told in both languages.
fn in_language<'a>(asked: &Asked<'_>, both: &'a Value) -> &'a str {
    text(both, asked.language.tag())
}

/// What somebody should look at.
fn warnings(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut warnings = members(answer, "warnings").peekable();
    html! {
        @if warnings.peek().is_some() {
            div class="notice notice-warning" {
                h2 class="h3" { (asked.say("Da controllare", "To be looked at")) }
                ul { @for warning in warnings { li { (in_language(asked, &warning["text"])) } } }
            }
        }
    }
}

/// What the answer rests on, and the address that asks the same again.
fn evidence(asked: &Asked<'_>, answer: &Value) -> Markup {
    evidence_of(asked, answer, &[])
}

/// As [`evidence`], where the address does not say all that was asked.
fn evidence_of(asked: &Asked<'_>, answer: &Value, besides: &[(&str, &str)]) -> Markup {
    let evidence = &answer["evidence"];
    let seq = evidence["seq"].to_string();
    let again = asked.here(&[&[("at", seq.as_str())], besides].concat());
    html! {
        details class="evidence" {
            summary { (asked.say("Prove", "Evidence")) }
            dl class="facts" {
                dt { (asked.say("Regole", "Rules")) } dd { code { (text(evidence, "engine")) } }
                dt { (asked.say("Misura", "Measure")) } dd { code { (text(evidence, "measure")) } }
                @if let Some(transform) = evidence["transform"].as_object() {
                    dt { (asked.say("Trasformazione", "Transformation")) }
                    dd {
                        (transform.get("from").and_then(Value::as_str).unwrap_or_default()) ": "
                        (transform.get("name").and_then(Value::as_str).unwrap_or_default())
                        @if let Some(metres) = transform.get("accuracy_m").and_then(Value::as_f64) { " (" (metres) " m)" }
                    }
                }
                dt { (asked.say("Ultima modifica considerata", "Last change reflected")) } dd { (seq) }
                dt { (asked.say("Oggetti usati", "Features used")) }
                dd {
                    ul class="inline" {
                        @for feature in members(evidence, "features") {
                            li {
                                a href=(asked.page(&format!("collections/{}/items/{}", text(feature, "layer"), text(feature, "id")))) {
                                    (text(feature, "layer")) "/" (text(feature, "id"))
                                }
                                " v" (feature["version"])
                            }
                        }
                    }
                }
                dt { (asked.say("Impronta", "Hash")) } dd { code { (text(evidence, "sha256")) } }
            }
            p class="no-print" {
                a href=(again) { (asked.say("La stessa domanda, per sempre con questi dati", "The same question, for ever with these data")) }
            }
        }
    }
}

/// A number with a comma where the language has one.
fn number(asked: &Asked<'_>, value: &str) -> String {
    if asked.language.tag() == "it" { value.replace('.', ",") } else { value.to_owned() }
}
