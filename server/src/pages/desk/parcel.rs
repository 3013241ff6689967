//! `/parcel` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};

/// The form, and the parcels.
pub fn parcel(asked: &Asked<'_>, outcome: &Outcome) -> Content {
    let body = html! {
        p class="lead no-print" {
            (asked.say(
                "Che cosa si sa di una particella: superfici, zone, fabbricati, civici, confinanti.",
                "What is known of a parcel: areas, zones, buildings, addresses, neighbours.",
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
                    @if members(answer, "parcels").next().is_none() { p { (asked.say("Nessuna particella.", "No parcel.")) } }
                    @for parcel in members(answer, "parcels") { (one(asked, parcel)) }
                    (evidence(asked, answer))
                }
            },
        }
    };
    Content { title: asked.say("Particella", "Parcel").to_owned(), above: Vec::new(), body }
}

fn one(asked: &Asked<'_>, parcel: &Value) -> Markup {
    let name = text(parcel, "reference");
    html! {
        h2 { (asked.say("Particella ", "Parcel ")) (name) }
        @if let Some(picture) = parcel["picture"].as_str() {
            img class="parcel-picture" src=(asked.to(picture.trim_start_matches('/'))) width="480" height="360"
                alt=(format!("{} {name}", asked.say("Mappa della particella", "Map of the parcel")));
        }
        dl class="facts" {
            dt { (asked.say("Superficie catastale", "Registered area")) }
            dd { @match parcel["registered_m2"].as_str() { Some(m2) => { (number(asked, m2)) " m²" }, None => "–" } }
            dt { (asked.say("Superficie sulla mappa", "Area on the map")) }
            dd { (number(asked, text(parcel, "area_m2"))) " m²" }
        }
        @for layer in members(parcel, "zones") {
            h3 { (in_language(asked, &layer["title"])) }
            ul {
                @for zone in members(layer, "zones") {
                    li { (link(asked, zone)) ": " (number(asked, text(zone, "area_m2"))) " m² (" (number(asked, text(zone, "percent"))) " %)" }
                }
            }
        }
        @for layer in members(parcel, "points") {
            h3 { (in_language(asked, &layer["title"])) " (" (layer["count"]) ")" }
            ul { @for feature in members(layer, "features") { li { (link(asked, feature)) } } }
        }
        @if members(parcel, "neighbours").next().is_some() {
            h3 { (asked.say("Confinanti", "Neighbours")) }
            p {
                @for (position, other) in members(parcel, "neighbours").enumerate() {
                    @if position > 0 { ", " }
                    a href=(asked.here(&[("parcel", text(other, "reference")), ("geometry", ""), ("x", ""), ("y", ""), ("crs", ""), ("feature", "")])) {
                        (text(other, "reference"))
                    }
                }
            }
        }
    }
}

fn link(asked: &Asked<'_>, of: &Value) -> Markup {
    let (name, code) = (text(of, "name"), text(of, "code"));
    let feature = &of["feature"];
    html! {
        a href=(asked.page(&format!("collections/{}/items/{}", text(feature, "layer"), text(feature, "id")))) { (name) }
        @if name != code { " " span class="code" { "(" (code) ")" } }
    }
}
