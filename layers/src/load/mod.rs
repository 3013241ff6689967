//! Loading: a whole file into a layer, or nothing of it.
//!
//! One thread reads; the batches that it makes are checked on all cores; the task that called [`load()`] takes them
//! back in the order of the file, drops repeated keys and hands them to the store, which puts the new rows in place
//! of the old ones in one transaction at the end. All queues are bounded, so memory does not grow with the file
//! (48 bytes per row for the keys of a keyed layer excepted). Dropping the future, or the process, leaves the old
//! data whole; only an empty layer that was not there before may remain.

mod collect;
mod feed;
mod options;
mod plan;
mod render;
mod report;
mod restore;
mod row;

pub use options::{LoadError, LoadOptions, Progress};
pub use render::grouped;
pub use report::{CrsReport, Language, RejectedRow, Report};
pub use restore::restore;

use std::sync::Arc;
use std::time::Instant;

use crate::crs::Crs;
use crate::definition::LayerDefinition;
use crate::reader::Reader;
use crate::store::{Replacement, Store};
use collect::Collector;
use feed::Feed;

/// CRS of layers when neither definition, store nor options name one: RDN2008, the legal reference of Italy
/// (DM 10-11-2011).
const DEFAULT_CRS: &str = "EPSG:6706";

/// Replaces a layer by the rows of a file. The layer is defined first if it is not there. `progress` is called
/// about once per two thousand rows.
///
/// # Errors
/// [`LoadError`]; whatever it is, the rows that were in the store are still there, and no others.
pub async fn load<S: Store>(
    store: &S,
    reader: Box<dyn Reader>,
    definition: &LayerDefinition,
    options: &LoadOptions,
    mut progress: impl FnMut(&Progress) + Send,
) -> Result<Report, LoadError> {
    let started = Instant::now();
    let definition = placed(store, definition, options).await?;
    let Feed { plan, mut batches } = feed::start(reader, definition.clone(), options.clone())?;
    let plan = plan.await.map_err(|_| LoadError::Internal("the reading thread stopped".to_owned()))??;
    let mut collector = Collector::new(Arc::clone(&plan), options);
    let mut replacement = None;
    let mut damage = None;
    while let Some(batch) = batches.recv().await {
        let batch = batch.await.map_err(|_| LoadError::Internal("a check stopped".to_owned()))?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(reason) => {
                damage = Some(reason);
                break;
            }
        };
        let rows = collector.take(batch);
        if options.strict && collector.report.rejected > 0 {
            // Nothing will be written, but the office wants to hear of every bad row, not of the first.
            replacement = None;
        } else if !rows.is_empty() && !options.dry_run {
            if replacement.is_none() {
                store.define(&definition).await?;
                replacement = Some(store.replace(&definition.id).await?);
            }
            if let Some(replacement) = &mut replacement {
                replacement.push(rows).await?;
            }
        }
        progress(&collector.progress());
    }
    let mut report = collector.finish(started.elapsed());
    if let Some(reason) = damage {
        return Err(LoadError::Unreadable { reason, report: Box::new(report) });
    }
    if options.strict && report.rejected > 0 {
        return Err(LoadError::Strict(Box::new(report)));
    }
    if report.loaded == 0 {
        return Err(LoadError::NothingLoaded(Box::new(report)));
    }
    if let Some(replacement) = replacement {
        let (replaced, seq) = replacement.commit().await?;
        report.replaced = Some(replaced);
        report.seq = Some(seq);
    }
    report.timed(started.elapsed());
    Ok(report)
}

/// The definition with its storage CRS and resolution filled in: its own, else those under which the layer is
/// already stored, else the tenant's.
async fn placed<S: Store>(
    store: &S,
    definition: &LayerDefinition,
    options: &LoadOptions,
) -> Result<LayerDefinition, LoadError> {
    let mut definition = definition.clone();
    if definition.crs.is_none() || definition.resolution.is_none() {
        let stored = store.layers().await?.into_iter().find(|layer| layer.definition.id == definition.id);
        if let Some(stored) = stored {
            definition.crs = definition.crs.or_else(|| stored.definition.crs.clone());
            if definition.crs == stored.definition.crs {
                definition.resolution = definition.resolution.or(stored.definition.resolution);
            }
        }
    }
    let name = definition.crs.as_deref().or(options.storage_crs.as_deref()).unwrap_or(DEFAULT_CRS);
    let crs = Crs::parse(name).map_err(LoadError::StorageCrs)?;
    if definition.resolution.is_none() {
        definition.resolution = Some(crs.default_resolution());
    }
    definition.crs = Some(crs.code().map_or_else(|| name.to_owned(), |code| format!("EPSG:{code}")));
    Ok(definition)
}
