//! The nearest time in which nothing stands in the way.

use chrono::{Days, NaiveDate, TimeDelta};
use serde::Serialize;

use super::span::Span;

/// A time as long as the one that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// First day.
    pub from: NaiveDate,
    /// Last day, which counts.
    pub to: NaiveDate,
    /// Days later than what was asked about; earlier where it is negative.
    pub shift_days: i64,
}

/// The nearest time of the same length that meets none of some stretches, not before `earliest` and within `horizon` days of
/// what was asked; of two as near the earlier.
pub(super) fn nearest([from, to]: [NaiveDate; 2], earliest: NaiveDate, horizon: u64, taken: &[Span]) -> Option<Window> {
    let length = to - from;
    let first = from.checked_sub_days(Days::new(horizon)).map_or(earliest, |first| first.max(earliest));
    let last = from.checked_add_days(Days::new(horizon)).unwrap_or(from);
    // What is free begins where it was asked for or may begin at the earliest, just after something ends, or ends just before
    // something begins.
    let after = taken.iter().filter_map(|span| span.to?.succ_opt());
    let before = taken.iter().filter_map(|span| span.from?.pred_opt()?.checked_sub_signed(length));
    let starts = [from, first].into_iter().chain(after).chain(before);
    let is_free = |start: NaiveDate| {
        let Some(end) = start.checked_add_signed(length) else { return false };
        let asked = Span { from: Some(start), to: Some(end) };
        taken.iter().all(|span| span.both(&asked).is_none())
    };
    let candidates = starts.filter(|start| (first..=last).contains(start) && is_free(*start));
    let shift = |start: NaiveDate| (start - from).num_days();
    let start = candidates.min_by_key(|start| (shift(*start).abs(), shift(*start)))?;
    Some(Window { from: start, to: start.checked_add_signed(length)?, shift_days: shift(start) })
}

/// Days of a question.
pub(super) fn days([from, to]: [NaiveDate; 2]) -> u64 {
    u64::try_from((to - from + TimeDelta::days(1)).num_days()).unwrap_or_default()
}
