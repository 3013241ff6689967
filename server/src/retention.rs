//! Letting go of old changes and old states while the server runs.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::store::{Pruning, Store};
use chrono::{TimeDelta, Utc};
use tracing::{info, warn};

use crate::config::Retention;

/// How often it is looked whether something has grown old.
const PAUSE: Duration = Duration::from_secs(3600);
/// A server that has just started has other things to do.
const FIRST: Duration = Duration::from_secs(60);

/// Prunes what is older than the configuration keeps, for ever; ends at once where all is kept. Of many servers of a
/// database any may do it, also at the same time.
pub async fn keep<S: Store>(store: Arc<S>, retention: Retention) {
    if retention.log_days == 0 && retention.past_days == 0 {
        return;
    }
    tokio::time::sleep(FIRST).await;
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
            Err(error) => warn!(%error, "cannot prune the log; trying again in an hour"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
