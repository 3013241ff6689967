//! Columnar attributes: one [`Column`] per field, typed, with dictionaries where values repeat.

mod kept;
mod texts;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};

use crate::definition::FieldType;
use crate::feature::Value;
use texts::{Arena, Codes, NULL_CODE};

/// A value read from a column, without copying it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal number.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// A calendar date.
    Date(NaiveDate),
    /// An instant.
    DateTime(DateTime<Utc>),
}

impl ValueRef<'_> {
    /// True when there is no value.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Real(value) => Value::Real(value),
            Self::Text(value) => Value::Text(value.to_owned()),
            Self::Date(value) => Value::Date(value),
            Self::DateTime(value) => Value::DateTime(value),
        }
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(value) => serializer.serialize_str(value),
            other => other.to_value().serialize(serializer),
        }
    }
}

/// No value, in columns of plain texts: a byte that UTF-8 never holds cannot be stored in a `String`, so a
/// noncharacter stands for it (readers refuse it in data).
const NULL_TEXT: &str = "\u{FFFF}";
/// Rows after which a dictionary that does not pay is given up.
const TRIAL: usize = 4096;

/// The values of one field, by row.
#[derive(Debug)]
pub enum Column {
    /// Text that repeats: a code per row and a dictionary.
    Coded(CodedColumn),
    /// Text that is different nearly everywhere.
    Plain(PlainColumn),
    /// Whole numbers that fit 32 bits (`i32::MIN` = no value).
    Short(Vec<i32>),
    /// Whole numbers (`i64::MIN` = no value).
    Long(Vec<i64>),
    /// Decimal numbers (NaN = no value).
    Real(Vec<f64>),
    /// 0, 1, or 2 = no value.
    Boolean(Vec<u8>),
    /// Days since 1 January 1 CE (`i32::MIN` = no value).
    Date(Vec<i32>),
    /// Microseconds since 1970 (`i64::MIN` = no value).
    DateTime(Vec<i64>),
}

/// See [`Column::Coded`].
#[derive(Debug, Default)]
pub struct CodedColumn {
    codes: Codes,
    dictionary: Arena,
    index: FxHashMap<Box<str>, u32>,
}

/// See [`Column::Plain`].
#[derive(Debug, Default)]
pub struct PlainColumn {
    texts: Arena,
}

impl CodedColumn {
    /// The code of a row, unless it has no value. Equal codes are equal texts.
    pub fn code(&self, row: u32) -> Option<u32> {
        let code = self.codes.get(row as usize);
        (code != NULL_CODE).then_some(code)
    }

    /// Number of different texts.
    pub fn distinct(&self) -> usize {
        self.dictionary.ends.len()
    }

    fn intern(&mut self, text: &str) -> u32 {
        if let Some(code) = self.index.get(text) {
            return *code;
        }
        let code = self.dictionary.ends.len() as u32;
        self.dictionary.push(text);
        self.index.insert(text.into(), code);
        code
    }
}

impl Column {
    /// An empty column for a field type.
    pub fn new(kind: FieldType) -> Self {
        match kind {
            FieldType::Text => Self::Coded(CodedColumn::default()),
            FieldType::Integer => Self::Short(Vec::new()),
            FieldType::Real => Self::Real(Vec::new()),
            FieldType::Boolean => Self::Boolean(Vec::new()),
            FieldType::Date => Self::Date(Vec::new()),
            FieldType::DateTime => Self::DateTime(Vec::new()),
        }
    }

    /// The value of a row.
    pub fn get(&self, row: u32) -> ValueRef<'_> {
        let row = row as usize;
        match self {
            Self::Coded(column) => match column.codes.get(row) {
                NULL_CODE => ValueRef::Null,
                code => ValueRef::Text(column.dictionary.get(code as usize)),
            },
            Self::Plain(column) => match column.texts.get(row) {
                NULL_TEXT => ValueRef::Null,
                text => ValueRef::Text(text),
            },
            Self::Short(values) if values[row] == i32::MIN => ValueRef::Null,
            Self::Short(values) => ValueRef::Integer(values[row].into()),
            Self::Long(values) if values[row] == i64::MIN => ValueRef::Null,
            Self::Long(values) => ValueRef::Integer(values[row]),
            Self::Real(values) if values[row].is_nan() => ValueRef::Null,
            Self::Real(values) => ValueRef::Real(values[row]),
            Self::Boolean(values) => match values[row] {
                0 => ValueRef::Boolean(false),
                1 => ValueRef::Boolean(true),
                _ => ValueRef::Null,
            },
            Self::Date(values) => NaiveDate::from_num_days_from_ce_opt(values[row])
                .filter(|_| values[row] != i32::MIN)
                .map_or(ValueRef::Null, ValueRef::Date),
            Self::DateTime(values) if values[row] == i64::MIN => ValueRef::Null,
            Self::DateTime(values) => {
                Utc.timestamp_micros(values[row]).single().map_or(ValueRef::Null, ValueRef::DateTime)
            }
        }
    }

    /// Adds the value of the next row. A value of another type than the field's counts as none (stores hand
    /// out typed values; a row written by hand may differ).
    pub(super) fn push(&mut self, value: &Value) {
        if let (Self::Short(values), Value::Integer(number)) = (&mut *self, value)
            && i32::try_from(*number).map_or(true, |short| short == i32::MIN)
        {
            let wide = values.iter().map(|v| if *v == i32::MIN { i64::MIN } else { (*v).into() }).collect();
            *self = Self::Long(wide);
        }
        match (&mut *self, value) {
            (Self::Coded(column), Value::Text(text)) => {
                let code = column.intern(text);
                column.codes.push(code);
            }
            (Self::Coded(column), _) => column.codes.push(NULL_CODE),
            (Self::Plain(column), Value::Text(text)) => column.texts.push(text),
            (Self::Plain(column), _) => column.texts.push(NULL_TEXT),
            (Self::Short(values), Value::Integer(number)) => values.push(*number as i32),
            (Self::Long(values), Value::Integer(number)) => values.push(*number),
            (Self::Real(values), Value::Real(number)) => values.push(*number),
            (Self::Real(values), Value::Integer(number)) => values.push(*number as f64),
            (Self::Real(values), _) => values.push(f64::NAN),
            (Self::Boolean(values), Value::Boolean(flag)) => values.push((*flag).into()),
            (Self::Boolean(values), _) => values.push(2),
            (Self::Date(values), Value::Date(date)) => values.push(chrono::Datelike::num_days_from_ce(date)),
            (Self::DateTime(values), Value::DateTime(instant)) => values.push(instant.timestamp_micros()),
            (Self::Short(values) | Self::Date(values), _) => values.push(i32::MIN),
            (Self::Long(values) | Self::DateTime(values), _) => values.push(i64::MIN),
        }
        self.give_up_dictionary();
    }

    fn give_up_dictionary(&mut self) {
        if let Self::Coded(column) = self
            && column.codes.len() == TRIAL
            && column.distinct() > TRIAL / 2
        {
            *self = Self::Plain(column.spread());
        }
    }

    /// Appends the rows of another column of the same field.
    pub(super) fn append(&mut self, other: Self, rows: usize) {
        match (&mut *self, other) {
            (Self::Short(values), Self::Short(more)) | (Self::Date(values), Self::Date(more)) => values.extend(more),
            (Self::Long(values), Self::Long(more)) | (Self::DateTime(values), Self::DateTime(more)) => {
                values.extend(more);
            }
            (Self::Real(values), Self::Real(more)) => values.extend(more),
            (Self::Boolean(values), Self::Boolean(more)) => values.extend(more),
            (Self::Coded(column), Self::Coded(more)) => {
                let recode: Vec<u32> =
                    (0..more.distinct()).map(|code| column.intern(more.dictionary.get(code))).collect();
                let codes = more.codes.iter().map(|code| recode.get(code as usize).copied().unwrap_or(NULL_CODE));
                codes.for_each(|code| column.codes.push(code));
            }
            (Self::Plain(column), Self::Plain(more)) => {
                let shift = column.texts.bytes.len() as u32;
                column.texts.bytes.push_str(&more.texts.bytes);
                column.texts.ends.extend(more.texts.ends.iter().map(|end| end + shift));
            }
            // One part gave up its dictionary or widened its integers: value by value.
            (_, more) => (0..rows as u32).for_each(|row| self.push(&more.get(row).to_value())),
        }
    }

    /// Frees what only building needs.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Coded(column) => {
                column.index = FxHashMap::default();
                column.codes.finish(column.dictionary.ends.len());
                column.dictionary.shrink();
            }
            Self::Plain(column) => column.texts.shrink(),
            Self::Short(values) | Self::Date(values) => values.shrink_to_fit(),
            Self::Long(values) | Self::DateTime(values) => values.shrink_to_fit(),
            Self::Real(values) => values.shrink_to_fit(),
            Self::Boolean(values) => values.shrink_to_fit(),
        }
    }

    /// Rows whose value equals `value`, in order. Numbers compare as numbers (3 equals 3.0).
    pub fn rows_equal_to<'a>(&'a self, value: &'a Value) -> Box<dyn Iterator<Item = u32> + 'a> {
        match (self, value) {
            (Self::Coded(column), Value::Text(text)) => {
                let code = (0..column.distinct()).find(|code| column.dictionary.get(*code) == text);
                let rows = column.codes.iter().enumerate();
                Box::new(rows.filter(move |(_, c)| Some(*c as usize) == code).map(|(row, _)| row as u32))
            }
            (Self::Plain(column), Value::Text(text)) => {
                let rows = 0..column.texts.ends.len();
                Box::new(rows.filter(move |row| column.texts.get(*row) == text).map(|row| row as u32))
            }
            (Self::Short(values), Value::Integer(number)) => {
                let rows = values.iter().enumerate();
                Box::new(rows.filter(move |(_, v)| i64::from(**v) == *number).map(|(row, _)| row as u32))
            }
            _ => {
                let rows = 0..self.len() as u32;
                Box::new(rows.filter(move |row| self.get(*row).to_value() == *value))
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Coded(column) => column.codes.bytes() + column.dictionary.held(),
            Self::Plain(column) => column.texts.held(),
            Self::Short(values) | Self::Date(values) => values.len() * 4,
            Self::Long(values) | Self::DateTime(values) => values.len() * 8,
            Self::Real(values) => values.len() * 8,
            Self::Boolean(values) => values.len(),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Coded(column) => column.codes.len(),
            Self::Plain(column) => column.texts.ends.len(),
            Self::Short(values) | Self::Date(values) => values.len(),
            Self::Long(values) | Self::DateTime(values) => values.len(),
            Self::Real(values) => values.len(),
            Self::Boolean(values) => values.len(),
        }
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl CodedColumn {
    fn spread(&mut self) -> PlainColumn {
        let mut plain = PlainColumn::default();
        for code in self.codes.iter() {
            plain.texts.push(if code == NULL_CODE { NULL_TEXT } else { self.dictionary.get(code as usize) });
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(kind: FieldType, values: &[Value]) -> Column {
        let mut column = Column::new(kind);
        for value in values {
            column.push(value);
        }
        column
    }

    fn read(column: &Column) -> Vec<Value> {
        (0..column.len() as u32).map(|row| column.get(row).to_value()).collect()
    }

    #[test]
    fn every_type_reads_back_with_its_nulls() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day");
        let samples = [
            (
                FieldType::Text,
                vec![Value::Text("rio".into()), Value::Null, Value::Text(String::new()), Value::Text("rio".into())],
            ),
            (
                FieldType::Integer,
                vec![Value::Integer(-3), Value::Null, Value::Integer(5_000_000_000), Value::Integer(i32::MIN.into())],
            ),
            (FieldType::Real, vec![Value::Real(-0.5), Value::Null]),
            (FieldType::Boolean, vec![Value::Boolean(true), Value::Null, Value::Boolean(false)]),
            (FieldType::Date, vec![Value::Date(day), Value::Null]),
            (
                FieldType::DateTime,
                vec![Value::DateTime(Utc.timestamp_micros(1_700_000_000_123_456).single().expect("one")), Value::Null],
            ),
        ];
        for (kind, values) in samples {
            let mut column = filled(kind, &values);
            assert_eq!(read(&column), values);
            column.append(filled(kind, &values), values.len());
            column.finish();
            assert_eq!(read(&column), [values.clone(), values].concat());
        }
    }

    #[test]
    fn texts_that_never_repeat_leave_the_dictionary_and_still_append() {
        let value = |n: usize| if n % 100 == 7 { Value::Null } else { Value::Text(format!("Z999_{n:06}")) };
        let many: Vec<_> = (0..10_000).map(value).collect();
        let few: Vec<_> = (0..10).map(value).collect();
        let mut column = filled(FieldType::Text, &many);
        assert!(matches!(column, Column::Plain(_)));
        column.append(filled(FieldType::Text, &few), few.len());
        column.append(filled(FieldType::Text, &many), many.len());
        assert_eq!(read(&column), [many.clone(), few, many].concat());
        assert_eq!(column.rows_equal_to(&Value::Text("Z999_000003".into())).collect::<Vec<_>>(), [3, 10_003, 10_013]);
    }

    #[test]
    fn equality_scans_find_rows_in_every_form() {
        let column = filled(FieldType::Text, &["a", "b", "a"].map(|t| Value::Text(t.into())));
        assert_eq!(column.rows_equal_to(&Value::Text("a".into())).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(column.rows_equal_to(&Value::Text("c".into())).count(), 0);
        let column = filled(FieldType::Integer, &[Value::Integer(4), Value::Null, Value::Integer(4)]);
        assert_eq!(column.rows_equal_to(&Value::Integer(4)).collect::<Vec<_>>(), [0, 2]);
    }
}
