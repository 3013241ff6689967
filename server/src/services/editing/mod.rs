//! Edits of single features: read, checked, written against the version that the editor saw.
//!
//! The store decides who was first; what is read before only makes for better answers.

mod batch;
mod image;
mod table;
mod tokens;
mod transaction;
mod undo;

pub use batch::Batch;
pub use image::Image;
pub use table::Table;
pub use tokens::{TokenError, Tokens};
pub use transaction::{Conflict, Entry, Step, Task, Transacted};
pub use undo::{Back, MAX_RUN, TakenBack, Touched, Undo, Undone, touched};

use std::sync::Arc;

use bricola_layers::crs::Crs;
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::edit::{Editor, Fault};
use bricola_layers::feature::{Feature, FeatureId, StoredFeature};
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, LayerEdits, Once, StoreError, Written};
use serde_json::Value as Json;

use crate::archive::Archive;
use image::differences;

/// Why an edit was not made.
#[derive(Debug)]
pub enum Refused {
    /// The body is not what the layer takes.
    Faults(Vec<Fault>),
    /// Another feature has the same key.
    DuplicateKey(String),
    /// There is no such feature.
    Unknown,
    /// Somebody else was first.
    Stale,
    /// The idempotency key came with something else before.
    KeyReused,
    /// Edits of a transaction are of features that are not as their editor saw them.
    Conflicts(Vec<Conflict>),
    /// These features were changed after what is to be taken back; all of a layer where there are none.
    MovedOn(Vec<(String, FeatureId)>),
    /// What is to be taken back, or what was before it, is not known any more.
    Forgotten,
    /// This change is of the layer as a whole, and can only be taken back by itself.
    Whole(Seq),
    /// More features than are changed at once.
    TooMany,
    /// The store did not do its work.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DuplicateKey { key, .. } => Self::DuplicateKey(key),
            StoreError::Conflict { .. } => Self::Stale,
            StoreError::UnknownFeature { .. } => Self::Unknown,
            StoreError::LayerChanged { .. } => Self::MovedOn(Vec::new()),
            StoreError::Pruned { .. } => Self::Forgotten,
            StoreError::KeyReused => Self::KeyReused,
            error => Self::Store(error),
        }
    }
}

/// What came of an edit.
pub struct Done {
    /// The feature afterwards; that which was taken away for a deletion.
    pub image: Image,
    /// The change after which it is so; `None` for a dry run.
    pub seq: Option<Seq>,
}

/// What an editor wants done with a feature that is there.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Another state of it, whole.
    Replace(Json),
    /// A merge patch (RFC 7386).
    Patch(Json),
    /// To be gone.
    Delete,
}

impl Wish {
    /// Where what is wished for differs from a feature as it is, as GeoJSON.
    pub fn differences(&self, current: &Json) -> Vec<Json> {
        match self {
            Self::Replace(sent) => differences(sent, current, true),
            Self::Patch(sent) => differences(sent, current, false),
            Self::Delete => Vec::new(),
        }
    }
}

/// Where edits of one layer are made.
pub struct Desk<'a> {
    archive: &'a dyn Archive,
    definition: Arc<LayerDefinition>,
    editor: Editor,
    scope: Scope,
    /// Checks all and changes nothing.
    dry_run: bool,
    /// The feature afterwards is told as the store tells it, and not as it was sent.
    shows: bool,
}

impl<'a> Desk<'a> {
    /// For a layer; `envelope` is the tenant's territory (west, south, east, north in degrees).
    ///
    /// # Errors
    /// When the CRS of the layer is of no use.
    pub fn new(
        archive: &'a dyn Archive,
        definition: &Arc<LayerDefinition>,
        scope: Scope,
        envelope: Option<[f64; 4]>,
        dry_run: bool,
    ) -> Result<Self, StoreError> {
        let editor = Editor::new(definition, scope, envelope);
        let editor = editor.map_err(|error| StoreError::Failure(error.to_string()))?;
        Ok(Self { archive, definition: Arc::clone(definition), editor, scope, dry_run, shows: true })
    }

    /// One that needs not tell the feature afterwards, but only its id and version: nothing is asked for then.
    #[must_use]
    pub fn showing(self, shows: bool) -> Self {
        Self { shows, ..self }
    }

    /// A feature as the store has it now.
    ///
    /// # Errors
    /// [`Refused::Unknown`], or when the store cannot be asked.
    pub async fn current(&self, id: FeatureId) -> Result<Image, Refused> {
        let found = self.archive.features(&self.definition.id, &[id]).await?;
        let stored = found.into_iter().next().ok_or(Refused::Unknown)?;
        Ok(Image::of(stored, &self.definition)?)
    }

    /// A new feature out of a GeoJSON feature with coordinates of `crs`; with `once`, that of the first time.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn create(&self, body: Json, crs: &Crs, once: Option<Once>) -> Result<Done, Refused> {
        let (editor, crs) = (self.editor.clone(), crs.clone());
        let feature = apart(move || editor.read(&body, &crs, None)).await?;
        let edits = vec![Edit::Insert(feature.clone())];
        let Some(Written { ids, seq, .. }) = self.write(edits, once).await? else {
            return self.done(StoredFeature { id: 0, version: 1, feature }, None);
        };
        let id = ids.first().copied().unwrap_or_default();
        self.after(StoredFeature { id, version: 1, feature }, seq).await
    }

    /// Another state of a feature, or none; only if it still is as `current` says.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn change(&self, current: Image, wish: Wish, crs: &Crs) -> Result<Done, Refused> {
        let StoredFeature { id, version, .. } = current.stored;
        let Some(feature) = self.wished(&current, wish, crs).await? else {
            let written = self.write(vec![Edit::Delete { id, expected: Some(version) }], None).await?;
            return Ok(Done { image: current, seq: written.map(|written| written.seq) });
        };
        let changed = feature != current.stored.feature;
        let after = StoredFeature { id, version: version + i64::from(changed), feature };
        let edit = Edit::Update { id, expected: Some(version), feature: after.feature.clone() };
        match self.write(vec![edit], None).await? {
            Some(written) => self.after(after, written.seq).await,
            None => self.done(after, None),
        }
    }

    /// What a wish makes of a feature; `None` where it is to be gone.
    async fn wished(&self, current: &Image, wish: Wish, crs: &Crs) -> Result<Option<Feature>, Refused> {
        let StoredFeature { id, feature: before, .. } = current.stored.clone();
        let (editor, of) = (self.editor.clone(), crs.clone());
        match wish {
            Wish::Delete => Ok(None),
            Wish::Replace(body) => {
                identity(&body, id)?;
                apart(move || editor.read(&body, &of, Some(&before))).await.map(Some)
            }
            Wish::Patch(patch) => {
                identity(&patch, id)?;
                let document = current.json(self.scope, crs);
                apart(move || editor.patched(document, patch, &of, &before)).await.map(Some)
            }
        }
    }

    /// Writes, or for a dry run only tries: `None` then.
    async fn write(&self, edits: Vec<Edit>, once: Option<Once>) -> Result<Option<Written>, StoreError> {
        let parts = vec![LayerEdits { layer: self.definition.id.clone(), edits }];
        write(self.archive, parts, once, self.dry_run).await
    }

    /// The feature right after its change, as the store tells it; as it was sent, where the store cannot tell any more.
    async fn after(&self, sent: StoredFeature, seq: Seq) -> Result<Done, Refused> {
        if !self.shows {
            return self.done(sent, Some(seq));
        }
        let moments = [(seq, vec![sent.id])];
        let found = self.archive.features_at_moments(&self.definition.id, &moments).await.ok();
        let found = found.into_iter().flatten().flatten().flatten().next();
        self.done(found.unwrap_or(sent), Some(seq))
    }

    fn done(&self, stored: StoredFeature, seq: Option<Seq>) -> Result<Done, Refused> {
        Ok(Done { image: Image::of(stored, &self.definition)?, seq })
    }
}

/// Writes, or for a dry run only tries: `None` then.
async fn write(
    archive: &dyn Archive,
    parts: Vec<LayerEdits>,
    once: Option<Once>,
    dry_run: bool,
) -> Result<Option<Written>, StoreError> {
    if dry_run {
        return archive.try_all(parts).await.map(|()| None);
    }
    archive.write_all(parts, once).await.map(Some)
}

/// A body may name the feature, but no other.
fn identity(body: &Json, id: FeatureId) -> Result<(), Refused> {
    let named = body.get("id").filter(|named| !named.is_null());
    let is_it = |named: &Json| named.as_i64() == Some(id) || named.as_str() == Some(id.to_string().as_str());
    if named.is_none_or(is_it) { Ok(()) } else { Err(Refused::Faults(vec![Fault::other_id(id)])) }
}

/// Checks that may take long, where they hold up no other request.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Vec<Fault>> + Send + 'static) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(read) => read.map_err(Refused::Faults),
        Err(error) => Err(Refused::Store(StoreError::Failure(format!("a check ended: {error}")))),
    }
}
