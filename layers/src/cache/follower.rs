//! The follower: reads the change log and keeps every layer's snapshot true.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::FutureExt;
use geo::BoundingRect as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::applied::{Applied, AppliedLayer, Health, Trouble};
use super::base::Base;
use super::changed::Changed;
use super::homes::{Grown, decide};
use super::publish::{next, now, publish, read_each};
use super::reading::{FollowError, merge};
use super::snapshot::Snapshot;
use super::territory::{Layer, Standing, Territory};
use super::touched::Footprint;
use super::warm::{Keeper, Kept, Warm};
use crate::definition::LayerDefinition;
use crate::feature::FeatureId;
use crate::limits::MAX_APPLIED_CAUSES;
use crate::log::{Cause, Change, Operation, STYLES, Seq};
use crate::store::{Store, StoreError, StoredLayer};

/// Changes read from the log at a time.
const BATCH: usize = 10_000;
/// More changed features than this (and than a twentieth of the base) are merged into the base, beside the work.
const MAX_CHANGED: usize = 20_000;
/// First and longest pause while the store is away.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long nothing may happen before the log is asked where it stands.
const IDLE: Duration = Duration::from_secs(5);
/// How long nothing may be garbled before all is read anew because something was.
const CALM: Duration = Duration::from_secs(5);

/// Reads every layer of the store into the territory, then follows its change log for ever. Failures of the
/// store are logged and tried again; what was published stays readable meanwhile.
pub async fn follow<S: Store>(store: Arc<S>, territory: Territory) {
    let (_end, never) = watch::channel(false);
    Follower::new(store, territory, None).run(never).await;
}

/// As [`follow`], beginning with the layers that are kept on disk, so that there is something to read before the store has
/// been, or while it is away. Keeps on disk what is new every so often, and once more when `end` becomes true.
pub async fn follow_from<S: Store>(
    store: Arc<S>,
    territory: Territory,
    warm: Warm,
    every: Duration,
    end: watch::Receiver<bool>,
) {
    let mut follower = Follower::new(store, territory, Some(Keeper::new(warm, every)));
    follower.revive().await;
    follower.run(end).await;
    follower.keep_last().await;
}

/// Between half and all of a pause, so that many servers do not come back in the same instant.
fn jittered(pause: Duration) -> Duration {
    let spread = pause.as_micros() as u64 / 2;
    let point = u64::from(Utc::now().timestamp_subsec_nanos()) % (spread + 1);
    pause.saturating_sub(Duration::from_micros(point))
}

/// Ready when the server ends.
async fn ended(end: &mut watch::Receiver<bool>) {
    if end.wait_for(|end| *end).await.is_err() {
        // Nobody is left who could end it.
        std::future::pending::<()>().await;
    }
}

/// What the follower remembers of a layer.
#[derive(Default)]
pub(super) struct Memory {
    pub changed: Changed,
    pub grown: Grown,
    /// Features that changed since a merge began, while it runs.
    pub merging: Option<BTreeSet<FeatureId>>,
}

/// What happened to a layer in a batch of changes.
#[derive(Default)]
struct Happened {
    whole: bool,
    seq: Seq,
    ids: BTreeMap<FeatureId, Operation>,
    /// Features more than there were.
    more: i64,
    causes: BTreeSet<Cause>,
}

pub(super) struct Follower<S> {
    /// Layers that could not be read, and when to try again.
    pub unread: BTreeMap<String, Instant>,
    pub store: Arc<S>,
    pub territory: Territory,
    /// The last change that was applied.
    pub seen: Seq,
    /// That change, and whether the store has been away since.
    pub last: Option<(Change, bool)>,
    /// When something came garbled that nothing has been read anew after.
    pub doubt: Option<Instant>,
    pub layers: BTreeMap<String, Memory>,
    /// Each with the base that it began with.
    merges: JoinSet<(String, Arc<Base>, Result<Snapshot, FollowError>)>,
    pub keeper: Option<Keeper>,
    /// What was taken from the disk, until it has been compared with the store.
    pub revived: Option<Kept>,
    /// The store's identity, once it is known.
    pub identity: Option<String>,
    /// The change from which on the cache has caught up with the store since the start.
    pub goal: Seq,
}

impl<S: Store> Follower<S> {
    fn new(store: Arc<S>, territory: Territory, keeper: Option<Keeper>) -> Self {
        Self {
            unread: BTreeMap::new(),
            store,
            territory,
            seen: 0,
            last: None,
            doubt: None,
            layers: BTreeMap::new(),
            merges: JoinSet::new(),
            keeper,
            revived: None,
            identity: None,
            goal: 0,
        }
    }

    /// Follows until `end` becomes true, which is looked at while nothing is under way.
    async fn run(&mut self, mut end: watch::Receiver<bool>) {
        let mut pause = PAUSES.0;
        let mut started = false;
        while !*end.borrow() {
            let work = async { if started { self.step(&mut end).await } else { self.begin().await } };
            let done = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
                // Nothing is known of what was half done.
                started = false;
                self.revived = None;
                Err(FollowError::Worker("it panicked".to_owned()))
            });
            match done {
                Ok(()) => {
                    started = true;
                    pause = PAUSES.0;
                    let behind = self.seen < self.goal;
                    self.territory.note_health(|health| {
                        health.contact_ms = Utc::now().timestamp_millis();
                        health.trouble = None;
                        health.behind = behind;
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot follow the change log; serving what is cached and trying again");
                    let (kind, now) = (Trouble::of(&error), Utc::now().timestamp_millis());
                    self.territory.note_health(|health| {
                        health.trouble = Some((kind, health.trouble.map_or(now, |(_, since)| since)));
                    });
                    let _ = tokio::time::timeout(jittered(pause), ended(&mut end)).await;
                    pause = (pause * 2).min(PAUSES.1);
                    self.last = self.last.take().map(|(change, _)| (change, true));
                    if kind == Trouble::Garbled || matches!(error, FollowError::Worker(_)) {
                        self.doubt = Some(Instant::now());
                    }
                }
            }
        }
    }

    /// Announces and reads all layers.
    pub(super) async fn read_all(&mut self) -> Result<(), FollowError> {
        let (seq, layers) = announce(&self.store, &self.territory).await?;
        self.layers.clear();
        self.merges.abort_all();
        self.unread.clear();
        self.read_these(layers).await;
        self.last = match self.store.changes((seq - 1).max(0), 1).await {
            // Pruned up to its end: nothing is there to tell the log by.
            Err(StoreError::Pruned { .. }) => None,
            last => last?.into_iter().find(|change| change.seq == seq).map(|change| (change, false)),
        };
        self.seen = seq;
        self.territory.advance(seq);
        Ok(())
    }

    /// Reads and publishes layers, some at a time; those that cannot be read are left for later.
    pub(super) async fn read_these(&mut self, layers: Vec<StoredLayer>) {
        let (store, territory) = (&self.store, &self.territory);
        let mut failed = read_each(store, territory, layers).await;
        failed.retain(|(_, read)| read.is_err());
        if failed.iter().any(|(_, read)| read.as_ref().is_err_and(|error| Trouble::of(error) == Trouble::Garbled)) {
            self.doubt = Some(Instant::now());
        }
        self.unread.extend(failed.into_iter().map(|(id, _)| (id, Instant::now() + IDLE)));
    }

    /// Tries again to read what could not be read.
    async fn read_unread(&mut self) -> Result<(), FollowError> {
        let now = Instant::now();
        if !self.unread.values().any(|again| *again <= now) {
            return Ok(());
        }
        let mut known = self.store.layers().await?;
        self.keep_only(&known);
        known.retain(|stored| self.unread.get(&stored.definition.id).is_some_and(|again| *again <= now));
        self.read_anew(known).await
    }

    /// Forgets the layers that the store has no more.
    fn keep_only(&mut self, known: &[StoredLayer]) {
        let known: BTreeSet<&str> = known.iter().map(|stored| stored.definition.id.as_str()).collect();
        self.territory.retain(|id| known.contains(id));
        self.layers.retain(|id, _| known.contains(id.as_str()));
        self.unread.retain(|id, _| known.contains(id.as_str()));
    }

    /// Reads layers as a whole. One that cannot be read is left for later, unless the store itself is away.
    async fn read_anew(&mut self, layers: Vec<StoredLayer>) -> Result<(), FollowError> {
        for stored in &layers {
            self.layers.remove(&stored.definition.id);
        }
        let mut away = Ok(());
        for (id, read) in read_each(&self.store, &self.territory, layers).await {
            match read {
                Ok(()) => {
                    self.unread.remove(&id);
                    self.territory.note_health(|health| health.reloads += 1);
                }
                Err(error) => {
                    self.unread.insert(id, Instant::now() + IDLE);
                    if matches!(&error, FollowError::Store(error) if error.is_temporary()) {
                        away = Err(error);
                    }
                }
            }
        }
        away
    }

    /// Waits for something to happen, and does what follows from it.
    async fn step(&mut self, end: &mut watch::Receiver<bool>) -> Result<(), FollowError> {
        self.read_unread().await?;
        if self.doubt.is_some_and(|since| since.elapsed() >= CALM) {
            warn!("what the store sent was garbled; reading every layer anew");
            self.doubt = None;
            let done = self.start_over(|health| health.doubts += 1).await;
            return done.inspect_err(|_| self.doubt = Some(Instant::now()));
        }
        if self.is_set_back().await? {
            return self.follow_back().await;
        }
        tokio::select! {
            changed = tokio::time::timeout(IDLE, self.store.changed(self.seen)) => match changed {
                Ok(changed) => changed?,
                // The log is asked: it may have been set back, or the store may be away without anybody noticing.
                Err(_) if self.store.last_seq().await? < self.seen => return self.follow_back().await,
                Err(_) => return Ok(()),
            },
            Some(merged) = self.merges.join_next() => {
                if let Ok((layer, base, fresh)) = merged {
                    self.merged(&layer, &base, fresh)?;
                }
                return Ok(());
            }
            () = due(self.keeper.as_ref()) => {
                self.keep().await;
                return Ok(());
            }
            () = ended(end) => return Ok(()),
        }
        let changes = match self.store.changes(self.seen, BATCH).await {
            // Servers can read anew, so the log is not kept for them.
            Err(StoreError::Pruned { .. }) => return self.follow_back().await,
            changes => changes?,
        };
        let Some(last) = changes.last().cloned() else { return self.pass_by().await };
        let styles = changes.iter().any(|change| change.layer == STYLES);
        if styles {
            read_styles(&self.store, &self.territory).await?;
        }
        let layers = self.apply(&changes).await?;
        let (after, seq) = (self.seen, last.seq);
        self.seen = seq;
        self.last = Some((last, false));
        self.territory.advance(seq);
        self.territory.tell(Applied { after, seq, layers, styles });
        Ok(())
    }

    /// The log has moved, but not for us: the change was another tenant's.
    async fn pass_by(&mut self) -> Result<(), FollowError> {
        let end = self.store.last_seq().await?;
        // Asked after the end was known: up to there nothing is ours.
        if end > self.seen && self.store.changes(self.seen, 1).await?.is_empty() {
            self.seen = end;
            self.territory.advance(end);
        } else if end <= self.seen {
            // The store remembers a longer log than there is now.
            tokio::time::sleep(PAUSES.0).await;
        }
        Ok(())
    }

    /// Whether the log has another past than the one that was read: a standby took over that lacked its end.
    pub(super) async fn is_set_back(&mut self) -> Result<bool, FollowError> {
        let Some((change, true)) = &self.last else { return Ok(false) };
        let set_back = match self.store.changes(change.seq - 1, 1).await {
            Err(StoreError::Pruned { .. }) => true,
            there => there?.first() != Some(change),
        };
        if let Some((_, doubtful)) = &mut self.last {
            *doubtful = false;
        }
        Ok(set_back)
    }

    /// The log is another than the one that was read, or what was missed is gone from it.
    pub(super) async fn follow_back(&mut self) -> Result<(), FollowError> {
        warn!(seen = self.seen, "the change log was set back, or cut beyond what was read; reading every layer anew");
        self.start_over(|health| health.setbacks += 1).await
    }

    /// Reads everything anew, and counts it.
    pub(super) async fn start_over(&mut self, count: impl Fn(&mut Health)) -> Result<(), FollowError> {
        let end = self.store.last_seq().await?;
        self.territory.set_back(end);
        self.read_all().await?;
        self.territory.note_health(count);
        let layers = self.territory.layers();
        let layers = layers.iter().map(|layer| AppliedLayer::whole(&layer.definition().id, self.seen)).collect();
        self.territory.tell(Applied { after: self.seen, seq: self.seen, layers, styles: true });
        Ok(())
    }

    /// Brings every layer that the changes name up to date.
    async fn apply(&mut self, changes: &[Change]) -> Result<Vec<AppliedLayer>, FollowError> {
        let mut happened: BTreeMap<String, Happened> = BTreeMap::new();
        for change in changes.iter().filter(|change| change.layer != STYLES) {
            let entry = happened.entry(change.layer.clone()).or_default();
            entry.seq = change.seq;
            if entry.causes.len() < MAX_APPLIED_CAUSES {
                entry.causes.extend(change.causes.iter().cloned());
            }
            match change.id {
                Some(id) if change.operation != Operation::Replace => {
                    entry.more += match change.operation {
                        Operation::Insert => 1,
                        Operation::Delete => -1,
                        _ => 0,
                    };
                    entry.ids.insert(id, change.operation);
                }
                _ => entry.whole = true,
            }
        }
        let mut applied = Vec::with_capacity(happened.len());
        let mut anew = BTreeSet::new();
        let mut relist = false;
        for (id, happened) in happened {
            if let Some(again) = self.unread.get_mut(&id) {
                // What is there lacks more than this; it is read when that is possible. Perhaps it could not be read
                // since it was just going.
                if happened.whole {
                    *again = Instant::now();
                    relist = true;
                }
                applied.push(AppliedLayer::whole(&id, happened.seq));
                continue;
            }
            let part = self.apply_features(&id, &happened).await?;
            let part = part.unwrap_or_else(|| {
                anew.insert(id.clone());
                AppliedLayer::whole(&id, happened.seq)
            });
            applied
                .push(AppliedLayer { causes: happened.causes.into_iter().take(MAX_APPLIED_CAUSES).collect(), ..part });
        }
        if relist || !anew.is_empty() {
            let mut known = self.store.layers().await?;
            self.keep_only(&known);
            // All are known before the first is read: there may be a thousand new ones.
            for stored in &known {
                self.territory.add(stored.definition.clone());
            }
            known.retain(|stored| anew.contains(&stored.definition.id));
            self.read_anew(known).await?;
        }
        applied.sort_by(|a, b| a.layer.cmp(&b.layer));
        Ok(applied)
    }

    /// Publishes changed features of one layer; `None` when it has to be read as a whole.
    async fn apply_features(&mut self, id: &str, happened: &Happened) -> Result<Option<AppliedLayer>, FollowError> {
        let layer = self.territory.layer(id);
        if let Some(layer) = layer.as_ref().filter(|layer| layer.stored().is_some()) {
            return self.apply_stored(layer, id, happened).await;
        }
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
        let mut next = next(&current, memory.changed.deltas(), &ids, happened.seq);
        let flips = decide(&current, &mut next, &ids, &mut memory.grown);
        let boxes = publish(&layer, &current, next, &ids, &flips);
        layer.note(|state| {
            // A level that is built anew says again what it has set aside before.
            let is_news = |id: &FeatureId| happened.ids.contains_key(id) || unread.iter().any(|(other, _)| other == id);
            state.set_aside.retain(|(feature, _)| !is_news(feature));
            state.set_aside.extend(unread.iter().cloned());
        });
        if memory.changed.len() > most(&current) && memory.merging.is_none() {
            self.begin_merge(id);
        }
        Ok(Some(AppliedLayer::features(id, happened.seq, ids, boxes)))
    }

    /// Notes that features of a layer have changed that is in the store only: all its tiles are new ones, and how far it
    /// reaches may be farther. `None` when it has to be looked at as a whole.
    async fn apply_stored(
        &self,
        layer: &Layer,
        id: &str,
        happened: &Happened,
    ) -> Result<Option<AppliedLayer>, FollowError> {
        let Some(standing) = layer.stored().filter(|_| !happened.whole && happened.ids.len() <= MAX_CHANGED) else {
            return Ok(None);
        };
        if standing.seq < happened.seq {
            let rows = match now(&*self.store, id, &happened.ids).await {
                Err(StoreError::UnknownLayer(_)) => return Ok(None),
                rows => rows?.0,
            };
            let places = rows.iter().filter_map(|(_, row)| row.as_ref()?.feature.geometry.as_ref()?.bounding_rect());
            let places = places.map(|place| [place.min().x, place.min().y, place.max().x, place.max().y]);
            let around = |a: [f64; 4], b: [f64; 4]| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
            let standing = Standing {
                seq: happened.seq,
                count: standing.count.saturating_add_signed(happened.more),
                bounds: standing.bounds.into_iter().chain(places).reduce(around),
            };
            layer.publish_stored(LayerDefinition::clone(&layer.definition()), standing);
            layer.touch(|touched| touched.renew(happened.seq));
        }
        Ok(Some(AppliedLayer::whole(id, happened.seq)))
    }

    /// Begins to merge the changes of a layer, which have become many, into its base, beside the work.
    fn begin_merge(&mut self, id: &str) {
        let Some(current) = self.territory.layer(id).and_then(|layer| layer.snapshot()) else { return };
        info!(layer = id, "many changes: merging them beside the work");
        self.layers.entry(id.to_owned()).or_default().merging = Some(BTreeSet::new());
        let (id, base) = (id.to_owned(), Arc::clone(&current.base));
        self.merges.spawn(async move {
            let merged = tokio::task::spawn_blocking(move || merge(&current)).await;
            let merged = merged.map_err(|error| FollowError::Worker(error.to_string()));
            (id, base, merged.and_then(|merged| Ok(merged?)))
        });
    }

    /// Puts a layer whose changes were merged in the place of the one with many changes. It looks the same.
    fn merged(&mut self, id: &str, base: &Arc<Base>, fresh: Result<Snapshot, FollowError>) -> Result<(), FollowError> {
        let layer = self.territory.layer(id);
        let Some((layer, current)) = layer.and_then(|layer| Some((layer.clone(), layer.snapshot()?))) else {
            return Ok(());
        };
        let Some(memory) = self.layers.get_mut(id).filter(|_| Arc::ptr_eq(&current.base, base)) else {
            // The layer as a whole was read anew meanwhile.
            return Ok(());
        };
        let Some(since) = memory.merging.take() else { return Ok(()) };
        let fresh = fresh?;
        let (mut changed, mut grown) = (Changed::default(), Grown::default());
        let ids: Vec<FeatureId> = since.iter().copied().collect();
        if !ids.is_empty() {
            changed.take(&fresh.base, &fresh.definition, memory.changed.rows(since).collect())?;
        }
        let mut next = next(&fresh, changed.deltas(), &ids, current.seq);
        decide(&fresh, &mut next, &ids, &mut grown);
        (memory.changed, memory.grown) = (changed, grown);
        layer.publish(next);
        layer.note(|state| state.merges += 1);
        self.territory.note_health(|health| health.merges += 1);
        Ok(())
    }
}

/// Ready when it is time to keep what is new on disk.
async fn due(keeper: Option<&Keeper>) {
    match keeper {
        Some(keeper) => keeper.due().await,
        None => std::future::pending().await,
    }
}

/// Changed features up to which they are not merged into the base.
fn most(current: &Snapshot) -> usize {
    MAX_CHANGED.max(current.base.len() / 20)
}

/// The log's end and the layers, largest first; every layer is known to the territory before any is read.
/// The log is read first: a change between the two reads is seen twice, never missed.
pub(super) async fn announce<S: Store>(
    store: &Arc<S>,
    territory: &Territory,
) -> Result<(Seq, Vec<StoredLayer>), StoreError> {
    let seq = store.last_seq().await?;
    read_styles(store, territory).await?;
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

/// Publishes the styles of the store. Where they cannot be read though the store is there (its tables are of an older version),
/// layers are followed all the same.
async fn read_styles<S: Store>(store: &Arc<S>, territory: &Territory) -> Result<(), StoreError> {
    match store.styles().await {
        Ok(styles) => territory.publish_styles(styles),
        Err(error) if error.is_temporary() => return Err(error),
        Err(error) => warn!(%error, "cannot read the styles"),
    }
    Ok(())
}
