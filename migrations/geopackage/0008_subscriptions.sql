-- Other programs subscribe to what changes. "document" says to what and where it is sent, as JSON; "secret" signs what is
-- sent. Everything up to the change "seq" has been handled by the subscriber, and log and past are kept from there on, for
-- "patience_days" after it was last heard of ("seen"), or for ever. "state" is for whoever delivers, who is the "holder"
-- until "until" (seconds since 1970): of several programs on one file only one delivers. What a subscriber has refused
-- lies in "bricola_letters", with what came behind it of the same feature, until somebody has it sent again ("again") or takes it
-- away.

CREATE TABLE bricola_subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    secret TEXT,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT '{}',
    created DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    seen DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    patience_days INTEGER CHECK (patience_days > 0),
    holder TEXT,
    until REAL NOT NULL DEFAULT 0
);

CREATE TABLE bricola_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL,
    seq INTEGER NOT NULL,
    layer TEXT NOT NULL,
    fid INTEGER,
    event TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    again BOOLEAN NOT NULL DEFAULT 0,
    at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX bricola_letters_of_subscriptions ON bricola_letters (subscription, number);
