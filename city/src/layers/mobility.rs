//! Streets, limited traffic zones, cycle lanes.

use bricola_layers::feature::Value;
use geo_types::{Geometry, MultiPolygon, Polygon};

use super::{Rows, area, date, int, line, real, text};
use crate::cover::{self, Part};
use crate::district::{District, ground_path, ground_ring, local, point};
use crate::plan::{Chunk, Kind, Plan};
use crate::plane::{P, heading};
use crate::rng::mix;
use crate::site::{LOCAL, Way};
use crate::street::Street;
use crate::warp::Mm;

fn push(rows: &mut Rows, geometry: Geometry<f64>, street: Street, said: [&str; 2], tariff: i64, width: f64, low: Low) {
    let (Street { code, kind, name, full }, [class, surface]) = (street, said);
    let Low { ground, walkway } = low;
    let walkway = if walkway { real(1.2, 1) } else { Value::Null };
    let values = vec![
        text(code),
        text(kind),
        text(name),
        text(full),
        text(class),
        int(tariff),
        real(width, 1),
        text(surface),
        real(ground, 2),
        walkway,
    ];
    rows.push(geometry, values);
}

/// How low the ground of a street is, in metres as tides are counted, and whether a walkway is laid along it.
#[derive(Debug, Clone, Copy)]
struct Low {
    ground: f64,
    walkway: bool,
}

impl Low {
    /// Between two heights, as chance has it.
    fn between(low: i64, high: i64, chance: u64) -> Self {
        let centimetres = low + (mix(chance) % (high - low) as u64) as i64;
        Self { ground: centimetres as f64 / 100.0, walkway: false }
    }

    fn of_plan(island: bool, is_quay: bool, chance: u64) -> Self {
        match (island, is_quay) {
            (true, true) => Self::between(95, 160, chance),
            (true, false) => Self::between(120, 220, chance),
            (false, _) => Self::between(180, 450, chance),
        }
    }

    fn of_way(way: Way, chance: u64) -> Self {
        match way {
            Way::Bridge => Self::between(260, 340, chance),
            Way::Fondamenta => Self::between(90, 145, chance),
            Way::Calle => Self::between(100, 170, chance),
            Way::Campo => Self::between(105, 180, chance),
            Way::Salizada => {
                let low = Self::between(95, 160, chance);
                Self { walkway: low.ground < 1.2, ..low }
            }
            Way::Street | Way::Works | Way::Lane => Self::between(150, 400, chance),
        }
    }
}

/// Streets that bound chunks.
pub fn plan_streets(plan: &Plan, rows: &mut Rows) {
    for (number, street) in plan.streets.iter().enumerate() {
        let path = ground_path(plan, &street.path);
        if path.0.len() < 2 {
            continue;
        }
        let island = plan.quarters[street.quarter as usize].island;
        let class = ["primary", "secondary", "local", "pedestrian"][street.class as usize];
        let tariff = if island {
            1 + i64::from(street.rural) * 2
        } else {
            2 + i64::from(street.class > 0) + i64::from(street.rural)
        }
        .min(4);
        let surface = match (street.class, street.rural) {
            (3, true) => "unpaved",
            (3, false) => "trachyte",
            _ => "asphalt",
        };
        let low = Low::of_plan(island, street.class == 3, plan.seed ^ mix(number as u64 ^ 0x71de));
        push(rows, line(path), Street::of_plan(plan, number as u32), [class, surface], tariff, street.width, low);
    }
}

/// Streets inside a chunk.
pub fn streets(district: &District, rows: &mut Rows) {
    for (number, street) in district.streets.iter().enumerate() {
        let (class, surface) = match street.way {
            Way::Street | Way::Works => ("local", "asphalt"),
            Way::Lane if district.chunk.kind == Kind::Gardens => ("path", "unpaved"),
            Way::Lane => ("local", "gravel"),
            Way::Bridge => ("pedestrian", "stone"),
            _ => ("pedestrian", "trachyte"),
        };
        let rank = super::planning::tariff_rank(&district.chunk) as i64;
        push(
            rows,
            line(district.street_line(street)),
            Street::of(district, number as u32 | LOCAL),
            [class, surface],
            rank,
            street.width,
            Low::of_way(street.way, district.plan.seed ^ mix(u64::from(district.chunk.id) << 32 | number as u64)),
        );
    }
}

fn in_centre(plan: &Plan, chunk: &Chunk) -> bool {
    let Some(town) = plan.quarters.iter().find(|quarter| !quarter.island) else { return false };
    matches!(chunk.kind, Kind::Suburb(_)) && chunk.centre().distance(town.centre) < town.radius * 0.34
}

fn centre(plan: &Plan) -> MultiPolygon<f64> {
    cover::unite(plan, |part| matches!(part, Part::Chunk(chunk) if in_centre(plan, chunk)))
}

fn zone(rows: &mut Rows, shape: MultiPolygon<f64>, values: [&str; 5], from: Value, to: Value) {
    if shape.0.is_empty() {
        return;
    }
    let [code, name, kind, schedule, order] = values;
    rows.push(
        Geometry::MultiPolygon(shape),
        vec![text(code), text(name), text(kind), text(schedule), text(order), from, to],
    );
}

/// Zones on land.
pub fn ztl(plan: &Plan, rows: &mut Rows) {
    let island = |id: usize| {
        MultiPolygon(
            plan.chunks
                .get(id)
                .map(|chunk| Polygon::new(ground_ring(plan, &chunk.outline()), vec![]))
                .into_iter()
                .collect(),
        )
    };
    zone(rows, island(0), ["APU1", "Città antica", "apu", "24/7", "Ord. 112/2004"], date(2004, 3, 1), Value::Null);
    zone(rows, island(1), ["APU2", "Zuèca", "apu", "24/7", "Ord. 113/2004"], date(2004, 3, 1), Value::Null);
    zone(rows, island(5), ["APU3", "Merlètola", "apu", "24/7", "Ord. 117/2004"], date(2004, 3, 1), Value::Null);
    zone(
        rows,
        island(1),
        ["EV1", "Festa del Redentor", "event", "2026 Jul 18-19 14:00-26:00", "Ord. 402/2026"],
        date(2026, 7, 18),
        date(2026, 7, 20),
    );
    zone(
        rows,
        centre(plan),
        ["ZTL1", "Centro di Terraferma", "ztl", "Mo-Sa 08:00-20:00; PH off", "Ord. 58/2016"],
        date(2016, 9, 12),
        Value::Null,
    );
    let town = plan.quarters.iter().position(|quarter| !quarter.island).unwrap_or(0) as u32;
    let ring = cover::unite(
        plan,
        |part| matches!(part, Part::Chunk(chunk) if chunk.quarter == town && chunk.kind == Kind::Industrial),
    );
    zone(
        rows,
        ring,
        ["BUS1", "Ambito portuale: bus turistici", "bus", "Mo-Su 06:00-22:00", "Ord. 230/2019"],
        date(2019, 4, 1),
        Value::Null,
    );
}

/// The zone on the water: the Grand Canal.
pub fn water_ztl(district: &District, rows: &mut Rows) {
    let shapes: Vec<_> = district
        .waters
        .iter()
        .zip(&district.water_shapes)
        .filter(|(water, _)| water.rank == 0)
        .map(|(_, shape)| shape.clone())
        .collect();
    if !shapes.is_empty() && district.chunk.id == 0 {
        zone(
            rows,
            MultiPolygon(shapes),
            ["ACQ1", "Canal Grando", "water", "Mo-Sa 07:00-12:00", "Ord. 310/2018"],
            date(2018, 7, 1),
            Value::Null,
        );
    }
}

/// Gates on the borders of the zones.
pub fn gates(plan: &Plan, rows: &mut Rows) {
    let mut number = 0;
    let mut gate = |rows: &mut Rows, zone: &str, name: String, at: P, inward: P, direction: &str, camera: bool| {
        number += 1;
        rows.push(
            Geometry::Point(point(at)),
            vec![
                text(format!("V{number:03}")),
                text(zone),
                text(name),
                int(heading(inward)),
                text(direction),
                Value::Boolean(camera),
            ],
        );
    };
    // The old town: the bridgehead and a few water gates.
    let old = &plan.chunks[0];
    let middle = plan.warp.apply(old.centre());
    let landing = plan.warp.apply(plan.bridge[1]);
    gate(rows, "APU1", "Varco Ponte della Concordia".to_owned(), landing, middle - landing, "both", true);
    for (i, corner) in old.corners.iter().enumerate().filter(|(i, corner)| i % 4 == 1 && corner.at != plan.bridge[1]) {
        let at = plan.warp.apply(corner.at);
        gate(
            rows,
            "APU1",
            format!("Varco d'acqua {}", crate::names::saint(i as u64)),
            at,
            middle - at,
            "in",
            i % 8 == 1,
        );
    }
    // The mainland centre: where streets cross its border.
    let shape = centre(plan);
    let Some(border) = shape.0.first() else { return };
    let mut border: Vec<Mm> = border.exterior().0.iter().map(|at| Mm::of(local(*at))).collect();
    border.sort_unstable();
    let town = plan
        .quarters
        .iter()
        .find(|quarter| !quarter.island)
        .map(|town| plan.warp.apply(town.centre))
        .unwrap_or_default();
    let core: Vec<Vec<P>> =
        plan.chunks.iter().filter(|chunk| in_centre(plan, chunk)).map(|chunk| chunk.outline()).collect();
    for (index, street) in plan.streets.iter().enumerate().filter(|(_, street)| street.class < 3) {
        let inside = |at: &P| core.iter().any(|outline| crate::plane::contains(outline, *at));
        let ends = [street.path.first(), street.path.last()];
        for at in ends.into_iter().flatten() {
            let ground = plan.warp.ground(*at);
            let next =
                if Some(at) == street.path.first() { street.path.get(1) } else { street.path.iter().rev().nth(1) };
            let outward = next.is_some_and(|next| {
                !inside(&at.toward(*next, 0.5)) && border.binary_search(&plan.warp.ground(*next)).is_err()
            });
            if outward && border.binary_search(&ground).is_ok() {
                let name = format!("Varco {}", Street::of_plan(plan, index as u32).full);
                let direction = if mix(index as u64).is_multiple_of(3) { "both" } else { "in" };
                gate(rows, "ZTL1", name, ground.metres(), town - ground.metres(), direction, true);
            }
        }
    }
}

/// Cycle lanes along the broad streets, the bridge and the rivers.
pub fn cycle_lanes(plan: &Plan, rows: &mut Rows) {
    let push = |rows: &mut Rows, code: String, name: String, path: &[P], hash: u64, green: bool| {
        let path = ground_path(plan, path);
        let length: f64 = path.0.windows(2).map(|w| local(w[0]).distance(local(w[1]))).sum();
        let kind = if green { "track" } else { ["track", "lane", "lane", "shared"][(hash % 4) as usize] };
        let surface = if green { "gravel" } else { "asphalt" };
        let status = ["built", "built", "built", "under-construction", "planned"][(hash >> 8) as usize % 5];
        if path.0.len() > 1 {
            rows.push(
                line(path),
                vec![text(code), text(name), text(kind), text(surface), text(status), real(length, 0)],
            );
        }
    };
    for (number, street) in plan.streets.iter().enumerate() {
        let hash = mix(plan.seed ^ number as u64 ^ 0xc1c1);
        let broad = street.class <= 1 && (!street.rural || street.class == 0);
        if broad && hash % 100 < 55 {
            let name = format!("Ciclabile {}", Street::of_plan(plan, number as u32).full);
            push(rows, format!("C{number:06}"), name, &street.path, hash >> 16, false);
        }
    }
    for chunk in plan.chunks.iter().filter(|chunk| chunk.kind == Kind::River) {
        let longest = chunk.corners.iter().enumerate().max_by_key(|(_, corner)| corner.via.len());
        let Some((i, corner)) = longest else { continue };
        let mut path = vec![corner.at];
        path.extend(&corner.via);
        path.push(chunk.corners[(i + 1) % chunk.corners.len()].at);
        push(rows, format!("CR{:05}", chunk.id), "Greenway dell'argine".to_owned(), &path, 0, true);
    }
}

/// A street's area as a polygon, for a stretch of its middle line.
pub fn stretch(a: P, b: P, half: f64) -> Geometry<f64> {
    let side = (b - a).unit().left() * half;
    let mut ring: Vec<_> = [a - side, b - side, b + side, a + side].iter().map(|at| Mm::of(*at).coord()).collect();
    ring.push(ring[0]);
    area(Polygon::new(geo_types::LineString(ring), vec![]))
}
