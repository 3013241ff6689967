//! Being woken by the change log, whoever wrote.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::{failure, last_seq};
use crate::log::Seq;
use crate::store::StoreError;

/// How often the file is asked whether another program has written to it.
const POLL: Duration = Duration::from_millis(200);

/// Knows the last `seq`: at once after our own writes, within [`POLL`] after those of others.
pub(super) struct Follower {
    seq: Arc<watch::Sender<Seq>>,
    /// Dropped with the store, which ends the polling thread.
    _alive: Mutex<SyncSender<()>>,
}

impl Follower {
    /// Polls on a connection of its own, on a thread of its own.
    pub fn start(connection: Connection) -> Result<Self, StoreError> {
        let seq = Arc::new(watch::Sender::new(last_seq(&connection)?));
        let (alive, ended) = sync_channel(0);
        let sender = Arc::clone(&seq);
        std::thread::Builder::new()
            .name("geopackage-follower".to_owned())
            .spawn(move || poll(&connection, &sender, &ended))
            .map_err(|error| StoreError::Failure(format!("no thread to follow the change log: {error}")))?;
        Ok(Self { seq, _alive: Mutex::new(alive) })
    }

    /// Tells everybody who waits that the log has reached `seq`.
    pub fn advance(&self, seq: Seq) {
        advance(&self.seq, seq);
    }

    /// Waits until the log is past `after`.
    pub async fn past(&self, after: Seq) -> Result<(), StoreError> {
        let waited = self.seq.subscribe().wait_for(|seq| *seq > after).await.map(|_| ());
        waited.map_err(|_| StoreError::Failure("the store was closed".to_owned()))
    }
}

fn advance(sender: &watch::Sender<Seq>, seq: Seq) {
    sender.send_if_modified(|known| {
        let moved = seq > *known;
        *known = seq.max(*known);
        moved
    });
}

fn poll(connection: &Connection, sender: &watch::Sender<Seq>, ended: &Receiver<()>) {
    // It differs from the value before as soon as any other connection has committed.
    let mut version = None;
    let mut quiet = false;
    while ended.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
        let looked = connection
            .query_row("PRAGMA data_version", (), |row| row.get::<_, i64>(0))
            .map_err(|error| failure(&error))
            .and_then(
                |now| if version == Some(now) { Ok(None) } else { last_seq(connection).map(|seq| Some((now, seq))) },
            );
        match looked {
            Ok(moved) => {
                quiet = false;
                if let Some((now, seq)) = moved {
                    version = Some(now);
                    advance(sender, seq);
                }
            }
            Err(error) if !quiet => {
                tracing::warn!(%error, "cannot read the change log; trying on");
                quiet = true;
            }
            Err(_) => {}
        }
    }
}
