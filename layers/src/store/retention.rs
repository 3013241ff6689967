//! What is kept of the log and of the past, and for whom.

use chrono::{DateTime, TimeDelta, Utc};

use super::StoreError;
use crate::limits::MAX_FOLLOWER_NAME;
use crate::log::Seq;

/// A program that must not miss a change: the log is kept for it from its position on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredFollower {
    /// Its name, unique in the store.
    pub name: String,
    /// The last change that it has handled.
    pub seq: Seq,
    /// When it last said so.
    pub seen: DateTime<Utc>,
    /// For how many days after that the log is kept for it; `None` is for ever.
    pub patience_days: Option<u32>,
}

impl RegisteredFollower {
    /// Whether the log is still kept for it.
    pub fn is_waited_for(&self, now: DateTime<Utc>) -> bool {
        self.patience_days.is_none_or(|days| self.seen + TimeDelta::days(days.into()) >= now)
    }
}

/// What goes of log and past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruning {
    /// Changes from before this instant, as far as every registered follower has handled them.
    pub log_before: Option<DateTime<Utc>>,
    /// States that were superseded before this instant.
    pub past_before: Option<DateTime<Utc>>,
}

/// What a pruning came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The log tells what came after this change.
    pub log_from: Seq,
    /// Entries of the log that went.
    pub changes: u64,
    /// Superseded states that went.
    pub states: u64,
    /// The follower for which more of the log was kept than asked for.
    pub held_by: Option<String>,
}

/// Refuses names that do not go well into a header and a table.
pub(super) fn check_name(name: &str) -> Result<(), StoreError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > MAX_FOLLOWER_NAME || !name.bytes().all(plain) {
        return Err(StoreError::Unusable(format!(
            "the follower's name \"{name}\" must be of lower-case letters, digits, -, _ and ., {MAX_FOLLOWER_NAME} at most"
        )));
    }
    Ok(())
}

/// How far the log may be cut: where asked for, but before what a follower has yet to handle; and who that is.
pub(super) fn bound(wanted: Seq, followers: &[RegisteredFollower], now: DateTime<Utc>) -> (Seq, Option<String>) {
    let waited = followers.iter().filter(|follower| follower.is_waited_for(now));
    match waited.min_by_key(|follower| follower.seq) {
        Some(last) if last.seq < wanted => (last.seq, Some(last.name.clone())),
        _ => (wanted, None),
    }
}
