//! The task that keeps bindings true beside a server. It follows the log by what the cache publishes, and never stands in
//! the way of the cache: whatever fails here is told in the status, and tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tracing::{debug, info, warn};

use super::events::{Plan, plan};
use super::outcome::{Outcome, outcome};
use super::sides::{Hindered, Sides, bound_layers, today};
use super::status::{Bindings, State};
use crate::cache::{Applied, Territory};
use crate::log::Seq;
use crate::store::{BindingState, BoundRows, CLAIM_SECONDS, MAX_BOUND_ROWS, Store, StoreError};

/// How often what waits or fails is looked at again: first and longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));
/// How often everything is looked at: a day may have begun.
const IDLE: Duration = Duration::from_secs(60);
/// How far the store's word may lie behind where nothing had to be written: so many changes, and for so long.
const UNTOLD: (Seq, Duration) = (5_000, Duration::from_secs(60));
/// How long the cache may take to come up with the log.
const CATCH_UP: Duration = Duration::from_secs(10);

/// Keeps the bindings of a store true, for ever. `territory` is followed elsewhere.
pub async fn keep<S: Store>(store: Arc<S>, territory: Territory, status: Bindings) {
    let mut applied = territory.subscribe();
    let mut keeper = Keeper { store, territory, status, holder: holder(), known: BTreeMap::new(), setbacks: 0 };
    let (mut news, mut pause) = (News::default(), PAUSES.0);
    loop {
        news.drain(&mut applied);
        let heard = std::mem::take(&mut news);
        let look = AssertUnwindSafe(keeper.look(&heard)).catch_unwind();
        let is_calm = look.await.unwrap_or_else(|_| {
            warn!("the work on bindings panicked; it is begun anew");
            keeper.known.clear();
            false
        });
        let wait = if is_calm { IDLE } else { pause };
        pause = if is_calm { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
        if let Ok(heard) = tokio::time::timeout(wait, applied.recv()).await {
            match heard {
                Ok(first) => news.add(&first),
                Err(RecvError::Lagged(_)) => news.lost = true,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// A name for this process that no other has.
pub(super) fn holder() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// What the cache has published since the last look.
#[derive(Default)]
struct News {
    /// From after which change to which, and the layers in between.
    span: Option<(Seq, Seq)>,
    layers: BTreeSet<String>,
    /// Not all of it is known.
    lost: bool,
}

impl News {
    fn drain(&mut self, applied: &mut Receiver<Arc<Applied>>) {
        loop {
            match applied.try_recv() {
                Ok(next) => self.add(&next),
                Err(TryRecvError::Lagged(_)) => self.lost = true,
                Err(_) => return,
            }
        }
    }

    fn add(&mut self, applied: &Applied) {
        self.layers.extend(applied.layers.iter().map(|part| part.layer.to_string()));
        let (after, seq) = self.span.unwrap_or((applied.after, applied.after));
        // A log that was set back is told as a span of nothing.
        self.lost |= seq != applied.after || applied.after == applied.seq;
        self.span = Some((after, applied.seq));
    }

    /// The change up to which nothing has happened that concerns a layer true as of `known`.
    fn passes_by(&self, known: Seq, sides: &Sides) -> Option<Seq> {
        let (after, seq) = self.span.filter(|_| !self.lost)?;
        let concerns = self.layers.iter().any(|layer| sides.concerns(layer));
        (known >= after && !concerns).then(|| known.max(seq))
    }
}

/// What is known of a layer.
struct Known {
    /// How far it is true.
    state: BindingState,
    /// The store's word of it, and since when that is so.
    told: (Seq, Instant),
    /// The last result that this server wrote of a state that `state` comes from without a break.
    mine: Seq,
}

struct Keeper<S> {
    store: Arc<S>,
    territory: Territory,
    status: Bindings,
    holder: String,
    known: BTreeMap<String, Known>,
    setbacks: u64,
}

/// Why a look has come to nothing.
enum Stop {
    Hindered(State, String),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Hindered> for Stop {
    fn from(Hindered(state, reason): Hindered) -> Self {
        Self::Hindered(state, reason)
    }
}

impl<S: Store> Keeper<S> {
    /// Looks at all layers; whether all of them are true.
    async fn look(&mut self, news: &News) -> bool {
        if !self.territory.is_announced() {
            return false;
        }
        let health = self.territory.health();
        if std::mem::replace(&mut self.setbacks, health.setbacks) != health.setbacks {
            self.known.clear();
        }
        let layers: Vec<String> =
            bound_layers(&self.territory).into_iter().map(|definition| definition.id.clone()).collect();
        self.status.keep_only(&layers);
        self.known.retain(|layer, _| layers.contains(layer));
        let mut all_calm = true;
        for layer in layers {
            let looked = self.look_at(&layer, news).await;
            all_calm &= looked.is_ok();
            let Err(stop) = looked else { continue };
            let (state, reason) = match stop {
                Stop::Hindered(state, reason) => (state, reason),
                Stop::Store(StoreError::ReadOnly) => (State::ReadOnly, "the store takes no writes now".to_owned()),
                // What a database says of rights is for the log of the server.
                Stop::Store(error) => {
                    debug!(layer, %error, "bindings");
                    self.known.remove(&layer);
                    let is_denied = matches!(&error, StoreError::Failure(text) if text.ends_with("(42501)"));
                    if is_denied {
                        (State::ReadOnly, "the database's role may not write the layer".to_owned())
                    } else {
                        (State::Failing, public(&error).to_owned())
                    }
                }
            };
            self.status.note(&layer, |status| {
                if status.trouble.as_ref() != Some(&reason) && state == State::Failing {
                    warn!(layer, reason, "bindings are not true; trying again");
                }
                (status.state, status.trouble) = (state, Some(reason));
            });
        }
        all_calm
    }

    async fn look_at(&mut self, layer: &str, news: &News) -> Result<(), Stop> {
        let started = Instant::now();
        // Its own last result is to be seen first: rows that it has changed would pass for what they were before.
        let mine = self.known.get(layer).map_or(0, |known| known.mine);
        if tokio::time::timeout(CATCH_UP, self.territory.reached(mine)).await.is_err() {
            return Err(Stop::Hindered(State::Waiting, "the cache is behind the log".to_owned()));
        }
        let mut seq = self.territory.seq();
        let mut sides = Sides::of(&self.territory, layer, today())?;
        self.status.note(layer, |status| status.fields.clone_from(&sides.fields));
        if self.store.is_read_only() {
            return Err(Stop::Hindered(State::ReadOnly, "this server writes nothing to the store".to_owned()));
        }
        let (mut known, mut mine) = self.known(layer, seq).await?;
        let same = known.declaration == sides.declaration && known.day == sides.decisive_day();
        if let Some(passed) = news.passes_by(known.seq, &sides).filter(|_| same) {
            return self.is_true(layer, &sides, passed).await;
        }
        if known.seq >= seq && same {
            return self.is_true(layer, &sides, known.seq).await;
        }
        let mut found = find(&self.store, &known, mine, sides, seq, None).await?;
        if !found.outcome.rows.is_empty() {
            // Only now it matters who writes.
            self.status.note(layer, |status| status.state = State::Working);
            let Some(stored) = self.store.claim_bindings(layer, &self.holder).await? else {
                self.known.remove(layer);
                return Err(Stop::Hindered(State::Elsewhere, "another server is at work on it".to_owned()));
            };
            let end = self.store.last_seq().await?;
            if stored.seq > known.seq || stored.declaration != known.declaration || end > seq {
                // What others have written before is to be seen first.
                if tokio::time::timeout(CATCH_UP, self.territory.reached(end)).await.is_err() {
                    return Err(Stop::Hindered(State::Waiting, "the cache is behind the log".to_owned()));
                }
                if stored.seq > known.seq || stored.declaration != known.declaration {
                    (known, mine) = (stored, 0);
                }
                seq = self.territory.seq();
                sides = Sides::of(&self.territory, layer, today())?;
                found = find(&self.store, &known, mine, sides, seq, Some(&self.holder)).await?;
            }
            let looked = found.outcome.looked;
            let reached = found.reached(seq);
            let Some((written, last)) =
                write(&*self.store, &found.sides, found.outcome, &self.holder, reached.clone()).await?
            else {
                self.known.remove(layer);
                return Err(Stop::Hindered(State::Elsewhere, "another server has taken it over".to_owned()));
            };
            info!(layer, looked, written, seq, "bindings");
            self.known.insert(layer.to_owned(), Known { state: reached, told: (seq, Instant::now()), mine: last });
            self.status.note(layer, |status| {
                status.looked += looked;
                status.written += written;
                status.last_ms = started.elapsed().as_millis() as u64;
            });
            return self.is_true(layer, &found.sides, seq).await;
        }
        let looked = found.outcome.looked;
        self.status.note(layer, |status| status.looked += looked);
        self.is_true(layer, &found.sides, seq).await
    }

    /// How far a layer is true, as far as is known.
    async fn known(&mut self, layer: &str, seq: Seq) -> Result<(BindingState, Seq), Stop> {
        if let Some(known) = self.known.get(layer) {
            return Ok((known.state.clone(), known.mine));
        }
        let stored = self.store.bindings().await?.into_iter().find(|state| state.layer == layer);
        let mut state = stored.unwrap_or_else(|| nothing(layer));
        if state.seq > seq && state.seq > self.store.last_seq().await? {
            // The log is another than the one that it speaks of.
            state = nothing(layer);
        }
        let known = Known { state: state.clone(), told: (state.seq, Instant::now()), mine: 0 };
        self.known.insert(layer.to_owned(), known);
        Ok((state, 0))
    }

    /// Notes that a layer is true as of a change, and tells the store now and then.
    async fn is_true(&mut self, layer: &str, sides: &Sides, seq: Seq) -> Result<(), Stop> {
        let state = sides.state(seq);
        let Some(known) = self.known.get_mut(layer) else { return Ok(()) };
        let is_other = known.state.declaration != state.declaration || known.state.day != state.day;
        known.state = state.clone();
        let untold = (seq - known.told.0, known.told.1.elapsed());
        if is_other || untold.0 > UNTOLD.0 || (untold.0 > 0 && untold.1 > UNTOLD.1) {
            known.told = (seq, Instant::now());
            if let Some(stored) = self.store.claim_bindings(layer, &self.holder).await? {
                let reached = if stored.seq > seq && !is_other { stored } else { state };
                write(&*self.store, sides, Outcome::default(), &self.holder, reached).await?;
            }
        }
        self.status.note(layer, |status| {
            (status.state, status.seq, status.trouble) = (State::True, Some(seq), None);
        });
        Ok(())
    }
}

/// Nothing is true yet.
pub(super) fn nothing(layer: &str) -> BindingState {
    BindingState { layer: layer.to_owned(), seq: 0, declaration: String::new(), day: None }
}

impl Sides {
    /// True as of a change.
    pub(super) fn state(&self, seq: Seq) -> BindingState {
        let layer = self.bound.definition().id.clone();
        BindingState { layer, seq, declaration: self.declaration.clone(), day: self.decisive_day() }
    }
}

/// What was found, and of what.
pub(super) struct Found {
    pub sides: Sides,
    pub outcome: Outcome,
}

impl Found {
    pub fn reached(&self, seq: Seq) -> BindingState {
        self.sides.state(seq)
    }
}

/// Finds what differs. Where `holder` has the claim on the layer, it is held meanwhile.
async fn find<S: Store>(
    store: &Arc<S>,
    known: &BindingState,
    mine: Seq,
    sides: Sides,
    seq: Seq,
    holder: Option<&str>,
) -> Result<Found, Stop> {
    let plan = plan(&**store, known, mine, &sides, seq).await?;
    Ok(compute(store, sides, plan, holder).await?)
}

/// Carries out a plan, where it holds up no other task.
pub(super) async fn compute<S: Store>(
    store: &Arc<S>,
    sides: Sides,
    plan: Plan,
    holder: Option<&str>,
) -> Result<Found, StoreError> {
    if plan.is_empty() {
        return Ok(Found { sides, outcome: Outcome::default() });
    }
    let layer = sides.bound.definition().id.clone();
    let mut work = tokio::task::spawn_blocking(move || {
        let outcome = outcome(&sides, &plan);
        Found { sides, outcome }
    });
    loop {
        match tokio::time::timeout(Duration::from_secs(u64::from(CLAIM_SECONDS) / 3), &mut work).await {
            Ok(found) => return found.map_err(|error| StoreError::Failure(format!("the search ended: {error}"))),
            Err(_) => {
                if let Some(holder) = holder {
                    store.claim_bindings(&layer, holder).await?;
                }
            }
        }
    }
}

/// Writes what differs, in pieces; how many features were changed, and the last change. `None` where the claim has ended.
pub(super) async fn write<S: Store>(
    store: &S,
    sides: &Sides,
    outcome: Outcome,
    holder: &str,
    reached: BindingState,
) -> Result<Option<(u64, Seq)>, StoreError> {
    let fields = sides.names();
    let Outcome { rows, causes, .. } = outcome;
    let pieces = rows.len().div_ceil(MAX_BOUND_ROWS).max(1);
    let mut rows = rows.into_iter();
    let (mut changed, mut last) = (0, 0);
    for piece in 1..=pieces {
        let mut rows: Vec<_> = rows.by_ref().take(MAX_BOUND_ROWS).collect();
        // Only the causes that the piece names.
        let mut used: Vec<usize> = rows.iter().map(|row| row.why).collect();
        used.sort_unstable();
        used.dedup();
        for row in &mut rows {
            row.why = used.binary_search(&row.why).unwrap_or_default();
        }
        let write = BoundRows {
            layer: reached.layer.clone(),
            holder: holder.to_owned(),
            fields: fields.clone(),
            rows,
            causes: used.iter().map(|why| causes[*why].clone()).collect(),
            reached: (piece == pieces).then(|| reached.clone()),
        };
        match store.write_bound(write).await? {
            Some((rows, seq)) => (changed, last) = (changed + rows, last.max(seq)),
            None => return Ok(None),
        }
    }
    Ok(Some((changed, last)))
}

/// What may be said of a failure: the store's own words are for the server's log.
fn public(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unreachable(_) => "the store cannot be reached",
        StoreError::Busy | StoreError::Timeout => "the store is busy",
        StoreError::UnknownLayer(_) => "the layer has gone",
        _ => "the store failed; see the server's log",
    }
}
