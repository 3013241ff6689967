//! Tax objects and occupations of public land. No person is named anywhere.

use bricola_layers::feature::Value;
use geo_types::{Geometry, LineString, Polygon};

use super::{Rows, area, date, day, real, stream, text};
use crate::district::{District, Parcel, inside, point, polygon_area, ring_points};
use crate::layers::{boundaries::dwellings, cadastre, planning::tariff_rank};
use crate::plan::Kind;
use crate::plane::{P, contains};
use crate::rng::{Rng, mix};
use crate::site::Use;
use crate::warp::Mm;

/// What is taxed on a parcel: kind, category, share of the area.
fn units(parcel: &Parcel, rng: &mut Rng) -> Vec<(&'static str, &'static str, f64)> {
    let homes = dwellings(parcel.land, parcel.area, parcel.seed);
    let mut out = Vec::new();
    let categories: &[&str] = match parcel.land {
        Use::OldHouse => &["A/2", "A/3", "A/3", "A/4", "A/5"],
        Use::House => &["A/2", "A/3", "A/7", "A/7"],
        Use::Flats => &["A/2", "A/2", "A/3"],
        Use::Farm => &["A/3", "A/4"],
        _ => &["A/2"],
    };
    for _ in 0..homes {
        out.push(("dwelling", rng.pick(categories), rng.range(55.0, 145.0)));
    }
    let commercial = cadastre::building_kind(parcel) == "commercial";
    match parcel.land {
        Use::OldHouse if commercial => out.push(("shop", "C/1", rng.range(25.0, 120.0))),
        Use::Flats if commercial => out.push(("office", "A/10", rng.range(60.0, 200.0))),
        Use::Palace if commercial => out.push(("hotel", "D/2", parcel.area * rng.range(1.5, 3.0))),
        Use::Shops => out.push(("shop", "D/8", parcel.area * rng.range(0.25, 0.45))),
        Use::Factory => out.push(("warehouse", rng.pick(&["D/1", "D/7", "C/2"]), parcel.area * rng.range(0.3, 0.7))),
        _ => {}
    }
    if matches!(parcel.land, Use::House | Use::Flats) && rng.chance(0.6) {
        out.push(("garage", "C/6", rng.range(12.0, 34.0)));
    }
    out
}

/// Tax objects.
pub fn objects(district: &District, rows: &mut Rows) {
    for (i, parcel) in district.parcels.iter().enumerate() {
        let Some(address) = cadastre::address(district, parcel) else { continue };
        let Some(front) = &parcel.front else { continue };
        let mut rng = stream(district, 7, i as u64);
        let middle = inside(&parcel.polygon);
        let ring = ring_points(&parcel.polygon);
        for (k, (kind, category, size)) in units(parcel, &mut rng).into_iter().enumerate() {
            let at = middle.toward(front.door, k as f64 * 0.11);
            let at = if contains(&ring, Mm::of(at).metres()) { at } else { middle };
            let rate = format!("{}{}", if kind == "dwelling" { "D" } else { "N" }, tariff_rank(&district.chunk));
            rows.push(
                Geometry::Point(point(at)),
                vec![
                    text(format!("T{:05}{:05}{:02}", district.chunk.id, i + 1, k + 1)),
                    text(kind),
                    text(category),
                    text(cadastre::reference(district, parcel)),
                    text(address.full.clone()),
                    real(size, 0),
                    text(rate),
                ],
            );
        }
    }
}

fn rectangle(origin: P, u: P, width: f64, depth: f64) -> Polygon<f64> {
    let (u, v) = (u * (width * 0.5), u.left() * depth);
    let mut ring: Vec<_> =
        [origin - u, origin + u, origin + u + v, origin - u + v].iter().map(|at| Mm::of(*at).coord()).collect();
    ring.push(ring[0]);
    Polygon::new(LineString(ring), vec![])
}

fn push(district: &District, rows: &mut Rows, shape: Polygon<f64>, kind: &str, rng: &mut Rng) {
    let annual = matches!(kind, "pontile" | "cavana" | "cable") || (kind == "plateatico" && rng.chance(0.5));
    let number = rows.features.len() + 1;
    let from = rng.whole(0, 900);
    let (from, to) =
        if annual { (date(2026, 1, 1), date(2026, 12, 31)) } else { (day(from), day(from + rng.whole(6, 210))) };
    let size = polygon_area(&shape);
    rows.push(
        area(shape),
        vec![
            text(format!("O{:05}{number:04}", district.chunk.id)),
            text(kind),
            text(if annual { "annual" } else { "daily" }),
            real(size, 2),
            from,
            to,
            text(format!(
                "{}/{:06}",
                rng.whole(2019, 2026),
                mix(u64::from(district.chunk.id) << 16 | number as u64) % 1_000_000
            )),
            text(format!("Z{}", tariff_rank(&district.chunk))),
            Value::Boolean(matches!(kind, "pontile" | "cavana")),
        ],
    );
}

/// Occupations: tables in campi, scaffolds along fronts, market stalls, landing stages.
pub fn occupations(district: &District, rows: &mut Rows) {
    let old = district.chunk.kind == Kind::OldTown;
    for (i, (shape, _)) in district.squares.iter().enumerate() {
        let mut rng = stream(district, 8, i as u64);
        let ring = ring_points(shape);
        let market = rng.chance(0.18);
        for k in 0..ring.len() {
            let (a, b) = (ring[k], ring[(k + 1) % ring.len()]);
            if a.distance(b) < 7.0 || !rng.chance(0.6) {
                continue;
            }
            let along = (b - a).unit();
            let origin = a.toward(b, 0.5) + along.left() * 0.8;
            let (width, depth) = (rng.range(3.0, 8.0).min(a.distance(b) * 0.7), rng.range(1.8, 3.6));
            let table = rectangle(origin, along, width, depth);
            if ring_points(&table).iter().all(|corner| contains(&ring, *corner)) {
                push(district, rows, table, if market { "market" } else { "plateatico" }, &mut rng);
            }
        }
    }
    for (i, parcel) in district.parcels.iter().enumerate() {
        let Some(front) = parcel.front.filter(|front| front.number > 0 && front.width > 5.0) else { continue };
        let mut rng = stream(district, 9, i as u64);
        let built = matches!(parcel.land, Use::OldHouse | Use::Palace | Use::Shops | Use::Flats | Use::Church);
        if !built || !rng.chance(if old { 0.03 } else { 0.022 }) {
            continue;
        }
        let u = P { x: front.inward.y, y: -front.inward.x } * -1.0;
        let depth = if old { 1.1 } else { 1.8 };
        let origin = front.door - front.inward * 0.95;
        let kind = if matches!(parcel.land, Use::Shops) || rng.chance(0.25) { "plateatico" } else { "scaffold" };
        push(district, rows, rectangle(origin, u, (front.width * 0.3).min(9.0), depth), kind, &mut rng);
    }
    for (i, (water, shape)) in
        district.waters.iter().zip(&district.water_shapes).enumerate().filter(|(_, (water, _))| water.rank < 2)
    {
        let mut rng = stream(district, 10, i as u64);
        let ring = ring_points(shape);
        for k in 0..ring.len() {
            let (a, b) = (ring[k], ring[(k + 1) % ring.len()]);
            if a.distance(b) < 8.0 || !rng.chance(0.13) {
                continue;
            }
            let along = (b - a).unit();
            let depth = (water.width * 0.22).clamp(1.1, 6.0);
            let stage = rectangle(a.toward(b, 0.5) + along.left() * 0.12, along, rng.range(2.5, 6.0), depth);
            if ring_points(&stage).iter().all(|corner| contains(&ring, *corner)) {
                push(district, rows, stage, if rng.chance(0.7) { "pontile" } else { "cavana" }, &mut rng);
            }
        }
    }
}
