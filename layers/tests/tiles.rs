//! Tiles against an independent clip (`geo`'s boolean operations on exact Web Mercator coordinates), against
//! the `mvt` crate, and against their own promises: budget, determinism, agreement of neighbours.

mod common;
#[path = "tiles/grids.rs"]
mod grids;
#[path = "tiles/labels.rs"]
mod labels;
#[path = "tiles/validity.rs"]
mod validity;

use std::collections::{BTreeMap, BTreeSet};

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::query::first_covering;
use bricola_layers::tile::{MvtEncoder, Part, Tile, TileId, TileOptions, WireEncoder, render, render_with};
use common::{Decoded, decode, definition, numbers, snapshot};
use geo::{Area, BooleanOps, BoundingRect, Contains, Distance, Euclidean, Length};
use geo_types::{Coord, Geometry, LineString, MultiPolygon, Point, Polygon, Rect};

const CENTRE: [f64; 2] = [12.8, 45.4];

/// A simple, irregular polygon around a position, radius in degrees; every third has a hole.
fn blob(next: &mut impl FnMut() -> f64, radius: f64, spread: f64) -> Polygon<f64> {
    let centre = [CENTRE[0] + (next() - 0.5) * spread, CENTRE[1] + (next() - 0.5) * spread];
    let vertices = 5 + (next() * 20.0) as usize;
    let mut ring = |scale: f64| {
        let vertex = |index: usize, r: f64| {
            let angle = std::f64::consts::TAU * index as f64 / vertices as f64;
            Coord { x: centre[0] + r * angle.cos(), y: centre[1] + r * angle.sin() * 0.7 }
        };
        let mut ring: Vec<_> = (0..vertices).map(|i| vertex(i, radius * scale * (0.6 + 0.4 * next()))).collect();
        ring.push(ring[0]);
        LineString(ring)
    };
    let shell = ring(1.0);
    let holes = if vertices.is_multiple_of(3) { vec![ring(0.3)] } else { vec![] };
    Polygon::new(shell, holes)
}

fn blobs(count: usize, radius: f64, spread: f64) -> Vec<Polygon<f64>> {
    let mut next = numbers(7);
    (0..count).map(|_| blob(&mut next, radius, spread)).collect()
}

/// Exact tile units of a position.
fn exact(tile: TileId, position: Coord<f64>) -> Coord<f64> {
    let scale = f64::from(1_u32 << tile.z) * 4096.0;
    let lat = position.y.to_radians();
    let x = (position.x + 180.0) / 360.0;
    let y = 0.5 - (lat.tan() + 1.0 / lat.cos()).ln() / std::f64::consts::TAU;
    Coord { x: x * scale - f64::from(tile.x) * 4096.0, y: y * scale - f64::from(tile.y) * 4096.0 }
}

fn in_tile(tile: TileId, polygon: &Polygon<f64>) -> Polygon<f64> {
    use geo::MapCoords;
    polygon.map_coords(|position| exact(tile, position))
}

fn polygon_of(feature: &Decoded) -> MultiPolygon<f64> {
    let mut polygons: Vec<Polygon<f64>> = Vec::new();
    for part in &feature.parts {
        let ring: LineString<f64> = part.iter().map(|v| Coord { x: v[0].into(), y: v[1].into() }).collect();
        let area: f64 = Polygon::new(ring.clone(), vec![]).signed_area();
        // y grows downwards: shells have positive area by the specification's formula.
        if area > 0.0 {
            polygons.push(Polygon::new(ring, vec![]));
        } else {
            polygons.last_mut().expect("a shell before its hole").interiors_push(ring);
        }
    }
    MultiPolygon(polygons)
}

fn at(position: [f64; 2], z: u8) -> TileId {
    TileId::holding(bricola_layers::crs::lonlat_to_world(position), z)
}

fn only_layer(tile: &Tile) -> Vec<Decoded> {
    decode(&tile.bytes).into_iter().next().map(|(_, features)| features).unwrap_or_default()
}

#[test]
fn tiles_hold_the_features_that_an_independent_clip_finds_within_a_grid_unit() {
    let polygons = blobs(400, 0.004, 0.08);
    let layer = snapshot(
        &definition("polygon", "zoom = { min = 0, max = 16 }"),
        polygons.iter().cloned().map(Geometry::Polygon),
    );
    let buffered = Rect::new(Coord { x: -64.0, y: -64.0 }, Coord { x: 4160.0, y: 4160.0 });
    let mut compared = 0;
    for z in [12, 14, 16] {
        let middle = at(CENTRE, z);
        for (dx, dy) in [(0, 0), (1, 0), (0, 1)] {
            let tile = TileId { x: middle.x + dx, y: middle.y + dy, ..middle };
            let found: BTreeMap<u64, Decoded> =
                only_layer(&render(&layer, tile, &TileOptions::default())).into_iter().map(|f| (f.id, f)).collect();
            for (index, polygon) in polygons.iter().enumerate() {
                let polygon = in_tile(tile, polygon);
                let expected = polygon.intersection(&buffered.to_polygon());
                let feature = found.get(&(index as u64 + 1));
                let Some(feature) = feature else {
                    let area = expected.unsigned_area();
                    assert!(area < 5000.0, "tile {tile:?} lacks feature {}, area {area}", index + 1);
                    continue;
                };
                compared += 1;
                // Deepest zoom: every vertex lies on the true outline. Before it: within the tolerance too.
                let allowed = if z == 16 { 1.2 } else { 1.2 + 2.0 };
                for vertex in feature.parts.iter().flatten() {
                    let vertex = Point::new(f64::from(vertex[0]), f64::from(vertex[1]));
                    let outline = std::iter::once(polygon.exterior()).chain(polygon.interiors());
                    let edge = outline.map(|ring| Euclidean.distance(&vertex, ring)).fold(f64::MAX, f64::min);
                    let frame = [vertex.x() + 64.0, 4160.0 - vertex.x(), vertex.y() + 64.0, 4160.0 - vertex.y()];
                    let frame = frame.into_iter().fold(f64::MAX, f64::min);
                    assert!(edge.min(frame) <= allowed, "{tile:?}: {vertex:?} is {edge} off");
                }
                let difference = expected.unsigned_area() - polygon_of(feature).unsigned_area();
                let perimeter = polygon.bounding_rect().map_or(0.0, |r| 4.0 * (r.width() + r.height()));
                assert!(
                    difference.abs() <= allowed * perimeter.min(40_000.0) + 10.0,
                    "{tile:?}: area off by {difference}"
                );
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

/// An outline of thousands of vertices, such as a street or a lagoon has.
fn coast() -> Polygon<f64> {
    let mut next = numbers(11);
    let vertex = |index: u32| {
        let angle = f64::from(index) * std::f64::consts::TAU / 3000.0;
        let radius = 0.015 + 0.004 * (7.0 * angle).sin() + 0.0002 * next();
        Coord { x: CENTRE[0] + radius * angle.cos(), y: CENTRE[1] + radius * angle.sin() }
    };
    Polygon::new((0..3000).map(vertex).collect(), vec![])
}

#[test]
fn a_long_outline_is_cut_and_asked_like_any_other() {
    let coast = coast();
    let layer = snapshot(&definition("polygon", "zoom = { min = 0, max = 16 }"), [Geometry::Polygon(coast.clone())]);
    let mut next = numbers(13);
    let (mut inside, mut cut) = (0, 0);
    for _ in 0..20_000 {
        let position = [CENTRE[0] + (next() - 0.5) * 0.05, CENTRE[1] + (next() - 0.5) * 0.05];
        let expected = coast.contains(&Point::from(position));
        inside += usize::from(expected);
        assert_eq!(first_covering(&layer, position).is_some(), expected, "{position:?}");
    }
    let buffered = Rect::new(Coord { x: -64.0, y: -64.0 }, Coord { x: 4160.0, y: 4160.0 }).to_polygon();
    for z in [12, 14, 16] {
        for vertex in coast.exterior().0.iter().step_by(37) {
            let tile = at([vertex.x, vertex.y], z);
            let expected = in_tile(tile, &coast).intersection(&buffered);
            let found = only_layer(&render(&layer, tile, &TileOptions::default()));
            let area: f64 = found.iter().map(|feature| polygon_of(feature).unsigned_area()).sum();
            let outline: f64 = expected.iter().map(|part| Euclidean.length(part.exterior())).sum();
            let allowed = if z == 16 { 1.2 } else { 1.2 + 2.0 };
            let difference = (expected.unsigned_area() - area).abs();
            assert!(difference <= allowed * outline + 10.0, "{tile:?}: area off by {difference}");
            cut += usize::from(area > 0.0);
        }
    }
    assert!(inside > 3000 && cut > 200, "{inside} {cut}");
}

#[test]
fn the_direct_writer_says_what_the_mvt_crate_says() {
    let mut next = numbers(3);
    let mut geometries: Vec<Geometry<f64>> = blobs(200, 0.003, 0.03).into_iter().map(Geometry::Polygon).collect();
    for index in 0..200 {
        let mut position = || Coord { x: CENTRE[0] + (next() - 0.5) * 0.03, y: CENTRE[1] + (next() - 0.5) * 0.03 };
        geometries.push(match index % 4 {
            0 => Geometry::Point(position().into()),
            1 => Geometry::LineString((0..9).map(|_| position()).collect()),
            2 => Geometry::MultiPoint((0..4).map(|_| position()).collect::<Vec<_>>().into()),
            _ => Geometry::MultiLineString(
                (0..3).map(|_| (0..3).map(|_| position()).collect::<LineString<f64>>()).collect(),
            ),
        });
    }
    let layer = snapshot(&definition("geometry", "label = \"name\""), geometries);
    for z in 8..=18 {
        let tile = at(CENTRE, z);
        let direct = render_with::<WireEncoder>(&layer, tile, &TileOptions::default());
        let oracle = render_with::<MvtEncoder>(&layer, tile, &TileOptions::default());
        assert!(direct.kept > 0);
        let named = TileOptions { part: Part::Labels, ..TileOptions::default() };
        let labels =
            [render_with::<WireEncoder>(&layer, tile, &named), render_with::<MvtEncoder>(&layer, tile, &named)];
        let [direct_labels, oracle_labels] = labels.map(|tile| decode(&tile.bytes));
        assert_eq!(direct_labels, oracle_labels, "zoom {z}");
        assert_eq!(decode(&direct.bytes), decode(&oracle.bytes), "zoom {z}");
    }
}

fn dense() -> Snapshot {
    snapshot(
        &definition("polygon", "tile_budget = 20000\nzoom = { min = 4, max = 16 }"),
        blobs(20_000, 0.001, 0.2).into_iter().map(Geometry::Polygon),
    )
}

#[test]
fn every_tile_is_within_its_budget_and_says_what_it_keeps() {
    let layer = dense();
    for z in 0..=17 {
        let middle = at(CENTRE, z);
        let tile = render(&layer, middle, &TileOptions::default());
        assert!(tile.bytes.len() <= 20_000, "zoom {z}: {}", tile.bytes.len());
        assert_eq!(tile.kept as usize, only_layer(&tile).len());
        assert!(tile.kept <= tile.total);
        match z {
            0..4 | 17 => assert_eq!(tile, Tile::default()),
            10 => assert!(tile.kept > 50 && tile.kept < tile.total, "{} of {}", tile.kept, tile.total),
            _ => {}
        }
    }
}

fn ids(layer: &Snapshot, tile: TileId) -> BTreeSet<u64> {
    only_layer(&render(layer, tile, &TileOptions::default())).into_iter().map(|feature| feature.id).collect()
}

/// The vertices of a feature in tile units.
fn vertices_in(row: RowRef<'_>, tile: TileId) -> impl Iterator<Item = [i32; 2]> {
    row.base.geometry().nodes(row.row).iter().map(move |node| tile.project()(row.base.world(*node)))
}

#[test]
fn neighbours_agree_on_what_is_kept_and_deeper_zooms_keep_it() {
    let layer = dense();
    let tiles = |z: u8| {
        let middle = at(CENTRE, z);
        (0..9_u32).map(move |i| TileId { x: middle.x + i % 3 - 1, y: middle.y + i / 3 - 1, ..middle })
    };
    for z in 11..=13 {
        for tile in tiles(z) {
            let east = TileId { x: tile.x + 1, ..tile };
            let (here, there) = (ids(&layer, tile), ids(&layer, east));
            // Features that reach well into both tiles are in both or in neither.
            for row in layer.rows() {
                let id = row.id() as u64;
                let (xs, ys): (Vec<f64>, Vec<f64>) =
                    vertices_in(row, tile).map(|[x, y]| (f64::from(x), f64::from(y))).unzip();
                let within = ys.iter().all(|y| (0.0..4096.0).contains(y));
                let (low, high) =
                    (xs.iter().copied().fold(f64::MAX, f64::min), xs.iter().copied().fold(f64::MIN, f64::max));
                if within && low < 4086.0 && high > 4106.0 && low > 0.0 && high < 8192.0 {
                    assert_eq!(here.contains(&id), there.contains(&id), "zoom {z}, feature {id}");
                }
            }
        }
        let parent = at(CENTRE, z);
        let children: BTreeSet<u64> = (0..4)
            .map(|i| TileId { z: z + 1, x: parent.x * 2 + i % 2, y: parent.y * 2 + i / 2 })
            .flat_map(|child| ids(&layer, child))
            .collect();
        let lost: Vec<u64> = ids(&layer, parent).difference(&children).copied().collect();
        // Only what lies in the parent's buffer alone may be missing.
        for id in lost {
            let row = layer.feature(id as i64).expect("a feature");
            let inside = vertices_in(row, parent).any(|vertex| vertex.iter().all(|v| (8..4088).contains(v)));
            assert!(!inside, "zoom {z}: feature {id} is lost one zoom deeper");
        }
    }
}

#[test]
fn the_same_layer_gives_the_same_bytes() {
    let (first, second) = (dense(), dense());
    for z in 4..=16 {
        let tile = at(CENTRE, z);
        let options = TileOptions::default();
        assert_eq!(render(&first, tile, &options), render(&second, tile, &options));
    }
}

#[test]
fn geometries_at_the_edge_of_the_world_and_of_the_grid_are_drawn() {
    let square = |x: f64, y: f64| Rect::new(Coord { x, y }, Coord { x: x + 4.0, y: y + 4.0 }).to_polygon();
    let polygons = [square(-180.0, -90.0), square(176.0, 86.0), square(176.0, -2.0), square(-2.0, -2.0)];
    let coarse = "resolution = 0.0000001\nzoom = { min = 0, max = 22 }";
    let layer = snapshot(&definition("polygon", coarse), polygons.into_iter().map(Geometry::Polygon));
    assert!(ids(&layer, TileId { z: 0, x: 0, y: 0 }).is_superset(&BTreeSet::from([3, 4])));
    // Deep inside the fourth square: the tile is full.
    let deep = TileId { z: 22, x: (1 << 21) + 3, y: (1 << 21) + 3 };
    let features = only_layer(&render(&layer, deep, &TileOptions::default()));
    assert_eq!(features.iter().map(|f| f.id).collect::<Vec<_>>(), [4]);
    let corners: BTreeSet<[i32; 2]> = features[0].parts[0].iter().copied().collect();
    assert_eq!(corners, BTreeSet::from([[-64, -64], [-64, 4160], [4160, -64], [4160, 4160]]));
}
