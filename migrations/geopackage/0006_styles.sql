-- Styles that an office has made for its maps lie beside the layers that they draw, so that a copy of the file is a copy
-- of the whole map. Whoever writes one, the log says so, under the name ":styles", which no layer can have: every server
-- of the file reads the styles again then, and open maps hear of it. "document" is the style as JSON, with the
-- addresses of this server from the path on.

CREATE TABLE bricola_styles (
    style TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    changed DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TRIGGER bricola_styles_insert AFTER INSERT ON bricola_styles BEGIN
    INSERT INTO bricola_changes (layer, operation) VALUES (':styles', 'replace');
END;

CREATE TRIGGER bricola_styles_update AFTER UPDATE ON bricola_styles BEGIN
    INSERT INTO bricola_changes (layer, operation) VALUES (':styles', 'replace');
END;

CREATE TRIGGER bricola_styles_delete AFTER DELETE ON bricola_styles BEGIN
    INSERT INTO bricola_changes (layer, operation) VALUES (':styles', 'replace');
END;
