//! Finished tiles: made once, compressed once per coding, kept under what they are made of.
//!
//! The key of a tile holds its generation in every layer: the last change that touched it there. A tile that is touched
//! gets another key and the old one is no longer asked for; nothing has to be deleted, no old tile can slip back in, and
//! the tiles beside it stay.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{Generation, Layer, Snapshot};
use bricola_layers::crs::CrsError;
use bricola_layers::definition::Scope;
use bricola_layers::limits::MAX_QUERY_MS;
use bricola_layers::query::cql2::BoundFilter;
use bricola_layers::query::{drawable, sought_in};
use bricola_layers::tile::{Explanation, Part, Place, TileOptions, around, explain, render_at};
use bytes::Bytes;
use chrono::NaiveDate;
use moka::future::Cache;
use thiserror::Error;

use super::features::{Stored, Unanswered};
use crate::encoding::{Effort, Encoding};

/// Bytes of an entry beside those of the tile: key, bookkeeping of the cache.
const ENTRY_BYTES: usize = 256;
/// Entries that nobody asked for in this time make room: most of them are of an older generation.
const IDLE: Duration = Duration::from_secs(3600);

/// What a tile is made of; equal keys are equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TileKey {
    set: Box<str>,
    generations: Vec<Generation>,
    during: [Option<NaiveDate>; 2],
    filter: Option<Box<str>>,
    place: Place,
    encoding: Encoding,
    scope: Scope,
}

/// A tile as it goes out.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Compressed bytes; empty for a tile without features.
    pub bytes: Bytes,
    /// Strong validator with quotes, from the uncompressed bytes and the coding.
    pub etag: Bytes,
    /// Features in it, and features that it would hold without a byte budget.
    pub kept: u32,
    /// See `kept`.
    pub total: u32,
}

/// How a tile comes about.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Whether it was finished already.
    pub is_cached: bool,
    /// Its validator.
    pub etag: String,
    /// Bytes of it, uncompressed.
    pub bytes: usize,
    /// Bytes of it in the coding that was asked for.
    pub encoded_bytes: usize,
    /// How long the coding took.
    pub compress: Duration,
    /// Layer by layer.
    pub layers: Vec<Explanation>,
}

/// A tile could not be made.
#[derive(Debug, Clone, Error)]
pub enum TileFault {
    /// A fault of ours.
    #[error("tile {0}")]
    Failed(String),
    /// The store did not tell what it is made of.
    #[error("a tile's features cannot be had: {0:?}")]
    Unanswered(Arc<Unanswered>),
}

impl From<CrsError> for TileFault {
    fn from(error: CrsError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The tile cache and the threads that fill it.
pub struct Tiles {
    cache: Option<Cache<TileKey, Finished>>,
    pool: rayon::ThreadPool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The layers as in the URL, which say of each whether its features or its label points are meant.
    pub set: &'a str,
    /// Which tile.
    pub place: Place,
    /// In which coding.
    pub encoding: Encoding,
    /// The first and the last of the days on one of which features must be valid.
    pub during: [Option<NaiveDate>; 2],
    /// The filter as it was written, with all that its meaning depends on.
    pub filter: Option<&'a str>,
    /// What the caller may see.
    pub scope: Scope,
}

impl Request<'_> {
    fn key(self, generations: Vec<Generation>) -> TileKey {
        let Self { set, place, encoding, during, filter, scope } = self;
        TileKey { set: set.into(), generations, during, filter: filter.map(Into::into), place, encoding, scope }
    }
}

/// A layer to be drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// As it stands; nothing of a layer whose features are in the store only.
    pub snapshot: Arc<Snapshot>,
    /// Where its features are then.
    pub stored: Option<Stored>,
    /// What of it.
    pub part: Part,
    /// Which of its features, if not all.
    pub filter: Option<Arc<BoundFilter>>,
}

impl Drawn {
    /// How it is to be drawn.
    pub fn options(&self, during: [Option<NaiveDate>; 2]) -> TileOptions {
        TileOptions { part: self.part, during, filter: self.filter.clone(), budget: None }
    }

    /// With the features that a tile is made of, if they have to come from the store.
    async fn at(self, place: &Place) -> Result<Self, TileFault> {
        let Some(stored) = &self.stored else { return Ok(self) };
        let frame = around(place, &stored.definition, self.filter.is_some())?;
        let within = Duration::from_millis(MAX_QUERY_MS);
        let found = stored.all(sought_in(frame, self.filter.as_deref(), within)).await;
        let rows = found.map_err(|error| TileFault::Unanswered(Arc::new(error)))?;
        let (definition, seq) = (Arc::clone(&stored.definition), stored.seq);
        let made = tokio::task::spawn_blocking(move || drawable(&definition, seq, rows)).await;
        let made = made.map_err(|error| TileFault::Failed(error.to_string()))?;
        let snapshot = Arc::new(made.map_err(|error| TileFault::Failed(error.to_string()))?);
        Ok(Self { snapshot, ..self })
    }
}

/// As [`generations`], for earlier states of the layers. The number of now stands beside each, since a layer that is
/// redefined tells its past in other words.
pub fn past_generations(snapshots: &[Arc<Snapshot>], now: &[Generation]) -> Vec<Generation> {
    let pairs = snapshots.iter().zip(now).map(|(snapshot, now)| [Generation { seq: snapshot.seq(), ..*now }, *now]);
    pairs.flatten().collect()
}

/// The generation of a tile in each of the layers. To be taken before their snapshots: see [`Layer::generation`].
///
/// Tiles are traced one by one for what is drawn without a filter. Where a filter brings out what the ladder hides, every
/// change of a layer makes all its tiles new ones.
pub fn generations(layers: &[Arc<Layer>], place: &Place, is_filtered: bool) -> Vec<Generation> {
    let of = |layer: &Arc<Layer>| match place {
        _ if is_filtered => layer.youngest(),
        Place::Mercator(tile) => layer.generation(*tile),
        Place::Grid(tile) => layer.generation_in(tile),
    };
    layers.iter().map(of).collect()
}

impl Tiles {
    /// A cache of `cache_mb` MiB (0: none), and `threads` threads (0: one for each processor).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(cache_mb: u64, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let weigh = |key: &TileKey, tile: &Finished| {
            let filter = key.filter.as_ref().map_or(0, |filter| filter.len());
            let bytes = ENTRY_BYTES + key.set.len() + filter + tile.bytes.len();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let cache = (cache_mb > 0).then(|| {
            Cache::builder().name("tiles").max_capacity(cache_mb << 20).weigher(weigh).time_to_idle(IDLE).build()
        });
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("tiles-{n}")).build()?;
        Ok(Self { cache, pool })
    }

    /// A tile of the given layers, and whether it was there already. Requests for the same tile at the same
    /// time wait for one that makes it.
    ///
    /// # Errors
    /// When making it failed; nothing is kept then.
    pub async fn get(
        &self,
        layers: Vec<Drawn>,
        generations: Vec<Generation>,
        asked: Request<'_>,
    ) -> Result<(Finished, bool), Arc<TileFault>> {
        let (place, encoding, during) = (asked.place.clone(), asked.encoding, asked.during);
        let Some(cache) = &self.cache else {
            return self.make(layers, place, encoding, during).await.map(|tile| (tile, false)).map_err(Arc::new);
        };
        let key = asked.key(generations);
        if let Some(tile) = cache.get(&key).await {
            return Ok((tile, true));
        }
        cache.try_get_with(key, self.make(layers, place, encoding, during)).await.map(|tile| (tile, false))
    }

    /// The tile, if it is there already.
    pub async fn finished(&self, generations: Vec<Generation>, asked: Request<'_>) -> Option<Finished> {
        self.cache.as_ref()?.get(&asked.key(generations)).await
    }

    /// Makes a tile anew and tells how; the cache is looked at and left as it is.
    ///
    /// # Errors
    /// When making it failed.
    pub async fn explain(
        &self,
        layers: Vec<Drawn>,
        generations: Vec<Generation>,
        asked: Request<'_>,
    ) -> Result<Explained, TileFault> {
        let (place, encoding, during) = (asked.place.clone(), asked.encoding, asked.during);
        let is_cached = self.finished(generations, asked).await.is_some();
        let layers = present(layers, &place).await?;
        self.work(move || {
            let made = layers.iter().map(|layer| explain(&layer.snapshot, &place, &layer.options(during)));
            let made = made.collect::<Result<Vec<_>, _>>()?;
            let bytes: Vec<u8> = made.iter().flat_map(|layer| &layer.tile.bytes).copied().collect();
            let started = Instant::now();
            let etag = etag_of(&bytes, encoding);
            let (bytes, encoded) = (bytes.len(), compress(bytes, encoding)?);
            let compress = started.elapsed();
            Ok(Explained { is_cached, etag, bytes, encoded_bytes: encoded.len(), compress, layers: made })
        })
        .await
    }

    /// Renders and compresses on a thread of the pool.
    async fn make(
        &self,
        layers: Vec<Drawn>,
        place: Place,
        encoding: Encoding,
        during: [Option<NaiveDate>; 2],
    ) -> Result<Finished, TileFault> {
        let at = place.clone();
        let layers = present(layers, &place).await?;
        self.work(move || finish(&layers, &place, encoding, during)).await.map_err(|fault| match fault {
            TileFault::Failed(reason) => TileFault::Failed(format!("{at:?}: {reason}")),
            fault @ TileFault::Unanswered(_) => fault,
        })
    }

    /// Does something on a thread of the pool.
    ///
    /// # Errors
    /// What went wrong, a panic included.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, TileFault> + Send + 'static,
    ) -> Result<T, TileFault> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.pool.spawn(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // Nobody may be waiting any more.
            let _ = sender.send(done.unwrap_or_else(|_| Err(TileFault::Failed("panicked".to_owned()))));
        });
        receiver.await.unwrap_or_else(|_| Err(TileFault::Failed("worker is gone".to_owned())))
    }

    /// Bytes and tiles in the cache.
    pub fn size(&self) -> (u64, u64) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.weighted_size(), cache.entry_count()))
    }
}

/// The layers with the features that a tile is made of.
async fn present(layers: Vec<Drawn>, place: &Place) -> Result<Vec<Drawn>, TileFault> {
    futures::future::try_join_all(layers.into_iter().map(|layer| layer.at(place))).await
}

fn finish(
    layers: &[Drawn],
    place: &Place,
    encoding: Encoding,
    during: [Option<NaiveDate>; 2],
) -> Result<Finished, TileFault> {
    let mut bytes = Vec::new();
    let (mut kept, mut total) = (0, 0);
    for layer in layers {
        let drawn = render_at(&layer.snapshot, place, &layer.options(during))?;
        kept += drawn.kept;
        total += drawn.total;
        if bytes.is_empty() {
            bytes = drawn.bytes;
        } else {
            bytes.extend_from_slice(&drawn.bytes);
        }
    }
    let etag = Bytes::from(etag_of(&bytes, encoding));
    Ok(Finished { bytes: compress(bytes, encoding)?, etag, kept, total })
}

/// Strong validator with quotes.
fn etag_of(bytes: &Vec<u8>, encoding: Encoding) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}-{}\"", hasher.finish(), encoding.name())
}

fn compress(bytes: Vec<u8>, encoding: Encoding) -> Result<Bytes, TileFault> {
    match encoding {
        Encoding::Identity => Ok(Bytes::from(bytes)),
        _ if bytes.is_empty() => Ok(Bytes::new()),
        _ => encoding.compress(&bytes, Effort::Live).map_err(|error| TileFault::Failed(error.to_string())),
    }
}
