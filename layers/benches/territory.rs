//! The engine without HTTP: building the mirror of a million parcels, rendering tiles cold with both
//! encoders, point-in-parcel lookups. `cargo bench -p bricola-layers --bench territory -- [parcels]`
//!
//! Synthetic parcels, made without a random number generator, so that every run times the same work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{BaseBuilder, Snapshot};
use bricola_layers::definition::parse;
use bricola_layers::feature::{Feature, StoredFeature, Value};
use bricola_layers::query::first_covering;
use bricola_layers::tile::{Encoder, MvtEncoder, TileId, TileOptions, WireEncoder, render_with};
use flate2::Compression;
use flate2::write::GzEncoder;
use geo_types::{Coord, Geometry, LineString, Polygon};
use rayon::prelude::*;
use std::io::Write;

const DEFINITION: &str = r#"
    id = "parcels"
    title = { it = "Particelle", en = "Parcels" }
    description = { it = "", en = "" }
    theme = "cadastre"
    geometry = "polygon"
    crs = "EPSG:7795"
    zoom = { min = 8, max = 18 }
    key = ["national_ref"]
    field = [
        { name = "national_ref", type = "text", title = { it = "", en = "" } },
        { name = "sheet", type = "integer", title = { it = "", en = "" } },
        { name = "number", type = "text", title = { it = "", en = "" } },
        { name = "area_m2", type = "real", title = { it = "", en = "" } },
    ]
"#;
/// Side of a parcel's cell, metres: 1 M parcels on 784 km².
const SIDE: f64 = 28.0;
const ORIGIN: [f64; 2] = [3_060_000.0, 5_030_000.0];

fn parcel(index: usize, columns: usize) -> StoredFeature {
    let (column, row) = (index % columns, index / columns);
    let corner = |dx: f64, dy: f64| {
        let (x, y) = (column as f64 + dx, row as f64 + dy);
        // Neighbours share corners: a warp of the plane, not of the parcel.
        Coord {
            x: ((ORIGIN[0] + x * SIDE + 9.0 * (y * 0.7).sin()) * 1000.0).round() / 1000.0,
            y: ((ORIGIN[1] + y * SIDE + 9.0 * (x * 0.6).sin()) * 1000.0).round() / 1000.0,
        }
    };
    let outline =
        [(0.0, 0.0), (0.3, 0.0), (0.7, 0.0), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (0.6, 1.0), (0.0, 1.0), (0.0, 0.4)];
    let mut ring: Vec<_> = outline.iter().map(|(dx, dy)| corner(*dx, *dy)).collect();
    ring.push(ring[0]);
    let (sheet, number) = (index / 800 + 1, index % 800 + 1);
    let properties = vec![
        Value::Text(format!("Z999_{sheet:04}00.{number}")),
        Value::Integer(sheet as i64),
        Value::Text(number.to_string()),
        Value::Real(SIDE * SIDE + (index % 97) as f64),
    ];
    let geometry = Some(Geometry::Polygon(Polygon::new(LineString(ring), vec![])));
    StoredFeature { id: index as i64 + 1, version: 1, feature: Feature { geometry, properties } }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn tiles<E: Encoder>(name: &str, snapshot: &Snapshot, columns: usize) {
    let middle = columns as f64 * SIDE / 2.0;
    for z in [10, 11, 12, 13, 14, 16] {
        let mut times = Vec::new();
        let (mut bytes, mut packed, mut kept, mut total) = (0, 0, 0, 0);
        for step in 0..48 {
            let (dx, dy) = (f64::from(step % 7) * 900.0 - 2700.0, f64::from(step / 7) * 900.0 - 2700.0);
            let position = [ORIGIN[0] + middle + dx, ORIGIN[1] + middle + dy];
            let place = bricola_layers::query::Place::new(snapshot.crs().expect("a CRS"), position).expect("a place");
            let tile = TileId::holding(place.world(), z);
            let started = Instant::now();
            let rendered = render_with::<E>(snapshot, tile, &TileOptions::default());
            times.push(started.elapsed());
            (bytes, kept, total) = (rendered.bytes.len(), rendered.kept, rendered.total);
            let mut gzip = GzEncoder::new(Vec::new(), Compression::new(1));
            gzip.write_all(&rendered.bytes).expect("memory");
            packed = gzip.finish().expect("memory").len();
        }
        println!(
            "{name:>5} z{z:<2} {:>9.3} ms  {bytes:>8} bytes  {packed:>8} gzip 1  kept {kept} of {total}",
            median(times).as_secs_f64() * 1e3
        );
    }
}

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000_usize);
    let columns = (count as f64).sqrt() as usize;
    let definition = Arc::new(parse("bench", DEFINITION).expect("a definition"));
    let before = resident_mb();
    let mut builder = BaseBuilder::new(&definition).expect("a CRS");
    let mut packing = Duration::ZERO;
    for index in 0..columns * columns {
        let row = parcel(index, columns);
        let started = Instant::now();
        builder.push(&row);
        packing += started.elapsed();
    }
    let started = Instant::now();
    let (base, _) = builder.finish().expect("mirrored");
    let mirror = started.elapsed();
    let started = Instant::now();
    let snapshot = Snapshot::of(base, Arc::clone(&definition), 1);
    println!(
        "{} parcels: packed in {:.2} s, world coordinates and R-tree {:.2} s, ladder {:.2} s, resident {:.0} MB",
        snapshot.len(),
        packing.as_secs_f64(),
        mirror.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        resident_mb() - before
    );
    tiles::<WireEncoder>("wire", &snapshot, columns);
    tiles::<MvtEncoder>("mvt", &snapshot, columns);

    let extent = columns as f64 * SIDE;
    let points: Vec<[f64; 2]> = (0..1_000_000_u64)
        .map(|index| {
            let spread = |n: u64| (index.wrapping_mul(n) % 1_000_003) as f64 / 1_000_003.0 * extent;
            [ORIGIN[0] + spread(7_919), ORIGIN[1] + spread(104_729)]
        })
        .collect();
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let started = Instant::now();
        let found =
            pool.install(|| points.par_iter().filter(|point| first_covering(&snapshot, **point).is_some()).count());
        println!("1 M lookups on {threads} thread(s): {:.2} s, {found} in a parcel", started.elapsed().as_secs_f64());
    }
}
