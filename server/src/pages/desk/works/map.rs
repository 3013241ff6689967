//! The works on a map: a picture of the city with a link on each work. The list below it has the same links for keyboards and
//! for those who do not see it.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::{Asked, count, text};
use super::showing;
use super::words::phase;
use crate::services::works::{Drawing, SIZE};

/// Phases that have a colour of their own.
const PHASES: [&str; 7] = ["planning", "design", "tender", "execution", "testing", "completed", "suspended"];

/// The map.
pub fn map(asked: &Asked<'_>, answer: &Value, drawing: &Drawing) -> Markup {
    let [width, height] = SIZE;
    let chosen = text(&answer["work"]["feature"], "id");
    let in_order = |is_chosen: bool| drawing.shown.iter().filter(move |it| (it.id.to_string() == chosen) == is_chosen);
    let phases: BTreeSet<&str> = drawing.shown.iter().map(|it| it.phase.as_str()).collect();
    html! {
        figure class="works-map" id="map" aria-labelledby="map-title" {
            figcaption id="map-title" { h2 { (asked.say("Dove sono", "Where they are")) } }
            @if let Some([west, south, east, north]) = drawing.bbox {
                @let box_of = format!("{west:.6},{south:.6},{east:.6},{north:.6}");
                svg viewBox=(format!("0 0 {width} {height}")) aria-hidden="true" focusable="false" xmlns="http://www.w3.org/2000/svg" {
                    image class="ground" x="0" y="0" width=(width) height=(height)
                        href=(asked.to(&format!("styles/city/thumbnail?bbox={box_of}&width={width}&height={height}"))) {}
                    // What was chosen lies above the others.
                    @for work in in_order(false).chain(in_order(true)) {
                        @let class = class(&work.phase, work.is_late, work.id.to_string() == chosen);
                        a class=(class) href=(showing(asked, &work.id.to_string())) tabindex="-1" {
                            title { (work.title) ", " (phase(asked, &work.phase)) @if work.is_late { ", " (asked.say("in ritardo", "late")) } }
                            @if !work.path.is_empty() { path class=(if work.is_surface { "surface" } else { "line" }) d=(work.path) {} }
                            circle cx=(format!("{:.1}", work.at[0])) cy=(format!("{:.1}", work.at[1])) r="8" {}
                        }
                    }
                }
                ul class="legend" aria-hidden="true" {
                    @for name in phases {
                        li { svg class=(class(name, false, false)) width="14" height="14" { circle cx="7" cy="7" r="6" {} } " " (if name.is_empty() { asked.say("fase non detta", "phase not said") } else { phase(asked, name) }) }
                    }
                    @if drawing.shown.iter().any(|work| work.is_late) {
                        li { svg class="work-mark" width="14" height="14" { circle class="ring" cx="7" cy="7" r="5" {} } " " (asked.say("in ritardo", "late")) }
                    }
                }
                p class="facts no-print" {
                    (asked.say("Un’opera si sceglie sulla mappa o nell’elenco; un gruppo nei grafici.", "A work is chosen on the map or in the list; a group in the charts."))
                }
            } @else {
                p { (asked.say("Nessuna di queste opere ha un luogo.", "None of these works has a place.")) }
            }
            @if drawing.placeless > 0 {
                p class="facts" { (asked.say("Opere senza un luogo: ", "Works without a place: ")) (count(drawing.placeless as u64, asked.language)) }
            }
            @if drawing.left_out > 0 {
                p class="facts" { (asked.say("Altre opere, non disegnate: ", "Works that are not drawn: ")) (count(drawing.left_out as u64, asked.language)) }
            }
        }
    }
}

fn class(phase: &str, is_late: bool, is_chosen: bool) -> String {
    let phase = if PHASES.contains(&phase) { phase } else { "other" };
    let late = if is_late { " is-late" } else { "" };
    format!("work-mark phase-{phase}{late}{}", if is_chosen { " is-chosen" } else { "" })
}
