//! Municipality, land and water, districts, census sections.

use geo_types::{Geometry, MultiPolygon, Polygon};

use super::{Rows, area, int, real, stream, text};
use crate::cover::{self, Part};
use crate::district::{District, ground_ring, polygon_area};
use crate::names::SESTIERI;
use crate::plan::{Kind, Plan};
use crate::site::Use;
use crate::{BELFIORE, IPA, ISTAT, NAME};

/// The municipality: mainland and lagoon.
pub fn municipality(plan: &Plan, rows: &mut Rows) {
    let whole = cover::unite(plan, |_| true);
    let size: f64 = whole.0.iter().map(polygon_area).sum();
    rows.push(
        Geometry::MultiPolygon(whole),
        vec![text(BELFIORE), text(ISTAT), text(IPA), text(NAME), real(size / 1.0e6, 3)],
    );
}

/// Islands, the bridge and the mainland.
pub fn islands(plan: &Plan, rows: &mut Rows) {
    rows.push(area(Polygon::new(ground_ring(plan, &plan.mainland), vec![])), vec![text("T1"), text("Terraferma"), text("mainland")]);
    rows.push(area(cover::bridge(plan)), vec![text("T2"), text("Ponte della Concordia"), text("mainland")]);
    for chunk in plan.chunks.iter().filter(|chunk| plan.quarters[chunk.quarter as usize].island) {
        let (shape, name) = if chunk.kind == Kind::Marsh {
            (cover::marsh(plan, chunk), format!("Barena {}", crate::names::family(u64::from(chunk.id))))
        } else {
            (MultiPolygon(vec![Polygon::new(ground_ring(plan, &chunk.outline()), vec![])]), plan.quarters[chunk.quarter as usize].name.clone())
        };
        rows.push(Geometry::MultiPolygon(shape), vec![text(format!("I{:04}", chunk.id + 1)), text(name), text("island")]);
    }
}

/// The lagoon and the rivers.
pub fn lagoon(plan: &Plan, rows: &mut Rows) {
    let lagoon = cover::unite(plan, |part| matches!(part, Part::Lagoon));
    rows.push(Geometry::MultiPolygon(lagoon), vec![text("W1"), text("lagoon"), text("Laguna di Valmarana")]);
    let names = ["Dese Novo", "Zelo", "Vallio", "Musestre", "Meolo", "Brian", "Lemene Vecio", "Sile Morto"];
    for (i, chunk) in plan.chunks.iter().filter(|chunk| chunk.kind == Kind::River).enumerate() {
        let shape = Polygon::new(ground_ring(plan, &chunk.outline()), vec![]);
        rows.push(area(shape), vec![text(format!("W2{i:03}")), text("river"), text(format!("Fiume {}", names[i % names.len()]))]);
    }
}

/// Canals and ditches.
pub fn canals(district: &District, rows: &mut Rows) {
    for (i, (water, shape)) in district.waters.iter().zip(&district.water_shapes).enumerate() {
        let hash = stream(district, 2, i as u64).next();
        let name = match water.rank {
            0 => "Canal Grando".to_owned(),
            1 => format!("Rio {}", crate::names::old_name(hash)),
            _ if district.chunk.kind == Kind::Gardens => format!("Ghebo {}", crate::names::family(hash)),
            _ => format!("Fosso {}", crate::names::family(hash)),
        };
        rows.push(area(shape.clone()), vec![text(format!("W3{:05}{:04}", district.chunk.id, i + 1)), text("canal"), text(name)]);
    }
}

/// Municipalità, quartieri and islands.
pub fn districts(plan: &Plan, rows: &mut Rows) {
    let islands = cover::unite(plan, |part| match part {
        Part::Lagoon => true,
        Part::Chunk(chunk) => plan.quarters[chunk.quarter as usize].island,
    });
    rows.push(Geometry::MultiPolygon(islands), vec![text("M1"), text("Municipalità di Laguna e Isole"), text("municipalita")]);
    let mainland = cover::unite(plan, |part| matches!(part, Part::Chunk(chunk) if !plan.quarters[chunk.quarter as usize].island));
    rows.push(Geometry::MultiPolygon(mainland), vec![text("M2"), text("Municipalità di Terraferma"), text("municipalita")]);
    for (i, quarter) in plan.quarters.iter().enumerate().filter(|(i, _)| *i > 0) {
        if quarter.name == "Barene" {
            continue;
        }
        let shape = cover::unite(plan, |part| matches!(part, Part::Chunk(chunk) if chunk.quarter as usize == i));
        if shape.0.is_empty() {
            continue;
        }
        let level = if quarter.island { "island" } else { "quartiere" };
        rows.push(Geometry::MultiPolygon(shape), vec![text(format!("Q{:04}", i + 1)), text(quarter.name.clone()), text(level)]);
    }
}

/// The sestieri of the main island.
pub fn sestieri(district: &District, rows: &mut Rows) {
    if district.chunk.id != 0 {
        return;
    }
    for (i, name) in SESTIERI.iter().enumerate() {
        let shape = district.region(|sheet, _| district.sheets.get(sheet as usize) == Some(&(i as u32)));
        if !shape.0.is_empty() {
            rows.push(Geometry::MultiPolygon(shape), vec![text(format!("S{}", i + 1)), text(*name), text("sestiere")]);
        }
    }
}

/// Sections without people: the lagoon and the rivers.
pub fn empty_sections(plan: &Plan, rows: &mut Rows) {
    let mut push = |code: String, shape: MultiPolygon<f64>| {
        let size: f64 = shape.0.iter().map(polygon_area).sum();
        rows.push(Geometry::MultiPolygon(shape), vec![text(code), int(0), int(0), real(size, 0)]);
    };
    push(format!("{ISTAT}0000000"), cover::unite(plan, |part| matches!(part, Part::Lagoon)));
    for chunk in plan.chunks.iter().filter(|chunk| chunk.kind == Kind::River) {
        push(format!("{ISTAT}8{:06}", chunk.id), MultiPolygon(vec![Polygon::new(ground_ring(plan, &chunk.outline()), vec![])]));
    }
}

/// Dwellings on a parcel.
pub fn dwellings(land: Use, size: f64, seed: u64) -> i64 {
    let roll = (crate::rng::mix(seed ^ 0xd3) % 100) as i64;
    match land {
        Use::OldHouse => 1 + i64::from(size > 110.0) + roll / 50,
        Use::House => 1 + i64::from(roll > 70),
        Use::Flats => 3 + roll / 34,
        Use::Farm => 1,
        _ => 0,
    }
}

/// Census sections: one per sheet.
pub fn sections(district: &District, rows: &mut Rows) {
    for number in 0..district.sheets.len() as u32 {
        let shape = district.region(|sheet, _| sheet == number);
        if shape.0.is_empty() {
            continue;
        }
        let (mut homes, mut people) = (0, 0);
        for parcel in district.parcels.iter().filter(|parcel| parcel.sheet == number) {
            let here = if parcel.front.is_some() { dwellings(parcel.land, parcel.area, parcel.seed) } else { 0 };
            homes += here;
            people += here * 2 + i64::from(here > 0 && parcel.seed % 3 == 0);
        }
        let size: f64 = shape.0.iter().map(polygon_area).sum();
        let code = format!("{ISTAT}{:07}", district.chunk.sheet + number + 1);
        rows.push(Geometry::MultiPolygon(shape), vec![text(code), int(people), int(homes), real(size, 0)]);
    }
}
