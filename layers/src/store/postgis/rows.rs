//! Rows of a layer: scans and features by id.

use std::ops::Range;
use std::panic::AssertUnwindSafe;

use futures::{FutureExt, Stream, TryStreamExt};
use tokio::sync::mpsc;

use super::connect::{Database, Session};
use super::copy::{Fields, Rows, feature};
use super::define;
use super::guard::Guard;
use super::schema::Schema;
use crate::feature::{FeatureId, StoredFeature};
use crate::store::{ScannedRow, StoreError};

/// Rows of one batch of a scan.
const BATCH: usize = 2_048;
/// Batches that a scan reads ahead.
const AHEAD: usize = 2;

type Batch = Result<Vec<ScannedRow>, StoreError>;

/// Streams a range of ids, all of one moment. A task of its own reads and decodes a few batches ahead; it ends, and
/// with it the statement, when the stream is dropped.
pub(super) fn scan(database: Database, layer: String, ids: Range<FeatureId>) -> impl Stream<Item = Batch> + Send {
    stream(move |sender| async move {
        if ids.is_empty() {
            return Ok(());
        }
        let mut session = database.read_on().await?;
        let schema = define::schema(&mut session, &database, &layer).await?;
        if schema.has_none_in(&ids) {
            return Ok(());
        }
        send(&mut session, &schema.in_range(&ids), &schema, &sender).await
    })
}

/// A stream of the batches that a task sends. The task begins when the stream is first asked.
pub(super) fn stream<T, W>(
    work: impl FnOnce(mpsc::Sender<Result<T, StoreError>>) -> W + Send + 'static,
) -> impl Stream<Item = Result<T, StoreError>> + Send
where
    T: Send + 'static,
    W: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    enum State<F, T> {
        Ready(F),
        Reading(mpsc::Receiver<Result<T, StoreError>>),
    }
    futures::stream::unfold(State::Ready(work), |state| async {
        let mut batches = match state {
            State::Reading(batches) => batches,
            State::Ready(work) => {
                let (sender, batches) = mpsc::channel(AHEAD);
                tokio::spawn(async move {
                    // What cannot be read must not look like an end of the rows.
                    let done = AssertUnwindSafe(work(sender.clone())).catch_unwind().await;
                    if let Err(error) = done.unwrap_or_else(|_| Err(StoreError::garbled())) {
                        // Nobody listens any more: nobody to tell.
                        let _ = sender.send(Err(error)).await;
                    }
                });
                batches
            }
        };
        batches.recv().await.map(|batch| (batch, State::Reading(batches)))
    })
}

/// Sends what a query selects (see `Schema::selected`) in batches.
pub(super) async fn send(
    session: &mut Session,
    query: &str,
    schema: &Schema,
    sender: &mpsc::Sender<Batch>,
) -> Result<(), StoreError> {
    let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let (wait, connection) = session.begin_use()?;
    let mut pieces = wait.on(connection.copy_out_raw(&copy)).await?;
    let mut rows = Rows::new();
    let mut batch = Vec::with_capacity(BATCH);
    let mut guard = Guard::of(schema);
    while let Some(piece) = wait.on(pieces.try_next()).await? {
        rows.feed(&piece);
        while let Some(row) = rows.next(|fields| feature(fields, &schema.definition))? {
            batch.push(guard.pass(row));
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                if sender.send(Ok(full)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    rows.finish()?;
    drop(pieces);
    session.settle();
    guard.tell();
    if !batch.is_empty() {
        // As above: a stream that was dropped wants no more.
        let _ = sender.send(Ok(batch)).await;
    }
    Ok(())
}

/// Features by id, in the order of the ids; those that are not there or cannot be mirrored are left out.
pub(super) async fn features(
    database: &Database,
    layer: &str,
    ids: &[FeatureId],
) -> Result<Vec<StoredFeature>, StoreError> {
    let (mut session, schema) = define::read_layer(database, layer).await?;
    features_in(&mut session, &schema, ids).await
}

/// As [`features`], in a session.
pub(super) async fn features_in(
    session: &mut Session,
    schema: &Schema,
    ids: &[FeatureId],
) -> Result<Vec<StoredFeature>, StoreError> {
    let query = format!("SELECT {} FROM {} AS t {}", schema.selected("t."), schema.rows(), wanted(ids, "t"));
    collect(session, &query, schema).await
}

/// Joins a table to the ids that are wanted, in their order. Numbers need no binding, and `COPY` takes none.
pub(super) fn wanted(ids: &[FeatureId], table: &str) -> String {
    let list: Vec<String> = ids.iter().map(FeatureId::to_string).collect();
    format!(
        "JOIN unnest('{{{}}}'::bigint[]) WITH ORDINALITY AS wanted (id, place) ON wanted.id = {table}.fid ORDER BY place",
        list.join(",")
    )
}

/// All rows of a query; those that cannot be mirrored are named in the log.
pub(super) async fn collect(
    session: &mut Session,
    query: &str,
    schema: &Schema,
) -> Result<Vec<StoredFeature>, StoreError> {
    let (definition, mut guard) = (&schema.definition, Guard::of(schema));
    let rows = collect_by(session, query, |fields| guard.pass(feature(fields, definition))).await?;
    let read = rows.into_iter().filter_map(|row| match row {
        Ok(feature) => Some(feature),
        Err((id, reason)) => {
            tracing::warn!(layer = definition.id, id, reason, "a stored feature cannot be read");
            None
        }
    });
    Ok(read.collect())
}

/// All rows of a query, as `read` makes them of their fields.
pub(super) async fn collect_by<T>(
    session: &mut Session,
    query: &str,
    mut read: impl FnMut(&mut Fields<'_>) -> T,
) -> Result<Vec<T>, StoreError> {
    let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let (wait, connection) = session.begin_use()?;
    let mut pieces = wait.on(connection.copy_out_raw(&copy)).await?;
    let (mut rows, mut found) = (Rows::new(), Vec::new());
    while let Some(piece) = wait.on(pieces.try_next()).await? {
        rows.feed(&piece);
        while let Some(row) = rows.next(&mut read)? {
            found.push(row);
        }
    }
    rows.finish()?;
    drop(pieces);
    session.settle();
    Ok(found)
}
