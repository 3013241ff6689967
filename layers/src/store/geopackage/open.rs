//! From a path to an open store: checks of the file, migrations, connections.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection as _};

use super::follow::Follower;
use super::{File, OpenMode, blocking, failure, past, replace, words};
use crate::store::StoreError;
use crate::store::unreadable::LeftOut;

/// Connections for reading that are kept when nobody uses them.
pub(super) const IDLE_READERS: usize = 8;
/// How long a writer waits for another program to finish.
const BUSY: Duration = Duration::from_secs(5);
/// Page size of a new file: rows of a few hundred bytes load a tenth faster than at `SQLite`'s own 4096.
const PAGE_BYTES: u32 = 8192;
/// "GPKG", which is what a `GeoPackage` carries in the header of its file.
const APPLICATION_ID: i64 = 0x4750_4B47;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/geopackage");

pub(super) async fn open(path: &Path, mode: OpenMode) -> Result<File, StoreError> {
    let at = path.to_path_buf();
    blocking(move || check(&at, mode)).await.map_err(|error| named(path, error))?;
    if mode == OpenMode::ReadWrite {
        migrate(path).await?;
    }
    let at = path.to_path_buf();
    blocking(move || assemble(at, mode)).await.map_err(|error| named(path, error))
}

/// Puts the file's name before what is wrong with it.
fn named(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Unusable(reason) => StoreError::Unusable(format!("{}: {reason}", path.display())),
        other => other,
    }
}

fn unusable(reason: &str) -> StoreError {
    StoreError::Unusable(reason.to_owned())
}

/// Refuses what is not a store before anything is written to it.
///
/// Only `SQLite` may open the file: when any descriptor of it is closed, a process loses all its locks on it (POSIX),
/// also those by which a store that is open already keeps other programs from clearing its journal away.
fn check(path: &Path, mode: OpenMode) -> Result<(), StoreError> {
    let unreadable = |error: std::io::Error| StoreError::Unusable(format!("cannot be read: {error}"));
    match path.metadata() {
        Ok(meta) if meta.is_dir() => return Err(unusable("is a folder; name a file in it")),
        Ok(meta) if meta.len() == 0 && mode == OpenMode::ReadOnly => return Err(unusable("the file is empty")),
        Ok(_) => {}
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unreadable(error)),
        Err(_) if mode == OpenMode::ReadOnly => return Err(unusable("there is no such file")),
        Err(_) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                return Err(StoreError::Unusable(format!("the folder {} does not exist", folder.display())));
            }
            return Ok(());
        }
    }
    let mut connection = if mode == OpenMode::ReadOnly { reader_of(path)?.0 } else { connect(path)? };
    // One moment: another process may be making the store right now, the migrator's own table first.
    let connection = connection.transaction().map_err(|e| failure(&e))?;
    // A page is noticed when it is missing altogether; half of the last one is not.
    let (pages, bytes): (u64, u64) = (one(&connection, "PRAGMA page_count")?, one(&connection, "PRAGMA page_size")?);
    let whole = path.metadata().is_ok_and(|meta| meta.len() >= pages * bytes);
    if !whole && journal_of(path).metadata().map_or(0, |meta| meta.len()) == 0 {
        return Err(unusable("the file is cut short; restore it from a backup"));
    }
    let tables: i64 = one(&connection, "SELECT count(*) FROM sqlite_master WHERE tbl_name <> '_sqlx_migrations'")?;
    if tables == 0 && mode == OpenMode::ReadWrite {
        return Ok(());
    }
    if one::<i64>(&connection, "PRAGMA application_id")? != APPLICATION_ID {
        return Err(unusable("is an SQLite database but no GeoPackage"));
    }
    let ours: i64 = one(&connection, "SELECT count(*) FROM sqlite_master WHERE name = 'bricola_layers'")?;
    if ours == 0 {
        return Err(unusable(
            "is a GeoPackage that Bricola did not make; load its layers into a store with \"bricola load\"",
        ));
    }
    if mode == OpenMode::ReadOnly {
        check_version(&connection)?;
    }
    Ok(())
}

fn latest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn newer() -> StoreError {
    unusable("was made by a newer version of Bricola; use that version, or a copy from before the update")
}

fn check_version(connection: &Connection) -> Result<(), StoreError> {
    let version: i64 = one(connection, "SELECT ifnull(max(version), 0) FROM _sqlx_migrations")?;
    match version.cmp(&latest()) {
        std::cmp::Ordering::Less => {
            Err(unusable("was made by an older version of Bricola; open it for writing once to bring it up to date"))
        }
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(newer()),
    }
}

/// Brings the file to the form of this version. Two processes may try at once: each migration is one transaction,
/// so the one that comes second finds it done when it looks again.
async fn migrate(path: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let give_up = Instant::now() + BUSY;
    loop {
        let migrated = async {
            let mut connection = options.connect().await?;
            let migrated = MIGRATIONS.run(&mut connection).await;
            connection.close().await?;
            migrated
        };
        match migrated.await {
            Ok(()) => return Ok(()),
            Err(MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..)) => return Err(named(path, newer())),
            Err(MigrateError::VersionMismatch(version)) => {
                let reason = format!("was made by another build of Bricola (its migration {version} differs)");
                return Err(named(path, StoreError::Unusable(reason)));
            }
            Err(_) if Instant::now() < give_up => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => {
                return Err(named(path, StoreError::Unusable(format!("cannot be brought up to date: {error}"))));
            }
        }
    }
}

fn assemble(path: PathBuf, mode: OpenMode) -> Result<File, StoreError> {
    let (writer, reader, immutable) = match mode {
        OpenMode::ReadOnly => {
            let (reader, immutable) = reader_of(&path)?;
            (None, reader, immutable)
        }
        OpenMode::ReadWrite => {
            let mut writer = connect(&path)?;
            replace::clear_dead(&path, &mut writer)?;
            past::index(&writer)?;
            let reader = reader(&path, false)?;
            (Some(Arc::new(tokio::sync::Mutex::new(writer))), reader, false)
        }
    };
    let follower = Follower::start(reader)?;
    Ok(File { path, writer, readers: Mutex::default(), follower, immutable, left_out: LeftOut::default() })
}

/// A connection that writes: each commit is on the disk before it returns.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| cannot_open(&e))?;
    connection
        .busy_timeout(BUSY)
        .and_then(|()| {
            connection.execute_batch(
                "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = OFF; PRAGMA synchronous = FULL; \
                 PRAGMA journal_size_limit = 16777216; PRAGMA analysis_limit = 400;",
            )
        })
        .map_err(|e| failure(&e))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path, immutable: bool) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let opened = if immutable {
        Connection::open_with_flags(immutable_uri(path), flags)
    } else {
        Connection::open_with_flags(path, flags.difference(OpenFlags::SQLITE_OPEN_URI))
    };
    let connection = opened.map_err(|e| cannot_open(&e))?;
    connection
        .busy_timeout(BUSY)
        .and_then(|()| connection.execute_batch("PRAGMA cache_size = -8192;"))
        .and_then(|()| words::teach(&connection))
        .map_err(|e| failure(&e))?;
    Ok(connection)
}

/// A connection that only reads, and whether it does without the journal: `SQLite` needs to write beside the file
/// even to read it, unless nobody else may be writing.
fn reader_of(path: &Path) -> Result<(Connection, bool), StoreError> {
    let connection = reader(path, false)?;
    let looked = connection.query_row("SELECT count(*) FROM sqlite_master", (), |row| row.get::<_, i64>(0));
    match looked {
        Ok(_) => Ok((connection, false)),
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
                && !journal_of(path).exists() =>
        {
            reader(path, true).map(|connection| (connection, true))
        }
        Err(error) => Err(failure(&error)),
    }
}

/// The journal that `SQLite` keeps beside a file.
fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn immutable_uri(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1")
}

fn cannot_open(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            unusable("cannot be opened; look at the permissions of the file and of its folder")
        }
        _ => failure(error),
    }
}

/// The first column of the first row.
fn one<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Result<T, StoreError> {
    connection.query_row(sql, (), |row| row.get(0)).map_err(|e| failure(&e))
}
