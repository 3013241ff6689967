//! What a check can say of a row: reasons to refuse it, repairs made to it, warnings about it.
//!
//! Each has a stable code for programs and a sentence in the two languages of the house for people.

mod flaw;
mod note;
mod reason;
mod tally;

pub use flaw::{Flaw, RingName, Unrepaired};
pub use note::{Notes, Repair, Warning};
pub use reason::{Reason, Refusal};
pub use tally::{Example, MAX_EXAMPLES, Tallies, Tally};

use super::value::personal;
use crate::definition::{FieldType, Text};

pub(crate) fn text(it: impl Into<String>, en: impl Into<String>) -> Text {
    Text { it: it.into(), en: en.into() }
}

fn bad_value(field: &str, value: &str, wanted: FieldType) -> Text {
    let (it, en) = match wanted {
        FieldType::Text => ("un testo", "text"),
        FieldType::Integer => ("un numero intero", "a whole number"),
        FieldType::Real => ("un numero", "a number"),
        FieldType::Boolean => ("sì o no", "yes or no"),
        FieldType::Date => ("una data", "a date"),
        FieldType::DateTime => ("una data con ora", "a date with time"),
    };
    let value = quote(value);
    text(format!("campo «{field}»: \"{value}\" non è {it}"), format!("field \"{field}\": \"{value}\" is not {en}"))
}

/// A value as it may be shown in a report: shortened, and hidden when it looks like a person's tax code.
pub fn quote(value: &str) -> String {
    if personal::holds_tax_code(value) {
        return "***".to_owned();
    }
    let mut shown: String = value.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}
