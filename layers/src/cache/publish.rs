//! From the store to what readers see: changed features, or a layer as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use tracing::{info, warn};

use super::applied::WorldBox;
use super::changed::Now;
use super::homes::Flip;
use super::reading::{FEW, FollowError, read};
use super::snapshot::{Delta, Snapshot};
use super::territory::{Layer, Standing, Territory};
use super::touched::Footprint;
use crate::definition::Keep;
use crate::feature::FeatureId;
use crate::log::{Operation, Seq};
use crate::store::{LayerKind, Store, StoreError, StoredLayer};

/// Changed features of one batch past which all tiles of the layer become new ones.
const MAX_TRACED: usize = 5_000;
/// Large layers that are read at the same time, each in two halves.
const PARALLEL: usize = 2;
/// Small layers that are read beside them. Together they leave the store some connections for others.
const PARALLEL_FEW: usize = 3;

/// Changed features as they are now, and those that cannot be read with the reasons. A layer whose definition cannot be
/// read any more counts as unknown, so that the layers are listed anew and the others go on without it.
pub(super) async fn now<S: Store>(
    store: &S,
    layer: &str,
    happened: &BTreeMap<FeatureId, Operation>,
) -> Result<(Vec<Now>, Vec<(FeatureId, String)>), StoreError> {
    let ids: Vec<FeatureId> = happened.keys().copied().collect();
    let mut rows: BTreeMap<FeatureId, _> = ids.iter().map(|id| (*id, None)).collect();
    let found = store.features(layer, &ids).await.map_err(|error| match error {
        StoreError::Unreadable(unreadable) => StoreError::UnknownLayer(unreadable.id),
        error => error,
    })?;
    for row in found {
        rows.insert(row.id, Some(row));
    }
    let mut unread = Vec::new();
    for (id, operation) in happened {
        if *operation != Operation::Delete && rows.get(id).is_some_and(Option::is_none) {
            // Gone again since, or a row that cannot be mirrored: a scan says which.
            let mut scan = std::pin::pin!(store.scan(layer, *id..id.saturating_add(1)));
            while let Some(batch) = scan.next().await {
                for row in batch? {
                    match row {
                        // Mended since.
                        Ok(row) => drop(rows.insert(row.id, Some(row))),
                        Err(row) => unread.push(row),
                    }
                }
            }
        }
    }
    Ok((rows.into_iter().collect(), unread))
}

/// The snapshot after features have changed.
pub(super) fn next(current: &Snapshot, deltas: Vec<Arc<Delta>>, ids: &[FeatureId], seq: Seq) -> Snapshot {
    let next = current.with(deltas, current.len(), seq);
    let there = |snapshot: &Snapshot| ids.iter().filter(|id| snapshot.feature(**id).is_some()).count();
    let count = current.len() + there(&next) - there(current);
    current.with(next.deltas, count, seq)
}

/// Publishes a snapshot and renews the tiles in which the features were or are, and those in which others are drawn now,
/// or no longer, because of them; the boxes of the features' places.
pub(super) fn publish(
    layer: &Layer,
    before: &Snapshot,
    after: Snapshot,
    ids: &[FeatureId],
    flips: &[Flip],
) -> Vec<WorldBox> {
    let places = |snapshot: &Snapshot| -> Vec<Footprint> {
        ids.iter().filter_map(|id| snapshot.feature(*id)).map(Footprint::of).collect()
    };
    let places: Vec<Footprint> = [places(before), places(&after)].concat();
    let flips: Vec<(u8, Footprint)> =
        flips.iter().filter_map(|(zoom, id)| Some((*zoom, Footprint::of(after.feature(*id)?)))).collect();
    let (seq, zooms) = (after.seq, after.definition.zoom);
    layer.publish(after);
    layer.touch(|touched| {
        if ids.len() > MAX_TRACED {
            touched.renew(seq);
            return;
        }
        touched.note(seq);
        for place in &places {
            touched.touch(seq, place, zooms.min..=zooms.max);
        }
        for (zoom, place) in &flips {
            touched.touch(seq, place, *zoom..=*zoom);
        }
    });
    places.iter().filter_map(Footprint::bounds).collect()
}

/// Reads layers that were just listed, some at the same time, small ones beside large ones; what came of each. Those that
/// the listing left out are among them: who tries again what failed learns when they can be read.
pub(super) async fn read_each<S: Store>(
    store: &Arc<S>,
    territory: &Territory,
    layers: Vec<StoredLayer>,
) -> Vec<(String, Result<(), FollowError>)> {
    let unreadable = store.unreadable();
    territory.note_unreadable(unreadable.clone());
    let (few, many): (Vec<_>, Vec<_>) = layers.into_iter().partition(|stored| stored.count <= FEW);
    let read = |layers: Vec<StoredLayer>, at_once: usize| {
        let reads = layers.into_iter().map(|stored| async move {
            let id = stored.definition.id.clone();
            let layer = territory.add(stored.definition.clone());
            (id, read_and_publish(store, &layer, stored).await)
        });
        futures::stream::iter(reads).buffer_unordered(at_once).collect::<Vec<_>>()
    };
    let (mut done, few) = tokio::join!(read(many, PARALLEL), read(few, PARALLEL_FEW));
    done.extend(few);
    done.extend(unreadable.into_iter().map(|layer| (layer.id.clone(), Err(StoreError::from(layer).into()))));
    done
}

/// Publishes a layer whose features stay in the store.
async fn stand<S: Store>(store: &Arc<S>, layer: &Layer, stored: StoredLayer) -> Result<(), FollowError> {
    let StoredLayer { definition, seq, count, kind: stored_kind, .. } = stored;
    // What is polled is another as a whole with each change of it: how far it reaches is asked once.
    let known = layer.stored().filter(|_| stored_kind != LayerKind::Managed).and_then(|standing| standing.bounds);
    let bounds = match known {
        Some(known) => Some(known),
        None => store.extent(&definition.id).await?,
    };
    info!(layer = definition.id, features = count, "layer ready in the store");
    layer.publish_stored(definition, Standing { seq, count, bounds });
    layer.touch(|touched| touched.renew(seq));
    layer.note(|state| {
        state.set_aside.clear();
        state.trouble = None;
        state.reads += 1;
    });
    Ok(())
}

/// Reads a layer as a whole, publishes it and renews all its tiles.
async fn read_and_publish<S: Store>(store: &Arc<S>, layer: &Layer, stored: StoredLayer) -> Result<(), FollowError> {
    let (id, kind) = (stored.definition.id.clone(), stored.kind.clone());
    layer.note(|state| state.kind.clone_from(&kind));
    if stored.definition.keep == Keep::Stored {
        return stand(store, layer, stored).await;
    }
    match read(store, stored).await {
        Ok((snapshot, set_aside)) => {
            info!(layer = id, features = snapshot.len(), set_aside = set_aside.len(), "layer ready");
            let seq = snapshot.seq();
            layer.publish(snapshot);
            layer.touch(|touched| touched.renew(seq));
            layer.note(|state| {
                state.set_aside.clone_from(&set_aside);
                state.trouble = None;
                state.reads += 1;
            });
            Ok(())
        }
        Err(error) => {
            warn!(layer = id, %error, "cannot read the layer");
            layer.note(|state| state.trouble = Some("the layer could not be read; see the server's log".to_owned()));
            Err(error)
        }
    }
}
