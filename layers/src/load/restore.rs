//! Putting a layer back as it was, whole: what takes a load back.

use futures::{StreamExt as _, pin_mut};

use crate::feature::FeatureId;
use crate::log::Seq;
use crate::store::{Replaced, Replacement as _, Store, StoreError};

/// Replaces the features of a layer by those that stood right after the change `at`, by a replacement like that of a load:
/// streamed, whole or not at all, and only if nothing has happened to the layer after the change `last`. With a key,
/// features that are the same keep id and version; without one all come back under new ids.
///
/// # Errors
/// [`StoreError::LayerChanged`]; [`StoreError::Pruned`] where the past does not reach back to `at`;
/// [`StoreError::Unusable`] where a feature of then cannot be read, and would be lost; and what stores answer.
pub async fn restore<S: Store>(store: &S, layer: &str, at: Seq, last: Seq) -> Result<(Replaced, Seq), StoreError> {
    let mut replacement = store.replace(layer).await?;
    let rows = store.scan_at(layer, FeatureId::MIN..FeatureId::MAX, at);
    pin_mut!(rows);
    while let Some(batch) = rows.next().await {
        let features = batch?.into_iter().map(|row| row.map(|stored| stored.feature)).collect::<Result<Vec<_>, _>>();
        let features = features.map_err(|(id, reason)| {
            StoreError::Unusable(format!("feature {id} of layer \"{layer}\", as it was, cannot be read: {reason}"))
        })?;
        replacement.push(features).await?;
    }
    replacement.commit_if(Some(last)).await
}
