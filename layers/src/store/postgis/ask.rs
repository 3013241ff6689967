//! Questions that are one message each.
//!
//! A follower asks the same few things after every commit. Each in a transaction of several messages (begin, prepare,
//! bind, commit) keeps both sides busy with little more than waking up; as one message of the simple protocol it is one
//! exchange. A pooler in transaction mode passes it on whole.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::PgRow;

use super::connect::Database;
use crate::store::StoreError;

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// It reads, all of one moment.
    Reading,
    /// It writes, each statement seeing what was committed before it.
    Writing,
}

impl Begin {
    /// Nothing is compiled: for queries that look dear and are not, that takes half a second, and takes it each time.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Reading => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off",
            Self::Writing => "BEGIN; SET LOCAL jit = off",
        }
    }
}

impl Database {
    /// Runs statements in a transaction of their own, by one message, and gives the rows of all of them. The values come as
    /// text, which `try_get` reads like any other.
    pub async fn ask(&self, begin: Begin, statements: &str) -> Result<Vec<PgRow>, StoreError> {
        if begin == Begin::Writing {
            self.takes_writes()?;
        }
        let (mark, limit) = (mark(), self.options.statement.as_millis());
        let message = format!("{mark} {}; SET LOCAL statement_timeout = {limit}; {statements}; COMMIT", begin.sql());
        let mut session = self.unopened().await?;
        session.watch_for(mark);
        let rows = session.rows(&message).await?;
        session.give_back();
        Ok(rows)
    }
}

/// A comment that no other message begins with: by it one that got no answer is found among the database's sessions.
fn mark() -> String {
    // Of all servers over a database, this one: the keys of the standard library's hashes are random.
    static OURS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("/* bricola {:x} {} */", *OURS, NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Text as a literal, whatever the server thinks of backslashes.
///
/// # Errors
/// Text that no database holds.
pub(super) fn literal(text: &str) -> Result<String, StoreError> {
    if text.contains('\0') {
        return Err(StoreError::Unusable("a name with a NUL in it is no name".to_owned()));
    }
    Ok(format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_hold_what_they_are_given() {
        assert_eq!(literal("Ca' d'Oro \\").ok().as_deref(), Some("E'Ca'' d''Oro \\\\'"));
        assert!(literal("a\0b").is_err());
    }

    #[test]
    fn marks_differ() {
        assert_ne!(mark(), mark());
    }
}
