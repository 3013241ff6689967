//! What every route shares.

use std::sync::Arc;
use std::time::Instant;

use bricola_layers::binding::Bindings;
use bricola_layers::cache::{Past, Territory};
use bricola_layers::definition::Scope;
use bricola_layers::limits::{MAX_FILE_BUILDS, PAST_CACHE_BYTES};
use bricola_layers::store::{Store, Subscriptions};
use bricola_layers::tile::MatrixSets;
use http::HeaderValue;
use tokio::sync::{Semaphore, watch};

use crate::archive::Archive;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::middleware::{Integrity, Quota};
use crate::services::areas::Networks;
use crate::services::conflicts;
use crate::services::editing::Tokens;
use crate::services::folder::Folder;
use crate::services::jobs::Jobs;
use crate::services::maps::Maps;
use crate::services::search::Search;
use crate::services::styles::glyphs::Glyphs;
use crate::services::styles::sprites::Sprites;
use crate::services::subscriptions::{Deliveries, ModiKey, Office, Poster};
use crate::services::tariff::{Tariffs, tariffs};
use crate::services::tiles::Tiles;
use crate::services::units::Units;
use crate::services::works::{self, Loaded, Registers};
use crate::services::ztl;

/// Why a server did not begin.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// There are no threads for tiles.
    #[error(transparent)]
    Tiles(#[from] rayon::ThreadPoolBuildError),
    /// There are no threads for the search index.
    #[error(transparent)]
    Search(#[from] bricola_search::Failed),
}

/// The server as its routes see it.
pub struct App {
    /// Configuration in force.
    pub config: Config,
    /// The layers in memory.
    pub territory: Territory,
    /// How the bindings of the layers stand.
    pub bindings: Bindings,
    /// The store; see [`App::archive`].
    archive: Arc<dyn Archive>,
    /// The layers as they were; absent where no store remembers.
    pub past: Option<Past>,
    /// What callers may see.
    pub scope: Scope,
    /// Who may edit; nobody where there are none.
    pub editors: Tokens,
    /// What is found by what people type.
    pub search: Arc<Search>,
    /// Finished tiles.
    pub tiles: Tiles,
    /// The grids in which there are tiles.
    pub matrix_sets: MatrixSets,
    /// `Cache-Control` of tiles.
    pub tile_cache_control: HeaderValue,
    /// Glyphs of the map's labels.
    pub glyphs: Glyphs,
    /// Finished pictures of maps.
    pub maps: Maps,
    /// Icons of the map.
    pub sprites: Sprites,
    /// The tariff plans of the office.
    pub tariffs: Arc<Tariffs>,
    /// The regulations of its limited traffic zones.
    pub regulations: Arc<Folder<ztl::Loaded>>,
    /// Its rules for conflicts of work sites.
    pub conflict_rules: Arc<Folder<conflicts::Loaded>>,
    /// Subscriptions of other programs, where the store keeps them.
    pub subscriptions: Option<Arc<dyn Subscriptions>>,
    /// Those who deliver them.
    pub deliveries: Arc<Deliveries>,
    /// To whom something may be sent.
    pub poster: Option<Poster>,
    /// What deliveries are signed with after ModI.
    pub modi_key: Option<Arc<ModiKey>>,
    /// The keys of those who may write, where edits have to be signed.
    pub integrity: Option<Integrity>,
    /// The registers of works that were read.
    pub registers: Arc<Registers>,
    /// What the national registers say of works.
    pub national: Arc<Folder<Loaded>>,
    /// The streets as graphs.
    pub networks: Networks,
    /// The census dumps of the cadastre.
    pub units: Arc<Units>,
    /// Long answers.
    pub jobs: Arc<Jobs>,
    /// Counters and clocks.
    pub metrics: Metrics,
    /// As many permits as requests may be worked on at the same time.
    pub requests: Semaphore,
    /// How many requests a client may make, where there is a limit.
    pub quota: Option<Quota>,
    /// As many permits as requests may wait for a change to come: fewer than all, so that others get through.
    pub waiting: Semaphore,
    /// As many permits as files may be finished at the same time before they are sent.
    pub builds: Arc<Semaphore>,
    /// As many permits as event streams may be open.
    pub streams: Arc<Semaphore>,
    /// True when the server is about to end: streams that would go on for ever end too.
    pub closing: watch::Sender<bool>,
    /// When the process became a server.
    pub started: Instant,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the threads for tiles or for the search index cannot be started.
    pub fn new(config: Config, territory: Territory, archive: Arc<dyn Archive>) -> Result<Self, NotStarted> {
        let cache_control = match config.tile.max_age_seconds {
            0 => HeaderValue::from_static("public, no-cache"),
            seconds => HeaderValue::try_from(format!("public, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("public, no-cache")),
        };
        Ok(Self {
            territory,
            bindings: Bindings::default(),
            archive,
            past: None,
            editors: Tokens::default(),
            scope: if config.show_all_layers { Scope::EVERYTHING } else { Scope::PUBLIC },
            search: Arc::new(Search::new()?),
            tiles: Tiles::new(config.tile.cache_mb, config.tile.threads)?,
            matrix_sets: MatrixSets::shipped(),
            tile_cache_control: cache_control,
            glyphs: Glyphs::new(),
            maps: Maps::default(),
            sprites: Sprites::new(),
            tariffs: Arc::new(tariffs(config.tariffs_folder())),
            regulations: Arc::new(ztl::regulations(config.regulations_folder())),
            conflict_rules: Arc::new(conflicts::conflict_rules(config.conflicts_folder())),
            subscriptions: None,
            deliveries: Arc::default(),
            poster: None,
            modi_key: None,
            integrity: None,
            registers: Arc::default(),
            national: Arc::new(works::national(config.works_folder())),
            networks: Networks::default(),
            units: Arc::new(Units::of(config.units_folder())),
            jobs: Arc::new(Jobs::of(config.data.join("jobs"))),
            metrics: Metrics::new(),
            requests: Semaphore::new(config.limits.concurrent_requests),
            quota: Quota::new(config.limits.requests_per_minute),
            waiting: Semaphore::new((config.limits.concurrent_requests / 2).max(1)),
            builds: Arc::new(Semaphore::new(MAX_FILE_BUILDS)),
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            closing: watch::Sender::new(false),
            started: Instant::now(),
            config,
        })
    }

    /// Remembers the past by a store that the territory follows.
    #[must_use]
    pub fn with_past<S: Store>(mut self, store: Arc<S>) -> Self {
        self.past = Some(Past::new(store, self.territory.clone(), PAST_CACHE_BYTES));
        self
    }

    /// Tells how bindings stand that somebody keeps true.
    #[must_use]
    pub fn with_bindings(mut self, bindings: Bindings) -> Self {
        self.bindings = bindings;
        self
    }

    /// Other programs may subscribe.
    #[must_use]
    pub fn with_subscriptions(
        mut self,
        kept: Option<Arc<dyn Subscriptions>>,
        post: Poster,
        modi: Option<Arc<ModiKey>>,
    ) -> Self {
        (self.subscriptions, self.poster, self.modi_key) = (kept, Some(post), modi);
        self
    }

    /// Edits have to be signed by one of these keys.
    #[must_use]
    pub fn with_integrity(mut self, integrity: Option<Integrity>) -> Self {
        self.integrity = integrity;
        self
    }

    /// What those need who deliver to subscribers, where there may be some.
    pub fn office(&self) -> Option<Office> {
        Some(Office {
            kept: Arc::clone(self.subscriptions.as_ref()?),
            archive: Arc::clone(&self.archive),
            territory: self.territory.clone(),
            scope: self.scope,
            base: self.config.public_url.clone().unwrap_or_default().trim_end_matches('/').to_owned(),
            poster: self.poster.clone()?,
            holder: uuid::Uuid::new_v4().to_string(),
        })
    }

    /// Lets those edit who know one of the tokens.
    #[must_use]
    pub fn with_editors(mut self, tokens: Tokens) -> Self {
        self.editors = tokens;
        self
    }

    /// Whether somebody may edit something.
    pub fn takes_edits(&self) -> bool {
        !self.editors.is_empty() && !self.is_read_only()
    }

    /// Offers tiles in these grids.
    #[must_use]
    pub fn with_matrix_sets(mut self, sets: MatrixSets) -> Self {
        self.matrix_sets = sets;
        self
    }

    /// Whether the store takes no writes and the log is that of this process alone.
    pub fn is_read_only(&self) -> bool {
        self.archive.is_read_only()
    }

    /// The store, to be kept for the length of an answer. Its uses are to be counted as those of [`Self::archive`] are.
    pub fn shared_archive(&self) -> Arc<dyn Archive> {
        Arc::clone(&self.archive)
    }

    /// The store, for what memory does not hold. Each use is counted: an answer that can do without must.
    pub fn archive(&self) -> &dyn Archive {
        self.metrics.store_question();
        &*self.archive
    }
}
