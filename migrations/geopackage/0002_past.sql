-- Answers as of an earlier change must not pass off what is not known for what was not there. A layer that was
-- dropped lost its history, and one of the same name may be defined again: from first_seq on, table and history of a
-- layer are whole; what lies before is refused. 0: from the beginning.
-- The store gets a name of its own, so that a file made from one store (a snapshot for a quick start) is never taken
-- for one of another that happens to lie at the same path. A copy of the file keeps the name, and the log with it.

ALTER TABLE bricola_layers ADD COLUMN first_seq INTEGER NOT NULL DEFAULT 0;

CREATE TABLE bricola_store (
    id TEXT NOT NULL PRIMARY KEY
);

INSERT INTO bricola_store VALUES (lower(hex(randomblob(16))));
