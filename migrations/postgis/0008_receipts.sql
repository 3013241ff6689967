-- A client that loses its connection after it sent an edit does not know whether the edit was made, and sends it again:
-- without more, there would be two features. So a client may send a key with an edit, and the store keeps, in the same
-- transaction as the edit, what came of it: whoever sends the same key again within a day is told that, whichever server
-- answers and however often it was started meanwhile. "digest" tells the same edit from another one under the same key.
-- Of the edit itself nothing is kept here. Of two that come at the same time the second waits at the primary key until the
-- first has ended. "transaction" is in our own numbering; the change that it made is known by it only after the commit.

CREATE TABLE bricola.receipts (
    tenant text NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    layer text NOT NULL,
    ids bigint[] NOT NULL DEFAULT '{}',
    transaction bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, key)
);

CREATE INDEX receipts_at ON bricola.receipts (at);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON bricola.receipts TO bricola_writer;
    END IF;
END $$;
