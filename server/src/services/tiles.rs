//! Finished tiles: made once, compressed once per coding, kept under what they are made of.
//!
//! The key of a tile holds its generation in every layer: the last change that touched it there. A tile that is touched
//! gets another key and the old one is no longer asked for; nothing has to be deleted, no old tile can slip back in, and
//! the tiles beside it stay.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::cache::{Generation, Layer, Snapshot};
use bricola_layers::definition::Scope;
use bricola_layers::tile::{Part, TileId, TileOptions, render};
use bytes::Bytes;
use chrono::NaiveDate;
use moka::future::Cache;
use thiserror::Error;

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
    valid_on: Option<NaiveDate>,
    tile: TileId,
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

/// A tile could not be made.
#[derive(Debug, Clone, Error)]
#[error("tile {0}")]
pub struct TileFault(String);

/// The tile cache and the threads that fill it.
pub struct Tiles {
    cache: Option<Cache<TileKey, Finished>>,
    pool: rayon::ThreadPool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The layers as in the URL, which say of each whether its features or its label points are meant.
    pub set: &'a str,
    /// Which tile.
    pub tile: TileId,
    /// In which coding.
    pub encoding: Encoding,
    /// The day on which features must be valid.
    pub valid_on: Option<NaiveDate>,
    /// What the caller may see.
    pub scope: Scope,
}

impl Request<'_> {
    fn key(self, generations: Vec<Generation>) -> TileKey {
        let Self { set, tile, encoding, valid_on, scope } = self;
        TileKey { set: set.into(), generations, valid_on, tile, encoding, scope }
    }
}

/// As [`generations`], for earlier states of the layers. The number of now stands beside each, since a layer that is
/// redefined tells its past in other words.
pub fn past_generations(layers: &[Arc<Layer>], snapshots: &[Arc<Snapshot>], tile: TileId) -> Vec<Generation> {
    let pairs = layers.iter().zip(snapshots).map(|(layer, snapshot)| {
        let now = layer.generation(tile);
        [Generation { seq: snapshot.seq(), ..now }, now]
    });
    pairs.flatten().collect()
}

/// The generation of a tile in each of the layers. To be taken before their snapshots: see [`Layer::generation`].
pub fn generations(layers: &[Arc<Layer>], tile: TileId) -> Vec<Generation> {
    layers.iter().map(|layer| layer.generation(tile)).collect()
}

impl Tiles {
    /// A cache of `cache_mb` MiB (0: none), and `threads` threads (0: one for each processor).
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(cache_mb: u64, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let weigh = |key: &TileKey, tile: &Finished| {
            let bytes = ENTRY_BYTES + key.set.len() + tile.bytes.len();
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
        layers: Vec<(Arc<Snapshot>, Part)>,
        generations: Vec<Generation>,
        asked: Request<'_>,
    ) -> Result<(Finished, bool), Arc<TileFault>> {
        let Request { tile, encoding, valid_on, .. } = asked;
        let Some(cache) = &self.cache else {
            return self.make(layers, tile, encoding, valid_on).await.map(|tile| (tile, false)).map_err(Arc::new);
        };
        let key = asked.key(generations);
        if let Some(tile) = cache.get(&key).await {
            return Ok((tile, true));
        }
        cache.try_get_with(key, self.make(layers, tile, encoding, valid_on)).await.map(|tile| (tile, false))
    }

    /// The tile, if it is there already.
    pub async fn finished(&self, generations: Vec<Generation>, asked: Request<'_>) -> Option<Finished> {
        self.cache.as_ref()?.get(&asked.key(generations)).await
    }

    /// Renders and compresses on a thread of the pool.
    async fn make(
        &self,
        layers: Vec<(Arc<Snapshot>, Part)>,
        tile: TileId,
        encoding: Encoding,
        valid_on: Option<NaiveDate>,
    ) -> Result<Finished, TileFault> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.pool.spawn(move || {
            let work = std::panic::AssertUnwindSafe(|| finish(&layers, tile, encoding, valid_on));
            let made = std::panic::catch_unwind(work).unwrap_or_else(|_| Err(TileFault("panicked".to_owned())));
            // Nobody may be waiting any more.
            let _ = sender.send(made);
        });
        let TileId { z, x, y } = tile;
        receiver
            .await
            .unwrap_or_else(|_| Err(TileFault("worker is gone".to_owned())))
            .map_err(|TileFault(reason)| TileFault(format!("{z}/{x}/{y}: {reason}")))
    }

    /// Bytes and tiles in the cache.
    pub fn size(&self) -> (u64, u64) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.weighted_size(), cache.entry_count()))
    }
}

fn finish(
    layers: &[(Arc<Snapshot>, Part)],
    tile: TileId,
    encoding: Encoding,
    valid_on: Option<NaiveDate>,
) -> Result<Finished, TileFault> {
    let mut bytes = Vec::new();
    let (mut kept, mut total) = (0, 0);
    for (layer, part) in layers {
        let drawn = render(layer, tile, &TileOptions { part: *part, valid_on, ..TileOptions::default() });
        kept += drawn.kept;
        total += drawn.total;
        if bytes.is_empty() {
            bytes = drawn.bytes;
        } else {
            bytes.extend_from_slice(&drawn.bytes);
        }
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let etag = Bytes::from(format!("\"{:016x}-{}\"", hasher.finish(), encoding.name()));
    let bytes = match encoding {
        Encoding::Identity => Bytes::from(bytes),
        _ if bytes.is_empty() => Bytes::new(),
        _ => encoding.compress(&bytes, Effort::Live).map_err(|error| TileFault(error.to_string()))?,
    };
    Ok(Finished { bytes, etag, kept, total })
}
