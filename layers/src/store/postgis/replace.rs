//! Atomic replacement of a layer.
//!
//! One transaction from the first row to the commit: rows go by `COPY` into a temporary table, and only the commit
//! takes a lock that makes other writers (never readers) wait, compares by key and writes what differs. A loader that
//! dies leaves nothing behind. The log gets one entry, the history each superseded row.

use tokio::sync::{mpsc, oneshot};

use super::connect::{Database, Session};
use super::log::{closed, scalar, transaction};
use super::schema::Schema;
use super::{copy, define, write};
use crate::feature::Feature;
use crate::log::Seq;
use crate::store::{Replaced, Replacement, StoreError};

/// The temporary table.
const STAGING: &str = "bricola_staging";
/// Bytes that are gathered before they are sent.
const CHUNK: usize = 1 << 20;
/// Chunks that may wait to be sent.
const AHEAD: usize = 4;

/// Rows on their way into a layer of a [`super::PostgisStore`]. A task of its own sends them.
pub struct PostgisReplacement {
    schema: Schema,
    chunks: mpsc::Sender<Vec<u8>>,
    outcome: oneshot::Receiver<Result<(Replaced, Seq), StoreError>>,
    commit: Option<oneshot::Sender<Option<Seq>>>,
    rows: i64,
    chunk: Vec<u8>,
    scratch: Vec<u8>,
}

pub(super) async fn begin(database: Database, layer: &str) -> Result<PostgisReplacement, StoreError> {
    let mut session = database.write_on().await?;
    let schema = define::schema(&mut session, &database, layer).await?.managed()?;
    session.run(&schema.create_staging(STAGING)).await?;
    let (chunks, inbox) = mpsc::channel(AHEAD);
    let (commit, committed) = oneshot::channel();
    let (reply, outcome) = oneshot::channel();
    let theirs = schema.clone();
    tokio::spawn(async move {
        let done = run(session, &database, &theirs, inbox, committed).await;
        if let Some(done) = done.transpose() {
            // Whoever stopped waiting finds the outcome in the log.
            let _ = reply.send(done);
        }
    });
    let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 8);
    copy::header(&mut chunk);
    Ok(PostgisReplacement { schema, chunks, outcome, commit: Some(commit), rows: 0, chunk, scratch: Vec::new() })
}

impl PostgisReplacement {
    async fn send(&mut self) -> Result<(), StoreError> {
        let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK + CHUNK / 8));
        if self.chunks.send(full).await.is_ok() {
            return Ok(());
        }
        Err(match (&mut self.outcome).await {
            Ok(Err(error)) => error,
            _ => StoreError::Failure("the replacement has ended".to_owned()),
        })
    }
}

impl Replacement for PostgisReplacement {
    async fn push(&mut self, rows: Vec<Feature>) -> Result<(), StoreError> {
        for feature in &rows {
            write::check_width(&self.schema, feature)?;
            copy::push(&mut self.chunk, self.rows, feature, self.schema.srid, &mut self.scratch);
            self.rows += 1;
            if self.chunk.len() >= CHUNK {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn commit_if(mut self, unchanged_since: Option<Seq>) -> Result<(Replaced, Seq), StoreError> {
        copy::trailer(&mut self.chunk);
        self.send().await?;
        if let Some(commit) = self.commit.take() {
            // A task that is gone says why by its outcome.
            let _ = commit.send(unchanged_since);
        }
        drop(self.chunks);
        self.outcome.await.unwrap_or_else(|_| Err(StoreError::Failure("the replacement has ended".to_owned())))
    }
}

/// Sends the rows, then commits; `None` when the replacement was dropped instead.
async fn run(
    mut session: Session,
    database: &Database,
    schema: &Schema,
    mut inbox: mpsc::Receiver<Vec<u8>>,
    mut committed: oneshot::Receiver<Option<Seq>>,
) -> Result<Option<(Replaced, Seq)>, StoreError> {
    let sql = format!("COPY \"{STAGING}\" (\"place\", {}) FROM STDIN (FORMAT binary)", schema.columns(""));
    let (wait, connection) = session.begin_use()?;
    let mut copy = wait.on(connection.copy_in_raw(&sql)).await?;
    while let Some(chunk) = inbox.recv().await {
        wait.on(copy.send(chunk)).await?;
    }
    // Dropped: the connection is closed in the middle of the COPY, and nothing of it remains.
    let Ok(unchanged_since) = committed.try_recv() else { return Ok(None) };
    let rows = wait.on(copy.finish()).await?;
    session.settle();
    let replaced = put_in_place(&mut session, schema, rows, unchanged_since).await?;
    let number = transaction(&mut session).await?;
    session.commit().await?;
    let seq = closed(database, number).await?;
    tidy(database, schema).await;
    Ok(Some((replaced, seq)))
}

/// Puts the staged rows in the place of the old ones.
async fn put_in_place(
    session: &mut Session,
    schema: &Schema,
    staged: u64,
    unchanged_since: Option<Seq>,
) -> Result<Replaced, StoreError> {
    let Schema { table, .. } = schema;
    let staging = format!("\"{STAGING}\"");
    // Readers go on reading; without triggers the log would not hear of what others write, so they wait.
    session.run(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE; ANALYZE {staging}")).await?;
    if let Some(since) = unchanged_since {
        still_as(session, schema, since).await?;
    }
    if let Some(error) = define::duplicate(session, schema, &staging).await? {
        return Err(error);
    }
    session.run(&format!("ALTER TABLE {table} DISABLE TRIGGER USER")).await?;
    let empty = count(session, &format!("SELECT count(*) FROM (SELECT FROM {table} LIMIT 1) AS one")).await? == 0;
    let replaced = if empty { fill(session, schema, staged).await? } else { compare(session, schema, staged).await? };
    session.run(&format!("ALTER TABLE {table} ENABLE TRIGGER USER")).await?;
    define::remember_shape(session, schema).await?;
    define::report_replace(session, schema).await?;
    Ok(replaced)
}

/// Refuses a layer that was changed after `since`, by a transaction that has no number yet too; but for what bindings did.
async fn still_as(session: &mut Session, schema: &Schema, since: Seq) -> Result<(), StoreError> {
    let query = sqlx::query(
        "SELECT 1 FROM (SELECT transaction FROM bricola.pending WHERE tenant = $1 AND layer = $2 UNION ALL \
         SELECT transaction FROM bricola.changes WHERE tenant = $1 AND layer = $2 AND last > $3) AS later \
         WHERE NOT EXISTS (SELECT FROM bricola.causes AS w WHERE w.transaction = later.transaction) LIMIT 1",
    );
    let later = session.all(query.bind(&schema.tenant).bind(schema.layer()).bind(since)).await?;
    if later.is_empty() { Ok(()) } else { Err(StoreError::LayerChanged { layer: schema.layer().to_owned(), since }) }
}

/// Fills an empty layer. Indexes over rows that are all there are built faster, and better, than row by row.
async fn fill(session: &mut Session, schema: &Schema, staged: u64) -> Result<Replaced, StoreError> {
    session.run(&schema.drop_indexes()).await?;
    let columns = schema.columns("");
    let sql = format!("INSERT INTO {} ({columns}) SELECT {columns} FROM \"{STAGING}\" ORDER BY place", schema.table);
    let added = if staged > 0 { session.run(&sql).await? } else { 0 };
    session.run(&schema.create_indexes()).await?;
    Ok(Replaced { added, ..Replaced::default() })
}

/// Writes what differs from the rows that are there.
async fn compare(session: &mut Session, schema: &Schema, staged: u64) -> Result<Replaced, StoreError> {
    let Schema { table, .. } = schema;
    let before = count(session, &format!("SELECT count(*) FROM {table}")).await?;
    let (mut changed, mut removed) = (0, before);
    let (columns, now) = (schema.columns(""), "bricola.this_transaction()");
    let mut added_from = format!("FROM \"{STAGING}\" AS s ORDER BY s.place");
    if let Some(same) = schema.same_key("t.", "s.") {
        let matching =
            format!("FROM {table} AS o JOIN \"{STAGING}\" AS s ON {}", schema.same_key("o.", "s.").unwrap_or_default());
        let differing = format!("{matching} WHERE {}", schema.brings_news("o.", "s."));
        session.run(&schema.supersede(&differing)).await?;
        let sets: Vec<String> = schema.loaded().map(|name| format!("\"{name}\" = s.\"{name}\"")).collect();
        changed = session
            .run(&format!(
                "UPDATE {table} AS t SET {}, version = t.version + 1, since = {now} FROM \"{STAGING}\" AS s \
                 WHERE {same} AND {}",
                sets.join(", "),
                schema.brings_news("t.", "s.")
            ))
            .await?;
        let unmatched = format!("NOT EXISTS (SELECT FROM \"{STAGING}\" AS s WHERE {same})");
        let gone = format!("FROM {table} AS o WHERE {}", unmatched.replace("t.\"", "o.\""));
        session.run(&schema.supersede(&gone)).await?;
        removed = session.run(&format!("DELETE FROM {table} AS t WHERE {unmatched}")).await?;
        let back = schema.same_key("s.", "t.").unwrap_or_default();
        added_from = format!(
            "FROM \"{STAGING}\" AS s WHERE NOT EXISTS (SELECT FROM {table} AS t WHERE {back}) ORDER BY s.place"
        );
    } else {
        session.run(&schema.supersede(&format!("FROM {table} AS o"))).await?;
        session.run(&format!("DELETE FROM {table}")).await?;
    }
    let added = if staged > 0 {
        session.run(&format!("INSERT INTO {table} ({columns}) SELECT {} {added_from}", schema.columns("s."))).await?
    } else {
        0
    };
    Ok(Replaced { added, changed, removed, unchanged: before.saturating_sub(changed + removed) })
}

async fn count(session: &mut Session, sql: &str) -> Result<u64, StoreError> {
    Ok(scalar(session, sql).await?.unsigned_abs())
}

/// Refreshes the planner's figures, which else wait for the database's own round.
async fn tidy(database: &Database, schema: &Schema) {
    let analyzed = async {
        let mut session = database.write_on().await?;
        session.run(&format!("ANALYZE {}", schema.table)).await?;
        session.commit().await
    };
    if let Err(error) = analyzed.await {
        tracing::debug!(layer = schema.layer(), %error, "not analyzed");
    }
}
