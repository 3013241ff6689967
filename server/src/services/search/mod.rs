//! What people type, over all layers that are found by name: the index, kept as the change log says, and its answers with
//! what the layers say of them now.

mod batch;
mod follow;
mod hits;
mod read;
mod reverse;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bricola_layers::definition::LayerDefinition;
use bricola_layers::log::Seq;
use bricola_search::{Failed, SearchIndex};
use tokio::sync::watch;

pub use batch::{Batch, BatchError, Columns};
pub use follow::keep;
pub use hits::{Hit, Sought, find, geocode};
pub use reverse::{Reverse, reverse};

/// Characters of one question.
pub const MAX_SEARCH_CHARS: usize = 200;
/// Answers to one question, unless somebody says how many.
pub const DEFAULT_HITS: usize = 10;
/// Answers to one question at most.
pub const MAX_HITS: usize = 50;

/// The index and how it stands.
#[derive(Debug)]
pub struct Search {
    index: SearchIndex,
    /// As of which state each layer is in the index.
    indexed: Mutex<BTreeMap<String, Indexed>>,
    /// The change that the index reflects; negative before it was built.
    reached: watch::Sender<Seq>,
}

/// How a layer stands in the index.
#[derive(Debug, Clone)]
struct Indexed {
    seq: Seq,
    definition: Arc<LayerDefinition>,
}

impl Search {
    /// With nothing in it.
    ///
    /// # Errors
    /// When the threads of the index cannot be started.
    pub fn new() -> Result<Self, Failed> {
        let index = SearchIndex::new()?;
        Ok(Self { index, indexed: Mutex::default(), reached: watch::Sender::new(-1) })
    }

    /// The change that answers reflect; `None` while the index is being built.
    pub fn seq(&self) -> Option<Seq> {
        let seq = *self.reached.borrow();
        (seq >= 0).then_some(seq)
    }

    /// Ready when answers reflect `seq` or a later change.
    pub async fn reached(&self, seq: Seq) {
        let mut reached = self.reached.subscribe();
        // The sender lives as long as `self`.
        let _ = reached.wait_for(|reached| *reached >= seq).await;
    }

    fn indexed(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Indexed>> {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
