//! Which store an installation has, and the definitions that go with it.
//!
//! The second store (PostGIS) becomes a second variant of [`AnyStore`]. Everything that works on a store is
//! generic over the contract [`Store`] and is called from a `match` on it.

use std::sync::Arc;

use bricola_layers::definition::{Catalog, CatalogError, LayerDefinition};
use bricola_layers::store::{Store, StoreError};
use tracing::info;

use crate::config::Config;

/// The definitions in force: the shipped ones, and those of the data folder over them.
///
/// # Errors
/// The first definition that is wrong, with file and line.
pub fn catalog(config: &Config) -> Result<Catalog, CatalogError> {
    let mut catalog = Catalog::shipped()?;
    if config.definitions().is_dir() {
        catalog.add_folder(&config.definitions())?;
    }
    Ok(catalog)
}

/// Brings stored layers under their definition in force, where a newer binary or an edited file changed it.
///
/// # Errors
/// When the store fails, or a new definition does not go with what is stored.
pub async fn redefine<S: Store>(store: &S, catalog: &Catalog) -> Result<(), StoreError> {
    for stored in store.layers().await? {
        let Some(wanted) = catalog.get(&stored.definition.id) else { continue };
        let wanted = LayerDefinition {
            crs: wanted.crs.clone().or_else(|| stored.definition.crs.clone()),
            resolution: wanted.resolution.or(stored.definition.resolution),
            ..wanted.clone()
        };
        if wanted != stored.definition {
            info!(layer = wanted.id, "definition changed");
            store.define(&wanted).await?;
        }
    }
    Ok(())
}
