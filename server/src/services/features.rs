//! Where the features of a layer are answered from: memory, or the store for a layer that is too large for it. What is made
//! of them is the same.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::cache::{RowAt, Snapshot};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{FeatureId, StoredFeature};
use bricola_layers::limits::{MAX_GATHERED, MAX_QUERY_MS};
use bricola_layers::log::Seq;
use bricola_layers::query::{Cursor, Page, Selection, SortKey, gathered, sought};
use bricola_layers::store::{Sight, Sought, StoreError};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::archive::Archive;

/// What answers a question.
#[derive(Clone)]
pub enum Source {
    /// All features, in memory.
    Cached(Arc<Snapshot>),
    /// The store.
    Stored(Stored),
}

/// A layer whose features are in the store only.
#[derive(Clone)]
pub struct Stored {
    /// Where they are.
    pub archive: Arc<dyn Archive>,
    /// What they are.
    pub definition: Arc<LayerDefinition>,
    /// The last change that answers reflect; later ones they may.
    pub seq: Seq,
    /// As they stood after this change; as they are now without.
    pub at: Option<Seq>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Stored({} at {})", self.definition.id, self.seq)
    }
}

/// Which features, in which order, and how many.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Which.
    pub selection: &'a Arc<Selection>,
    /// In which order.
    pub order: &'a [SortKey],
    /// Behind this place in it.
    pub after: Option<&'a Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// Why features cannot be had.
#[derive(Debug)]
pub enum Unanswered {
    /// It would take too long (`MAX_QUERY_MS`).
    TooSlow,
    /// There are more than can be held at once (`MAX_GATHERED`).
    TooMany,
    /// The store did not do its work.
    Store(StoreError),
    /// A fault of ours.
    Fault(String),
}

impl From<StoreError> for Unanswered {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Timeout => Self::TooSlow,
            error => Self::Store(error),
        }
    }
}

impl Source {
    /// What the layer is.
    pub fn definition(&self) -> &Arc<LayerDefinition> {
        match self {
            Self::Cached(snapshot) => snapshot.definition(),
            Self::Stored(stored) => &stored.definition,
        }
    }

    /// The last change of the layer that answers reflect.
    pub fn seq(&self) -> Seq {
        match self {
            Self::Cached(snapshot) => snapshot.seq(),
            Self::Stored(stored) => stored.seq,
        }
    }

    /// Whether each answer is a question to the store.
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }

    /// A page of features, and a snapshot in which they are.
    ///
    /// # Errors
    /// Of the store.
    pub async fn page(&self, wanted: Wanted<'_>) -> Result<(Arc<Snapshot>, Page), Unanswered> {
        let Wanted { selection, order, after, limit } = wanted;
        match self {
            Self::Cached(snapshot) if selection.is_quick(snapshot) => {
                Ok((Arc::clone(snapshot), selection.page(snapshot, order, after, limit)))
            }
            Self::Cached(snapshot) => {
                let (snapshot, selection) = (Arc::clone(snapshot), Arc::clone(selection));
                let (order, after) = (order.to_vec(), after.cloned());
                apart(move || {
                    let page = selection.page(&snapshot, &order, after.as_ref(), limit);
                    Ok((snapshot, page))
                })
                .await
            }
            Self::Stored(stored) => stored.page(wanted).await,
        }
    }

    /// A feature, and a snapshot in which it is.
    ///
    /// # Errors
    /// Of the store.
    pub async fn feature(&self, id: FeatureId) -> Result<Option<(Arc<Snapshot>, RowAt)>, Unanswered> {
        match self {
            Self::Cached(snapshot) => Ok(snapshot.place_of(id).map(|at| (Arc::clone(snapshot), at))),
            Self::Stored(stored) => stored.feature(id).await,
        }
    }

    /// Features to be written to a file one after the other, without more of them in memory than are being written.
    ///
    /// # Errors
    /// Of the store, as far as the first of them.
    pub async fn rows(&self, wanted: Wanted<'_>, is_counted: bool) -> Result<Rows, Unanswered> {
        match self {
            Self::Cached(_) => {
                let (snapshot, page) = self.page(wanted).await?;
                Ok(Rows { snapshot, matched: page.rows.len() as u64, rows: page.rows, done: 0, more: None, turn: None })
            }
            Self::Stored(stored) => stored.rows(wanted, is_counted).await,
        }
    }
}

impl Stored {
    fn sought(&self, wanted: Wanted<'_>) -> Sought {
        let Wanted { selection, order, after, .. } = wanted;
        let within = Duration::from_millis(MAX_QUERY_MS);
        Sought { at: self.at, ..sought(&self.definition, selection, order, after, within) }
    }

    async fn page(&self, wanted: Wanted<'_>) -> Result<(Arc<Snapshot>, Page), Unanswered> {
        let limit = wanted.limit;
        let sought = Sought { limit: Some(limit.saturating_add(1)), is_counted: true, ..self.sought(wanted) };
        let mut answer = self.archive.seek(&self.definition.id, Arc::new(sought));
        let (mut matched, mut found) = (0, Vec::new());
        while let Some(sight) = answer.next().await {
            match sight? {
                Sight::Matched(count) => matched = usize::try_from(count).unwrap_or(usize::MAX),
                Sight::Rows(rows) => found.extend(rows),
            }
        }
        let is_more = found.len() > limit;
        found.truncate(limit);
        let (snapshot, rows) = self.gathered(found).await?;
        let last = rows.last().filter(|_| is_more);
        let next = last.map(|last| Cursor::of(snapshot.row_at(*last), wanted.order));
        Ok((snapshot, Page { rows, matched, next }))
    }

    async fn feature(&self, id: FeatureId) -> Result<Option<(Arc<Snapshot>, RowAt)>, Unanswered> {
        let found = match self.at {
            None => self.archive.features(&self.definition.id, &[id]).await?,
            Some(at) => {
                let moments = [(at, vec![id])];
                let states = self.archive.features_at_moments(&self.definition.id, &moments).await?;
                let known = states.into_iter().next().flatten();
                known.ok_or(Unanswered::Store(StoreError::Pruned { first: self.seq }))?
            }
        };
        let (snapshot, rows) = self.gathered(found).await?;
        Ok(rows.first().map(|at| (snapshot, *at)))
    }

    async fn rows(&self, wanted: Wanted<'_>, is_counted: bool) -> Result<Rows, Unanswered> {
        let limit = Some(wanted.limit).filter(|limit| *limit < usize::MAX - 1);
        let sought = Sought { limit, is_counted, ..self.sought(wanted) };
        let answer = self.archive.seek(&self.definition.id, Arc::new(sought));
        let mut more = More { answer, stored: self.clone(), waiting: Vec::new(), matched: 0, is_over: false };
        // What is refused has to be known before the first byte is sent.
        more.wait_for(1).await?;
        let (snapshot, rows) = self.gathered(Vec::new()).await?;
        let matched = more.matched.min(limit.map_or(u64::MAX, |limit| limit as u64));
        Ok(Rows { snapshot, rows, done: 0, matched, more: Some(more), turn: None })
    }

    /// All features of a question as a snapshot.
    ///
    /// # Errors
    /// More than [`MAX_GATHERED`]; of the store.
    pub async fn all(&self, sought: Sought) -> Result<Vec<StoredFeature>, Unanswered> {
        let sought = Sought { at: self.at, limit: Some(MAX_GATHERED + 1), ..sought };
        let mut answer = self.archive.seek(&self.definition.id, Arc::new(sought));
        let mut found = Vec::new();
        while let Some(sight) = answer.next().await {
            if let Sight::Rows(rows) = sight? {
                found.extend(rows);
            }
        }
        if found.len() > MAX_GATHERED { Err(Unanswered::TooMany) } else { Ok(found) }
    }

    async fn gathered(&self, rows: Vec<StoredFeature>) -> Result<(Arc<Snapshot>, Vec<RowAt>), Unanswered> {
        let (definition, seq) = (Arc::clone(&self.definition), self.seq);
        apart(move || {
            let (snapshot, rows) =
                gathered(&definition, seq, &rows).map_err(|error| Unanswered::Fault(error.to_string()))?;
            Ok((Arc::new(snapshot), rows))
        })
        .await
    }
}

/// Work that would hold up other requests.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unanswered> + Send + 'static,
) -> Result<T, Unanswered> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Unanswered::Fault(error.to_string())))
}

/// Features on their way into a file.
pub struct Rows {
    /// In which those of [`Self::rows`] are.
    pub snapshot: Arc<Snapshot>,
    /// Some of them.
    pub rows: Vec<RowAt>,
    /// How many of these were written.
    pub done: usize,
    /// How many there are in all, where that was asked.
    pub matched: u64,
    /// Those after them, where there may be some.
    more: Option<More>,
    /// Kept until the last of them is written.
    turn: Option<OwnedSemaphorePermit>,
}

/// Features that come from the store.
struct More {
    answer: BoxStream<'static, Result<Sight, StoreError>>,
    stored: Stored,
    waiting: Vec<StoredFeature>,
    matched: u64,
    is_over: bool,
}

impl Rows {
    /// With a turn that is kept until the last of them is written.
    #[must_use]
    pub fn with(self, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self { turn, ..self }
    }

    /// Sees to it that there are rows to be written: so many unless the end is near; false at the end. Not to be asked on a
    /// thread that others need, since it may wait for the store.
    ///
    /// # Errors
    /// When the store fails.
    pub fn refill(&mut self, count: usize) -> Result<bool, Unanswered> {
        if self.done < self.rows.len() {
            return Ok(true);
        }
        let Some(more) = &mut self.more else {
            self.turn = None;
            return Ok(false);
        };
        tokio::runtime::Handle::current().block_on(more.wait_for(count))?;
        let rest = more.waiting.split_off(more.waiting.len().min(count));
        let some = std::mem::replace(&mut more.waiting, rest);
        let (snapshot, rows) = gathered(&more.stored.definition, more.stored.seq, &some)
            .map_err(|error| Unanswered::Fault(error.to_string()))?;
        (self.snapshot, self.rows, self.done) = (Arc::new(snapshot), rows, 0);
        // Some that cannot be mirrored are no end.
        if self.rows.is_empty() && !some.is_empty() { self.refill(count) } else { Ok(!some.is_empty()) }
    }

    /// All that are left, for a file that is finished before it is sent.
    ///
    /// # Errors
    /// More than [`MAX_GATHERED`] where they are not in memory anyway; of the store.
    pub async fn gather(mut self) -> Result<(Arc<Snapshot>, Vec<RowAt>), Unanswered> {
        let Some(more) = &mut self.more else { return Ok((self.snapshot, self.rows)) };
        more.wait_for(MAX_GATHERED + 1).await?;
        if more.waiting.len() > MAX_GATHERED {
            return Err(Unanswered::TooMany);
        }
        more.stored.gathered(std::mem::take(&mut more.waiting)).await
    }
}

impl More {
    async fn wait_for(&mut self, count: usize) -> Result<(), Unanswered> {
        while self.waiting.len() < count && !self.is_over {
            match self.answer.next().await {
                None => self.is_over = true,
                Some(sight) => match sight? {
                    Sight::Matched(count) => self.matched = count,
                    Sight::Rows(rows) => self.waiting.extend(rows),
                },
            }
        }
        Ok(())
    }
}
