//! Measures the follower: `cargo run --release -p bricola-layers --example follow_bench [ROWS] [SECONDS]`.
//!
//! Fills an embedded store with parcels of 8 vertices (1 million unless said otherwise), lets a territory follow it, and
//! edits it for some seconds (10) at 200 and at 1,000 edits a second, each a transaction of its own: one half moves a
//! parcel to another place, the other changes an attribute. Prints edits a second, the time from commit to the published
//! snapshot, the processor time of the process (writer and follower together), and what it takes to ask for the
//! generation of a tile afterwards. Ends with a comparison: all tiles over a part of the city as followed, and as read
//! anew.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{Territory, follow, read_layer};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, FeatureId, Value};
use bricola_layers::query::Place;
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Replacement, Store};
use bricola_layers::tile::{TileId, TileOptions, render};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const LAYER: &str = "bench-parcels";
const DEFINITION: &str = r#"
    id = "bench-parcels"
    title = { it = "Particelle", en = "Parcels" }
    description = { it = "Per misurare.", en = "To measure." }
    theme = "cadastre"
    geometry = "multipolygon"
    crs = "EPSG:7795"
    zoom = { min = 13, max = 18 }
    label = "number"
    key = ["reference"]
    field = [
        { name = "reference", type = "text", tile = false, title = { it = "Riferimento", en = "Reference" } },
        { name = "number", type = "text", title = { it = "Numero", en = "Number" } },
        { name = "area", type = "real", title = { it = "Area", en = "Area" } },
    ]
"#;
/// Side of a parcel's cell, metres, and cells along one side of the city.
const SIDE: f64 = 28.0;
const COLUMNS: u64 = 1_000;
const ORIGIN: [f64; 2] = [3_000_000.0, 5_000_000.0];

fn parcel(row: u64, place: u64, area: f64) -> Feature {
    let (x, y) = (ORIGIN[0] + (place % COLUMNS) as f64 * SIDE, ORIGIN[1] + (place / COLUMNS) as f64 * SIDE);
    let ring = (0..8).map(|corner| {
        let angle = f64::from(corner) * std::f64::consts::FRAC_PI_4;
        let snapped = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Coord { x: snapped(x + 13.0 * angle.cos()), y: snapped(y + 13.0 * angle.sin()) }
    });
    let polygon = Polygon::new(LineString(ring.collect()), Vec::new());
    let texts = [format!("L736_{row:08}"), (row % 800).to_string()].map(Value::Text);
    Feature {
        geometry: Some(MultiPolygon(vec![polygon]).into()),
        properties: texts.into_iter().chain([Value::Real(area)]).collect(),
    }
}

/// Seconds of processor time that this process has used (Linux; 0 elsewhere).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

async fn load(store: &GeoPackageStore, rows: u64) -> Outcome<()> {
    let definition: LayerDefinition = toml::from_str(DEFINITION)?;
    store.define(&definition).await?;
    let mut replacement = store.replace(LAYER).await?;
    for first in (0..rows).step_by(4_096) {
        replacement.push((first..rows.min(first + 4_096)).map(|row| parcel(row, row, 229.0)).collect()).await?;
    }
    replacement.commit().await?;
    Ok(())
}

/// Edits at a rate and prints how the follower keeps up.
async fn edit(store: &GeoPackageStore, territory: &Territory, rows: u64, rate: u32, seconds: u32) -> Outcome<()> {
    let (started, processor) = (Instant::now(), processor_seconds());
    let merges = territory.health().merges;
    let mut waiting = Vec::new();
    for number in 0..u64::from(rate * seconds) {
        let due = started + Duration::from_secs(1) / rate * number as u32;
        tokio::time::sleep_until(due.into()).await;
        let row = number.wrapping_mul(7_919_993) % rows;
        let feature = match number % 2 {
            0 => parcel(row, number.wrapping_mul(104_729) % rows, 229.0),
            _ => parcel(row, row, number as f64),
        };
        let edit = Edit::Update { id: row as FeatureId + 1, expected: None, feature };
        let (_, seq) = store.write(LAYER, vec![edit]).await?;
        let (committed, territory) = (Instant::now(), territory.clone());
        waiting.push(tokio::spawn(async move {
            territory.reached(seq).await;
            committed.elapsed()
        }));
    }
    let wrote = started.elapsed().as_secs_f64();
    let mut late = Vec::with_capacity(waiting.len());
    for task in waiting {
        late.push(task.await?.as_secs_f64() * 1e3);
    }
    late.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
    println!(
        "{rate:>5} edits/s asked, {:>5.0} done; visible after p50 {:.1} ms, p99 {:.1} ms, last {:.0} ms; processor {:.2} of {:.1} s; {} merges",
        late.len() as f64 / wrote,
        at(0.5),
        at(0.99),
        at(1.0),
        processor_seconds() - processor,
        started.elapsed().as_secs_f64(),
        territory.health().merges - merges
    );
    Ok(())
}

/// Times a generation, and compares tiles as followed with tiles as read anew.
async fn compare(store: &Arc<GeoPackageStore>, territory: &Territory) -> Outcome<()> {
    let layer = territory.layer(LAYER).ok_or("no layer")?;
    let followed = layer.snapshot().ok_or("not ready")?;
    let centre = Place::new(followed.crs().ok_or("empty")?, ORIGIN.map(|value| value + 3_000.0))?.world();
    let around = |z: u8| {
        let middle = TileId::holding(centre, z);
        (0..49_u32).map(move |step| TileId { z, x: middle.x + step % 7 - 3, y: middle.y + step / 7 - 3 })
    };
    let tiles: Vec<TileId> = (13..=18).flat_map(around).collect();
    let started = Instant::now();
    let sum: i64 = (0..1_000).flat_map(|_| &tiles).map(|tile| layer.generation(*tile).seq).sum();
    let each = started.elapsed().as_secs_f64() * 1e9 / tiles.len() as f64 / 1_000.0;
    println!("a generation takes {each:.0} ns ({sum})");
    let fresh = read_layer(store, LAYER).await?.ok_or("no layer")?;
    let same = |tile: &&TileId| {
        let [a, b] = [&*followed, &fresh].map(|snapshot| render(snapshot, **tile, &TileOptions::default()));
        a == b
    };
    println!("{} of {} tiles are the same when the layer is read anew", tiles.iter().filter(same).count(), tiles.len());
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u32>().ok());
    let (rows, seconds) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(10));
    let folder = std::env::temp_dir().join(format!("bricola-follow-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let store = Arc::new(GeoPackageStore::open(&folder.join("store.gpkg"), OpenMode::ReadWrite).await?);
    load(&store, rows.into()).await?;
    let (territory, started) = (Territory::default(), Instant::now());
    tokio::spawn(follow(Arc::clone(&store), territory.clone()));
    territory.reached(store.last_seq().await?).await;
    println!("{rows} parcels ready in {:.2} s", started.elapsed().as_secs_f64());
    for rate in [200, 1_000] {
        edit(&store, &territory, rows.into(), rate, seconds).await?;
    }
    compare(&store, &territory).await?;
    drop(store);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
