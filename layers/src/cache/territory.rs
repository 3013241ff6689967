//! The layers of an installation, each with its current snapshot.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{broadcast, watch};

use super::applied::{Applied, Health};
use super::snapshot::Snapshot;
use super::touched::{Generation, Touched};
use crate::crs::{Crs, Reach, reach, world_to_lonlat};
use crate::definition::LayerDefinition;
use crate::feature::FeatureId;
use crate::limits::MAX_APPLIED_QUEUE;
use crate::log::Seq;
use crate::store::{LayerKind, StoredStyle, Unreadable};
use crate::tile::{GridTile, TileId};

/// How a layer stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerState {
    /// Rows that could not be mirrored, with reasons; they are in the store but in no answer.
    pub set_aside: Vec<(FeatureId, String)>,
    /// Why the layer cannot be served (anew), if so. An older snapshot may still be there.
    pub trouble: Option<String>,
    /// How often the whole layer was read.
    pub reads: u64,
    /// Whose its table is, and how its changes become known.
    pub kind: LayerKind,
    /// How often its changes were merged into its base, in memory.
    pub merges: u64,
}

/// What is known of a layer that is not in memory ([`crate::definition::Keep::Stored`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Its last change that was heard of.
    pub seq: Seq,
    /// Its features.
    pub count: u64,
    /// West, south, east and north of its features in storage CRS, if that is known.
    pub bounds: Option<[f64; 4]>,
}

/// A layer and its current snapshot.
#[derive(Debug)]
pub struct Layer {
    definition: ArcSwap<LayerDefinition>,
    snapshot: ArcSwapOption<Snapshot>,
    /// There is either this or a snapshot.
    stored: ArcSwapOption<Standing>,
    touched: RwLock<Touched>,
    state: ArcSwap<LayerState>,
    /// Milliseconds since 1970 when the snapshot was published.
    published: AtomicI64,
}

impl Layer {
    pub(super) fn new(definition: LayerDefinition) -> Self {
        Self {
            definition: ArcSwap::from_pointee(definition),
            snapshot: ArcSwapOption::empty(),
            stored: ArcSwapOption::empty(),
            touched: RwLock::default(),
            state: ArcSwap::default(),
            published: AtomicI64::new(0),
        }
    }

    /// The definition in force.
    pub fn definition(&self) -> Arc<LayerDefinition> {
        self.definition.load_full()
    }

    /// What is known of a layer whose features are in the store only.
    pub fn stored(&self) -> Option<Arc<Standing>> {
        self.stored.load_full()
    }

    /// Whether its features are in the store only.
    pub fn is_stored(&self) -> bool {
        self.stored.load().is_some()
    }

    /// Whether questions about it can be answered.
    pub fn is_ready(&self) -> bool {
        self.snapshot.load().is_some() || self.stored.load().is_some()
    }

    /// Its last change that answers reflect; `None` while it is not ready.
    pub fn seq(&self) -> Option<Seq> {
        self.snapshot().map(|snapshot| snapshot.seq()).or_else(|| self.stored().map(|stored| stored.seq))
    }

    /// How many features it has; `None` while it is not ready.
    pub fn count(&self) -> Option<u64> {
        self.snapshot().map(|snapshot| snapshot.len() as u64).or_else(|| self.stored().map(|stored| stored.count))
    }

    /// `[west, south, east, north]` in degrees, `None` for a layer without geometries, or one that is not ready.
    pub fn extent_lonlat(&self) -> Option<[f64; 4]> {
        if let Some(snapshot) = self.snapshot() {
            return snapshot.extent_lonlat();
        }
        let crs = Crs::parse(self.definition().crs.as_deref()?).ok()?;
        let Reach { min, max, step } = reach(&crs, self.stored()?.bounds?).ok()?;
        // Sides bend by less than an eighth of the way between two points.
        let beside = step / 8;
        let [west, north] = world_to_lonlat(min.map(|unit| unit.saturating_sub(beside)));
        let [east, south] = world_to_lonlat(max.map(|unit| unit.saturating_add(beside)));
        Some([west, south, east, north])
    }

    /// The features as of now; `None` while the layer is being read for the first time, and for one that is in the store
    /// only.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full()
    }

    /// The generation of a tile of the layer. Ask **before** taking the snapshot that the tile is made of, which then is of
    /// this generation or a later one.
    pub fn generation(&self, tile: TileId) -> Generation {
        self.touched.read().unwrap_or_else(PoisonError::into_inner).generation(tile)
    }

    /// The generation of a tile of another grid than WebMercatorQuad; to be asked as [`Self::generation`] is.
    pub fn generation_in(&self, tile: &GridTile) -> Generation {
        self.touched.read().unwrap_or_else(PoisonError::into_inner).generation_in(tile)
    }

    /// The generation of the layer as a whole, for what is made of all of it or is cut otherwise than its tiles. To be asked
    /// as [`Self::generation`] is.
    pub fn youngest(&self) -> Generation {
        self.touched.read().unwrap_or_else(PoisonError::into_inner).youngest()
    }

    /// Notes what a published snapshot has made out of date.
    pub(super) fn touch(&self, change: impl FnOnce(&mut Touched)) {
        change(&mut self.touched.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// How the layer stands.
    pub fn state(&self) -> Arc<LayerState> {
        self.state.load_full()
    }

    /// Milliseconds since 1970 when the snapshot of now was published; 0 when there is none.
    pub fn published_ms(&self) -> i64 {
        self.published.load(Ordering::Relaxed)
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.published.store(chrono::Utc::now().timestamp_millis(), Ordering::Relaxed);
        self.definition.store(Arc::clone(&snapshot.definition));
        self.snapshot.store(Some(Arc::new(snapshot)));
        self.stored.store(None);
    }

    /// The features are in the store only.
    pub(super) fn publish_stored(&self, definition: LayerDefinition, standing: Standing) {
        self.published.store(chrono::Utc::now().timestamp_millis(), Ordering::Relaxed);
        self.definition.store(Arc::new(definition));
        self.stored.store(Some(Arc::new(standing)));
        self.snapshot.store(None);
    }

    pub(super) fn note(&self, change: impl Fn(&mut LayerState)) {
        self.state.rcu(|state| {
            let mut state = LayerState::clone(state);
            change(&mut state);
            state
        });
    }
}

/// All layers. Cloning is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct Territory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layers: ArcSwap<BTreeMap<String, Arc<Layer>>>,
    unreadable: ArcSwap<Vec<Unreadable>>,
    styles: ArcSwap<Vec<StoredStyle>>,
    seq: AtomicI64,
    reached: watch::Sender<Seq>,
    applied: broadcast::Sender<Arc<Applied>>,
    health: ArcSwap<Health>,
    announced: AtomicBool,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            layers: ArcSwap::default(),
            unreadable: ArcSwap::default(),
            styles: ArcSwap::default(),
            seq: AtomicI64::new(0),
            reached: watch::Sender::new(0),
            applied: broadcast::Sender::new(MAX_APPLIED_QUEUE),
            health: ArcSwap::default(),
            announced: AtomicBool::new(false),
        }
    }
}

impl Territory {
    /// The layers in order of id.
    pub fn layers(&self) -> Vec<Arc<Layer>> {
        self.inner.layers.load().values().cloned().collect()
    }

    /// A layer by id.
    pub fn layer(&self, id: &str) -> Option<Arc<Layer>> {
        self.inner.layers.load().get(id).cloned()
    }

    /// The layers that are in the store and not here, since this version cannot read their definitions; in order of id.
    pub fn unreadable(&self) -> Arc<Vec<Unreadable>> {
        self.inner.unreadable.load_full()
    }

    pub(super) fn note_unreadable(&self, unreadable: Vec<Unreadable>) {
        self.inner.unreadable.store(Arc::new(unreadable));
    }

    /// The styles that are kept beside the layers, in order of id.
    pub fn styles(&self) -> Arc<Vec<StoredStyle>> {
        self.inner.styles.load_full()
    }

    /// Publishes styles: for the follower, and for tools and tests that have no store.
    pub fn publish_styles(&self, styles: Vec<StoredStyle>) {
        self.inner.styles.store(Arc::new(styles));
    }

    /// The `seq` up to which every ready layer reflects the change log.
    pub fn seq(&self) -> Seq {
        self.inner.seq.load(Ordering::Acquire)
    }

    /// Whether it is known which layers there are; before, one that is not here may be yet to come.
    pub fn is_announced(&self) -> bool {
        self.inner.announced.load(Ordering::Acquire)
    }

    pub(super) fn announce(&self) {
        self.inner.announced.store(true, Ordering::Release);
    }

    /// Ready when [`Self::seq`] is `seq` or later.
    pub async fn reached(&self, seq: Seq) {
        let mut reached = self.inner.reached.subscribe();
        // The sender lives as long as `self`.
        let _ = reached.wait_for(|reached| *reached >= seq).await;
    }

    /// Changes as they become visible from now on. A listener that is too slow is told how many it has missed, and
    /// finds them in the log.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Applied>> {
        self.inner.applied.subscribe()
    }

    /// How the follower fares.
    pub fn health(&self) -> Arc<Health> {
        self.inner.health.load_full()
    }

    pub(super) fn note_health(&self, change: impl Fn(&mut Health)) {
        self.inner.health.rcu(|health| {
            let mut health = Health::clone(health);
            change(&mut health);
            health
        });
    }

    /// The published snapshots reflect the log up to `seq`.
    pub(super) fn advance(&self, seq: Seq) {
        self.inner.seq.fetch_max(seq, Ordering::AcqRel);
        self.inner.reached.send_if_modified(|reached| {
            let later = seq > *reached;
            *reached = seq.max(*reached);
            later
        });
    }

    /// The log ends before what was read of it.
    pub(super) fn set_back(&self, seq: Seq) {
        self.inner.seq.store(seq, Ordering::Release);
        self.inner.reached.send_replace(seq);
    }

    /// Tells those who listen.
    pub(super) fn tell(&self, applied: Applied) {
        // Nobody need be listening.
        let _ = self.inner.applied.send(Arc::new(applied));
    }

    /// Adds a layer that is not there yet, or returns the one that is.
    pub fn add(&self, definition: LayerDefinition) -> Arc<Layer> {
        if let Some(layer) = self.layer(&definition.id) {
            return layer;
        }
        let id = definition.id.clone();
        let added = Arc::new(Layer::new(definition));
        self.inner.layers.rcu(|layers| {
            let mut layers = BTreeMap::clone(layers);
            layers.entry(id.clone()).or_insert_with(|| Arc::clone(&added));
            layers
        });
        self.layer(&id).unwrap_or(added)
    }

    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.inner.layers.rcu(|layers| {
            let mut layers = BTreeMap::clone(layers);
            layers.retain(|id, _| keep(id));
            layers
        });
    }

    /// Publishes a snapshot as a layer of its own: for tools and tests that have no store.
    pub fn publish(&self, snapshot: Snapshot) {
        let seq = snapshot.seq();
        let layer = self.add(LayerDefinition::clone(snapshot.definition()));
        layer.publish(snapshot);
        layer.touch(|touched| touched.renew(seq));
        self.announce();
        self.advance(seq);
    }
}
