//! The tables of one layer. Text from outside never enters SQL, except the names of a checked definition (lower-case
//! letters, digits, underscores), which are quoted all the same.

use std::fmt::Write as _;
use std::ops::Range;

use super::attach::{self, Key, Source};
use crate::definition::{FieldDefinition, FieldType, LayerDefinition};
use crate::feature::FeatureId;
use crate::store::StoreError;

/// A layer's table and the SQL that runs on it.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub tenant: String,
    pub definition: LayerDefinition,
    /// Schema and table, quoted.
    pub table: String,
    /// Of the superseded rows, quoted.
    pub history: String,
    /// The unquoted name of the table: the layer id with underscores for its hyphens.
    pub name: String,
    /// `EPSG:n` of the definition.
    pub srid: i32,
    /// Where the rows of a table are that is not ours.
    pub source: Option<Source>,
}

/// Names that a table of ours must not take: definitions go from one store to the other.
const TAKEN: &[&str] = &["gpkg_", "rtree_", "sqlite_", "bricola_", "idx_", "trigger_", "pg_"];
/// Columns that every table has.
const OURS: &[&str] = &["fid", "geom", "version", "since", "until", "rowid", "oid", "ctid", "xmin", "xmax", "tableoid"];

impl Schema {
    /// Checks what the store needs of a definition: names that are safe in SQL, and a storage CRS.
    pub fn of(tenant: &str, definition: &LayerDefinition) -> Result<Self, StoreError> {
        let id = &definition.id;
        let unusable = |reason: String| StoreError::Unusable(format!("layer \"{id}\": {reason}"));
        let name = id.replace('-', "_");
        if !is_name(&name) || id.contains('_') || TAKEN.iter().any(|taken| name.starts_with(taken)) {
            return Err(unusable("this id cannot be the name of a table; choose another".to_owned()));
        }
        for field in &definition.fields {
            if !is_name(&field.name) || OURS.contains(&field.name.as_str()) {
                return Err(unusable(format!("\"{}\" cannot be the name of a column", field.name)));
            }
        }
        if let Some(key) = definition.key.iter().find(|key| definition.field(key).is_none()) {
            return Err(unusable(format!("the key \"{key}\" is not one of its fields")));
        }
        let srid = srid(definition).map_err(unusable)?;
        Ok(Self {
            tenant: tenant.to_owned(),
            table: format!("\"{tenant}\".\"{name}\""),
            history: format!("\"{}\".\"{name}\"", history_of(tenant)),
            name,
            srid,
            definition: definition.clone(),
            source: None,
        })
    }

    /// A table or view that is not ours.
    pub fn attached(
        tenant: &str,
        definition: &LayerDefinition,
        source: Source,
        [schema, name]: [&str; 2],
    ) -> Result<Self, StoreError> {
        let id = &definition.id;
        Ok(Self {
            tenant: tenant.to_owned(),
            table: format!("{}.{}", attach::quoted(schema), attach::quoted(name)),
            history: String::new(),
            name: name.to_owned(),
            srid: srid(definition).map_err(|reason| StoreError::Unusable(format!("layer \"{id}\": {reason}")))?,
            definition: definition.clone(),
            source: Some(source),
        })
    }

    /// Refuses to write what is not ours.
    pub fn managed(self) -> Result<Self, StoreError> {
        if self.source.is_none() {
            return Ok(self);
        }
        Err(StoreError::Unusable(format!(
            "layer \"{}\" is the table {} of the database, published in place: it is edited there, and is taken out of \
             the layers by \"!schema.table\" in postgres.attach",
            self.layer(),
            self.table
        )))
    }

    /// What rows are read from, with the columns of [`Schema::selected`].
    pub fn rows(&self) -> String {
        match &self.source {
            None => self.table.clone(),
            Some(source) => source.rows(&self.table, &self.definition.fields),
        }
    }

    /// A query for the rows of a range of ids, in their order.
    pub fn in_range(&self, ids: &Range<FeatureId>) -> String {
        let (selected, rows) = (self.selected("t."), self.rows());
        format!(
            "SELECT {selected} FROM {rows} AS t WHERE t.fid >= {} AND t.fid < {} ORDER BY t.fid",
            ids.start, ids.end
        )
    }

    /// Whether a range of ids has no rows for sure: finding out may mean to run a view.
    pub fn has_none_in(&self, ids: &Range<FeatureId>) -> bool {
        match self.source.as_ref().map(|source| &source.key) {
            Some(_) if ids.is_empty() => true,
            None | Some(Key::Integer(_)) => false,
            Some(Key::Likely(_)) => ids.end <= FeatureId::MIN + 1,
            Some(Key::Hashed(_) | Key::Row) => ids.end <= 1,
        }
    }

    /// A query for a text that tells whether the rows of an attached layer have changed.
    pub fn content(&self) -> Option<String> {
        self.source.as_ref().map(|source| source.content(&self.table, &self.definition.fields))
    }

    pub fn layer(&self) -> &str {
        &self.definition.id
    }

    /// Names of the columns that belong to the feature: the geometry, then the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once("geom").chain(self.definition.fields.iter().map(|field| field.name.as_str()))
    }

    /// The columns of [`Schema::names`], each quoted and after `prefix` (`n.`, `o.` …).
    pub fn columns(&self, prefix: &str) -> String {
        self.names().map(|name| format!("{prefix}\"{name}\"")).collect::<Vec<_>>().join(", ")
    }

    /// As [`Schema::names`], without the fields that are bound: those that a load fills.
    pub fn loaded(&self) -> impl Iterator<Item = &str> {
        std::iter::once("geom").chain(self.definition.own_fields().map(|(_, field)| field.name.as_str()))
    }

    /// What a scan selects: id, version, geometry as EWKB and the fields, each of the type that `copy` reads.
    pub fn selected(&self, prefix: &str) -> String {
        let mut selected = format!("{prefix}\"fid\"::bigint, {prefix}\"version\"::bigint, {prefix}\"geom\"::bytea");
        for field in &self.definition.fields {
            let _ = write!(selected, ", {prefix}\"{}\"::{}", field.name, sql_type(field.kind));
        }
        selected
    }

    /// The type of the table's geometry column.
    fn geometry(&self) -> String {
        format!("geometry({}, {})", self.definition.geometry.sql_name(), self.srid)
    }

    fn declared(&self, geometry: &str) -> String {
        let mut declared = format!("\"geom\" {geometry}");
        for field in &self.definition.fields {
            let _ = write!(declared, ", {}", column(field));
        }
        declared
    }

    /// The table, from which QGIS, `ogr2ogr` and `psql` read and to which they write; and its history.
    ///
    /// `since` is the transaction that made the row what it is. Both it and `version` are kept by triggers.
    pub fn create(&self) -> String {
        let Self { table, history, .. } = self;
        let declared = self.declared(&self.geometry());
        // A geometry that another program made room for in the table must not be one that can never be superseded.
        let superseded = self.declared("geometry");
        format!(
            "CREATE TABLE {table} (\"fid\" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, {declared}, \
             \"version\" integer NOT NULL DEFAULT 1, \
             \"since\" bigint NOT NULL DEFAULT bricola.this_transaction()); \
             CREATE TABLE IF NOT EXISTS {history} (\"fid\" bigint NOT NULL, {superseded}, \"version\" integer NOT NULL, \
             \"since\" bigint NOT NULL, \"until\" bigint NOT NULL); \
             CREATE INDEX IF NOT EXISTS \"{name}_fid\" ON {history} (\"fid\"); \
             CREATE INDEX IF NOT EXISTS \"{name}_until\" ON {history} (\"until\");",
            name = self.name,
        )
    }

    /// The indexes of the table beside its primary key.
    pub fn create_indexes(&self) -> String {
        let Self { table, name, .. } = self;
        let mut sql = format!("CREATE INDEX \"{name}_geom\" ON {table} USING gist (\"geom\");");
        if let Some(present) = self.key_present("") {
            let key = self.key_columns("").join(", ");
            let _ = write!(
                sql,
                "CREATE UNIQUE INDEX \"{name}_key\" ON {table} ({key}) NULLS NOT DISTINCT WHERE {present};"
            );
        }
        sql
    }

    pub fn drop_indexes(&self) -> String {
        format!(
            "DROP INDEX IF EXISTS \"{0}\".\"{1}_geom\"; DROP INDEX IF EXISTS \"{0}\".\"{1}_key\";",
            self.tenant, self.name
        )
    }

    fn key_columns(&self, prefix: &str) -> Vec<String> {
        self.definition.key.iter().map(|name| format!("{prefix}\"{name}\"")).collect()
    }

    /// True for rows that have a key at all: one whose fields are all null is neither unique nor matched.
    pub fn key_present(&self, prefix: &str) -> Option<String> {
        let columns = self.key_columns(prefix);
        if columns.is_empty() {
            return None;
        }
        Some(format!("({} IS NOT NULL)", columns.join(" IS NOT NULL OR ")))
    }

    /// Joins rows of equal keys, nulls counting as equal. The texts are what a hash join can work with.
    pub fn same_key(&self, a: &str, b: &str) -> Option<String> {
        let (left, right) = (self.key_columns(a), self.key_columns(b));
        let pairs = left.iter().zip(&right).map(|(left, right)| {
            format!("coalesce({left}::text, '') = coalesce({right}::text, '') AND {left} IS NOT DISTINCT FROM {right}")
        });
        let present = self.key_present(a)?;
        Some(format!("{} AND {present}", pairs.collect::<Vec<_>>().join(" AND ")))
    }

    /// A query for one key that stands twice in `table`, its fields joined by ` / `.
    pub fn duplicate_key(&self, table: &str) -> Option<String> {
        let present = self.key_present("")?;
        let columns = self.key_columns("");
        let shown: Vec<String> = columns.iter().map(|column| format!("coalesce({column}::text, '')")).collect();
        Some(format!(
            "SELECT {} FROM {table} WHERE {present} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
            shown.join(" || ' / ' || "),
            columns.join(", ")
        ))
    }

    /// True where the features of two rows differ.
    pub fn differs(&self, a: &str, b: &str) -> String {
        format!("ROW({}) IS DISTINCT FROM ROW({})", self.columns(a), self.columns(b))
    }

    /// True where a row that is loaded brings something new. The fields that are bound stay as they are.
    pub fn brings_news(&self, a: &str, b: &str) -> String {
        let columns =
            |prefix: &str| self.loaded().map(|name| format!("{prefix}\"{name}\"")).collect::<Vec<_>>().join(", ");
        format!("ROW({}) IS DISTINCT FROM ROW({})", columns(a), columns(b))
    }

    /// A table that takes rows on their way in, for the length of a transaction.
    pub fn create_staging(&self, name: &str) -> String {
        format!(
            "CREATE TEMPORARY TABLE \"{name}\" (\"place\" bigint NOT NULL, {}) ON COMMIT DROP",
            self.declared(&self.geometry())
        )
    }

    /// Adds columns for new fields to the table and to the history.
    pub fn add_columns(&self, added: &[&FieldDefinition]) -> String {
        let mut sql = String::new();
        for field in added {
            for table in [&self.table, &self.history] {
                let _ = write!(sql, "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {};", column(field));
            }
        }
        sql
    }

    /// Lets readers read and writers edit, where these roles are.
    pub fn grants(&self) -> String {
        let (Self { tenant, table, history, .. }, past) = (self, history_of(&self.tenant));
        format!(
            "DO $do$ BEGIN \
             IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_reader') THEN \
             GRANT USAGE ON SCHEMA \"{tenant}\", \"{past}\" TO bricola_reader; \
             GRANT SELECT ON {table}, {history} TO bricola_reader; END IF; \
             IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_writer') THEN \
             GRANT USAGE ON SCHEMA \"{tenant}\", \"{past}\" TO bricola_writer; \
             GRANT SELECT ON {history} TO bricola_writer; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO bricola_writer; END IF; END $do$;"
        )
    }
}

/// The schema in which a tenant's superseded rows are kept.
pub(super) fn history_of(tenant: &str) -> String {
    format!("{tenant}_history")
}

/// The number of the storage CRS.
fn srid(definition: &LayerDefinition) -> Result<i32, String> {
    let crs = definition.crs.as_deref().ok_or("it has no storage CRS")?;
    let code = crs.strip_prefix("EPSG:").and_then(|code| code.parse().ok()).filter(|&code| code > 0);
    code.ok_or_else(|| format!("the storage CRS \"{crs}\" is not of the form EPSG:n"))
}

fn column(field: &FieldDefinition) -> String {
    format!("\"{}\" {}", field.name, sql_type(field.kind))
}

/// The type of a column.
pub(super) const fn sql_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "text",
        FieldType::Integer => "bigint",
        FieldType::Real => "double precision",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
        FieldType::DateTime => "timestamptz",
    }
}

/// Whether a text can be a name in SQL without any trick: also of a tenant.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 50
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
