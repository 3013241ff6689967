//! The plain and the gardens of the outer islands.

use super::water;
use crate::mesh::{NONE, Poly, Tag};
use crate::plan::Kind;
use crate::site::{Site, Use, Way};

/// Parts a piece into fields, ditches, lanes and farmsteads.
pub fn fields(site: &mut Site, poly: Poly, target: f64, strip: f64) {
    let area = site.mesh.area(&poly);
    let gardens = site.chunk.kind == Kind::Gardens;
    if area > target * site.rng.range(0.7, 1.6) {
        for _ in 0..3 {
            let (at, normal) = site.across(&poly, 0.15, 0.012);
            if site.rng.chance(if gardens { 0.5 } else { 0.3 }) {
                let width = if gardens { 2.5 } else { site.rng.range(3.5, 5.5) };
                if let Some((near, far)) = site.street(&poly, at, normal, width, Way::Lane, 0) {
                    fields(site, near, target, strip);
                    fields(site, far, target, strip);
                    return;
                }
            } else {
                let width = site.rng.range(1.8, 3.6);
                let step = if gardens { 14.0 } else { 32.0 };
                if let Some((band, ends)) = site.canal(&poly, at, normal, width, step) {
                    water(site, band.strip, 0, width, ends, 2);
                    fields(site, band.near, target, strip);
                    fields(site, band.far, target, strip);
                    return;
                }
            }
        }
    }
    site.blocks += 1;
    let (axis, _, _) = site.mesh.axis(&poly);
    let width = strip * site.rng.range(0.65, 1.5);
    for piece in site.slices(poly, axis.left(), width, 0.1) {
        let piece = if site.rng.chance(if gardens { 0.2 } else { 0.17 }) { farm(site, piece, gardens) } else { piece };
        field(site, piece);
    }
}

/// Cuts a farmstead off the end of a strip that meets a street.
fn farm(site: &mut Site, piece: Poly, gardens: bool) -> Poly {
    let n = piece.0.len();
    let end = (0..n).find_map(|i| {
        let (vertex, line) = piece.0[i];
        let (a, b) = (site.mesh.points[vertex as usize], site.mesh.points[piece.0[(i + 1) % n].0 as usize]);
        (site.mesh.tag(line).street != NONE && a.distance(b) > 12.0).then_some((a, b))
    });
    let Some((a, b)) = end else { return piece };
    let inward = (b - a).unit().left();
    let depth = if gardens { site.rng.range(14.0, 24.0) } else { site.rng.range(32.0, 62.0) };
    let (low, high) = site.mesh.extent(&piece, inward);
    if high - low < depth * 1.6 {
        return piece;
    }
    match site.mesh.cut(&piece, a + inward * depth, inward, Tag::PLAIN) {
        Some(cut) => {
            site.lot(Use::Farm, 0, vec![cut.near], 0);
            cut.far
        }
        None => piece,
    }
}

fn field(site: &mut Site, piece: Poly) {
    let (_, length, width) = site.mesh.axis(&piece);
    if length > 5.0 * width
        && site.rng.chance(0.72)
        && let Some((near, far)) = site.halve(&piece, 0.22, 0.004)
    {
        field(site, near);
        field(site, far);
        return;
    }
    site.lot(Use::Field, 0, vec![piece], 0);
}
