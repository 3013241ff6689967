//! The works one by one.

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::{Asked, count, members, text};
use super::super::{in_language, number};
use super::showing;
use super::words::{day, euro, phase};

/// The list.
pub fn list(asked: &Asked<'_>, answer: &Value) -> Markup {
    let title = asked.say("Le opere", "The works");
    html! {
        h2 { (title) }
        div class="table-responsive" tabindex="0" role="region" aria-label=(title) {
            table class="table works-list" {
                caption class="visually-hidden" { (asked.say("Opere per CUP", "Works by CUP")) }
                thead { tr {
                    th scope="col" { (asked.say("Opera", "Work")) } th scope="col" { "CUP" } th scope="col" { (asked.say("Fase", "Phase")) }
                    th scope="col" class="number" { (asked.say("Importo", "Amount")) } th scope="col" class="number" { "%" }
                    th scope="col" class="number" { (asked.say("Tempi", "Schedule")) } th scope="col" class="number" { (asked.say("Costi", "Cost")) }
                    th scope="col" { (asked.say("Inizio", "Start")) } th scope="col" { (asked.say("Fine prevista", "Planned end")) }
                    th scope="col" class="number" { (asked.say("Giorni di ritardo", "Days late")) } th scope="col" { (asked.say("Da controllare", "To be looked at")) }
                } }
                tbody {
                    @for work in members(answer, "works") {
                        tr {
                            th scope="row" { a href=(showing(asked, text(&work["feature"], "id"))) { (text(work, "title")) } }
                            td { code { (text(work, "cup")) } }
                            td { (phase(asked, text(work, "phase"))) }
                            td class="number" { (euro(asked, &work["amount_eur"])) }
                            td class="number" { (number(asked, text(work, "progress_pct"))) }
                            td class="number" { (number(asked, text(work, "schedule_index"))) }
                            td class="number" { (number(asked, text(work, "cost_index"))) }
                            td { (day(asked, &work["start_planned"])) }
                            td { (day(asked, &work["end_planned"])) }
                            td class="number" { @if let Some(days) = work["days_late"].as_i64() { (days) } }
                            td { @for warning in members(work, "warnings") { (in_language(asked, &warning["text"])) ". " } }
                        }
                    }
                }
            }
        }
        @if let Some(omitted) = answer["omitted"].as_u64().filter(|omitted| *omitted > 0) {
            p { (asked.say("Altre opere, non elencate: ", "Works that are not listed: ")) (count(omitted, asked.language)) }
        }
        p class="no-print" {
            a class="btn btn-outline-primary btn-xs" href=(asked.here(&[("f", "csv"), ("table", "works")])) download {
                "CSV" span class="visually-hidden" { ": " (title) }
            }
        }
    }
}
