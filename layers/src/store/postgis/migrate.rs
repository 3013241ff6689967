//! The schema `bricola`: made and brought up to date.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Executor, Row};

use super::connect::{Database, failure, first_or};
use super::log::scalar;
use super::schema::{history_of, is_name};
use crate::store::StoreError;

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/postgis");
/// First release of the server that is supported.
const POSTGRESQL: i64 = 150_000;
/// One program at a time brings a database up to date.
const LOCK: i64 = 4_711_202_612;

/// Checks server and extension, then runs the migrations that are missing.
pub(super) async fn run(database: &Database) -> Result<(), StoreError> {
    let tenant = database.tenant();
    if !is_name(tenant) || ["bricola", "public", "pg_catalog", "information_schema"].contains(&tenant) {
        return Err(StoreError::Unusable(format!(
            "the tenant \"{tenant}\" cannot be the name of a schema: lower-case letters, digits and underscores, \
             beginning with a letter, 50 at most"
        )));
    }
    check(database).await?;
    // A role that may only read, or a standby, is enough where there is nothing to do.
    if database.options.migrate && is_done(database).await? {
        return Ok(());
    }
    let hindered = hindrance(database).await?;
    if let Some(Hindrance { reason, bare: true, .. }) = &hindered
        && database.options.in_memory
    {
        tracing::warn!(reason, "serving what can be read, read-only, with the list of layers and the log in memory");
        database.keep_in_memory(reason.clone());
        return Ok(());
    }
    if !database.options.migrate {
        return Ok(());
    }
    if let Some(Hindrance { reason, passes, .. }) = hindered {
        return Err(if passes { StoreError::ReadOnly } else { StoreError::Unusable(reason) });
    }
    let mut transaction = database.pool()?.begin().await.map_err(|error| failure(&error))?;
    let before = format!(
        "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK}); CREATE SCHEMA IF NOT EXISTS bricola; \
         SET LOCAL search_path = bricola, public, pg_catalog"
    );
    transaction.execute(sqlx::raw_sql(&before)).await.map_err(|error| failure(&error))?;
    // Without the migrator's own lock, which belongs to a session and so to nobody behind a pooler. A newer program may
    // have added to the schema while this one is still running: migrations only ever add.
    let migrator =
        Migrator { migrations: MIGRATOR.migrations.clone(), locking: false, ignore_missing: true, ..Migrator::DEFAULT };
    migrator.run_direct(&mut *transaction).await.map_err(|error| migration(&error))?;
    let schemas =
        format!("CREATE SCHEMA IF NOT EXISTS \"{tenant}\"; CREATE SCHEMA IF NOT EXISTS \"{}\"", history_of(tenant));
    transaction.execute(sqlx::raw_sql(&schemas)).await.map_err(|error| failure(&error))?;
    transaction.commit().await.map_err(|error| failure(&error))
}

/// Why the schemas that are missing cannot be made.
struct Hindrance {
    /// In words that say what to do.
    reason: String,
    /// Nothing of ours is there at all.
    bare: bool,
    /// It may be over by itself.
    passes: bool,
}

/// What keeps us from making the schemas that are missing; `None` where nothing does, or none is.
async fn hindrance(database: &Database) -> Result<Option<Hindrance>, StoreError> {
    let mut session = database.read().await?;
    let query = sqlx::query(
        "SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user), (SELECT string_agg( \
         format('\"%s\"', s), ', ') FROM unnest($1::text[]) AS s WHERE to_regnamespace(quote_ident(s)) IS NULL), \
         has_database_privilege(current_database(), 'CREATE'), \
         NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off', \
         to_regnamespace('bricola') IS NULL",
    );
    let schemas = ["bricola", database.tenant(), &history_of(database.tenant())].map(str::to_owned);
    let rows = session.all(query.bind(schemas.to_vec())).await?;
    let row = rows.first().ok_or_else(StoreError::garbled)?;
    let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?));
    let (grant, missing, may_make, takes_writes, bare): (String, Option<String>, bool, bool, bool) =
        read().map_err(|error| failure(&error))?;
    let Some(missing) = missing else { return Ok(None) };
    let kept = format!("the schemas {missing}, in which Bricola keeps its list of layers and its log");
    let reason = match (may_make, takes_writes, database.options.migrate) {
        (false, _, _) => format!("the role may not make {kept}; the owner of the database runs once: {grant}"),
        (_, false, _) => format!("the database takes no writes (a standby, or one that is set so), and lacks {kept}"),
        (_, _, false) => format!("postgres.migrate is false, and the database lacks {kept}"),
        (true, true, true) => return Ok(None),
    };
    Ok(Some(Hindrance { reason, bare, passes: may_make && !takes_writes }))
}

/// Whether every migration and the tenant's schemas are there.
async fn is_done(database: &Database) -> Result<bool, StoreError> {
    let mut session = database.read().await?;
    let (tenant, history) = (database.tenant().to_owned(), history_of(database.tenant()));
    let query = sqlx::query(
        "SELECT to_regnamespace($1) IS NOT NULL AND to_regnamespace($2) IS NOT NULL \
         AND to_regclass('bricola._sqlx_migrations') IS NOT NULL",
    );
    let rows = session.all(query.bind(tenant).bind(history)).await?;
    if !first_or(&rows, false)? {
        return Ok(false);
    }
    let ours = MIGRATOR.migrations.iter().map(|migration| migration.version).collect::<Vec<_>>();
    let query = sqlx::query("SELECT count(*) FROM bricola._sqlx_migrations WHERE success AND version = ANY($1)");
    let rows = session.all(query.bind(ours)).await?;
    let done: i64 = first_or(&rows, 0)?;
    Ok(done == MIGRATOR.migrations.len() as i64)
}

/// Refuses a server without what we need, in words that say what to do.
async fn check(database: &Database) -> Result<(), StoreError> {
    let mut session = database.read().await?;
    let version = scalar(&mut session, "SELECT current_setting('server_version_num')::bigint").await?;
    if version < POSTGRESQL {
        return Err(StoreError::Unusable(format!(
            "the database is PostgreSQL {}; version 15 is the least",
            version / 10_000
        )));
    }
    let found = session.all(sqlx::query("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")).await?;
    if found.is_empty() {
        drop(session);
        let mut session = database.write().await?;
        session.run("CREATE EXTENSION postgis").await.map_err(|error| {
            StoreError::Unusable(format!(
                "the database has no PostGIS, and it cannot be added ({error}); as a superuser run: CREATE EXTENSION postgis"
            ))
        })?;
        return session.commit().await;
    }
    let version: String = found[0].try_get(0).map_err(|error| failure(&error))?;
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) < (3, 3) {
        return Err(StoreError::Unusable(format!("the database has PostGIS {version}; version 3.3 is the least")));
    }
    Ok(())
}

fn migration(error: &MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failure(error),
        error => StoreError::Unusable(format!("the schema \"bricola\" cannot be brought up to date: {error}")),
    }
}
