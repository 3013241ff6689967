//! What is thinned, snapped and cut is still a surface: no ring crosses itself or another, shells and holes run as the
//! specification says.

use bricola_layers::tile::{TileId, TileOptions, render};
use geo::Validation;
use geo_types::{Coord, Geometry, LineString, Polygon};

use super::common::{definition, numbers, snapshot};
use super::{CENTRE, at, blobs, coast, only_layer, polygon_of};

/// A surface that goes out and back beside itself, a few metres apart: thinned, its sides come to meet.
fn ribbon(next: &mut impl FnMut() -> f64) -> Polygon<f64> {
    let start = [CENTRE[0] + (next() - 0.5) * 0.04, CENTRE[1] + (next() - 0.5) * 0.04];
    let width = 2e-5 * (0.2 + next());
    let steps: Vec<[f64; 2]> =
        (0..24).map(|step| [start[0] + 4e-4 * f64::from(step), start[1] + 3e-4 * (next() - 0.5)]).collect();
    let side = |up: f64| move |[x, y]: &[f64; 2]| Coord { x: *x, y: *y + up };
    let mut ring: Vec<Coord<f64>> = steps.iter().map(side(0.0)).chain(steps.iter().rev().map(side(width))).collect();
    ring.push(ring[0]);
    Polygon::new(LineString(ring), vec![])
}

#[test]
fn every_surface_in_a_tile_is_valid() {
    let mut next = numbers(17);
    let ribbons = (0..200).map(|_| ribbon(&mut next)).collect();
    // Wide ones with holes are cut by the frame in every way at the deeper zooms.
    for (name, surfaces) in [("blobs", blobs(300, 0.01, 0.04)), ("coast", vec![coast()]), ("ribbons", ribbons)] {
        assert!(surfaces.iter().all(Validation::is_valid), "{name}");
        let layer = snapshot(
            &definition("polygon", "zoom = { min = 6, max = 18 }"),
            surfaces.into_iter().map(Geometry::Polygon),
        );
        let mut seen = 0;
        for z in 8..=17 {
            let TileId { x, y, .. } = at(CENTRE, z);
            for (right, down) in (0..3).flat_map(|right| (0..3).map(move |down| (right, down))) {
                let tile = TileId { z, x: x + right - 1, y: y + down - 1 };
                for feature in only_layer(&render(&layer, tile, &TileOptions::default())) {
                    // Holes stand after a shell, or this panics.
                    let drawn = polygon_of(&feature);
                    assert!(
                        drawn.is_valid(),
                        "{name} {} in {tile:?}: {:?} {:?}",
                        feature.id,
                        drawn.check_validation(),
                        feature.parts
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 20, "{name}: {seen}");
    }
}
