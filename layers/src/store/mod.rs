//! Stores: where the territory is kept. One contract, one black-box test suite, two implementations: the
//! embedded `GeoPackage` and `PostGIS`. No SQL is written outside this module.
//!
//! Every write, whoever makes it (Bricola, QGIS, `ogr2ogr`, a database client), passes triggers that keep the
//! superseded row in the layer's history table and append to the change log. Followers read the log.

mod binding;
mod condition;
mod geopackage;
#[cfg(test)]
mod harm;
mod kind;
mod once;
mod postgis;
mod retention;
mod seek;
mod styles;
mod subscription;
mod unreadable;
pub(crate) mod wkb;

pub use binding::{BindingState, BoundRow, BoundRows, CLAIM_SECONDS, MAX_BOUND_ROWS};
pub use geopackage::{GeoPackageReplacement, GeoPackageStore, OpenMode, export};
pub use kind::{LayerKind, Looked};
pub use once::{LayerEdits, Once, REMEMBERED_HOURS, Written};
pub use postgis::{PostgisOptions, PostgisReplacement, PostgisStore, RedactedUrl};
pub use retention::{Pruned, Pruning, RegisteredFollower};
pub use seek::{Judge, Sight, Sought};
pub use styles::{StoredStyle, StyleEdit};
pub use subscription::{LEASE_SECONDS, Letter, Progress, StoredSubscription, SubscriptionEdit, Subscriptions};
pub use unreadable::Unreadable;

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream::BoxStream;
use thiserror::Error;

use crate::definition::LayerDefinition;
use crate::feature::{Feature, FeatureId, StoredFeature};
use crate::log::{Change, Seq};

/// What a store keeps of a layer beside its features.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLayer {
    /// The definition under which it is stored; `crs` and `resolution` are always filled in.
    pub definition: LayerDefinition,
    /// The last change of the layer.
    pub seq: Seq,
    /// Rows now; of a table that is not ours, as many as the database estimates.
    pub count: u64,
    /// Smallest and largest feature id, as a half-open range (empty for an empty layer); all ids where finding out
    /// would cost too much.
    pub ids: Range<FeatureId>,
    /// Whose its table is, and how its changes become known. Layers that are not managed cannot be written, and their
    /// past is not known: the table as it is now stands for every change from its last one on.
    pub kind: LayerKind,
}

/// One edit of a batch. Updates and deletes name the version they were made from; when the stored one
/// differs, the whole batch is refused with [`StoreError::Conflict`].
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A new feature; the store gives it an id.
    Insert(Feature),
    /// A new state of a feature. One that does not differ from what is stored changes nothing: the version stays,
    /// nothing is logged.
    Update {
        /// Which.
        id: FeatureId,
        /// The version that the editor saw; `None` overwrites whatever is there.
        expected: Option<i64>,
        /// Its new state.
        feature: Feature,
    },
    /// Removal of a feature.
    Delete {
        /// Which.
        id: FeatureId,
        /// The version that the editor saw.
        expected: Option<i64>,
    },
}

/// How a replacement differed from what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Replaced {
    /// New features.
    pub added: u64,
    /// Features whose geometry or properties differ (only for layers with a key).
    pub changed: u64,
    /// Features that are the same; they keep id and version.
    pub unchanged: u64,
    /// Features that are no longer there.
    pub removed: u64,
}

/// What a store can answer with instead of doing its work.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The layer is not in the store.
    #[error("layer \"{0}\" is not in the store")]
    UnknownLayer(String),
    /// The feature is not in the layer.
    #[error("layer \"{layer}\" has no feature {id}")]
    UnknownFeature {
        /// Layer id.
        layer: String,
        /// Feature id.
        id: FeatureId,
    },
    /// Somebody else changed the feature first.
    #[error("feature {id} of layer \"{layer}\" is at version {actual}, not {expected}")]
    Conflict {
        /// Layer id.
        layer: String,
        /// Feature id.
        id: FeatureId,
        /// The version that the editor saw.
        expected: i64,
        /// The version that is stored.
        actual: i64,
    },
    /// Somebody changed the layer after the change that was named.
    #[error("layer \"{layer}\" was changed after change {since}")]
    LayerChanged {
        /// Layer id.
        layer: String,
        /// The last change that was known.
        since: Seq,
    },
    /// Two rows of a keyed layer have the same key.
    #[error("layer \"{layer}\": key {key} occurs twice")]
    DuplicateKey {
        /// Layer id.
        layer: String,
        /// The key, fields joined by ` / `.
        key: String,
    },
    /// The key of a batch came before, with another batch.
    #[error("the key was used for another batch")]
    KeyReused,
    /// Somebody else changed the style first.
    #[error("style \"{0}\" is not what the editor saw")]
    StyleMoved(String),
    /// The store no longer knows what was so long ago: the layer was dropped and defined anew since, or the log
    /// was pruned.
    #[error("what was before change {first} is not known any more")]
    Pruned {
        /// The earliest `seq` that can be asked about.
        first: Seq,
    },
    /// The file is there but is not a store that this version can use.
    #[error("{0}")]
    Unusable(String),
    /// This version cannot read the definition of the layer.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Another program holds the file; try again.
    #[error("the store is busy: another program is writing to it")]
    Busy,
    /// The database cannot be reached, refuses connections or is too busy to take one; try again.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// What came from the database cannot be understood: something between altered it, and what came before over the same
    /// wire may have been altered too.
    #[error("the database's answer is garbled: {0}")]
    Garbled(String),
    /// The database takes no writes now: a standby, or one set to read only.
    #[error("the store takes no writes now")]
    ReadOnly,
    /// The database cannot compute what it was asked for: a number that is none, a geometry that is not valid.
    #[error("the database cannot compute it: {0}")]
    Uncomputable(String),
    /// Texts of tables that are not ours may be withheld, so that nothing is ordered by them.
    #[error("a table of another program is not ordered by its texts")]
    Unsortable,
    /// A statement took longer than allowed.
    #[error("the store took longer than allowed")]
    Timeout,
    /// Disk or database trouble. The text is for the log, never for a client.
    #[error("store failure: {0}")]
    Failure(String),
}

impl StoreError {
    /// Whether the same may well succeed a little later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable(_) | Self::Garbled(_) | Self::ReadOnly | Self::Timeout)
    }

    /// Rows that are none.
    pub(crate) fn garbled() -> Self {
        Self::Garbled("rows that cannot be read".to_owned())
    }
}

/// A row of a scan, or the id of one that cannot be decoded and why.
pub type ScannedRow = Result<StoredFeature, (FeatureId, String)>;

/// A state of a feature: from when until when it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Counted from 1 on; the one of [`StoredFeature`].
    pub number: i64,
    /// The change that made it; `None` where the log does not reach back so far.
    pub since: Option<Seq>,
    /// When that was.
    pub at: Option<DateTime<Utc>>,
    /// The change that superseded it, or took the feature away; `None` while it stands.
    pub until: Option<Seq>,
}

/// A change, and the features whose states right after it are asked for.
pub type Moment = (Seq, Vec<FeatureId>);

/// The contract of a store. All methods may be called from many tasks at once.
pub trait Store: Send + Sync + Sized + 'static {
    /// Rows on their way into a layer that is being replaced.
    type Replacement: Replacement;

    /// Whether nothing can be written through it, and its log is that of this process alone: it begins when the store is
    /// opened and is gone afterwards.
    fn is_read_only(&self) -> bool {
        false
    }

    /// The layers that are in the store, in order of id, but those of [`Store::unreadable`].
    fn layers(&self) -> impl Future<Output = Result<Vec<StoredLayer>, StoreError>> + Send;

    /// The layers that the last [`Store::layers`] has left out since this version cannot read their definitions, in order
    /// of id.
    fn unreadable(&self) -> Vec<Unreadable> {
        Vec::new()
    }

    /// Creates the tables of a layer, or brings an existing layer under a compatible new definition (titles,
    /// zooms, styles, added fields). `definition.crs` must be set.
    fn define(&self, definition: &LayerDefinition) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes a layer with its history. Its change log entries stay.
    fn drop_layer(&self, layer: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Streams the features whose id lies in `ids`, in order of id, in batches. Rows that cannot be decoded
    /// (written by hand, by another program) come as `Err((id, reason))` in their place.
    fn scan(
        &self,
        layer: &str,
        ids: Range<FeatureId>,
    ) -> impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send;

    /// Features by id; missing ones are left out.
    fn features(
        &self,
        layer: &str,
        ids: &[FeatureId],
    ) -> impl Future<Output = Result<Vec<StoredFeature>, StoreError>> + Send;

    /// Like [`Store::scan`], the features as they stood right after the change `at`, in order of id, each once. They
    /// have the fields of the layer's definition of now: what was not there yet is null. An `at` past the end of the
    /// log is now; one from before the layer was first defined finds nothing.
    ///
    /// [`StoreError::Pruned`] where history does not reach back to `at`.
    fn scan_at(
        &self,
        layer: &str,
        ids: Range<FeatureId>,
        at: Seq,
    ) -> impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send;

    /// Features by id as they stood right after the change `at`, in the order of the ids; missing ones are left out.
    /// For the rest as [`Store::scan_at`].
    fn features_at(
        &self,
        layer: &str,
        ids: &[FeatureId],
        at: Seq,
    ) -> impl Future<Output = Result<Vec<StoredFeature>, StoreError>> + Send;

    /// As [`Store::features_at`] for many moments; `None` for those that history does not reach back to.
    fn features_at_moments(
        &self,
        layer: &str,
        moments: &[Moment],
    ) -> impl Future<Output = Result<Vec<Option<Vec<StoredFeature>>>, StoreError>> + Send {
        async move {
            let mut found = Vec::with_capacity(moments.len());
            for (at, ids) in moments {
                found.push(match self.features_at(layer, ids, *at).await {
                    Ok(rows) => Some(rows),
                    Err(StoreError::Pruned { .. }) => None,
                    Err(error) => return Err(error),
                });
            }
            Ok(found)
        }
    }

    /// The features of a layer that somebody looks for: first how many there are, if that is asked, then those that are
    /// wanted in their order, all of one moment. The answer holds the store's connection until it is read or dropped.
    ///
    /// [`StoreError::Timeout`] where it takes longer than [`Sought::within`]; [`StoreError::Pruned`] where history does not
    /// reach back to [`Sought::at`].
    fn seek(&self, layer: &str, sought: Arc<Sought>) -> BoxStream<'static, Result<Sight, StoreError>> {
        let _ = (layer, sought);
        let refusal = StoreError::Unusable("this store answers no questions".to_owned());
        Box::pin(futures::stream::once(async { Err(refusal) }))
    }

    /// West, south, east and north of all features of a layer, in its storage CRS; `None` where that would take too long, or
    /// there is nothing.
    fn extent(&self, layer: &str) -> impl Future<Output = Result<Option<[f64; 4]>, StoreError>> + Send {
        let _ = layer;
        async { Ok(None) }
    }

    /// Every state of a feature that is still known, oldest first; empty when there never was such a feature, or nothing of
    /// it is known any more.
    fn versions(&self, layer: &str, id: FeatureId) -> impl Future<Output = Result<Vec<Version>, StoreError>> + Send;

    /// The last change committed at or before an instant; 0 before the first.
    fn seq_at(&self, instant: DateTime<Utc>) -> impl Future<Output = Result<Seq, StoreError>> + Send;

    /// The last change of a layer at or before `at`; `at` itself from a store that cannot tell quickly.
    fn layer_seq(&self, layer: &str, at: Seq) -> impl Future<Output = Result<Seq, StoreError>> + Send {
        let _ = layer;
        async move { Ok(at) }
    }

    /// What tells this store from every other, for as long as it lives; `None` when it cannot tell.
    fn identity(&self) -> impl Future<Output = Result<Option<String>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// Writes edits of one layer or of several in one transaction: all of them or none.
    ///
    /// With `once`, a transaction whose key was seen within [`REMEMBERED_HOURS`] is not written again: what came of it then is
    /// told. The key is kept by the same transaction, and so by every server of the store. [`StoreError::KeyReused`] where the
    /// key came with another digest, or for other layers.
    fn write_all(
        &self,
        parts: Vec<LayerEdits>,
        once: Option<Once>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Whether [`Store::write_all`] would write these edits: all that it does, and then taken back. Ids are given out for
    /// new features, and never again.
    fn try_all(&self, parts: Vec<LayerEdits>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes edits of one layer in one transaction; the ids (in the order of the edits) and the last `seq` of it.
    fn write(
        &self,
        layer: &str,
        edits: Vec<Edit>,
    ) -> impl Future<Output = Result<(Vec<FeatureId>, Seq), StoreError>> + Send {
        let parts = vec![LayerEdits { layer: layer.to_owned(), edits }];
        async move { self.write_all(parts, None).await.map(|written| (written.ids, written.seq)) }
    }

    /// The styles that are kept, in order of id.
    fn styles(&self) -> impl Future<Output = Result<Vec<StoredStyle>, StoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Writes a style or takes it away, and tells the log under the name [`crate::log::STYLES`]; the change after which it is
    /// so. One that is what it was changes nothing.
    ///
    /// [`StoreError::StyleMoved`] where it is not what the editor saw.
    fn write_style(&self, edit: StyleEdit) -> impl Future<Output = Result<Seq, StoreError>> + Send {
        let _ = edit;
        async { Err(StoreError::Unusable("this store keeps no styles".to_owned())) }
    }

    /// How far the bound fields of layers are true, in order of layers.
    fn bindings(&self) -> impl Future<Output = Result<Vec<BindingState>, StoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Claims the bindings of a layer for [`CLAIM_SECONDS`], anew for who has them already; how far they are true. `None`
    /// where somebody else has them.
    fn claim_bindings(
        &self,
        layer: &str,
        holder: &str,
    ) -> impl Future<Output = Result<Option<BindingState>, StoreError>> + Send {
        let _ = (layer, holder);
        async { Err(StoreError::Unusable("this store keeps no bindings".to_owned())) }
    }

    /// Writes values of bound fields with their causes, where they are others than what is stored, and how far they are true
    /// then, in one transaction: how many features were changed, and the last change of it. `None`, and nothing is written,
    /// where the claim has ended.
    fn write_bound(&self, rows: BoundRows) -> impl Future<Output = Result<Option<(u64, Seq)>, StoreError>> + Send {
        let _ = rows;
        async { Err(StoreError::Unusable("this store keeps no bindings".to_owned())) }
    }

    /// What is kept for programs that subscribe, where this store keeps it.
    fn subscriptions(self: &Arc<Self>) -> Option<Arc<dyn Subscriptions>> {
        None
    }

    /// Begins an atomic replacement of a layer: until [`Replacement::commit`] everybody reads the old rows,
    /// and dropping the replacement (or dying) leaves them whole.
    fn replace(&self, layer: &str) -> impl Future<Output = Result<Self::Replacement, StoreError>> + Send;

    /// Changes after `after`, oldest first, at most `limit`. A change that commits later never has a smaller
    /// `seq` than one that was already returned.
    ///
    /// [`StoreError::Pruned`] where the log no longer reaches back to `after`.
    fn changes(&self, after: Seq, limit: usize) -> impl Future<Output = Result<Vec<Change>, StoreError>> + Send;

    /// The last `seq` of the log (0 when nothing ever happened).
    fn last_seq(&self) -> impl Future<Output = Result<Seq, StoreError>> + Send;

    /// The programs that the log is kept for, by name.
    fn followers(&self) -> impl Future<Output = Result<Vec<RegisteredFollower>, StoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// From now on the log is kept for a program that has handled the changes up to `seq`: for ever, or for so many
    /// days after it was last heard of. Gives the key by which it acknowledges.
    ///
    /// [`StoreError::Pruned`] where the log does not reach back to `seq`; [`StoreError::Unusable`] where `seq` lies past
    /// its end, or the name is taken or is none.
    fn register(
        &self,
        name: &str,
        seq: Seq,
        patience_days: Option<u32>,
    ) -> impl Future<Output = Result<String, StoreError>> + Send {
        let _ = (name, seq, patience_days);
        async { Err(StoreError::Unusable("this store keeps no followers".to_owned())) }
    }

    /// A follower has handled the changes up to `seq`; false when there is none of this name and key. Its position
    /// never goes back.
    fn acknowledge(&self, name: &str, key: &str, seq: Seq) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (name, key, seq);
        async { Ok(false) }
    }

    /// The log is no longer kept for a follower; false when there was none.
    fn forget(&self, name: &str) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = name;
        async { Ok(false) }
    }

    /// Lets go of old changes, which followers must have handled, and of old states. The last change always stays. In a
    /// `GeoPackage` the past is found by the log, and ends where the log does.
    fn prune(&self, pruning: Pruning) -> impl Future<Output = Result<Pruned, StoreError>> + Send {
        let _ = pruning;
        async { Ok(Pruned::default()) }
    }

    /// Returns when the log may have moved past `after` (at once if it has), whoever wrote.
    fn changed(&self, after: Seq) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Rows on their way into a layer that is being replaced.
pub trait Replacement: Send {
    /// Adds rows.
    fn push(&mut self, rows: Vec<Feature>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Puts the new rows in place of the old ones, in one transaction: the old rows go to the history, the
    /// log gets one [`crate::log::Operation::Replace`]. With a key, rows that did not change keep id and version.
    fn commit(self) -> impl Future<Output = Result<(Replaced, Seq), StoreError>> + Send
    where
        Self: Sized,
    {
        self.commit_if(None)
    }

    /// As [`Replacement::commit`], but only if no change of the layer came after `unchanged_since`; decided where no other
    /// writer comes between. [`StoreError::LayerChanged`] else.
    fn commit_if(
        self,
        unchanged_since: Option<Seq>,
    ) -> impl Future<Output = Result<(Replaced, Seq), StoreError>> + Send;
}
