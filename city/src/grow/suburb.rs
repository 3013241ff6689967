//! Towns of the mainland: streets, blocks, lots; and industrial areas.

use crate::mesh::{NONE, Poly, Tag};
use crate::plane::P;
use crate::site::{Site, Use, Way};

/// Builds up a piece of a town.
pub fn houses(site: &mut Site, poly: &Poly) {
    let edge = site.edge();
    blocks(site, poly, 5_200.0 + 4_200.0 * edge, Way::Street);
}

/// Builds up an industrial area.
pub fn works(site: &mut Site, poly: &Poly) {
    blocks(site, poly, 34_000.0, Way::Works);
}

fn blocks(site: &mut Site, poly: &Poly, target: f64, way: Way) {
    let area = site.mesh.area(poly);
    let limit = target * site.rng.range(0.8, 1.9);
    if area > limit {
        for _ in 0..3 {
            let (at, normal) = site.across(poly, 0.13, if way == Way::Works { 0.012 } else { 0.03 });
            let width = if way == Way::Works { 11.0 } else { site.rng.range(6.5, 9.5) };
            if let Some((near, far)) = site.street(poly, at, normal, width, way, 0) {
                blocks(site, &near, target, way);
                blocks(site, &far, target, way);
                return;
            }
        }
    }
    site.blocks += 1;
    let poly = chamfer(site, poly);
    if way == Way::Works { yards(site, &poly) } else { suburban_block(site, poly) }
}

/// Rounds the corners between two streets off, as road builders do; what is cut off is street area.
fn chamfer(site: &mut Site, poly: &Poly) -> Poly {
    let mut out = poly.clone();
    let n = poly.0.len();
    for i in 0..n {
        let (vertex, line) = poly.0[i];
        let before = poly.0[(i + n - 1) % n];
        if site.mesh.tag(line).street == NONE || site.mesh.tag(before.1).street == NONE || !site.rng.chance(0.8) {
            continue;
        }
        let at = site.mesh.points[vertex as usize];
        let next = site.mesh.points[poly.0[(i + 1) % n].0 as usize];
        let previous = site.mesh.points[before.0 as usize];
        let (a, b) = ((previous - at).unit(), (next - at).unit());
        if a.dot(b) < -0.75 || at.distance(next) < 14.0 || at.distance(previous) < 14.0 {
            continue;
        }
        let outward = (a + b).unit() * -1.0;
        let size = site.rng.range(2.2, 4.4);
        if let Some(cut) = site.mesh.cut(&out, at - outward * size, outward, Tag::PLAIN) {
            site.road(cut.far, 0);
            out = cut.near;
        }
    }
    out
}

fn suburban_block(site: &mut Site, poly: Poly) {
    let area = site.mesh.area(&poly);
    let edge = site.edge();
    let roll = site.rng.unit();
    let special = match roll {
        r if r < 0.045 => Some(Use::Park),
        r if r < 0.07 && area > 2_500.0 => Some(Use::School),
        r if r < 0.083 => Some(Use::Church),
        r if r < 0.1 + 0.03 * (1.0 - edge) => Some(Use::Shops),
        _ => None,
    };
    if let Some(land) = special {
        site.lot(land, 0, vec![poly], 0);
        return;
    }
    let (axis, _, width) = site.mesh.axis(&poly);
    let rows = if width > 44.0 {
        let (low, high) = site.mesh.extent(&poly, axis.left());
        let along = axis * site.mesh.centre(&poly).dot(axis);
        let middle = along + axis.left() * ((low + high) * 0.5 + (high - low) * site.rng.range(-0.05, 0.05));
        match site.mesh.cut(&poly, middle, axis.left().turn(site.rng.range(-0.004, 0.004)), Tag::PLAIN) {
            Some(cut) => vec![cut.near, cut.far],
            None => vec![poly],
        }
    } else {
        vec![poly]
    };
    let flats = site.rng.chance(0.45 * (1.0 - edge) + 0.06);
    let front = if flats { site.rng.range(22.0, 32.0) } else { site.rng.range(13.5, 22.0) };
    for row in rows {
        let lots = site.slices(row, axis, front, 0.14);
        let mut waiting: Option<Poly> = None;
        for lot in lots {
            suburban_lot(site, lot, axis.left(), flats, &mut waiting);
        }
        if let Some(last) = waiting {
            site.lot(Use::House, 0, vec![last], 0);
        }
    }
}

fn suburban_lot(site: &mut Site, lot: Poly, axis: P, flats: bool, waiting: &mut Option<Poly>) {
    let land = if flats { Use::Flats } else { Use::House };
    if let Some(before) = waiting.take() {
        // An L: this lot and the back of the one before it.
        let (low, high) = site.mesh.extent(&before, axis);
        let length = high - low;
        let street = before.0.iter().enumerate().find(|(_, (_, line))| site.mesh.tag(*line).street != NONE);
        let front = street.map(|(i, (vertex, _))| {
            let to = before.0[(i + 1) % before.0.len()].0;
            site.mesh.points[*vertex as usize].toward(site.mesh.points[to as usize], 0.5).dot(axis) - low
        });
        let depth = if front.is_some_and(|front| front > length * 0.5) { 0.38 } else { 0.62 };
        if let Some(cut) = site.mesh.cut(&before, axis * (low + length * depth), axis, Tag::PLAIN) {
            let (own, back) = if depth > 0.5 { (cut.near, cut.far) } else { (cut.far, cut.near) };
            site.lot(land, 0, vec![own], 0);
            site.lot(land, 0, vec![lot, back], 0);
        } else {
            site.lot(land, 0, vec![before], 0);
            site.lot(land, 0, vec![lot], 0);
        }
        return;
    }
    let (_, length, width) = site.mesh.axis(&lot);
    if site.rng.chance(0.07) {
        site.lot(Use::Empty, 0, vec![lot], 0);
    } else if site.rng.chance(0.1) && length > 26.0 && width > 11.0 && lot.0.len() == 4 {
        *waiting = Some(lot);
    } else {
        site.lot(land, 0, vec![lot], 0);
    }
}

fn yards(site: &mut Site, poly: &Poly) {
    let area = site.mesh.area(poly);
    if area > site.rng.range(4_200.0, 13_000.0)
        && let Some((near, far)) = site.halve(poly, 0.12, 0.003)
    {
        yards(site, &near);
        yards(site, &far);
        return;
    }
    let land = if site.rng.chance(0.08) { Use::Empty } else { Use::Factory };
    site.lot(land, 0, vec![poly.clone()], 0);
}
