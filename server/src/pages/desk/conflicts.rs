//! `/conflicts` for people.

use chrono::NaiveDate;
use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};
use crate::services::conflicts::Loaded;

/// Rows of the picture.
const DRAWN: usize = 25;

/// The form, and the answer.
pub fn conflicts(asked: &Asked<'_>, loaded: &Loaded, outcome: &Outcome) -> Content {
    let digs =
        [("true", asked.say("sì", "yes")), ("false", "no")].map(|(code, title)| (code.to_owned(), title.to_owned()));
    let body = html! {
        p class="lead" {
            (asked.say(
                "Con che cosa un nuovo cantiere è in conflitto, quanto è grave, e quando il posto è libero.",
                "What a new work site collides with, how severe it is, and when the place is free.",
            ))
        }
        @if !loaded.faults.is_empty() {
            div class="notice notice-warning" {
                p { (asked.say("Le regole contengono errori; bricola conflicts li elenca: ", "The rules have faults; bricola conflicts lists them: ")) (loaded.faults.len()) "." }
            }
        }
        (form::form(asked, &html! {
            (form::place(asked))
            div class="row-fields" {
                (form::field(asked, "from", asked.say("Dal", "From"), "", "date"))
                (form::field(asked, "to", asked.say("al", "to"), asked.say("Compreso", "Inclusive"), "date"))
                (form::field(asked, "clearance", asked.say("Distanza (m)", "Clearance (m)"), asked.say("Vuoto: quella delle regole", "Empty: that of the rules"), "text"))
                (form::choice(asked, "digs", asked.say("Si scava?", "Is the ground opened?"), &digs))
                (form::field(asked, "earliest", asked.say("Può cominciare dal", "May begin on"), asked.say("Per il periodo libero", "For the free time"), "date"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (told(asked, answer)),
        }
    };
    Content {
        title: asked.say("Conflitti di un cantiere", "Conflicts of a work site").to_owned(),
        above: Vec::new(),
        body,
    }
}

fn severity(asked: &Asked<'_>, severity: &str) -> &'static str {
    match severity {
        "blocking" => asked.say("incompatibile", "blocking"),
        "serious" => asked.say("grave", "serious"),
        "minor" => asked.say("da coordinare", "minor"),
        _ => asked.say("da sapere", "notice"),
    }
}

fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    html! {
        section class="answer" aria-live="polite" {
            p class="fee" {
                span { (asked.say("Conflitti", "Conflicts")) } " "
                strong {
                    @match answer["worst"].as_str() {
                        None => (asked.say("nessuno", "none")),
                        Some(worst) => (severity(asked, worst)),
                    }
                }
            }
            p {
                @for word in ["blocking", "serious", "minor", "notice"] {
                    @if let Some(count) = answer["counts"][word].as_u64() { (severity(asked, word)) ": " (count) ". " }
                }
                (window(asked, answer))
            }
            (warnings(asked, answer))
            (super::zones::size(asked, &answer["place"]))
            (picture(asked, answer))
            (list(asked, answer))
            (on_foot(asked, &answer["walk"]))
            p class="facts" {
                (asked.say("Secondo ", "By ")) (text(&answer["rules"], "act")) " (" code { (text(&answer["rules"], "id")) } "); "
                (asked.say("distanza considerata: ", "clearance: ")) (number(asked, text(answer, "clearance_m"))) " m."
            }
            (evidence(asked, answer))
        }
    }
}

fn window(asked: &Asked<'_>, answer: &Value) -> Markup {
    let window = &answer["free_window"];
    html! {
        @if window["shift_days"] == 0 {
            (asked.say("Il periodo chiesto è libero da conflitti gravi.", "The time that was asked for is free of serious conflicts."))
        } @else if window.is_object() {
            (asked.say("Il periodo libero più vicino: dal ", "The nearest free time: from ")) strong { (day(asked, text(window, "from"))) }
            (asked.say(" al ", " to ")) strong { (day(asked, text(window, "to"))) } "."
        } @else {
            (asked.say("Nessun periodo libero vicino.", "No free time nearby."))
        }
    }
}

fn day(asked: &Asked<'_>, day: &str) -> String {
    match day.parse::<NaiveDate>() {
        Ok(date) if asked.language.tag() == "it" => date.format("%d/%m/%Y").to_string(),
        _ => day.to_owned(),
    }
}

fn list(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut conflicts = members(answer, "conflicts").peekable();
    html! {
        @if conflicts.peek().is_some() {
            table class="table" {
                caption class="visually-hidden" { (asked.say("I conflitti, dal più grave", "The conflicts, the heaviest first")) }
                thead { tr {
                    th scope="col" { (asked.say("Gravità", "Severity")) } th scope="col" { (asked.say("Che cosa", "What")) }
                    th scope="col" { (asked.say("Perché", "Why")) } th scope="col" { (asked.say("Dal", "From")) } th scope="col" { (asked.say("al", "to")) }
                    th scope="col" class="number" { (asked.say("Giorni in comune", "Days in common")) }
                } }
                tbody {
                    @for conflict in conflicts {
                        tr {
                            td { (severity(asked, text(conflict, "severity"))) }
                            td {
                                a href=(asked.page(&format!("collections/{}/items/{}", text(&conflict["feature"], "layer"), text(&conflict["feature"], "id")))) { (text(conflict, "name")) }
                            }
                            td { (in_language(asked, &conflict["reason"])) }
                            td { (day(asked, text(&conflict["dates"], "from"))) }
                            td { (day(asked, text(&conflict["dates"], "to"))) }
                            td class="number" { @if let Some(days) = conflict["common_days"].as_u64() { (days) } }
                        }
                    }
                }
            }
            @if let Some(omitted) = answer["omitted"].as_u64().filter(|omitted| *omitted > 0) {
                p { (asked.say("Altri conflitti non elencati: ", "Conflicts that are not listed: ")) (omitted) }
            }
        }
    }
}

/// What is not reached any more, and what lies at the site itself.
fn on_foot(asked: &Asked<'_>, walk: &Value) -> Markup {
    let parts: Vec<&Value> = members(walk, "cut_off").collect();
    html! {
        @if !parts.is_empty() {
            h3 { (asked.say("Che cosa non si raggiunge più a piedi", "What is not reached on foot any more")) }
            @for part in parts {
                p {
                    (asked.say("Una parte di ", "A part of ")) (number(asked, text(part, "streets_m"))) (asked.say(" m di strade, ", " m of streets, "))
                    (part["junctions"]) (asked.say(" incroci, presso ", " junctions, near ")) (part["lat"]) ", " (part["lon"]) "."
                }
                (places(asked, part, "places"))
            }
        }
        @if members(walk, "within").next().is_some() {
            h3 { (asked.say("Che cosa sta sul tratto chiuso", "What lies at the closed stretch")) }
            (places(asked, walk, "within"))
        }
    }
}

fn places(asked: &Asked<'_>, of: &Value, member: &str) -> Markup {
    html! {
        @if members(of, member).next().is_some() {
            ul {
                @for layer in members(of, member) {
                    li {
                        (in_language(asked, &layer["title"])) ": " (layer["count"])
                        @for (number, feature) in members(layer, "features").enumerate() {
                            (if number == 0 { " – " } else { ", " })
                            a href=(asked.page(&format!("collections/{}/items/{}", text(&feature["feature"], "layer"), text(&feature["feature"], "id")))) { (text(feature, "name")) }
                        }
                        @if layer["count"].as_u64() > Some(members(layer, "features").count() as u64) { " …" }
                    }
                }
            }
        }
    }
}

/// The site and its conflicts as bars over time; the table says the same.
fn picture(asked: &Asked<'_>, answer: &Value) -> Markup {
    let date = |value: &Value| value.as_str().and_then(|text| text.parse::<NaiveDate>().ok());
    let (Some(from), Some(to)) = (date(&answer["site"]["from"]), date(&answer["site"]["to"])) else { return html! {} };
    let length = (to - from).num_days() + 1;
    // As much again before and after.
    let (first, whole) = (from - chrono::TimeDelta::days(length), 3 * length);
    let x = |day: NaiveDate| 720.0 * ((day - first).num_days().clamp(0, whole) as f64) / whole as f64;
    let rows: Vec<(&Value, f64, f64)> = members(answer, "conflicts")
        .filter(|conflict| text(&conflict["dates"], "kind") == "known")
        .take(DRAWN)
        .map(|conflict| {
            let begin = date(&conflict["dates"]["from"]).map_or(0.0, x);
            let end = date(&conflict["dates"]["to"]).and_then(|day| day.succ_opt()).map_or(720.0, x);
            (conflict, begin, end)
        })
        .collect();
    let height = 22.0 * (rows.len() + 1) as f64 + 8.0;
    let asked_end = to.succ_opt().map_or(720.0, x);
    html! {
        @if !rows.is_empty() {
            svg class="timeline" role="img" viewBox=(format!("0 0 720 {height}")) width="100%" aria-labelledby="conflicts-title"
                xmlns="http://www.w3.org/2000/svg" font-size="11" font-family="inherit" {
                title id="conflicts-title" { (asked.say("Il cantiere e i conflitti nel tempo; la tabella che segue dice lo stesso", "The site and its conflicts over time; the table below says the same")) }
                rect x=(format!("{:.1}", x(from))) y="0" width=(format!("{:.1}", asked_end - x(from))) height=(height) fill="#0066cc" fill-opacity="0.12" {}
                text x=(format!("{:.1}", x(from) + 3.0)) y="14" fill="currentColor" { (day(asked, &from.to_string())) " – " (day(asked, &to.to_string())) }
                @for (row, (conflict, begin, end)) in rows.iter().enumerate() {
                    @let y = 22.0 * (row + 1) as f64;
                    @let fill = match text(conflict, "severity") { "blocking" => "#a6192e", "serious" => "#8a4b00", "minor" => "#5b6b7b", _ => "#9aa5b1" };
                    rect x=(format!("{begin:.1}")) y=(y + 13.0) width=(format!("{:.1}", (end - begin).max(2.0))) height="6" fill=(fill) {}
                    text x=(format!("{:.1}", begin.min(520.0) + 2.0)) y=(y + 10.0) fill="currentColor" {
                        (severity(asked, text(conflict, "severity"))) ": " (text(conflict, "name").chars().take(60).collect::<String>())
                    }
                }
            }
        }
    }
}
