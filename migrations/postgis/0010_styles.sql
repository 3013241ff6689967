-- Styles that an office has made for its maps lie beside the layers that they draw. Whoever writes one, the log says so,
-- under the name ":styles", which no layer can have: every server of the database reads the styles again then, and open
-- maps hear of it. "document" is the style as JSON, with the addresses of the server from the path on.

CREATE TABLE bricola.styles (
    tenant text NOT NULL,
    style text NOT NULL,
    document text NOT NULL,
    changed timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, style)
);

CREATE FUNCTION bricola.report_style() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM bricola.report(OLD.tenant, ':styles', 'replace', NULL);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.tenant <> OLD.tenant) THEN
        PERFORM bricola.report(NEW.tenant, ':styles', 'replace', NULL);
    END IF;
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION bricola.report_style() FROM PUBLIC;

CREATE TRIGGER report AFTER INSERT OR UPDATE OR DELETE ON bricola.styles
    FOR EACH ROW EXECUTE FUNCTION bricola.report_style();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_reader') THEN
        GRANT SELECT ON bricola.styles TO bricola_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON bricola.styles TO bricola_writer;
    END IF;
END $$;
