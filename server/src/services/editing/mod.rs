//! Edits of single features: read, checked, written against the version that the editor saw.
//!
//! The store decides who was first; what is read before only makes for better answers.

mod batch;
mod image;
mod tokens;
mod undo;

pub use batch::Batch;
pub use image::{Image, differences};
pub use tokens::{TokenError, Tokens};
pub use undo::{Back, MAX_RUN, TakenBack, Undo, Undone};

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::cache::Layer;
use bricola_layers::crs::Crs;
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::edit::{Editor, Fault};
use bricola_layers::feature::{Feature, FeatureId, StoredFeature, Value};
use bricola_layers::limits::MAX_QUERY_MS;
use bricola_layers::log::Seq;
use bricola_layers::query::sought_by;
use bricola_layers::store::{Edit, Once, Sight, Sought, StoreError, Written};
use futures::StreamExt as _;
use serde_json::Value as Json;

use crate::archive::Archive;

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
    /// These features were changed after what is to be taken back.
    MovedOn(Vec<FeatureId>),
    /// What is to be taken back, or what was before it, is not known any more.
    Forgotten,
    /// This change is of the layer as a whole.
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

/// Where edits of one layer are made.
pub struct Desk<'a> {
    archive: &'a dyn Archive,
    layer: &'a Layer,
    definition: Arc<LayerDefinition>,
    editor: Editor,
    scope: Scope,
    /// Checks all and changes nothing.
    dry_run: bool,
}

impl<'a> Desk<'a> {
    /// For a layer; `envelope` is the tenant's territory (west, south, east, north in degrees).
    ///
    /// # Errors
    /// When the CRS of the layer is of no use.
    pub fn new(
        archive: &'a dyn Archive,
        layer: &'a Layer,
        scope: Scope,
        envelope: Option<[f64; 4]>,
        dry_run: bool,
    ) -> Result<Self, StoreError> {
        let definition = layer.definition();
        let editor = Editor::new(&definition, scope, envelope);
        let editor = editor.map_err(|error| StoreError::Failure(error.to_string()))?;
        Ok(Self { archive, layer, definition, editor, scope, dry_run })
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
        if self.dry_run {
            self.key_is_free(&feature, None).await?;
            return self.done(StoredFeature { id: 0, version: 1, feature }, None);
        }
        let edits = vec![Edit::Insert(feature.clone())];
        let Written { ids, seq, .. } = self.write(edits, once).await?;
        let id = ids.first().copied().unwrap_or_default();
        self.after(StoredFeature { id, version: 1, feature }, seq).await
    }

    /// Another state of a feature, or none; only if it still is as `current` says.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn change(&self, current: Image, wish: Wish, crs: &Crs) -> Result<Done, Refused> {
        let StoredFeature { id, version, feature: before } = current.stored.clone();
        let edit = match wish {
            Wish::Delete => None,
            Wish::Replace(mut body) => {
                identity(&body, id)?;
                let (editor, crs) = (self.editor.clone(), crs.clone());
                Some(apart(move || editor.read(&std::mem::take(&mut body), &crs, Some(&before))).await?)
            }
            Wish::Patch(patch) => {
                identity(&patch, id)?;
                let (editor, crs, document) = (self.editor.clone(), crs.clone(), current.json(self.scope, crs));
                Some(apart(move || editor.patched(document, patch, &crs, &before)).await?)
            }
        };
        let Some(feature) = edit else { return self.delete(current).await };
        let changed = feature != current.stored.feature;
        let after = StoredFeature { id, version: version + i64::from(changed), feature };
        if self.dry_run {
            self.key_is_free(&after.feature, Some(id)).await?;
            return self.done(after, None);
        }
        let edit = Edit::Update { id, expected: Some(version), feature: after.feature.clone() };
        let (_, seq) = self.archive.write(&self.definition.id, vec![edit]).await?;
        self.after(after, seq).await
    }

    async fn write(&self, edits: Vec<Edit>, once: Option<Once>) -> Result<Written, StoreError> {
        let layer = &self.definition.id;
        if let Some(once) = once {
            return self.archive.write_once(layer, edits, once).await;
        }
        let (ids, seq) = self.archive.write(layer, edits).await?;
        Ok(Written { ids, seq, repeated: false })
    }

    async fn delete(&self, current: Image) -> Result<Done, Refused> {
        if self.dry_run {
            return Ok(Done { image: current, seq: None });
        }
        let edit = Edit::Delete { id: current.stored.id, expected: Some(current.stored.version) };
        let (_, seq) = self.archive.write(&self.definition.id, vec![edit]).await?;
        Ok(Done { image: current, seq: Some(seq) })
    }

    /// The feature right after its change, as the store tells it; as it was sent, where the store cannot tell any more.
    async fn after(&self, sent: StoredFeature, seq: Seq) -> Result<Done, Refused> {
        let moments = [(seq, vec![sent.id])];
        let found = self.archive.features_at_moments(&self.definition.id, &moments).await.ok();
        let found = found.into_iter().flatten().flatten().flatten().next();
        self.done(found.unwrap_or(sent), Some(seq))
    }

    fn done(&self, stored: StoredFeature, seq: Option<Seq>) -> Result<Done, Refused> {
        Ok(Done { image: Image::of(stored, &self.definition)?, seq })
    }

    /// For a dry run, which changes nothing: whether another feature has the key. Where the layer is in memory, the store is
    /// not asked.
    async fn key_is_free(&self, feature: &Feature, own: Option<FeatureId>) -> Result<(), Refused> {
        let key: Vec<usize> =
            self.definition.key.iter().filter_map(|name| self.definition.field(name)).map(|(at, _)| at).collect();
        let values: Vec<&Value> = key.iter().filter_map(|at| feature.properties.get(*at)).collect();
        // Without any key a feature is nobody's duplicate.
        let Some(first) = values.iter().position(|value| !value.is_null()) else { return Ok(()) };
        let is_taken = match self.layer.snapshot() {
            Some(snapshot) => {
                let same = |row: &bricola_layers::cache::RowRef<'_>| {
                    let of_row = |at: &usize| serde_json::json!(row.base.value(row.row, *at));
                    Some(row.id()) != own
                        && key.iter().zip(&values).all(|(at, value)| of_row(at) == serde_json::json!(value))
                };
                snapshot.find(key[first], values[first]).any(|row| same(&row))
            }
            None if self.layer.is_stored() => {
                let pairs: Vec<(usize, &Value)> = key.iter().copied().zip(values).collect();
                let sought = Sought { limit: Some(2), ..sought_by(&pairs, Duration::from_millis(MAX_QUERY_MS)) };
                let mut answer = self.archive.seek(&self.definition.id, Arc::new(sought));
                let mut is_taken = false;
                while let Some(sight) = answer.next().await {
                    is_taken |= matches!(sight?, Sight::Rows(rows) if rows.iter().any(|row| Some(row.id) != own));
                }
                is_taken
            }
            None => false,
        };
        if is_taken { Err(Refused::DuplicateKey(self.key_of(feature).unwrap_or_default())) } else { Ok(()) }
    }

    /// The key of a feature for people, its fields joined by ` / `; `None` where all of them are empty.
    fn key_of(&self, feature: &Feature) -> Option<String> {
        let fields = self.definition.key.iter().filter_map(|name| self.definition.field(name));
        let values: Vec<&Value> = fields.filter_map(|(at, _)| feature.properties.get(at)).collect();
        let shown = values.iter().map(|value| bricola_layers::check::value::shown(value));
        values.iter().any(|value| !value.is_null()).then(|| shown.collect::<Vec<_>>().join(" / "))
    }
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
