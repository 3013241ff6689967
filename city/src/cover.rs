//! Unions of whole chunks and the lagoon: the zones that partition the municipality.

use geo_types::{LineString, MultiPolygon, Polygon};

use crate::dissolve;
use crate::district::ground_ring;
use crate::plan::{Chunk, Kind, Plan};
use crate::plane::P;
use crate::warp::Mm;

/// A part of the municipality.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The lagoon between the islands.
    Lagoon,
    /// A chunk.
    Chunk(&'a Chunk),
}

fn rings(plan: &Plan, part: Part) -> Vec<Vec<Mm>> {
    let ground = |ring: &[P]| ring.iter().map(|at| plan.warp.ground(*at)).collect::<Vec<_>>();
    match part {
        Part::Chunk(chunk) if chunk.kind == Kind::Marsh => crate::islands::islets(plan, chunk),
        Part::Chunk(chunk) => vec![ground(&chunk.outline())],
        Part::Lagoon => {
            let mut rings = vec![ground(&plan.lagoon)];
            for chunk in plan.chunks.iter().filter(|chunk| plan.quarters[chunk.quarter as usize].island) {
                for mut hole in self::rings(plan, Part::Chunk(chunk)) {
                    hole.reverse();
                    rings.push(hole);
                }
            }
            rings
        }
    }
}

/// The union of the parts that a test picks.
pub fn unite(plan: &Plan, pick: impl Fn(Part) -> bool) -> MultiPolygon<f64> {
    let parts = std::iter::once(Part::Lagoon).chain(plan.chunks.iter().map(|chunk| Part::Chunk(chunk)));
    let picked: Vec<Vec<Mm>> = parts.filter(|part| pick(*part)).flat_map(|part| rings(plan, part)).collect();
    let mut vertices: Vec<Mm> = picked.iter().flatten().copied().collect();
    vertices.sort_unstable();
    vertices.dedup();
    let numbered: Vec<Vec<u32>> = picked
        .iter()
        .map(|ring| ring.iter().map(|at| vertices.partition_point(|other| other < at) as u32).collect())
        .collect();
    let regions = dissolve::unite(&vertices, numbered.iter().map(Vec::as_slice));
    MultiPolygon(regions.iter().map(|region| region.polygon(&vertices)).collect())
}

/// The islets of a marsh.
pub fn marsh(plan: &Plan, chunk: &Chunk) -> MultiPolygon<f64> {
    let ring = |islet: Vec<Mm>| {
        let mut coords: Vec<_> = islet.into_iter().map(Mm::coord).collect();
        coords.push(coords[0]);
        Polygon::new(LineString(coords), vec![])
    };
    MultiPolygon(crate::islands::islets(plan, chunk).into_iter().map(ring).collect())
}

/// The causeway of the bridge, from shore to shore.
pub fn bridge(plan: &Plan) -> Polygon<f64> {
    let [a, b] = plan.bridge;
    let dir = (b - a).unit();
    let side = dir.left() * 9.0;
    let (a, b) = (a + dir * 2.0, b - dir * 2.0);
    let parts = (a.distance(b) / 60.0).ceil().max(1.0) as usize;
    let along = |i: usize| a.toward(b, i as f64 / parts as f64);
    let right = (0..=parts).map(|i| along(i) - side);
    let left = (0..=parts).rev().map(|i| along(i) + side);
    Polygon::new(ground_ring(plan, &right.chain(left).collect::<Vec<_>>()), vec![])
}
