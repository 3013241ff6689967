//! Values: what stands in a column, as the type that the field declares.
//!
//! An empty, unreadable or over-long value of a required or key field costs the row; an unreadable value of any
//! other field is left empty with a warning, since a mistyped date must not cost a parcel.

mod codes;
mod form;
mod moment;
mod number;
pub mod personal;
mod spelling;

pub use moment::{parse_date, parse_instant};
pub use number::{NumberStyle, parse_integer, parse_real};
pub use spelling::{folded, trimmed, undo_mojibake};

pub(in crate::check) use codes::Codes;
use codes::Meaning;

use super::finding::{Notes, Reason, Repair, Warning};
use crate::definition::{FieldDefinition, FieldType, Form};
use crate::feature::Value;
use crate::limits::MAX_TEXT_BYTES;

/// Reads the values of one field.
#[derive(Debug, Clone)]
pub struct FieldReader {
    name: String,
    kind: FieldType,
    required: bool,
    key: bool,
    style: NumberStyle,
    codes: Option<Codes>,
    form: Option<Form>,
}

impl FieldReader {
    /// A reader for a field; `key` says whether it is part of the layer's key.
    pub fn new(field: &FieldDefinition, key: bool, style: NumberStyle) -> Self {
        Self {
            name: field.name.clone(),
            kind: field.kind,
            required: field.required,
            key,
            style,
            codes: Codes::of(field),
            form: field.form,
        }
    }

    /// The value as the field's type.
    ///
    /// # Errors
    /// A [`Reason`] to refuse the row.
    pub fn read(&self, value: Value, notes: &mut Notes) -> Result<Value, Reason> {
        let value = match (value, self.kind) {
            (Value::Null, _) => Value::Null,
            (Value::Text(text), _) => self.read_text(text, notes)?,
            (value @ Value::Integer(_), FieldType::Integer)
            | (value @ Value::Boolean(_), FieldType::Boolean)
            | (value @ Value::Date(_), FieldType::Date)
            | (value @ Value::DateTime(_), FieldType::DateTime) => value,
            (Value::Real(number), FieldType::Real) => {
                if number.is_finite() {
                    Value::Real(number)
                } else {
                    Value::Null
                }
            }
            (value, _) => self.converted(&value, notes)?,
        };
        let value = match (&self.codes, self.form, value) {
            (Some(codes), _, value) if !value.is_null() => self.coded(codes, value, notes)?,
            (_, Some(form), Value::Text(text)) => Value::Text(form::written(form, text)?),
            (_, _, value) => value,
        };
        if self.required && value.is_null() {
            return Err(Reason::MissingValue(self.name.clone()));
        }
        Ok(value)
    }

    fn read_text(&self, text: String, notes: &mut Notes) -> Result<Value, Reason> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Reason::TextTooLong { field: self.name.clone(), bytes: text.len() });
        }
        if self.kind == FieldType::Text {
            return self.text(text, notes);
        }
        let word = trimmed(&text);
        if is_nothing(word) {
            return Ok(Value::Null);
        }
        let value = match self.kind {
            FieldType::Text => None,
            FieldType::Integer => parse_integer(word, self.style).map(Value::Integer),
            FieldType::Real => parse_real(word, self.style).map(Value::Real),
            FieldType::Boolean => parse_boolean(word).map(Value::Boolean),
            FieldType::Date | FieldType::DateTime if moment::is_no_date(word) => return Ok(Value::Null),
            FieldType::Date => parse_date(word).map(Value::Date),
            FieldType::DateTime => parse_instant(word).map(Value::DateTime),
        };
        match value {
            Some(value) => Ok(value),
            // A code list may spell out a coded number ("Primaria" for 2).
            None => match self.codes.as_ref().and_then(|codes| codes.meaning(word)) {
                Some(Meaning::Title(code)) if self.kind == FieldType::Integer => {
                    notes.repaired(Repair::CodeFromTitle { field: self.name.clone(), value: word.to_owned() }, None);
                    Ok(code.parse().map_or(Value::Null, Value::Integer))
                }
                _ => self.unreadable(word, notes),
            },
        }
    }

    fn text(&self, text: String, notes: &mut Notes) -> Result<Value, Reason> {
        let text = match undo_mojibake(&text) {
            Some(decoded) => {
                let value = trimmed(&decoded).to_owned();
                notes.repaired(Repair::Mojibake { field: self.name.clone(), value: value.clone() }, None);
                value
            }
            None => text,
        };
        let word = trimmed(&text);
        if is_nothing(word) {
            return Ok(Value::Null);
        }
        if personal::holds_tax_code(word) {
            return Err(Reason::PersonalData(self.name.clone()));
        }
        if !word.is_ascii() && word.contains(char::REPLACEMENT_CHARACTER) {
            notes.warnings.push(Warning::LostCharacters { field: self.name.clone(), value: word.to_owned() });
        }
        let word = if word.len() == text.len() { text } else { word.to_owned() };
        Ok(Value::Text(if word.contains('\0') { word.replace('\0', "") } else { word }))
    }

    /// A typed value as another type, where nothing is lost.
    fn converted(&self, value: &Value, notes: &mut Notes) -> Result<Value, Reason> {
        let converted = match (value, self.kind) {
            (Value::Real(number), _) if !number.is_finite() => return Ok(Value::Null),
            (Value::Integer(number), FieldType::Text) => return self.text(number.to_string(), notes),
            (Value::Real(number), FieldType::Text) => {
                return self.text(spelling::number_text(*number).into_owned(), notes);
            }
            (value, FieldType::Text) => Some(Value::Text(shown(value))),
            (Value::Integer(number), FieldType::Real) => Some(Value::Real(*number as f64)),
            (Value::Real(number), FieldType::Integer) => number::whole(*number).map(Value::Integer),
            (Value::Boolean(flag), FieldType::Integer) => Some(Value::Integer(i64::from(*flag))),
            (Value::Integer(number @ (0 | 1)), FieldType::Boolean) => Some(Value::Boolean(*number == 1)),
            (Value::Real(number), FieldType::Boolean) => number::whole(*number)
                .filter(|number| (0..=1).contains(number))
                .map(|number| Value::Boolean(number == 1)),
            (Value::DateTime(instant), FieldType::Date) => Some(Value::Date(instant.date_naive())),
            (Value::Date(day), FieldType::DateTime) => {
                day.and_hms_opt(0, 0, 0).map(|naive| Value::DateTime(naive.and_utc()))
            }
            // 20240131 typed as a number, as DBF files have it.
            (Value::Integer(_) | Value::Real(_), FieldType::Date) => parse_date(&shown(value)).map(Value::Date),
            _ => None,
        };
        match converted {
            Some(value) => Ok(value),
            None => self.unreadable(&shown(value), notes),
        }
    }

    fn unreadable(&self, word: &str, notes: &mut Notes) -> Result<Value, Reason> {
        let (field, value, wanted) = (self.name.clone(), word.to_owned(), self.kind);
        if self.required || self.key {
            return Err(Reason::BadValue { field, value, wanted });
        }
        notes.warnings.push(Warning::ValueLeftEmpty { field, value, wanted });
        Ok(Value::Null)
    }

    fn coded(&self, codes: &Codes, value: Value, notes: &mut Notes) -> Result<Value, Reason> {
        let word = match &value {
            Value::Text(text) if codes.holds(text) => return Ok(value),
            Value::Text(text) => text.clone(),
            other => shown(other),
        };
        if codes.holds(&word) {
            return Ok(value);
        }
        let field = self.name.clone();
        let meaning = if self.kind == FieldType::Text { codes.meaning(&word) } else { None };
        Ok(match meaning {
            Some(Meaning::Spelling(code)) => Value::Text(code.clone()),
            Some(Meaning::Theirs(code)) => {
                notes.repaired(Repair::CodeTranslated { field, value: word, code: code.clone() }, None);
                Value::Text(code.clone())
            }
            Some(Meaning::Title(code)) => {
                notes.repaired(Repair::CodeFromTitle { field, value: word }, None);
                Value::Text(code.clone())
            }
            Some(Meaning::Blank) => Value::Null,
            Some(Meaning::Elsewhere(layer)) => {
                return Err(Reason::Elsewhere { field, value: word, layer: layer.clone() });
            }
            None => {
                if codes.is_closed() {
                    notes.warnings.push(Warning::UnlistedCode { field, value: word });
                }
                value
            }
        })
    }
}

/// The ways in which programs write "nothing", the asterisks of an overflowed DBF number included.
fn is_nothing(word: &str) -> bool {
    word.is_empty()
        || ["null", "<null>", "\\n", "nan", "(null)"].iter().any(|nothing| word.eq_ignore_ascii_case(nothing))
        || (word.len() > 1 && word.bytes().all(|byte| byte == b'*'))
}

/// Yes or no in Italian, English and the letters of DBF.
pub fn parse_boolean(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "sì" | "si" | "si'" | "s" | "vero" | "v" | "true" | "t" | "yes" | "y" | "1" | "x" | "1.0" => Some(true),
        "no" | "n" | "falso" | "f" | "false" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

/// A value as it is shown to people and used in keys.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => spelling::number_text(*number).into_owned(),
        Value::Text(text) => text.clone(),
        Value::Date(day) => day.to_string(),
        Value::DateTime(instant) => instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{CodedValue, Text};

    fn field(kind: FieldType) -> FieldDefinition {
        FieldDefinition {
            name: "f".to_owned(),
            kind,
            title: Text::default(),
            required: false,
            visibility: crate::definition::Visibility::Public,
            tile: true,
            unit: None,
            aliases: Vec::new(),
            values: Vec::new(),
            blank: Vec::new(),
            elsewhere: std::collections::BTreeMap::new(),
            append: None,
            form: None,
            derive: None,
            bound: None,
        }
    }

    fn read(field: &FieldDefinition, value: Value) -> (Result<Value, Reason>, Notes) {
        let mut notes = Notes::default();
        (FieldReader::new(field, false, NumberStyle::Point).read(value, &mut notes), notes)
    }

    fn text(word: &str) -> Value {
        Value::Text(word.to_owned())
    }

    #[test]
    fn text_is_trimmed_and_empty_text_is_no_value() {
        let field = field(FieldType::Text);
        assert_eq!(read(&field, text("  Via Roma\u{a0}\0")).0, Ok(text("Via Roma")));
        for nothing in ["", "   ", "NULL", "<Null>", "***"] {
            assert_eq!(read(&field, text(nothing)).0, Ok(Value::Null), "{nothing}");
        }
    }

    #[test]
    fn values_are_converted_when_nothing_is_lost() {
        assert_eq!(read(&field(FieldType::Text), Value::Real(12.0)).0, Ok(text("12")));
        assert_eq!(read(&field(FieldType::Text), Value::Real(0.5)).0, Ok(text("0.5")));
        assert_eq!(read(&field(FieldType::Integer), Value::Real(12.0)).0, Ok(Value::Integer(12)));
        assert_eq!(read(&field(FieldType::Boolean), text("Sì")).0, Ok(Value::Boolean(true)));
        assert_eq!(read(&field(FieldType::Boolean), Value::Integer(0)).0, Ok(Value::Boolean(false)));
        assert_eq!(
            read(&field(FieldType::Date), Value::Integer(20_240_131)).0,
            Ok(Value::Date(chrono::NaiveDate::from_ymd_opt(2024, 1, 31).expect("a day")))
        );
        assert_eq!(read(&field(FieldType::Real), Value::Real(f64::NAN)).0, Ok(Value::Null));
    }

    #[test]
    fn an_unreadable_value_is_left_empty_or_costs_the_row_when_required() {
        let mut date = field(FieldType::Date);
        let (value, notes) = read(&date, text("31/02/2020"));
        assert_eq!(value, Ok(Value::Null));
        assert_eq!(notes.warnings.len(), 1);
        date.required = true;
        assert!(matches!(read(&date, text("31/02/2020")).0, Err(Reason::BadValue { .. })));
        assert_eq!(read(&date, text(" ")).0, Err(Reason::MissingValue("f".to_owned())));
    }

    #[test]
    fn half_a_number_is_no_integer() {
        let (value, notes) = read(&field(FieldType::Integer), Value::Real(12.5));
        assert_eq!((value, notes.warnings.len()), (Ok(Value::Null), 1));
    }

    #[test]
    fn codes_are_found_by_code_and_by_title_and_others_are_reported() {
        let mut school = field(FieldType::Text);
        school.values = vec![CodedValue {
            code: "primary".to_owned(),
            title: Text { it: "Scuola primaria".to_owned(), en: "Primary school".to_owned() },
            also: vec!["EE".to_owned()],
        }];
        assert_eq!(read(&school, text("primary")), (Ok(text("primary")), Notes::default()));
        assert_eq!(read(&school, text("PRIMARY")), (Ok(text("primary")), Notes::default()));
        let (value, notes) = read(&school, text("SCUOLA PRIMARIA"));
        assert_eq!((value, notes.repairs.len()), (Ok(text("primary")), 1));
        let (value, notes) = read(&school, text("ee"));
        assert_eq!((value, notes.repairs[0].0.code()), (Ok(text("primary")), "code_translated"));
        let (value, notes) = read(&school, text("university"));
        assert_eq!((value, notes.warnings.len()), (Ok(text("university")), 1));
    }

    #[test]
    fn values_that_say_nothing_are_left_out_and_rows_of_other_layers_are_told() {
        let mut kind = field(FieldType::Text);
        kind.blank = vec!["yes".to_owned()];
        kind.elsewhere.insert("parcels".to_owned(), vec!["T".to_owned()]);
        assert_eq!(read(&kind, text("Yes")), (Ok(Value::Null), Notes::default()));
        assert_eq!(read(&kind, text("barn")), (Ok(text("barn")), Notes::default()));
        let refused = read(&kind, text("T")).0.expect_err("another layer's");
        assert!(matches!(refused, Reason::Elsewhere { layer, .. } if layer == "parcels"));
        kind.required = true;
        assert_eq!(read(&kind, text("yes")).0, Err(Reason::MissingValue("f".to_owned())));
    }

    #[test]
    fn a_tax_code_costs_the_row_and_is_not_repeated() {
        let refused = read(&field(FieldType::Text), text("Rossi RSSMRA80A01H501U")).0.expect_err("refused");
        assert_eq!(refused, Reason::PersonalData("f".to_owned()));
        assert!(!refused.text().it.contains("RSSMRA"));
    }

    #[test]
    fn text_over_the_limit_costs_the_row() {
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        assert!(matches!(read(&field(FieldType::Text), Value::Text(long)).0, Err(Reason::TextTooLong { .. })));
    }

    #[test]
    fn mojibake_is_repaired_and_lost_characters_are_reported() {
        let (value, notes) = read(&field(FieldType::Text), text("CittÃ\u{a0}"));
        assert_eq!((value, notes.repairs.len()), (Ok(text("Città")), 1));
        let (value, notes) = read(&field(FieldType::Text), text("Citt\u{fffd}"));
        assert_eq!((value, notes.warnings.len()), (Ok(text("Citt\u{fffd}")), 1));
    }
}
