//! What tells whether the process of a replacement lives, and clearing away after one that does not.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::failure;
use super::{drop_staging, immediate};
use crate::store::StoreError;

/// Drops the staging tables of processes that are no more.
pub(in super::super) fn clear_dead(store: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM bricola_staging")
        .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
        .map_err(|e| failure(&e))?;
    for id in &ids {
        if let Some(_lock) = Lock::of_the_dead(store, *id) {
            tracing::info!(id, "clearing away a load that was cut short");
            drop_staging(connection, *id)?;
        }
    }
    let lost: Vec<i64> = Lock::ids(store).into_iter().filter(|id| !ids.contains(id)).collect();
    if lost.is_empty() { Ok(()) } else { clear_lost_locks(store, connection, lost) }
}

/// Removes lock files without a replacement: a process may die between the two.
fn clear_lost_locks(store: &Path, connection: &mut Connection, lost: Vec<i64>) -> Result<(), StoreError> {
    // A replacement makes its file and its row in one such transaction: here it has both or neither.
    let transaction = immediate(connection)?;
    for id in lost {
        let sql = "SELECT EXISTS (SELECT 1 FROM bricola_staging WHERE id = ?1)";
        let under_way: bool = transaction.query_row(sql, [id], |row| row.get(0)).map_err(|e| failure(&e))?;
        if !under_way {
            // Removed with the value, unless somebody holds it who is just done.
            drop(Lock::of_the_dead(store, id));
        }
    }
    transaction.commit().map_err(|e| failure(&e))
}

/// A locked file beside the store: the lock ends with the process, however it ends.
pub(super) struct Lock {
    path: PathBuf,
    _file: Option<std::fs::File>,
}

impl Lock {
    fn path(store: &Path, id: i64) -> PathBuf {
        let mut name = store.as_os_str().to_owned();
        name.push(format!("-load-{id}"));
        PathBuf::from(name)
    }

    pub fn take(store: &Path, id: i64) -> Result<Self, StoreError> {
        let path = Self::path(store, id);
        let taken = std::fs::File::create(&path).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        match taken {
            Ok(file) => Ok(Self { path, _file: Some(file) }),
            Err(error) => Err(StoreError::Failure(format!("cannot lock {}: {error}", path.display()))),
        }
    }

    /// The numbers of the lock files beside a store; none where the folder cannot be listed.
    fn ids(store: &Path) -> Vec<i64> {
        let (Some(folder), Some(name)) = (store.parent(), store.file_name()) else { return Vec::new() };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let start = format!("{}-load-", name.to_string_lossy());
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|file| file.file_name().to_str()?.strip_prefix(&start)?.parse().ok()).collect()
    }

    /// The lock of a replacement whose process is gone.
    fn of_the_dead(store: &Path, id: i64) -> Option<Self> {
        let path = Self::path(store, id);
        match std::fs::File::open(&path) {
            Ok(file) => file.try_lock().is_ok().then_some(Self { path, _file: Some(file) }),
            Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then_some(Self { path, _file: None }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Gone already, or left: the row in bricola_staging is what counts.
        let _ = std::fs::remove_file(&self.path);
    }
}
