-- Whoever alters the column of a table to hold any geometry, and writes one of another type or reference system into it,
-- could never mend or delete that row again: the history, into which the superseded row goes, took only the type of the
-- layer and refused it. What superseded rows may be is decided by the table that they were in, so the history takes any
-- geometry. No table is rewritten: a column loses a restriction.

DO $$
DECLARE
    history record;
BEGIN
    FOR history IN
        SELECT c.oid::regclass AS relation, format_type(a.atttypid, NULL) AS kind
        FROM bricola.layers AS l
        JOIN pg_namespace AS n ON n.nspname = l.tenant || '_history'
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = l.table_name
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'geom' AND NOT a.attisdropped
        WHERE l.kind = 'managed'
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN geom TYPE %s', history.relation, history.kind);
    END LOOP;
END $$;
