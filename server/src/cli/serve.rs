//! `bricola serve`.

use std::sync::Arc;
use std::time::Duration;

use bricola_layers::binding::{self, Bindings};
use bricola_layers::cache::{Territory, Warm, follow, follow_from};
use bricola_layers::definition::Catalog;
use bricola_layers::store::Store;
use bricola_layers::tile::MatrixSets;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Failure, Outcome, say};
use crate::app::App;
use crate::archive::Archive;
use crate::config::Config;
use crate::front::Front;
use crate::middleware::Integrity;
use crate::retention;
use crate::router::router;
use crate::routes::processes::reply::resume;
use crate::serve::{serve, signals};
use crate::services::editing::Tokens;
use crate::services::search;
use crate::services::subscriptions::{self, ModiKey, Poster};
use crate::store::{self, redefine};

/// How long the end waits for layers to be kept on disk; what was kept before is whole in any case.
const KEEPING: Duration = Duration::from_secs(8);

/// Follows the store and answers requests until it is asked to end. Prints its address on standard output
/// when it listens; layers become ready one by one after that.
pub async fn run<S: Store>(store: Arc<S>, catalog: &Catalog, config: Config) -> Outcome {
    let tokens = Tokens::of(&config.editing).map_err(Failure::failed)?;
    let mut matrix_sets = MatrixSets::shipped();
    if let Some(folder) = &config.tile.matrix_sets {
        matrix_sets.add_folder(folder).map_err(Failure::usage)?;
    }
    let keys = config.editing.integrity_keys.as_deref();
    let integrity =
        keys.map(|path| Integrity::read(path, config.public_url.as_deref())).transpose().map_err(Failure::usage)?;
    let poster = Poster::new(&config.subscriptions.hosts).map_err(Failure::failed)?;
    let modi = modi_key(&config)?;
    let shutdown = signals().map_err(Failure::failed)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => "; is Bricola running already? --listen takes another address",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 belong to the administrator",
            _ => "",
        };
        Failure::failed(format!("cannot listen on {}: {error}{advice}", config.listen))
    })?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    tokio::spawn(renew_definitions(Arc::clone(&store), catalog.clone()));
    let pruner = tokio::spawn(retention::keep(Arc::clone(&store), config.retention.clone()));
    let territory = Territory::default();
    let (closing, ends) = watch::channel(false);
    let mut follower = tokio::spawn(follow_with(Arc::clone(&store), territory.clone(), warm(&config), ends));
    let bindings = Bindings::default();
    let binder = tokio::spawn(binding::keep(Arc::clone(&store), territory.clone(), bindings.clone()));
    let (limits, grace) = (config.limits.clone(), Duration::from_secs(config.shutdown_seconds));
    let app = App::new(config, territory, Arc::clone(&store) as Arc<dyn Archive>).map_err(Failure::failed)?;
    let kept = store.subscriptions();
    let app = app.with_subscriptions(kept, poster, modi).with_past(store).with_editors(tokens);
    let app = Arc::new(app.with_integrity(integrity).with_matrix_sets(matrix_sets).with_bindings(bindings));
    let couriers = app.office().map(|office| {
        let (modi, deliveries, closing) = (app.modi_key.clone(), Arc::clone(&app.deliveries), app.closing.subscribe());
        tokio::spawn(subscriptions::keep(Arc::new(office), modi, deliveries, closing))
    });
    let upkeep = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.metrics.upkeep().await }
    });
    resume(&app);
    let searching = tokio::spawn(search::keep(app.territory.clone(), Arc::clone(&app.search)));
    say(&format!("http://{address}/\n"))?;
    info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    let ending = Arc::clone(&app);
    let shutdown = async move {
        shutdown.await;
        ending.closing.send_replace(true);
        closing.send_replace(true);
    };
    let front = Front::new(Arc::clone(&app), router(&app));
    let served = serve(listener, front, &limits, grace, shutdown).await;
    binder.abort();
    if let Some(couriers) = couriers {
        // They let go of what they deliver, so that another server goes on at once.
        let _ = tokio::time::timeout(KEEPING, couriers).await;
    }
    if tokio::time::timeout(KEEPING, &mut follower).await.is_err() {
        follower.abort();
    }
    upkeep.abort();
    searching.abort();
    pruner.abort();
    served.map_err(Failure::failed)?;
    info!("ended");
    Ok(())
}

/// The ente's key, where one is configured.
fn modi_key(config: &Config) -> Result<Option<Arc<ModiKey>>, Failure> {
    let issuer = config.tenant.ipa.as_deref().unwrap_or(&config.tenant.name);
    let (path, kid) = (config.subscriptions.modi_key.as_deref(), config.subscriptions.modi_kid.as_deref());
    let key = path.map(|path| ModiKey::read(path, kid, issuer)).transpose().map_err(Failure::usage)?;
    Ok(key.map(Arc::new))
}

/// What the next start begins with, if it is to begin with anything.
fn warm(config: &Config) -> Option<(Warm, Duration)> {
    let every = Duration::from_secs(config.warm_seconds);
    if every.is_zero() {
        return None;
    }
    let (folder, address) = (config.data.join("warm"), store::address(config));
    match Warm::open(&folder, address) {
        Ok(warm) => Some((warm, every)),
        Err(error) => {
            warn!(folder = %folder.display(), %error, "layers cannot be kept for the next start, nor taken from the last");
            None
        }
    }
}

/// Follows the store, beginning with what was kept of it.
async fn follow_with<S: Store>(
    store: Arc<S>,
    territory: Territory,
    warm: Option<(Warm, Duration)>,
    ends: watch::Receiver<bool>,
) {
    match warm {
        Some((warm, every)) => follow_from(store, territory, warm, every, ends).await,
        None => follow(store, territory).await,
    }
}

/// Brings stored layers under their definitions in force, as soon as the store is there.
async fn renew_definitions<S: Store>(store: Arc<S>, catalog: Catalog) {
    loop {
        match redefine(&*store, &catalog).await {
            Ok(0) if !store.is_read_only() => {
                info!("the store is empty; fill a layer with: bricola load FILE --layer ID");
            }
            Ok(_) => {}
            Err(error) if error.is_temporary() => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            Err(error) => {
                warn!(%error, "cannot bring the stored layers under their new definitions; serving them under the old ones");
            }
        }
        return;
    }
}
