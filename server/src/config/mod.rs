//! Configuration: one typed table of keys, filled from a TOML file, the environment and flags.
//!
//! The same words everywhere: the key `tenant.name` is the variable `BRICOLA_TENANT_NAME` and the flag
//! `--tenant-name`. A flag wins over a variable, a variable over the file, the file over the default.
//! Unknown keys of the file are refused with their line. What a key means is written once, at its
//! declaration below; `bricola config --print-default` and `--help` print the same words.

mod check;
mod flags;
mod load;
mod print;
mod secret;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bricola_layers::store::{PostgisOptions, RedactedUrl};
use serde::{Deserialize, Serialize};

pub use flags::{Flags, environment_name, flag_name, with_flags};
pub use load::{ConfigError, load};
pub use print::{print, print_default};
pub use secret::Secret;
pub use settings::{Key, Kind};

use settings::settings;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people: time, level, message, fields.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

settings! {
    /// The whole configuration.
    Config {
        /// Address and port to listen on; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), Kind::Text, "";
        /// Data folder: holds the store `bricola.gpkg` and, in `layers/*.toml`, layer definitions that add to
        /// or replace the shipped ones.
        data: PathBuf = PathBuf::from("./bricola-data"), Kind::Text, "";
        /// `PostgreSQL` database with `PostGIS` that holds the store, instead of the file in the data folder. The secret
        /// is never printed; give it by the variable or by the file, since others see flags.
        database: Option<RedactedUrl> = None, Kind::Text, "\"postgres://bricola:secret@localhost:5432/sit\"";
        /// Address under which clients reach this server, without a slash at the end. When absent, links are
        /// made from the request (`Host`, and `X-Forwarded-*` if `trust_forwarded`).
        public_url: Option<String> = None, Kind::Text, "\"https://mappe.comune.example.it\"";
        /// Whether to believe `X-Forwarded-Host`, `-Proto` and `-Prefix`, as set by a reverse proxy.
        trust_forwarded: bool = true, Kind::Boolean, "";
        /// Whether to serve every layer and field, not only those that are public. Only for a closed network.
        show_all_layers: bool = false, Kind::Boolean, "";
        /// Seconds that running requests get to finish after SIGINT or SIGTERM.
        shutdown_seconds: u64 = 10, Kind::Integer, "";
        /// Seconds after which what is new in memory is kept in the folder `warm` of the data folder, from which the next
        /// start begins, even while the database is away; 0 keeps nothing there.
        warm_seconds: u64 = 60, Kind::Integer, "";
        /// How the database is used.
        postgres: Postgres = Postgres::default(), Kind::Section(Postgres::KEYS), "";
        /// The ente that the data belong to.
        tenant: Tenant = Tenant::default(), Kind::Section(Tenant::KEYS), "";
        /// Vector tiles.
        tile: Tile = Tile::default(), Kind::Section(Tile::KEYS), "";
        /// What is kept of earlier changes and states.
        retention: Retention = Retention::default(), Kind::Section(Retention::KEYS), "";
        /// Who may create, change and remove features over HTTP; nobody unless it is enabled.
        editing: Editing = Editing::default(), Kind::Section(Editing::KEYS), "";
        /// To whom events are sent, and how they are signed.
        subscriptions: Subscriptions = Subscriptions::default(), Kind::Section(Subscriptions::KEYS), "";
        /// Limits on requests; what goes over one is refused with an error that names it.
        limits: Limits = Limits::default(), Kind::Section(Limits::KEYS), "";
        /// Which web pages of other hosts may read the answers.
        cors: Cors = Cors::default(), Kind::Section(Cors::KEYS), "";
        /// The log, on standard error.
        log: Log = Log::default(), Kind::Section(Log::KEYS), "";
    }
}

settings! {
    /// How the database is used.
    Postgres {
        /// Schema of the tenant's tables; the superseded rows are kept in the one of the same name and `_history`.
        schema: String = "city".to_owned(), Kind::Text, "";
        /// Where to listen for changes, when `database` names a pooler in transaction mode: the server itself.
        listen_url: Option<RedactedUrl> = None, Kind::Text, "\"postgres://bricola:secret@db.example.it:5432/sit\"";
        /// Connections at most, beside the one that listens.
        connections: u32 = 8, Kind::Integer, "";
        /// Seconds that a request waits for a connection.
        acquire_seconds: u64 = 5, Kind::Integer, "";
        /// Seconds that a statement may take, loads and first reads excepted.
        statement_seconds: u64 = 30, Kind::Integer, "";
        /// Whether to make the schema `bricola` and bring it up to date; needs the rights to do so.
        migrate: bool = true, Kind::Boolean, "";
        /// Tables and views that were in the database before us and are published in place, as `schema.table` with `*`
        /// for anything; `!` before a pattern takes out what it names, an empty list publishes nothing. All servers of
        /// a database should say the same.
        attach: Vec<String> = vec!["*".to_owned()], Kind::TextList, "";
        /// Of these the ones that are too large for memory: their rows stay in the database, which is asked each time. Only
        /// tables and views with a key; layers of ours say `keep = "stored"` in their definitions.
        stored: Vec<String> = Vec::new(), Kind::TextList, "";
    }
}

settings! {
    /// To whom events are sent, and how they are signed. Who may edit may subscribe.
    Subscriptions {
        /// Hosts that events may be sent to, as `tributi.example.it`, `10.1.2.3:8443` or `*.example.it`; all others are
        /// refused. Without a list all hosts of the internet are allowed, and none of this machine or of an inner network.
        hosts: Vec<String> = Vec::new(), Kind::TextList, "";
        /// File (PEM) of the ente's private key, RSA or P-256, for subscriptions that are signed after ModI
        /// (`INTEGRITY_REST_02`).
        modi_key: Option<PathBuf> = None, Kind::Text, "\"/etc/bricola/modi.pem\"";
        /// The name (`kid`) under which the public half of it is known.
        modi_kid: Option<String> = None, Kind::Text, "\"4a1f\"";
    }
}

settings! {
    /// The ente that the data belong to.
    Tenant {
        /// Name, as titles show it.
        name: String = "Comune".to_owned(), Kind::Text, "";
        /// IPA code of the Indice dei domicili digitali della Pubblica Amministrazione.
        ipa: Option<String> = None, Kind::Text, "\"c_l736\"";
        /// ISTAT code, six digits.
        istat: Option<String> = None, Kind::Text, "\"027042\"";
        /// Belfiore (national cadastral) code: a letter and three digits. Parcel references that name no comune
        /// are taken to mean this one.
        belfiore: Option<String> = None, Kind::Text, "\"L736\"";
        /// Whom `/api` names for questions: an e-mail address of an office or the URL of a page.
        contact: Option<String> = None, Kind::Text, "\"https://www.comune.example.it/contatti\"";
        /// URL of the terms under which the services may be used, for `/api`.
        terms: Option<String> = None, Kind::Text, "\"https://www.comune.example.it/note-legali\"";
        /// CRS in which layers are stored that do not name their own. Metric, and true to scale where the ente
        /// lies: EPSG:7795 (RDN2008 zone 12) for the Veneto, EPSG:7791, 7792 or 7793 (UTM 32 to 34) elsewhere.
        crs: String = "EPSG:7795".to_owned(), Kind::Text, "";
        /// Box around the territory, `[west, south, east, north]` in degrees: loads warn of rows outside it, and
        /// undeclared coordinate systems and swapped axes are told apart by it.
        envelope: Option<[f64; 4]> = None, Kind::Numbers, "[12.16, 45.23, 12.60, 45.60]";
    }
}

settings! {
    /// Vector tiles.
    Tile {
        /// Memory for finished tiles, in MB (2²⁰ bytes); 0 makes every tile anew.
        cache_mb: u64 = 256, Kind::Integer, "";
        /// `max-age` of tiles in seconds: for so long a browser does not ask whether a tile changed.
        max_age_seconds: u64 = 0, Kind::Integer, "";
        /// Folder of tile matrix sets, one `*.json` each as OGC defines them (17-083r4), in which tiles are offered beside
        /// the shipped ones. One that tiles cannot be cut by keeps the server from starting.
        matrix_sets: Option<PathBuf> = None, Kind::Text, "\"/etc/bricola/tile-matrix-sets\"";
        /// Threads that make tiles; 0 takes one for each processor.
        threads: usize = 0, Kind::Integer, "";
    }
}

settings! {
    /// What is kept of earlier changes and states. A `GeoPackage` finds the past by the log, so there both end together.
    Retention {
        /// Days that the change log is kept; 0 is for ever. Followers that were registered (`bricola followers add`) keep
        /// what they have not handled yet. Servers of one database should say the same.
        log_days: u32 = 0, Kind::Integer, "";
        /// Days that superseded states of features are kept, which `at=` shows; 0 is for ever.
        past_days: u32 = 0, Kind::Integer, "";
        /// Seconds after which a server looks again whether something has grown old.
        every_seconds: u64 = 3600, Kind::Integer, "";
    }
}

settings! {
    /// Who may create, change and remove features over HTTP (OGC API Features 4); nobody unless it is enabled.
    Editing {
        /// Whether features may be edited under `/collections/{id}/items`, by whoever sends `Authorization: Bearer` with a
        /// token. Offer it over HTTPS only: whoever reads a token along the way has it.
        enabled: bool = false, Kind::Boolean, "";
        /// Whether to take changes and deletions that do not say by `If-Match` which version they were made from: of two
        /// editors the later one wins then, and nobody is told. QGIS (3.32 and later) sends no `If-Match`.
        unconditional: bool = false, Kind::Boolean, "";
        /// A token, at least 16 characters (`openssl rand -hex 32` makes one). It is never printed; give it by the variable
        /// or by the file, since others see flags.
        token: Option<Secret> = None, Kind::Text, "\"0123456789abcdef0123456789abcdef\"";
        /// A file of tokens, one a line; lines that begin with `#` say whose the next one is. Read at the start.
        tokens_file: Option<PathBuf> = None, Kind::Text, "\"/etc/bricola/tokens\"";
        /// File of public keys (a JWK set, RSA or P-256): each edit must then be signed by one of them after ModI
        /// (`INTEGRITY_REST_02`), beside the token. Needs `public_url`.
        integrity_keys: Option<PathBuf> = None, Kind::Text, "\"/etc/bricola/writers.jwks\"";
    }
}

settings! {
    /// Limits on requests.
    Limits {
        /// Bytes of a request body.
        body_bytes: usize = 2 * 1024 * 1024, Kind::Integer, "";
        /// Bytes of path and query together.
        uri_bytes: usize = 8 * 1024, Kind::Integer, "";
        /// Seconds until an answer must be ready.
        request_seconds: u64 = 30, Kind::Integer, "";
        /// Seconds that a client may take to send the head of a request.
        header_seconds: u64 = 10, Kind::Integer, "";
        /// Seconds that a client may take nothing of an answer until its connection is closed.
        write_seconds: u64 = 30, Kind::Integer, "";
        /// Requests worked on at the same time; more are turned away with 503 and `Retry-After`.
        concurrent_requests: usize = 1024, Kind::Integer, "";
        /// Requests that a client (an IP address; of IPv6 its network) may make in a minute; more are turned away with 429
        /// and `Retry-After`, and every answer says what is left. 0 is no limit. Behind a reverse proxy it has to pass on
        /// the address by `X-Forwarded-For`, and `trust_forwarded` to be true.
        requests_per_minute: u32 = 0, Kind::Integer, "";
        /// Open streams of events (`/events`); more are turned away with 503 and `Retry-After`.
        streams: usize = 1000, Kind::Integer, "";
        /// Open connections; more wait in the queue of the operating system.
        connections: usize = 8192, Kind::Integer, "";
    }
}

settings! {
    /// Which web pages of other hosts may read the answers.
    Cors {
        /// Origins such as `https://www.comune.example.it`; `*` is everybody, an empty list nobody.
        origins: Vec<String> = vec!["*".to_owned()], Kind::TextList, "";
    }
}

settings! {
    /// The log, on standard error.
    Log {
        /// Least level that is written, with exceptions for single targets (`info,bricola::access=debug` writes
        /// a line for each request; without it only failed and slow ones).
        level: String = "info".to_owned(), Kind::Text, "";
        /// `text` for people, `json` for machines.
        format: LogFormat = LogFormat::Text, Kind::Text, "";
    }
}

impl Config {
    /// The store file of the data folder.
    pub fn store_file(&self) -> PathBuf {
        self.data.join("bricola.gpkg")
    }

    /// How to reach the database, where there is one.
    pub fn postgis(&self) -> Option<PostgisOptions> {
        Some(PostgisOptions {
            listen_url: self.postgres.listen_url.clone(),
            connections: self.postgres.connections,
            acquire: Duration::from_secs(self.postgres.acquire_seconds),
            statement: Duration::from_secs(self.postgres.statement_seconds),
            stored: self.postgres.stored.clone(),
            migrate: self.postgres.migrate,
            ..PostgisOptions::new(self.database.clone()?, self.postgres.schema.clone())
        })
    }

    /// The folder of layer definitions of the data folder.
    pub fn definitions(&self) -> PathBuf {
        self.data.join("layers")
    }

    /// Where the office puts the cadastre's census dumps.
    pub fn units_folder(&self) -> PathBuf {
        self.data.join("units")
    }

    /// Where the office puts its tariff plans.
    pub fn tariffs_folder(&self) -> PathBuf {
        self.data.join("tariffs")
    }

    /// Where the office puts the regulations of its limited traffic zones.
    pub fn regulations_folder(&self) -> PathBuf {
        self.data.join("ztl")
    }

    /// Where the office puts files of the national registers of public works.
    pub fn works_folder(&self) -> PathBuf {
        self.data.join("works")
    }

    /// Where the office puts its rules for conflicts of work sites.
    pub fn conflicts_folder(&self) -> PathBuf {
        self.data.join("conflicts")
    }
}
