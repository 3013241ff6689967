//! Label points: each once, inside, and no more of them than there is room for.

use std::collections::BTreeMap;

use bricola_layers::cache::Snapshot;
use bricola_layers::tile::{EXTENT, Part, Tile, TileId, TileOptions, render};
use geo::{Contains, Distance, Euclidean};
use geo_types::{Coord, Geometry, LineString, MultiPolygon, Point, Polygon};

use super::common::{Decoded, decode, definition, snapshot};
use super::{CENTRE, at, blobs, dense, exact, in_tile};

const NAMED: &str = "zoom = { min = 8, max = 18 }\nlabel = \"name\"";

fn labels(layer: &Snapshot, tile: TileId) -> Tile {
    render(layer, tile, &TileOptions { part: Part::Labels, ..TileOptions::default() })
}

fn decoded(tile: &Tile) -> Vec<Decoded> {
    let layers = decode(&tile.bytes);
    assert!(layers.iter().all(|(name, _)| name == "things_label"));
    layers.into_iter().next().map(|(_, features)| features).unwrap_or_default()
}

/// The label points of all tiles around the centre, by feature, each with its tile.
fn everywhere(layer: &Snapshot, z: u8, around: i64) -> BTreeMap<u64, (TileId, [i32; 2])> {
    let middle = at(CENTRE, z);
    let mut found = BTreeMap::new();
    for x in i64::from(middle.x) - around..=i64::from(middle.x) + around {
        for y in i64::from(middle.y) - around..=i64::from(middle.y) + around {
            let Some(tile) = u32::try_from(x).ok().zip(u32::try_from(y).ok()) else { continue };
            let Ok(tile) = TileId::new(z.into(), tile.0, tile.1) else { continue };
            for label in decoded(&labels(layer, tile)) {
                assert_eq!((label.kind, label.parts.len(), label.parts[0].len()), (1, 1, 1));
                let position = label.parts[0][0];
                assert!(position.iter().all(|value| (0..EXTENT as i32).contains(value)), "{position:?}");
                assert!(label.properties.iter().all(|(name, _)| name == "name"), "{:?}", label.properties);
                assert!(found.insert(label.id, (tile, position)).is_none(), "zoom {z}: {} is named twice", label.id);
            }
        }
    }
    found
}

#[test]
fn every_surface_is_named_once_at_every_zoom_inside_and_at_the_same_place() {
    // Surfaces of half a tile of zoom 14 and more: nearly all lie in several.
    let polygons = blobs(120, 0.012, 0.06);
    let layer = snapshot(&definition("polygon", NAMED), polygons.iter().cloned().map(Geometry::Polygon));
    let mut places: BTreeMap<u64, Coord<f64>> = BTreeMap::new();
    for (z, around) in [(10, 1), (13, 3), (15, 8), (16, 14)] {
        let found = everywhere(&layer, z, around);
        assert_eq!(found.len(), polygons.len(), "zoom {z}");
        for (id, (tile, [x, y])) in found {
            let label = Coord { x: f64::from(x), y: f64::from(y) };
            let surface = in_tile(tile, &polygons[id as usize - 1]);
            let depth = surface.exterior().lines().map(|edge| Euclidean.distance(&Point(label), &edge));
            assert!(surface.contains(&Point(label)), "{id} at zoom {z}");
            assert!(z < 15 || depth.fold(f64::MAX, f64::min) > 20.0, "{id} at zoom {z} is named at its edge");
            let world = |part: f64, number: u32| (part / f64::from(EXTENT) + f64::from(number)) / f64::from(1 << z);
            let place = Coord { x: world(label.x, tile.x), y: world(label.y, tile.y) };
            let first = places.entry(id).or_insert(place);
            // Half a tile unit of the shallowest.
            assert!(Euclidean.distance(*first, place) < 0.8 / f64::from(EXTENT) / f64::from(1 << 10), "{id} wandered");
        }
    }
}

#[test]
fn points_and_lines_among_surfaces_are_named_too_and_layers_without_surfaces_are_not() {
    let position = |x: f64, y: f64| Coord { x: CENTRE[0] + x, y: CENTRE[1] + y };
    let square = |x: f64, side: f64| {
        let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)].map(|(u, v)| position(x + u, v));
        Polygon::new(LineString(corners.to_vec()), vec![])
    };
    let line = LineString(vec![position(0.0, -0.001), position(0.002, -0.001)]);
    let mixed = [
        Geometry::Point(Point(position(0.003, 0.003))),
        Geometry::LineString(line.clone()),
        Geometry::MultiPolygon(MultiPolygon(vec![square(-0.002, 0.0005), square(0.001, 0.001)])),
    ];
    let layer = snapshot(&definition("geometry", NAMED), mixed);
    let found = everywhere(&layer, 15, 1);
    let expected = [position(0.003, 0.003), position(0.001, -0.001), position(0.0015, 0.0005)];
    for (id, expected) in (1..).zip(expected) {
        let (tile, [x, y]) = found[&id];
        let off = Euclidean.distance(exact(tile, expected), Coord { x: f64::from(x), y: f64::from(y) });
        assert!(off < 2.0, "{id}: {off}");
    }
    let lines = snapshot(&definition("linestring", NAMED), [Geometry::LineString(line)]);
    let unnamed = snapshot(&definition("polygon", ""), [Geometry::Polygon(square(0.0, 0.001))]);
    let tile = at(CENTRE, 14);
    assert_eq!((labels(&lines, tile), labels(&unnamed, tile)), (Tile::default(), Tile::default()));
}

#[test]
fn a_crowded_tile_names_its_largest_and_says_how_many_it_left_out() {
    let polygons = blobs(20_000, 0.001, 0.2);
    let layer = |extra: &str| {
        let named = definition("polygon", &format!("zoom = {{ min = 4, max = 16 }}\nlabel = \"name\"\n{extra}"));
        snapshot(&named, polygons.iter().cloned().map(Geometry::Polygon))
    };
    let (tight, layer) = (layer("tile_budget = 20000"), layer(""));
    let crowded = labels(&layer, at(CENTRE, 12));
    assert!(crowded.kept == 256 && crowded.total > 400, "{} of {}", crowded.kept, crowded.total);
    assert_eq!(decoded(&crowded).len(), 256);
    let deepest = labels(&layer, at(CENTRE, 16));
    assert!(deepest.kept == deepest.total && deepest.kept > 0);
    for z in 3..=17 {
        let tile = at(CENTRE, z);
        let (labels, features) = (labels(&tight, tile), render(&tight, tile, &TileOptions::default()));
        assert!(labels.bytes.len() <= 20_000 && labels.kept <= labels.total, "zoom {z}");
        let drawn: Vec<u64> = super::only_layer(&features).into_iter().map(|feature| feature.id).collect();
        assert!(decoded(&labels).iter().all(|label| drawn.contains(&label.id)), "zoom {z} names what it does not draw");
        let less = TileOptions { part: Part::Labels, budget: Some(500), ..TileOptions::default() };
        let less = render(&tight, tile, &less);
        assert!(less.bytes.len() <= 500 && less.total == labels.total);
    }
    assert_eq!(labels(&dense(), at(CENTRE, 12)), Tile::default(), "without a label field");
}
