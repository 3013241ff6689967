//! `/works` for people: sums as bars and as a table, works in time, and what is to be looked at.

use chrono::NaiveDate;
use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, count, members, text};
use super::{Outcome, evidence_of, form, in_language, number, refused, warnings};

/// Works that are drawn in time.
const DRAWN: usize = 40;

/// The form, and the answer.
pub fn works(asked: &Asked<'_>, outcome: &Outcome) -> Content {
    let by = [
        ("phase", asked.say("Fase", "Phase")),
        ("kind", asked.say("Tipo", "Kind")),
        ("funding", asked.say("Fonte", "Funding")),
        ("year", asked.say("Anno di inizio", "Year of start")),
        ("district", asked.say("Quartiere", "District")),
    ];
    let odd =
        [("false", asked.say("tutte", "all")), ("true", asked.say("solo da controllare", "only to be looked at"))];
    let pairs = |words: &[(&str, &str)]| -> Vec<(String, String)> {
        words.iter().map(|(code, title)| ((*code).to_owned(), (*title).to_owned())).collect()
    };
    let body = html! {
        p class="lead" {
            (asked.say("Le opere pubbliche: quanto costano, a che punto sono, che cosa è in ritardo.", "Public works: what they cost, how far they are, what is late."))
        }
        (form::form(asked, &html! {
            div class="row-fields" {
                (form::choice(asked, "by", asked.say("Somme per", "Sums by"), &pairs(&by)))
                (form::field(asked, "level", asked.say("Livello dei quartieri", "Level of districts"), asked.say("Come quartiere o sestiere", "Such as quartiere or sestiere"), "text"))
                (form::field(asked, "day", asked.say("Al giorno", "On the day"), asked.say("Vuoto: oggi", "Empty: today"), "date"))
                (form::field(asked, "phase", asked.say("Solo la fase", "Only the phase"), "", "text"))
                (form::field(asked, "funding", asked.say("Solo la fonte", "Only the funding"), "", "text"))
                (form::choice(asked, "odd", asked.say("Opere", "Works"), &pairs(&odd)))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (told(asked, answer)),
        }
    };
    Content { title: asked.say("Opere pubbliche", "Public works").to_owned(), above: Vec::new(), body }
}

fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    let total = &answer["total"];
    html! {
        section class="answer" aria-live="polite" {
            (warnings(asked, answer))
            p class="fee" {
                span { (asked.say("Opere", "Works")) } " "
                strong { (count(total["works"].as_u64().unwrap_or_default(), asked.language)) }
                " " (euro(asked, &total["amount_eur"]))
            }
            p {
                (asked.say("In ritardo: ", "Late: ")) (total["late"]) ". "
                @if let Some(index) = total["schedule_index"].as_str() {
                    (asked.say("Indice dei tempi (realizzato su pianificato): ", "Schedule index (earned over planned): ")) (number(asked, index)) ". "
                }
                (asked.say("Da controllare: ", "To be looked at: ")) (answer["odd"]) "."
            }
            (bars(asked, answer))
            (sums(asked, answer))
            p class="no-print" { a class="btn btn-outline-primary btn-sm" href=(asked.here(&[("f", "csv")])) { "CSV" } }
            (gantt(asked, answer))
            (list(asked, answer))
            (evidence_of(asked, answer, &[("day", text(answer, "day"))]))
        }
    }
}

fn euro(asked: &Asked<'_>, value: &Value) -> String {
    let Some(amount) = value.as_str() else { return "–".to_owned() };
    let (whole, cents) = amount.split_once('.').unwrap_or((amount, "00"));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let whole = digits.parse::<u64>().map_or_else(|_| digits.to_owned(), |number| count(number, asked.language));
    let mark = if asked.language.tag() == "it" { ',' } else { '.' };
    format!("{sign}{whole}{mark}{cents} €")
}

/// What a group is called.
fn named<'a>(asked: &Asked<'_>, group: &'a str) -> &'a str {
    match group {
        "" if asked.parameter("by").as_deref() == Some("district") => asked.say("in nessuno", "in none"),
        "" => asked.say("non detto", "not said"),
        "planning" => asked.say("programmazione", "planning"),
        "design" => asked.say("progettazione", "design"),
        "tender" => asked.say("gara", "tender"),
        "execution" => asked.say("esecuzione", "execution"),
        "testing" => asked.say("collaudo", "testing"),
        "completed" => asked.say("conclusa", "completed"),
        "suspended" => asked.say("sospesa", "suspended"),
        other => other,
    }
}

fn sums(asked: &Asked<'_>, answer: &Value) -> Markup {
    html! {
        table class="table" {
            caption class="visually-hidden" { (asked.say("Somme per gruppo", "Sums by group")) }
            thead { tr {
                th scope="col" { (asked.say("Gruppo", "Group")) } th scope="col" class="number" { (asked.say("Opere", "Works")) }
                th scope="col" class="number" { (asked.say("In ritardo", "Late")) } th scope="col" class="number" { (asked.say("Importo", "Amount")) }
                th scope="col" class="number" { (asked.say("Pianificato", "Planned")) } th scope="col" class="number" { (asked.say("Realizzato", "Earned")) }
                th scope="col" class="number" { (asked.say("Pagato", "Paid")) } th scope="col" class="number" { (asked.say("Aumento", "Growth")) }
            } }
            tbody {
                @for group in members(answer, "groups") {
                    tr {
                        th scope="row" { (named(asked, text(group, "group"))) }
                        td class="number" { (group["works"]) } td class="number" { (group["late"]) }
                        @for column in ["amount_eur", "planned_value_eur", "earned_value_eur", "actual_cost_eur", "growth_eur"] {
                            td class="number" { (euro(asked, &group[column])) }
                        }
                    }
                }
            }
        }
    }
}

/// Amounts by group, and of each what is done; the table says the same.
fn bars(asked: &Asked<'_>, answer: &Value) -> Markup {
    let of = |group: &Value, name: &str| group[name].as_str().and_then(|it| it.parse::<f64>().ok()).unwrap_or_default();
    let groups: Vec<&Value> = members(answer, "groups").take(DRAWN).collect();
    let most = groups.iter().map(|group| of(group, "amount_eur")).fold(1.0, f64::max);
    let height = 24.0 * groups.len() as f64 + 4.0;
    html! {
        @if !groups.is_empty() {
            h2 { (asked.say("Importi e realizzato", "Amounts and what is done")) }
            svg class="timeline" role="img" viewBox=(format!("0 0 720 {height}")) width="100%" aria-labelledby="sums-title"
                xmlns="http://www.w3.org/2000/svg" font-size="12" font-family="inherit" {
                title id="sums-title" { (asked.say("Importo di ciascun gruppo e, più scuro, la parte realizzata", "The amount of each group and, darker, the part that is done")) }
                @for (row, group) in groups.iter().enumerate() {
                    @let y = 24.0 * row as f64 + 4.0;
                    @let wide = 520.0 * of(group, "amount_eur") / most;
                    @let done = 520.0 * of(group, "earned_value_eur") / most;
                    text x="0" y=(y + 13.0) fill="currentColor" { (named(asked, text(group, "group")).chars().take(24).collect::<String>()) }
                    rect x="180" y=(y) width=(format!("{wide:.1}")) height="16" fill="#7fb2e6" {}
                    rect x="180" y=(y) width=(format!("{done:.1}")) height="16" fill="#004d99" {}
                }
            }
        }
    }
}

fn day(asked: &Asked<'_>, value: &Value) -> String {
    match value.as_str().and_then(|text| text.parse::<NaiveDate>().ok()) {
        Some(date) if asked.language.tag() == "it" => date.format("%d/%m/%Y").to_string(),
        Some(date) => date.to_string(),
        None => String::new(),
    }
}

/// Works in time: planned days, and behind them what was planned again; the table says the same.
fn gantt(asked: &Asked<'_>, answer: &Value) -> Markup {
    let date = |work: &Value, name: &str| work[name].as_str().and_then(|text| text.parse::<NaiveDate>().ok());
    let rows: Vec<(&Value, NaiveDate, NaiveDate, NaiveDate)> = members(answer, "works")
        .filter_map(|work| {
            let (from, to) = (date(work, "start_planned")?, date(work, "end_planned")?);
            let last = date(work, "end_actual").or_else(|| date(work, "end_expected")).unwrap_or(to);
            (from <= to).then_some((work, from, to, last))
        })
        .take(DRAWN)
        .collect();
    let first = rows.iter().map(|(_, from, ..)| *from).min();
    let last = rows.iter().map(|(_, _, to, last)| (*to).max(*last)).max();
    let (Some(first), Some(last)) = (first, last) else { return html! {} };
    let whole = (last - first).num_days().max(1) as f64;
    let x = |day: NaiveDate| 720.0 * (day - first).num_days() as f64 / whole;
    let height = 22.0 * rows.len() as f64 + 8.0;
    let now = answer["day"]
        .as_str()
        .and_then(|text| text.parse::<NaiveDate>().ok())
        .filter(|day| (first..=last).contains(day));
    html! {
        h2 { (asked.say("Le opere nel tempo", "Works in time")) }
        p class="facts" { (day(asked, &Value::from(first.to_string()))) " – " (day(asked, &Value::from(last.to_string()))) }
        svg class="timeline" role="img" viewBox=(format!("0 0 720 {height}")) width="100%" aria-labelledby="gantt-title"
            xmlns="http://www.w3.org/2000/svg" font-size="11" font-family="inherit" {
            title id="gantt-title" { (asked.say("Giorni previsti e, più chiaro, la fine riprogrammata o effettiva; la tabella che segue dice lo stesso", "Planned days and, lighter, the end as planned again or as it was; the table below says the same")) }
            @for (row, (work, from, to, end)) in rows.iter().enumerate() {
                @let y = 22.0 * row as f64 + 4.0;
                rect x=(format!("{:.1}", x(*from))) y=(y + 12.0) width=(format!("{:.1}", (x((*to).max(*end)) - x(*from)).max(1.0))) height="6" fill="#e0a96d" {}
                rect x=(format!("{:.1}", x(*from))) y=(y + 12.0) width=(format!("{:.1}", (x(*to) - x(*from)).max(1.0))) height="6" fill="#004d99" {}
                text x=(format!("{:.1}", x(*from).min(480.0))) y=(y + 9.0) fill="currentColor" { (text(work, "title").chars().take(60).collect::<String>()) }
            }
            @if let Some(now) = now {
                @let x = format!("{:.1}", x(now));
                line x1=(x) x2=(x) y1="0" y2=(height) stroke="#a6192e" stroke-width="1.5" {}
            }
        }
    }
}

fn list(asked: &Asked<'_>, answer: &Value) -> Markup {
    html! {
        h2 { (asked.say("Le opere", "The works")) }
        table class="table" {
            caption class="visually-hidden" { (asked.say("Opere per CUP", "Works by CUP")) }
            thead { tr {
                th scope="col" { "CUP" } th scope="col" { (asked.say("Opera", "Work")) } th scope="col" { (asked.say("Fase", "Phase")) }
                th scope="col" class="number" { (asked.say("Importo", "Amount")) } th scope="col" class="number" { "%" }
                th scope="col" { (asked.say("Inizio", "Start")) } th scope="col" { (asked.say("Fine prevista", "Planned end")) }
                th scope="col" class="number" { (asked.say("Giorni di ritardo", "Days late")) } th scope="col" { (asked.say("Da controllare", "To be looked at")) }
            } }
            tbody {
                @for work in members(answer, "works") {
                    tr {
                        td { code { (text(work, "cup")) } }
                        td { a href=(asked.page(&format!("collections/{}/items/{}", text(&work["feature"], "layer"), text(&work["feature"], "id")))) { (text(work, "title")) } }
                        td { (named(asked, text(work, "phase"))) }
                        td class="number" { (euro(asked, &work["amount_eur"])) }
                        td class="number" { (number(asked, text(work, "progress_pct"))) }
                        td { (day(asked, &work["start_planned"])) }
                        td { (day(asked, &work["end_planned"])) }
                        td class="number" { @if let Some(days) = work["days_late"].as_i64() { (days) } }
                        td { @for warning in members(work, "warnings") { (in_language(asked, &warning["text"])) ". " } }
                    }
                }
            }
        }
        @if let Some(omitted) = answer["omitted"].as_u64().filter(|omitted| *omitted > 0) {
            p { (asked.say("Altre opere, non elencate: ", "Works that are not listed: ")) (omitted) }
        }
    }
}
