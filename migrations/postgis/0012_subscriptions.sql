-- Other programs subscribe to what changes. "document" says to what and where it is sent, as JSON; "secret" signs what is
-- sent. Everything up to the change "seq" has been handled by the subscriber, and log and past are kept from there on, for
-- "patience_days" after it was last heard of ("seen"), or for ever. "state" is for whoever delivers, who is the "holder"
-- until "until": of several servers only one delivers; a lease and no lock, since poolers in transaction mode keep none.
-- What a subscriber has refused lies in "letters", with what came behind it of the same feature, until somebody has it
-- sent again ("again") or takes it away.

CREATE TABLE bricola.subscriptions (
    tenant text NOT NULL,
    id text NOT NULL,
    document text NOT NULL,
    secret text,
    seq bigint NOT NULL,
    state text NOT NULL DEFAULT '{}',
    created timestamptz NOT NULL DEFAULT now(),
    seen timestamptz NOT NULL DEFAULT now(),
    patience_days integer CHECK (patience_days > 0),
    holder text,
    until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (tenant, id)
);

CREATE TABLE bricola.letters (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    subscription text NOT NULL,
    seq bigint NOT NULL,
    layer text NOT NULL,
    fid bigint,
    event text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    again boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX letters_of_subscriptions ON bricola.letters (tenant, subscription, number);

DO $$
BEGIN
    -- Secrets are for those who deliver.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_reader') THEN
        GRANT SELECT (tenant, id, seq, seen, patience_days) ON bricola.subscriptions TO bricola_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bricola_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON bricola.subscriptions TO bricola_writer;
        GRANT SELECT, INSERT, UPDATE, DELETE ON bricola.letters TO bricola_writer;
    END IF;
END $$;
