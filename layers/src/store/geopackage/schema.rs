//! The SQL of one layer: its table, its history, its triggers. Text from outside never enters SQL, except the
//! names of a checked definition (lower-case letters, digits, underscores), which are quoted all the same.

use std::fmt::Write as _;

use super::values::column_type;
use crate::definition::{FieldDefinition, LayerDefinition};
use crate::store::StoreError;

/// The tables of a layer and the SQL that runs on them.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    /// Name of the table that people see: the layer id with underscores for its hyphens.
    pub table: String,
    pub definition: LayerDefinition,
    /// `EPSG:n` of the definition.
    pub srs: i32,
}

/// Names that a table of ours must not take.
const TAKEN: &[&str] = &["gpkg_", "rtree_", "sqlite_", "bricola_", "idx_", "trigger_"];

impl Schema {
    /// Checks what the store needs of a definition: names that are safe in SQL, and a storage CRS.
    pub fn of(definition: &LayerDefinition) -> Result<Self, StoreError> {
        let id = &definition.id;
        let unusable = |reason: String| StoreError::Unusable(format!("layer \"{id}\": {reason}"));
        let table = id.replace('-', "_");
        if !is_name(&table) || id.contains('_') || TAKEN.iter().any(|taken| table.starts_with(taken)) {
            return Err(unusable("this id cannot be the name of a table; choose another".to_owned()));
        }
        for field in &definition.fields {
            if !is_name(&field.name) || ["fid", "geom", "version", "rowid", "oid"].contains(&field.name.as_str()) {
                return Err(unusable(format!("\"{}\" cannot be the name of a column", field.name)));
            }
        }
        if let Some(key) = definition.key.iter().find(|key| definition.field(key).is_none()) {
            return Err(unusable(format!("the key \"{key}\" is not one of its fields")));
        }
        let crs = definition.crs.as_deref().ok_or_else(|| unusable("it has no storage CRS".to_owned()))?;
        let srs = crs
            .strip_prefix("EPSG:")
            .and_then(|code| code.parse().ok())
            .filter(|&code| code > 0)
            .ok_or_else(|| unusable(format!("the storage CRS \"{crs}\" is not of the form EPSG:n")))?;
        Ok(Self { table, definition: definition.clone(), srs })
    }

    /// The columns after `fid` that belong to the feature, each after `prefix` (`OLD.`, `s.` …).
    pub fn columns(&self, prefix: &str) -> String {
        let mut columns = format!("{prefix}\"geom\"");
        for field in &self.definition.fields {
            let _ = write!(columns, ", {prefix}\"{}\"", field.name);
        }
        columns
    }

    /// Number of columns that [`Schema::columns`] names.
    pub fn width(&self) -> usize {
        1 + self.definition.fields.len()
    }

    fn declared(&self) -> String {
        let mut declared = format!("\"geom\" {}", self.definition.geometry.sql_name());
        for field in &self.definition.fields {
            let _ = write!(declared, ", {}", column(field));
        }
        declared
    }

    /// A table that can hold the layer, under the given name. QGIS writes a null into every column that its user
    /// leaves empty, the version too; it then takes the default.
    pub fn create_table(&self, name: &str) -> String {
        format!(
            "CREATE TABLE \"{name}\" (\"fid\" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {}, \
             \"version\" INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 1)",
            self.declared()
        )
    }

    pub fn history(&self) -> String {
        format!("bricola_history_{}", self.table)
    }

    /// The superseded states: each stood from the change `seq_from` until the change `seq_to`.
    pub fn create_history(&self) -> String {
        let history = self.history();
        format!(
            "CREATE TABLE \"{history}\" (\"fid\" INTEGER NOT NULL, {}, \"version\" INTEGER NOT NULL, \
             \"seq_from\" INTEGER NOT NULL, \"seq_to\" INTEGER NOT NULL); \
             CREATE INDEX \"{history}_fid\" ON \"{history}\" (\"fid\", \"seq_to\"); {};",
            self.declared(),
            Self::create_history_index(&history)
        )
    }

    /// The index that finds what was superseded since a change, without the rows themselves.
    pub fn create_history_index(history: &str) -> String {
        format!("CREATE INDEX IF NOT EXISTS \"{history}_seq\" ON \"{history}\" (\"seq_to\", \"seq_from\", \"fid\")")
    }

    /// Adds columns for new fields to the table and to the history.
    pub fn add_columns(&self, added: &[&FieldDefinition]) -> String {
        let mut sql = String::new();
        for field in added {
            for table in [&self.table, &self.history()] {
                let _ = write!(sql, "ALTER TABLE \"{table}\" ADD COLUMN {};", column(field));
            }
        }
        sql
    }

    /// The key as the unique index holds it: nulls count as equal. Rows whose key is null in every field have no
    /// key; they are neither unique nor matched.
    fn key(&self, prefix: &str) -> Option<(Vec<String>, String)> {
        let names = &self.definition.key;
        if names.is_empty() {
            return None;
        }
        let terms = names.iter().map(|name| format!("ifnull({prefix}\"{name}\", x'')")).collect();
        let all: Vec<String> = names.iter().map(|name| format!("{prefix}\"{name}\"")).collect();
        // coalesce() wants two arguments at least.
        let present = format!("coalesce({}, NULL) IS NOT NULL", all.join(", "));
        Some((terms, present))
    }

    /// The unique index on the key of `table`, made by the replacement `id` (0: by the definition).
    pub fn create_key_index(&self, table: &str, id: i64) -> Option<String> {
        let (terms, present) = self.key("")?;
        let index = format!("bricola_key_{}_{id}", self.table);
        Some(format!("CREATE UNIQUE INDEX \"{index}\" ON \"{table}\" ({}) WHERE {present}", terms.join(", ")))
    }

    /// `ON` condition that joins two rows by key, `inner` being the one that is looked up in the index.
    pub fn same_key(&self, outer: &str, inner: &str) -> Option<String> {
        let ((outer, _), (inner, present)) = (self.key(outer)?, self.key(inner)?);
        let equal: Vec<String> = inner.iter().zip(&outer).map(|(inner, outer)| format!("{inner} = {outer}")).collect();
        Some(format!("{} AND {present}", equal.join(" AND ")))
    }

    /// A query for one key that stands twice in `table`, its fields joined by ` / `.
    pub fn duplicate_key(&self, table: &str) -> Option<String> {
        let (terms, present) = self.key("")?;
        let shown: Vec<String> =
            self.definition.key.iter().map(|name| format!("ifnull(CAST(\"{name}\" AS TEXT), '')")).collect();
        Some(format!(
            "SELECT {} FROM \"{table}\" WHERE {present} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
            shown.join(" || ' / ' || "),
            terms.join(", ")
        ))
    }

    /// Names of the columns that a load fills: the geometry, then the fields that are not bound.
    pub fn loaded(&self) -> impl Iterator<Item = &str> {
        std::iter::once("geom").chain(self.definition.own_fields().map(|(_, field)| field.name.as_str()))
    }

    /// True where a row that is loaded brings nothing new, byte by byte. The fields that are bound stay as they are.
    pub fn same_feature(&self, a: &str, b: &str) -> String {
        self.loaded().map(|name| format!("{a}\"{name}\" IS {b}\"{name}\"")).collect::<Vec<_>>().join(" AND ")
    }

    /// The change since which a row has stood: its last superseded state ended then, or it was inserted then.
    pub fn since(&self, fid: &str) -> String {
        let (layer, history) = (&self.definition.id, self.history());
        format!(
            "max(ifnull((SELECT max(\"seq_to\") FROM \"{history}\" WHERE \"fid\" = {fid}), 0), \
             ifnull((SELECT max(seq) FROM bricola_changes WHERE layer = '{layer}' AND fid = {fid} \
             AND operation = 'insert'), 0), \
             ifnull((SELECT max(seq) FROM bricola_replacements WHERE layer = '{layer}' AND last_fid >= {fid} \
             AND first_fid <= {fid}), 0))"
        )
    }

    /// Copies a superseded row into the history, `seq` being an expression for the change that superseded it.
    pub fn supersede(&self, row: &str, seq: &str, from: &str) -> String {
        format!(
            "INSERT INTO \"{}\" (\"fid\", {}, \"version\", \"seq_from\", \"seq_to\") \
             SELECT {row}\"fid\", {}, {row}\"version\", {}, {seq}{from}",
            self.history(),
            self.columns(""),
            self.columns(row),
            self.since(&format!("{row}\"fid\"")),
        )
    }

    fn log(&self, fid: &str, operation: &str, from: &str) -> String {
        let layer = &self.definition.id;
        format!("INSERT INTO bricola_changes (layer, fid, operation) SELECT '{layer}', {fid}, '{operation}'{from}")
    }

    /// The triggers by which every writer feeds log and history. They call nothing that plain `SQLite` lacks.
    ///
    /// `update` counts the version by an update of its own, which must not set it off again (GDAL turns
    /// `recursive_triggers` on): it leaves alone what differs only in a version that is one more than the last
    /// one in the history. An update that changes nothing is none.
    ///
    /// `overwrite` sees to INSERT OR REPLACE, which removes rows without any delete trigger. A plain INSERT that
    /// fails takes its entries back; INSERT OR IGNORE leaves an "update" in the log of a row that did not change,
    /// which does no harm.
    pub fn create_triggers(&self) -> String {
        let table = &self.table;
        let [insert, update, renumber, delete, overwrite] = self.trigger_names();
        // What the log gave to the statement before; it moves with every row of a longer INSERT.
        let seq = "last_insert_rowid()";
        let last = "(SELECT max(seq) FROM bricola_changes)";
        let (new, old) = (self.columns("NEW."), self.columns("OLD."));
        let mut differs = String::new();
        for (new, old) in new.split(", ").zip(old.split(", ")) {
            let _ = write!(differs, "{new} IS NOT {old} OR ");
        }
        let _ = write!(
            differs,
            "(NEW.\"version\" IS NOT OLD.\"version\" AND NEW.\"version\" IS NOT 1 + \
             (SELECT \"version\" FROM \"{}\" WHERE \"fid\" = NEW.\"fid\" ORDER BY \"seq_to\" DESC LIMIT 1))",
            self.history()
        );
        let mut taken = String::from("\"fid\" = NEW.\"fid\"");
        if let Some(same_key) = self.same_key("NEW.", "") {
            let _ = write!(taken, " OR ({same_key})");
        }
        format!(
            "CREATE TRIGGER \"{insert}\" AFTER INSERT ON \"{table}\" BEGIN {}; END; \
             CREATE TRIGGER \"{update}\" AFTER UPDATE ON \"{table}\" WHEN NEW.\"fid\" = OLD.\"fid\" AND ({differs}) \
             BEGIN {}; {}; UPDATE \"{table}\" SET \"version\" = OLD.\"version\" + 1 WHERE \"fid\" = NEW.\"fid\"; END; \
             CREATE TRIGGER \"{renumber}\" AFTER UPDATE ON \"{table}\" WHEN NEW.\"fid\" <> OLD.\"fid\" BEGIN \
             {}; {}; {}; END; \
             CREATE TRIGGER \"{delete}\" AFTER DELETE ON \"{table}\" BEGIN {}; {}; END; \
             CREATE TRIGGER \"{overwrite}\" BEFORE INSERT ON \"{table}\" \
             WHEN EXISTS (SELECT 1 FROM \"{table}\" WHERE {taken}) BEGIN {}; {}; END;",
            self.log("NEW.\"fid\"", "insert", ""),
            self.log("NEW.\"fid\"", "update", ""),
            self.supersede("OLD.", seq, ""),
            self.log("OLD.\"fid\"", "delete", ""),
            self.supersede("OLD.", seq, ""),
            self.log("NEW.\"fid\"", "insert", ""),
            self.log("OLD.\"fid\"", "delete", ""),
            self.supersede("OLD.", seq, ""),
            self.log("\"fid\"", "update", &format!(" FROM \"{table}\" WHERE {taken}")),
            self.supersede(&format!("\"{table}\"."), last, &format!(" FROM \"{table}\" WHERE {taken}")),
        )
    }

    pub fn drop_triggers(&self) -> String {
        self.trigger_names().iter().fold(String::new(), |mut sql, name| {
            let _ = write!(sql, "DROP TRIGGER IF EXISTS \"{name}\";");
            sql
        })
    }

    /// How many triggers a layer has.
    pub const TRIGGERS: usize = 5;

    fn trigger_names(&self) -> [String; Self::TRIGGERS] {
        ["insert", "update", "renumber", "delete", "overwrite"].map(|event| format!("bricola_{event}_{}", self.table))
    }

    /// The columns from which [`super::values::feature`] reads.
    pub fn select(&self) -> String {
        self.select_from(&self.table)
    }

    /// The same of a superseded state.
    pub fn select_history(&self) -> String {
        self.select_from(&self.history())
    }

    fn select_from(&self, table: &str) -> String {
        format!("SELECT {} FROM \"{table}\"", self.selected(""))
    }

    /// What `values::feature` reads, each column after `prefix`.
    pub fn selected(&self, prefix: &str) -> String {
        format!("{prefix}\"fid\", {prefix}\"version\", {}", self.columns(prefix))
    }
}

fn column(field: &FieldDefinition) -> String {
    format!("\"{}\" {}", field.name, column_type(field.kind))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
pub(super) mod tests {
    use rusqlite::Connection;

    use super::*;

    pub fn schema() -> Schema {
        let text = r#"
            id = "test-parcels"
            title = { it = "Particelle", en = "Parcels" }
            description = { it = "Prova.", en = "Test." }
            theme = "cadastre"
            geometry = "multipolygon"
            crs = "EPSG:7795"
            key = ["sheet", "number"]
            field = [
                { name = "sheet", type = "text", title = { it = "Foglio", en = "Sheet" } },
                { name = "number", type = "integer", title = { it = "Numero", en = "Number" } },
            ]
        "#;
        Schema::of(&toml::from_str(text).expect("a definition")).expect("fits")
    }

    pub fn file() -> Connection {
        let (file, schema) = (Connection::open_in_memory().expect("opens"), schema());
        for migration in [
            include_str!("../../../../migrations/geopackage/0001_store.sql"),
            include_str!("../../../../migrations/geopackage/0002_past.sql"),
            include_str!("../../../../migrations/geopackage/0003_retention.sql"),
            include_str!("../../../../migrations/geopackage/0007_bindings.sql"),
        ] {
            file.execute_batch(migration).expect("migrates");
        }
        let index = schema.create_key_index(&schema.table, 0).expect("has a key");
        let staging = schema.create_table("staging");
        let sql =
            [schema.create_table(&schema.table), schema.create_history(), index, staging, schema.create_triggers()];
        file.execute_batch(&sql.join(";")).expect("creates");
        file
    }

    pub fn plan(file: &Connection, sql: &str) -> Vec<String> {
        let mut query = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("prepares");
        let parameters = vec![0; query.parameter_count()];
        let steps = query.query_map(rusqlite::params_from_iter(parameters), |row| row.get(3)).expect("runs");
        steps.map(|row| row.expect("a row")).collect()
    }

    #[test]
    fn keys_are_looked_up_not_searched_for() {
        let (file, schema) = (file(), schema());
        let taken = format!(
            "SELECT s.fid FROM staging AS s WHERE EXISTS (SELECT 1 FROM test_parcels AS t WHERE t.\"fid\" = s.\"fid\" OR ({}))",
            schema.same_key("s.", "t.").expect("has a key")
        );
        let join = format!(
            "SELECT 1 FROM staging AS s LEFT JOIN test_parcels AS t ON {}",
            schema.same_key("s.", "t.").expect("has a key")
        );
        for sql in [taken, join, format!("SELECT {}", schema.since("7"))] {
            let steps = plan(&file, &sql);
            assert!(
                !steps.iter().any(|step| step.starts_with("SCAN t") || step.contains("AUTOMATIC")),
                "{sql}\n{steps:#?}"
            );
        }
    }

    #[test]
    fn triggers_do_the_same_whether_recursive_triggers_are_on_or_off() {
        let states: Vec<Vec<(i64, i64)>> = ["OFF", "ON"]
            .iter()
            .map(|recursive| {
                let file = file();
                file.execute_batch(&format!(
                    "PRAGMA recursive_triggers = {recursive}; INSERT INTO test_parcels (fid, sheet) VALUES (1, 'a'), (2, 'b'); \
                     UPDATE test_parcels SET sheet = 'c' WHERE fid = 1; UPDATE test_parcels SET sheet = 'd', version = 1 WHERE fid = 1; \
                     UPDATE test_parcels SET version = 40 WHERE fid = 2; UPDATE test_parcels SET number = 5; \
                     UPDATE test_parcels SET number = 5;"
                ))
                .expect("runs");
                let mut query = file.prepare("SELECT fid, version FROM test_parcels").expect("prepares");
                let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("runs");
                let mut states: Vec<_> = rows.map(|row| row.expect("a row")).collect();
                let logged = file.query_row("SELECT count(*), max(seq) FROM bricola_changes", (), |row| Ok((row.get(0)?, row.get(1)?)));
                states.push(logged.expect("counts"));
                states
            })
            .collect();
        assert_eq!(states[0], [(1, 4), (2, 3), (7, 7)]);
        assert_eq!(states[0], states[1]);
    }

    #[test]
    fn names_that_could_harm_are_refused() {
        let mut definition = schema().definition;
        for id in ["gpkg-contents", "rtree-x", "sqlite-master", "x\"; --", "", "Parcels", "a_b"] {
            definition.id = id.to_owned();
            assert!(Schema::of(&definition).is_err(), "{id}");
        }
    }
}
