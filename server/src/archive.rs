//! What routes ask of the store: the change log, features as they were, and edits.
//!
//! Most answers are given from memory and ask nothing here; what does is counted ([`crate::app::App::archive`]).

use std::sync::Arc;

use bricola_layers::feature::{FeatureId, StoredFeature};
use bricola_layers::load;
use bricola_layers::log::{Change, Seq};
use bricola_layers::store::{
    LayerEdits, Moment, Once, Replaced, Sight, Sought, Store, StoreError, StyleEdit, Version, Written,
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// An answer of the store, to come.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The part of [`Store`] that routes use, so that they need not know which store there is.
pub trait Archive: Send + Sync + 'static {
    /// See [`Store::is_read_only`]; asks nothing.
    fn is_read_only(&self) -> bool;

    /// See [`Store::changes`].
    fn changes(&self, after: Seq, limit: usize) -> Asked<'_, Vec<Change>>;

    /// See [`Store::last_seq`].
    fn last_seq(&self) -> Asked<'_, Seq>;

    /// See [`Store::acknowledge`].
    fn acknowledge<'a>(&'a self, name: &'a str, key: &'a str, seq: Seq) -> Asked<'a, bool>;

    /// See [`Store::seq_at`].
    fn seq_at(&self, instant: DateTime<Utc>) -> Asked<'_, Seq>;

    /// See [`Store::layer_seq`].
    fn layer_seq<'a>(&'a self, layer: &'a str, at: Seq) -> Asked<'a, Seq>;

    /// See [`Store::seek`].
    fn seek(&self, layer: &str, sought: Arc<Sought>) -> BoxStream<'static, Result<Sight, StoreError>>;

    /// See [`Store::features_at_moments`].
    fn features_at_moments<'a>(
        &'a self,
        layer: &'a str,
        moments: &'a [Moment],
    ) -> Asked<'a, Vec<Option<Vec<StoredFeature>>>>;

    /// See [`Store::features`].
    fn features<'a>(&'a self, layer: &'a str, ids: &'a [FeatureId]) -> Asked<'a, Vec<StoredFeature>>;

    /// See [`Store::versions`].
    fn versions<'a>(&'a self, layer: &'a str, id: FeatureId) -> Asked<'a, Vec<Version>>;

    /// See [`Store::write_all`].
    fn write_all(&self, parts: Vec<LayerEdits>, once: Option<Once>) -> Asked<'_, Written>;

    /// See [`Store::try_all`].
    fn try_all(&self, parts: Vec<LayerEdits>) -> Asked<'_, ()>;

    /// See [`load::restore`].
    fn restore<'a>(&'a self, layer: &'a str, at: Seq, last: Seq) -> Asked<'a, (Replaced, Seq)>;

    /// See [`Store::write_style`].
    fn write_style(&self, edit: StyleEdit) -> Asked<'_, Seq>;
}

impl<S: Store> Archive for S {
    fn is_read_only(&self) -> bool {
        Store::is_read_only(self)
    }

    fn changes(&self, after: Seq, limit: usize) -> Asked<'_, Vec<Change>> {
        Box::pin(Store::changes(self, after, limit))
    }

    fn last_seq(&self) -> Asked<'_, Seq> {
        Box::pin(Store::last_seq(self))
    }

    fn acknowledge<'a>(&'a self, name: &'a str, key: &'a str, seq: Seq) -> Asked<'a, bool> {
        Box::pin(Store::acknowledge(self, name, key, seq))
    }

    fn seq_at(&self, instant: DateTime<Utc>) -> Asked<'_, Seq> {
        Box::pin(Store::seq_at(self, instant))
    }

    fn layer_seq<'a>(&'a self, layer: &'a str, at: Seq) -> Asked<'a, Seq> {
        Box::pin(Store::layer_seq(self, layer, at))
    }

    fn seek(&self, layer: &str, sought: Arc<Sought>) -> BoxStream<'static, Result<Sight, StoreError>> {
        Store::seek(self, layer, sought)
    }

    fn features_at_moments<'a>(
        &'a self,
        layer: &'a str,
        moments: &'a [Moment],
    ) -> Asked<'a, Vec<Option<Vec<StoredFeature>>>> {
        Box::pin(async move {
            match Store::features_at_moments(self, layer, moments).await {
                // Changes of the other layers are told all the same.
                Err(StoreError::Unreadable(unreadable)) => Err(StoreError::UnknownLayer(unreadable.id)),
                answer => answer,
            }
        })
    }

    fn features<'a>(&'a self, layer: &'a str, ids: &'a [FeatureId]) -> Asked<'a, Vec<StoredFeature>> {
        Box::pin(Store::features(self, layer, ids))
    }

    fn versions<'a>(&'a self, layer: &'a str, id: FeatureId) -> Asked<'a, Vec<Version>> {
        Box::pin(Store::versions(self, layer, id))
    }

    fn write_all(&self, parts: Vec<LayerEdits>, once: Option<Once>) -> Asked<'_, Written> {
        Box::pin(Store::write_all(self, parts, once))
    }

    fn try_all(&self, parts: Vec<LayerEdits>) -> Asked<'_, ()> {
        Box::pin(Store::try_all(self, parts))
    }

    fn restore<'a>(&'a self, layer: &'a str, at: Seq, last: Seq) -> Asked<'a, (Replaced, Seq)> {
        Box::pin(load::restore(self, layer, at, last))
    }

    fn write_style(&self, edit: StyleEdit) -> Asked<'_, Seq> {
        Box::pin(Store::write_style(self, edit))
    }
}
