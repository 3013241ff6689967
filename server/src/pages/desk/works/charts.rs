//! Sums by group as bars, each with its table. Texts are texts of the page and not of the picture, so that they are as large
//! on a phone as anywhere.

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::{Asked, members, text};
use super::super::number;
use super::words::{euro, float, named, short};
use super::{choosing, words};

/// Groups that are drawn.
const DRAWN: usize = 40;

/// A chart and its table.
struct Chart<'a> {
    id: &'a str,
    title: &'a str,
    /// What its marks mean: class and word.
    legend: Vec<(&'a str, &'a str)>,
    /// Heads of the columns after the group, with their members.
    columns: Vec<(&'a str, &'a str)>,
}

/// All of them.
pub fn charts(asked: &Asked<'_>, answer: &Value) -> Markup {
    let groups: Vec<&Value> = members(answer, "groups").collect();
    let by = words::bys(asked, true)
        .into_iter()
        .find(|(word, _)| *word == text(answer, "by"))
        .map_or("", |(_, title)| title);
    html! {
        @if !groups.is_empty() {
            div class="charts" {
                (money(asked, answer, &groups, by))
                (delays(asked, answer, &groups, by))
                (indexes(asked, answer, &groups, by))
            }
        }
    }
}

fn money(asked: &Asked<'_>, answer: &Value, groups: &[&Value], by: &str) -> Markup {
    let of = |group: &Value, name: &str| float(&group[name]).unwrap_or_default().max(0.0);
    let most = groups.iter().map(|group| of(group, "amount_eur").max(of(group, "actual_cost_eur"))).fold(1.0, f64::max);
    let chart = Chart {
        id: "money",
        title: asked.say("Quanto costano, quanto è realizzato e pagato", "What they cost, what is done and paid"),
        legend: vec![
            ("amount", asked.say("importo", "amount")),
            ("done", asked.say("realizzato", "done")),
            ("paid", asked.say("pagato", "paid")),
        ],
        columns: vec![
            (asked.say("Importo", "Amount"), "amount_eur"),
            (asked.say("Pianificato", "Planned"), "planned_value_eur"),
            (asked.say("Realizzato", "Earned"), "earned_value_eur"),
            (asked.say("Pagato", "Paid"), "actual_cost_eur"),
            (asked.say("Aumento", "Growth"), "growth_eur"),
        ],
    };
    let bar = |group: &Value| {
        let wide = |name: &str| percent(of(group, name) / most);
        html! {
            rect class="amount" y="2" height="14" width=(wide("amount_eur")) {}
            rect class="done" y="2" height="14" width=(wide("earned_value_eur")) {}
            rect class="paid" y="18" height="4" width=(wide("actual_cost_eur")) {}
        }
    };
    let value = |group: &Value| {
        let done = group["progress_pct"].as_str().map(|it| format!(" · {} %", number(asked, it))).unwrap_or_default();
        format!("{}{done}", short(asked, &group["amount_eur"]))
    };
    figure(asked, answer, groups, &chart, by, &bar, &value)
}

fn delays(asked: &Asked<'_>, answer: &Value, groups: &[&Value], by: &str) -> Markup {
    let of = |group: &Value, name: &str| group[name].as_u64().unwrap_or_default() as f64;
    let most = groups.iter().map(|group| of(group, "works")).fold(1.0, f64::max);
    let chart = Chart {
        id: "delays",
        title: asked.say("Quante sono, quante in ritardo", "How many there are, how many are late"),
        legend: vec![("amount", asked.say("opere", "works")), ("late", asked.say("in ritardo", "late"))],
        columns: vec![
            (asked.say("Opere", "Works"), "works"),
            (asked.say("In ritardo", "Late"), "late"),
            (asked.say("Giorni di ritardo", "Days late"), "days_late"),
        ],
    };
    let bar = |group: &Value| {
        html! {
            rect class="amount" y="2" height="14" width=(percent(of(group, "works") / most)) {}
            rect class="late" y="2" height="14" width=(percent(of(group, "late") / most)) {}
        }
    };
    let value = |group: &Value| format!("{} · {} {}", group["works"], group["late"], asked.say("in ritardo", "late"));
    figure(asked, answer, groups, &chart, by, &bar, &value)
}

fn indexes(asked: &Asked<'_>, answer: &Value, groups: &[&Value], by: &str) -> Markup {
    let of = |group: &Value, name: &str| float(&group[name]).map(|index| percent(index.clamp(0.0, 2.0) / 2.0));
    let chart = Chart {
        id: "indexes",
        title: asked
            .say("Tempi e costi: sotto 1 va peggio del previsto", "Time and cost: below 1 is worse than planned"),
        legend: vec![
            ("done", asked.say("indice dei tempi", "schedule index")),
            ("paid", asked.say("indice dei costi", "cost index")),
        ],
        columns: vec![
            (asked.say("Realizzato %", "Done %"), "progress_pct"),
            (asked.say("Previsto %", "Planned %"), "planned_pct"),
            (asked.say("Scostamento dei tempi", "Schedule variance"), "schedule_variance_eur"),
            (asked.say("Indice dei tempi", "Schedule index"), "schedule_index"),
            (asked.say("Scostamento dei costi", "Cost variance"), "cost_variance_eur"),
            (asked.say("Indice dei costi", "Cost index"), "cost_index"),
        ],
    };
    let bar = |group: &Value| {
        html! {
            @if let Some(wide) = of(group, "schedule_index") { rect class="done" y="2" height="8" width=(wide) {} }
            @if let Some(wide) = of(group, "cost_index") { rect class="paid" y="12" height="8" width=(wide) {} }
            line class="one" x1="50%" x2="50%" y1="0" y2="24" {}
        }
    };
    let index = |group: &Value, name: &str| group[name].as_str().map_or_else(|| "–".to_owned(), |it| number(asked, it));
    let value = |group: &Value| format!("{} · {}", index(group, "schedule_index"), index(group, "cost_index"));
    figure(asked, answer, groups, &chart, by, &bar, &value)
}

fn percent(part: f64) -> String {
    format!("{:.2}%", (part * 100.0).clamp(0.0, 100.0))
}

fn figure(
    asked: &Asked<'_>,
    answer: &Value,
    groups: &[&Value],
    chart: &Chart<'_>,
    by: &str,
    bar: &dyn Fn(&Value) -> Markup,
    value: &dyn Fn(&Value) -> String,
) -> Markup {
    html! {
        figure class="chart" aria-labelledby=(chart.id) {
            figcaption id=(chart.id) { h2 { (chart.title) } }
            ul class="legend" aria-hidden="true" {
                @for (class, word) in &chart.legend {
                    li { svg width="14" height="14" { rect class=(class) width="14" height="14" {} } " " (word) }
                }
            }
            ol class="bars" {
                @for group in groups.iter().take(DRAWN) {
                    @let name = text(group, "group");
                    li {
                        a href=(choosing(asked, answer, name)) aria-current=[(answer["group"].as_str() == Some(name)).then_some("true")] {
                            span class="bar-name" { (named(asked, name)) }
                            span class="bar-value" { (value(group)) }
                            svg width="100%" height="24" aria-hidden="true" focusable="false" { (bar(group)) }
                        }
                    }
                }
            }
            @if groups.len() > DRAWN { p class="facts" { (asked.say("Gli altri gruppi sono nella tabella.", "The other groups are in the table.")) } }
            (table(asked, groups, chart, by))
        }
    }
}

fn table(asked: &Asked<'_>, groups: &[&Value], chart: &Chart<'_>, by: &str) -> Markup {
    let cell = |value: &Value, column: &str| match value {
        Value::Null => "–".to_owned(),
        value if column.ends_with("_eur") => euro(asked, value),
        Value::String(text) => number(asked, text),
        other => other.to_string(),
    };
    html! {
        details class="as-table" {
            summary { (asked.say("Come tabella", "As a table")) span class="visually-hidden" { ": " (chart.title) } }
            div class="table-responsive" tabindex="0" role="region" aria-label=(format!("{}: {}", asked.say("Tabella", "Table"), chart.title)) {
                table class="table" {
                    caption class="visually-hidden" { (chart.title) }
                    thead { tr {
                        th scope="col" { (by) }
                        @for (head, _) in &chart.columns { th scope="col" class="number" { (head) } }
                    } }
                    tbody {
                        @for group in groups {
                            tr {
                                th scope="row" { (named(asked, text(group, "group"))) }
                                @for (_, column) in &chart.columns { td class="number" { (cell(&group[*column], column)) } }
                            }
                        }
                    }
                }
            }
        }
        p class="no-print" {
            a class="btn btn-outline-primary btn-xs" href=(asked.here(&[("f", "csv"), ("table", "")])) download {
                "CSV" span class="visually-hidden" { ": " (chart.title) }
            }
        }
    }
}
