//! Holidays of an office, year by year: what no year says is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};
use compact_calendar::CompactCalendar;
use opening_hours::ContextHolidays;
use serde::Serialize;

/// Public and school holidays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// Its code.
    pub code: String,
    /// Public holidays (`PH` in schedules) of the years that are known.
    pub public: BTreeMap<i32, BTreeSet<NaiveDate>>,
    /// School holidays (`SH` in schedules) of the years that are known.
    pub school: BTreeMap<i32, BTreeSet<NaiveDate>>,
}

impl Calendar {
    /// Whether a day is a public holiday; none where its year is not known.
    pub fn is_public(&self, day: NaiveDate) -> Option<bool> {
        self.public.get(&day.year()).map(|days| days.contains(&day))
    }

    /// Whether a day is a school holiday; none where its year is not known.
    pub fn is_school(&self, day: NaiveDate) -> Option<bool> {
        self.school.get(&day.year()).map(|days| days.contains(&day))
    }

    /// As schedules take it.
    pub(super) fn holidays(&self) -> ContextHolidays {
        ContextHolidays::new(Arc::new(compact(&self.public)), Arc::new(compact(&self.school)))
    }
}

fn compact(years: &BTreeMap<i32, BTreeSet<NaiveDate>>) -> CompactCalendar {
    let mut calendar = CompactCalendar::default();
    for day in years.values().flatten() {
        calendar.insert(*day);
    }
    calendar
}
