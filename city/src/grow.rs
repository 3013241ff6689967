//! How the chunks are built up: old town, suburbs, works, fields.

use crate::mesh::{NONE, Poly, Tag};
use crate::plan::Kind;
use crate::plane::{P, p};
use crate::site::{LocalStreet, Owner, Site, Use, Water, Way};

/// Builds up a chunk.
pub fn grow(site: &mut Site) {
    let step = match site.chunk.kind {
        Kind::OldTown | Kind::Gardens => 12.0,
        Kind::Country => 30.0,
        _ => 20.0,
    };
    match site.chunk.kind {
        Kind::River | Kind::Marsh => return,
        Kind::OldTown => {}
        _ => {
            site.begin_sheet(0);
        }
    }
    let Some(inner) = site.frame(step) else { return };
    match site.chunk.kind {
        Kind::OldTown => old_town(site, inner),
        Kind::Suburb(_) => suburb(site, inner),
        Kind::Industrial => works(site, inner),
        Kind::Gardens => fields(site, inner, 9_000.0, 17.0),
        _ => fields(site, inner, 110_000.0, 36.0),
    }
}

// ---- old town ----

fn old_town(site: &mut Site, inner: Poly) {
    let main = site.chunk.id == 0;
    let size = site.mesh.area(&inner).sqrt();
    let centre = site.mesh.centre(&inner);
    if main {
        let tilt = site.rng.range(-0.04, 0.04);
        let width = (size * 0.034).clamp(5.0, 46.0);
        let normal = p(0.0, 1.0).turn(tilt);
        if let Some((band, ends)) = site.canal(&inner, centre, normal, width, 16.0) {
            let mut sheet = 0;
            for (number, half) in [band.near, band.far].into_iter().enumerate() {
                let parts = thirds(site, half, number == 0);
                for (i, part) in parts.into_iter().enumerate() {
                    sheet = insulae(site, &part, None, (number * 3 + i) as u32);
                }
            }
            water(site, band.strip, sheet, width, ends, 0);
        }
    } else {
        insulae(site, &inner, None, 0);
    }
    adopt_quays(site);
    bridges(site);
    mouths(site);
}

/// Cuts a half of the main island into three sestieri by canals.
fn thirds(site: &mut Site, half: Poly, south: bool) -> Vec<Poly> {
    let mut out = Vec::new();
    let (low, high) = site.mesh.extent(&half, p(1.0, 0.0));
    let shares = if south { [0.31, 0.64] } else { [0.37, 0.66] };
    let centre = site.mesh.centre(&half);
    let mut rest = half;
    for share in shares {
        let normal = p(1.0, 0.0).turn(site.rng.range(-0.05, 0.05));
        let at = p(low + (high - low) * share, centre.y);
        let width = site.rng.range(8.0, 13.0).min((high - low) * 0.012 + 1.0);
        let Some((band, ends)) = site.canal(&rest, at, normal, width, 12.0) else { continue };
        let sestiere = out.len() as u32 + if south { 0 } else { 3 };
        // The canal goes with the sestiere before it: its sheet is begun here.
        let sheet = site.begin_sheet(sestiere);
        water(site, band.strip, sheet, width, ends, 1);
        out.push(band.near);
        rest = band.far;
    }
    out.push(rest);
    out
}

fn water(site: &mut Site, strip: Poly, sheet: u32, width: f64, ends: [P; 2], rank: u8) {
    let number = site.waters.len() as u32;
    let face = site.face(strip, sheet, Owner::Water(number));
    site.waters.push(Water { faces: vec![face], width, ends, rank });
}

/// Opens the outer quay where canals run into the lagoon.
fn mouths(site: &mut Site) {
    let frame = site.chunk.corners.len();
    for side in 0..frame {
        let ring = site.faces[side].poly.0.clone();
        let n = ring.len();
        // The ring: outer vertices in order, then the inner corners of the far and the near end.
        let (outer, line, last, first) = (&ring[..n - 2], ring[n - 2].1, ring[n - 2].0, ring[n - 1].0);
        let t = |site: &Site, vertex: u32| site.mesh.along(line, site.mesh.points[vertex as usize]);
        let mut open: Vec<(f64, u32, u32, u32)> = Vec::new();
        for (number, water) in site.waters.iter().enumerate() {
            let strip = &site.faces[water.faces[0] as usize].poly.0;
            for (i, (from, along)) in strip.iter().enumerate() {
                if *along == line {
                    let to = strip[(i + 1) % strip.len()].0;
                    open.push((t(site, *from), *from, to, number as u32));
                }
            }
        }
        open.sort_by(|a, b| a.0.total_cmp(&b.0));
        if open.is_empty() {
            continue;
        }
        let positions: Vec<f64> = outer.iter().map(|(vertex, _)| t(site, *vertex)).collect();
        let nearest = |t: f64| {
            let gap = |i: &usize| (positions[*i] - t).abs();
            (0..positions.len()).min_by(|a, b| gap(a).total_cmp(&gap(b))).unwrap_or(0)
        };
        let sheet = site.faces[side].sheet;
        let mut pieces: Vec<(Poly, Owner, u32)> = Vec::new();
        let (mut inner, mut from) = (first, 0);
        let piece = |from: usize, to: usize, inner_to: u32, inner_from: u32| {
            let mut poly: Vec<(u32, u32)> = outer[from..to].to_vec();
            poly.push((outer[to].0, 0));
            if inner_to != inner_from {
                poly.push((inner_to, line));
            }
            poly.push((inner_from, 0));
            Poly(poly)
        };
        for (_, a, b, number) in open {
            // The canal's strip runs along the quay as the quay's inner side does: from a to b.
            let (ja, jb) = (nearest(t(site, a)), nearest(t(site, b)));
            let jb = if jb == ja { ja + 1 } else { jb };
            if ja < from || jb >= outer.len() || ja >= jb {
                continue;
            }
            pieces.push((piece(from, ja, a, inner), Owner::Road, sheet));
            pieces.push((piece(ja, jb, b, a), Owner::Water(number), sheet));
            (inner, from) = (b, jb);
        }
        pieces.push((piece(from, outer.len() - 1, last, inner), Owner::Road, sheet));
        for (i, (poly, owner, sheet)) in pieces.into_iter().enumerate() {
            if i == 0 {
                site.faces[side].poly = poly;
                continue;
            }
            let sheet = if let Owner::Water(number) = owner {
                site.faces[site.waters[number as usize].faces[0] as usize].sheet
            } else {
                sheet
            };
            let face = site.face(poly, sheet, owner);
            if let Owner::Water(number) = owner {
                site.waters[number as usize].faces.push(face);
            }
        }
    }
}

/// Cuts a piece of the old town into islets by canals. Returns a sheet in it.
fn insulae(site: &mut Site, poly: &Poly, sheet: Option<u32>, sestiere: u32) -> u32 {
    let area = site.mesh.area(poly);
    let sheet = sheet.or_else(|| (area < 62_000.0).then(|| site.begin_sheet(sestiere)));
    let least = site.rng.range(6_500.0, 19_000.0).min(site.chunk.area * 0.3);
    if area > least {
        for _ in 0..3 {
            let (at, normal) = site.across(poly, 0.13, 0.045);
            let width = site.rng.range(4.5, 9.5).min(area.sqrt() * 0.06);
            let Some((band, ends)) = site.canal(poly, at, normal, width, 12.0) else { continue };
            let mut far = band.far;
            let mut quay = None;
            if site.rng.chance(0.55) {
                let broad = site.rng.range(2.2, 4.5);
                let edge = at + normal * (width * 0.5 + broad);
                let street = site.streets.len() as u32 | crate::site::LOCAL;
                let tag = Tag { street, side: 1, half: broad * 0.5, water: false };
                if let Some(cut) = site.mesh.cut(&far, edge, normal, tag) {
                    site.mesh.densify(cut.line, cut.ends, 12.0);
                    let shift = normal * (width * 0.5 + broad * 0.5);
                    let ends = [ends[0] + shift, ends[1] + shift];
                    site.streets.push(LocalStreet { width: broad, way: Way::Fondamenta, ends, sheet: 0 });
                    quay = Some((cut.near, site.streets.len() - 1));
                    far = cut.far;
                }
            }
            let here = insulae(site, &band.near, sheet, sestiere);
            water(site, band.strip, here, width, ends, 1);
            if let Some((quay, street)) = quay {
                site.road(quay, here);
                site.streets[street].sheet = here;
            }
            insulae(site, &far, sheet, sestiere);
            return here;
        }
    }
    let sheet = sheet.unwrap_or_else(|| site.begin_sheet(sestiere));
    let mut campo = site.rng.chance(0.42);
    calli(site, poly, sheet, 0, &mut campo);
    sheet
}

/// Cuts an islet into blocks by calli; one piece may stay open as a campo, with a church beside it.
fn calli(site: &mut Site, poly: &Poly, sheet: u32, depth: u32, campo: &mut bool) {
    let area = site.mesh.area(poly);
    if *campo && depth > 0 && area < 2_600.0 && area > 420.0 && site.rng.chance(0.4) {
        *campo = false;
        let (axis, length, _) = site.mesh.axis(poly);
        let centre = site.mesh.centre(poly);
        let ends = [centre - axis * (length * 0.42), centre + axis * (length * 0.42)];
        let street = site.streets.len() as u32;
        site.streets.push(LocalStreet { width: area.sqrt() * 0.7, way: Way::Campo, ends, sheet });
        let face = site.road(poly.clone(), sheet);
        site.squares.push((face, street));
        return;
    }
    if area > site.rng.range(420.0, 1_250.0) {
        for _ in 0..3 {
            let (at, normal) = site.across(poly, 0.14, 0.03);
            let (way, width) = if depth == 0 && site.rng.chance(0.5) {
                (Way::Salizada, site.rng.range(3.4, 5.2))
            } else {
                (Way::Calle, site.rng.range(1.6, 3.2))
            };
            if let Some((near, far)) = site.street(poly, at, normal, width, way, sheet) {
                calli(site, &near, sheet, depth + 1, campo);
                calli(site, &far, sheet, depth + 1, campo);
                return;
            }
        }
    }
    site.blocks += 1;
    let beside_campo = site.squares.last().is_some_and(|(face, _)| *face + 40 > site.faces.len() as u32);
    if beside_campo && area > 380.0 && site.rng.chance(0.22) {
        site.lot(Use::Church, sheet, vec![poly.clone()], 1);
    } else if area > 500.0 && site.rng.chance(0.045) {
        let land = if site.rng.chance(0.6) { Use::Park } else { Use::Empty };
        site.lot(land, sheet, vec![poly.clone()], 0);
    } else if area > 420.0 && site.rng.chance(0.05) {
        let land = if site.rng.chance(0.25) { Use::School } else { Use::Palace };
        let (faces, built) = courtyard(site, poly.clone(), 0.6);
        site.lot(land, sheet, faces, built);
    } else {
        old_lots(site, poly, sheet);
    }
}

fn old_lots(site: &mut Site, poly: &Poly, sheet: u32) {
    let area = site.mesh.area(poly);
    let (_, length, width) = site.mesh.axis(poly);
    if area > site.rng.range(75.0, 240.0) && length > 9.0 && width > 3.5 {
        if let Some((near, far)) = site.halve(poly, 0.16, 0.012) {
            old_lots(site, &near, sheet);
            old_lots(site, &far, sheet);
            return;
        }
    }
    let roll = site.rng.unit();
    if area > 95.0 && roll < 0.5 {
        let share = site.rng.range(0.55, 0.78);
        let (faces, built) = courtyard(site, poly.clone(), share);
        site.lot(Use::OldHouse, sheet, faces, built);
    } else if area > 60.0 && roll < 0.53 {
        site.lot(Use::Empty, sheet, vec![poly.clone()], 0);
    } else {
        site.lot(Use::OldHouse, sheet, vec![poly.clone()], 1);
    }
}

/// Parts a lot into a building (an L where it can) and a court.
fn courtyard(site: &mut Site, poly: Poly, share: f64) -> (Vec<Poly>, u32) {
    let (axis, length, _) = site.mesh.axis(&poly);
    let (low, _) = site.mesh.extent(&poly, axis);
    let Some(first) = site.mesh.cut(&poly, axis * (low + length * share * 0.75), axis, Tag::PLAIN) else {
        return (vec![poly], 1);
    };
    let side = axis.left();
    let (a, b) = site.mesh.extent(&first.far, side);
    let at = side * (a + (b - a) * share * 0.7);
    match site.mesh.cut(&first.far, at, side, Tag::PLAIN) {
        Some(second) if b - a > 5.0 => (vec![first.near, second.near, second.far], 2),
        Some(second) => (vec![first.near, second.near, second.far], 1),
        None => (vec![first.near, first.far], 1),
    }
}

/// Gives each stretch of the outer quay to the sheet next to it.
fn adopt_quays(site: &mut Site) {
    let frame = site.chunk.corners.len();
    let centres: Vec<(P, u32)> = site.faces[frame..].iter().map(|face| (site.mesh.centre(&face.poly), face.sheet)).collect();
    for i in 0..frame {
        let at = site.mesh.centre(&site.faces[i].poly);
        let near = |entry: &&(P, u32)| entry.0.distance(at);
        if let Some((_, sheet)) = centres.iter().min_by(|a, b| near(a).total_cmp(&near(b))) {
            site.faces[i].sheet = *sheet;
        }
    }
}

/// Bridges where a calle ends on a canal, and over the Grand Canal in a few places.
fn bridges(site: &mut Site) {
    let mut made: Vec<P> = Vec::new();
    let ways = site.streets.len();
    for i in 0..ways {
        let street = site.streets[i].clone();
        if !matches!(street.way, Way::Calle | Way::Salizada) {
            continue;
        }
        for (end, other) in [(street.ends[1], street.ends[0]), (street.ends[0], street.ends[1])] {
            let dir = (end - other).unit();
            let hit = site.waters.iter().find(|water| {
                water.rank == 1 && {
                    let along = (water.ends[1] - water.ends[0]).unit();
                    let d = end - water.ends[0];
                    let t = d.dot(along);
                    t > 6.0 && t < water.ends[0].distance(water.ends[1]) - 6.0
                        && (d.cross(along).abs() - water.width * 0.5).abs() < 1.2
                        && dir.cross(along).abs() > 0.75
                }
            });
            let Some(water) = hit else { continue };
            if made.iter().any(|other| other.distance(end) < 45.0) {
                continue;
            }
            made.push(end);
            let ends = [end - dir * 0.5, end + dir * (water.width + 1.5)];
            site.streets.push(LocalStreet { width: 2.6, way: Way::Bridge, ends, sheet: street.sheet });
        }
    }
    let grand: Vec<Water> = site.waters.iter().filter(|water| water.rank == 0).cloned().collect();
    for water in grand {
        for share in [0.08, 0.36, 0.56, 0.83] {
            let middle = water.ends[0].toward(water.ends[1], share);
            let across = (water.ends[1] - water.ends[0]).unit().left() * (water.width * 0.5 + 2.0);
            site.streets.push(LocalStreet { width: 7.0, way: Way::Bridge, ends: [middle - across, middle + across], sheet: 0 });
        }
    }
}

// ---- suburbs ----

fn suburb(site: &mut Site, poly: Poly) {
    let edge = site.edge();
    blocks(site, &poly, 5_200.0 + 4_200.0 * edge, Way::Street);
}

fn works(site: &mut Site, poly: Poly) {
    blocks(site, &poly, 34_000.0, Way::Works);
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
    let poly = chamfer(site, poly.clone());
    if way == Way::Works { yards(site, &poly) } else { suburban_block(site, poly) }
}

/// Rounds the corners between two streets off, as road builders do; what is cut off is street area.
fn chamfer(site: &mut Site, poly: Poly) -> Poly {
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
        let middle = axis.left() * ((low + high) * 0.5 + (high - low) * site.rng.range(-0.05, 0.05));
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
            suburban_lot(site, lot, flats, &mut waiting);
        }
        if let Some(last) = waiting {
            site.lot(Use::House, 0, vec![last], 0);
        }
    }
}

fn suburban_lot(site: &mut Site, lot: Poly, flats: bool, waiting: &mut Option<Poly>) {
    let land = if flats { Use::Flats } else { Use::House };
    if let Some(before) = waiting.take() {
        // An L: this lot and the back of the one before it.
        let (axis, length, _) = site.mesh.axis(&before);
        let (low, _) = site.mesh.extent(&before, axis);
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
    if area > site.rng.range(4_200.0, 13_000.0) {
        if let Some((near, far)) = site.halve(poly, 0.12, 0.003) {
            yards(site, &near);
            yards(site, &far);
            return;
        }
    }
    let land = if site.rng.chance(0.08) { Use::Empty } else { Use::Factory };
    site.lot(land, 0, vec![poly.clone()], 0);
}

// ---- fields ----

fn fields(site: &mut Site, poly: Poly, target: f64, strip: f64) {
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
    if length > 5.0 * width && site.rng.chance(0.72) {
        if let Some((near, far)) = site.halve(&piece, 0.22, 0.004) {
            field(site, near);
            field(site, far);
            return;
        }
    }
    site.lot(Use::Field, 0, vec![piece], 0);
}
