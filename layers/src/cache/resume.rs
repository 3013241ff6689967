//! Beginning with the layers that were kept on disk, and keeping them there.

use std::time::Duration;

use tracing::info;

use super::applied::Trouble;
use super::follower::{Follower, Memory, announce};
use super::reading::FollowError;
use super::warm::{Kept, Plan, PlannedLayer};
use crate::store::{LayerKind, Store, StoredLayer};

/// How long a store is waited for that may say whether what is kept on disk is of it.
const PATIENCE: Duration = Duration::from_secs(1);

impl<S: Store> Follower<S> {
    /// Publishes what is kept on disk, unless the store is there and says that it is another one.
    pub(super) async fn revive(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        let asked = tokio::time::timeout(PATIENCE, self.store.identity());
        let (identity, loaded) = tokio::join!(asked, keeper.load());
        let identity = identity.ok().and_then(Result::ok);
        if let Some((kept, layers)) =
            loaded.filter(|(kept, _)| identity.is_none() || identity == Some(kept.identity.clone()))
        {
            for loaded in layers {
                let (revived, state) = keeper.take(loaded);
                let definition = revived.snapshot.definition.clone();
                let (layer, seq) = (self.territory.add((*definition).clone()), revived.snapshot.seq);
                layer.note(|noted| *noted = state.clone());
                layer.publish(revived.snapshot);
                layer.touch(|touched| touched.renew(seq));
                let memory = Memory { changed: revived.changed, grown: revived.grown, ..Memory::default() };
                self.layers.insert(definition.id.clone(), memory);
            }
            info!(layers = self.layers.len(), seq = kept.seq, "beginning with the layers kept on disk");
            let away = identity.is_none().then(|| (Trouble::Unreachable, chrono::Utc::now().timestamp_millis()));
            self.territory.note_health(|health| {
                health.contact_ms = kept.contact_ms;
                health.behind = true;
                health.trouble = away;
            });
            self.territory.publish_styles(kept.styles.clone());
            self.territory.announce();
            self.territory.advance(kept.seq);
            self.seen = kept.seq;
            self.revived = Some(kept);
        }
        self.keeper = Some(keeper);
    }

    /// Reads all layers, or those that what was kept on disk lacks.
    pub(super) async fn begin(&mut self) -> Result<(), FollowError> {
        let identity = self.store.identity().await?;
        let begun = match self.revived.clone() {
            None => self.read_all().await,
            Some(kept) if kept.identity != identity => {
                info!("the layers kept on disk are of another store; reading all of them");
                self.start_over(|_| ()).await
            }
            Some(kept) => self.resume(kept).await,
        };
        begun?;
        (self.identity, self.revived) = (identity, None);
        Ok(())
    }

    /// Compares what was kept on disk with the store, and reads what does not go on from there.
    async fn resume(&mut self, kept: Kept) -> Result<(), FollowError> {
        let (end, layers) = announce(&self.store, &self.territory).await?;
        self.last = kept.last.map(|change| (change, true));
        if self.is_set_back().await? || end < kept.seq {
            return self.follow_back().await;
        }
        let (fit, unfit): (Vec<_>, Vec<_>) = layers.into_iter().partition(|stored| self.goes_on(stored));
        for stored in fit {
            if let Some(layer) = self.territory.layer(&stored.definition.id) {
                layer.note(|state| state.kind = stored.kind.clone());
            }
        }
        for stored in &unfit {
            self.layers.remove(&stored.definition.id);
        }
        self.read_these(unfit).await;
        self.goal = end;
        Ok(())
    }

    /// Whether the log tells how to get from what was kept of a layer to what the store has now.
    fn goes_on(&self, stored: &StoredLayer) -> bool {
        let snapshot = self.territory.layer(&stored.definition.id).and_then(|layer| layer.snapshot());
        let is_told = !matches!(stored.kind, LayerKind::Polled(_));
        snapshot
            .is_some_and(|snapshot| is_told && *snapshot.definition == stored.definition && snapshot.seq <= stored.seq)
    }

    /// Keeps on disk what is new, beside the work.
    pub(super) async fn keep(&mut self) {
        let Some(keeper) = &mut self.keeper else { return };
        // Half of a start is nothing to begin with, nor is what may be garbled.
        if self.revived.is_some() || self.doubt.is_some() {
            return;
        }
        let layers: Vec<_> = self.territory.layers();
        let ready = layers.iter().filter(|layer| !self.unread.contains_key(&layer.definition().id));
        let ready: Vec<_> = ready.filter_map(|layer| Some((layer.snapshot()?, layer.state()))).collect();
        let snapshots: Vec<_> = ready.iter().map(|(snapshot, _)| snapshot.clone()).collect();
        if !keeper.wants(self.seen, &snapshots).await {
            return;
        }
        let layers = ready.into_iter().map(|(snapshot, state)| {
            let memory = self.layers.get(&snapshot.definition.id);
            PlannedLayer { grown: memory.map(|memory| memory.grown.clone()).unwrap_or_default(), snapshot, state }
        });
        let kept = Kept {
            address: keeper.address(),
            identity: self.identity.clone(),
            seq: self.seen,
            last: self.last.as_ref().map(|(change, _)| change.clone()),
            contact_ms: self.territory.health().contact_ms,
            styles: self.territory.styles().to_vec(),
        };
        keeper.save(Plan { kept, layers: layers.collect() });
    }

    /// Keeps on disk what is new, before the server ends.
    pub(super) async fn keep_last(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.settle().await;
        }
        self.keep().await;
        if let Some(keeper) = &mut self.keeper {
            keeper.settle().await;
        }
    }
}
