//! `/certificate` for people, and the certificate as a page of its own that says nothing of the day on which it is printed.

use bricola_territory::cdu::{Certificate, LayerResult, PieceResult, PlanStatus};
use maud::{DOCTYPE, Markup, html};

use super::super::Asked;
use super::super::frame::Content;
use super::{evidence, form, refused};
use crate::error::Problem;
use crate::routes::respond::Language;
use crate::services::certificate::Issued;
use crate::wired::Words;

/// The form, and the certificates.
pub fn certificate(asked: &Asked<'_>, outcome: Option<&Result<Issued, Problem>>) -> Content {
    let body = html! {
        p class="lead no-print" {
            (asked.say(
                "Zone e vincoli urbanistici di una o più particelle a una data: il contenuto del certificato di destinazione urbanistica.",
                "Zones and constraints of one or more parcels on a day: what a certificate of planning destination says.",
            ))
        }
        (form::form(asked, &html! {
            div class="row-fields" {
                (form::field(asked, "parcels", asked.say("Particelle", "Parcels"), asked.say("Foglio/numero, separate da virgole: 12/345, 12/346", "Sheet/number, separated by commas: 12/345, 12/346"), "text"))
                (form::field(asked, "datetime", asked.say("Alla data", "On the day"), asked.say("Vuoto: oggi", "Empty: today"), "date"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(issued)) => {
                section class="answer" aria-live="polite" {
                    p class="no-print" {
                        a class="btn btn-outline-primary btn-sm" href=(asked.here(&[("f", "pdf")])) { "PDF" } " "
                        a class="btn btn-outline-primary btn-sm" href=(asked.here(&[("f", "gpkg")])) { "GeoPackage" }
                    }
                    @for certificate in &issued.certificates { (one(certificate, asked.language)) }
                    (evidence(asked, &issued.document))
                }
            },
        }
    };
    Content {
        title: asked.say("Destinazione urbanistica (CDU)", "Planning destination (CDU)").to_owned(),
        above: Vec::new(),
        body,
    }
}

/// The certificates as a page that needs nothing beside itself: the same certificates are the same bytes.
pub fn printed(tenant: &str, issued: &Issued, language: Language) -> String {
    let say = |it, en| Words(it, en).of(language);
    let page = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                title { (say("Destinazione urbanistica", "Planning destination")) " · " (tenant) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                header { p { (tenant) } h1 { (say("Destinazione urbanistica", "Planning destination")) } }
                @for certificate in &issued.certificates { (one(certificate, language)) }
                footer {
                    p { (say("Impronta del documento: ", "Hash of the document: ")) code { (issued.document["evidence"]["sha256"].as_str().unwrap_or_default()) } }
                    p { (say("Dati fino alla modifica ", "Data up to change ")) (issued.document["evidence"]["seq"]) }
                }
            }
        }
    };
    page.into_string()
}

const STYLE: &str = "body{font:11pt/1.4 sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;\
    width:100%;margin:.5rem 0 1rem}th,td{border:1px solid #666;padding:.25rem .5rem;text-align:left;vertical-align:top}\
    .number{text-align:right}code{font-size:9pt;overflow-wrap:anywhere}@media print{body{margin:0;max-width:none}section{break-inside:avoid}}";

fn one(certificate: &Certificate, language: Language) -> Markup {
    let say = |it, en| Words(it, en).of(language);
    html! {
        section class="certificate" {
            h2 { (say("Particella ", "Parcel ")) (certificate.parcel) }
            p {
                (say("Alla data del ", "As of ")) (certificate.day) ". "
                (say("Superficie sulla mappa: ", "Area on the map: ")) (local(language, &certificate.area_m2)) " m²"
                @if let Some(registered) = &certificate.registered_m2 {
                    "; " (say("superficie catastale: ", "registered area: ")) (local(language, registered)) " m²"
                }
                "."
            }
            @for warning in &certificate.warnings {
                p class="warning" { strong { (say("Attenzione: ", "Note: ")) } @match language { Language::Italian => (warning.text.it), Language::English => (warning.text.en) } }
            }
            @for layer in &certificate.layers { (of_layer(layer, language)) }
            p class="facts" { (say("Impronta: ", "Hash: ")) code { (certificate.sha256) } }
        }
    }
}

fn of_layer(layer: &LayerResult, language: Language) -> Markup {
    let say = |it, en| Words(it, en).of(language);
    let status = match layer.status {
        PlanStatus::Adopted => say("adottato, in salvaguardia", "adopted"),
        PlanStatus::Approved => say("approvato", "approved"),
    };
    html! {
        h3 { (layer.plan) " – " (status) @if !layer.act.is_empty() { " (" (layer.act) ")" } }
        @if layer.zones.is_empty() && layer.accessory.is_empty() {
            p { (say("Nessuna zona.", "No zone.")) }
        } @else {
            table class="table" {
                thead { tr {
                    th scope="col" { (say("Zona", "Zone")) } th scope="col" { (say("Piano", "Plan")) } th scope="col" { (say("Articolo", "Article")) }
                    th scope="col" class="number" { "m²" } th scope="col" class="number" { "%" }
                } }
                tbody {
                    @for piece in &layer.zones { (row(piece, language, "")) }
                    @for piece in &layer.accessory { (row(piece, language, say(" – scarto della mappa", " – sliver of the map"))) }
                }
            }
        }
        @if let (Some(gap), Some(percent)) = (&layer.gap_m2, &layer.gap_percent) {
            @if gap != "0.00" { p { (say("Senza zona: ", "Without a zone: ")) (local(language, gap)) " m² (" (local(language, percent)) " %)" } }
        }
        @for overlap in &layer.overlaps {
            p { (say("In due zone: ", "In two zones: ")) (overlap.zones[0]) ", " (overlap.zones[1]) ": " (local(language, &overlap.m2)) " m²" }
        }
        @for near in &layer.near {
            p class="facts" {
                (say("Entro la tolleranza della mappa: zona ", "Within the tolerance of the map: zone ")) (near.code)
                " (" (local(language, &near.distance_m)) " m)"
            }
        }
    }
}

fn row(piece: &PieceResult, language: Language, note: &str) -> Markup {
    html! {
        tr {
            td { strong { (piece.code) } @if piece.name != piece.code { " " (piece.name) } (note) }
            td { (piece.plan.as_deref().unwrap_or_default()) @if let Some(act) = &piece.act { " (" (act) ")" } }
            td { (piece.article.as_deref().unwrap_or_default()) }
            td class="number" { (local(language, &piece.m2)) }
            td class="number" { (local(language, &piece.percent)) }
        }
    }
}

fn local(language: Language, value: &str) -> String {
    if language == Language::Italian { value.replace('.', ",") } else { value.to_owned() }
}
