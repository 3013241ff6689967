-- The log and the superseded rows grow for ever; an office may want to keep them for some years only. Both are cut apart
-- from one another: "log_from" says after which change the log still tells, kept_from of a layer from which change on
-- its past is known. Programs that must not miss a change are registered, and the log is kept for them from their
-- position on, however long they are away, or for as many days as the administrator is ready to wait for them.
-- Whoever moves a follower's position could cut it off, so that takes its key, which readers of the database do not see.

ALTER TABLE bricola.clock ADD COLUMN log_from bigint NOT NULL DEFAULT 0;

-- patience_days: for how long after it was last seen the log is kept for it; null is for ever.
ALTER TABLE bricola.followers
    ADD COLUMN key text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
    ADD COLUMN patience_days integer CHECK (patience_days > 0);

-- Notes that a follower has handled the changes up to a position; false when there is none of that name and key.
CREATE FUNCTION bricola.acknowledge(follower text, secret text, handled bigint) RETURNS boolean
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE bricola.followers AS f
    SET seq = greatest(f.seq, least(handled, (SELECT c.seq FROM bricola.clock AS c))), seen = now()
    WHERE f.name = follower AND f.key = secret AND (f.seq < handled OR f.seen < now() - interval '1 minute');
    SELECT EXISTS (SELECT FROM bricola.followers AS f WHERE f.name = follower AND f.key = secret)
$$;

REVOKE EXECUTE ON FUNCTION bricola.acknowledge(text, text, bigint) FROM PUBLIC;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['bricola_reader', 'bricola_writer'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('GRANT SELECT (name, seq, seen, patience_days) ON bricola.followers TO %I', role);
            EXECUTE format('GRANT EXECUTE ON FUNCTION bricola.acknowledge(text, text, bigint) TO %I', role);
        END IF;
    END LOOP;
END $$;
