//! Equal content is equal bytes: a server that followed the changes draws what one draws that has just read the layer.

use std::collections::BTreeMap;

use bricola_layers::cache::{Generation, Snapshot, read_layer};
use bricola_layers::crs::lonlat_to_world;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store};
use bricola_layers::tile::{Part, Tile, TileId, TileOptions, render};
use geo_types::{Coord, Geometry, LineString, Point};

use super::City;
use super::common::{definition, numbers};

const WEST: f64 = 12.0;
const SOUTH: f64 = 45.0;
const WIDTH: f64 = 0.4;
const HEIGHT: f64 = 0.3;
const ZOOMS: std::ops::RangeInclusive<u8> = 3..=14;

/// All tiles over the layer.
pub fn tiles() -> impl Iterator<Item = TileId> {
    ZOOMS.flat_map(|z| {
        let corner = |lonlat| TileId::holding(lonlat_to_world(lonlat), z);
        let (low, high) = (corner([WEST - 0.01, SOUTH + HEIGHT + 0.01]), corner([WEST + WIDTH + 0.01, SOUTH - 0.01]));
        (low.x..=high.x).flat_map(move |x| (low.y..=high.y).map(move |y| TileId { z, x, y }))
    })
}

/// Features and label points.
pub fn drawn(snapshot: &Snapshot, tile: TileId) -> [Tile; 2] {
    [Part::Features, Part::Labels].map(|part| render(snapshot, tile, &TileOptions { part, ..TileOptions::default() }))
}

/// A feature of any kind and size: points, lines, surfaces of a few metres up to half the layer.
pub fn anything(next: &mut impl FnMut() -> f64, round: i64) -> Feature {
    let snapped = |value: f64| (value * 1e8).round() / 1e8;
    let at = [WEST + WIDTH * next(), SOUTH + HEIGHT * next()];
    let size = 0.1 * 10_f64.powf(-4.0 * next());
    let mut near = |u: f64, v: f64| Coord {
        x: snapped(at[0] + size * (u + 0.3 * next())),
        y: snapped(at[1] + size * (v + 0.3 * next())),
    };
    let geometry = match round.rem_euclid(5) {
        0 => Geometry::from(Point::from(near(0.0, 0.0))),
        1 => Geometry::from((0..40).map(|step| near(f64::from(step) / 40.0, 0.0)).collect::<LineString<f64>>()),
        2 => Geometry::from(geo_types::MultiPoint::from(vec![near(0.0, 0.0), near(1.0, 1.0)])),
        _ => {
            let corners = [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0), (0.0, 1.0)];
            let mut ring: Vec<Coord<f64>> = corners.iter().map(|(u, v)| near(*u, *v)).collect();
            ring.push(ring[0]);
            Geometry::from(geo_types::Polygon::new(LineString(ring), Vec::new()))
        }
    };
    let text = format!("name {}", (next() * 40.0) as u8);
    let count = if next() < 0.3 { Value::Null } else { Value::Integer((next() * 9.0) as i64) };
    Feature { geometry: Some(geometry), properties: vec![Value::Text(text), count, Value::Real(next())] }
}

type Sheet = BTreeMap<TileId, (Generation, [Tile; 2])>;

fn sheet(city: &City) -> Sheet {
    let layer = city.territory.layer("things").expect("a layer");
    let snapshot = layer.snapshot().expect("ready");
    tiles().map(|tile| (tile, (layer.generation(tile), drawn(&snapshot, tile)))).collect()
}

/// Random edits, followed one batch after another: each time all tiles are those of the layer read anew, and those whose
/// generation stayed are the ones they were.
async fn follow_edits(definition_text: &str, features: usize, rounds: i64, seed: u64) {
    let mut next = numbers(seed);
    let start: Vec<Feature> = (0..features).map(|index| anything(&mut next, index as i64)).collect();
    let city = City::defined(&definition("geometry", definition_text), start).await;
    let mut alive: Vec<i64> = city.snapshot().expect("ready").rows().map(|row| row.id()).collect();
    let (mut before, mut renewed, mut crowded) = (sheet(&city), 0, [0; 2]);
    for round in 0..rounds {
        let mut edits = Vec::new();
        for _ in 0..=(next() * 3.0) as usize {
            let pick = (next() * alive.len() as f64) as usize;
            let kind = round + (next() * 5.0) as i64;
            let feature = anything(&mut next, kind);
            edits.push(match (next() * 4.0) as u8 {
                0 => Edit::Insert(feature),
                1 => Edit::Delete { id: alive.swap_remove(pick), expected: None },
                2 => {
                    // Only an attribute.
                    let id = alive.swap_remove(pick);
                    let mut stored = city.store.features("things", &[id]).await.expect("read").remove(0).feature;
                    stored.properties[1] = Value::Integer(round);
                    Edit::Update { id, expected: None, feature: stored }
                }
                _ => Edit::Update { id: alive.swap_remove(pick), expected: None, feature },
            });
        }
        let gone: Vec<i64> =
            edits.iter().filter_map(|edit| if let Edit::Delete { id, .. } = edit { Some(*id) } else { None }).collect();
        let (ids, seq) = city.store.write("things", edits).await.expect("written");
        alive.extend(ids.into_iter().filter(|id| !gone.contains(id)));
        city.territory.reached(seq).await;
        let after = sheet(&city);
        let fresh = read_layer(&city.store, "things").await.expect("read").expect("a layer");
        for (tile, (generation, drawn_now)) in &after {
            assert_eq!(drawn_now, &drawn(&fresh, *tile), "round {round}: {tile:?} depends on how it came about");
            let (generation_before, drawn_before) = &before[tile];
            if generation == generation_before {
                let bytes = |drawn: &[Tile; 2]| drawn.each_ref().map(|tile| tile.bytes.clone());
                assert_eq!(
                    bytes(drawn_now),
                    bytes(drawn_before),
                    "round {round}: {tile:?} changed and was not renewed"
                );
            } else {
                renewed += 1;
            }
            for (crowded, part) in crowded.iter_mut().zip(drawn_now) {
                *crowded += usize::from(part.kept < part.total);
            }
        }
        before = after;
    }
    let all = before.len() * rounds as usize;
    println!("{renewed} of {all} tiles renewed, {crowded:?} did not keep all features, all labels");
    assert!(renewed > 0 && renewed < all / 2 && crowded[0] > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_draws_what_a_newcomer_draws() {
    follow_edits("zoom = { min = 3, max = 14 }\nlabel = \"name\"", 800, 40, 41).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_not_all_fit_a_follower_keeps_what_a_newcomer_keeps() {
    let crowded = "zoom = { min = 3, max = 14 }\ntile_budget = 4000\nrank = \"count\"\nlabel = \"name\"";
    follow_edits(crowded, 1500, 40, 42).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_weighs_the_same_as_before_is_kept_as_before() {
    // Without a rank most edits of an attribute change nothing that the choice looks at.
    follow_edits("zoom = { min = 3, max = 14 }\ntile_budget = 4000\nlabel = \"name\"", 1500, 40, 44).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_is_the_same_when_its_changes_are_merged() {
    let mut next = numbers(43);
    let crowded = "zoom = { min = 3, max = 14 }\ntile_budget = 4000\nrank = \"count\"\nlabel = \"name\"";
    let start: Vec<Feature> = (0..21_000).map(|index| anything(&mut next, index)).collect();
    let city = City::defined(&definition("geometry", crowded), start).await;
    let ids: Vec<i64> = city.snapshot().expect("ready").rows().map(|row| row.id()).collect();
    let layer = city.territory.layer("things").expect("a layer");
    for some in ids.chunks(1_000) {
        let edits = some.iter().map(|id| Edit::Update { id: *id, expected: None, feature: anything(&mut next, *id) });
        let (_, seq) = city.store.write("things", edits.collect()).await.expect("written");
        city.territory.reached(seq).await;
    }
    let before = sheet(&city);
    let started = std::time::Instant::now();
    while layer.state().merges == 0 {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "never merged");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(sheet(&city), before, "a merge renews nothing");
    assert_eq!(layer.state().reads, 1);
    let fresh = read_layer(&city.store, "things").await.expect("read").expect("a layer");
    for tile in tiles() {
        assert_eq!(drawn(&layer.snapshot().expect("ready"), tile), drawn(&fresh, tile), "{tile:?}");
    }
    city.compare().await;
}
