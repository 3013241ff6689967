//! Days and their hours as a picture, and the same as a table.

use bricola_territory::ztl::now_at;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use maud::{Markup, html};
use serde_json::Value;

use super::super::{Asked, members, text};
use super::ztl::access_of;

/// Units of the picture: how wide a day is, how tall its row, and where it begins.
const WIDTH: f64 = 720.0;
const ROW: f64 = 26.0;
const LEFT: f64 = 92.0;
const TOP: f64 = 22.0;

/// One day with what holds in it.
struct Day<'a> {
    date: NaiveDate,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    pieces: Vec<Piece<'a>>,
}

/// A stretch of a day in which the same holds.
struct Piece<'a> {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    access: &'a str,
    rules: Vec<&'a str>,
}

/// The timeline of an answer.
pub fn timeline(asked: &Asked<'_>, answer: &Value) -> Markup {
    let days = days(answer);
    let now = instant(&answer["instant"]);
    html! {
        @if !days.is_empty() {
            h2 { (asked.say("Giorno per giorno", "Day by day")) }
            (picture(asked, &days, now))
            (legend(asked))
            (table(asked, &days))
        }
    }
}

fn instant(moment: &Value) -> Option<DateTime<Utc>> {
    text(moment, "utc").parse().ok()
}

fn days(answer: &Value) -> Vec<Day<'_>> {
    let spans: Vec<Piece<'_>> = members(answer, "timeline")
        .filter_map(|span| {
            let rules = members(span, "rules").filter_map(Value::as_str).collect();
            Some(Piece {
                from: instant(&span["from"])?,
                to: instant(&span["to"])?,
                access: text(span, "access"),
                rules,
            })
        })
        .collect();
    let first =
        members(answer, "timeline").next().and_then(|span| text(&span["from"], "local").get(..10)?.parse().ok());
    let (Some(first), Some(end)) = (first, spans.last().map(|span| span.to)) else { return Vec::new() };
    let midnight = |date: NaiveDate| now_at(date.and_time(chrono::NaiveTime::MIN));
    let dates = std::iter::successors(Some(first), |date: &NaiveDate| date.checked_add_days(Days::new(1)));
    let days = dates.map_while(|date| {
        let (begin, next) = (midnight(date)?, midnight(date.checked_add_days(Days::new(1))?)?);
        (begin < end).then_some((date, begin, next))
    });
    days.map(|(date, begin, end)| {
        let inside = spans.iter().filter(|span| span.from < end && span.to > begin);
        let pieces = inside.map(|span| Piece {
            from: span.from.max(begin),
            to: span.to.min(end),
            access: span.access,
            rules: span.rules.clone(),
        });
        Day { date, begin, end, pieces: pieces.collect() }
    })
    .collect()
}

impl Day<'_> {
    /// Where in the day a moment is, in units of the picture.
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let whole = (self.end - self.begin).num_seconds().max(1) as f64;
        LEFT + WIDTH * (at - self.begin).num_seconds() as f64 / whole
    }

    /// What the clock says at a moment of the day.
    fn clock(&self, at: DateTime<Utc>) -> String {
        if at >= self.end {
            return "24:00".to_owned();
        }
        at.with_timezone(&bricola_territory::ztl::ROME).format("%H:%M").to_string()
    }

    fn name(&self, asked: &Asked<'_>) -> String {
        let names = match asked.language.tag() {
            "it" => ["lun", "mar", "mer", "gio", "ven", "sab", "dom"],
            _ => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        };
        let name = names[self.date.weekday().num_days_from_monday() as usize];
        format!("{name} {}", self.date.format("%d/%m"))
    }

    /// Hours that the day has, where these are not 24.
    fn odd_hours(&self) -> Option<i64> {
        Some((self.end - self.begin).num_hours()).filter(|hours| *hours != 24)
    }
}

/// How an access is drawn, told apart by height and pattern too, since paper may be grey.
fn look(access: &str) -> (&'static str, f64) {
    match access {
        "yes" => ("#1a7f4b", 5.0),
        "with_fee" => ("url(#ztl-fee)", 18.0),
        "with_permit" => ("url(#ztl-permit)", 18.0),
        "no" => ("#a6192e", 18.0),
        _ => ("url(#ztl-open)", 12.0),
    }
}

fn bar(x: f64, bottom: f64, width: f64, access: &str) -> Markup {
    let (fill, height) = look(access);
    html! {
        rect x=(format!("{x:.1}")) y=(format!("{:.1}", bottom - height)) width=(format!("{:.1}", width.max(0.5)))
            height=(height) fill=(fill) {}
    }
}

fn picture(asked: &Asked<'_>, days: &[Day<'_>], now: Option<DateTime<Utc>>) -> Markup {
    let height = TOP + ROW * days.len() as f64 + 6.0;
    let hours = (0..=24).step_by(3);
    html! {
        svg class="timeline" role="img" viewBox=(format!("0 0 {} {height}", LEFT + WIDTH + 16.0)) width="100%"
            aria-labelledby="ztl-title" xmlns="http://www.w3.org/2000/svg" font-size="12" font-family="inherit" {
            title id="ztl-title" { (asked.say("Accesso ora per ora; gli stessi dati sono nella tabella che segue", "Access hour by hour; the table below says the same")) }
            (patterns())
            @for hour in hours {
                @let x = LEFT + WIDTH * f64::from(hour) / 24.0;
                text x=(format!("{x:.1}")) y="13" text-anchor="middle" fill="currentColor" { (hour) }
                line x1=(format!("{x:.1}")) x2=(format!("{x:.1}")) y1=(TOP) y2=(height - 6.0) stroke="currentColor" stroke-opacity="0.2" {}
            }
            @for (row, day) in days.iter().enumerate() {
                @let bottom = TOP + ROW * (row + 1) as f64 - 4.0;
                text x="0" y=(format!("{:.1}", bottom - 4.0)) fill="currentColor" { (day.name(asked)) @if day.odd_hours().is_some() { " *" } }
                @for piece in &day.pieces { (bar(day.x(piece.from), bottom, day.x(piece.to) - day.x(piece.from), piece.access)) }
                @if let Some(now) = now.filter(|now| (day.begin..day.end).contains(now)) {
                    @let x = format!("{:.1}", day.x(now));
                    line x1=(x) x2=(x) y1=(format!("{:.1}", bottom - 22.0)) y2=(format!("{:.1}", bottom + 3.0)) stroke="currentColor" stroke-width="2" {}
                }
            }
        }
        @for day in days {
            @if let Some(hours) = day.odd_hours() {
                p class="facts" { "* " (day.name(asked)) (asked.say(": cambia l’ora, il giorno dura ore ", ": clocks change, hours of the day: ")) (hours) "." }
            }
        }
    }
}

fn patterns() -> Markup {
    let striped = |id: &str, colour: &str, angle: &str| {
        html! {
            pattern id=(id) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform=(format!("rotate({angle})")) {
                rect width="6" height="6" fill="#fff" {}
                rect width="3" height="6" fill=(colour) {}
            }
        }
    };
    html! {
        defs {
            (striped("ztl-permit", "#8a4b00", "45"))
            (striped("ztl-fee", "#5b3a99", "135"))
            pattern id="ztl-open" width="4" height="4" patternUnits="userSpaceOnUse" {
                rect width="4" height="4" fill="#fff" {}
                rect width="2" height="2" fill="#444" {}
            }
        }
    }
}

fn legend(asked: &Asked<'_>) -> Markup {
    html! {
        ul class="inline" {
            @for access in ["yes", "with_fee", "with_permit", "unknown", "no"] {
                li {
                    svg width="22" height="20" aria-hidden="true" xmlns="http://www.w3.org/2000/svg" { (bar(0.0, 19.0, 20.0, access)) }
                    " " (access_of(asked, access)) @if access == "unknown" { (asked.say(" / dipende", " / it depends")) }
                }
            }
        }
    }
}

fn table(asked: &Asked<'_>, days: &[Day<'_>]) -> Markup {
    html! {
        details open {
            summary { (asked.say("Gli stessi dati in una tabella", "The same as a table")) }
            table class="table" {
                caption class="visually-hidden" { (asked.say("Accesso per giorno e ora", "Access by day and hour")) }
                thead { tr {
                    th scope="col" { (asked.say("Giorno", "Day")) } th scope="col" { (asked.say("Dalle", "From")) }
                    th scope="col" { (asked.say("alle", "to")) } th scope="col" { (asked.say("Si entra?", "May one enter?")) }
                    th scope="col" { (asked.say("Regola", "Rule")) }
                } }
                tbody {
                    @for day in days {
                        @for piece in &day.pieces {
                            tr {
                                th scope="row" { (day.name(asked)) }
                                td { (day.clock(piece.from)) }
                                td { (day.clock(piece.to.max(piece.from + TimeDelta::seconds(1)))) }
                                td { (access_of(asked, piece.access)) }
                                td { code { (piece.rules.join(", ")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
