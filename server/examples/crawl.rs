//! Asks a server for every tile of every layer, zoom 0 to 18: `crawl URL [DEEPEST-ZOOM]`.
//!
//! Each layer is crawled over its bounds and its range of zooms, two requests at a time, without compression. Prints for each zoom how many tiles
//! there are, the largest and the slowest of them; then, as one line of JSON, the same of all together. A tile that took
//! long is asked for again, once: what it takes then is its own doing, and not that of the machine. For cold tiles start
//! the server with `--tile-cache-mb 0`.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use bricola_layers::crs::lonlat_to_world;
use bricola_layers::tile::TileId;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const AT_ONCE: usize = 2;
/// Slower tiles are asked for again.
const SLOW: Duration = Duration::from_millis(100);

/// What was seen of some tiles.
#[derive(Default, Clone)]
struct Seen {
    asked: u64,
    filled: u64,
    /// Bytes of the largest.
    largest: (usize, String),
    slowest: (Duration, String),
    /// Tiles that were slow, and those that were slow twice.
    slow: [u64; 2],
}

impl Seen {
    fn take(&mut self, other: Self) {
        self.asked += other.asked;
        self.filled += other.filled;
        if other.largest.0 > self.largest.0 {
            self.largest = other.largest;
        }
        if other.slowest.0 > self.slowest.0 {
            self.slowest = other.slowest;
        }
        self.slow = [self.slow[0] + other.slow[0], self.slow[1] + other.slow[1]];
    }
}

async fn fetch(client: &reqwest::Client, url: &str) -> Outcome<(usize, Duration)> {
    let started = Instant::now();
    let body = client.get(url).send().await?.error_for_status()?.bytes().await?;
    Ok((body.len(), started.elapsed()))
}

async fn look(client: &reqwest::Client, base: &str, path: String) -> Outcome<Seen> {
    let url = format!("{base}{path}");
    let (bytes, mut took) = fetch(client, &url).await?;
    let mut slow = [0, 0];
    if took > SLOW {
        let (_, again) = fetch(client, &url).await?;
        slow = [1, u64::from(again > SLOW)];
        took = took.min(again);
    }
    Ok(Seen { asked: 1, filled: u64::from(bytes > 0), largest: (bytes, path.clone()), slowest: (took, path), slow })
}

/// The tiles of a zoom over `[west, south, east, north]` in degrees.
fn tiles(bounds: [f64; 4], z: u8) -> impl Iterator<Item = TileId> {
    let [west, south, east, north] = bounds;
    let corner = |lonlat| TileId::holding(lonlat_to_world(lonlat), z);
    let (low, high) = (corner([west, north]), corner([east, south]));
    (low.x..=high.x).flat_map(move |x| (low.y..=high.y).map(move |y| TileId { z, x, y }))
}

/// A layer, its bounds in degrees, its zooms.
struct Layer {
    id: String,
    bounds: [f64; 4],
    zooms: RangeInclusive<u64>,
}

/// The layers that are there.
async fn layers(client: &reqwest::Client, base: &str) -> Outcome<Vec<Layer>> {
    let list: Value = client.get(format!("{base}/collections?f=json")).send().await?.error_for_status()?.json().await?;
    let ids = list["collections"].as_array().into_iter().flatten().filter_map(|layer| layer["id"].as_str());
    let mut layers = Vec::new();
    for id in ids {
        let url = format!("{base}/tiles/{id}.json");
        let description: Value = client.get(url).send().await?.error_for_status()?.json().await?;
        // A layer without features has no bounds.
        if let Ok(bounds) = serde_json::from_value(description["bounds"].clone()) {
            let zoom = |name: &str| description[name].as_u64().ok_or(format!("{id} has no {name}"));
            let zooms = zoom("minzoom")?..=zoom("maxzoom")?;
            layers.push(Layer { id: id.to_owned(), bounds, zooms });
        }
    }
    Ok(layers)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().ok_or("usage: crawl URL [DEEPEST-ZOOM]")?;
    let deepest: u8 = arguments.next().map_or(Ok(18), |zoom| zoom.parse())?;
    let client = reqwest::Client::new();
    let (client, base) = (&client, base.as_str());
    let layers = layers(client, base).await?;
    let mut all = Seen::default();
    for z in 0..=deepest {
        let here = layers.iter().filter(|layer| layer.zooms.contains(&z.into()));
        let paths = here.flat_map(|Layer { id, bounds, .. }| {
            tiles(*bounds, z).map(move |TileId { z, x, y }| format!("/tiles/{id}/{z}/{x}/{y}"))
        });
        let looks = futures::stream::iter(paths).map(|path| look(client, base, path)).buffer_unordered(AT_ONCE);
        let looks = std::pin::pin!(looks);
        let seen = looks.try_fold(Seen::default(), |mut seen, tile| async move {
            seen.take(tile);
            Ok(seen)
        });
        let seen = seen.await?;
        let Seen { asked, filled, largest, slowest, .. } = &seen;
        let slowest_ms = slowest.0.as_secs_f64() * 1_000.0;
        println!(
            "z{z:<2} {asked:>9} tiles, {filled:>9} with features; largest {:>7} bytes {}; slowest {slowest_ms:.1} ms {}",
            largest.0, largest.1, slowest.1
        );
        all.take(seen);
    }
    let slowest_ms = all.slowest.0.as_secs_f64() * 1_000.0;
    let Seen { asked, filled, largest, slowest, slow: [slow, slow_twice] } = all;
    println!(
        "{}",
        json!({
            "layers": layers.len(), "asked": asked, "filled": filled, "largest_bytes": largest.0, "largest": largest.1,
            "slowest_ms": slowest_ms, "slowest": slowest.1, "slow": slow, "slow_twice": slow_twice,
        })
    );
    Ok(())
}
