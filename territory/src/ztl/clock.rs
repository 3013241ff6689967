//! The clock of Italy.

use chrono::{DateTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::answer::Moment;

/// The time zone of regulations.
pub const ROME: Tz = chrono_tz::Europe::Rome;

/// An instant in UTC and by the clock of Italy.
pub fn moment_of(instant: DateTime<Utc>) -> Moment {
    let utc = instant.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let local = instant.with_timezone(&ROME).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
    Moment { utc, local }
}

/// What the clock says at an instant.
pub(super) fn reading(instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&ROME).naive_local()
}

/// The first instant at which the clock says this or more; of two the earlier. None for times that have no instant.
pub fn now_at(clock: NaiveDateTime) -> Option<DateTime<Utc>> {
    // Where clocks go forward the hour that is missing begins when they do.
    let quarters = (0..=8).map(|n| clock + TimeDelta::minutes(15 * n));
    let found = quarters.into_iter().find_map(|clock| ROME.from_local_datetime(&clock).earliest())?;
    let instant = found.to_utc();
    Some(if reading(instant) == clock {
        instant
    } else {
        changes(instant - TimeDelta::days(1), instant).last().copied()?
    })
}

/// The instants within (from, to] from which on clocks differ from UTC by another amount than before.
pub(super) fn changes(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| at.with_timezone(&ROME).offset().fix().local_minus_utc();
    let (mut found, mut at) = (Vec::new(), from);
    while at < to {
        // Clocks are changed twice a year, never within the same fortnight.
        let next = (at + TimeDelta::days(14)).min(to);
        if offset(at) != offset(next) {
            let (mut low, mut high) = (at.timestamp(), next.timestamp());
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let is_before = DateTime::from_timestamp(middle, 0).is_some_and(|it| offset(it) == offset(at));
                if is_before { low = middle } else { high = middle }
            }
            found.extend(DateTime::from_timestamp(high, 0));
        }
        at = next;
    }
    found
}

/// The stretches of [from, to) in which the difference to UTC stays: each with its first and last instant.
pub(super) fn stretches(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut ends = changes(from, to);
    ends.retain(|end| *end < to);
    ends.push(to);
    let mut begun = from;
    ends.into_iter()
        .map(|end| {
            let stretch = (begun, end);
            begun = end;
            stretch
        })
        .filter(|(begin, end)| begin < end)
        .collect()
}

/// Seconds that the clock is ahead of UTC at an instant.
pub(super) fn ahead(instant: DateTime<Utc>) -> TimeDelta {
    TimeDelta::seconds(i64::from(instant.with_timezone(&ROME).offset().fix().local_minus_utc()))
}
