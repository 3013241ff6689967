//! Reading a layer from its store.

use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt, pin_mut};
use thiserror::Error;
use tokio::task::JoinError;
use tracing::warn;

use super::builder::{BaseBuilder, BuildError};
use super::snapshot::{RowRef, Snapshot};
use crate::definition::LayerDefinition;
use crate::feature::{FeatureId, StoredFeature};
use crate::store::{Store, StoreError, StoredLayer};

/// Features up to which a layer is read in one go: asking twice would take longer than reading.
pub(super) const FEW: u64 = 2_000;

/// A snapshot, and the rows that are not in it with the reasons.
pub(super) type Read = (Snapshot, Vec<(FeatureId, String)>);

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

/// Reads a whole layer.
pub(super) async fn read<S: Store>(store: &Arc<S>, stored: StoredLayer) -> Result<Read, FollowError> {
    let StoredLayer { definition, ids, count, seq, .. } = stored;
    let definition = Arc::new(definition);
    // Where nothing is known of the ids, there is no telling what halves of them are.
    let builder = if count <= FEW || ids == (FeatureId::MIN..FeatureId::MAX) {
        read_range(Arc::clone(store), definition.id.clone(), ids, BaseBuilder::new(&definition)?).await?
    } else {
        read_halves(store, &definition, ids).await?
    };
    let finish = move || {
        let (base, set_aside) = builder.finish()?;
        Ok::<_, BuildError>((Snapshot::of(base, definition, seq), set_aside))
    };
    Ok(tokio::task::spawn_blocking(finish).await.map_err(|error| worker(&error))??)
}

fn worker(error: &JoinError) -> FollowError {
    FollowError::Worker(error.to_string())
}

/// Reads two ranges of ids at once.
async fn read_halves<S: Store>(
    store: &Arc<S>,
    definition: &Arc<LayerDefinition>,
    ids: Range<FeatureId>,
) -> Result<BaseBuilder, FollowError> {
    let mut builder = BaseBuilder::new(definition)?;
    let first = ids.start..ids.start.saturating_add(1);
    builder = read_range(Arc::clone(store), definition.id.clone(), first, builder).await?;
    let rest = ids.start.saturating_add(1)..ids.end;
    let half = i64::midpoint(rest.start, rest.end.max(rest.start));
    let tail = builder.sibling(definition);
    let anchored = tail.is_anchored();
    let [left, right] = if anchored { [rest.start..half, half..rest.end] } else { [rest.clone(), rest.end..rest.end] };
    let (left, right) = tokio::join!(
        tokio::spawn(read_range(Arc::clone(store), definition.id.clone(), left, builder)),
        tokio::spawn(read_range(Arc::clone(store), definition.id.clone(), right, tail)),
    );
    let failed = |error: JoinError| worker(&error);
    let (mut builder, tail) = (left.map_err(failed)??, right.map_err(failed)??);
    let join = move || {
        builder.append(tail);
        builder
    };
    tokio::task::spawn_blocking(join).await.map_err(|error| worker(&error))
}

/// The same layer with all its changes in the base.
///
/// # Errors
/// See [`BuildError`].
pub(super) fn merge(snapshot: &Snapshot) -> Result<Snapshot, BuildError> {
    let definition = Arc::clone(&snapshot.definition);
    let mut rows: Vec<RowRef> = snapshot.rows().collect();
    rows.sort_unstable_by_key(RowRef::id);
    let mut builder = BaseBuilder::beside(&snapshot.base, &definition)?;
    for row in rows {
        builder.push(&row.to_feature());
    }
    // All of them were mirrored once: none is set aside.
    let (base, _) = builder.finish()?;
    Ok(Snapshot::of(base, definition, snapshot.seq))
}

async fn read_range<S: Store>(
    store: Arc<S>,
    layer: String,
    ids: Range<FeatureId>,
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

fn take(builder: &mut BaseBuilder, row: Result<StoredFeature, (FeatureId, String)>) {
    match row {
        Ok(row) => builder.push(&row),
        Err((id, reason)) => builder.set_aside(id, reason),
    }
}
