//! Which columns of a table or view make id, geometry and fields.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::definition::{FieldDefinition, FieldType};

/// What becomes the id of a feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Key {
    /// A unique integer column.
    Integer(String),
    /// The hash of other unique columns.
    Hashed(Vec<String>),
    /// An integer column that is named like a key, without a promise that it is one.
    Likely(String),
    /// The place of the row in one reading; another reading may number anew.
    Row,
}

/// Where the rows of an attached layer are. `bricola.layers` keeps it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Source {
    /// What becomes the id.
    pub key: Key,
    /// The geometry column.
    pub geometry: String,
    /// Its type is `geography`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub geography: bool,
    /// It may hold curves, which are cut into straight pieces.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub curves: bool,
    /// Schema of the extension.
    pub postgis: String,
    /// Rows tell the transaction that wrote them.
    pub versions: bool,
    /// The columns of the fields, in the order of the definition.
    pub columns: Vec<String>,
}

/// A name in SQL.
pub(in super::super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Source {
    /// The rows with the columns of a managed table: `fid`, `version`, `geom` and the fields.
    pub fn rows(&self, table: &str, fields: &[FieldDefinition]) -> String {
        let version = if self.versions { "r.xmin::text::bigint" } else { "1" };
        let selected = self.fields(fields);
        format!(
            "(SELECT {} AS \"fid\", {version} AS \"version\", {} AS \"geom\"{selected} FROM {table} AS r)",
            self.id(),
            self.geometry(),
        )
    }

    /// A text that tells whether rows differ from what they were, whatever their order.
    pub fn content(&self, table: &str, fields: &[FieldDefinition]) -> String {
        if self.versions {
            // Whatever writes a row gives it the number of its transaction, which no other row of before has: so neither
            // geometries nor texts need be read.
            return format!(
                "SELECT concat_ws(' ', count(*), sum(hashtextextended(r.xmin::text, 0))) FROM {table} AS r"
            );
        }
        let fields = self.fields(fields);
        format!(
            "SELECT concat_ws(' ', count(*), sum(hashtextextended(n.*::text, 0)), sum(hashtextextended(n.*::text, 1))) \
             FROM (SELECT {} AS \"geom\"{fields} FROM {table} AS r) AS n",
            self.geometry()
        )
    }

    fn fields(&self, fields: &[FieldDefinition]) -> String {
        let mut selected = String::new();
        for (column, field) in self.columns.iter().zip(fields) {
            let _ = write!(selected, ", {} AS {}", value(column, field.kind), quoted(&field.name));
        }
        selected
    }

    fn id(&self) -> String {
        match &self.key {
            // As it is, so that its index is used.
            Key::Integer(column) => format!("r.{}", quoted(column)),
            Key::Hashed(columns) => {
                let texts: Vec<String> = columns.iter().map(|column| format!("r.{}::text", quoted(column))).collect();
                hashed(&texts.join(", "))
            }
            Key::Likely(column) => {
                let id = format!("r.{}", quoted(column));
                let turn = format!("row_number() OVER (PARTITION BY {id})");
                format!(
                    "CASE WHEN {id} IS NOT NULL AND {turn} = 1 THEN {id}::bigint ELSE {} END",
                    hashed(&format!("{id}::text, ({turn})::text"))
                )
            }
            Key::Row => "row_number() OVER ()".to_owned(),
        }
    }

    fn geometry(&self) -> String {
        let (column, postgis) = (quoted(&self.geometry), quoted(&self.postgis));
        let geometry = if self.geography { format!("r.{column}::{postgis}.geometry") } else { format!("r.{column}") };
        if !self.curves {
            return geometry;
        }
        format!(
            "CASE WHEN {postgis}.ST_HasArc({geometry}) THEN {postgis}.ST_CurveToLine({geometry}) ELSE {geometry} END"
        )
    }

    /// The arguments of `bricola.hook`, where its triggers can name the features.
    pub fn hook(&self) -> Option<Vec<String>> {
        match &self.key {
            Key::Integer(column) => Some(vec!["integer".to_owned(), column.clone()]),
            Key::Hashed(columns) => Some(std::iter::once("hashed".to_owned()).chain(columns.iter().cloned()).collect()),
            Key::Likely(_) | Key::Row => None,
        }
    }
}

/// The id that `bricola.feature_id` makes of some texts, where that is not: 52 bits, never 0.
fn hashed(texts: &str) -> String {
    format!("greatest(1, ('x' || substr(md5(ARRAY[{texts}]::text), 1, 13))::bit(52)::bigint)")
}

/// A column as a value of a field. What the field cannot hold (infinities, NaN) is null: one such value must not cost
/// the row, let alone the layer.
fn value(column: &str, kind: FieldType) -> String {
    let column = format!("r.{}", quoted(column));
    match kind {
        FieldType::Text => format!("{column}::text"),
        FieldType::Integer => format!("{column}::bigint"),
        FieldType::Real => format!("CASE WHEN abs({column}) <= 1e300 THEN {column}::double precision END"),
        FieldType::Boolean => format!("{column}::boolean"),
        FieldType::Date => format!("CASE WHEN isfinite({column}) THEN {column}::date END"),
        FieldType::DateTime => format!("CASE WHEN isfinite({column}) THEN {column}::timestamptz END"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_the_quotes_that_they_stand_in() {
        let source = Source {
            key: Key::Integer("a\" FROM x; --".to_owned()),
            geometry: "g\"".to_owned(),
            geography: false,
            curves: false,
            postgis: "public".to_owned(),
            versions: true,
            columns: Vec::new(),
        };
        let sql = source.rows("\"s\".\"t\"", &[]);
        assert!(sql.contains("r.\"a\"\" FROM x; --\" AS \"fid\"") && sql.contains("r.\"g\"\"\" AS \"geom\""), "{sql}");
    }

    #[test]
    fn a_source_is_read_as_it_was_written() {
        let source = Source {
            key: Key::Hashed(vec!["a".to_owned(), "b".to_owned()]),
            geometry: "geom".to_owned(),
            geography: true,
            curves: true,
            postgis: "gis".to_owned(),
            versions: false,
            columns: vec!["Straße".to_owned()],
        };
        let text = serde_json::to_string(&source).expect("writes");
        assert_eq!(serde_json::from_str::<Source>(&text).expect("reads"), source);
    }
}
