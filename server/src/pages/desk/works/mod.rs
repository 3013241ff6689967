//! `/works` for people: how public works stand in figures, charts, on a map and in time, each linked to the others by
//! addresses: what is chosen stands in the query, so that the page works without scripts, prints, and can be shown by other
//! sites.

mod charts;
mod gantt;
mod list;
mod map;
mod national;
mod record;
mod words;

use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, count, snippet, text};
use super::{evidence_of, form, number, refused, warnings};
use crate::error::Problem;
use crate::services::works::{Drawing, WITHOUT};

use self::words::{euro, named, short};

/// The form, and the answer.
pub fn works(asked: &Asked<'_>, levels: &[String], outcome: &Result<(Value, Drawing), Problem>) -> Content {
    let body = html! {
        p class="lead" {
            (asked.say("Le opere pubbliche: quanto costano, a che punto sono, che cosa è in ritardo.", "Public works: what they cost, how far they are, what is late."))
        }
        @if !asked.is_embedded() { (question(asked, levels, outcome.is_err())) }
        @match outcome {
            Err(problem) => {
                (refused(asked, problem))
                (levels_to_choose(asked, problem))
            },
            Ok((answer, drawing)) => (told(asked, answer, drawing, !levels.is_empty())),
        }
    };
    Content { title: asked.say("Opere pubbliche", "Public works").to_owned(), above: Vec::new(), body }
}

fn question(asked: &Asked<'_>, levels: &[String], is_open: bool) -> Markup {
    let odd =
        [("false", asked.say("tutte", "all")), ("true", asked.say("solo da controllare", "only to be looked at"))];
    let pairs = |words: &[(&str, &str)]| -> Vec<(String, String)> {
        words.iter().map(|(code, title)| ((*code).to_owned(), (*title).to_owned())).collect()
    };
    let levels: Vec<(String, String)> =
        std::iter::once((String::new(), asked.say("quello che c’è", "the one that there is").to_owned()))
            .chain(levels.iter().map(|level| (level.clone(), level.clone())))
            .collect();
    html! {
        details class="filters no-print" open[is_open] {
            summary { (asked.say("Scegliere quali opere", "Choose which works")) }
            (form::form(asked, &html! {
                div class="row-fields" {
                    (form::choice(asked, "by", asked.say("Somme per", "Sums by"), &pairs(&words::bys(asked, !levels.is_empty()))))
                    (form::choice(asked, "level", asked.say("Livello dei quartieri", "Level of districts"), &levels))
                    (form::field(asked, "day", asked.say("Al giorno", "On the day"), asked.say("Vuoto: oggi", "Empty: today"), "date"))
                    (form::field(asked, "phase", asked.say("Solo la fase", "Only the phase"), "", "text"))
                    (form::field(asked, "kind", asked.say("Solo il tipo", "Only the kind"), "", "text"))
                    (form::field(asked, "funding", asked.say("Solo la fonte", "Only the funding"), "", "text"))
                    (form::field(asked, "cup", "CUP", "", "text"))
                    (form::choice(asked, "odd", asked.say("Opere", "Works"), &pairs(&odd)))
                    (form::field(asked, "parcel", asked.say("Sulla particella", "On the parcel"), asked.say("Foglio/numero, come 12/345", "Sheet/number, such as 12/345"), "text"))
                }
                (form::stretch(asked))
            }))
        }
    }
}

/// Where districts are of several levels, these to choose from.
fn levels_to_choose(asked: &Asked<'_>, problem: &Problem) -> Markup {
    let is_level = problem.member("parameter").is_some_and(|name| name == "level");
    let levels = problem.member("allowed").and_then(Value::as_array).filter(|_| is_level);
    html! {
        @if let Some(levels) = levels {
            p { (asked.say("Quali quartieri?", "Which districts?")) }
            ul class="links" {
                @for level in levels.iter().filter_map(Value::as_str) { li { a href=(asked.here(&[("level", level)])) { (level) } } }
            }
        }
    }
}

fn told(asked: &Asked<'_>, answer: &Value, drawing: &Drawing, has_districts: bool) -> Markup {
    html! {
        section class="answer dashboard" aria-live="polite" {
            (warnings(asked, answer))
            (figures(asked, answer))
            (chosen(asked, answer))
            @if answer["work"].is_object() { (record::record(asked, answer)) }
            (by(asked, answer, has_districts))
            div class="dashboard-parts" {
                (charts::charts(asked, answer))
                (map::map(asked, answer, drawing))
            }
            (gantt::gantt(asked, answer))
            (list::list(asked, answer))
            (national::compared(asked, answer))
            @if asked.is_embedded() {
                p class="no-print" {
                    a href=(asked.here(&[("embed", "")])) target="_blank" rel="noopener" { (asked.say("Apri nel geoportale", "Open in the geoportal")) }
                }
            } @else {
                (embedding(asked))
                (evidence_of(asked, answer, &[("day", text(answer, "day"))]))
            }
        }
    }
}

/// The sums of all that is shown.
fn figures(asked: &Asked<'_>, answer: &Value) -> Markup {
    let total = &answer["total"];
    let works = total["works"].as_u64().unwrap_or_default();
    let percent = |name: &str| total[name].as_str().map(|it| format!("{} %", number(asked, it)));
    let index = |name: &str| total[name].as_str().map(|it| number(asked, it));
    html! {
        p class="fee" {
            span { (asked.say("Opere", "Works")) } " " strong { (count(works, asked.language)) }
            " " span class="fee-sum" title=(euro(asked, &total["amount_eur"])) { (short(asked, &total["amount_eur"])) }
        }
        dl class="figures" {
            div {
                dt { (asked.say("Realizzato", "Done")) }
                dd { (percent("progress_pct").unwrap_or_else(|| "–".to_owned())) }
                @if let Some(planned) = percent("planned_pct") { dd class="facts" { (asked.say("previsto a oggi: ", "planned by now: ")) (planned) } }
            }
            div {
                dt { (asked.say("Pagato", "Paid")) }
                dd { (short(asked, &total["actual_cost_eur"])) }
                @if total["growth_eur"].is_string() { dd class="facts" { (asked.say("contratti oltre l’importo: ", "contracts beyond the amount: ")) (short(asked, &total["growth_eur"])) } }
            }
            div {
                dt { (asked.say("In ritardo", "Late")) }
                dd { (total["late"]) }
                @if let Some(days) = mean_delay(total) { dd class="facts" { (asked.say("in media di giorni: ", "days on average: ")) (count(days, asked.language)) } }
            }
            div {
                dt { (asked.say("Indice dei tempi", "Schedule index")) }
                dd { (index("schedule_index").unwrap_or_else(|| "–".to_owned())) }
                dd class="facts" { (asked.say("sotto 1 si è indietro sul programma", "below 1 is behind the plan")) }
            }
            div {
                dt { (asked.say("Indice dei costi", "Cost index")) }
                dd { (index("cost_index").unwrap_or_else(|| "–".to_owned())) }
                dd class="facts" { (asked.say("sotto 1 si è pagato più di quanto è realizzato", "below 1 more was paid than is done")) }
            }
            div {
                dt { (asked.say("Da controllare", "To be looked at")) }
                dd { (answer["odd"]) }
            }
        }
    }
}

fn mean_delay(total: &Value) -> Option<u64> {
    let (late, days) = (total["late"].as_u64()?, total["days_late"].as_u64()?);
    days.checked_div(late)
}

/// What was chosen, each with a way to take it back.
fn chosen(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut taken: Vec<(String, String)> = Vec::new();
    if let Some(group) = answer["group"].as_str() {
        taken.push((named(asked, group).to_owned(), asked.here(&[("group", "")])));
    }
    for name in ["phase", "kind", "funding", "cup", "parcel", "along"] {
        if let Some(value) = asked.parameter(name).filter(|value| !value.is_empty()) {
            let with = if name == "along" { ["between", "from_m", "to_m"].as_slice() } else { &[] };
            let changes: Vec<(&str, &str)> = with.iter().chain([&name]).map(|name| (*name, "")).collect();
            taken.push((named(asked, &value).to_owned(), asked.here(&changes)));
        }
    }
    if asked.parameter("odd").is_some_and(|it| it == "true") {
        taken.push((asked.say("da controllare", "to be looked at").to_owned(), asked.here(&[("odd", "")])));
    }
    html! {
        @if !taken.is_empty() {
            p class="chips no-print" {
                (asked.say("Si vedono solo: ", "Only these are shown: "))
                @for (name, without) in &taken {
                    a class="chip" href=(without) {
                        (name) span aria-hidden="true" { " ×" }
                        span class="visually-hidden" { (asked.say(", da togliere", ", to take back")) }
                    } " "
                }
            }
        }
    }
}

/// By what sums are made, to be changed.
fn by(asked: &Asked<'_>, answer: &Value, has_districts: bool) -> Markup {
    html! {
        nav class="no-print" aria-label=(asked.say("Somme per", "Sums by")) {
            ul class="switch" {
                @for (word, title) in words::bys(asked, has_districts) {
                    li { a href=(asked.here(&[("by", word), ("group", "")])) aria-current=[(text(answer, "by") == word).then_some("true")] { (title) } }
                }
            }
        }
    }
}

/// How another site shows this page.
fn embedding(asked: &Asked<'_>) -> Markup {
    let title = asked.say("Opere pubbliche", "Public works");
    let query = asked.here(&[("embed", "true"), ("lang", asked.language.tag()), ("f", "html")]);
    let code = format!(
        "<iframe src=\"{}/works{}\" title=\"{title}\" width=\"100%\" height=\"1200\" loading=\"lazy\"></iframe>",
        asked.base,
        query.replace('&', "&amp;")
    );
    html! { div class="no-print" { (snippet(asked.say("Mostrare questa pagina in un altro sito", "Show this page in another site"), &code)) } }
}

/// The address at which only the works of a group are shown; at which all are, where it was chosen already.
fn choosing(asked: &Asked<'_>, answer: &Value, group: &str) -> String {
    let is_chosen = answer["group"].as_str() == Some(group);
    let name = if group.is_empty() { WITHOUT } else { group };
    format!("{}#map", asked.here(&[("group", if is_chosen { "" } else { name }), ("work", "")]))
}

/// The address at which the record of a work is shown.
fn showing(asked: &Asked<'_>, id: &str) -> String {
    format!("{}#work", asked.here(&[("work", id)]))
}
