-- A client that loses its connection after it sent an edit does not know whether the edit was made, and sends it again:
-- without more, there would be two features. So a client may send a key with an edit, and the store keeps, in the same
-- transaction as the edit, what came of it: whoever sends the same key again within a day is told that, whatever server
-- answers and however often it was started meanwhile. "digest" tells the same edit from another one under the same key.
-- Of the edit itself nothing is kept here. "at" is in seconds since 1970.

CREATE TABLE bricola_receipts (
    key TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    layer TEXT NOT NULL,
    ids TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL DEFAULT (unixepoch())
) WITHOUT ROWID;

CREATE INDEX bricola_receipts_at ON bricola_receipts (at);
