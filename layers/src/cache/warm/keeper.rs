//! Keeping: what is new since the last time goes to the disk, beside the work.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tracing::{debug, warn};

use super::folder::{Loaded, Warm};
use super::layer::Revived;
use super::manifest::{Entry, Kept, Manifest};
use super::sections::WarmError;
use crate::cache::base::Base;
use crate::cache::homes::Grown;
use crate::cache::snapshot::Snapshot;
use crate::cache::territory::LayerState;
use crate::log::Seq;

/// How soon after the start layers are kept that were not yet.
const SOON: Duration = Duration::from_secs(5);

/// A layer to be kept.
pub(in crate::cache) struct PlannedLayer {
    pub snapshot: Arc<Snapshot>,
    pub grown: Grown,
    pub state: Arc<LayerState>,
}

/// All that is to be kept, as of one moment.
pub(in crate::cache) struct Plan {
    pub kept: Kept,
    pub layers: Vec<PlannedLayer>,
}

/// The files that hold a layer.
#[derive(Debug, Clone)]
struct Files {
    base: Weak<Base>,
    entry: Entry,
}

impl Files {
    fn holds_base(&self, snapshot: &Snapshot) -> bool {
        std::ptr::eq(self.base.as_ptr(), Arc::as_ptr(&snapshot.base))
    }
}

type Saved = Result<(Seq, BTreeMap<String, Files>), WarmError>;

/// Knows what is on the disk, and when to look again.
pub(in crate::cache) struct Keeper {
    warm: Arc<Warm>,
    every: Duration,
    due: Instant,
    files: BTreeMap<String, Files>,
    /// Up to which change; `None` before anything is kept.
    seq: Option<Seq>,
    saving: Option<JoinHandle<Saved>>,
}

impl Keeper {
    /// Keeps what is new every so often.
    pub fn new(warm: Warm, every: Duration) -> Self {
        let due = Instant::now() + SOON.min(every);
        Self { warm: Arc::new(warm), every, due, files: BTreeMap::new(), seq: None, saving: None }
    }

    /// What is on the disk, read beside the work.
    pub async fn load(&self) -> Option<(Kept, Vec<Loaded>)> {
        let warm = Arc::clone(&self.warm);
        tokio::task::spawn_blocking(move || warm.load()).await.ok().flatten()
    }

    /// Notes a layer that came from the disk.
    pub fn take(&mut self, loaded: Loaded) -> (Revived, LayerState) {
        let Loaded { entry, revived } = loaded;
        let state = LayerState { set_aside: entry.set_aside.clone(), kind: entry.kind.into(), ..LayerState::default() };
        let base = Arc::downgrade(&revived.snapshot.base);
        self.files.insert(entry.definition.id.clone(), Files { base, entry });
        (revived, state)
    }

    /// Ready when it is time to keep what is new.
    pub async fn due(&self) {
        if self.warm.is_ours() {
            tokio::time::sleep_until(self.due.into()).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Whether something of a moment is not on the disk yet.
    fn lacks(&self, seq: Seq, snapshots: &[Arc<Snapshot>]) -> bool {
        let is_there = |snapshot: &Arc<Snapshot>| {
            self.files.get(&snapshot.definition.id).is_some_and(|files| files.holds_base(snapshot))
        };
        self.seq != Some(seq) || self.files.len() != snapshots.len() || !snapshots.iter().all(is_there)
    }

    /// Whether to make a [`Plan`] now; if not, when to look again is settled.
    pub async fn wants(&mut self, seq: Seq, snapshots: &[Arc<Snapshot>]) -> bool {
        self.due = Instant::now() + self.every;
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return false;
        }
        self.settle().await;
        self.warm.is_ours() && self.lacks(seq, snapshots)
    }

    /// Where the store is.
    pub fn address(&self) -> String {
        self.warm.address().to_owned()
    }

    /// Begins to write.
    pub fn save(&mut self, plan: Plan) {
        let (warm, files) = (Arc::clone(&self.warm), self.files.clone());
        self.saving = Some(tokio::task::spawn_blocking(move || {
            let saved = save(&warm, files.clone(), plan);
            if saved.is_err() {
                // What was begun must not fill the disk.
                warm.tidy(files.values().map(|files| &files.entry));
            }
            saved
        }));
    }

    /// Waits for what is being written.
    pub async fn settle(&mut self) {
        let Some(saving) = self.saving.take() else { return };
        match saving.await {
            Ok(Ok((seq, files))) => {
                debug!(seq, "layers kept for the next start");
                (self.seq, self.files) = (Some(seq), files);
            }
            Ok(Err(error)) => warn!(%error, "the layers cannot be kept for the next start; what was kept before stays"),
            Err(error) => warn!(%error, "keeping the layers stopped"),
        }
    }
}

fn save(warm: &Warm, mut known: BTreeMap<String, Files>, plan: Plan) -> Saved {
    let mut files = BTreeMap::new();
    for layer in plan.layers {
        let id = layer.snapshot.definition.id.clone();
        let kept = keep(warm, known.remove(&id), &layer)?;
        files.insert(id, kept);
    }
    let layers = files.values().map(|files| files.entry.clone()).collect();
    let seq = plan.kept.seq;
    warm.commit(&Manifest { kept: plan.kept, layers })?;
    Ok((seq, files))
}

/// Writes what is not there yet of a layer.
fn keep(warm: &Warm, known: Option<Files>, layer: &PlannedLayer) -> Result<Files, WarmError> {
    let snapshot = &*layer.snapshot;
    let known = known.filter(|files| files.holds_base(snapshot));
    let base = match &known {
        Some(files) => files.entry.base.clone(),
        None => warm.write_base(snapshot)?,
    };
    let changes = match known {
        _ if snapshot.deltas.is_empty() => None,
        Some(files) if files.entry.seq == snapshot.seq && files.entry.changes.is_some() => files.entry.changes,
        _ => Some(warm.write_changes(snapshot, &layer.grown)?),
    };
    let entry = Entry {
        definition: (*snapshot.definition).clone(),
        seq: snapshot.seq,
        kind: (&layer.state.kind).into(),
        set_aside: layer.state.set_aside.clone(),
        base,
        changes,
    };
    Ok(Files { base: Arc::downgrade(&snapshot.base), entry })
}
