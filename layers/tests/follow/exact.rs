//! Which tiles an edit renews: those that its old and new place touch, per zoom, and no other.

use std::collections::BTreeMap;

use bricola_layers::cache::{Generation, Snapshot};
use bricola_layers::crs::lonlat_to_world;
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, Store};
use bricola_layers::tile::{GridTile, MatrixSets, Part, Place, TileId, TileOptions, render, render_at};
use geo_types::{Geometry, LineString, Point};

use super::common::numbers;
use super::{City, feature, square};

const ZOOMS: std::ops::RangeInclusive<u8> = 0..=18;

/// Generation and bytes of tiles.
type Sheet = BTreeMap<TileId, (Generation, Vec<u8>)>;

/// All tiles of the zooms up to 9 over the layer, and deeper those around the places that matter.
fn sheet(city: &City, places: &[[f64; 2]]) -> Sheet {
    let layer = city.territory.layer("things").expect("a layer");
    let mut tiles = Vec::new();
    for z in ZOOMS {
        if z <= 9 {
            let corner = |lonlat| TileId::holding(lonlat_to_world(lonlat), z);
            let (low, high) = (corner([11.5, 46.5]), corner([16.5, 43.5]));
            tiles.extend((low.x..=high.x).flat_map(|x| (low.y..=high.y).map(move |y| TileId { z, x, y })));
        } else {
            for place in places {
                let TileId { x, y, .. } = TileId::holding(lonlat_to_world(*place), z);
                let around = (-2..=2).flat_map(|right| (-2..=2).map(move |down| (right, down)));
                tiles.extend(around.map(|(right, down)| TileId {
                    z,
                    x: x.saturating_add_signed(right),
                    y: y.saturating_add_signed(down),
                }));
            }
        }
    }
    tiles
        .into_iter()
        .map(|tile| (tile, (layer.generation(tile), drawn(&layer.snapshot().expect("ready"), tile))))
        .collect()
}

fn drawn(snapshot: &Snapshot, tile: TileId) -> Vec<u8> {
    let part = |part| render(snapshot, tile, &TileOptions { part, ..TileOptions::default() }).bytes;
    [part(Part::Features), part(Part::Labels)].concat()
}

/// Generation and bytes of tiles of the other grids around places.
type GridSheet = BTreeMap<String, (Generation, Vec<u8>)>;

fn grid_sheet(city: &City, sets: &MatrixSets, places: &[[f64; 2]]) -> GridSheet {
    let layer = city.territory.layer("things").expect("a layer");
    let mut sheet = GridSheet::new();
    for set in sets.iter().filter(|set| !set.is_web_mercator_quad()) {
        for (matrix, of) in set.matrices.iter().enumerate().filter(|(_, of)| ZOOMS.contains(&of.zoom)) {
            for [x, y] in places {
                let [left, right, top, bottom] =
                    of.limits_with_buffer(set.cover([*x, *y, *x, *y])).expect("in the grid");
                let columns = left.saturating_sub(2)..=(right + 2).min(of.columns - 1);
                for column in columns {
                    for row in top.saturating_sub(2)..=(bottom + 2).min(of.rows - 1) {
                        let tile = GridTile::new(set, matrix, column, row).expect("a tile");
                        let generation = layer.generation_in(&tile);
                        let snapshot = layer.snapshot().expect("ready");
                        let part = |part| {
                            let options = TileOptions { part, ..TileOptions::default() };
                            render_at(&snapshot, &Place::Grid(tile.clone()), &options).expect("a way").bytes
                        };
                        let bytes = [part(Part::Features), part(Part::Labels)].concat();
                        sheet.insert(format!("{tile:?}"), (generation, bytes));
                    }
                }
            }
        }
    }
    sheet
}

/// How many tiles were renewed, and how many of these are others now; those that were not must be what they were.
fn renewed_in_grids(before: &GridSheet, after: &GridSheet) -> (usize, usize) {
    let (mut renewed, mut differ) = (0, 0);
    for (tile, (generation, bytes)) in after {
        let (generation_before, bytes_before) = &before[tile];
        if generation == generation_before {
            assert_eq!(bytes, bytes_before, "{tile} changed and was not renewed");
        } else {
            renewed += 1;
            differ += usize::from(bytes != bytes_before);
        }
    }
    (renewed, differ)
}

/// Tiles that were renewed; the others must be what they were.
fn renewed(before: &Sheet, after: &Sheet) -> Vec<TileId> {
    let mut renewed = Vec::new();
    for (tile, (generation, bytes)) in after {
        let (generation_before, bytes_before) = &before[tile];
        if generation == generation_before {
            assert_eq!(bytes, bytes_before, "{tile:?} changed and was not renewed");
        } else {
            renewed.push(*tile);
        }
    }
    renewed
}

/// Whether a position lies in a tile or its buffer.
fn holds(tile: TileId, lonlat: [f64; 2]) -> bool {
    let (min, max) = tile.world_bounds();
    let world = lonlat_to_world(lonlat);
    (0..2).all(|axis| (min[axis].saturating_sub(10)..=max[axis].saturating_add(10)).contains(&world[axis]))
}

async fn moved(city: &City, id: i64, geometry: Geometry<f64>, name: &str) -> Seq {
    let edit = Edit::Update { id, expected: None, feature: feature(geometry, name, 2) };
    let (_, seq) = city.store.write("things", vec![edit]).await.expect("written");
    city.territory.reached(seq).await;
    seq
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_point_renews_the_tiles_of_its_two_places_and_no_other() {
    let mut next = numbers(5);
    let mut place = || [12.0 + 4.0 * next(), 44.0 + 2.0 * next()].map(|value| (value * 1e8).round() / 1e8);
    let point = |place: [f64; 2]| Geometry::from(Point::from(place));
    let city = City::holding("geometry", (0..300).map(|_| feature(point(place()), "point", 1)).collect()).await;
    let ids: Vec<i64> = city.snapshot().expect("ready").rows().map(|row| row.id()).collect();
    for round in 0..12 {
        let id = ids[round * 17 % ids.len()];
        let stored = city.store.features("things", &[id]).await.expect("read").remove(0);
        let Some(Geometry::Point(old)) = stored.feature.geometry else { panic!("a point") };
        let (old, new) = ([old.x(), old.y()], place());
        let before = sheet(&city, &[old, new]);
        let seq = moved(&city, id, point(new), "moved").await;
        let after = sheet(&city, &[old, new]);
        let renewed = renewed(&before, &after);
        for tile in after.keys() {
            let touched = holds(*tile, old) || holds(*tile, new);
            assert_eq!(renewed.contains(tile), touched, "{tile:?} {old:?} {new:?}");
            assert!(!touched || after[tile].0.seq == seq);
        }
        // Two places, nineteen zooms; at an edge the neighbour's buffer holds the place too.
        assert!((20..=4 * 2 * 19).contains(&renewed.len()), "{}", renewed.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_whatever_geometry_no_tile_is_stale() {
    let mut next = numbers(23);
    let city = City::holding("geometry", Vec::new()).await;
    let mut listener = city.territory.subscribe();
    let mut alive = Vec::new();
    let mut last = city.territory.seq();
    for _ in 0..40 {
        let at = [12.0 + 4.0 * next(), 44.0 + 2.0 * next()];
        let snapped = |value: f64| (value * 1e8).round() / 1e8;
        let size = 10_f64.powf(-3.5 + 3.0 * next());
        let geometry = match (next() * 3.0) as u8 {
            0 => Geometry::from(Point::new(snapped(at[0]), snapped(at[1]))),
            1 => square(at[0], at[1], size),
            _ => {
                let ends = (0..6).map(|_| (snapped(at[0] + size * next()), snapped(at[1] + size * next())));
                Geometry::from(ends.collect::<LineString<f64>>())
            }
        };
        let places = [at, [at[0] + size / 2.0, at[1] + size / 2.0]];
        let before = sheet(&city, &places);
        let pick = (next() * (alive.len() + 3) as f64) as usize;
        let edit = match alive.get(pick).copied() {
            Some(id) if next() < 0.3 => {
                alive.retain(|other| *other != id);
                Edit::Delete { id, expected: None }
            }
            Some(id) => Edit::Update { id, expected: None, feature: feature(geometry, "updated", 1) },
            None => Edit::Insert(feature(geometry, "new", 1)),
        };
        let inserts = matches!(edit, Edit::Insert(_));
        let (ids, seq) = city.store.write("things", vec![edit]).await.expect("written");
        if inserts {
            alive.extend(&ids);
        }
        city.territory.reached(seq).await;
        renewed(&before, &sheet(&city, &places));
        let told = listener.recv().await.expect("told");
        assert_eq!((told.after, told.seq, told.layers.len()), (last, seq, 1));
        assert_eq!((&*told.layers[0].layer, &told.layers[0].ids), ("things", &ids));
        assert!(!told.layers[0].whole && !told.layers[0].boxes.is_empty());
        last = seq;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_of_other_grids_are_renewed_where_something_changes_in_them_and_hardly_elsewhere() {
    let mut next = numbers(71);
    let sets = MatrixSets::shipped();
    let city = City::holding("geometry", Vec::new()).await;
    let mut alive = Vec::new();
    let (mut all, mut renewed, mut differ) = (0, 0, 0);
    for _ in 0..30 {
        let at = [12.0 + 2.0 * next(), 44.5 + next()];
        let snapped = |value: f64| (value * 1e8).round() / 1e8;
        let size = 10_f64.powf(-3.5 + 2.5 * next());
        let geometry = match (next() * 3.0) as u8 {
            0 => Geometry::from(Point::new(snapped(at[0]), snapped(at[1]))),
            1 => square(at[0], at[1], size),
            _ => {
                let ends = (0..5).map(|_| (snapped(at[0] + size * next()), snapped(at[1] + size * next())));
                Geometry::from(ends.collect::<LineString<f64>>())
            }
        };
        let places = [at, [at[0] + size / 2.0, at[1] + size / 2.0], [12.5, 45.0]];
        let before = grid_sheet(&city, &sets, &places);
        let pick = (next() * (alive.len() + 4) as f64) as usize;
        let edit = match alive.get(pick).copied() {
            Some(id) => Edit::Update { id, expected: None, feature: feature(geometry, "updated", 1) },
            None => Edit::Insert(feature(geometry, "new", 1)),
        };
        let inserts = matches!(edit, Edit::Insert(_));
        let (ids, seq) = city.store.write("things", vec![edit]).await.expect("written");
        if inserts {
            alive.extend(&ids);
        }
        city.territory.reached(seq).await;
        let counted = renewed_in_grids(&before, &grid_sheet(&city, &sets, &places));
        (all, renewed, differ) = (all + before.len(), renewed + counted.0, differ + counted.1);
    }
    println!("{all} tiles, {renewed} renewed, {differ} differ");
    // A tile of another grid lies in several of WebMercatorQuad, of which each has a buffer.
    assert!(differ > 100 && renewed < all / 2 && renewed < 8 * differ, "{all} {renewed} {differ}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_with_many_changes_is_merged_beside_the_work_and_loses_none() {
    let corners = |i: i32| square(12.0 + 0.001 * f64::from(i % 500), 45.0 + 0.001 * f64::from(i / 500), 0.0005);
    let city = City::with((0..21_000).map(|i| feature(corners(i), "start", 0)).collect()).await;
    let ids: Vec<i64> = city.snapshot().expect("ready").rows().map(|row| row.id()).collect();
    let layer = city.territory.layer("things").expect("a layer");
    let mut seq = 0;
    for (round, chunk) in ids.chunks(1_500).enumerate() {
        let edits = chunk.iter().enumerate().map(|(place, id)| match place % 50 {
            0 => Edit::Delete { id: *id, expected: None },
            _ => {
                Edit::Update { id: *id, expected: None, feature: feature(corners(place as i32), "moved", round as i64) }
            }
        });
        seq = city.store.write("things", edits.collect()).await.expect("written").1;
    }
    city.territory.reached(seq).await;
    let started = std::time::Instant::now();
    while layer.state().merges == 0 {
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "not merged");
        let edit = Edit::Insert(feature(square(13.0, 45.9, 0.01), "meanwhile", 0));
        city.store.write("things", vec![edit]).await.expect("written");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let last = city.store.last_seq().await.expect("answers");
    city.territory.reached(last).await;
    city.compare().await;
    assert!(city.territory.health().trouble.is_none() && city.territory.health().merges > 0);
}
