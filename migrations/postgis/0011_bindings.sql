-- Fields of a layer may be bound to another layer: a tax object carries the tariff zone in which it lies. Bricola computes
-- them and writes them like any edit, so that log, history and map know of it, and the triggers of layers that are there
-- stay what they are. Two things have to be remembered beside: how far the bound fields of a layer are true ("seq"; and of
-- which declaration and day), which moves in the transaction of the values themselves, so that after a crash nothing is
-- missed; and why features got other values ("causes", as JSON), which the log tells: changes are found by the transaction
-- that made them, since they are numbered only after its commit. One row holds all features of one cause. Of several
-- servers only the "holder" writes, until "until": a lease and no lock, since poolers in transaction mode keep none.

CREATE TABLE bricola.bindings (
    tenant text NOT NULL,
    layer text NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    declaration text NOT NULL DEFAULT '',
    day date,
    holder text,
    until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (tenant, layer)
);

CREATE TABLE bricola.causes (
    transaction bigint NOT NULL,
    layer text NOT NULL,
    ids bigint[] NOT NULL,
    causes text NOT NULL
);

CREATE INDEX causes_of_transactions ON bricola.causes (transaction);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_reader') THEN
        GRANT SELECT ON bricola.bindings, bricola.causes TO bricola_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_writer') THEN
        GRANT SELECT, INSERT, UPDATE ON bricola.bindings TO bricola_writer;
        GRANT SELECT, INSERT ON bricola.causes TO bricola_writer;
    END IF;
END $$;
