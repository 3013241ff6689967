-- The log grows for ever; an office may want to keep it for some years only. "log_from" says after which change it still
-- tells. The past is found by the log here, so it ends where the log ends (first_seq of each layer). Programs that must
-- not miss a change are registered, and the log is kept for them from their position on: however long they are away, or
-- for as many days (patience_days) as the administrator is ready to wait. Moving a position takes the follower's key.

ALTER TABLE bricola_store ADD COLUMN log_from INTEGER NOT NULL DEFAULT 0;

CREATE TABLE bricola_followers (
    name TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    seen DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    patience_days INTEGER CHECK (patience_days > 0)
);
