-- Fields of a layer may be bound to another layer: a tax object carries the tariff zone in which it lies. Bricola computes
-- them and writes them like any edit, so that log, history and map know of it. Two things have to be remembered beside:
-- how far the bound fields of a layer are true ("seq"; and of which declaration and day), which moves in the transaction of
-- the values themselves, so that after a crash nothing is missed; and why a feature got another value ("causes", as JSON),
-- which the log tells. Of several programs on one file only the "holder" writes, until "until" (seconds since 1970).

CREATE TABLE bricola_bindings (
    layer TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL DEFAULT 0,
    declaration TEXT NOT NULL DEFAULT '',
    day TEXT,
    holder TEXT,
    until REAL NOT NULL DEFAULT 0
);

CREATE TABLE bricola_causes (
    seq INTEGER PRIMARY KEY,
    causes TEXT NOT NULL
);
