//! `GeoPackage` (OGC 12-128r18): feature and attribute tables, read-only.
//!
//! The file is never written to: it is opened read-only, and as immutable when it is in WAL mode without a log
//! (`SQLite` would otherwise put its own files beside it). A log that is there is honoured.

mod table;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use self::table::{Table, count, tables};
use super::open::{LayerInfo, OpenOptions};
use super::source::Source;
use super::{ReadError, Reader, SourceFeature, SourceSchema};

/// Rows that travel from the reading thread at once, and how many such batches may wait.
const BATCH: usize = 256;
const WAITING_BATCHES: usize = 4;

type Item = Result<SourceFeature, ReadError>;

/// Opens a table of a `GeoPackage`.
pub(super) fn open(source: &Source, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let path = path_of(source)?;
    let wanted = options.layer.clone();
    let (answer, opened) = sync_channel(1);
    let (batches, received) = sync_channel(WAITING_BATCHES);
    let name = source.name();
    let thread = thread::Builder::new()
        .name("geopackage-reader".into())
        .spawn(move || read_on_thread(&path, wanted.as_deref(), &answer, &batches))
        .map_err(|error| ReadError::File(format!("{name}: no thread could be started to read it ({error})")))?;
    let schema = opened.recv().map_err(|_| stopped(&name))??;
    Ok(Box::new(GeoPackageReader {
        schema,
        received: Some(received),
        batch: Vec::new().into_iter(),
        over: false,
        thread: Some(thread),
    }))
}

/// The tables of a `GeoPackage`.
pub(super) fn layers(source: &Source) -> Result<Vec<LayerInfo>, ReadError> {
    let path = path_of(source)?;
    let name = source.name();
    // On a thread of its own, so that it also works where an async runtime is running.
    thread::spawn(move || {
        runtime()?.block_on(async {
            let mut connection = connect(&path).await?;
            let mut found = Vec::new();
            for table in tables(&mut connection, &path).await? {
                let rows = count(&mut connection, &table.name).await;
                found.push(LayerInfo { name: table.name, geometry: table.geometry, rows });
            }
            Ok(found)
        })
    })
    .join()
    .map_err(|_| stopped(&name))?
}

fn stopped(name: &str) -> ReadError {
    ReadError::File(format!("{name}: the thread that reads it stopped unexpectedly; please report this"))
}

fn path_of(source: &Source) -> Result<PathBuf, ReadError> {
    match source {
        Source::File(path) => Ok(path.clone()),
        other => Err(ReadError::File(format!(
            "{}: a GeoPackage can only be read from a file of its own; extract it first",
            other.name()
        ))),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, ReadError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ReadError::File(format!("no runtime could be started ({error})")))
}

fn read_on_thread(
    path: &Path,
    wanted: Option<&str>,
    answer: &SyncSender<Result<SourceSchema, ReadError>>,
    batches: &SyncSender<Batch>,
) {
    let outcome = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let mut connection = connect(path).await?;
            let table = Table::open(&mut connection, path, wanted).await?;
            // The receiver may be gone: then nobody wants the rows either.
            if answer.send(Ok(table.schema.clone())).is_ok() {
                table.read(path, is_immutable(path), batches);
            }
            // Awaited, so that no handle on the file outlives its reader.
            connection.close().await.ok();
            Ok(())
        })
    });
    if let Err(error) = outcome {
        answer.send(Err(error)).ok();
    }
}

async fn connect(path: &Path) -> Result<SqliteConnection, ReadError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(is_immutable(path))
        .create_if_missing(false)
        .disable_statement_logging();
    options.connect().await.map_err(|error| {
        let advice = if has_log(path) {
            "it has a write-ahead log (-wal) that cannot be used here; close the program that has it open, or copy \
             the file together with its -wal to a folder that can be written"
        } else {
            "it is damaged or locked; close other programs or copy it again"
        };
        ReadError::File(format!("{}: cannot be opened as a GeoPackage ({error}): {advice}", path.display()))
    })
}

/// Whether nothing but the file itself has to be read: it is in WAL mode, and has no log.
fn is_immutable(path: &Path) -> bool {
    !has_log(path) && in_wal_mode(path)
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|data| data.len() > 0)
}

/// Bytes 18 and 19 of a database in WAL mode are 2.
fn in_wal_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    std::fs::File::open(path).is_ok_and(|mut file| std::io::Read::read_exact(&mut file, &mut header).is_ok())
        && header[18] == 2
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::File(format!(
        "{}: reading failed ({error}); the file is damaged: copy it again, or repair it with `sqlite3 file .recover`",
        path.display()
    ))
}

/// Some rows; the last batch carries the remarks.
struct Batch {
    items: Vec<Item>,
    remarks: Option<Vec<String>>,
}

struct GeoPackageReader {
    schema: SourceSchema,
    received: Option<Receiver<Batch>>,
    batch: std::vec::IntoIter<Item>,
    over: bool,
    thread: Option<JoinHandle<()>>,
}

impl GeoPackageReader {
    /// Ends the reading thread and waits until it has closed the file.
    fn close(&mut self) {
        self.received = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for GeoPackageReader {
    fn drop(&mut self) {
        self.close();
    }
}

impl Iterator for GeoPackageReader {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.batch.next() {
                if matches!(item, Err(ReadError::File(_))) {
                    self.batch = Vec::new().into_iter();
                }
                return Some(item);
            }
            if self.over {
                return None;
            }
            let received = self.received.as_ref().map(Receiver::recv);
            let Ok(batch) = received.unwrap_or(Err(RecvError)) else {
                self.over = true;
                return Some(Err(stopped(&self.schema.layer)));
            };
            self.over = batch.remarks.is_some();
            if self.over {
                self.close();
            }
            self.schema.remarks.extend(batch.remarks.unwrap_or_default());
            self.batch = batch.items.into_iter();
        }
    }
}

impl Reader for GeoPackageReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
