//! Connections to the database, their limits, and what its errors mean.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::{Stream, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Executor, PgConnection, Postgres, Row};

use super::ask::Begin;
use super::ledger::Ledger;
use super::patience::{Patience, Worker};
use crate::store::unreadable::LeftOut;
use crate::store::{Looked, StoreError};

/// How long an address gets to say whether somebody listens there.
const KNOCK: Duration = Duration::from_millis(500);

/// A connection URL that never shows its secret: not in a log line, not in an error, not by `{:?}`.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Wraps a URL such as `postgres://user:secret@host:5432/database`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Whether it can be read at all.
    pub fn is_sound(&self) -> bool {
        (self.0.starts_with("postgres://") || self.0.starts_with("postgresql://"))
            && PgConnectOptions::from_str(&self.0).is_ok()
    }
}

/// As shown: without the secret.
impl serde::Serialize for RedactedUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PgConnectOptions::from_str(&self.0) {
            Ok(options) => write!(
                out,
                "postgres://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
            Err(_) => out.write_str("postgres://…"),
        }
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// How to reach and use a database.
#[derive(Debug, Clone)]
pub struct PostgisOptions {
    /// Where it is.
    pub url: RedactedUrl,
    /// Where the listener connects, which needs a session of its own: the server itself when `url` names a pooler.
    pub listen_url: Option<RedactedUrl>,
    /// The tenant: its schema has this name.
    pub tenant: String,
    /// Connections at most, beside the listener's.
    pub connections: u32,
    /// How long a request waits for a connection.
    pub acquire: Duration,
    /// How long a statement may take, scans and loads excepted.
    pub statement: Duration,
    /// Attached tables and views, by `schema.table` as [`super::PostgisStore::attach`] takes them, that are kept in the store
    /// only ([`crate::definition::Keep::Stored`]): of those that have a key.
    pub stored: Vec<String>,
    /// Whether to create or update the schema `bricola`; otherwise it must be there.
    pub migrate: bool,
    /// Whether to keep list of layers and log in memory, and only read, where the schema `bricola` was never made and may
    /// not or cannot be; otherwise that is an error.
    pub in_memory: bool,
}

impl PostgisOptions {
    /// Sensible limits for a database and a tenant.
    pub fn new(url: RedactedUrl, tenant: impl Into<String>) -> Self {
        Self {
            url,
            listen_url: None,
            tenant: tenant.into(),
            connections: 8,
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(30),
            stored: Vec::new(),
            migrate: true,
            in_memory: false,
        }
    }
}

/// A pool of connections, and the tenant whose layers are spoken of.
#[derive(Clone)]
pub(super) struct Database {
    pool: Result<PgPool, String>,
    pub options: PostgisOptions,
    pub looks: Looks,
    /// Layers that this version cannot read.
    pub left_out: LeftOut,
    pub patience: Arc<Patience>,
    ledger: Arc<OnceLock<Ledger>>,
}

/// When the polled layers were last looked at, by their ids.
#[derive(Clone, Default)]
pub(super) struct Looks(Arc<Mutex<HashMap<String, Looked>>>);

impl Looks {
    pub fn of(&self, layer: &str) -> Looked {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.entry(layer.to_owned()).or_default().clone()
    }
}

/// A connection with a transaction open on it. Dropped without [`Session::commit`], the transaction is rolled back; a
/// connection that is dropped in the middle of an answer is closed, which ends its statement too.
pub(super) struct Session {
    connection: Option<PoolConnection<Postgres>>,
    /// Nothing is under way on the wire.
    settled: bool,
    wait: Wait,
}

/// Waits for the answers to a session's statements.
#[derive(Clone)]
pub(super) struct Wait {
    patience: Arc<Patience>,
    /// Who runs them.
    worker: Worker,
}

impl Wait {
    /// The answer, or that the database does not work on it any more.
    pub async fn on<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        self.patience.wait(&self.worker, work).await
    }

    /// All rows of an answer, one by one: on a slow line the last may come long after the database has done its part.
    async fn on_rows(
        &self,
        mut answer: impl Stream<Item = Result<PgRow, sqlx::Error>> + Unpin,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut rows = Vec::new();
        while let Some(row) = self.on(answer.try_next()).await? {
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Database {
    pub fn connect(options: PostgisOptions) -> Self {
        let direct = settings(options.listen_url.as_ref().unwrap_or(&options.url)).ok();
        let patience = Arc::new(Patience::new(direct));
        let judge = Arc::clone(&patience);
        let pool = settings(&options.url).map(|settings| {
            PgPoolOptions::new()
                .max_connections(options.connections.max(2))
                .acquire_timeout(options.acquire)
                .idle_timeout(Duration::from_secs(300))
                // A connection on which packets vanish would not answer the pool's own question either, and has no limit.
                .test_before_acquire(false)
                .before_acquire(move |connection, meta| {
                    let judge = Arc::clone(&judge);
                    Box::pin(async move {
                        if judge.is_sound(connection, meta.idle_for).await {
                            return Ok(true);
                        }
                        // An error makes the pool close it without a word to the other side.
                        Err(sqlx::Error::PoolTimedOut)
                    })
                })
                .connect_lazy_with(settings)
        });
        Self { pool, options, looks: Looks::default(), left_out: LeftOut::default(), patience, ledger: Arc::default() }
    }

    /// What stands in for the schema `bricola`, where that is not there.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.get()
    }

    /// From now on nothing is written to the database, for this reason.
    pub fn keep_in_memory(&self, reason: String) {
        self.ledger.get_or_init(|| Ledger::new(reason, chrono::Utc::now()));
    }

    /// Refuses to write where that cannot be.
    pub fn takes_writes(&self) -> Result<(), StoreError> {
        self.ledger().map_or(Ok(()), |ledger| Err(ledger.refusal()))
    }

    pub fn tenant(&self) -> &str {
        &self.options.tenant
    }

    /// A transaction that reads, all of one moment, with the time limit of the options.
    pub async fn read(&self) -> Result<Session, StoreError> {
        Ok(self.read_first("").await?.0)
    }

    /// As [`Database::read`], with a query that is asked with the beginning, and its rows.
    pub async fn read_first(&self, query: &str) -> Result<(Session, Vec<PgRow>), StoreError> {
        let (begin, limit) = (Begin::Reading.sql(), self.options.statement.as_millis());
        self.session(&format!("{begin}; SET LOCAL statement_timeout = {limit}"), query).await
    }

    /// A transaction that reads, each of its statements for no longer than `limit`, and may wait between them.
    pub async fn read_within(&self, limit: Duration) -> Result<Session, StoreError> {
        let (begin, limit) = (Begin::Reading.sql(), limit.as_millis().max(1));
        let settings = format!(
            "{begin}; SET LOCAL statement_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = 0"
        );
        Ok(self.session(&settings, "").await?.0)
    }

    /// A transaction that reads for as long as it takes.
    pub async fn read_on(&self) -> Result<Session, StoreError> {
        let begin = Begin::Reading.sql();
        Ok(self.session(&format!("{begin}; SET LOCAL statement_timeout = 0"), "").await?.0)
    }

    /// A transaction that writes, each statement seeing what was committed before it.
    pub async fn write(&self) -> Result<Session, StoreError> {
        self.takes_writes()?;
        let (begin, limit) = (Begin::Writing.sql(), self.options.statement.as_millis());
        Ok(self.session(&format!("{begin}; SET LOCAL statement_timeout = {limit}"), "").await?.0)
    }

    /// A transaction that writes for as long as it takes, and may wait for its rows meanwhile.
    pub async fn write_on(&self) -> Result<Session, StoreError> {
        self.takes_writes()?;
        let settings = format!(
            "{}; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
             SET LOCAL client_min_messages = warning",
            Begin::Writing.sql()
        );
        Ok(self.session(&settings, "").await?.0)
    }

    /// The connections themselves, for the migrator.
    pub fn pool(&self) -> Result<&PgPool, StoreError> {
        self.pool.as_ref().map_err(|reason| StoreError::Unusable(reason.clone()))
    }

    async fn session(&self, begin: &str, first: &str) -> Result<(Session, Vec<PgRow>), StoreError> {
        let mut session = self.unopened().await?;
        let begin = format!("{begin}; SELECT pg_backend_pid(); {first}");
        let (_, connection) = session.begin_use()?;
        let mut rows = self.patience.briefly(connection.fetch_all(sqlx::raw_sql(&begin))).await?;
        session.settle();
        session.wait.worker = Worker::Process(first_or(&rows, 0)?);
        rows.drain(..1.min(rows.len()));
        Ok((session, rows))
    }

    /// A connection on which no transaction is open yet.
    pub async fn unopened(&self) -> Result<Session, StoreError> {
        let connection = self.pool()?.acquire().await.map_err(|error| failure(&error))?;
        let wait = Wait { patience: Arc::clone(&self.patience), worker: Worker::Process(0) };
        Ok(Session { connection: Some(connection), settled: false, wait })
    }

    /// Whether somebody listens at the address; true where that cannot be asked.
    pub async fn is_listening(&self) -> bool {
        let Ok(settings) = settings(&self.options.url) else { return true };
        if settings.get_socket().is_some() || settings.get_host().starts_with('/') {
            return true;
        }
        let address = (settings.get_host().to_owned(), settings.get_port());
        tokio::time::timeout(KNOCK, tokio::net::TcpStream::connect(address)).await.is_ok_and(|knocked| knocked.is_ok())
    }

    /// A connection outside the pool, straight to the server.
    pub async fn listener(&self) -> Result<PgListener, StoreError> {
        let url = self.options.listen_url.as_ref().unwrap_or(&self.options.url);
        let settings = settings(url).map_err(StoreError::Unusable)?;
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(self.options.acquire);
        let pool = pool.connect_lazy_with(settings);
        let mut listener = PgListener::connect_with(&pool).await.map_err(|error| failure(&error))?;
        self.patience.briefly(listener.listen("bricola")).await?;
        Ok(listener)
    }
}

fn settings(url: &RedactedUrl) -> Result<PgConnectOptions, String> {
    let settings = PgConnectOptions::from_str(&url.0).ok().filter(|_| url.is_sound()).ok_or_else(|| {
        "the database URL cannot be read; it has the form postgres://user:secret@host:5432/database".to_owned()
    })?;
    // Poolers refuse start-up parameters that they do not know; prepared statements do not outlive a transaction there.
    Ok(settings
        .extra_float_digits(None)
        .statement_cache_capacity(0)
        .application_name("bricola")
        .disable_statement_logging())
}

impl Session {
    /// The connection, with nothing under way on it; [`Session::settle`] says when that is so again.
    pub fn begin_use(&mut self) -> Result<(&Wait, &mut PgConnection), StoreError> {
        self.settled = false;
        let connection = self.connection.as_deref_mut();
        Ok((&self.wait, connection.ok_or_else(|| StoreError::Failure("the session has ended".to_owned()))?))
    }

    /// What was begun on the connection has been read to its end.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Runs statements without parameters.
    pub async fn run(&mut self, sql: &str) -> Result<u64, StoreError> {
        let (wait, connection) = self.begin_use()?;
        // As text, and so by the simple protocol: many statements, nothing prepared.
        let done = wait.on(connection.execute(sqlx::raw_sql(sql))).await?;
        self.settle();
        Ok(done.rows_affected())
    }

    /// Runs a query of one statement.
    pub async fn all(
        &mut self,
        query: sqlx::query::Query<'_, Postgres, sqlx::postgres::PgArguments>,
    ) -> Result<Vec<sqlx::postgres::PgRow>, StoreError> {
        let (wait, connection) = self.begin_use()?;
        let rows = wait.on_rows(query.persistent(false).fetch(connection)).await?;
        self.settle();
        Ok(rows)
    }

    /// The rows of statements without parameters, the values as text.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<PgRow>, StoreError> {
        let (wait, connection) = self.begin_use()?;
        let rows = wait.on_rows(connection.fetch(sqlx::raw_sql(sql))).await?;
        self.settle();
        Ok(rows)
    }

    /// What is asked next bears a mark by which its process is found.
    pub fn watch_for(&mut self, mark: String) {
        self.wait.worker = Worker::Mark(mark);
    }

    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await?;
        self.give_back();
        Ok(())
    }

    /// Takes back what was done, before anybody else goes on.
    pub async fn roll_back(mut self) -> Result<(), StoreError> {
        self.run("ROLLBACK").await?;
        self.give_back();
        Ok(())
    }

    /// Gives the connection back as it is, where there is nothing to roll back.
    pub fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (settled, wait) = (self.settled, self.wait.clone());
        // A connection that is no longer in step is of no use to the next: closing it makes the server stop.
        let Some(runtime) = tokio::runtime::Handle::try_current().ok().filter(|_| settled) else {
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            if wait.on(connection.execute("ROLLBACK")).await.is_err() {
                drop(connection.detach());
            }
        });
    }
}

/// The first value of the first row; `otherwise` when there is no row.
pub(super) fn first_or<T>(rows: &[PgRow], otherwise: T) -> Result<T, StoreError>
where
    T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    rows.first().map_or(Ok(otherwise), |row| row.try_get(0)).map_err(|error| failure(&error))
}

/// What the database says, in the words of the contract.
pub(super) fn failure(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Io(error) => StoreError::Unreachable(error.to_string()),
        sqlx::Error::Tls(error) => StoreError::Unreachable(error.to_string()),
        sqlx::Error::PoolTimedOut => StoreError::Unreachable("no connection became free in time".to_owned()),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreError::Unreachable("the pool is closed".to_owned())
        }
        sqlx::Error::Protocol(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. } => StoreError::Garbled(error.to_string()),
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match &*code {
                // Shutting down, starting up, out of connections; connection exceptions.
                "57P01" | "57P02" | "57P03" | "57P05" | "53300" => StoreError::Unreachable(error.message().to_owned()),
                code if code.starts_with("08") => StoreError::Unreachable(error.message().to_owned()),
                "25006" => StoreError::ReadOnly,
                "57014" => StoreError::Timeout,
                // Numbers out of range and the like; what PostGIS says of geometries that cross themselves.
                code if code.starts_with("22") => StoreError::Uncomputable(error.message().to_owned()),
                "XX000" => StoreError::Uncomputable(error.message().to_owned()),
                // Somebody else holds what we need: deadlock, serialization, lock time-out.
                "40P01" | "40001" | "55P03" => StoreError::Busy,
                "23505" => duplicate(&**error),
                "53100" => StoreError::Failure("the disk of the database is full".to_owned()),
                "28P01" | "28000" | "3D000" => {
                    StoreError::Unusable(format!("the database refuses us: {}", error.message()))
                }
                code => StoreError::Failure(format!("{} ({code})", error.message())),
            }
        }
        error => StoreError::Failure(error.to_string()),
    }
}

/// A key that is there already. The message is in the database's language; the values stand after `=(` in each.
fn duplicate(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    let detail = error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::detail).unwrap_or_default();
    let values = detail.split_once("=(").and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(values, _)| values);
    StoreError::DuplicateKey {
        layer: error.table().unwrap_or_default().replace('_', "-"),
        key: values.replace(", ", " / "),
    }
}
