//! Measures a store: `cargo run --release -p bricola-layers --example store_bench [ROWS] [FOLDER | postgres://…]`, the
//! embedded one in a folder, or an empty database.
//!
//! Loads polygons of 9 vertices with 4 attributes (1 million unless said otherwise) into an empty layer, scans them
//! with one and with two parallel ranges, loads them again unchanged and with one row in a hundred changed, and scans
//! them as of before a thousand edits and before the last load. Each line gives wall time, processor time of the process
//! (not that of a database) and rows per second of wall time. On a database it ends with what the triggers add to an
//! insert of 100,000 rows by `psql`-like clients: the same statement on a plain table of the same columns and indexes.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::time::Instant;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, FeatureId, Value};
use bricola_layers::log::Seq;
use bricola_layers::store::{
    Edit, GeoPackageStore, OpenMode, PostgisOptions, PostgisStore, RedactedUrl, Replacement, Store, StoreError,
};
use futures::{StreamExt, TryStreamExt, pin_mut};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use sqlx::{Connection as _, Executor as _};

const LAYER: &str = "bench-parcels";
const DEFINITION: &str = r#"
    id = "bench-parcels"
    title = { it = "Particelle", en = "Parcels" }
    description = { it = "Per misurare.", en = "To measure." }
    theme = "cadastre"
    geometry = "multipolygon"
    crs = "EPSG:7795"
    key = ["sheet", "number"]
    field = [
        { name = "sheet", type = "text", title = { it = "Foglio", en = "Sheet" } },
        { name = "number", type = "text", title = { it = "Numero", en = "Number" } },
        { name = "area", type = "real", title = { it = "Area", en = "Area" } },
        { name = "reference", type = "text", title = { it = "Riferimento", en = "Reference" } },
    ]
"#;

fn parcel(row: u64, state: f64) -> Feature {
    let (x, y) = (3_000_000.0 + (row % 1_000) as f64 * 20.0, 5_000_000.0 + (row / 1_000) as f64 * 20.0);
    let ring = (0..8).map(|corner| {
        let angle = f64::from(corner) * std::f64::consts::FRAC_PI_4;
        let snapped = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Coord { x: snapped(x + 9.0 * angle.cos()), y: snapped(y + 9.0 * angle.sin()) }
    });
    let polygon = Polygon::new(LineString(ring.collect()), Vec::new());
    Feature {
        geometry: Some(MultiPolygon(vec![polygon]).into()),
        properties: vec![
            Value::Text((row / 1_000).to_string()),
            Value::Text((row % 1_000).to_string()),
            Value::Real(229.1 + state),
            Value::Text(format!("L736_{row:08}")),
        ],
    }
}

/// Seconds of processor time that this process has used (Linux; 0 elsewhere).
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

struct Stopwatch(Instant, f64);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now(), processor_seconds())
    }

    fn print(&self, what: &str, rows: u64) {
        let (wall, processor) = (self.0.elapsed().as_secs_f64(), processor_seconds() - self.1);
        println!("{what:<40} {wall:>8.2} s {processor:>8.2} s {:>12.0} rows/s", rows as f64 / wall);
    }
}

async fn load<S: Store + Clone>(
    store: &S,
    rows: u64,
    changed: impl Fn(u64) -> bool,
    what: &str,
) -> Result<(), StoreError> {
    // The rows are made beforehand: only the store is measured. Memory holds half a million at a time.
    let mut replacement = store.replace(LAYER).await?;
    let (mut wall, mut processor, mut from) = (0.0, 0.0, 0);
    while from < rows {
        let to = rows.min(from + 500_000);
        let made: Vec<Vec<Feature>> = (from..to)
            .step_by(4_096)
            .map(|first| {
                (first..to.min(first + 4_096)).map(|row| parcel(row, f64::from(u8::from(changed(row))))).collect()
            })
            .collect();
        let watch = Stopwatch::start();
        for batch in made {
            replacement.push(batch).await?;
        }
        wall += watch.0.elapsed().as_secs_f64();
        processor += processor_seconds() - watch.1;
        from = to;
    }
    println!("{:<40} {wall:>8.2} s {processor:>8.2} s {:>12.0} rows/s", format!("{what}: staging"), rows as f64 / wall);
    let watch = Stopwatch::start();
    let (replaced, _) = replacement.commit().await?;
    watch.print(&format!("{what}: commit"), rows);
    println!("    {replaced:?}");
    Ok(())
}

async fn scan<S: Store + Clone>(store: &S, ranges: i64) -> Result<(), StoreError> {
    let layer = store.layers().await?.remove(0);
    let watch = Stopwatch::start();
    let width = (layer.ids.end - layer.ids.start) / ranges + 1;
    let tasks = (0..ranges).map(|part| {
        let (store, from) = (store.clone(), layer.ids.start + part * width);
        tokio::spawn(async move {
            let batches = store.scan(LAYER, from..from + width);
            pin_mut!(batches);
            let mut rows = 0;
            while let Some(batch) = batches.try_next().await? {
                rows += batch.iter().filter(|row| row.is_ok()).count();
            }
            Ok::<_, StoreError>(rows)
        })
    });
    let counts: Vec<_> = futures::stream::iter(tasks).buffered(ranges as usize).collect().await;
    let rows: usize = counts.into_iter().map(|count| count.ok().and_then(Result::ok).unwrap_or(0)).sum();
    watch.print(&format!("scan in {ranges} ranges"), rows as u64);
    Ok(())
}

/// Scans the layer as of a change, beside a scan of now.
async fn scan_at<S: Store + Clone>(store: &S, at: Seq, what: &str) -> Result<(), Box<dyn std::error::Error>> {
    scan(store, 1).await?;
    let watch = Stopwatch::start();
    let batches = store.scan_at(LAYER, FeatureId::MIN..FeatureId::MAX, at);
    pin_mut!(batches);
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.iter().filter(|row| row.is_ok()).count();
    }
    watch.print(&format!("scan as of {what}"), rows as u64);
    Ok(())
}

/// A thousand edits, spread over the layer.
async fn edit<S: Store + Clone>(store: &S, rows: u64) -> Result<(), StoreError> {
    let first = store.layers().await?[0].ids.start;
    let edits = (0..rows).step_by((rows / 1_000).max(1) as usize).map(|row| Edit::Update {
        id: first + row as FeatureId,
        expected: None,
        feature: parcel(row, 2.0),
    });
    store.write(LAYER, edits.collect()).await.map(|_| ())
}

async fn measure<S: Store + Clone>(store: &S, rows: u64) -> Result<(), Box<dyn std::error::Error>> {
    let definition: LayerDefinition = toml::from_str(DEFINITION)?;
    store.define(&definition).await?;
    println!("{:<40} {:>10} {:>10}", "", "wall", "processor");
    load(store, rows, |_| false, "first load").await?;
    for ranges in [1, 2] {
        scan(store, ranges).await?;
    }
    load(store, rows, |_| false, "same again").await?;
    let before = store.last_seq().await?;
    edit(store, rows).await?;
    scan_at(store, before, "before a thousand edits").await?;
    let before = store.last_seq().await?;
    load(store, rows, |row| row % 100 == 0, "one in a hundred changed").await?;
    scan_at(store, before, "before the load").await
}

/// Seconds of a bulk insert into a table with our triggers and into one without, the better of five each.
async fn triggers(url: &str) -> Result<(), sqlx::Error> {
    const ROWS: u32 = 100_000;
    let mut database = sqlx::PgConnection::connect(url).await?;
    let columns = "geom, sheet, number, area, reference";
    let prepare = format!(
        "CREATE SCHEMA plain; CREATE TABLE plain.parcels (fid bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, \
         geom geometry(multipolygon, 7795), sheet text, number text, area double precision, reference text, \
         version integer NOT NULL DEFAULT 1, since bigint NOT NULL DEFAULT 1); \
         CREATE INDEX ON plain.parcels USING gist (geom); CREATE UNIQUE INDEX ON plain.parcels (sheet, number); \
         CREATE TEMPORARY TABLE rows AS SELECT {columns} FROM city.bench_parcels LIMIT {ROWS}; \
         UPDATE rows SET sheet = 'new ' || sheet"
    );
    database.execute(sqlx::raw_sql(&prepare)).await?;
    let mut best = [f64::INFINITY; 2];
    for _ in 0..5 {
        for (table, best) in ["plain.parcels", "city.bench_parcels"].iter().zip(&mut best) {
            let started = Instant::now();
            database
                .execute(sqlx::raw_sql(&format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM rows")))
                .await?;
            *best = best.min(started.elapsed().as_secs_f64());
            database.execute(sqlx::raw_sql(&format!("DELETE FROM {table} WHERE sheet LIKE 'new %'"))).await?;
        }
    }
    let [plain, ours] = best;
    println!("insert of {ROWS} rows: plain {plain:.2} s, with triggers {ours:.2} s, ratio {:.2}", ours / plain);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments.next().map_or(Ok(1_000_000), |rows| rows.parse())?;
    match arguments.next() {
        Some(url) if url.starts_with("postgres") => {
            let store = PostgisStore::open(PostgisOptions::new(RedactedUrl::new(&*url), "city")).await?;
            measure(&store, rows).await?;
            triggers(&url).await?;
        }
        folder => {
            let folder = folder.map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
            let store = GeoPackageStore::open(folder.path().join("bench.gpkg"), OpenMode::ReadWrite).await?;
            measure(&store, rows).await?;
            println!("file: {:.0} MB", store.path().metadata()?.len() as f64 / 1e6);
        }
    }
    Ok(())
}
