//! Telling a database that is at work from one that will never answer.
//!
//! A connection whose packets vanish (a cable, a firewall that has forgotten it, a virtual machine that moved) looks
//! like one whose statement takes long. So nothing is waited for blindly: after a while of silence another connection is
//! asked whether the first one's statement is still being worked on.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};
use tokio::time::{Instant, timeout};

use super::connect::failure;
use crate::store::StoreError;

/// How long a silence may last before it is looked into.
const SILENCE: Duration = Duration::from_secs(2);
/// How long a connection is taken for sound after it was used.
const FRESH: Duration = Duration::from_millis(250);
/// Doubt at which a connection is given up.
const MOST_DOUBT: u32 = 16;

/// How the server process that works on something is found among the others.
#[derive(Debug, Clone)]
pub(super) enum Worker {
    /// By its number.
    Process(i32),
    /// By how its query begins: behind a pooler nobody can tell beforehand which process will take it.
    Mark(String),
}

/// What another connection sees of one that is silent.
#[derive(Clone, Copy)]
enum Seen {
    /// Its statement is being worked on, or nothing can be told.
    AtWork,
    /// It has more to say than we have taken: a large row on a slow line, or a line that is cut.
    Sending,
    /// It has said all, and yet there is no whole answer here.
    Answered,
    /// It is not there, or the database is not.
    Gone,
}

impl Seen {
    /// What it adds to the doubt. At the first time the answer may have been on its way.
    const fn doubt(self) -> u32 {
        match self {
            Self::AtWork => 0,
            Self::Sending => 1,
            Self::Answered | Self::Gone => MOST_DOUBT / 2,
        }
    }
}

/// Looks into silences.
pub(super) struct Patience {
    /// Where to ask; `None` when the URL cannot be read.
    direct: Option<PgConnectOptions>,
    /// When a connection was last given up: those that lay idle then are not trusted.
    silenced: Mutex<Option<Instant>>,
}

impl Patience {
    pub fn new(direct: Option<PgConnectOptions>) -> Self {
        Self { direct, silenced: Mutex::new(None) }
    }

    /// Waits for what a server process works on.
    pub async fn wait<T>(
        &self,
        worker: &Worker,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        let mut work = pin!(work);
        let mut doubt = 0;
        loop {
            if let Ok(done) = timeout(SILENCE, &mut work).await {
                return done.map_err(|error| failure(&error));
            }
            let seen = self.look(worker).await;
            doubt = if matches!(seen, Seen::AtWork) { 0 } else { doubt + seen.doubt() };
            if doubt >= MOST_DOUBT {
                let silent = self.give_up();
                // Packets were lost, or what says how long the answer is was altered on its way.
                let answered = matches!(seen, Seen::Answered);
                return Err(if answered { StoreError::Garbled(silent.to_string()) } else { silent });
            }
        }
    }

    /// Waits for what takes no time where all is well.
    pub async fn briefly<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        match timeout(2 * SILENCE, work).await {
            Ok(done) => done.map_err(|error| failure(&error)),
            Err(_) => Err(self.give_up()),
        }
    }

    fn give_up(&self) -> StoreError {
        *self.silenced.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        StoreError::Unreachable("the connection has fallen silent".to_owned())
    }

    /// Whether a connection that has lain idle for a while may be used again. One that has just been of use is not asked.
    pub async fn is_sound(&self, connection: &mut PgConnection, idle: Duration) -> bool {
        let silenced = *self.silenced.lock().unwrap_or_else(PoisonError::into_inner);
        if silenced.is_some_and(|at| at.elapsed() <= idle) {
            return false;
        }
        if idle < FRESH {
            return true;
        }
        matches!(timeout(SILENCE, connection.ping()).await, Ok(Ok(())))
    }

    /// What another connection sees of a server process.
    async fn look(&self, worker: &Worker) -> Seen {
        let Some(direct) = &self.direct else { return Seen::AtWork };
        let ask = async {
            let mut connection = direct.connect().await?;
            // Of the sessions of another role only the number can be seen.
            let which = match worker {
                Worker::Process(number) => format!("pid = {number}"),
                Worker::Mark(mark) => format!("starts_with(query, '{mark}')"),
            };
            let sql = format!(
                "SELECT CASE WHEN coalesce(state, 'active') <> 'active' THEN 'answered' \
                 ELSE coalesce(wait_event, '') END FROM pg_stat_activity WHERE {which}"
            );
            let row = connection.fetch_optional(sqlx::raw_sql(&sql)).await?;
            row.map(|row| row.try_get::<String, _>(0)).transpose()
        };
        match timeout(SILENCE, ask).await {
            Ok(Ok(Some(state))) if state == "answered" => Seen::Answered,
            Ok(Ok(Some(waits_for))) if ["ClientWrite", "ClientRead"].contains(&&*waits_for) => Seen::Sending,
            // It refuses another connection, so it is there; nothing is known of the silent one.
            Ok(Ok(Some(_)) | Err(sqlx::Error::Database(_))) => Seen::AtWork,
            Ok(Ok(None) | Err(_)) | Err(_) => Seen::Gone,
        }
    }
}
