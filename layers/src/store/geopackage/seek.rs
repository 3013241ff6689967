//! Questions about layers that are not in memory. All of an answer is read in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::Stream;
use rusqlite::{Connection, Transaction};
use tokio::sync::mpsc;

use super::rows::sending;
use super::schema::Schema;
use super::words::Words;
use super::{File, define, failure, past, values};
use crate::feature::StoredFeature;
use crate::store::condition::{Part, order, part_of};
use crate::store::{ScannedRow, Sight, Sought, StoreError};

/// Rows that are looked at in a go.
const PIECE: usize = 2_048;
/// Steps of `SQLite`'s machine after which it is asked whether there is time left.
const STEPS: i32 = 64;

type Sender = mpsc::Sender<Result<Sight, StoreError>>;

/// Answers a question.
pub(super) fn seek(
    file: Arc<File>,
    layer: String,
    sought: Arc<Sought>,
) -> impl Stream<Item = Result<Sight, StoreError>> + Send {
    sending(file, move |connection, sender| {
        let clock = Clock::start(sought.within);
        let ticking = clock.clone();
        let is_over = sender.clone();
        connection.progress_handler(STEPS, Some(move || ticking.is_over() || is_over.is_closed()));
        let answer = Answer { sought: &sought, sender, clock };
        let given = answer.give(connection, &layer);
        connection.progress_handler(0, None::<fn() -> bool>);
        given
    })
}

/// Counts the time that is spent on an answer, and not that in which its reader takes it.
#[derive(Clone)]
struct Clock {
    started: Instant,
    within: Duration,
    waited_us: Arc<AtomicU64>,
}

impl Clock {
    fn start(within: Duration) -> Self {
        Self { started: Instant::now(), within, waited_us: Arc::default() }
    }

    fn is_over(&self) -> bool {
        self.started.elapsed() > self.within + Duration::from_micros(self.waited_us.load(Ordering::Relaxed))
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_over() { Err(StoreError::Timeout) } else { Ok(()) }
    }
}

struct Answer<'a> {
    sought: &'a Arc<Sought>,
    sender: Sender,
    clock: Clock,
}

impl Answer<'_> {
    fn give(&self, connection: &mut Connection, layer: &str) -> Result<(), StoreError> {
        let transaction = connection.transaction().map_err(|e| failure(&e))?;
        let schema = define::schema(&transaction, layer)?;
        let sought = self.sought;
        let mut words = Words::of(&schema);
        let part = part_of(&mut words, &sought.conditions, sought.frames.as_deref());
        let table = match sought.at {
            None => format!("\"{}\"", schema.table),
            Some(at) => past::all(&transaction, &schema, at)?,
        };
        if sought.is_counted {
            let matched = self.count(&transaction, &schema, &table, (&words, &part))?;
            if !self.send(Sight::Matched(matched)) {
                return Ok(());
            }
        }
        if sought.limit == Some(0) {
            return Ok(());
        }
        let (by, behind) = order(&mut words, &sought.order, sought.after.as_ref());
        let limit =
            sought.limit.filter(|_| part.is_exact()).map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
        let sql = format!(
            "SELECT {}, {} FROM {table} AS t WHERE ({}) AND {behind} ORDER BY {by}{limit}",
            schema.selected("t."),
            if part.is_exact() { "TRUE" } else { &part.surely },
            part.maybe,
        );
        let mut wanted = sought.limit.unwrap_or(usize::MAX);
        let piece = wanted.clamp(1, PIECE);
        self.each_piece(&transaction, &schema, (&sql, &words), piece, |mut found| {
            found.truncate(wanted);
            wanted -= found.len();
            found.is_empty() || (self.send(Sight::Rows(found)) && wanted > 0)
        })
    }

    fn count(
        &self,
        transaction: &Transaction<'_>,
        schema: &Schema,
        table: &str,
        (words, part): (&Words<'_>, &Part),
    ) -> Result<u64, StoreError> {
        let counted = || -> rusqlite::Result<i64> {
            let mut statement =
                transaction.prepare(&format!("SELECT count(*) FROM {table} AS t WHERE {}", part.surely))?;
            words.fill(&mut statement)?;
            let mut rows = statement.raw_query();
            rows.next()?.map_or(Ok(0), |row| row.get(0))
        };
        let mut matched = counted().map_err(|e| failure(&e))? as u64;
        if !part.is_exact() {
            let sql = format!(
                "SELECT {}, FALSE FROM {table} AS t WHERE ({}) AND ({}) IS NOT TRUE",
                schema.selected("t."),
                part.maybe,
                part.surely,
            );
            self.each_piece(transaction, schema, (&sql, words), PIECE, |found| {
                matched += found.len() as u64;
                !self.sender.is_closed()
            })?;
        }
        Ok(matched)
    }

    /// Gives the features of a statement that are sought, piece by piece, until `take` wants no more.
    fn each_piece(
        &self,
        transaction: &Transaction<'_>,
        schema: &Schema,
        (sql, words): (&str, &Words<'_>),
        piece: usize,
        mut take: impl FnMut(Vec<StoredFeature>) -> bool,
    ) -> Result<(), StoreError> {
        let mut statement = transaction.prepare(sql).map_err(|e| failure(&e))?;
        words.fill(&mut statement).map_err(|e| failure(&e))?;
        let width = statement.column_count();
        let mut rows = statement.raw_query();
        let (mut found, mut is_sure) = (Vec::with_capacity(piece), true);
        loop {
            let row = rows.next().map_err(|e| failure(&e))?;
            let is_last = row.is_none();
            if let Some(row) = row {
                let read: ScannedRow = values::feature(row, &schema.definition).map_err(|e| failure(&e))?;
                match read {
                    Ok(feature) => {
                        is_sure &= row.get::<_, Option<bool>>(width - 1).map_err(|e| failure(&e))? == Some(true);
                        found.push(feature);
                    }
                    Err((id, reason)) => {
                        tracing::warn!(layer = schema.definition.id, id, reason, "a stored feature cannot be read");
                    }
                }
            }
            if is_last || found.len() == piece {
                self.clock.check()?;
                let some = std::mem::replace(&mut found, Vec::with_capacity(piece));
                let some = if is_sure { some } else { (self.sought.judge)(some) };
                is_sure = true;
                if !take(some) || is_last {
                    return Ok(());
                }
            }
        }
    }

    /// False when nobody listens any more.
    fn send(&self, sight: Sight) -> bool {
        let began = Instant::now();
        let is_taken = self.sender.blocking_send(Ok(sight)).is_ok();
        let waited = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.clock.waited_us.fetch_add(waited, Ordering::Relaxed);
        is_taken
    }
}

/// The box around all features.
pub(super) fn extent(connection: &mut Connection, layer: &str) -> Result<Option<[f64; 4]>, StoreError> {
    let schema = define::schema(connection, layer)?;
    let sql = "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?1";
    let corner = |row: &rusqlite::Row<'_>, place: usize| row.get::<_, Option<f64>>(place);
    connection
        .query_row(sql, [&schema.table], |row| {
            let (low, high) = (corner(row, 0)?.zip(corner(row, 1)?), corner(row, 2)?.zip(corner(row, 3)?));
            Ok(low.zip(high).map(|((west, south), (east, north))| [west, south, east, north]))
        })
        .map_err(|e| failure(&e))
}
