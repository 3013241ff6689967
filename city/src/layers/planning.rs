//! Zoning, tariff zones, OMI zones.

use bricola_layers::feature::Value;
use geo_types::Geometry;

use super::{Rows, date, int, real, text};
use crate::cover::{self, Part};
use crate::district::District;
use crate::plan::{Chunk, Kind, Plan};
use crate::site::Use;

fn zone_of(kind: Kind, id: u32) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::OldTown => ("A", "Centro storico", "Art. 7 N.T.A."),
        Kind::Suburb(edge) if edge < 0.3 => ("B1", "Residenziale consolidata densa", "Art. 11 N.T.A."),
        Kind::Suburb(edge) if edge < 0.65 => ("B2", "Residenziale consolidata", "Art. 12 N.T.A."),
        Kind::Suburb(_) if id.is_multiple_of(5) => ("C2", "Residenziale di espansione", "Art. 16 N.T.A."),
        Kind::Suburb(_) => ("C1", "Residenziale di completamento", "Art. 15 N.T.A."),
        Kind::Industrial => ("D", "Produttiva e logistica", "Art. 21 N.T.A."),
        Kind::Gardens => ("E2", "Orti e vigne lagunari", "Art. 27 N.T.A."),
        Kind::Marsh => ("E4", "Barene e velme", "Art. 30 N.T.A."),
        Kind::River => ("W", "Acque interne", "Art. 32 N.T.A."),
        Kind::Country => ("E", "Agricola", "Art. 25 N.T.A."),
    }
}

fn push(rows: &mut Rows, shape: Geometry<f64>, code: String, zone: (&str, &str, &str), adopted: bool) {
    let (zone, name, article) = zone;
    let plan = if zone == "A" { "PRG" } else { "PI" };
    let act = if adopted {
        "D.C.C. 41/2025"
    } else if plan == "PRG" {
        "D.G.R.V. 3987/1999"
    } else {
        "D.C.C. 18/2019"
    };
    let from = if adopted {
        date(2025, 10, 1)
    } else if plan == "PRG" {
        date(1999, 11, 9)
    } else {
        date(2019, 5, 15)
    };
    let status = if adopted { "adopted" } else { "approved" };
    rows.push(
        shape,
        vec![text(code), text(plan), text(zone), text(name), text(article), text(status), text(act), from, Value::Null],
    );
}

/// Zones of lagoon and rivers.
pub fn open_zones(plan: &Plan, rows: &mut Rows) {
    let lagoon = cover::unite(plan, |part| matches!(part, Part::Lagoon));
    push(rows, Geometry::MultiPolygon(lagoon), "ZL".to_owned(), ("L", "Laguna viva", "Art. 31 N.T.A."), false);
    for chunk in plan.chunks.iter().filter(|chunk| chunk.kind == Kind::River) {
        let shape = cover::unite(plan, |part| matches!(part, Part::Chunk(other) if other.id == chunk.id));
        push(rows, Geometry::MultiPolygon(shape), format!("ZW{:05}", chunk.id), zone_of(chunk.kind, 0), false);
    }
}

/// Zones of a chunk: services, and the rest.
pub fn zones(district: &District, rows: &mut Rows) {
    let chunk = &district.chunk;
    if chunk.kind == Kind::River {
        return;
    }
    let service = |land: Option<Use>| matches!(land, Some(Use::Park | Use::School | Use::Church));
    let zone = zone_of(chunk.kind, chunk.id);
    let rest = district.region(|_, land| !service(land));
    push(rows, Geometry::MultiPolygon(rest), format!("Z{:05}-{}", chunk.id, zone.0), zone, zone.0 == "C2");
    let services = district.region(|_, land| service(land));
    if !services.0.is_empty() {
        let zone = ("F", "Servizi e verde pubblico", "Art. 35 N.T.A.");
        push(rows, Geometry::MultiPolygon(services), format!("Z{:05}-F", chunk.id), zone, false);
    }
}

/// Rank of the tariff zone of a chunk: 1 highest.
pub fn tariff_rank(chunk: &Chunk) -> usize {
    match chunk.kind {
        Kind::OldTown if chunk.id == 0 => 1,
        Kind::OldTown => 2,
        Kind::Suburb(edge) if edge < 0.35 => 2,
        Kind::Suburb(_) | Kind::Industrial => 3,
        _ => 4,
    }
}

/// Tariff zones: four ranks, water included.
pub fn tariff_zones(plan: &Plan, rows: &mut Rows) {
    let names =
        ["Città antica", "Isole abitate e centro di Terraferma", "Quartieri urbani e produttivi", "Campagna e acque"];
    let annual = [2.4, 1.6, 1.1, 0.7];
    let daily = [2.8, 1.8, 1.2, 0.7];
    for rank in 1..=4 {
        let shape = cover::unite(plan, |part| match part {
            Part::Lagoon => rank == 4,
            Part::Chunk(chunk) => tariff_rank(chunk) == rank,
        });
        if shape.0.is_empty() {
            continue;
        }
        let act = "D.C.C. 62/2020";
        rows.push(
            Geometry::MultiPolygon(shape),
            vec![
                text(format!("Z{rank}")),
                text(names[rank - 1]),
                int(rank as i64),
                real(annual[rank - 1], 2),
                real(daily[rank - 1], 2),
                text(act),
                date(2021, 1, 1),
                Value::Null,
            ],
        );
    }
}

/// OMI zones: band and number by town and distance from its centre.
pub fn omi_zones(plan: &Plan, rows: &mut Rows) {
    let main = plan.quarters.iter().position(|quarter| !quarter.island).unwrap_or(0) as u32;
    let key = |chunk: &Chunk| -> (char, u32) {
        match chunk.kind {
            Kind::OldTown if chunk.id == 0 => ('B', 0),
            Kind::OldTown => ('C', 1 + chunk.quarter),
            Kind::Suburb(edge) if chunk.quarter == main => {
                if edge < 0.35 {
                    ('C', 0)
                } else {
                    ('D', 0)
                }
            }
            Kind::Suburb(_) | Kind::Industrial => ('E', chunk.quarter),
            Kind::Gardens => ('R', 1),
            Kind::Marsh => ('R', 0),
            _ => ('R', 2),
        }
    };
    let mut keys: Vec<(char, u32)> = plan.chunks.iter().map(|chunk| key(chunk)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut number = ('A', 0);
    for found in keys {
        number = if number.0 == found.0 { (found.0, number.1 + 1) } else { (found.0, 1) };
        let shape = cover::unite(plan, |part| match part {
            Part::Lagoon => found == ('R', 0),
            Part::Chunk(chunk) => key(chunk) == found,
        });
        let quarter = |index: u32| plan.quarters.get(index as usize).map_or("", |quarter| quarter.name.as_str());
        let name = match found {
            ('B', _) => "CITTÀ ANTICA".to_owned(),
            ('C', 0) => format!("{} CENTRO", quarter(main).to_uppercase()),
            ('C', index) => format!("ISOLA {}", quarter(index - 1).to_uppercase()),
            ('D', _) => format!("{} PERIFERIA", quarter(main).to_uppercase()),
            ('E', index) => quarter(index).to_uppercase(),
            ('R', 0) => "LAGUNA E BARENE".to_owned(),
            ('R', 1) => "ORTI LAGUNARI".to_owned(),
            _ => "ZONA AGRICOLA".to_owned(),
        };
        rows.push(
            Geometry::MultiPolygon(shape),
            vec![
                text(format!("{}{}", number.0, number.1)),
                text(crate::BELFIORE),
                text(found.0.to_string()),
                text(name),
                text("2025/1"),
            ],
        );
    }
}
