//! From the reader to checked batches: one thread that reads, all cores that check.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use geo::CoordsIter;
use tokio::sync::{mpsc, oneshot};

use super::plan::{Plan, Rows};
use super::row::{Checked, check_batch};
use super::{LoadError, LoadOptions};
use crate::check::place::SAMPLE;
use crate::definition::LayerDefinition;
use crate::reader::{ReadError, Reader};

/// Rows of a batch.
const BATCH_ROWS: usize = 2_048;
/// Vertices after which a batch is full, however few its rows: bounds the memory of a queue of huge geometries.
const BATCH_VERTICES: usize = 1 << 18;
/// Batches that may wait, checked or being checked.
const WAITING: usize = 6;

/// A batch on its way through the checks; `Err` when the file cannot be read further.
pub type Pending = oneshot::Receiver<Result<Checked, String>>;

/// A running feed. Dropping it stops the reading thread.
pub struct Feed {
    /// What was decided on the first rows.
    pub plan: oneshot::Receiver<Result<Arc<Plan>, LoadError>>,
    /// Batches in the order of the file.
    pub batches: mpsc::Receiver<Pending>,
}

/// Starts the reading thread.
pub fn start(reader: Box<dyn Reader>, definition: LayerDefinition, options: LoadOptions) -> Result<Feed, LoadError> {
    let (plan_out, plan) = oneshot::channel();
    let (batches_out, batches) = mpsc::channel(WAITING);
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || read(reader, definition, &options, plan_out, &batches_out))
        .map_err(|error| LoadError::Internal(error.to_string()))?;
    Ok(Feed { plan, batches })
}

fn read(
    mut reader: Box<dyn Reader>,
    definition: LayerDefinition,
    options: &LoadOptions,
    plan_out: oneshot::Sender<Result<Arc<Plan>, LoadError>>,
    batches: &mpsc::Sender<Pending>,
) {
    let (first, mut end) = fill(reader.as_mut(), SAMPLE.max(BATCH_ROWS));
    if let (true, Some(End::Damaged(reason))) = (first.is_empty(), &end) {
        let _ = plan_out.send(Err(LoadError::Broken(reason.clone())));
        return;
    }
    let plan = match Plan::new(reader.schema().clone(), &first, definition, options) {
        Ok(plan) => Arc::new(plan),
        Err(error) => {
            let _ = plan_out.send(Err(error));
            return;
        }
    };
    if plan_out.send(Ok(Arc::clone(&plan))).is_err() {
        return;
    }
    let mut rows = first;
    loop {
        if !rows.is_empty() && !check(&plan, rows, batches) {
            return;
        }
        match end {
            Some(End::Damaged(reason)) => {
                let (out, pending) = oneshot::channel();
                let _ = out.send(Err(reason));
                let _ = batches.blocking_send(pending);
                return;
            }
            Some(End::Over) => return,
            None => (rows, end) = fill(reader.as_mut(), BATCH_ROWS),
        }
    }
}

/// How a file ends.
enum End {
    Over,
    Damaged(String),
}

fn fill(reader: &mut dyn Reader, most: usize) -> (Rows, Option<End>) {
    let mut rows = Rows::with_capacity(most);
    let mut vertices = 0;
    while rows.len() < most && vertices < BATCH_VERTICES {
        match catch_unwind(AssertUnwindSafe(|| reader.next())) {
            Ok(Some(Err(ReadError::File(reason)))) => return (rows, Some(End::Damaged(reason))),
            Ok(Some(row)) => {
                vertices += row.as_ref().ok().and_then(|row| row.geometry.as_ref()).map_or(0, CoordsIter::coords_count);
                rows.push(row);
            }
            Ok(None) => return (rows, Some(End::Over)),
            // A format library gave up on bytes that it did not expect.
            Err(_) => return (rows, Some(End::Damaged("the file is damaged after this point".to_owned()))),
        }
    }
    (rows, None)
}

/// Sends rows to be checked; false when nobody waits for them any more.
fn check(plan: &Arc<Plan>, rows: Rows, batches: &mpsc::Sender<Pending>) -> bool {
    let (out, pending) = oneshot::channel();
    if batches.blocking_send(pending).is_err() {
        return false;
    }
    let plan = Arc::clone(plan);
    rayon::spawn_fifo(move || {
        // A panic in a rayon task would end the process; the receiver is told by the dropped sender instead.
        if let Ok(checked) = catch_unwind(AssertUnwindSafe(|| check_batch(&plan, rows))) {
            let _ = out.send(checked);
        }
    });
    true
}
