//! The commit: new rows in the place of the old ones, in one transaction.

use rusqlite::{Connection, Transaction};

use super::super::schema::Schema;
use super::super::{define, failure, rows};
use super::Staged;
use crate::feature::FeatureId;
use crate::log::Seq;
use crate::store::{Replaced, StoreError};

/// The transaction of a commit.
pub(super) struct Swap<'a> {
    pub transaction: &'a Transaction<'a>,
    pub staged: &'a Staged,
    pub schema: &'a Schema,
}

impl Swap<'_> {
    /// Swaps; what differs, and the change of the log.
    pub fn run(&self) -> Result<(Replaced, Seq), StoreError> {
        let layer = &self.schema.definition.id;
        let live = has_rows(self.transaction, &self.schema.table)?;
        let seq = define::log_replace(self.transaction, layer)?;
        let (replaced, first, last) = if !live {
            let (first, last) = self.take_table()?;
            (Replaced { added: self.staged.rows, ..Replaced::default() }, first, last)
        } else if self.schema.definition.key.is_empty() {
            let sql = self.schema.supersede("t.", "?1", &format!(" FROM \"{}\" AS t", self.schema.table));
            let removed = self.execute(&sql, [seq])?;
            let (first, last) = self.take_table()?;
            (Replaced { added: self.staged.rows, removed, ..Replaced::default() }, first, last)
        } else {
            self.merge(seq)?
        };
        if first <= last {
            self.execute("INSERT INTO bricola_replacements VALUES (?1, ?2, ?3, ?4)", (seq, layer, first, last))?;
        }
        let forget = "UPDATE gpkg_contents SET min_x = NULL, min_y = NULL, max_x = NULL, max_y = NULL \
                      WHERE table_name = ?1";
        self.execute(forget, [&self.schema.table])?;
        rows::touch(self.transaction, &self.schema.table, self.staged.bounds)?;
        Ok((replaced, seq))
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<u64, StoreError> {
        self.transaction.execute(sql, params).map(|rows| rows as u64).map_err(|e| failure(&e))
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.transaction.execute_batch(sql).map_err(|e| failure(&e))
    }

    /// The staging table becomes the table of the layer; gives the first and last id in it.
    fn take_table(&self) -> Result<(FeatureId, FeatureId), StoreError> {
        let (table, staged) = (&self.schema.table, self.staged);
        let given = sequence(self.transaction, table)?;
        let rows = staged.rows as i64;
        // Others may have inserted since the replacement began; moved by no less than the rows there are, no id
        // meets another on the way.
        let shift = if given > staged.base { rows.max(given - staged.base) } else { 0 };
        if shift > 0 {
            self.execute(&format!("UPDATE \"{}\" SET \"fid\" = \"fid\" + ?1", staged.table), [shift])?;
            self.execute("UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = ?2", (shift, &staged.table))?;
        }
        self.batch(&format!("DROP TABLE \"{table}\"; ALTER TABLE \"{}\" RENAME TO \"{table}\";", staged.table))?;
        if !staged.indexed
            && let Some(sql) = self.schema.create_key_index(table, staged.id)
        {
            self.transaction
                .execute_batch(&sql)
                .map_err(|e| define::duplicate(self.transaction, self.schema, table, &e))?;
        }
        self.batch(&self.schema.create_triggers())?;
        Ok((staged.base + shift + 1, staged.base + shift + rows))
    }

    /// Writes only what differs, by key; gives the first and last new id.
    fn merge(&self, seq: Seq) -> Result<(Replaced, FeatureId, FeatureId), StoreError> {
        let schema = self.schema;
        let (table, staging) = (&schema.table, &self.staged.table);
        let given = sequence(self.transaction, table)?;
        let (unchanged, changed) = self.match_rows()?;
        // The triggers would log row by row what is one replacement.
        self.batch(&schema.drop_triggers())?;
        let removed = self.remove_unmatched(seq, unchanged + changed)?;
        if changed > 0 {
            let from = format!(
                " FROM temp.bricola_match AS m CROSS JOIN \"{table}\" AS t ON t.\"fid\" = m.fid WHERE NOT m.same"
            );
            self.execute(&schema.supersede("t.", "?1", &from), [seq])?;
            let sets = schema.loaded().map(|name| format!("\"{name}\" = s.\"{name}\"")).collect::<Vec<_>>().join(", ");
            self.execute(
                &format!(
                    "UPDATE \"{table}\" AS t SET {sets}, \"version\" = t.\"version\" + 1 FROM temp.bricola_match AS m \
                     CROSS JOIN \"{staging}\" AS s ON s.\"fid\" = m.staged WHERE m.fid = t.\"fid\" AND NOT m.same"
                ),
                (),
            )?;
        }
        let (names, values) = (schema.columns(""), schema.columns("s."));
        let insert = format!(
            "INSERT INTO \"{table}\" ({names}) SELECT {values} FROM temp.bricola_match AS m CROSS JOIN \"{staging}\" AS s \
             ON s.\"fid\" = m.staged WHERE m.fid IS NULL ORDER BY m.staged"
        );
        let added = self
            .transaction
            .execute(&insert, ())
            .map_err(|e| define::duplicate(self.transaction, schema, staging, &e))? as u64;
        self.batch("DROP TABLE temp.bricola_match")?;
        self.batch(&schema.create_triggers())?;
        let replaced = Replaced { added, changed, unchanged, removed };
        Ok((replaced, given + 1, sequence(self.transaction, table)?))
    }

    /// Moves the rows for which no staged row came to the history, if there are more than the `matched` ones.
    fn remove_unmatched(&self, seq: Seq, matched: u64) -> Result<u64, StoreError> {
        let table = &self.schema.table;
        let rows: u64 = self
            .transaction
            .query_row(&format!("SELECT count(*) FROM \"{table}\""), (), |row| row.get(0))
            .map_err(|e| failure(&e))?;
        if rows == matched {
            return Ok(0);
        }
        let gone = "NOT EXISTS (SELECT 1 FROM temp.bricola_match AS m WHERE m.fid = t.\"fid\")";
        self.execute(&self.schema.supersede("t.", "?1", &format!(" FROM \"{table}\" AS t WHERE {gone}")), [seq])?;
        self.execute(&format!("DELETE FROM \"{table}\" AS t WHERE {gone}"), ())
    }

    /// Pairs every staged row with the row of the same key, in a table of this connection; how many are the same
    /// and how many are not.
    fn match_rows(&self) -> Result<(u64, u64), StoreError> {
        let (schema, staging) = (self.schema, &self.staged.table);
        let same_key = schema.same_key("s.", "t.").unwrap_or_default();
        self.batch(&format!(
            "CREATE TEMP TABLE bricola_match (staged INTEGER PRIMARY KEY, fid INTEGER, same INTEGER); \
             INSERT INTO temp.bricola_match SELECT s.\"fid\", t.\"fid\", {} FROM \"{staging}\" AS s \
             LEFT JOIN \"{}\" AS t ON {same_key}",
            schema.same_feature("s.", "t."),
            schema.table,
        ))?;
        self.transaction
            .execute_batch("CREATE UNIQUE INDEX temp.bricola_match_fid ON bricola_match (fid) WHERE fid IS NOT NULL")
            .map_err(|e| define::duplicate(self.transaction, schema, staging, &e))?;
        self.transaction
            .query_row(
                "SELECT count(*) FILTER (WHERE same), count(*) FILTER (WHERE NOT same) FROM temp.bricola_match \
                 WHERE fid IS NOT NULL",
                (),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(|e| failure(&e))
    }
}

pub(super) fn has_rows(connection: &Connection, table: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\")");
    connection.query_row(&sql, (), |row| row.get(0)).map_err(|e| failure(&e))
}

/// The last id that a table has given out.
pub(super) fn sequence(connection: &Connection, table: &str) -> Result<FeatureId, StoreError> {
    let sql = "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
    connection.query_row(sql, [table], |row| row.get(0)).map_err(|e| failure(&e))
}
