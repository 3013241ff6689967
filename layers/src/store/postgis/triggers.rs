//! The triggers of a layer's table, by which every writer feeds history and log.
//!
//! They work on statements, not on rows, where they can: a `COPY` of a hundred thousand rows sets each off once. Only
//! an update looks at each row, to count its version; one that changes nothing counts nothing and is not reported.

use super::schema::Schema;

/// Ids in one row of the log at most.
const CHUNK: u32 = 4_096;
/// The events that have a trigger of their own.
const EVENTS: [&str; 6] = ["guard", "count", "insert", "update", "delete", "truncate"];
/// Writers may edit the table but touch neither history nor log themselves. The path is the one of the definition.
const OWNERS: &str = "SECURITY DEFINER SET search_path FROM CURRENT";

impl Schema {
    fn function(&self, event: &str) -> String {
        format!("bricola.\"{}.{}.{event}\"", self.tenant, self.name)
    }

    /// `rights` is empty for what runs once a row, since it costs: those touch nothing but the row.
    fn body(&self, event: &str, rights: &str, body: &str) -> String {
        format!(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql {rights} AS $body$ BEGIN {body} END \
             $body$; REVOKE EXECUTE ON FUNCTION {0}() FROM PUBLIC;",
            self.function(event)
        )
    }

    /// Reports `operation` of the ids that a query named `hit (fid)` gives, in pieces.
    fn report(&self, operation: &str, hit: &str) -> String {
        let (tenant, layer) = (&self.tenant, self.layer());
        format!(
            "PERFORM bricola.report('{tenant}', '{layer}', '{operation}', ids) FROM (\
             SELECT piece, array_agg(fid ORDER BY fid) AS ids FROM (\
             SELECT fid, (row_number() OVER (ORDER BY fid) - 1) / {CHUNK} AS piece FROM ({hit}) AS hit) AS counted \
             GROUP BY piece ORDER BY piece) AS pieces;"
        )
    }

    /// Copies superseded rows (`FROM …`, the row being `o`) into the history.
    pub fn supersede(&self, from: &str) -> String {
        let columns = self.columns("");
        format!(
            "INSERT INTO {} (\"fid\", {columns}, \"version\", \"since\", \"until\") \
             SELECT o.\"fid\", {}, o.\"version\", o.\"since\", bricola.this_transaction() {from}",
            self.history,
            self.columns("o."),
        )
    }

    /// The functions and triggers. `guard` corrects rows that come with a version or transaction of their own (QGIS
    /// writes null into columns that its user leaves empty, `ogr2ogr` copies what it finds).
    pub fn create_triggers(&self) -> String {
        let Self { table, tenant, .. } = self;
        let layer = self.layer();
        let guard = "NEW.version := 1; NEW.since := bricola.this_transaction(); RETURN NEW;";
        let count = format!(
            "IF NEW.fid <> OLD.fid THEN NEW.version := 1; NEW.since := bricola.this_transaction(); \
             ELSIF {} THEN NEW.version := OLD.version + 1; NEW.since := bricola.this_transaction(); \
             ELSE NEW.version := OLD.version; NEW.since := OLD.since; END IF; RETURN NEW;",
            self.differs("NEW.", "OLD.")
        );
        let insert = format!("{} RETURN NULL;", self.report("insert", "SELECT fid FROM new_rows"));
        let changed = "FROM old_rows AS o WHERE NOT EXISTS (SELECT FROM new_rows AS n \
                       WHERE n.fid = o.fid AND n.version = o.version)";
        let update = format!(
            "{}; {} {} {} RETURN NULL;",
            self.supersede(changed),
            self.report("delete", "SELECT fid FROM old_rows EXCEPT SELECT fid FROM new_rows"),
            self.report(
                "update",
                "SELECT n.fid FROM new_rows AS n JOIN old_rows AS o ON o.fid = n.fid WHERE o.version <> n.version"
            ),
            self.report("insert", "SELECT fid FROM new_rows EXCEPT SELECT fid FROM old_rows"),
        );
        let delete = format!(
            "{}; {} RETURN NULL;",
            self.supersede("FROM old_rows AS o"),
            self.report("delete", "SELECT fid FROM old_rows")
        );
        let truncate = format!(
            "{}; PERFORM bricola.report('{tenant}', '{layer}', 'replace', NULL); RETURN NULL;",
            self.supersede(&format!("FROM {table} AS o"))
        );
        let bodies = [guard, &count, &insert, &update, &delete, &truncate];
        let rights = ["", "", OWNERS, OWNERS, OWNERS, OWNERS];
        let functions: String = EVENTS
            .iter()
            .zip(rights)
            .zip(bodies)
            .map(|((event, rights), body)| self.body(event, rights, body))
            .collect();
        let [guard, count, insert, update, delete, truncate] = EVENTS.map(|event| self.function(event));
        format!(
            "{} {functions} \
             CREATE TRIGGER bricola_guard BEFORE INSERT ON {table} FOR EACH ROW \
             WHEN (NEW.version IS DISTINCT FROM 1 OR NEW.since IS DISTINCT FROM bricola.this_transaction()) \
             EXECUTE FUNCTION {guard}(); \
             CREATE TRIGGER bricola_count BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {count}(); \
             CREATE TRIGGER bricola_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows \
             FOR EACH STATEMENT EXECUTE FUNCTION {insert}(); \
             CREATE TRIGGER bricola_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows \
             NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {update}(); \
             CREATE TRIGGER bricola_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows \
             FOR EACH STATEMENT EXECUTE FUNCTION {delete}(); \
             CREATE TRIGGER bricola_truncate BEFORE TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION {truncate}();",
            self.drop_triggers(),
        )
    }

    pub fn drop_triggers(&self) -> String {
        EVENTS.map(|event| format!("DROP TRIGGER IF EXISTS bricola_{event} ON {};", self.table)).concat()
    }

    /// Removes what is left of a layer when its table is gone.
    pub fn drop_functions(&self) -> String {
        EVENTS.map(|event| format!("DROP FUNCTION IF EXISTS {}();", self.function(event))).concat()
    }

    /// How many triggers a layer has.
    pub const TRIGGERS: i64 = EVENTS.len() as i64;
}
