//! Random rules against an evaluation minute by minute over two years, both changes of clocks included. The oracle shares
//! nothing with the engine: summer time by the directive, schedules as it drew them, not as they are written.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _, Utc, Weekday};
use proptest::prelude::*;

use super::decide::line_of;
use super::read_tests::{HOLIDAYS, regulations};
use super::{Access, Category, Question, Vehicle, ZoneAt, decide};
use crate::FeatureRef;

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const EFFECTS: [(&str, Access); 4] = [
    ("allow", Access::Yes),
    ("fee", Access::WithFee),
    ("permit_required", Access::WithPermit),
    ("prohibit", Access::No),
];
const HOLIDAYS_OF_TWO_YEARS: [&str; 28] = [
    "2026-01-01",
    "2026-01-06",
    "2026-04-05",
    "2026-04-06",
    "2026-04-25",
    "2026-05-01",
    "2026-06-02",
    "2026-08-15",
    "2026-10-04",
    "2026-11-01",
    "2026-11-21",
    "2026-12-08",
    "2026-12-25",
    "2026-12-26",
    "2027-01-01",
    "2027-01-06",
    "2027-03-28",
    "2027-03-29",
    "2027-04-25",
    "2027-05-01",
    "2027-06-02",
    "2027-08-15",
    "2027-10-04",
    "2027-11-01",
    "2027-11-21",
    "2027-12-08",
    "2027-12-25",
    "2027-12-26",
];

/// A rule as it was drawn.
#[derive(Debug, Clone)]
struct Drawn {
    months: Option<(usize, usize)>,
    days: BTreeSet<usize>,
    /// Minutes of the day; the end may lie in the next one.
    spans: Vec<(u32, u32)>,
    second: Option<Second>,
    off_on_holidays: bool,
    effect: usize,
    priority: u64,
    /// Whether it is about cars only, and so names more.
    cars: bool,
    /// First and last day, counted from the beginning of the two years.
    valid: Option<(u64, u64)>,
    /// From when to when, in minutes of the clock from the beginning, an exception does something else.
    exception: Option<(i64, i64, usize)>,
}

/// What is said of some days besides.
#[derive(Debug, Clone)]
struct Second {
    days: BTreeSet<usize>,
    spans: Vec<(u32, u32)>,
    /// Whether it comes to what was said of these days, takes its place, or (without being open) takes away from it.
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Adds,
    Replaces,
    TakesAway,
}

fn begin() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
}

impl Drawn {
    fn schedule(&self) -> String {
        let mut text = String::new();
        if let Some((first, last)) = self.months {
            write!(text, "{}-{} ", MONTHS[first], MONTHS[last]).unwrap();
        }
        text.push_str(&said(&self.days, &self.spans));
        if let Some(second) = &self.second {
            let (before, after) = match second.how {
                How::Adds => (", ", ""),
                How::Replaces => ("; ", ""),
                How::TakesAway => ("; ", " off"),
            };
            write!(text, "{before}{}{after}", said(&second.days, &second.spans)).unwrap();
        }
        if self.off_on_holidays {
            text.push_str("; PH off");
        }
        text
    }

    fn write(&self, i: usize) -> String {
        let permits = |effect: usize| if effect == 1 || effect == 2 { "permits = [\"p\"]\n" } else { "" };
        let mut text = format!(
            "[[rule]]\nid = \"r{i}\"\nzones = [\"Z\"]\neffect = \"{}\"\nschedule = \"{}\"\npriority = {}\n{}",
            EFFECTS[self.effect].0,
            self.schedule(),
            self.priority,
            permits(self.effect)
        );
        if self.cars {
            text.push_str("vehicles = { categories = [\"car\"] }\n");
        }
        if let Some((first, last)) = self.valid {
            writeln!(text, "valid_from = {}\nvalid_to = {}", begin() + Days::new(first), begin() + Days::new(last))
                .unwrap();
        }
        if let Some((from, to, effect)) = self.exception {
            let at = |minutes: i64| {
                (begin().and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(minutes))
                    .format("%Y-%m-%dT%H:%M:%S")
                    .to_string()
            };
            write!(
                text,
                "[[exception]]\nid = \"e{i}\"\nrule = \"r{i}\"\neffect = \"{}\"\nfrom = {}\nto = {}\norder = \"o\"\n{}",
                EFFECTS[effect].0,
                at(from),
                at(to),
                permits(effect)
            )
            .unwrap();
        }
        text
    }

    /// Whether the day is one of the rule's, by month and weekday.
    fn is_on(&self, day: NaiveDate) -> bool {
        let month = day.month0() as usize;
        self.months.is_none_or(|(first, last)| {
            if first <= last { (first..=last).contains(&month) } else { month >= first || month <= last }
        }) && self.days.contains(&(day.weekday().num_days_from_monday() as usize))
    }

    fn holds(&self, clock: NaiveDateTime, holidays: &BTreeSet<NaiveDate>) -> bool {
        let (day, minute) = (clock.date(), clock.hour() * 60 + clock.minute());
        if self.valid.is_some_and(|(first, last)| day < begin() + Days::new(first) || day > begin() + Days::new(last)) {
            return false;
        }
        let eve = day.pred_opt().unwrap();
        self.begins(day, minute, holidays) || self.begins(eve, minute + 1440, holidays)
    }

    /// Whether it holds so many minutes after the midnight with which a day begins, by what is said of that day.
    fn begins(&self, day: NaiveDate, minute: u32, holidays: &BTreeSet<NaiveDate>) -> bool {
        if self.off_on_holidays && holidays.contains(&day) {
            return false;
        }
        let covers = |spans: &[(u32, u32)]| spans.iter().any(|(from, to)| (*from..*to).contains(&minute));
        let first = self.is_on(day) && covers(&self.spans);
        let weekday = day.weekday().num_days_from_monday() as usize;
        match self.second.as_ref().filter(|second| second.days.contains(&weekday)) {
            None => first,
            Some(second) => match second.how {
                How::Adds => first || covers(&second.spans),
                How::Replaces => covers(&second.spans),
                How::TakesAway => first && !covers(&second.spans),
            },
        }
    }

    fn is_altered(&self, clock: NaiveDateTime) -> Option<usize> {
        let minutes = (clock - begin().and_time(chrono::NaiveTime::MIN)).num_minutes();
        self.exception.filter(|(from, to, _)| (*from..*to).contains(&minutes)).map(|(.., effect)| effect)
    }
}

fn said(days: &BTreeSet<usize>, spans: &[(u32, u32)]) -> String {
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let days: Vec<&str> = days.iter().map(|day| DAYS[*day]).collect();
    // Written as people write it: 22:00-06:00, not 22:00-30:00.
    let spans =
        spans.iter().map(|(from, to)| format!("{}-{}", clock(*from), clock(if *to > 1440 { to - 1440 } else { *to })));
    format!("{} {}", days.join(","), spans.collect::<Vec<_>>().join(","))
}

/// What the clock of Italy says, by Directive 2000/84/EC.
fn clock_of(instant: DateTime<Utc>) -> NaiveDateTime {
    let sunday = |month: u32| {
        let mut day = NaiveDate::from_ymd_opt(instant.year(), month, 31).unwrap();
        while day.weekday() != Weekday::Sun {
            day = day.pred_opt().unwrap();
        }
        day.and_hms_opt(1, 0, 0).unwrap().and_utc()
    };
    let is_summer = (sunday(3)..sunday(10)).contains(&instant);
    instant.naive_utc() + TimeDelta::hours(if is_summer { 2 } else { 1 })
}

/// What counts: an exception, then priority, then the rule that names more, then the stricter.
fn oracle(rules: &[Drawn], clock: NaiveDateTime, holidays: &BTreeSet<NaiveDate>) -> Access {
    let exceptions = rules.iter().filter_map(|rule| Some((true, rule.priority, rule.cars, rule.is_altered(clock)?)));
    let holding = rules.iter().filter(|rule| rule.holds(clock, holidays));
    let plain = holding.map(|rule| (false, rule.priority, rule.cars, rule.effect));
    exceptions.chain(plain).max().map_or(Access::Yes, |(.., effect)| EFFECTS[effect].1)
}

fn drawn() -> impl Strategy<Value = Drawn> {
    // On the quarter of an hour, also where clocks change.
    let span = (0_u32..96, 1_u32..95).prop_map(|(from, length)| (from * 15, (from + length) * 15));
    let year = 365_i64 * 1440;
    let how = prop_oneof![Just(How::Adds), Just(How::Replaces), Just(How::TakesAway)];
    let days = || proptest::collection::btree_set(0_usize..7, 1..=7);
    let second = (days(), proptest::collection::vec(span.clone(), 1..=2), how).prop_map(|(days, spans, how)| Second {
        days,
        spans,
        how,
    });
    (
        proptest::option::weighted(0.4, (0_usize..12, 0_usize..12).prop_filter("two of them", |(a, b)| a != b)),
        days(),
        proptest::collection::vec(span, 1..=2),
        proptest::option::of(second),
        any::<bool>(),
        0_usize..4,
        0_u64..3,
        any::<bool>(),
        proptest::option::weighted(0.3, (0_u64..700, 1_u64..300).prop_map(|(first, days)| (first, first + days))),
        proptest::option::weighted(
            0.4,
            (0..2 * year, 1_i64..20_000, 0_usize..4).prop_map(|(from, length, effect)| (from, from + length, effect)),
        ),
    )
        .prop_map(|(months, days, spans, second, off_on_holidays, effect, priority, cars, valid, exception)| {
            Drawn { months, days, spans, second, off_on_holidays, effect, priority, cars, valid, exception }
        })
}

fn zone() -> ZoneAt {
    ZoneAt {
        layer: "ztl".into(),
        code: "Z".into(),
        name: "Z".into(),
        kind: None,
        published: None,
        valid_from: None,
        valid_to: None,
        feature: FeatureRef { layer: "ztl".into(), id: "1".into(), version: 1 },
    }
}

fn question(instant: DateTime<Utc>) -> Question {
    Question {
        instant,
        vehicle: Vehicle { category: Some(Category::Car), ..Vehicle::default() },
        users: BTreeSet::new(),
        resident_of: BTreeSet::new(),
        permits: BTreeSet::new(),
        days: 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn every_minute_of_two_years_is_as_the_rules_were_drawn(
        rules in proptest::collection::vec(drawn(), 1..=5),
        asked in proptest::collection::vec(0_i64..700 * 1440, 20),
    ) {
        let written: Vec<String> = rules.iter().enumerate().map(|(i, rule)| rule.write(i)).collect();
        let text = format!(
            "id = \"r\"\nact = \"a\"\nvalid_from = 2020-01-01\nlayer = \"ztl\"\ncalendar = \"festivita\"\n[[permit]]\ncode = \"p\"\n{}",
            written.concat()
        );
        let (regulations, zones) = (regulations(&[&text, HOLIDAYS]), [zone()]);
        let holidays: BTreeSet<NaiveDate> = HOLIDAYS_OF_TWO_YEARS.iter().map(|day| day.parse().unwrap()).collect();
        let first: DateTime<Utc> = "2025-12-31T23:00:00Z".parse().unwrap();
        let last: DateTime<Utc> = "2027-12-31T23:00:00Z".parse().unwrap();
        let minutes = (last - first).num_minutes();
        let expected: Vec<Access> =
            (0..minutes).map(|minute| oracle(&rules, clock_of(first + TimeDelta::minutes(minute)), &holidays)).collect();
        let line = line_of(&regulations, &zones, &question(first), first, last);
        prop_assert_eq!((line.first().unwrap().0, line.last().unwrap().1), (first, last));
        let mut stretches = line.iter().peekable();
        for (minute, expected) in expected.iter().enumerate() {
            let at = first + TimeDelta::minutes(minute as i64);
            while stretches.peek().is_some_and(|stretch| stretch.1 <= at) {
                stretches.next();
            }
            let found = stretches.peek().unwrap().2;
            prop_assert_eq!(found, *expected, "{} ({}):\n{}", at, clock_of(at), text);
        }
        // One moment asked alone, and when it will be otherwise.
        for minute in asked {
            let at = first + TimeDelta::minutes(minute) + TimeDelta::seconds(17);
            let answer = decide(&regulations, &zones, &[], &question(at));
            let now = expected[minute as usize];
            prop_assert_eq!(answer.access, now, "{}:\n{}", at, text);
            let next = (minute + 1..minutes).find(|minute| expected[*minute as usize] != now);
            let told = answer.next_change.map(|change| change.at.utc.parse::<DateTime<Utc>>().unwrap());
            match next.map(|next| first + TimeDelta::minutes(next)) {
                Some(next) if next <= at + TimeDelta::days(super::HORIZON_DAYS - 1) => prop_assert_eq!(told, Some(next), "{}:\n{}", at, text),
                _ => {}
            }
        }
    }
}
