//! All that is known of one work.

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::{Asked, members, text};
use super::super::{in_language, number};
use super::national;
use super::words::{day, euro, phase};

/// The record.
pub fn record(asked: &Asked<'_>, answer: &Value) -> Markup {
    let work = &answer["work"];
    let feature = &work["feature"];
    let page = asked.page(&format!("collections/{}/items/{}", text(feature, "layer"), text(feature, "id")));
    let target = asked.is_embedded().then_some("_blank");
    html! {
        section id="work" class="work-record" aria-labelledby="work-title" {
            h2 id="work-title" { (text(work, "title")) }
            @if members(work, "warnings").next().is_some() {
                ul class="notice notice-warning" { @for warning in members(work, "warnings") { li { (in_language(asked, &warning["text"])) } } }
            }
            (facts(asked, work))
            (places(asked, work))
            (performance(asked, work))
            (phases(asked, work))
            (contracts(asked, work))
            (funds(asked, work))
            (national::told(asked, answer))
            p class="links no-print" {
                a href=(page) target=[target] rel=[target.map(|_| "noopener")] { (asked.say("L’oggetto sulla mappa e le sue versioni", "The feature on the map, and its versions")) }
                a href=(format!("{}#map", asked.here(&[("work", "")]))) { (asked.say("Chiudi la scheda", "Close the record")) }
            }
        }
    }
}

fn facts(asked: &Asked<'_>, work: &Value) -> Markup {
    let said = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let range = |from: &str, to: &str| {
        let (from, to) = (day(asked, &work[from]), day(asked, &work[to]));
        let or = |text: String| if text.is_empty() { "…".to_owned() } else { text };
        if from.is_empty() && to.is_empty() { "–".to_owned() } else { format!("{} – {}", or(from), or(to)) }
    };
    let facts = [
        ("CUP", said(&work["cup"])),
        ("CIG", said(&work["cig"])),
        (asked.say("Fase", "Phase"), phase(asked, work["phase"].as_str().unwrap_or("–")).to_owned()),
        (asked.say("Tipo", "Kind"), said(&work["kind"])),
        (asked.say("Fonte", "Funding"), said(&work["funding"])),
        (asked.say("Importo", "Amount"), euro(asked, &work["amount_eur"])),
        (asked.say("Previsto", "Planned"), range("start_planned", "end_planned")),
        (asked.say("Effettivo", "Actual"), range("start_actual", "end_actual")),
        (
            asked.say("Fine attesa ora", "End expected now"),
            Some(day(asked, &work["end_expected"])).filter(|it| !it.is_empty()).unwrap_or_else(|| "–".to_owned()),
        ),
    ];
    html! { dl class="facts-list" { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } } }
}

/// Where it lies.
fn places(asked: &Asked<'_>, work: &Value) -> Markup {
    let target = asked.is_embedded().then_some("_blank");
    let lists = [
        (asked.say("Quartieri", "Districts"), "districts"),
        (asked.say("Strade", "Streets"), "streets"),
        (asked.say("Particelle", "Parcels"), "parcels"),
    ];
    html! {
        @for (title, name) in lists {
            @let list = &work["at"][name];
            @if let Some(count) = list["count"].as_u64().filter(|count| *count > 0) {
                p {
                    strong { (title) } ": "
                    @for (place, it) in members(list, "features").enumerate() {
                        @if place > 0 { ", " }
                        a href=(asked.page(&format!("collections/{}/items/{}", text(&it["feature"], "layer"), text(&it["feature"], "id")))) target=[target] rel=[target.map(|_| "noopener")] {
                            @if name == "parcels" { (text(it, "code")) } @else { (text(it, "name")) }
                        }
                    }
                    @if count > members(list, "features").count() as u64 { " … (" (count) ")" }
                }
            }
        }
    }
}

/// Earned value and the variances of progress, time and money.
fn performance(asked: &Asked<'_>, work: &Value) -> Markup {
    let percent =
        |name: &str| work[name].as_str().map_or_else(|| "–".to_owned(), |it| format!("{} %", number(asked, it)));
    let index = |name: &str| work[name].as_str().map_or_else(|| "–".to_owned(), |it| number(asked, it));
    let days = |name: &str| work[name].as_i64().map_or_else(|| "–".to_owned(), |it| it.to_string());
    let money = |name: &str| euro(asked, &work[name]);
    let rows = [
        (asked.say("Avanzamento previsto", "Planned progress"), percent("planned_pct")),
        (asked.say("Avanzamento", "Progress"), percent("progress_pct")),
        (asked.say("Scostamento fisico (punti)", "Physical variance (points)"), percent("physical_variance_pct")),
        (asked.say("Riconosciuto con i SAL", "Acknowledged by states of progress"), percent("acknowledged_pct")),
        (asked.say("Valore pianificato (PV)", "Planned value (PV)"), money("planned_value_eur")),
        (asked.say("Valore realizzato (EV)", "Earned value (EV)"), money("earned_value_eur")),
        (asked.say("Pagato (AC)", "Paid (AC)"), money("actual_cost_eur")),
        (
            asked.say("Scostamento dei tempi (SV = EV − PV)", "Schedule variance (SV = EV − PV)"),
            money("schedule_variance_eur"),
        ),
        (asked.say("Indice dei tempi (SPI = EV/PV)", "Schedule index (SPI = EV/PV)"), index("schedule_index")),
        (asked.say("Scostamento dei costi (CV = EV − AC)", "Cost variance (CV = EV − AC)"), money("cost_variance_eur")),
        (asked.say("Indice dei costi (CPI = EV/AC)", "Cost index (CPI = EV/AC)"), index("cost_index")),
        (asked.say("Contratti sull’importo", "Contracts of the amount"), percent("committed_pct")),
        (asked.say("Pagato sull’importo", "Paid of the amount"), percent("paid_pct")),
        (asked.say("Contratti oltre la base d’asta", "Contracts beyond the tender"), percent("over_tender_pct")),
        (asked.say("Giorni di ritardo", "Days late"), days("days_late")),
        (
            asked.say("Giorni di cui la fine è stata spostata", "Days by which the end was put off"),
            days("days_replanned"),
        ),
        (asked.say("Riprogrammazioni", "Times planned again"), days("replannings")),
    ];
    html! {
        details class="as-table" {
            summary { (asked.say("Tempi e costi in cifre", "Time and cost in figures")) }
            table class="table attributes" {
                tbody { @for (name, value) in &rows { tr { th scope="row" { (name) } td { (value) } } } }
            }
        }
    }
}

fn phases(asked: &Asked<'_>, work: &Value) -> Markup {
    html! {
        @if members(work, "phases").next().is_some() {
            div class="table-responsive" tabindex="0" role="region" aria-label=(asked.say("Fasi", "Phases")) {
                table class="table" {
                    caption { (asked.say("Fasi", "Phases")) }
                    thead { tr {
                        th scope="col" { (asked.say("Fase", "Phase")) } th scope="col" { (asked.say("Fine prevista", "Planned end")) }
                        th scope="col" { (asked.say("Riprogrammata", "Planned again")) } th scope="col" { (asked.say("Fine effettiva", "Actual end")) }
                        th scope="col" class="number" { (asked.say("Giorni di ritardo", "Days late")) }
                    } }
                    tbody {
                        @for it in members(work, "phases") {
                            tr {
                                th scope="row" { (phase(asked, text(it, "phase"))) }
                                td { (day(asked, &it["planned"])) }
                                td { (day(asked, &it["replanned"])) @if !text(it, "act").is_empty() { " (" (text(it, "act")) ")" } }
                                td { (day(asked, &it["actual"])) }
                                td class="number" { @if let Some(days) = it["days_late"].as_i64() { (days) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn contracts(asked: &Asked<'_>, work: &Value) -> Markup {
    // As the record has it, in whole numbers or not.
    let money = |value: &Value| {
        value.as_f64().map_or_else(|| "–".to_owned(), |it| euro(asked, &Value::from(format!("{it:.2}"))))
    };
    html! {
        @for contract in members(work, "contracts") {
            h3 { (asked.say("Contratto ", "Contract ")) code { (text(contract, "cig")) } }
            p {
                (asked.say("Base d’asta ", "Tender ")) (money(&contract["base_eur"])) (asked.say(", aggiudicato ", ", awarded ")) (money(&contract["awarded_eur"]))
                (asked.say(", ora ", ", now ")) (money(&contract["current_eur"])) "."
            }
            @if members(contract, "sal").next().is_some() {
                ul {
                    @for sal in members(contract, "sal") {
                        li {
                            "SAL " (sal["n"]) ", " (day(asked, &sal["date"])) ": " (money(&sal["amount_eur"])) ", "
                            (number(asked, &sal["physical_pct"].to_string())) " %"
                        }
                    }
                }
            }
        }
    }
}

fn funds(asked: &Asked<'_>, work: &Value) -> Markup {
    html! {
        @if members(work, "funds").next().is_some() {
            h3 { (asked.say("Finanziamento", "Funding")) }
            ul {
                @for fund in members(work, "funds") {
                    li { (text(fund, "source")) ", " (fund["year"]) ": " (euro(asked, &Value::from(format!("{:.2}", fund["amount_eur"].as_f64().unwrap_or_default())))) }
                }
            }
        }
    }
}
