//! Conditions in the words of `PostgreSQL` and `PostGIS`.
//!
//! Two things it says otherwise than our evaluator, which therefore looks again: letters beyond ASCII without their case or
//! accents (that depends on the database's locale), and powers and remainders of decimal numbers (which it computes by
//! other functions, or not at all). Where it refuses to compute (a quotient too large for a number, a geometry that crosses
//! itself) the whole question is asked again without it; see [`super::seek`].

use chrono::Timelike as _;
use geo_types::Geometry;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Arguments as _, Postgres};

use super::attach::quoted;
use super::schema::Schema;
use crate::query::Frame;
use crate::query::cql2::{Arithmetic, Folding, Pattern, Spatial};
use crate::store::condition::{DOUBT, Dialect, Given, Kind, Part, Term};
use crate::store::seek::Bound;
use crate::store::{StoreError, wkb};

/// The words for one layer, and the values that they speak of.
pub(super) struct Words<'a> {
    schema: &'a Schema,
    bound: Vec<Bound>,
}

const GEOMETRY: &str = "t.\"geom\"";

impl<'a> Words<'a> {
    pub fn of(schema: &'a Schema) -> Self {
        Self { schema, bound: Vec::new() }
    }

    /// A statement with its values.
    pub fn query<'q>(&self, sql: &'q str) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
        let mut arguments = PgArguments::default();
        for value in &self.bound {
            let added = match value {
                Bound::Integer(value) => arguments.add(value),
                Bound::Real(value) => arguments.add(value),
                Bound::Text(value) => arguments.add(value),
                Bound::Boolean(value) => arguments.add(value),
                Bound::Date(value) => arguments.add(value),
                Bound::Instant(value) => arguments.add(value),
                Bound::Geometry(value) => arguments.add(value),
            };
            added.map_err(|error| StoreError::Uncomputable(error.to_string()))?;
        }
        Ok(sqlx::query_with(sql, arguments))
    }

    /// A function of `PostGIS`, in whatever schema it is.
    pub fn function(&self, name: &str) -> String {
        self.postgis().map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
    }

    fn operator(&self, name: &str) -> String {
        self.postgis().map_or_else(|| name.to_owned(), |schema| format!("OPERATOR({schema}.{name})"))
    }

    /// The schema of the extension, where it is not on the path.
    fn postgis(&self) -> Option<String> {
        self.schema.source.as_ref().map(|source| quoted(&source.postgis))
    }

    fn is_empty(&self) -> String {
        format!("{}({GEOMETRY})", self.function("ST_IsEmpty"))
    }

    fn column(&self, field: usize) -> String {
        format!("t.\"{}\"", self.schema.definition.fields[field].name)
    }

    fn given(&mut self, geometry: &Geometry<f64>) -> String {
        let mut bytes = Vec::new();
        wkb::encode(geometry, &mut bytes);
        self.bound.push(Bound::Geometry(bytes));
        format!("{}(${}, {})", self.function("ST_GeomFromWKB"), self.bound.len(), self.schema.srid)
    }

    fn envelope(&mut self, corners: [f64; 4]) -> String {
        let marks = corners.map(|value| {
            self.bound.push(Bound::Real(value));
            format!("${}", self.bound.len())
        });
        format!("{}({}, {})", self.function("ST_MakeEnvelope"), marks.join(", "), self.schema.srid)
    }

    /// Texts of tables that are not ours may be other ones than those that are published; see [`super::guard`].
    fn is_doubtful(&self, field: usize) -> bool {
        self.schema.source.is_some() && Kind::of(self.schema.definition.fields[field].kind) == Kind::Text
    }
}

impl Dialect for Words<'_> {
    fn bind(&mut self, value: Bound) -> Option<String> {
        let is_sayable = match &value {
            Bound::Text(text) => !text.contains('\0'),
            // The database counts microseconds.
            Bound::Instant(instant) => {
                instant.nanosecond() < 1_000_000_000 && instant.nanosecond().is_multiple_of(1_000)
            }
            _ => true,
        };
        is_sayable.then(|| {
            self.bound.push(value);
            format!("${}", self.bound.len())
        })
    }

    fn field(&self, field: usize) -> Term {
        let kind = Kind::of(self.schema.definition.fields[field].kind);
        let guards = if self.is_doubtful(field) { vec![DOUBT.to_owned()] } else { Vec::new() };
        Term { sql: self.column(field), kind, guards }
    }

    fn is_null(&self, field: usize, wanted: bool) -> Part {
        if self.is_doubtful(field) {
            return Part::unknown();
        }
        Part::exact(format!("{} IS {}NULL", self.column(field), if wanted { "" } else { "NOT " }))
    }

    fn id(&self) -> String {
        "t.\"fid\"".to_owned()
    }

    fn sort_key(&self, field: Option<usize>) -> String {
        let Some(field) = field else { return self.id() };
        match Kind::of(self.schema.definition.fields[field].kind) {
            Kind::Text => self.text(&self.column(field)),
            _ => self.column(field),
        }
    }

    fn real(&self, number: &str) -> String {
        format!("({number})::float8")
    }

    fn arithmetic(&self, operator: Arithmetic, left: &str, right: &str) -> Option<String> {
        Some(match operator {
            Arithmetic::Add => format!("({left} + {right})"),
            Arithmetic::Subtract => format!("({left} - {right})"),
            Arithmetic::Multiply => format!("({left} * {right})"),
            Arithmetic::Divide => format!("({left} / NULLIF({right}, 0::float8))"),
            Arithmetic::Quotient => format!("trunc({left} / NULLIF({right}, 0::float8))"),
            Arithmetic::Remainder | Arithmetic::Power => return None,
        })
    }

    fn text(&self, text: &str) -> String {
        format!("{text} COLLATE \"C\"")
    }

    fn folded(&self, folding: Folding, text: &str) -> (String, Option<String>) {
        let is_ascii = format!("octet_length({text}) = char_length({text})");
        let folded = match folding {
            Folding::Case => format!("lower({text} COLLATE \"C\")"),
            Folding::Accents => text.to_owned(),
        };
        (folded, Some(is_ascii))
    }

    fn first_instant(&self, day: &str) -> String {
        format!("(({day})::timestamp AT TIME ZONE 'UTC')")
    }

    fn open_ends(&self) -> [String; 2] {
        ["'-infinity'::timestamptz", "'infinity'::timestamptz"].map(str::to_owned)
    }

    fn like(&mut self, text: &str, pattern: &Pattern) -> Option<String> {
        let pattern = pattern.written("%", "_", |c, out| {
            if matches!(c, '%' | '_' | '\\') {
                out.push('\\');
            }
            out.push(c);
        });
        let pattern = self.bind(Bound::Text(pattern))?;
        Some(format!("{text} COLLATE \"C\" LIKE {pattern}"))
    }

    fn relation(&mut self, relation: Spatial, given: &Given<'_>, wanted: bool) -> Part {
        let name = match relation {
            Spatial::Intersects | Spatial::Disjoint => "ST_Intersects",
            Spatial::Equals => "ST_Equals",
            Spatial::Touches => "ST_Touches",
            Spatial::Crosses => "ST_Crosses",
            Spatial::Within => "ST_Within",
            Spatial::Contains => "ST_Contains",
            Spatial::Overlaps => "ST_Overlaps",
        };
        let name = self.function(name);
        let other = self.given(given.geometry);
        let holds = if given.is_first {
            format!("{name}({other}, {GEOMETRY})")
        } else {
            format!("{name}({GEOMETRY}, {other})")
        };
        // Of two that are apart nothing else is said but that they are.
        Part::exact(if wanted == (relation != Spatial::Disjoint) {
            format!("({GEOMETRY} {} {other} AND {holds})", self.operator("&&"))
        } else {
            format!("(NOT {holds} AND NOT {})", self.is_empty())
        })
    }

    fn is_placeless(&mut self, wanted: bool) -> Part {
        Part::exact(if wanted {
            format!("({GEOMETRY} IS NULL OR {})", self.is_empty())
        } else {
            format!("(NOT {})", self.is_empty())
        })
    }

    fn frame(&mut self, frame: &Frame) -> Part {
        let maybe = match frame.outer {
            Some(outer) => format!("{GEOMETRY} {} {}", self.operator("&&"), self.envelope(outer)),
            None => format!("{GEOMETRY} IS NOT NULL"),
        };
        let surely = match frame.inner {
            Some(inner) => {
                let inner = self.envelope(inner);
                format!("({GEOMETRY} {} {inner} AND NOT {})", self.operator("@"), self.is_empty())
            }
            None => "FALSE".to_owned(),
        };
        Part { maybe, surely }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::harm::no_value_stands;

    fn definition() -> crate::definition::LayerDefinition {
        let text = "id = \"x\"\ntitle = { it = \"t\", en = \"t\" }\ndescription = { it = \"d\", en = \"d\" }\ntheme = \"green\"\n\
                    geometry = \"point\"\ncrs = \"EPSG:7795\"\n[[field]]\nname = \"name\"\ntype = \"text\"\n\
                    title = { it = \"n\", en = \"n\" }";
        toml::from_str(text).expect("a definition")
    }

    #[test]
    fn no_value_ever_stands_in_a_statement() {
        let schema = Schema::of("city", &definition()).expect("a schema");
        no_value_stands(&schema.definition, || Words::of(&schema));
    }
}
