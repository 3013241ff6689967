//! Which features are valid on a date, by the data's own `valid_from` and `valid_to`.

use chrono::NaiveDate;

use super::column::ValueRef;
use super::snapshot::RowRef;
use crate::definition::LayerDefinition;

/// Chooses the rows of a snapshot that are valid on one of some days: `valid_from` ≤ day < `valid_to`, either end open
/// where it has no value or the layer has no such field. Made once for an answer and asked for each row that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
    from: Option<usize>,
    to: Option<usize>,
}

impl Validity {
    /// For the rows of a layer; every row is valid without a date.
    pub fn of(definition: &LayerDefinition, date: Option<NaiveDate>) -> Self {
        Self::between(definition, date, date)
    }

    /// As [`Self::of`], for rows that are valid on one of the days from the first to the last; an end that is missing is
    /// open.
    pub fn between(definition: &LayerDefinition, first: Option<NaiveDate>, last: Option<NaiveDate>) -> Self {
        let field = |name| definition.field(name).map(|(position, _)| position);
        Self { first, last, from: last.and_then(|_| field("valid_from")), to: first.and_then(|_| field("valid_to")) }
    }

    /// Whether every row is valid, so that nothing needs to be asked.
    pub const fn is_always(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether a row is valid.
    pub fn holds(&self, row: RowRef<'_>) -> bool {
        let day = |field: usize| match row.base.value(row.row, field) {
            ValueRef::Date(day) => Some(day),
            ValueRef::DateTime(instant) => Some(instant.date_naive()),
            _ => None,
        };
        let (from, to) = (self.from.and_then(day), self.to.and_then(day));
        let has_begun = from.zip(self.last).is_none_or(|(from, last)| from <= last);
        has_begun && to.zip(self.first).is_none_or(|(to, first)| first < to)
    }
}
