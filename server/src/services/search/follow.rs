//! The index, kept as the layers are: read when they are, and renewed feature by feature as the change log tells.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{Applied, AppliedLayer, Snapshot, Territory};
use bricola_layers::log::Seq;
use tokio::sync::broadcast::error::RecvError;
use tracing::{info, warn};

use super::read::Plan;
use super::{Indexed, Search};

/// How often it is looked whether a layer came, went or is another without anybody having said so.
const LOOK: Duration = Duration::from_millis(250);

/// Keeps the index for as long as it runs. All is worked on beside the requests, one layer at a time.
pub async fn keep(territory: Territory, search: Arc<Search>) {
    // Listening begins before anything is read, so that nothing falls between.
    let mut listener = territory.subscribe();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut begun = Begun { at: Instant::now(), doubtful: Vec::new() };
    loop {
        let heard = tokio::select! {
            biased;
            applied = listener.recv() => match applied {
                Ok(applied) => Heard::Applied(applied),
                Err(RecvError::Lagged(_)) => Heard::Missed,
                Err(RecvError::Closed) => return,
            },
            _ = look.tick() => Heard::Nothing,
        };
        let (known, index) = (territory.clone(), Arc::clone(&search));
        let work = tokio::task::spawn_blocking(move || {
            begun.work(&known, &index, &heard);
            begun
        });
        begun = match work.await {
            Ok(begun) => begun,
            Err(error) => {
                warn!(%error, "the search index was not brought up to date; reading every layer anew");
                search.indexed().clear();
                Begun { at: Instant::now(), doubtful: Vec::new() }
            }
        };
    }
}

enum Heard {
    Applied(Arc<Applied>),
    /// Some was said that was not heard.
    Missed,
    Nothing,
}

/// What is kept from one look to the next.
struct Begun {
    at: Instant,
    /// Layers that were ahead of the index when they were last looked at: what changed of them may be told in a moment.
    doubtful: Vec<String>,
}

impl Begun {
    fn work(&mut self, territory: &Territory, search: &Search, heard: &Heard) {
        let seq = territory.seq();
        match heard {
            Heard::Applied(applied) if applied.after == applied.seq => search.indexed().clear(),
            Heard::Applied(applied) => {
                for part in &applied.layers {
                    renew(territory, search, part);
                }
                if search.seq().is_some() {
                    self.look(territory, search, false);
                    search.reached.send_replace(applied.seq);
                    return;
                }
            }
            Heard::Missed | Heard::Nothing => {}
        }
        let whole = self.look(territory, search, matches!(heard, Heard::Missed));
        if whole && territory.is_announced() && (seq > 0 || territory.layers().is_empty()) {
            if search.seq().is_none() {
                let size = search.index.size();
                let seconds = self.at.elapsed().as_secs_f64();
                info!(
                    names = size.names,
                    houses = size.houses,
                    bytes = size.bytes,
                    seconds,
                    "the search index is built"
                );
            }
            search.reached.send_replace(seq);
        }
    }

    /// Reads what is not in the index as it is, and lets go of what is no more; true when nothing is left to be done.
    fn look(&mut self, territory: &Territory, search: &Search, at_once: bool) -> bool {
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut whole = true;
        let mut there = Vec::new();
        for layer in territory.layers() {
            let Some(snapshot) = layer.snapshot() else { continue };
            let definition = Arc::clone(snapshot.definition());
            let Some(plan) = Plan::of(&definition) else { continue };
            there.push(definition.id.clone());
            let known = search.indexed().get(&definition.id).cloned();
            let is_same = known.as_ref().is_some_and(|known| {
                Arc::ptr_eq(&known.definition, &definition)
                    || known.definition.search == definition.search
                        && known.definition.label == definition.label
                        && known.definition.fields == definition.fields
            });
            let is_behind = known.as_ref().is_none_or(|known| known.seq < snapshot.seq());
            if is_same && !is_behind {
                continue;
            }
            if is_same && !at_once && !doubtful.contains(&definition.id) {
                self.doubtful.push(definition.id.clone());
                whole = false;
                continue;
            }
            read(search, &plan, &snapshot);
        }
        for layer in search.index.layers() {
            if !there.iter().any(|id| **id == *layer) {
                search.indexed().remove(&*layer);
                told(&search.index.remove(&layer), &layer);
            }
        }
        whole
    }
}

/// Reads a layer as a whole.
fn read(search: &Search, plan: &Plan, snapshot: &Snapshot) {
    let layer = &snapshot.definition().id;
    if told(&search.index.replace(layer, plan.contents(snapshot)), layer) {
        note(search, snapshot, snapshot.seq());
    }
}

/// Renews what changed of a layer. What the change does not name feature by feature is left for a look at the whole.
fn renew(territory: &Territory, search: &Search, part: &AppliedLayer) {
    let Some(known) = search.indexed().get(&*part.layer).cloned() else { return };
    let Some(snapshot) = territory.layer(&part.layer).and_then(|layer| layer.snapshot()) else { return };
    let Some(plan) = Plan::of(snapshot.definition()) else { return };
    if part.whole || part.ids.is_empty() {
        // It is another, or too much of it: read at once, since more cannot be told of it.
        if part.seq > known.seq {
            read(search, &plan, &snapshot);
        }
        return;
    }
    if told(&plan.renew(&search.index, &snapshot, &part.ids), &part.layer) {
        note(search, &snapshot, part.seq.max(known.seq));
    }
}

fn note(search: &Search, snapshot: &Snapshot, seq: Seq) {
    let definition = Arc::clone(snapshot.definition());
    search.indexed().insert(definition.id.clone(), Indexed { seq, definition });
}

/// Whether it went well; what did not is tried again with the next look.
fn told(done: &Result<(), bricola_search::Failed>, layer: &str) -> bool {
    if let Err(error) = done {
        warn!(%error, layer, "a layer was not brought up to date in the search index");
    }
    done.is_ok()
}
