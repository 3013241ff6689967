//! Being woken by the change log, whoever wrote.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use sqlx::Executor;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::ask::Begin;
use super::connect::Database;
use super::ledger::Ledger;
use super::log::{sequence, watch};
use crate::log::Seq;
use crate::store::StoreError;

/// How often the log is looked at when nobody rings: by a pooler's doing, or when a transaction did not ring because
/// one beside it would.
const POLL: Duration = Duration::from_secs(1);
/// How often, while there are writes: what comes sooner after the last is gathered, since looking costs nearly the same
/// for one change and for twenty. One that comes alone is not kept waiting.
const GATHER: Duration = Duration::from_millis(20);
/// The same in a stream of writes that has lasted for [`LONG`] without a pause of [`LINGER`].
const GATHER_MORE: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(1);
/// How often tables are looked at for an ALTER TABLE.
const WATCH: Duration = Duration::from_secs(1);
/// How often the listener's connection is asked whether it is still there: nothing rings on one that is cut.
const PING: Duration = Duration::from_secs(5);
/// How long after the last one that goes on.
const LINGER: Duration = Duration::from_millis(300);
/// First and longest pause while the database is away.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What is known of the log.
#[derive(Debug, Clone, Default)]
struct Known {
    seq: Seq,
    /// Why it cannot be read, when it cannot.
    trouble: Option<Trouble>,
}

#[derive(Debug, Clone)]
struct Trouble {
    reason: String,
    /// What came was garbled.
    garbled: bool,
}

/// Knows the end of the log, a few milliseconds after it has moved.
pub(super) struct Follower {
    known: Arc<watch::Sender<Known>>,
    look: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    pub fn start(database: Database) -> Self {
        // Nothing is known yet: whoever waits gets the state of the first look.
        let known = Arc::new(watch::Sender::new(Known { seq: Seq::MIN, trouble: None }));
        let look = Arc::new(Notify::new());
        let task = tokio::spawn(run(database, Arc::clone(&known), Arc::clone(&look)));
        Self { known, look, task }
    }

    /// Looks at the log at once.
    pub fn look(&self) {
        self.look.notify_one();
    }

    /// What we have written ourselves need not be looked for.
    pub fn advance(&self, seq: Seq) {
        advance(&self.known, seq);
    }

    /// Returns when the log has moved past `after`.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] while the database is away, [`StoreError::Garbled`] while it cannot be understood.
    pub async fn past(&self, after: Seq) -> Result<(), StoreError> {
        let mut known = self.known.subscribe();
        let state = known
            .wait_for(|known| known.seq > after || known.trouble.is_some())
            .await
            .map_err(|_| StoreError::Unreachable("the store was closed".to_owned()))?;
        match &state.trouble {
            Some(Trouble { reason, garbled: true }) => Err(StoreError::Garbled(reason.clone())),
            Some(Trouble { reason, .. }) => Err(StoreError::Unreachable(reason.clone())),
            None => Ok(()),
        }
    }
}

fn advance(known: &watch::Sender<Known>, seq: Seq) {
    known.send_if_modified(|known| {
        let moved = seq > known.seq || known.trouble.is_some();
        *known = Known { seq: seq.max(known.seq), trouble: None };
        moved
    });
}

/// Listens and looks for ever; after a failure it begins anew, with growing pauses.
async fn run(database: Database, known: Arc<watch::Sender<Known>>, look: Arc<Notify>) {
    let mut pause = PAUSES.0;
    loop {
        // Of bytes that mean nothing the driver may make a panic; whoever waits must hear of that too.
        let following = async {
            match database.ledger() {
                Some(ledger) => attend(&database, ledger, &known, &look, &mut pause).await,
                None => listen(&database, &known, &look, &mut pause).await,
            }
        };
        let listening = AssertUnwindSafe(following).catch_unwind();
        let Err(error) = listening.await.unwrap_or_else(|_| Err(StoreError::garbled())) else { continue };
        let trouble = Trouble { reason: error.to_string(), garbled: matches!(error, StoreError::Garbled(_)) };
        known.send_modify(|known| known.trouble = Some(trouble));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Where the log is in memory, nothing rings from outside; the database is asked whether it is still there.
async fn attend(
    database: &Database,
    ledger: &Ledger,
    known: &watch::Sender<Known>,
    look: &Notify,
    pause: &mut Duration,
) -> Result<(), StoreError> {
    loop {
        database.ask(Begin::Reading, "SELECT 1").await?;
        *pause = PAUSES.0;
        advance(known, ledger.last_seq());
        // What comes between is not lost: a look that nobody waits for is kept.
        let _ = tokio::time::timeout(POLL, look.notified()).await;
    }
}

async fn listen(
    database: &Database,
    known: &watch::Sender<Known>,
    look: &Notify,
    pause: &mut Duration,
) -> Result<(), StoreError> {
    let mut listener = database.listener().await?;
    let (mut moved, mut watched) = (Instant::now(), None::<Instant>);
    let (mut heard, mut stream) = (Instant::now(), Instant::now());
    loop {
        if heard.elapsed() >= PING {
            database.patience.briefly(listener.execute(sqlx::raw_sql("SELECT 1"))).await?;
            heard = Instant::now();
        }
        let before = known.borrow().seq;
        if watched.is_none_or(|watched| watched.elapsed() >= WATCH) {
            watch(database).await?;
            watched = Some(Instant::now());
        }
        let seq = sequence(database).await?;
        *pause = PAUSES.0;
        // Nobody can have known more before we asked, unless the database was set back (a standby took over before it had
        // all): the follower of the cache then compares what it has read with what is there.
        if seq < before {
            known.send_replace(Known { seq, trouble: None });
        }
        advance(known, seq);
        let idle = moved.elapsed();
        if seq != before {
            moved = Instant::now();
            if idle > LINGER {
                stream = moved;
            }
        }
        let gathering = if moved - stream > LONG { GATHER_MORE } else { GATHER };
        let wait = if moved.elapsed() < LINGER { gathering } else { POLL };
        tokio::select! {
            rung = listener.try_recv() => {
                // `None`: the connection was lost and is being made anew; what rang meanwhile is found by looking.
                rung.map_err(|error| super::connect::failure(&error))?;
                gather(&mut listener, look, moved + gathering).await?;
            }
            () = look.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Lets it ring until a moment, or until somebody cannot wait.
async fn gather(listener: &mut PgListener, look: &Notify, until: Instant) -> Result<(), StoreError> {
    let gathered = tokio::time::sleep_until(until);
    tokio::pin!(gathered);
    loop {
        tokio::select! {
            biased;
            () = &mut gathered => return Ok(()),
            () = look.notified() => return Ok(()),
            rung = listener.try_recv() => rung.map(drop).map_err(|error| super::connect::failure(&error))?,
        }
    }
}
