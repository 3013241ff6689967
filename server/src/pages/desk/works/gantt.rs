//! Works in time: what was planned beside what happened.

use chrono::{Datelike as _, Months, NaiveDate};
use maud::{Markup, html};
use serde_json::Value;

use super::super::super::{Asked, members, text};
use super::showing;
use super::words::{date, phase, written};

/// Works that are drawn.
const DRAWN: usize = 40;
/// Months between two marks of the axis: the first that makes few enough.
const STEPS: [u32; 8] = [1, 2, 3, 6, 12, 24, 60, 120];
/// Marks of the axis: more would touch each other on a phone.
const MARKS: usize = 5;

/// A row.
struct Row<'a> {
    work: &'a Value,
    planned: (NaiveDate, NaiveDate),
    /// The end as it is planned now, where it is later.
    replanned: Option<NaiveDate>,
    /// Since when, and until when or so far.
    actual: Option<(NaiveDate, NaiveDate)>,
}

/// The stretch of time that is drawn.
struct Axis {
    first: NaiveDate,
    last: NaiveDate,
}

impl Axis {
    /// Percent from the left.
    fn x(&self, day: NaiveDate) -> f64 {
        let whole = (self.last - self.first).num_days().max(1) as f64;
        (100.0 * (day - self.first).num_days() as f64 / whole).clamp(0.0, 100.0)
    }

    fn marks(&self) -> Vec<NaiveDate> {
        let of = |step: u32| {
            let years = i32::try_from(step / 12).unwrap_or(1).max(1);
            let year = self.first.year().div_euclid(years) * years;
            let begin = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(self.first);
            let all = std::iter::successors(Some(begin), |day| day.checked_add_months(Months::new(step)));
            all.skip_while(|day| *day < self.first).take_while(|day| *day <= self.last).take(MARKS + 1).collect()
        };
        STEPS.iter().map(|step| of(*step)).find(|marks: &Vec<NaiveDate>| marks.len() <= MARKS).unwrap_or_default()
    }
}

fn row(work: &Value, today: NaiveDate) -> Option<Row<'_>> {
    let (from, to) = (date(&work["start_planned"])?, date(&work["end_planned"])?);
    let begun = date(&work["start_actual"]).filter(|begun| *begun <= today);
    let ended = date(&work["end_actual"]).filter(|ended| *ended <= today);
    let actual = begun.or_else(|| ended.map(|ended| from.min(ended))).map(|begun| (begun, ended.unwrap_or(today)));
    let replanned = date(&work["end_expected"]).filter(|expected| *expected > to);
    (from <= to).then_some(Row { work, planned: (from, to), replanned, actual: actual.filter(|(from, to)| from <= to) })
}

/// The timeline.
pub fn gantt(asked: &Asked<'_>, answer: &Value) -> Markup {
    let Some(today) = date(&answer["day"]) else { return html! {} };
    let mut rows: Vec<Row<'_>> = members(answer, "works").filter_map(|work| row(work, today)).collect();
    rows.sort_by_key(|row| (row.planned, text(row.work, "cup")));
    let (listed, left_out) = (rows.len(), rows.len().saturating_sub(DRAWN));
    rows.truncate(DRAWN);
    let first = rows.iter().map(|row| row.actual.map_or(row.planned.0, |(begun, _)| begun.min(row.planned.0))).min();
    let last = rows.iter().map(|row| {
        let ends = [Some(row.planned.1), row.replanned, row.actual.map(|(_, end)| end)];
        ends.into_iter().flatten().max().unwrap_or(row.planned.1)
    });
    let (Some(first), Some(last)) = (first, last.max()) else { return html! {} };
    let axis = Axis { first, last };
    let now = (first..=last).contains(&today).then(|| percent(axis.x(today)));
    html! {
        figure class="chart gantt" aria-labelledby="gantt-title" {
            figcaption id="gantt-title" { h2 { (asked.say("Le opere nel tempo: previsto ed effettivo", "Works in time: planned and actual")) } }
            ul class="legend" aria-hidden="true" {
                @for (class, word) in [
                    ("planned", asked.say("previsto", "planned")), ("replanned", asked.say("fine spostata", "end put off")),
                    ("actual", asked.say("effettivo", "actual")), ("overdue", asked.say("oltre la fine prevista", "beyond the planned end")),
                ] {
                    li { svg width="14" height="14" { rect class=(class) y="3" width="14" height="8" {} } " " (word) }
                }
                @if now.is_some() { li { svg width="14" height="14" { line class="now" x1="7" x2="7" y1="0" y2="14" {} } " " (written(asked, today)) } }
            }
            div class="gantt-row gantt-axis" aria-hidden="true" {
                span {}
                svg width="100%" height="20" focusable="false" {
                    @for mark in axis.marks() {
                        @let x = axis.x(mark);
                        text x=(percent(x)) y="14" text-anchor=(if x < 6.0 { "start" } else if x > 94.0 { "end" } else { "middle" }) { (label(mark)) }
                    }
                }
            }
            ol class="gantt-rows" {
                @for row in &rows { li class="gantt-row" { (drawn(asked, row, &axis, now.as_deref())) } }
            }
            @if left_out > 0 {
                p class="facts" { (asked.say("Altre opere elencate, non disegnate: ", "Listed works that are not drawn: ")) (left_out) " (" (listed) ")" }
            }
        }
    }
}

/// A mark of the axis: the year where it begins with it.
fn label(day: NaiveDate) -> String {
    if day.month() == 1 { day.format("%Y").to_string() } else { day.format("%m/%y").to_string() }
}

fn percent(x: f64) -> String {
    format!("{x:.2}%")
}

fn drawn(asked: &Asked<'_>, row: &Row<'_>, axis: &Axis, now: Option<&str>) -> Markup {
    let work = row.work;
    let bar = |class: &str, y: &str, from: NaiveDate, to: NaiveDate| {
        let (x, wide) = (axis.x(from), (axis.x(to) - axis.x(from)).max(0.4));
        html! { rect class=(class) x=(percent(x)) y=(y) width=(percent(wide)) height="8" {} }
    };
    let (from, to) = row.planned;
    html! {
        a href=(showing(asked, text(&work["feature"], "id"))) {
            span class="gantt-name" { (text(work, "title")) }
            span class="gantt-facts" {
                (phase(asked, text(work, "phase")))
                @if let Some(days) = work["days_late"].as_i64().filter(|days| *days > 0) {
                    " · " (asked.say("giorni di ritardo: ", "days late: ")) (days)
                }
            }
            span class="visually-hidden" { (told(asked, row)) }
        }
        svg width="100%" height="28" aria-hidden="true" focusable="false" {
            @for mark in axis.marks() { line class="grid" x1=(percent(axis.x(mark))) x2=(percent(axis.x(mark))) y1="0" y2="28" {} }
            (bar("planned", "4", from, to))
            @if let Some(end) = row.replanned { (bar("replanned", "4", to, end)) }
            @if let Some((begun, end)) = row.actual {
                (bar("actual", "16", begun, end))
                @if end > to { (bar("overdue", "16", to.max(begun), end)) }
            }
            @if let Some(x) = now { line class="now" x1=(x) x2=(x) y1="0" y2="28" {} }
        }
    }
}

/// What the row shows, in words.
fn told(asked: &Asked<'_>, row: &Row<'_>) -> String {
    let span = |(from, to): (NaiveDate, NaiveDate)| format!("{} – {}", written(asked, from), written(asked, to));
    let mut told = vec![format!(": {} {}", asked.say("previsto", "planned"), span(row.planned))];
    let put_off = row.replanned.map(|end| (asked.say("fine spostata al", "end put off to"), written(asked, end)));
    let actual = row.actual.map(|actual| (asked.say("effettivo", "actual"), span(actual)));
    told.extend(put_off.into_iter().chain(actual).map(|(word, days)| format!("{word} {days}")));
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_axis_has_few_marks_whatever_time_it_shows() {
        for (first, last, marks) in [
            ("2026-01-10", "2026-04-20", vec!["2026-02-01", "2026-03-01", "2026-04-01"]),
            ("2024-05-01", "2027-06-30", vec!["2025-01-01", "2026-01-01", "2027-01-01"]),
            ("2026-01-01", "2026-01-01", vec!["2026-01-01"]),
            ("1990-01-01", "2031-01-01", vec!["1990-01-01", "2000-01-01", "2010-01-01", "2020-01-01", "2030-01-01"]),
        ] {
            let axis = Axis { first: day(first), last: day(last) };
            assert_eq!(axis.marks(), marks.into_iter().map(day).collect::<Vec<_>>(), "{first} {last}");
        }
        let axis = Axis { first: day("2026-01-01"), last: day("2026-01-11") };
        let at = ["2025-01-01", "2026-01-06", "2027-01-01"].map(|text| percent(axis.x(day(text))));
        assert_eq!(at, ["0.00%", "50.00%", "100.00%"]);
    }

    #[test]
    fn what_is_to_come_has_not_happened_yet() {
        let work = serde_json::json!({"start_planned": "2026-01-01", "end_planned": "2026-03-01", "end_expected": "2026-05-01",
            "start_actual": "2026-01-10", "end_actual": "2026-04-01"});
        let of = |today: &str| row(&work, day(today)).map(|row| (row.actual, row.replanned));
        let until = |from: &str, to: &str| Some((day(from), day(to)));
        assert_eq!(of("2025-12-01"), Some((None, Some(day("2026-05-01")))));
        assert_eq!(of("2026-02-01").unwrap().0, until("2026-01-10", "2026-02-01"));
        assert_eq!(of("2026-06-01").unwrap().0, until("2026-01-10", "2026-04-01"));
    }
}
