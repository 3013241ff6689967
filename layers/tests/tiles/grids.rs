//! Tiles of grids other than WebMercatorQuad, against GDAL's transformation and clip.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bricola_layers::cache::Snapshot;
use bricola_layers::crs::{Crs, with_transformer};
use bricola_layers::definition::parse;
use bricola_layers::tile::{
    EXTENT, GridTile, MatrixSets, Part, Place, Tile, TileMatrixSet, TileOptions, render, render_at,
};
use geo::BoundingRect;
use geo_types::{Coord, Geometry, LineString, MultiPolygon, Point};
use geozero::ToWkt as _;
use serde_json::{Value, json};

use super::common::{Decoded, definition, numbers, snapshot};
use super::{at, blobs, coast, only_layer, polygon_of};

const STORED: u32 = 7795;
const GRIDS: [&str; 3] = ["WorldCRS84Quad", "EuropeanETRS89_LAEAQuad", "ItalyRDN2008_UTM33NQuad"];

/// From degrees to the CRS of the store, snapped to its resolution.
fn stored(geometry: &Geometry<f64>) -> Geometry<f64> {
    use geo::MapCoords;
    let crs = Crs::epsg(STORED).expect("a CRS");
    with_transformer(&Crs::wgs84(), &crs, |transformer| {
        geometry.map_coords(|Coord { x, y }| {
            let [x, y] = transformer.point([x, y]).expect("a place");
            Coord { x: (x * 1000.0).round() / 1000.0, y: (y * 1000.0).round() / 1000.0 }
        })
    })
    .expect("a way")
}

fn layer(kind: &str, extra: &str, geometries: &[Geometry<f64>]) -> Snapshot {
    let fields = [
        "name = \"name\"\ntype = \"text\"",
        "name = \"count\"\ntype = \"integer\"",
        "name = \"measure\"\ntype = \"real\"",
    ];
    let fields: String = fields.map(|it| format!("[[field]]\n{it}\ntitle = {{ it = \"a\", en = \"a\" }}\n")).concat();
    let text = format!(
        "id = \"things\"\ntitle = {{ it = \"Cose\", en = \"Things\" }}\ndescription = {{ it = \"Cose.\", en = \"Things.\" }}\n\
         theme = \"services\"\ngeometry = \"{kind}\"\ncrs = \"EPSG:{STORED}\"\n{extra}\n{fields}"
    );
    snapshot(&Arc::new(parse("test", &text).expect("a definition")), geometries.iter().cloned())
}

/// The tile of a matrix in which a position in degrees lies.
fn holding(set: &Arc<TileMatrixSet>, matrix: usize, lonlat: [f64; 2]) -> GridTile {
    let [x, y] = with_transformer(&Crs::wgs84(), &set.crs, |it| it.point(lonlat).expect("a place")).expect("a way");
    let of = &set.matrices[matrix];
    let number = |offset: f64| (offset / of.side()).floor() as u32;
    GridTile::new(set, matrix, number(x - of.origin[0]), number(of.origin[1] - y)).expect("a tile")
}

fn drawn(layer: &Snapshot, tile: &GridTile) -> BTreeMap<u64, Decoded> {
    let tile = render_at(layer, &Place::Grid(tile.clone()), &TileOptions::default()).expect("a way");
    only_layer(&tile).into_iter().map(|feature| (feature.id, feature)).collect()
}

fn text(geometry: &Geometry<f64>) -> String {
    geometry.to_wkt().expect("text")
}

fn wkt_of(feature: &Decoded) -> String {
    let line = |part: &Vec<[i32; 2]>| {
        part.iter().map(|v| Coord { x: f64::from(v[0]), y: f64::from(v[1]) }).collect::<LineString<f64>>()
    };
    match feature.kind {
        1 => text(&Geometry::from(Point::from(line(&feature.parts[0]).0[0]))),
        2 => text(&geo_types::MultiLineString(feature.parts.iter().map(line).collect()).into()),
        _ => text(&polygon_of(feature).into()),
    }
}

/// What GDAL says of tiles.
fn by_gdal(tiles: &[Value]) -> Vec<Value> {
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", include_str!("clip.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 with python3-gdal");
    python.stdin.take().expect("a pipe").write_all(json!(tiles).to_string().as_bytes()).expect("written");
    let output = python.wait_with_output().expect("ended");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Random tiles around the geometries, with what is drawn of each in them.
fn tiles(
    layer: &Snapshot,
    stored: &[Geometry<f64>],
    near: &[[f64; 2]],
    matrices: fn(u8) -> bool,
    seed: u64,
) -> Vec<Value> {
    let sets = MatrixSets::shipped();
    let mut next = numbers(seed);
    let mut all = Vec::new();
    for id in GRIDS {
        let set = sets.get(id).expect("a grid");
        let shown: Vec<usize> =
            set.matrices.iter().enumerate().filter(|(_, it)| matrices(it.zoom)).map(|(place, _)| place).collect();
        for _ in 0..14 {
            let matrix = shown[(next() * shown.len() as f64) as usize];
            let tile = holding(set, matrix, near[(next() * near.len() as f64) as usize]);
            let drawn = drawn(layer, &tile);
            let features: Vec<Value> = stored
                .iter()
                .enumerate()
                .map(|(index, geometry)| {
                    let id = index as u64 + 1;
                    json!({"id": id, "source": text(geometry), "drawn": drawn.get(&id).map(wkt_of)})
                })
                .collect();
            assert!(drawn.keys().all(|id| *id <= stored.len() as u64));
            let code = set.crs.code().expect("a code");
            let (column, row) = tile.numbers();
            let name = format!("{id}/{}/{row}/{column}", tile.matrix().id);
            let is_deepest = tile.zoom() >= layer.definition().zoom.max;
            all.push(json!({
                "name": name, "bounds": tile.bounds(), "from": STORED, "to": code, "features": features, "deepest": is_deepest,
            }));
        }
    }
    all
}

#[test]
fn surfaces_and_lines_are_drawn_where_gdal_draws_them() {
    let surfaces: Vec<Geometry<f64>> = blobs(120, 0.004, 0.08).into_iter().map(Geometry::Polygon).collect();
    let lines: Vec<Geometry<f64>> =
        blobs(60, 0.02, 0.08).into_iter().map(|blob| Geometry::LineString(blob.exterior().clone())).collect();
    for (kind, geometries, seed) in
        [("polygon", surfaces, 1), ("polygon", vec![Geometry::Polygon(coast())], 2), ("linestring", lines, 3)]
    {
        let near: Vec<[f64; 2]> = geometries
            .iter()
            .filter_map(BoundingRect::bounding_rect)
            .flat_map(|it| [[it.min().x, it.center().y], [it.center().x, it.max().y], [it.center().x, it.center().y]])
            .collect();
        let stored: Vec<Geometry<f64>> = geometries.iter().map(stored).collect();
        let layer = layer(kind, "zoom = { min = 8, max = 16 }", &stored);
        let tiles = tiles(&layer, &stored, &near, |zoom| (11..=16).contains(&zoom), seed);
        let deepest: BTreeSet<&str> =
            tiles.iter().filter(|it| it["deepest"] == true).filter_map(|it| it["name"].as_str()).collect();
        let mut compared = 0;
        for answer in by_gdal(&tiles) {
            // All vertices at the deepest scale, each snapped to a unit; else thinned within two units besides.
            let allowed = if deepest.contains(answer["tile"].as_str().expect("a name")) { 1.2 } else { 3.2 };
            let number = |name: &str| answer[name].as_f64().expect("a number");
            let (expected, area) = (number("expected"), number("area"));
            if answer["drawn"] == true {
                compared += 1;
                assert!(number("far") <= allowed, "{answer}");
            }
            // A surface that covers a tile, and one that the tile lies beside, leave no room for error.
            let difference = (expected - area).abs();
            let slack =
                if kind == "polygon" { allowed * number("perimeter") + 10.0 } else { allowed * 40.0 + expected * 0.02 };
            assert!(difference <= slack, "{answer}");
        }
        println!("{kind}: {compared} compared");
        assert!(compared > 30, "{compared}");
    }
}

#[test]
fn points_are_drawn_where_gdal_draws_them_each_in_the_tiles_that_hold_it() {
    let mut next = numbers(29);
    let near: Vec<[f64; 2]> = (0..80).map(|_| [12.3 + next() * 0.1, 45.4 + next() * 0.1]).collect();
    let stored: Vec<Geometry<f64>> = near.iter().map(|it| stored(&Geometry::Point(Point::from(*it)))).collect();
    let layer = layer("point", "zoom = { min = 8, max = 16 }", &stored);
    let mut inside = 0;
    for answer in by_gdal(&tiles(&layer, &stored, &near, |zoom| (8..=16).contains(&zoom), 5)) {
        let off = answer["off"].as_f64();
        if let Some(off) = off {
            inside += 1;
            assert!(off <= 0.6, "{answer}");
        }
        // At the very edge of the buffer rounding decides.
        if off.is_none() {
            assert!(answer["inside"] == false, "{answer}");
        }
    }
    assert!(inside > 200, "{inside}");
}

#[test]
fn neighbours_in_a_grid_agree_on_every_vertex_and_every_feature() {
    let geometries: Vec<Geometry<f64>> =
        blobs(4000, 0.001, 0.1).into_iter().map(|it| stored(&Geometry::Polygon(it))).collect();
    // So small a budget that the ladder has to choose.
    let layer = layer("polygon", "tile_budget = 30000\nzoom = { min = 8, max = 16 }", &geometries);
    let sets = MatrixSets::shipped();
    for id in GRIDS {
        let set = sets.get(id).expect("a grid");
        for matrix in
            set.matrices.iter().enumerate().filter(|(_, it)| (12..=16).contains(&it.zoom)).map(|(place, _)| place)
        {
            let here = holding(set, matrix, super::CENTRE);
            let (column, row) = here.numbers();
            let east = GridTile::new(set, matrix, column + 1, row).expect("a tile");
            let (left, right) = (drawn(&layer, &here), drawn(&layer, &east));
            let side = EXTENT as i32;
            for (id, feature) in &left {
                let vertices = || feature.parts.iter().flatten();
                // Well inside both, away from their frames.
                let reaches = vertices().any(|v| v[0] > side + 8 && (8..side - 8).contains(&v[1]));
                if !reaches {
                    continue;
                }
                let other = right.get(id).unwrap_or_else(|| panic!("{} {id} in one of two tiles", set.id));
                let other: BTreeSet<[i32; 2]> = other.parts.iter().flatten().map(|v| [v[0] + side, v[1]]).collect();
                for vertex in
                    vertices().filter(|v| (side - 60..side + 60).contains(&v[0]) && (-60..side + 60).contains(&v[1]))
                {
                    assert!(other.contains(vertex), "{} {id}: {vertex:?}", set.id);
                }
            }
        }
    }
}

#[test]
fn label_points_lie_in_their_surfaces_in_every_grid() {
    let geometries: Vec<Geometry<f64>> =
        blobs(200, 0.003, 0.05).into_iter().map(|it| stored(&Geometry::Polygon(it))).collect();
    let layer = layer("polygon", "label = \"name\"\nzoom = { min = 8, max = 16 }", &geometries);
    let sets = MatrixSets::shipped();
    let mut named = 0;
    for id in GRIDS {
        let set = sets.get(id).expect("a grid");
        let matrix = set.matrices.iter().position(|it| it.zoom == 13).expect("a matrix");
        let tile = holding(set, matrix, super::CENTRE);
        let surfaces = drawn(&layer, &tile);
        let options = TileOptions { part: Part::Labels, ..TileOptions::default() };
        let labels: Tile = render_at(&layer, &Place::Grid(tile), &options).expect("a way");
        for label in only_layer(&labels) {
            use geo::{Distance, Euclidean};
            let [x, y] = label.parts[0][0];
            let place = Point::new(f64::from(x), f64::from(y));
            let surface: MultiPolygon<f64> = polygon_of(&surfaces[&label.id]);
            assert!(Euclidean.distance(&place, &surface) <= 3.0, "{id} {}", label.id);
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}

#[test]
fn what_has_no_place_in_the_crs_of_a_grid_is_left_out_and_nothing_else() {
    // In degrees: one near Venice, one at the other end of the world, where neither projection reaches.
    let near = blobs(1, 0.01, 0.0).remove(0);
    let far = geo_types::Rect::new(Coord { x: -168.0, y: -46.0 }, Coord { x: -166.0, y: -44.0 }).to_polygon();
    let layer = snapshot(
        &definition("polygon", "resolution = 0.000001\nzoom = { min = 0, max = 16 }"),
        [near, far].into_iter().map(Geometry::Polygon),
    );
    let sets = MatrixSets::shipped();
    for id in GRIDS {
        let set = sets.get(id).expect("a grid");
        for (matrix, of) in set.matrices.iter().enumerate().filter(|(_, it)| (8..=16).contains(&it.zoom)) {
            let here = holding(set, matrix, super::CENTRE);
            assert_eq!(drawn(&layer, &here).into_keys().collect::<Vec<_>>(), [1], "{here:?}");
            let last = GridTile::new(set, matrix, of.columns - 1, of.rows - 1).expect("a tile");
            for corner in [GridTile::new(set, matrix, 0, 0).expect("a tile"), last] {
                assert!(drawn(&layer, &corner).is_empty(), "{corner:?}");
            }
        }
    }
    let world = sets.get("WorldCRS84Quad").expect("a grid");
    let matrix = world.matrices.iter().position(|it| it.zoom == 8).expect("a matrix");
    assert_eq!(drawn(&layer, &holding(world, matrix, [-167.0, -45.0])).into_keys().collect::<Vec<_>>(), [2]);
    // And WebMercatorQuad is what it was.
    let tile = at(super::CENTRE, 14);
    let same = render_at(&layer, &Place::Mercator(tile), &TileOptions::default()).expect("a way");
    assert_eq!(same, render(&layer, tile, &TileOptions::default()));
}
