//! What the national registers say of a work, and how the office's register compares with them.

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::{Asked, count, members, text};
use super::super::in_language;
use super::showing;
use super::words::{date, euro, written};

fn name(source: &str) -> &str {
    match source {
        "opencup" => "OpenCUP",
        "bdap-mop" => "BDAP-MOP",
        other => other,
    }
}

/// What they say of the work whose record is shown.
pub fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    let projects: Vec<&Value> = members(&answer["work"], "national").collect();
    let is_known = answer["national"]["projects"].as_u64().is_some_and(|count| count > 0);
    html! {
        @if !projects.is_empty() {
            h3 { (asked.say("Nei registri nazionali", "In the national registers")) }
            @for project in projects { (one(asked, project)) }
        } @else if is_known {
            p { (asked.say("Nei registri nazionali caricati non c’è quest’opera.", "The national registers that are loaded do not have this work.")) }
        }
    }
}

fn one(asked: &Asked<'_>, project: &Value) -> Markup {
    let money = [
        (asked.say("costo", "cost"), "cost_eur"),
        (asked.say("costo effettivo", "actual cost"), "actual_cost_eur"),
        (asked.say("finanziamento", "funding"), "funding_eur"),
    ];
    let days = [
        (asked.say("inizio previsto", "planned start"), "start_planned"),
        (asked.say("fine prevista", "planned end"), "end_planned"),
        (asked.say("inizio effettivo", "actual start"), "start_actual"),
        (asked.say("fine effettiva", "actual end"), "end_actual"),
    ];
    html! {
        p {
            strong { (name(text(project, "source"))) } ": " (text(project, "title"))
            @for member in ["state", "holder", "sector"] { @if let Some(said) = project[member].as_str() { "; " (said) } }
            @if let Some(year) = project["year"].as_i64() { "; " (year) }
            @for (word, member) in money { @if project[member].is_string() { "; " (word) " " (euro(asked, &project[member])) } }
            @for (word, member) in days { @if let Some(day) = date(&project[member]) { "; " (word) " " (written(asked, day)) } }
            "."
        }
    }
}

/// Works that they do not have, and projects that we do not have.
pub fn compared(asked: &Asked<'_>, answer: &Value) -> Markup {
    let national = &answer["national"];
    let number = |value: &Value| count(value.as_u64().unwrap_or_default(), asked.language);
    let (missing, lacking) = (&national["missing"], &national["lacking"]);
    html! {
        @if members(national, "sources").next().is_some() {
            details class="as-table no-print" {
                summary {
                    (asked.say("Registri nazionali: opere che là mancano ", "National registers: works that these lack ")) (number(&missing["count"]))
                    (asked.say(", progetti del comune che qui mancano ", ", projects of the municipality that are missing here ")) (number(&lacking["count"]))
                }
                p class="facts" {
                    @for source in members(national, "sources") {
                        (text(source, "file")) " (" (name(text(source, "register"))) "): " (number(&source["rows"]))
                        @if source["faults"].as_u64().is_some_and(|faults| faults > 0) { ", " (asked.say("errori: ", "faults: ")) (number(&source["faults"])) }
                        ". "
                    }
                    @if national["municipality"].is_null() {
                        (asked.say("Il codice ISTAT del comune (tenant.istat) non è detto: si contano i progetti di tutti i comuni dei file. ", "The ISTAT code of the municipality (tenant.istat) is not said: the projects of all municipalities in the files count. "))
                    }
                    @if national["unplaced"].as_u64().is_some_and(|count| count > 0) {
                        (asked.say("Progetti di cui i file non dicono il comune: ", "Projects whose municipality the files do not tell: ")) (number(&national["unplaced"])) "."
                    }
                }
                @if members(national, "faults").next().is_some() {
                    ul class="notice notice-warning" {
                        @for fault in members(national, "faults") {
                            li { (text(fault, "file")) ":" (fault["line"]) " " code { (text(fault, "field")) } " " (in_language(asked, &fault["text"])) }
                        }
                    }
                }
                @if members(missing, "works").next().is_some() {
                    h3 { (asked.say("Opere che nei registri nazionali non ci sono", "Works that the national registers do not have")) }
                    ul {
                        @for work in members(missing, "works") {
                            li { a href=(showing(asked, text(&work["feature"], "id"))) { (text(work, "title")) } " " code { (text(work, "cup")) } }
                        }
                    }
                }
                @if members(lacking, "projects").next().is_some() {
                    h3 { (asked.say("Progetti del comune che il registro non ha", "Projects of the municipality that the register does not have")) }
                    ul {
                        @for project in members(lacking, "projects") {
                            li { code { (text(project, "cup")) } @for it in members(project, "projects").take(1) { " " (text(it, "title")) ", " (euro(asked, &it["cost_eur"])) } }
                        }
                    }
                }
            }
        }
    }
}
