//! Stretches of days.

use chrono::{Datelike as _, Days, NaiveDate};
use serde::Serialize;

/// Days from the first to the last, both of which count; an end that is missing is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: Option<NaiveDate>,
}

impl Span {
    /// All days.
    pub const ALWAYS: Self = Self { from: None, to: None };

    /// One day.
    pub const fn day(day: NaiveDate) -> Self {
        Self { from: Some(day), to: Some(day) }
    }

    /// Whether there is no day in it.
    pub fn is_empty(&self) -> bool {
        self.from.zip(self.to).is_some_and(|(from, to)| to < from)
    }

    /// The days that both have; none where there are none.
    pub fn both(&self, other: &Self) -> Option<Self> {
        let from = self.from.max(other.from);
        // An open end is later than any day.
        let to = [self.to, other.to].into_iter().flatten().min();
        Some(Self { from, to }).filter(|both| !both.is_empty())
    }

    /// How many days it has; none where it is open.
    pub fn days(&self) -> Option<u64> {
        let (from, to) = self.from.zip(self.to)?;
        u64::try_from((to - from).num_days() + 1).ok()
    }
}

/// The day before that on which so many years have passed; of 29 February the 28th.
pub(super) fn after_years(day: NaiveDate, years: u64) -> Option<NaiveDate> {
    let year = day.year().checked_add(i32::try_from(years).ok()?)?;
    let anniversary = day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))?;
    anniversary.checked_sub_days(Days::new(1))
}
