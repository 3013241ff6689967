-- The production store is a PostgreSQL database with PostGIS. Features live in one typed table per layer, in a schema
-- per tenant, so that QGIS, psql and ogr2ogr open and edit them like any other table; triggers keep what was
-- superseded and report every change here, in the schema "bricola", whoever writes.
--
-- The change log must have no gaps for those who follow it: a transaction that commits late must not slip in behind
-- what a follower has read. Sequences and transaction ids are handed out before the commit, so neither orders
-- commits, and waiting for the oldest running transaction would let one forgotten session stop every map. So changes
-- are numbered after their commit: triggers put them into "pending"; bricola.sequence(), which followers call before
-- they read and writers after they commit, moves what is visible into "changes" under one row lock and numbers it.
-- Whoever holds the lock sees all that was numbered before, so a number once read stays the end of the log.
--
-- One row of the log holds the changes of one statement (in pieces of some thousands): a COPY of a million rows is a
-- few hundred rows here, and one notification. "transactions" says which number closed which transaction; the history
-- tables speak of transactions, from which every past state can be told.
--
-- The schema itself is made by the program before it migrates, since the migrator keeps its own table here.

CREATE TABLE bricola.clock (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    seq bigint NOT NULL,
    -- Of the last change: the instants of the log never go back, whatever the machine's clock does.
    at timestamptz NOT NULL DEFAULT '-infinity',
    -- Tells stores apart: what was kept of one must not be taken for another's.
    store uuid NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO bricola.clock (seq) VALUES (0);

-- definition: the layer definition as JSON. kind: 'managed' tables are ours; 'attached' ones were there before us,
-- 'tracked' by our triggers or 'polled'.
CREATE TABLE bricola.layers (
    tenant text NOT NULL,
    layer text NOT NULL,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    kind text NOT NULL DEFAULT 'managed' CHECK (kind IN ('managed', 'tracked', 'polled')),
    definition text NOT NULL,
    -- The shape of the table when it was last looked at: ALTER TABLE sets off no trigger of ours.
    shape text,
    -- The transaction that made the tables, if the layer had others before: what was in those is not known any more.
    began bigint,
    -- The first change whose outcome the history still tells.
    kept_from bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, layer)
);

CREATE SEQUENCE bricola.transaction_number;

CREATE TABLE bricola.pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction bigint NOT NULL,
    tenant text NOT NULL,
    layer text NOT NULL,
    operation text NOT NULL,
    ids bigint[],
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The changes of a transaction stand together and bear one instant, that of its last statement (or of the change before,
-- if that is later). ids is null when the layer as a whole was replaced or redefined. The change of ids[i] has the
-- number last - cardinality(ids) + i.
CREATE TABLE bricola.changes (
    last bigint PRIMARY KEY,
    tenant text NOT NULL,
    layer text NOT NULL,
    operation text NOT NULL,
    ids bigint[],
    transaction bigint NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX changes_of_layer ON bricola.changes (tenant, layer, last);

CREATE TABLE bricola.transactions (
    transaction bigint PRIMARY KEY,
    seq bigint NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX transactions_by_seq ON bricola.transactions (seq);
CREATE INDEX transactions_by_at ON bricola.transactions (at, seq);

-- Layers that were dropped: one that comes back does not give out the ids of its first life again.
CREATE TABLE bricola.retired (
    tenant text NOT NULL,
    layer text NOT NULL,
    last_id bigint NOT NULL,
    PRIMARY KEY (tenant, layer)
);

-- Programs that must not miss a change however long they are away; the log is kept from the smallest seq on.
CREATE TABLE bricola.followers (
    name text PRIMARY KEY,
    seq bigint NOT NULL,
    seen timestamptz NOT NULL DEFAULT now()
);

-- The number of the running transaction in our own counting, which a dump and restore keeps.
CREATE FUNCTION bricola.this_transaction() RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known text := current_setting('bricola.transaction', true);
BEGIN
    IF known IS NULL OR known = '' THEN
        known := nextval('bricola.transaction_number')::text;
        PERFORM set_config('bricola.transaction', known, true);
    END IF;
    RETURN known::bigint;
END $$;

-- Reports changes of a layer. At the commit one of the transactions that end at that time rings for the followers;
-- all of them would queue for the lock on the notification queue, fsync after fsync. Followers look again for a
-- while after each ring, which finds those that kept silent.
CREATE FUNCTION bricola.report(tenant text, layer text, operation text, ids bigint[]) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bricola.pending (transaction, tenant, layer, operation, ids)
    VALUES (bricola.this_transaction(), tenant, layer, operation, ids)
$$;

CREATE FUNCTION bricola.ring() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_try_advisory_xact_lock(4711202611) THEN
        PERFORM pg_notify('bricola', '');
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ring AFTER INSERT ON bricola.pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bricola.ring();

-- Numbers what has been committed since the last call; the end of the log. Each statement below sees all that was
-- committed before it began (READ COMMITTED), so what is numbered comes after all that was numbered before.
-- Transactions go in the order of their last reports: one that has seen another's work reported later than all of it.
CREATE FUNCTION bricola.sequence() RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reached bigint;
    latest timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM bricola.pending) THEN
        RETURN (SELECT seq FROM bricola.clock);
    END IF;
    SELECT seq, at INTO reached, latest FROM bricola.clock FOR UPDATE;
    WITH taken AS (
        DELETE FROM bricola.pending RETURNING *
    ), whole AS (
        SELECT t.*, max(id) OVER own AS ended, date_trunc('milliseconds', max(at) OVER own) AS moment FROM taken AS t
        WINDOW own AS (PARTITION BY transaction)
    ), numbered AS (
        SELECT transaction, tenant, layer, operation, ids, ended,
            reached + sum(coalesce(cardinality(ids), 1)) OVER so_far AS last,
            greatest(latest, max(moment) OVER so_far) AS at
        FROM whole
        WINDOW so_far AS (ORDER BY ended, id)
    ), logged AS (
        INSERT INTO bricola.changes (last, tenant, layer, operation, ids, transaction, at)
        SELECT last, tenant, layer, operation, ids, transaction, at FROM numbered ORDER BY last
    ), closed AS (
        INSERT INTO bricola.transactions (transaction, seq, at)
        SELECT transaction, max(last), max(at) FROM numbered GROUP BY transaction
    )
    SELECT coalesce(max(last), reached), coalesce(max(at), latest) INTO reached, latest FROM numbered;
    UPDATE bricola.clock SET seq = reached, at = latest;
    RETURN reached;
END $$;

-- What tells a table from itself after an ALTER TABLE: no trigger hears of those, nor of triggers that were switched
-- off. Whatever touches the catalogue rows of the table or of its triggers shows; VACUUM and ANALYZE do not.
CREATE FUNCTION bricola.shape(relation regclass) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT md5(concat_ws('/', c.oid, c.relfilenode, c.xmin,
        (SELECT string_agg(concat_ws(' ', attname, atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped),
        (SELECT string_agg(concat_ws(' ', tgname, tgenabled, xmin), ',' ORDER BY tgname) FROM pg_trigger
            WHERE tgrelid = relation AND NOT tgisinternal)))
    FROM pg_class AS c WHERE c.oid = relation
$$;

-- Reports layers whose tables are not what they were when last looked at: one of many servers does it.
CREATE FUNCTION bricola.watch() RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH now AS (
        SELECT tenant, layer,
            coalesce(bricola.shape(to_regclass(format('%I.%I', table_schema, table_name))), 'gone') AS shape
        FROM bricola.layers WHERE kind <> 'polled'
    ), mine AS (
        SELECT l.tenant, l.layer, now.shape FROM bricola.layers AS l JOIN now USING (tenant, layer)
        WHERE l.shape IS DISTINCT FROM now.shape FOR UPDATE OF l SKIP LOCKED
    ), altered AS (
        UPDATE bricola.layers AS l SET shape = mine.shape FROM mine
        WHERE l.tenant = mine.tenant AND l.layer = mine.layer
        RETURNING l.tenant, l.layer
    )
    SELECT count(bricola.report(tenant, layer, 'replace', NULL)::text) FROM altered
$$;

-- Least privilege: the owner (who runs this) makes layers; writers edit features; readers read. The roles belong to
-- the whole cluster: where we may not make them, an administrator can, and grant as below.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['bricola_reader', 'bricola_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE WARNING 'role % is missing and may not be made by %', role, current_user;
            END;
        END IF;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA bricola TO %I', role);
            EXECUTE format('GRANT SELECT ON bricola.clock, bricola.layers, bricola.changes, bricola.pending, '
                || 'bricola.transactions, bricola._sqlx_migrations TO %I', role);
            EXECUTE format('GRANT EXECUTE ON FUNCTION bricola.sequence(), bricola.watch() TO %I', role);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_writer') THEN
        GRANT EXECUTE ON FUNCTION bricola.this_transaction() TO bricola_writer;
    END IF;
END $$;

REVOKE EXECUTE ON FUNCTION bricola.this_transaction(), bricola.report(text, text, text, bigint[]), bricola.ring(),
    bricola.sequence(), bricola.watch() FROM PUBLIC;
