//! The follower: reads the change log and keeps every layer's snapshot true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use thiserror::Error;
use tracing::{info, warn};

use super::builder::{BaseBuilder, BuildError};
use super::snapshot::{Delta, Snapshot};
use super::territory::{Layer, Territory};
use crate::feature::FeatureId;
use crate::log::{Change, Operation, Seq};
use crate::store::{Store, StoreError, StoredLayer};

/// Changes read from the log at a time.
const BATCH: usize = 10_000;
/// A delta with more features than this (and than a twentieth of the base) is merged by reading the layer.
const MAX_DELTA: usize = 5_000;
/// Layers (or halves of one) that are read at the same time.
const PARALLEL: usize = 2;
/// Pause after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a layer could not be brought up to date.
#[derive(Debug, Error)]
pub enum FollowError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows could not be mirrored.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A worker died.
    #[error("a worker stopped: {0}")]
    Worker(String),
}

/// Reads one layer as of now, for tools that follow nothing; `None` when the store has no such layer.
///
/// # Errors
/// See [`FollowError`].
pub async fn read_layer<S: Store>(store: &Arc<S>, id: &str) -> Result<Option<Snapshot>, FollowError> {
    let Some(stored) = store.layers().await?.into_iter().find(|stored| stored.definition.id == id) else {
        return Ok(None);
    };
    let (snapshot, set_aside) = read(store, stored).await?;
    for (feature, reason) in set_aside {
        warn!(layer = id, feature, reason, "feature set aside");
    }
    Ok(Some(snapshot))
}

/// Reads every layer of the store into the territory, then follows its change log for ever. Failures of the
/// store are logged and tried again; what was published stays readable meanwhile.
pub async fn follow<S: Store>(store: Arc<S>, territory: Territory) {
    let mut seen = first_read(&store, &territory).await;
    loop {
        let result = async {
            store.changed(seen).await?;
            let changes = store.changes(seen, BATCH).await?;
            if let Some(last) = changes.last().map(|change| change.seq) {
                apply(&store, &territory, &changes, last).await?;
                seen = last;
                territory.advance(seen);
            }
            Ok::<_, FollowError>(())
        };
        if let Err(error) = result.await {
            warn!(%error, "cannot follow the change log; serving what is cached and trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Announces and reads all layers; the `seq` from which to follow.
async fn first_read<S: Store>(store: &Arc<S>, territory: &Territory) -> Seq {
    loop {
        match announce(store, territory).await {
            Ok((seq, layers)) => {
                let reads = layers.into_iter().map(|stored| async move {
                    let layer = territory.add(stored.definition.clone());
                    read_and_publish(store, &layer, stored).await;
                });
                futures::stream::iter(reads).buffer_unordered(PARALLEL).collect::<()>().await;
                territory.advance(seq);
                return seq;
            }
            Err(error) => {
                warn!(%error, "cannot read the store; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The log's end and the layers, largest first; every layer is known to the territory before any is read.
/// The log is read first: a change between the two reads is seen twice, never missed.
async fn announce<S: Store>(store: &Arc<S>, territory: &Territory) -> Result<(Seq, Vec<StoredLayer>), StoreError> {
    let seq = store.last_seq().await?;
    let mut layers = store.layers().await?;
    let ids: BTreeSet<String> = layers.iter().map(|stored| stored.definition.id.clone()).collect();
    territory.retain(|id| ids.contains(id));
    for stored in &layers {
        territory.add(stored.definition.clone());
    }
    territory.announce();
    layers.sort_by_key(|stored| std::cmp::Reverse(stored.count));
    Ok((seq, layers))
}

async fn read_and_publish<S: Store>(store: &Arc<S>, layer: &Layer, stored: StoredLayer) {
    let id = stored.definition.id.clone();
    match read(store, stored).await {
        Ok((snapshot, set_aside)) => {
            info!(layer = id, features = snapshot.len(), set_aside = set_aside.len(), "layer ready");
            layer.publish(snapshot);
            layer.note(|state| {
                state.set_aside.clone_from(&set_aside);
                state.trouble = None;
                state.reads += 1;
            });
        }
        Err(error) => {
            warn!(layer = id, %error, "cannot read the layer");
            layer.note(|state| state.trouble = Some("the layer could not be read; see the server's log".to_owned()));
        }
    }
}

/// Reads a whole layer, in two id ranges at once.
async fn read<S: Store>(
    store: &Arc<S>,
    stored: StoredLayer,
) -> Result<(Snapshot, Vec<(FeatureId, String)>), FollowError> {
    let definition = Arc::new(stored.definition);
    let ids = stored.ids;
    let mut builder = BaseBuilder::new(&definition)?;
    let first = ids.start..ids.start.saturating_add(1);
    builder = read_range(Arc::clone(store), definition.id.clone(), first, builder).await?;
    let rest = ids.start.saturating_add(1)..ids.end;
    let half = i64::midpoint(rest.start, rest.end.max(rest.start));
    let tail = builder.sibling(&definition);
    let anchored = tail.is_anchored();
    let ranges = if anchored { [rest.start..half, half..rest.end] } else { [rest.clone(), rest.end..rest.end] };
    let [left, right] = ranges;
    let (left, right) = tokio::join!(
        tokio::spawn(read_range(Arc::clone(store), definition.id.clone(), left, builder)),
        tokio::spawn(read_range(Arc::clone(store), definition.id.clone(), right, tail)),
    );
    let worker = |error: tokio::task::JoinError| FollowError::Worker(error.to_string());
    let (mut builder, tail) = (left.map_err(worker)??, right.map_err(worker)??);
    let finish = move || {
        builder.append(tail);
        let (base, set_aside) = builder.finish()?;
        Ok::<_, BuildError>((Snapshot::of(base, definition, stored.seq), set_aside))
    };
    Ok(tokio::task::spawn_blocking(finish).await.map_err(worker)??)
}

async fn read_range<S: Store>(
    store: Arc<S>,
    layer: String,
    ids: std::ops::Range<FeatureId>,
    mut builder: BaseBuilder,
) -> Result<BaseBuilder, StoreError> {
    let rows = store.scan(&layer, ids);
    pin_mut!(rows);
    while let Some(batch) = rows.next().await {
        for row in batch? {
            take(&mut builder, row);
        }
    }
    Ok(builder)
}

fn take(builder: &mut BaseBuilder, row: Result<crate::feature::StoredFeature, (FeatureId, String)>) {
    match row {
        Ok(row) => builder.push(&row),
        Err((id, reason)) => builder.set_aside(id, reason),
    }
}

/// Brings every layer that the changes name up to date.
async fn apply<S: Store>(
    store: &Arc<S>,
    territory: &Territory,
    changes: &[Change],
    last: Seq,
) -> Result<(), FollowError> {
    let mut touched: BTreeMap<&str, (bool, Seq, BTreeSet<FeatureId>)> = BTreeMap::new();
    for change in changes {
        let entry = touched.entry(&change.layer).or_default();
        entry.0 |= change.operation == Operation::Replace;
        entry.1 = change.seq;
        entry.2.extend(change.id);
    }
    let known = store.layers().await?;
    territory.retain(|id| known.iter().any(|stored| stored.definition.id == id));
    for (id, (replaced, seq, ids)) in touched {
        let Some(stored) = known.iter().find(|stored| stored.definition.id == id) else { continue };
        let layer = territory.add(stored.definition.clone());
        let current = layer.snapshot().filter(|_| !replaced);
        match current {
            // Read by a later scan already: the log is seen at least once, applied once.
            Some(current) if current.seq >= last => {}
            Some(current) if fits(&current, ids.len()) => {
                layer.publish(with_changes(store, &current, &ids, seq).await?);
            }
            _ => read_and_publish(store, &layer, stored.clone()).await,
        }
    }
    Ok(())
}

fn fits(current: &Snapshot, more: usize) -> bool {
    let so_far = current.delta.as_ref().map_or(0, |delta| delta.masked.len());
    so_far + more <= MAX_DELTA.max(current.base.len() / 20)
}

/// The next snapshot: the same base, and the delta with the features as they are now.
async fn with_changes<S: Store>(
    store: &Arc<S>,
    current: &Snapshot,
    ids: &BTreeSet<FeatureId>,
    seq: Seq,
) -> Result<Snapshot, FollowError> {
    let mut masked = current.delta.as_ref().map(|delta| delta.masked.clone()).unwrap_or_default();
    masked.extend(ids);
    let mut all: Vec<FeatureId> = masked.iter().copied().collect();
    all.sort_unstable();
    let mut rows = store.features(&current.definition.id, &all).await?;
    rows.sort_unstable_by_key(|row| row.id);
    let mut builder = BaseBuilder::new(&current.definition)?;
    for row in &rows {
        builder.push(row);
    }
    let (added, set_aside) = builder.finish()?;
    for (id, reason) in set_aside {
        warn!(layer = current.definition.id, feature = id, reason, "feature set aside");
    }
    Ok(Snapshot {
        definition: Arc::clone(&current.definition),
        seq,
        base: Arc::clone(&current.base),
        ladder: Arc::clone(&current.ladder),
        delta: Some(Delta { masked, added }),
    })
}
