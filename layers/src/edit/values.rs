//! Properties of an edit: JSON values as the types that fields declare, and nothing else.
//!
//! A file may write a number as text; somebody who edits one feature is told.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value as Json;

use crate::definition::FieldType;
use crate::feature::Value;

/// Whole numbers of this size and beyond have neighbours that a JSON number with a fraction cannot tell apart.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a field; `None` when the JSON is not of its type.
pub(super) fn typed(kind: FieldType, json: &Json) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Null);
    }
    Some(match kind {
        FieldType::Text => Value::Text(json.as_str()?.to_owned()),
        FieldType::Boolean => Value::Boolean(json.as_bool()?),
        FieldType::Integer => Value::Integer(json.as_i64().or_else(|| whole(json.as_f64()?))?),
        FieldType::Real => Value::Real(json.as_f64().filter(|number| number.is_finite())?),
        FieldType::Date => Value::Date(json.as_str()?.parse::<NaiveDate>().ok()?),
        FieldType::DateTime => Value::DateTime(json.as_str()?.parse::<DateTime<Utc>>().ok()?),
    })
}

/// `12.0` is a whole number, as JSON knows no other.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < LARGEST_EXACT).then_some(number as i64)
}

/// What a field takes, in words.
pub(super) const fn wanted(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "a text",
        FieldType::Boolean => "true or false",
        FieldType::Integer => "a whole number",
        FieldType::Real => "a number",
        FieldType::Date => "a date such as \"2026-01-31\"",
        FieldType::DateTime => "an instant such as \"2026-01-31T12:00:00Z\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_has_the_type_of_its_field_or_none() {
        assert_eq!(typed(FieldType::Integer, &json!(12.0)), Some(Value::Integer(12)));
        assert_eq!(typed(FieldType::Real, &json!(12)), Some(Value::Real(12.0)));
        assert_eq!(typed(FieldType::Date, &json!(null)), Some(Value::Null));
        for (kind, wrong) in [
            (FieldType::Integer, json!("12")),
            (FieldType::Integer, json!(12.5)),
            (FieldType::Integer, json!(1e300)),
            (FieldType::Text, json!(12)),
            (FieldType::Text, json!({"a": 1})),
            (FieldType::Boolean, json!("yes")),
            (FieldType::Boolean, json!(1)),
            (FieldType::Date, json!("31/01/2026")),
            (FieldType::Date, json!("2026-02-30")),
            (FieldType::DateTime, json!("2026-01-31")),
        ] {
            assert_eq!(typed(kind, &wrong), None, "{kind:?} {wrong}");
        }
    }
}
