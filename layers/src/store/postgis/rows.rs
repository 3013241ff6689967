//! Rows of a layer: scans and features by id.

use std::ops::Range;

use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::connect::{Database, Session, failure};
use super::copy::{Rows, feature};
use super::define;
use crate::definition::LayerDefinition;
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
        let mut session = database.read_on().await?;
        let schema = define::schema(&mut session, database.tenant(), &layer).await?;
        let sql = format!(
            "SELECT {} FROM {} WHERE fid >= {} AND fid < {} ORDER BY fid",
            schema.selected(""),
            schema.table,
            ids.start,
            ids.end
        );
        send(&mut session, &sql, &schema.definition, &sender).await
    })
}

/// A stream of the batches that a task sends. The task begins when the stream is first asked.
pub(super) fn stream<W>(
    work: impl FnOnce(mpsc::Sender<Batch>) -> W + Send + 'static,
) -> impl Stream<Item = Batch> + Send
where
    W: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    enum State<F> {
        Ready(F),
        Reading(mpsc::Receiver<Batch>),
    }
    futures::stream::unfold(State::Ready(work), |state| async {
        let mut batches = match state {
            State::Reading(batches) => batches,
            State::Ready(work) => {
                let (sender, batches) = mpsc::channel(AHEAD);
                tokio::spawn(async move {
                    if let Err(error) = work(sender.clone()).await {
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
    definition: &LayerDefinition,
    sender: &mpsc::Sender<Batch>,
) -> Result<(), StoreError> {
    let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let mut pieces = session.begin_use()?.copy_out_raw(&copy).await.map_err(|error| failure(&error))?;
    let mut rows = Rows::new();
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(piece) = pieces.next().await {
        rows.feed(&piece.map_err(|error| failure(&error))?);
        while let Some(row) = rows.next(|fields| feature(fields, definition))? {
            batch.push(row);
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                if sender.send(Ok(full)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    drop(pieces);
    session.settle();
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
    let mut session = database.read().await?;
    let schema = define::schema(&mut session, database.tenant(), layer).await?;
    let query = format!("SELECT {} FROM {} AS t {}", schema.selected("t."), schema.table, wanted(ids, "t"));
    collect(&mut session, &query, &schema.definition).await
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
    definition: &LayerDefinition,
) -> Result<Vec<StoredFeature>, StoreError> {
    let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let mut pieces = session.begin_use()?.copy_out_raw(&copy).await.map_err(|error| failure(&error))?;
    let (mut rows, mut features) = (Rows::new(), Vec::new());
    while let Some(piece) = pieces.next().await {
        rows.feed(&piece.map_err(|error| failure(&error))?);
        while let Some(row) = rows.next(|fields| feature(fields, definition))? {
            match row {
                Ok(feature) => features.push(feature),
                Err((id, reason)) => {
                    tracing::warn!(layer = definition.id, id, reason, "a stored feature cannot be read");
                }
            }
        }
    }
    drop(pieces);
    session.settle();
    Ok(features)
}
