//! The states of one feature.

use bricola_layers::feature::{FeatureId, StoredFeature};
use bricola_layers::limits::MAX_VERSIONS;
use bricola_layers::store::{StoreError, Version};

use crate::archive::Archive;

/// A state and, where it is known, the feature as it was.
pub type State = (Version, Option<StoredFeature>);

/// The states of a feature that are known, oldest first, the last [`MAX_VERSIONS`] of them; empty where there never was such
/// a feature, or nothing of it is known any more.
///
/// # Errors
/// When the store cannot be asked.
pub async fn versions(archive: &dyn Archive, layer: &str, id: FeatureId) -> Result<Vec<State>, StoreError> {
    let mut versions = archive.versions(layer, id).await?;
    // What came and went within one transaction nobody has seen.
    versions.retain(|version| version.since.is_none() || version.since != version.until);
    versions.drain(..versions.len().saturating_sub(MAX_VERSIONS));
    // What was there before the log began to tell stood when it did.
    let moments: Vec<_> = versions.iter().map(|version| (version.since.unwrap_or(0), vec![id])).collect();
    let states = archive.features_at_moments(layer, &moments).await?;
    let states = states.into_iter().map(|state| state.and_then(|rows| rows.into_iter().next()));
    Ok(versions.into_iter().zip(states).collect())
}
