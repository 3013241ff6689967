//! All bindings of a layer anew, for the command line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::events::Plan;
use super::keeper::{compute, holder, write};
use super::sides::{Hindered, Sides, today};
use crate::cache::{FollowError, Territory, read_layer};
use crate::log::{Reason, Seq};
use crate::store::{Store, StoreError};

/// How long a server may hold the layer that is to be rebuilt.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a rebuild has done.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// Features that were looked at.
    pub looked: u64,
    /// Those whose fields were others than what was stored, and were written.
    pub written: u64,
    /// The change as of which the fields are true.
    pub seq: Seq,
    /// How long it took to read the layers, to find the values, and to write them.
    pub read: Duration,
    /// See `read`.
    pub found: Duration,
    /// See `read`.
    pub wrote: Duration,
    /// Fields for which nothing was found, with the reasons.
    pub idle: Vec<(String, String)>,
}

/// Finds all values of the bound fields of a layer anew, and writes those that differ, whoever else is at work on the store.
///
/// # Errors
/// When a layer cannot be read or written.
pub async fn rebuild<S: Store>(store: &Arc<S>, layer: &str) -> Result<Rebuilt, FollowError> {
    let (holder, started) = (holder(), Instant::now());
    while store.claim_bindings(layer, &holder).await?.is_none() {
        if started.elapsed() > PATIENCE {
            return Err(StoreError::Busy.into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let began = Instant::now();
    let seq = store.last_seq().await?;
    let territory = Territory::default();
    let bound = read_layer(store, layer).await?.ok_or_else(|| StoreError::UnknownLayer(layer.to_owned()))?;
    let mut targets: Vec<String> = bound.definition().bound_fields().map(|(_, _, bound)| bound.layer.clone()).collect();
    territory.publish(bound);
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        store.claim_bindings(layer, &holder).await?;
        if let Some(snapshot) = read_layer(store, &target).await? {
            territory.publish(snapshot);
        }
    }
    let sides = Sides::of(&territory, layer, today())
        .map_err(|Hindered(_, reason)| StoreError::Unusable(format!("layer \"{layer}\": {reason}")))?;
    let idle = sides.fields.iter().filter_map(|field| Some((field.field.clone(), field.idle.clone()?))).collect();
    let read = began.elapsed();
    let plan = Plan::whole(&sides, seq, Reason::Rebuilt);
    let found = compute(store, sides, plan, Some(&holder)).await?;
    let computed = began.elapsed();
    let (looked, reached) = (found.outcome.looked, found.reached(seq));
    let (written, _) = write(&**store, &found.sides, found.outcome, &holder, reached).await?.ok_or(StoreError::Busy)?;
    let wrote = began.elapsed().saturating_sub(computed);
    Ok(Rebuilt { looked, written, seq, read, found: computed.saturating_sub(read), wrote, idle })
}
