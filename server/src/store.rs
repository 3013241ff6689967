//! Which store an installation has, and the definitions that go with it.
//!
//! Everything that works on a store is generic over the contract [`Store`] and is called from a `match` on [`AnyStore`].

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::definition::{Catalog, CatalogError, LayerDefinition};
use bricola_layers::store::{
    GeoPackageStore, LayerKind, OpenMode, PostgisOptions, PostgisStore, RedactedUrl, Store, StoreError,
};
use thiserror::Error;
use tracing::{debug, info, warn};

use crate::config::Config;

/// How often a database that is away is asked for.
const RETRY: Duration = Duration::from_secs(1);

/// An open store of either kind.
pub enum AnyStore {
    /// The embedded one, a file in the data folder.
    GeoPackage(Arc<GeoPackageStore>),
    /// A schema of a database.
    Postgis(Arc<PostgisStore>),
}

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The data folder cannot be made.
    #[error("cannot make the data folder {0}: {1}")]
    Folder(std::path::PathBuf, std::io::Error),
    /// The file is no store, or is held by another program.
    #[error("{0}: {1}")]
    Store(std::path::PathBuf, StoreError),
    /// The database is not there, refuses us, or lacks what is needed.
    #[error("{0}: {1}")]
    Database(RedactedUrl, StoreError),
}

/// Opens the store of the configuration, and makes it where there is none.
///
/// # Errors
/// See [`OpenError`].
pub async fn open(config: &Config) -> Result<AnyStore, OpenError> {
    if let Some(options) = config.postgis() {
        return database(options).await.map(AnyStore::Postgis);
    }
    std::fs::create_dir_all(&config.data).map_err(|error| OpenError::Folder(config.data.clone(), error))?;
    let path = config.store_file();
    let store =
        GeoPackageStore::open(&path, OpenMode::ReadWrite).await.map_err(|error| OpenError::Store(path, error))?;
    Ok(AnyStore::GeoPackage(Arc::new(store)))
}

async fn database(options: PostgisOptions) -> Result<Arc<PostgisStore>, OpenError> {
    let url = options.url.clone();
    let store = PostgisStore::open(options).await.map_err(|error| OpenError::Database(url, error))?;
    Ok(Arc::new(store))
}

/// As [`open`], for what only reads: it does without list and log in the database, where these may not be made.
///
/// # Errors
/// See [`OpenError`].
pub async fn open_to_read(config: &Config) -> Result<AnyStore, OpenError> {
    let Some(options) = config.postgis() else { return open(config).await };
    let url = options.url.clone();
    let store = database(PostgisOptions { in_memory: true, ..options }).await?;
    if store.is_read_only() {
        // Nobody has noted which layers there are.
        store.attach(&config.postgres.attach).await.map_err(|error| OpenError::Database(url, error))?;
    }
    Ok(AnyStore::Postgis(store))
}

/// As [`open_to_read`], for a server, which does not end because its database is away: reads may go on from what was kept, and
/// the database is waited for.
///
/// # Errors
/// See [`OpenError`]; never that a database cannot be reached.
pub async fn open_patiently(config: &Config) -> Result<AnyStore, OpenError> {
    let Some(options) = config.postgis() else { return open(config).await };
    let options = PostgisOptions { in_memory: true, ..options };
    let (url, patterns) = (options.url.clone(), config.postgres.attach.clone());
    let later = Arc::new(PostgisStore::open_later(options.clone()));
    // A connection that is refused is tried again for seconds, which a server that has something to begin with need not wait.
    if later.is_listening().await {
        match database(options).await {
            Ok(store) => {
                let opened = Arc::clone(&store);
                tokio::spawn(async move { store.keep_attached(patterns).await });
                return Ok(AnyStore::Postgis(opened));
            }
            Err(OpenError::Database(_, error)) if error.is_temporary() => debug!(%error, "not opened at once"),
            Err(error) => return Err(error),
        }
    }
    warn!(database = %url, "the database is away; waiting for it");
    let store = Arc::clone(&later);
    tokio::spawn(async move {
        let mut said = String::new();
        while let Err(error) = store.prepare().await {
            if error.is_temporary() {
                debug!(%error, "the database is still away");
            } else if said != error.to_string() {
                warn!(%error, "the database is there, but cannot be used");
                said = error.to_string();
            }
            tokio::time::sleep(RETRY).await;
        }
        store.keep_attached(patterns).await;
    });
    Ok(AnyStore::Postgis(later))
}

/// Where the store of the configuration is, without a secret: what is kept of it elsewhere is told by this.
pub fn address(config: &Config) -> String {
    match &config.database {
        Some(url) => format!("{url} {}", config.postgres.schema),
        None => "file".to_owned(),
    }
}

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

/// Brings stored layers under their definition in force, where a newer binary or an edited file changed it; how many
/// there are.
///
/// # Errors
/// When the store fails, or a new definition does not go with what is stored.
pub async fn redefine<S: Store>(store: &S, catalog: &Catalog) -> Result<usize, StoreError> {
    let layers = store.layers().await?;
    let count = layers.len();
    // What is not ours is defined by its table, whatever its name.
    for stored in layers.into_iter().filter(|stored| stored.kind == LayerKind::Managed) {
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
    Ok(count)
}
