//! The follower: reads the change log and keeps every layer's snapshot true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures::StreamExt;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::applied::{Applied, AppliedLayer, Trouble};
use super::changed::{Changed, Now};
use super::reading::{FollowError, Read, read};
use super::snapshot::Snapshot;
use super::territory::{Layer, Territory};
use super::touched::Footprint;
use crate::feature::FeatureId;
use crate::log::{Change, Operation, Seq};
use crate::store::{Store, StoreError, StoredLayer};

/// Changes read from the log at a time.
const BATCH: usize = 10_000;
/// A layer with more changed features than this (and than a twentieth of its base) is read anew, beside the work.
const MAX_CHANGED: usize = 20_000;
/// Changed features of one batch past which all tiles of the layer become new ones.
const MAX_TRACED: usize = 5_000;
/// Layers (or halves of one) that are read at the same time.
const PARALLEL: usize = 2;
/// First and longest pause while the store is away.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long nothing may happen before the log is asked where it stands.
const IDLE: Duration = Duration::from_secs(5);

/// Reads every layer of the store into the territory, then follows its change log for ever. Failures of the
/// store are logged and tried again; what was published stays readable meanwhile.
pub async fn follow<S: Store>(store: Arc<S>, territory: Territory) {
    let mut follower =
        Follower { store, territory, seen: 0, last: None, layers: BTreeMap::new(), merges: JoinSet::new() };
    let mut pause = PAUSES.0;
    let mut started = false;
    loop {
        let done = if started { follower.step().await } else { follower.read_all().await };
        match done {
            Ok(()) => {
                started = true;
                pause = PAUSES.0;
                follower.territory.note_health(|health| {
                    health.contact_ms = Utc::now().timestamp_millis();
                    health.trouble = None;
                });
            }
            Err(error) => {
                warn!(%error, "cannot follow the change log; serving what is cached and trying again");
                let (kind, now) = (kind(&error), Utc::now().timestamp_millis());
                follower.territory.note_health(|health| {
                    health.trouble = Some((kind, health.trouble.map_or(now, |(_, since)| since)));
                });
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
                follower.last = follower.last.take().map(|(change, _)| (change, true));
            }
        }
    }
}

/// Between half and all of a pause, so that many servers do not come back in the same instant.
fn jittered(pause: Duration) -> Duration {
    let spread = pause.as_micros() as u64 / 2;
    let point = u64::from(Utc::now().timestamp_subsec_nanos()) % (spread + 1);
    pause.saturating_sub(Duration::from_micros(point))
}

fn kind(error: &FollowError) -> Trouble {
    match error {
        FollowError::Store(StoreError::Unreachable(_)) => Trouble::Unreachable,
        FollowError::Store(StoreError::Busy | StoreError::Timeout) => Trouble::Slow,
        _ => Trouble::Failing,
    }
}

/// What the follower remembers of a layer.
#[derive(Default)]
struct Memory {
    changed: Changed,
    /// Features that changed since a merge began, while it runs.
    merging: Option<BTreeSet<FeatureId>>,
}

/// What happened to a layer in a batch of changes.
#[derive(Default)]
struct Happened {
    whole: bool,
    seq: Seq,
    ids: BTreeMap<FeatureId, Operation>,
}

struct Follower<S> {
    store: Arc<S>,
    territory: Territory,
    /// The last change that was applied.
    seen: Seq,
    /// That change, and whether the store has been away since.
    last: Option<(Change, bool)>,
    layers: BTreeMap<String, Memory>,
    merges: JoinSet<(String, Result<Read, FollowError>)>,
}

impl<S: Store> Follower<S> {
    /// Announces and reads all layers.
    async fn read_all(&mut self) -> Result<(), FollowError> {
        let (store, territory) = (&self.store, &self.territory);
        let (seq, layers) = announce(store, territory).await?;
        let reads = layers.into_iter().map(|stored| async move {
            let layer = territory.add(stored.definition.clone());
            read_and_publish(store, &layer, stored).await;
        });
        futures::stream::iter(reads).buffer_unordered(PARALLEL).collect::<()>().await;
        self.layers.clear();
        self.merges.abort_all();
        self.last = store.changes(seq - 1, 1).await?.into_iter().next().map(|change| (change, false));
        self.seen = seq;
        territory.advance(seq);
        Ok(())
    }

    /// Waits for something to happen, and does what follows from it.
    async fn step(&mut self) -> Result<(), FollowError> {
        if self.is_set_back().await? {
            return self.start_over().await;
        }
        tokio::select! {
            changed = tokio::time::timeout(IDLE, self.store.changed(self.seen)) => match changed {
                Ok(changed) => changed?,
                // The log is asked: it may have been set back, or the store may be away without anybody noticing.
                Err(_) if self.store.last_seq().await? < self.seen => return self.start_over().await,
                Err(_) => return Ok(()),
            },
            Some(merged) = self.merges.join_next() => {
                if let Ok((layer, read)) = merged {
                    self.merged(&layer, read)?;
                }
                return Ok(());
            }
        }
        let changes = self.store.changes(self.seen, BATCH).await?;
        let Some(last) = changes.last().cloned() else { return Ok(()) };
        let layers = self.apply(&changes).await?;
        let (after, seq) = (self.seen, last.seq);
        self.seen = seq;
        self.last = Some((last, false));
        self.territory.advance(seq);
        self.territory.tell(Applied { after, seq, layers });
        Ok(())
    }

    /// Whether the log has another past than the one that was read: a standby took over that lacked its end.
    async fn is_set_back(&mut self) -> Result<bool, FollowError> {
        let Some((change, true)) = &self.last else { return Ok(false) };
        let there = self.store.changes(change.seq - 1, 1).await?;
        let set_back = there.first() != Some(change);
        if let Some((_, doubtful)) = &mut self.last {
            *doubtful = false;
        }
        Ok(set_back)
    }

    /// Reads everything anew.
    async fn start_over(&mut self) -> Result<(), FollowError> {
        warn!(seen = self.seen, "the change log was set back; reading every layer anew");
        let end = self.store.last_seq().await?;
        self.territory.set_back(end);
        self.read_all().await?;
        self.territory.note_health(|health| health.setbacks += 1);
        let layers = self.territory.layers();
        let layers = layers.iter().map(|layer| AppliedLayer::whole(&layer.definition().id, self.seen)).collect();
        self.territory.tell(Applied { after: self.seen, seq: self.seen, layers });
        Ok(())
    }

    /// Brings every layer that the changes name up to date.
    async fn apply(&mut self, changes: &[Change]) -> Result<Vec<AppliedLayer>, FollowError> {
        let mut happened: BTreeMap<String, Happened> = BTreeMap::new();
        for change in changes {
            let entry = happened.entry(change.layer.clone()).or_default();
            entry.seq = change.seq;
            match change.id {
                Some(id) if change.operation != Operation::Replace => {
                    entry.ids.insert(id, change.operation);
                }
                _ => entry.whole = true,
            }
        }
        let mut applied = Vec::with_capacity(happened.len());
        let mut anew = Vec::new();
        for (id, happened) in happened {
            match self.apply_features(&id, &happened).await? {
                Some(part) => applied.push(part),
                None => anew.push((id, happened.seq)),
            }
        }
        if !anew.is_empty() {
            let known = self.store.layers().await?;
            self.territory.retain(|id| known.iter().any(|stored| stored.definition.id == id));
            // All are known before the first is read: there may be a thousand new ones.
            for stored in &known {
                self.territory.add(stored.definition.clone());
            }
            let (store, territory) = (&self.store, &self.territory);
            let reads = known.into_iter().filter(|stored| anew.iter().any(|(id, _)| *id == stored.definition.id));
            let reads = reads.map(|stored| async move {
                let layer = territory.add(stored.definition.clone());
                read_and_publish(store, &layer, stored).await;
                territory.note_health(|health| health.reloads += 1);
            });
            futures::stream::iter(reads).buffer_unordered(PARALLEL).collect::<()>().await;
            for (id, seq) in anew {
                self.layers.remove(&id);
                applied.push(AppliedLayer::whole(&id, seq));
            }
        }
        applied.sort_by(|a, b| a.layer.cmp(&b.layer));
        Ok(applied)
    }

    /// Publishes changed features of one layer; `None` when it has to be read as a whole.
    async fn apply_features(&mut self, id: &str, happened: &Happened) -> Result<Option<AppliedLayer>, FollowError> {
        let layer = self.territory.layer(id);
        let Some((layer, current)) = layer.and_then(|layer| Some((layer.clone(), layer.snapshot()?))) else {
            return Ok(None);
        };
        if happened.whole || happened.ids.len() > most(&current) {
            return Ok(None);
        }
        let ids: Vec<FeatureId> = happened.ids.keys().copied().collect();
        // Read by a later scan already: the log is seen at least once, applied once.
        if current.seq >= happened.seq {
            let boxes = ids.iter().filter_map(|id| Footprint::of(current.feature(*id)?).bounds()).collect();
            return Ok(Some(AppliedLayer::features(id, happened.seq, ids, boxes)));
        }
        let (rows, mut unread) = match now(&*self.store, id, &happened.ids).await {
            Err(StoreError::UnknownLayer(_)) => return Ok(None),
            rows => rows?,
        };
        let memory = self.layers.entry(id.to_owned()).or_default();
        if let Some(merging) = &mut memory.merging {
            merging.extend(&ids);
        }
        unread.extend(memory.changed.take(&current.base, &current.definition, rows)?);
        let next = next(&current, memory.changed.deltas(), &ids, happened.seq);
        let boxes = publish(&layer, &current, next, &ids);
        layer.note(|state| {
            state.set_aside.retain(|(feature, _)| !happened.ids.contains_key(feature));
            state.set_aside.extend(unread.iter().cloned());
        });
        if memory.changed.len() > most(&current) && memory.merging.is_none() {
            self.begin_merge(id).await?;
        }
        Ok(Some(AppliedLayer::features(id, happened.seq, ids, boxes)))
    }

    /// Begins to read a layer whose changes have become many, beside the work.
    async fn begin_merge(&mut self, id: &str) -> Result<(), FollowError> {
        let Some(stored) = self.store.layers().await?.into_iter().find(|stored| stored.definition.id == id) else {
            return Ok(());
        };
        info!(layer = id, "many changes: reading the layer anew beside the work");
        self.layers.entry(id.to_owned()).or_default().merging = Some(BTreeSet::new());
        let (store, id) = (Arc::clone(&self.store), id.to_owned());
        self.merges.spawn(async move { (id, read(&store, stored).await) });
        Ok(())
    }

    /// Puts a layer that was read beside the work in the place of the one with many changes.
    fn merged(&mut self, id: &str, read: Result<Read, FollowError>) -> Result<(), FollowError> {
        let Some(memory) = self.layers.get_mut(id) else { return Ok(()) };
        // The layer as a whole was replaced meanwhile: it has been read anew.
        let Some(since) = memory.merging.take() else { return Ok(()) };
        let (mut fresh, set_aside) = read?;
        let Some(layer) = self.territory.layer(id) else { return Ok(()) };
        let Some(current) = layer.snapshot() else { return Ok(()) };
        let mut changed = Changed::default();
        let ids: Vec<FeatureId> = since.iter().copied().collect();
        if !ids.is_empty() {
            changed.take(&fresh.base, &fresh.definition, memory.changed.rows(since).collect())?;
        }
        fresh = next(&fresh, changed.deltas(), &ids, current.seq.max(fresh.seq));
        let same = current.ladder.is_empty() && fresh.ladder.is_empty();
        memory.changed = changed;
        let seq = fresh.seq;
        layer.publish(fresh);
        if !same {
            // Which features are drawn where there are too many is decided over the whole layer.
            layer.touch(|touched| touched.renew(seq));
        }
        layer.note(|state| {
            state.set_aside.clone_from(&set_aside);
            state.reads += 1;
        });
        self.territory.note_health(|health| health.reloads += 1);
        Ok(())
    }
}

/// Changed features up to which a layer is not read anew.
fn most(current: &Snapshot) -> usize {
    MAX_CHANGED.max(current.base.len() / 20)
}

/// Changed features as they are now, and those that cannot be read with the reasons.
async fn now<S: Store>(
    store: &S,
    layer: &str,
    happened: &BTreeMap<FeatureId, Operation>,
) -> Result<(Vec<Now>, Vec<(FeatureId, String)>), StoreError> {
    let ids: Vec<FeatureId> = happened.keys().copied().collect();
    let mut rows: BTreeMap<FeatureId, _> = ids.iter().map(|id| (*id, None)).collect();
    for row in store.features(layer, &ids).await? {
        rows.insert(row.id, Some(row));
    }
    let mut unread = Vec::new();
    for (id, operation) in happened {
        if *operation != Operation::Delete && rows.get(id).is_some_and(Option::is_none) {
            // Gone again since, or a row that cannot be mirrored: a scan says which.
            let mut scan = std::pin::pin!(store.scan(layer, *id..id.saturating_add(1)));
            while let Some(batch) = scan.next().await {
                unread.extend(batch?.into_iter().filter_map(Result::err));
            }
        }
    }
    Ok((rows.into_iter().collect(), unread))
}

/// The snapshot after features have changed.
fn next(current: &Snapshot, deltas: Vec<Arc<super::snapshot::Delta>>, ids: &[FeatureId], seq: Seq) -> Snapshot {
    let next = current.with(deltas, current.len(), seq);
    let there = |snapshot: &Snapshot| ids.iter().filter(|id| snapshot.feature(**id).is_some()).count();
    let count = current.len() + there(&next) - there(current);
    current.with(next.deltas, count, seq)
}

/// Publishes a snapshot and renews the tiles in which the features were or are; the boxes of these places.
fn publish(layer: &Layer, before: &Snapshot, after: Snapshot, ids: &[FeatureId]) -> Vec<super::applied::WorldBox> {
    let places = |snapshot: &Snapshot| -> Vec<Footprint> {
        ids.iter().filter_map(|id| snapshot.feature(*id)).map(Footprint::of).collect()
    };
    let places: Vec<Footprint> = [places(before), places(&after)].concat();
    let (seq, deepest) = (after.seq, after.definition.zoom.max);
    layer.publish(after);
    layer.touch(|touched| {
        if ids.len() > MAX_TRACED {
            touched.renew(seq);
        } else {
            for place in &places {
                touched.touch(seq, place, deepest);
            }
        }
    });
    places.iter().filter_map(Footprint::bounds).collect()
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
    let kind = stored.kind.clone();
    layer.note(|state| state.kind.clone_from(&kind));
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
        }
        Err(error) => {
            warn!(layer = id, %error, "cannot read the layer");
            layer.note(|state| state.trouble = Some("the layer could not be read; see the server's log".to_owned()));
        }
    }
}
