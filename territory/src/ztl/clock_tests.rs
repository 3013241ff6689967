//! Nights in which clocks change, and holidays (annex A, case 7).

use chrono::{DateTime, NaiveDateTime, Utc};

use super::clock::{changes, moment_of, now_at};
use super::read_tests::{HOLIDAYS, regulations};
use super::regulation::Regulations;
use super::schedule::Schedule;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The stretches of a schedule with the holidays of the example, as texts of UTC.
fn stretches(schedule: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let regulations = with(schedule);
    let rule = &regulations.all().next().unwrap().rules[0];
    let schedule: &Schedule = rule.schedule.as_ref().unwrap();
    let told = |at: DateTime<Utc>| at.format("%m-%d %H:%M").to_string();
    schedule.within(utc(from), utc(to)).into_iter().map(|it| (told(it.start), told(it.end))).collect()
}

fn with(schedule: &str) -> Regulations {
    let text = format!(
        "id = \"r\"\nact = \"a\"\nvalid_from = 2020-01-01\nlayer = \"ztl\"\ncalendar = \"festivita\"\n\
         [[rule]]\nid = \"1\"\nzones = [\"Z\"]\neffect = \"prohibit\"\nschedule = \"{schedule}\"\n"
    );
    regulations(&[&text, HOLIDAYS])
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn a_night_rule_lasts_nine_hours_when_clocks_go_back_and_seven_when_they_go_forward() {
    // 25 October 2026: 03:00 summer time is 02:00 winter time, at 01:00 UTC.
    let autumn = stretches("22:00-06:00", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(autumn, [pair("10-24 20:00", "10-25 05:00"), pair("10-25 21:00", "10-26 05:00")]);
    // 29 March 2026: 02:00 winter time is 03:00 summer time, at 01:00 UTC.
    let spring = stretches("22:00-06:00", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(spring, [pair("03-28 21:00", "03-29 04:00"), pair("03-29 20:00", "03-30 04:00")]);
}

#[test]
fn an_hour_that_exists_twice_holds_twice_and_one_that_does_not_exist_never() {
    let autumn = stretches("02:15-02:45", "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z");
    assert_eq!(autumn, [pair("10-25 00:15", "10-25 00:45"), pair("10-25 01:15", "10-25 01:45")]);
    let spring = stretches("02:15-02:45", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(spring, []);
    // What begins in the missing hour begins when clocks go forward.
    let spring = stretches("02:30-04:00", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(spring, [pair("03-29 01:00", "03-29 02:00")]);
}

#[test]
fn holidays_are_those_of_the_office() {
    let days = |from: &str, to: &str| stretches("Mo-Su 08:00-20:00; PH off", from, to);
    // Easter Sunday and Monday 2026: nothing between Saturday and Tuesday.
    let easter = days("2026-04-04T00:00:00Z", "2026-04-08T00:00:00Z");
    assert_eq!(easter, [pair("04-04 06:00", "04-04 18:00"), pair("04-07 06:00", "04-07 18:00")]);
    // 4 October 2026, a holiday again since 2026: a Sunday. In 2025 it was none.
    let francis = days("2026-10-03T00:00:00Z", "2026-10-06T00:00:00Z");
    assert_eq!(francis, [pair("10-03 06:00", "10-03 18:00"), pair("10-05 06:00", "10-05 18:00")]);
    assert_eq!(days("2025-10-04T00:00:00Z", "2025-10-05T00:00:00Z"), [pair("10-04 06:00", "10-04 18:00")]);
    let holidays = stretches("PH 10:00-12:00", "2026-04-01T00:00:00Z", "2026-04-30T00:00:00Z");
    assert_eq!(holidays.len(), 3, "{holidays:?}");
}

#[test]
fn hours_after_midnight_belong_to_the_day_on_which_they_begin() {
    // Thursday's night goes on into Friday, though Friday has hours of its own.
    let nights = stretches("Mo-Th 22:00-02:00; Fr-Sa 23:00-04:00", "2026-07-16T10:00:00Z", "2026-07-20T10:00:00Z");
    assert_eq!(
        nights,
        [pair("07-16 20:00", "07-17 00:00"), pair("07-17 21:00", "07-18 02:00"), pair("07-18 21:00", "07-19 02:00")]
    );
    // The night before a holiday is not the holiday's, the one with which it ends is.
    let easter = stretches("22:00-06:00; PH off", "2026-04-04T10:00:00Z", "2026-04-08T10:00:00Z");
    assert_eq!(easter, [pair("04-04 20:00", "04-05 04:00"), pair("04-07 20:00", "04-08 04:00")]);
    // Additions add, and what is off is off for its hours only.
    let added = stretches(
        "Mo-Fr 08:00-12:00, Mo-Fr 14:00-18:00; We 10:00-15:00 off",
        "2026-07-15T00:00:00Z",
        "2026-07-16T00:00:00Z",
    );
    assert_eq!(added, [pair("07-15 06:00", "07-15 08:00"), pair("07-15 13:00", "07-15 16:00")]);
}

#[test]
fn what_the_clock_says_is_an_instant_or_the_one_at_which_clocks_change() {
    let at = |text: &str| now_at(text.parse::<NaiveDateTime>().unwrap()).map(|it| it.to_rfc3339());
    assert_eq!(at("2026-07-18T19:00:00").as_deref(), Some("2026-07-18T17:00:00+00:00"));
    assert_eq!(at("2026-10-25T02:30:00").as_deref(), Some("2026-10-25T00:30:00+00:00"), "the earlier");
    assert_eq!(at("2026-03-29T02:30:00").as_deref(), Some("2026-03-29T01:00:00+00:00"));
    assert_eq!(at("2026-03-29T02:10:00").as_deref(), Some("2026-03-29T01:00:00+00:00"));
    let year = changes(utc("2026-01-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
    assert_eq!(year, [utc("2026-03-29T01:00:00Z"), utc("2026-10-25T01:00:00Z")]);
    let told = moment_of(utc("2026-10-25T00:30:00Z"));
    assert_eq!((told.utc.as_str(), told.local.as_str()), ("2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"));
    assert_eq!(moment_of(utc("2026-10-25T01:30:00Z")).local, "2026-10-25T02:30:00+01:00");
}
