//! Which features are valid on a date, by the data's own `valid_from` and `valid_to`.

use chrono::NaiveDate;

use super::column::ValueRef;
use super::snapshot::RowRef;
use crate::definition::{FieldType, LayerDefinition};
use crate::feature::Value;
use crate::query::cql2::{Comparison, Condition, Scalar};

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

    /// The same as conditions, all of which hold for a row that is valid.
    pub fn conditions(&self, definition: &LayerDefinition) -> Vec<Condition> {
        let is_temporal = |field: usize| matches!(definition.fields[field].kind, FieldType::Date | FieldType::DateTime);
        let side = |field: Option<usize>, day: Option<NaiveDate>, comparison| {
            let (field, next) = (field.filter(|field| is_temporal(*field))?, day?.succ_opt()?);
            let (value, next) = (Scalar::Field(field), Scalar::Value(Value::Date(next)));
            let compared = Condition::Compare(comparison, value.clone(), next);
            Some(Condition::Any(vec![Condition::IsNull(value), compared]))
        };
        // Days are compared with the day after, so that instants may be too.
        let begun = side(self.from, self.last, Comparison::Less);
        let not_ended = side(self.to, self.first, Comparison::AtLeast);
        [begun, not_ended].into_iter().flatten().collect()
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
