//! Conditions in the words of `SQLite`, and those that it is taught: what it lacks, or means otherwise than our evaluator, are
//! functions of ours, which run in this process.
//!
//! Relations of geometries are decided by our evaluator alone; `SQLite` only passes over what lies elsewhere.

use chrono::{NaiveDate, NaiveTime};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Statement};

use super::schema::Schema;
use super::{blob, values};
use crate::query::Frame;
use crate::query::cql2::{Arithmetic, Folding, Pattern, Spatial, computed, folded};
use crate::store::condition::{Dialect, Given, Kind, Part, Term};
use crate::store::seek::Bound;

/// Bytes of a pattern that `GLOB` takes, and some to spare.
const LONGEST_PATTERN: usize = 45_000;
const GEOMETRY: &str = "t.\"geom\"";

/// Gives a connection the functions that [`Words`] speak of.
pub(super) fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    // Microseconds since 1970; those of the first instant of a day.
    connection.create_scalar_function("bricola_micros", 1, flags, |context| {
        let ValueRef::Text(bytes) = context.get_raw(0) else { return Ok(None) };
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
        let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
        Ok(day().or_else(|| values::instant(text)).map(|instant| instant.timestamp_micros()))
    })?;
    for (name, folding) in [("bricola_casei", Folding::Case), ("bricola_accenti", Folding::Accents)] {
        connection.create_scalar_function(name, 1, flags, move |context| {
            let ValueRef::Text(bytes) = context.get_raw(0) else { return Ok(None) };
            Ok(std::str::from_utf8(bytes).ok().map(|text| folded(folding, text).into_owned()))
        })?;
    }
    connection.create_scalar_function("bricola_computed", 3, flags, |context| {
        let (Some(left), Some(right)) = (number(context, 1), number(context, 2)) else { return Ok(None) };
        let operator = OPERATORS.get(context.get::<i64>(0)? as usize);
        let result = operator.map(|operator| computed(*operator, left, right));
        Ok(result.filter(|result| result.is_finite()))
    })?;
    // Whether a geometry's box touches a box; null where there is none.
    connection.create_scalar_function("bricola_meets", 5, flags, |context| {
        Ok(boxes(context, |own, other| {
            own[0] <= other[2] && own[2] >= other[0] && own[1] <= other[3] && own[3] >= other[1]
        }))
    })?;
    connection.create_scalar_function("bricola_inside", 5, flags, |context| {
        Ok(boxes(context, |own, other| {
            own[0] > other[0] && own[2] < other[2] && own[1] > other[1] && own[3] < other[3]
        }))
    })
}

const OPERATORS: [Arithmetic; 7] = [
    Arithmetic::Add,
    Arithmetic::Subtract,
    Arithmetic::Multiply,
    Arithmetic::Divide,
    Arithmetic::Quotient,
    Arithmetic::Remainder,
    Arithmetic::Power,
];

fn number(context: &Context<'_>, place: usize) -> Option<f64> {
    match context.get_raw(place) {
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) => Some(number),
        _ => None,
    }
}

fn boxes(context: &Context<'_>, holds: impl Fn([f64; 4], [f64; 4]) -> bool) -> Option<bool> {
    let ValueRef::Blob(bytes) = context.get_raw(0) else { return None };
    let other = [1, 2, 3, 4].map(|place| number(context, place));
    let [Some(west), Some(south), Some(east), Some(north)] = other else { return None };
    blob::bounds_of(bytes).map(|own| holds(own, [west, south, east, north]))
}

/// The words for one layer, and the values that they speak of.
pub(super) struct Words<'a> {
    schema: &'a Schema,
    bound: Vec<Sql>,
}

impl<'a> Words<'a> {
    pub fn of(schema: &'a Schema) -> Self {
        Self { schema, bound: Vec::new() }
    }

    /// Gives a statement the values that it speaks of: the first ones.
    pub fn fill(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        for (place, value) in self.bound.iter().take(statement.parameter_count()).enumerate() {
            statement.raw_bind_parameter(place + 1, value)?;
        }
        Ok(())
    }

    fn put(&mut self, value: Sql) -> String {
        self.bound.push(value);
        format!("?{}", self.bound.len())
    }

    fn column(&self, field: usize) -> String {
        format!("t.\"{}\"", self.schema.definition.fields[field].name)
    }

    fn boxed(&mut self, function: &str, corners: [f64; 4]) -> String {
        let marks = corners.map(|value| self.put(Sql::Real(value)));
        format!("{function}({GEOMETRY}, {})", marks.join(", "))
    }

    /// Whether there is a geometry with a place, or none.
    fn is_placed(&mut self, wanted: bool) -> String {
        let everywhere = [f64::MIN, f64::MIN, f64::MAX, f64::MAX];
        format!("({} IS {}NULL)", self.boxed("bricola_meets", everywhere), if wanted { "NOT " } else { "" })
    }
}

impl Dialect for Words<'_> {
    fn bind(&mut self, value: Bound) -> Option<String> {
        Some(match value {
            Bound::Integer(value) => self.put(Sql::Integer(value)),
            Bound::Boolean(value) => self.put(Sql::Integer(value.into())),
            Bound::Real(value) => self.put(Sql::Real(value)),
            Bound::Text(value) => self.put(Sql::Text(value)),
            Bound::Date(day) => self.put(Sql::Integer(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros())),
            Bound::Instant(instant) => {
                if !instant.timestamp_subsec_nanos().is_multiple_of(1_000) {
                    return None;
                }
                self.put(Sql::Integer(instant.timestamp_micros()))
            }
            Bound::Geometry(_) => return None,
        })
    }

    fn field(&self, field: usize) -> Term {
        let kind = Kind::of(self.schema.definition.fields[field].kind);
        Term { sql: self.sort_key(Some(field)), kind, guards: Vec::new() }
    }

    fn is_null(&self, field: usize, wanted: bool) -> Part {
        Part::exact(format!("{} IS {}NULL", self.column(field), if wanted { "" } else { "NOT " }))
    }

    fn id(&self) -> String {
        "t.\"fid\"".to_owned()
    }

    fn sort_key(&self, field: Option<usize>) -> String {
        let Some(field) = field else { return self.id() };
        match Kind::of(self.schema.definition.fields[field].kind) {
            Kind::Date | Kind::Instant => format!("bricola_micros({})", self.column(field)),
            _ => self.column(field),
        }
    }

    fn real(&self, number: &str) -> String {
        format!("CAST({number} AS REAL)")
    }

    fn arithmetic(&self, operator: Arithmetic, left: &str, right: &str) -> Option<String> {
        let number = OPERATORS.iter().position(|known| *known == operator)?;
        Some(format!("bricola_computed({number}, {left}, {right})"))
    }

    fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn folded(&self, folding: Folding, text: &str) -> (String, Option<String>) {
        let function = match folding {
            Folding::Case => "bricola_casei",
            Folding::Accents => "bricola_accenti",
        };
        (format!("{function}({text})"), None)
    }

    fn first_instant(&self, day: &str) -> String {
        day.to_owned()
    }

    fn open_ends(&self) -> [String; 2] {
        // The least number cannot be written: its digits alone are too large for one.
        [-i64::MAX, i64::MAX].map(|end| end.to_string())
    }

    fn like(&mut self, text: &str, pattern: &Pattern) -> Option<String> {
        let pattern = pattern.written("*", "?", |c, out| match c {
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            c => out.push(c),
        });
        // It reads no further than to a NUL.
        if pattern.len() > LONGEST_PATTERN || pattern.contains('\0') {
            return None;
        }
        let pattern = self.put(Sql::Text(pattern));
        Some(format!("{text} GLOB {pattern}"))
    }

    fn relation(&mut self, relation: Spatial, given: &Given<'_>, wanted: bool) -> Part {
        let (low, high) = (given.bounds.min(), given.bounds.max());
        let meets = self.boxed("bricola_meets", [low.x, low.y, high.x, high.y]);
        if wanted == (relation != Spatial::Disjoint) {
            return Part::at_most(meets);
        }
        // Of two that are apart nothing else is said but that they are.
        Part { maybe: self.is_placed(true), surely: format!("(NOT {meets})") }
    }

    fn is_placeless(&mut self, wanted: bool) -> Part {
        Part::exact(self.is_placed(!wanted))
    }

    fn frame(&mut self, frame: &Frame) -> Part {
        let maybe = match frame.outer {
            Some(outer) => self.boxed("bricola_meets", outer),
            None => format!("{GEOMETRY} IS NOT NULL"),
        };
        let surely = match frame.inner {
            Some(inner) => self.boxed("bricola_inside", inner),
            None => "FALSE".to_owned(),
        };
        Part { maybe, surely }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::harm::no_value_stands;

    #[test]
    fn no_value_ever_stands_in_a_statement() {
        let schema = super::super::schema::tests::schema();
        no_value_stands(&schema.definition, || Words::of(&schema));
    }
}
