//! Layers as they stood after earlier changes, read from the store's history when somebody asks and kept for the next.
//!
//! The past does not change: a snapshot is known by its layer and by the last change of that layer at or before the
//! one that was asked for, so that all the moments between two changes share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::{StreamExt, pin_mut};
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};
use tracing::{info, warn};

use super::builder::BaseBuilder;
use super::reading::FollowError;
use super::snapshot::Snapshot;
use super::territory::Territory;
use crate::definition::LayerDefinition;
use crate::feature::FeatureId;
use crate::limits::{MAX_PAST_BUILDS, MAX_PAST_QUEUE};
use crate::log::Seq;
use crate::store::{Store, StoreError};

/// Why a layer cannot be shown as it was.
#[derive(Debug, Error)]
pub enum PastError {
    /// The change is yet to come, or yet to be read.
    #[error("change {at} has not been seen here; the last one is {last}")]
    Future {
        /// The change that was asked for.
        at: Seq,
        /// The last one that every layer here reflects.
        last: Seq,
    },
    /// There is no such layer.
    #[error("there is no layer \"{0}\"")]
    UnknownLayer(String),
    /// History does not reach back so far.
    #[error("what was before change {first} is not known any more")]
    Pruned {
        /// The earliest change that can be asked about.
        first: Seq,
    },
    /// Too many wait for the past already (`MAX_PAST_QUEUE`).
    #[error("too many earlier states are being read; try again later")]
    Busy,
    /// The store failed, or the rows cannot be mirrored.
    #[error(transparent)]
    Read(FollowError),
}

impl From<FollowError> for PastError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Store(StoreError::Pruned { first }) => Self::Pruned { first },
            FollowError::Store(StoreError::UnknownLayer(layer)) => Self::UnknownLayer(layer),
            other => Self::Read(other),
        }
    }
}

/// Where earlier states come from: a [`Store`], whatever its kind.
trait History: Send + Sync {
    fn layer_seq<'a>(&'a self, layer: &'a str, at: Seq) -> BoxFuture<'a, Result<Seq, StoreError>>;

    fn read(&self, definition: Arc<LayerDefinition>, at: Seq) -> BoxFuture<'_, Result<Snapshot, FollowError>>;
}

impl<S: Store> History for S {
    fn layer_seq<'a>(&'a self, layer: &'a str, at: Seq) -> BoxFuture<'a, Result<Seq, StoreError>> {
        Box::pin(Store::layer_seq(self, layer, at))
    }

    fn read(&self, definition: Arc<LayerDefinition>, at: Seq) -> BoxFuture<'_, Result<Snapshot, FollowError>> {
        Box::pin(read(self, definition, at))
    }
}

/// A layer as it stood right after the change `at`; `None` when the store has no such layer.
///
/// # Errors
/// When the store fails or no longer knows, or the rows cannot be mirrored.
pub async fn read_layer_at<S: Store>(store: &S, id: &str, at: Seq) -> Result<Option<Snapshot>, FollowError> {
    let Some(stored) = store.layers().await?.into_iter().find(|stored| stored.definition.id == id) else {
        return Ok(None);
    };
    read(store, Arc::new(stored.definition), at).await.map(Some)
}

async fn read<S: Store>(store: &S, definition: Arc<LayerDefinition>, at: Seq) -> Result<Snapshot, FollowError> {
    let mut builder = BaseBuilder::new(&definition)?;
    {
        let rows = store.scan_at(&definition.id, FeatureId::MIN..FeatureId::MAX, at);
        pin_mut!(rows);
        while let Some(batch) = rows.next().await {
            for row in batch? {
                match row {
                    Ok(row) => builder.push(&row),
                    Err((id, reason)) => builder.set_aside(id, reason),
                }
            }
        }
    }
    let finish = move || {
        let (base, set_aside) = builder.finish()?;
        for (feature, reason) in set_aside {
            warn!(layer = definition.id, at, feature, reason, "feature set aside");
        }
        Ok::<_, FollowError>(Snapshot::of(base, definition, at))
    };
    tokio::task::spawn_blocking(finish).await.map_err(|error| FollowError::Worker(error.to_string()))?
}

type Cell = Arc<OnceCell<Arc<Snapshot>>>;

/// A snapshot that is kept or being read.
struct Kept {
    cell: Cell,
    definition: Arc<LayerDefinition>,
    /// 0 while it is being read.
    bytes: usize,
    /// When it was last asked for, by the count of all questions.
    used: u64,
}

#[derive(Default)]
struct Shelf {
    kept: BTreeMap<(String, Seq), Kept>,
    questions: u64,
}

/// Earlier states of the layers of a territory, bounded in bytes. Of several equal questions one reads.
pub struct Past {
    history: Arc<dyn History>,
    territory: Territory,
    shelf: Mutex<Shelf>,
    max_bytes: usize,
    builds: Semaphore,
    queue: Semaphore,
}

impl Past {
    /// The past of a territory that follows a store. What is kept of it takes at most `max_bytes`
    /// ([`crate::limits::PAST_CACHE_BYTES`] unless configured otherwise).
    pub fn new<S: Store>(store: Arc<S>, territory: Territory, max_bytes: usize) -> Self {
        Self {
            history: store,
            territory,
            shelf: Mutex::default(),
            max_bytes,
            builds: Semaphore::new(MAX_PAST_BUILDS),
            queue: Semaphore::new(MAX_PAST_BUILDS + MAX_PAST_QUEUE),
        }
    }

    /// A layer as it stood right after the change `at`: its snapshot of now where it has not changed since. Its
    /// [`Snapshot::seq`] is the layer's last change at or before `at`.
    ///
    /// # Errors
    /// See [`PastError`]. A question that nobody waits for any longer is given up.
    pub async fn snapshot(&self, layer: &str, at: Seq) -> Result<Arc<Snapshot>, PastError> {
        // The log first: a snapshot that is published in between is then newer than `at`, not taken for it.
        let last = self.territory.seq();
        if at > last {
            return Err(PastError::Future { at, last });
        }
        let known = self.territory.layer(layer).ok_or_else(|| PastError::UnknownLayer(layer.to_owned()))?;
        if let Some(now) = known.snapshot()
            && at >= now.seq()
        {
            return Ok(now);
        }
        let seq = self.history.layer_seq(layer, at.max(0)).await.map_err(FollowError::from)?;
        let key = (layer.to_owned(), seq);
        let (cell, definition) = self.cell(&key, &known.definition());
        if let Some(snapshot) = cell.get() {
            return Ok(Arc::clone(snapshot));
        }
        let _place = self.queue.try_acquire().map_err(|_| PastError::Busy)?;
        let read = cell.get_or_try_init(|| async {
            let _turn = self.builds.acquire().await;
            info!(layer, seq, "reading an earlier state");
            let snapshot = Arc::new(self.history.read(definition, seq).await?);
            self.keep(&key, &cell, snapshot.bytes());
            Ok::<_, FollowError>(snapshot)
        });
        let snapshot = read.await.map(Arc::clone);
        if snapshot.is_err() {
            self.forget(&key, &cell);
        }
        Ok(snapshot?)
    }

    /// Bytes of all that is kept.
    pub fn bytes(&self) -> usize {
        self.shelf().kept.values().map(|kept| kept.bytes).sum()
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of a snapshot; a new one where there is none, or one of another definition.
    fn cell(&self, key: &(String, Seq), definition: &Arc<LayerDefinition>) -> (Cell, Arc<LayerDefinition>) {
        let mut shelf = self.shelf();
        shelf.questions += 1;
        let used = shelf.questions;
        let new = || Kept { cell: Cell::default(), definition: Arc::clone(definition), bytes: 0, used };
        let kept = shelf.kept.entry(key.clone()).or_insert_with(new);
        if kept.definition != *definition {
            *kept = new();
        }
        kept.used = used;
        (Arc::clone(&kept.cell), Arc::clone(&kept.definition))
    }

    /// Notes how large a snapshot is, and lets go of those that were not asked for the longest until all fit.
    fn keep(&self, key: &(String, Seq), cell: &Cell, bytes: usize) {
        let mut shelf = self.shelf();
        if let Some(kept) = shelf.kept.get_mut(key).filter(|kept| Arc::ptr_eq(&kept.cell, cell)) {
            kept.bytes = bytes;
        }
        let mut held: usize = shelf.kept.values().map(|kept| kept.bytes).sum();
        while held > self.max_bytes {
            let oldest = shelf.kept.iter().filter(|(_, kept)| kept.bytes > 0).min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            held -= shelf.kept.remove(&oldest).map_or(0, |kept| kept.bytes);
        }
    }

    /// Removes a place in which nothing came to stand, unless others still wait for it.
    fn forget(&self, key: &(String, Seq), cell: &Cell) {
        let mut shelf = self.shelf();
        let here = shelf.kept.get(key).is_some_and(|kept| Arc::ptr_eq(&kept.cell, cell));
        // Two: the shelf's and ours.
        if here && !cell.initialized() && Arc::strong_count(cell) == 2 {
            shelf.kept.remove(key);
        }
    }
}
