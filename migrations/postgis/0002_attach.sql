-- Tables and views that were in the database before us are published in place ("attached"): bricola.layers names them
-- and says which columns are read as what. Where we have the right to, statement triggers report what is written to
-- them ("tracked"); the columns of the tables are never touched, and their past is not kept. The others ("polled":
-- views, partitioned and foreign tables, tables on which we may make no trigger) are looked at again and again.
--
-- The office's own writes come first: a trigger of ours that cannot tell what was changed reports the whole layer, and
-- never makes the statement fail.

-- source: which columns make id, geometry and fields, as JSON. by_content: nothing but the rows themselves tells whether
-- they changed; content is their hash when they were last read for it. looked: when the layer was last looked at, some
-- time ago at most.
ALTER TABLE bricola.layers
    ADD COLUMN source text CHECK (source IS NOT NULL OR kind = 'managed'),
    ADD COLUMN by_content boolean NOT NULL DEFAULT false,
    ADD COLUMN content text,
    ADD COLUMN looked timestamptz;

CREATE UNIQUE INDEX layers_of_tables ON bricola.layers (table_schema, table_name, tenant);

-- The id of a feature whose key is no integer: 52 bits, which every client can hold, never 0.
CREATE FUNCTION bricola.feature_id(VARIADIC key text[]) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT greatest(1, ('x' || substr(md5(key::text), 1, 13))::bit(52)::bigint)
$$;

-- Reports what a statement did to an attached table. The arguments are the kind of the key and its columns. Texts of
-- keys must not depend on the settings of whoever writes.
CREATE FUNCTION bricola.track() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, MDY' SET timezone = 'UTC' SET extra_float_digits = 1
AS $$
DECLARE
    known record;
    fid text;
    hits text[];
    operations text[];
BEGIN
    FOR known IN SELECT tenant, layer FROM bricola.layers
        WHERE table_schema = TG_TABLE_SCHEMA AND table_name = TG_TABLE_NAME AND kind = 'tracked'
    LOOP
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                PERFORM bricola.report(known.tenant, known.layer, 'replace', NULL);
                CONTINUE;
            END IF;
            SELECT string_agg(format(CASE TG_ARGV[0] WHEN 'integer' THEN '%I::bigint' ELSE '%I::text' END, part), ', '
                ORDER BY place) INTO fid FROM unnest(TG_ARGV[1:]) WITH ORDINALITY AS parts (part, place);
            IF TG_ARGV[0] <> 'integer' THEN
                fid := format('bricola.feature_id(%s)', fid);
            END IF;
            fid := format('SELECT %s AS fid FROM ', fid);
            CASE TG_OP
                WHEN 'INSERT' THEN
                    operations := ARRAY['insert'];
                    hits := ARRAY[fid || 'new_rows'];
                WHEN 'DELETE' THEN
                    operations := ARRAY['delete'];
                    hits := ARRAY[fid || 'old_rows'];
                ELSE
                    operations := ARRAY['delete', 'update', 'insert'];
                    hits := ARRAY[
                        fid || 'old_rows EXCEPT ' || fid || 'new_rows',
                        fid || 'old_rows INTERSECT ' || fid || 'new_rows',
                        fid || 'new_rows EXCEPT ' || fid || 'old_rows'
                    ];
            END CASE;
            FOR turn IN 1 .. cardinality(hits) LOOP
                EXECUTE 'SELECT bricola.report($1, $2, $3, ids) FROM (SELECT array_agg(fid ORDER BY fid) AS ids FROM '
                    '(SELECT fid, (row_number() OVER (ORDER BY fid) - 1) / 4096 AS piece FROM (' || hits[turn] || ') AS hit) '
                    'AS counted GROUP BY piece ORDER BY piece) AS pieces'
                    USING known.tenant, known.layer, operations[turn];
            END LOOP;
        EXCEPTION WHEN OTHERS THEN
            PERFORM bricola.report(known.tenant, known.layer, 'replace', NULL);
        END;
    END LOOP;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'bricola does not hear of this change of %: %', TG_RELID::regclass, SQLERRM;
    RETURN NULL;
END $$;

-- Puts our triggers on a table, by the rights of the caller. False when we may not, or when somebody is at work on the
-- table: whoever comes after us must not wait for long.
CREATE FUNCTION bricola.hook(relation regclass, key text[]) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
    arguments text := (SELECT string_agg(quote_literal(part), ', ' ORDER BY place)
        FROM unnest(key) WITH ORDINALITY AS parts (part, place));
    event text[];
BEGIN
    FOREACH event SLICE 1 IN ARRAY ARRAY[
        ['insert', 'REFERENCING NEW TABLE AS new_rows'],
        ['update', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'],
        ['delete', 'REFERENCING OLD TABLE AS old_rows'],
        ['truncate', '']
    ] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER bricola_%s AFTER %1$s ON %s %s FOR EACH STATEMENT '
            'EXECUTE FUNCTION bricola.track(%s)', event[1], relation, event[2], arguments);
    END LOOP;
    RETURN true;
EXCEPTION WHEN lock_not_available OR insufficient_privilege OR undefined_table OR wrong_object_type THEN
    RETURN false;
END $$;

-- How many of our triggers are at work on a table.
CREATE FUNCTION bricola.hooks(relation oid) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) FROM pg_trigger
    WHERE tgrelid = relation AND tgfoid = 'bricola.track()'::regprocedure AND tgenabled IN ('O', 'A')
$$;

-- Takes our triggers off a table, by the rights of the caller, who must own it. Left behind, they do nothing.
CREATE FUNCTION bricola.unhook(relation regclass) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
    event text;
BEGIN
    IF bricola.hooks(relation) > 0 THEN
        FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS bricola_%s ON %s', event, relation);
        END LOOP;
    END IF;
    RETURN true;
EXCEPTION WHEN lock_not_available OR insufficient_privilege OR undefined_table THEN
    RETURN false;
END $$;

-- Stops publishing a table, and takes our triggers off. A server whose configuration names the table finds it again.
CREATE FUNCTION bricola.detach(relation regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone record;
BEGIN
    FOR gone IN
        DELETE FROM bricola.layers AS l USING pg_class AS c, pg_namespace AS n
        WHERE c.oid = relation AND n.oid = c.relnamespace AND l.kind <> 'managed'
            AND l.table_schema = n.nspname AND l.table_name = c.relname
        RETURNING l.tenant, l.layer
    LOOP
        PERFORM bricola.report(gone.tenant, gone.layer, 'replace', NULL);
    END LOOP;
    IF NOT bricola.unhook(relation) THEN
        RAISE WARNING 'the triggers bricola_* of % are left, without effect: only its owner can take them off', relation;
    END IF;
END $$;

-- The relations from which one takes its rows: itself, the tables of a view at any depth, partitions and children. A
-- materialised view has rows of its own.
CREATE FUNCTION bricola.below(relation oid) RETURNS TABLE (oid oid)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE below AS (
        SELECT c.oid, c.relkind FROM pg_class AS c WHERE c.oid = relation
        UNION
        SELECT c.oid, c.relkind FROM below
        CROSS JOIN LATERAL (
            SELECT inhrelid AS oid FROM pg_inherits WHERE inhparent = below.oid
            UNION ALL
            SELECT d.refobjid FROM pg_rewrite AS r
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> below.oid
            WHERE r.ev_class = below.oid AND below.relkind = 'v'
        ) AS next JOIN pg_class AS c ON c.oid = next.oid
    )
    SELECT below.oid FROM below
$$;

-- What changes when the rows of a relation do: files, counters of written rows, rules. Counters are handed in by the
-- writer's session after its commit, at once when it ends, within some seconds when it idles.
CREATE FUNCTION bricola.fingerprint(relation oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT md5(string_agg(concat_ws(' ', c.oid, c.relfilenode, c.xmin,
        pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid),
        (SELECT string_agg(r.xmin::text, ' ' ORDER BY r.oid) FROM pg_rewrite AS r WHERE r.ev_class = c.oid)),
        ',' ORDER BY c.oid))
    FROM bricola.below(relation) AS below JOIN pg_class AS c USING (oid)
$$;

-- Whether rows come from where no counter tells: another server, or a function that somebody wrote.
CREATE FUNCTION bricola.is_opaque(relation oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM bricola.below(relation) AS below JOIN pg_class AS c USING (oid)
        WHERE c.relkind = 'f' OR c.relkind = 'v' AND EXISTS (
            SELECT FROM pg_rewrite AS r
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                AND d.refclassid = 'pg_proc'::regclass
            WHERE r.ev_class = c.oid AND NOT EXISTS (
                SELECT FROM pg_depend AS e WHERE e.classid = 'pg_proc'::regclass AND e.objid = d.refobjid
                    AND e.deptype = 'e')
        )
    )
$$;

-- Reports polled layers whose fingerprint is not what it was: one of many servers does it.
CREATE FUNCTION bricola.poll() RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH now AS MATERIALIZED (
        SELECT tenant, layer,
            coalesce(bricola.fingerprint(to_regclass(format('%I.%I', table_schema, table_name))), 'gone') AS shape
        FROM bricola.layers WHERE kind = 'polled'
    ), mine AS (
        SELECT l.tenant, l.layer, now.shape FROM bricola.layers AS l JOIN now USING (tenant, layer)
        WHERE l.kind = 'polled' AND l.shape IS DISTINCT FROM now.shape FOR UPDATE OF l SKIP LOCKED
    ), altered AS (
        UPDATE bricola.layers AS l SET shape = mine.shape FROM mine
        WHERE l.tenant = mine.tenant AND l.layer = mine.layer
        RETURNING l.tenant, l.layer
    ), noted AS (
        UPDATE bricola.layers SET looked = now()
        WHERE kind = 'polled' AND NOT by_content AND looked < now() - interval '1 minute'
            AND (tenant, layer) NOT IN (SELECT tenant, layer FROM mine)
    )
    SELECT count(bricola.report(tenant, layer, 'replace', NULL)::text) FROM altered
$$;

REVOKE EXECUTE ON FUNCTION bricola.track(), bricola.hook(regclass, text[]), bricola.unhook(regclass),
    bricola.detach(regclass), bricola.poll() FROM PUBLIC;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['bricola_reader', 'bricola_writer'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION bricola.poll() TO %I', role);
        END IF;
    END LOOP;
END $$;
