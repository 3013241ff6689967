//! Letting go of old changes and old states while the server runs.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::store::{Pruning, Store};
use chrono::{TimeDelta, Utc};
use tracing::{info, warn};

use crate::config::Retention;

/// A server that has just started has other things to do. Where it is to look more often, it need not wait so long.
const FIRST: Duration = Duration::from_secs(60);

/// Prunes what is older than the configuration keeps, for ever; ends at once where all is kept. Of many servers of a
/// database any may do it, also at the same time.
pub async fn keep<S: Store>(store: Arc<S>, retention: Retention) {
    if retention.log_days == 0 && retention.past_days == 0 {
        return;
    }
    let pause = Duration::from_secs(retention.every_seconds.max(1));
    tokio::time::sleep(FIRST.min(pause)).await;
    loop {
        let before = |days: u32| (days > 0).then(|| Utc::now() - TimeDelta::days(days.into()));
        let pruning = Pruning { log_before: before(retention.log_days), past_before: before(retention.past_days) };
        match store.prune(pruning).await {
            Ok(pruned) => {
                if pruned.changes + pruned.states > 0 {
                    info!(changes = pruned.changes, states = pruned.states, log_from = pruned.log_from, "pruned");
                }
                if let Some(follower) = pruned.held_by {
                    warn!(follower, "the log is kept for a follower longer than retention.log_days");
                }
            }
            Err(error) => warn!(%error, "cannot prune the log; trying again later"),
        }
        tokio::time::sleep(pause).await;
    }
}
