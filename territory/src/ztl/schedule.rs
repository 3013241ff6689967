//! Hours in the syntax of OpenStreetMap's `opening_hours`, as far as they say for sure when they hold.
//!
//! Syntax and days are the crates' `opening-hours`. How rules of a day come together is done here: hours belong to the day on
//! which they begin, also those after midnight. (Version 2.1 forgets Thursday night's hours on Friday in
//! `Mo-Th 22:00-02:00; Fr 23:00-04:00`, since another rule is Friday's.)

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use opening_hours::{Context, ContextHolidays, OpeningHours};
use opening_hours_syntax::rules::time::{Time, TimeSelector, TimeSpan};
use opening_hours_syntax::rules::{OpeningHoursExpression, RuleKind, RuleOperator, RuleSequence};
use serde::{Serialize, Serializer};

use super::calendar::Calendar;
use super::clock::{ahead, stretches};
use crate::Text;

/// Most bytes of a schedule.
const MAX_BYTES: usize = 500;
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// When a rule holds, by the clock of Italy.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    parts: Vec<Part>,
}

/// What is said of some days.
#[derive(Debug, Clone)]
struct Part {
    /// The days, as a schedule of whole days; none: every day.
    days: Option<OpeningHours>,
    /// Minutes from the midnight with which the day begins; up to the end of the next day.
    spans: Vec<Range<u16>>,
    /// Whether it then holds, or does not.
    holds: bool,
    /// Whether it comes to what was said of the day before, or takes its place.
    adds: bool,
}

/// A schedule that nobody could read: it is kept as it was written, for somebody to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// As it was written.
    pub text: String,
    /// Why it says nothing for sure.
    pub reason: Text,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is not in the syntax, or leaves open when it holds: comments, `unknown`, the hours of the sun, ends that are
    /// open.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let unreadable = |reason: Text| Unreadable { text: text.to_owned(), reason };
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(unreadable(Text::new("è troppo lungo", "is too long")));
        }
        // The syntax takes a space between holidays and weekdays for “and”, which the library reads as “or”.
        if mixes_holidays_and_weekdays(text) {
            return Err(unreadable(Text::new(
                "unisce festività e giorni con uno spazio: scrivere due regole, come SH 08:00-10:00; Sa,Su off",
                "joins holidays and days by a space: write two rules, such as SH 08:00-10:00; Sa,Su off",
            )));
        }
        let expression = text.parse::<OpeningHoursExpression>().map_err(|error| {
            let error = error.to_string();
            let error: String = error.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
            unreadable(Text::new(
                format!("non è nella sintassi opening_hours ({error})"),
                format!("is not in the syntax of opening_hours ({error})"),
            ))
        })?;
        let parts: Result<Vec<Part>, Text> = expression.rules.iter().map(Part::of).collect();
        Ok(Self { text: text.to_owned(), parts: parts.map_err(unreadable)? })
    }

    /// The same with the holidays of a calendar.
    #[must_use]
    pub(super) fn by(mut self, calendar: &Calendar) -> Self {
        let holidays = calendar.holidays();
        for part in &mut self.parts {
            part.days = part.days.take().map(|days| with(days, &holidays));
        }
        self
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for public holidays.
    pub(super) fn names_public_holidays(&self) -> bool {
        words(&self.text).any(|word| word == "PH")
    }

    /// Whether it asks for school holidays.
    pub(super) fn names_school_holidays(&self) -> bool {
        words(&self.text).any(|word| word == "SH")
    }

    /// Whether it holds always.
    fn is_always(&self) -> bool {
        let [Part { days: None, spans, holds: true, .. }] = self.parts.as_slice() else { return false };
        spans.as_slice() == std::slice::from_ref(&(0..DAY))
    }

    /// What it says of a day: minutes from its midnight, up to the end of the next day.
    fn of_day(&self, day: NaiveDate) -> Vec<Range<u16>> {
        let mut said: Vec<Range<u16>> = Vec::new();
        for part in self.parts.iter().filter(|part| part.is_for(day)) {
            if !part.holds {
                // A day that is off begins nothing, not even what would end after midnight.
                let is_whole = part.spans.contains(&(0..DAY));
                said =
                    if is_whole { Vec::new() } else { part.spans.iter().fold(said, |said, off| without(&said, off)) };
            } else if part.adds {
                said.extend(part.spans.iter().cloned());
            } else {
                said.clone_from(&part.spans);
            }
        }
        said
    }

    /// The stretches of clock time within (from, to) in which it holds, in order and apart from each other.
    fn by_clock(&self, from: NaiveDateTime, to: NaiveDateTime) -> Vec<Range<NaiveDateTime>> {
        if self.is_always() {
            return vec![from..to];
        }
        let mut found: Vec<Range<NaiveDateTime>> = Vec::new();
        let mut day = from.date().pred_opt();
        while let Some(today) = day.filter(|day| *day <= to.date()) {
            let midnight = begin_of(today);
            for span in self.of_day(today) {
                let at = |minute: u16| midnight + TimeDelta::minutes(i64::from(minute));
                let (begin, end) = (at(span.start).max(from), at(span.end).min(to));
                if begin < end {
                    found.push(begin..end);
                }
            }
            day = today.checked_add_days(Days::new(1));
        }
        joined(found)
    }

    /// The stretches of [from, to) in which it holds.
    pub(super) fn within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Range<DateTime<Utc>>> {
        let mut found = Vec::new();
        for (begin, end) in stretches(from, to) {
            let ahead = ahead(begin);
            let held = self.by_clock((begin + ahead).naive_utc(), (end + ahead).naive_utc());
            found.extend(held.into_iter().map(|it| it.start.and_utc() - ahead..it.end.and_utc() - ahead));
        }
        joined(found)
    }
}

impl Part {
    fn of(rule: &RuleSequence) -> Result<Self, Text> {
        if !rule.comment.is_empty() {
            let (it, en) = (
                "contiene un commento, che solo una persona può leggere",
                "has a comment, which only somebody can read",
            );
            return Err(Text::new(it, en));
        }
        let holds = match rule.kind {
            RuleKind::Open => true,
            RuleKind::Closed => false,
            RuleKind::Unknown => return Err(Text::new("dice «unknown»", "says unknown")),
        };
        let adds = match rule.operator {
            RuleOperator::Normal => false,
            RuleOperator::Additional => true,
            RuleOperator::Fallback => {
                return Err(Text::new("usa «||»: scrivere regole separate", "uses ||: write separate rules"));
            }
        };
        let spans: Result<Vec<Range<u16>>, Text> = rule.time_selector.spans.iter().map(span).collect();
        let days = if rule.day_selector.is_empty() { None } else { Some(days(rule)?) };
        Ok(Self { days, spans: spans?, holds, adds })
    }

    fn is_for(&self, day: NaiveDate) -> bool {
        self.days.as_ref().is_none_or(|days| !days.schedule_at(day).is_empty())
    }
}

/// Whole days: those of a rule, as a schedule of their own.
fn days(rule: &RuleSequence) -> Result<OpeningHours, Text> {
    let whole = RuleSequence {
        time_selector: TimeSelector::default(),
        kind: RuleKind::Open,
        operator: RuleOperator::Normal,
        ..rule.clone()
    };
    let written = OpeningHoursExpression { rules: vec![whole.clone()] }.to_string();
    // What is not read as it was written is not what was meant.
    let is_same = written.parse::<OpeningHoursExpression>().is_ok_and(|read| {
        matches!(read.rules.as_slice(), [one] if one.day_selector == whole.day_selector && one.time_selector == whole.time_selector)
    });
    written.parse().ok().filter(|_| is_same).ok_or_else(|| {
        Text::new(
            "nomina giorni che non si sanno leggere: scriverli altrimenti",
            "names days that cannot be read: write them otherwise",
        )
    })
}

fn with(days: OpeningHours, holidays: &ContextHolidays) -> OpeningHours {
    days.with_context(Context::default().with_holidays(holidays.clone()))
}

fn span(span: &TimeSpan) -> Result<Range<u16>, Text> {
    if span.open_end || span.repeats.is_some() {
        return Err(Text::new(
            "ha una fine aperta o si ripete: scrivere gli orari",
            "has an open end or repeats: write hours",
        ));
    }
    let (Time::Fixed(from), Time::Fixed(to)) = (&span.range.start, &span.range.end) else {
        return Err(Text::new("dipende dal sole: scrivere gli orari", "hangs on the sun: write hours"));
    };
    let (from, to) = (from.mins_from_midnight(), to.mins_from_midnight());
    // 22:00-06:00 ends on the next day.
    let to = if to <= from { to + DAY } else { to };
    if to > 2 * DAY || from >= DAY {
        return Err(Text::new("dura più di due giorni", "lasts for more than two days"));
    }
    Ok(from..to)
}

/// What is left of spans without one.
fn without(spans: &[Range<u16>], off: &Range<u16>) -> Vec<Range<u16>> {
    let pieces = spans.iter().flat_map(|span| [span.start..span.end.min(off.start), span.start.max(off.end)..span.end]);
    pieces.filter(|piece| piece.start < piece.end).collect()
}

/// Stretches in order, those that touch as one.
fn joined<T: Ord + Copy>(mut stretches: Vec<Range<T>>) -> Vec<Range<T>> {
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    let mut joined: Vec<Range<T>> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match joined.last_mut() {
            Some(last) if last.end >= stretch.start => last.end = last.end.max(stretch.end),
            _ => joined.push(stretch),
        }
    }
    joined
}

fn mixes_holidays_and_weekdays(text: &str) -> bool {
    let is_holiday = |word: &str| word.ends_with("PH") || word.ends_with("SH");
    let weekday = |word: &str| ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].iter().any(|day| word.starts_with(day));
    let ends_in_weekday =
        |word: &str| ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su", "]"].iter().any(|day| word.ends_with(day));
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).any(|pair| {
        (is_holiday(pair[0]) && weekday(pair[1]))
            || (ends_in_weekday(pair[0]) && (pair[1].starts_with("PH") || pair[1].starts_with("SH")))
    })
}

/// Letters that stand together.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty())
}

/// The first moment of a day by the clock.
pub(super) const fn begin_of(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
