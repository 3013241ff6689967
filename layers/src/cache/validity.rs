//! Which features are valid on a date, by the data's own `valid_from` and `valid_to`.

use chrono::NaiveDate;

use super::column::ValueRef;
use super::snapshot::RowRef;
use crate::definition::LayerDefinition;

/// Chooses the rows of a snapshot that are valid on a date: `valid_from` ≤ date < `valid_to`, either end open where
/// it has no value or the layer has no such field. Made once for an answer and asked for each row that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    date: Option<NaiveDate>,
    from: Option<usize>,
    to: Option<usize>,
}

impl Validity {
    /// For the rows of a layer; every row is valid without a date.
    pub fn of(definition: &LayerDefinition, date: Option<NaiveDate>) -> Self {
        let field = |name| date.and_then(|_| definition.field(name)).map(|(position, _)| position);
        Self { date, from: field("valid_from"), to: field("valid_to") }
    }

    /// Whether every row is valid, so that nothing needs to be asked.
    pub const fn is_always(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether a row is valid.
    pub fn holds(&self, row: RowRef<'_>) -> bool {
        let Some(date) = self.date else { return true };
        let day = |field: usize| match row.base.value(row.row, field) {
            ValueRef::Date(day) => Some(day),
            ValueRef::DateTime(instant) => Some(instant.date_naive()),
            _ => None,
        };
        self.from.and_then(day).is_none_or(|from| from <= date) && self.to.and_then(day).is_none_or(|to| date < to)
    }
}
