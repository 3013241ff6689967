//! The plan of the municipality: towns, rivers, islands and the convex pieces ("chunks") that are later built
//! up one by one, each from its own random stream.
//!
//! The plan is small (one entry per sheet of the cadastral map) and is held in memory; everything finer is
//! made when a layer is read and forgotten again.

mod mainland;

use std::sync::Arc;

use crate::islands;
use crate::plane::{P, p};
use crate::rng::Rng;
use crate::warp::{Shear, Warp};

/// How a chunk is built up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Dense old town on an island, cut by canals.
    OldTown,
    /// Houses on lots; 0 = centre of a town, 1 = its edge.
    Suburb(f64),
    /// Sheds and yards.
    Industrial,
    /// Fields and ditches.
    Country,
    /// Kitchen gardens and vineyards of an outer island.
    Gardens,
    /// A river.
    River,
    /// Salt marsh cut by creeks.
    Marsh,
}

/// One corner of a chunk and the edge that leaves it.
#[derive(Debug, Clone)]
pub struct Corner {
    /// Position in the drawing plane.
    pub at: P,
    /// Further vertices of the edge, fixed and shared with the neighbour.
    pub via: Vec<P>,
    /// Width that the street or bank along the edge takes from the chunk, metres.
    pub inset: f64,
    /// Street along the edge (an index into [`Plan::streets`]).
    pub street: u32,
    /// Side of that street on which the chunk lies.
    pub side: u8,
    /// Direction in which that street runs.
    pub dir: P,
}

/// A convex piece of the plan.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Number.
    pub id: u32,
    /// How it is built up.
    pub kind: Kind,
    /// Outline, counter-clockwise.
    pub corners: Vec<Corner>,
    /// Quarter (an index into [`Plan::quarters`]).
    pub quarter: u32,
    /// First sheet number, counted from 0 over the whole municipality.
    pub sheet: u32,
    /// Sheets reserved.
    pub sheets: u32,
    /// Area in the drawing plane, m².
    pub area: f64,
}

impl Chunk {
    /// Outline with all fixed vertices.
    pub fn outline(&self) -> Vec<P> {
        self.corners.iter().flat_map(|corner| std::iter::once(corner.at).chain(corner.via.iter().copied())).collect()
    }

    /// Mean of the corners.
    pub fn centre(&self) -> P {
        self.corners.iter().fold(p(0.0, 0.0), |sum, corner| sum + corner.at) * (1.0 / self.corners.len() as f64)
    }
}

/// A street that bounds chunks.
#[derive(Debug, Clone)]
pub struct PlanStreet {
    /// Width, metres.
    pub width: f64,
    /// 0 primary, 1 secondary, 2 local, 3 pedestrian quay.
    pub class: u8,
    /// Middle line in the drawing plane.
    pub path: Vec<P>,
    /// Runs through fields.
    pub rural: bool,
    /// Quarter.
    pub quarter: u32,
}

/// A town, village or island: the unit of the districts layer.
#[derive(Debug, Clone)]
pub struct Quarter {
    /// Name.
    pub name: String,
    /// Centre in the drawing plane.
    pub centre: P,
    /// Radius of the built-up part, metres.
    pub radius: f64,
    /// An island.
    pub island: bool,
}

/// The whole plan.
#[derive(Debug)]
pub struct Plan {
    /// Seed of the city.
    pub seed: u64,
    /// The bend of the land.
    pub warp: Warp,
    /// Pieces: islands first, then the mainland.
    pub chunks: Vec<Arc<Chunk>>,
    /// Streets that bound chunks.
    pub streets: Vec<PlanStreet>,
    /// Quarters: islands first, then towns.
    pub quarters: Vec<Quarter>,
    /// Outline of the mainland, counter-clockwise from its south-west corner.
    pub mainland: Vec<P>,
    /// How many vertices of [`Plan::mainland`] form the coast (its first ones).
    pub coast: usize,
    /// Outline of the lagoon, counter-clockwise.
    pub lagoon: Vec<P>,
    /// The bridge: from the mainland to the main island.
    pub bridge: [P; 2],
    /// Street of the bridge.
    pub bridge_street: Option<u32>,
    /// Street along the coast.
    pub coast_street: Option<u32>,
    /// First street of the mainland.
    pub first_town_street: u32,
    /// First chunk of the mainland.
    pub first_town_chunk: u32,
    /// Centre and half axes of the main island.
    pub old_town: (P, P),
    /// Extent of the drawing plane (west, south, east, north).
    pub bounds: [f64; 4],
}

/// Land that one parcel takes on average, with its share of streets, in m² of the drawing plane.
const GROSS_SUBURB: f64 = 820.0;
const GROSS_COUNTRY: f64 = 4_900.0;
const GROSS_OLD: f64 = 165.0;
const GROSS_INDUSTRY: f64 = 5_800.0;

/// The sizes that follow from the number of parcels.
struct Size {
    half_width: f64,
    depth: f64,
    old: P,
    suburb_area: f64,
    industry_area: f64,
}

fn size(parcels: f64) -> Size {
    let big = ((parcels / 30_000.0).max(1.0).sqrt() - 1.0).min(6.0) / 6.0;
    let old_parcels = (parcels * 0.3).min(9_000.0 + 0.004 * parcels);
    let other_islands = old_parcels * 0.5;
    let rest = (parcels - old_parcels - other_islands).max(40.0);
    let country = rest * (0.33 - 0.17 * big);
    let industry = rest * 0.014;
    let suburb_area = (rest - country - industry) * GROSS_SUBURB;
    let industry_area = industry * GROSS_INDUSTRY;
    let area = suburb_area + industry_area + country * GROSS_COUNTRY;
    let old_area = old_parcels * GROSS_OLD;
    let a = (old_area * 1.8 / std::f64::consts::PI).sqrt();
    let width = (area * 1.5).sqrt().max(a * 7.6);
    Size { half_width: width * 0.5, depth: area / width, old: p(a, a / 1.8), suburb_area, industry_area }
}

impl Plan {
    /// Plans a city of about so many parcels.
    pub fn new(parcels: u64, seed: u64) -> Self {
        let size = size(parcels.max(300) as f64);
        let mut rng = Rng::new(seed, 1, 0);
        let old = size.old;
        let gap = (old.x * 1.15).clamp(260.0, 1900.0);
        let centre = p(size.half_width * 0.08, -(gap + old.y));
        let tilt = if rng.chance(0.5) { 1.0 } else { -1.0 };
        let shear = Shear { centre, reach: p(old.x * 1.25, old.y * 2.6), height: tilt * old.y * 0.42 };
        let south = centre.y - old.y - old.x * 1.75 - 260.0;
        let mut plan = Self {
            seed,
            warp: Warp::new(seed, shear),
            chunks: Vec::new(),
            streets: Vec::new(),
            quarters: Vec::new(),
            mainland: Vec::new(),
            coast: 0,
            lagoon: Vec::new(),
            bridge: [p(0.0, 0.0); 2],
            bridge_street: None,
            coast_street: None,
            first_town_street: 0,
            first_town_chunk: 0,
            old_town: (centre, old),
            bounds: [-size.half_width, south, size.half_width, size.depth],
        };
        islands::place(&mut plan, &mut rng);
        let main_town = plan.quarters.len() as u32;
        plan.first_town_street = plan.streets.len() as u32;
        plan.first_town_chunk = plan.chunks.len() as u32;
        plan.place_towns(&size, &mut rng);
        mainland::build(&mut plan, size.industry_area, main_town, &mut rng);
        plan.close_lagoon();
        let bridgehead = plan.coast_point(centre.x - old.x * 0.72);
        let landing = islands::west_end(&plan);
        plan.bridge = [bridgehead, landing];
        plan.bridge_street = Some(plan.streets.len() as u32);
        let parts = (bridgehead.distance(landing) / 50.0).ceil().max(1.0) as usize;
        let path = (0..=parts).map(|i| bridgehead.toward(landing, i as f64 / parts as f64)).collect();
        plan.streets.push(PlanStreet { width: 16.0, class: 0, path, rural: false, quarter: main_town });
        plan.span_rivers();
        plan.number_sheets();
        plan
    }

    fn coast_point(&self, x: f64) -> P {
        let near = |point: &&P| (point.x - x).abs();
        let coast = &self.mainland[..self.coast];
        coast.iter().min_by(|a, b| near(a).total_cmp(&near(b))).copied().unwrap_or_default()
    }

    /// Carries the broader streets that end on a river over to the nearest one on the other bank.
    fn span_rivers(&mut self) {
        let rivers: Vec<Vec<P>> =
            self.chunks.iter().filter(|chunk| chunk.kind == Kind::River).map(|chunk| chunk.outline()).collect();
        let ends: Vec<(usize, P, P)> = self
            .streets
            .iter()
            .enumerate()
            .filter(|(i, street)| *i as u32 >= self.first_town_street && street.path.len() > 1 && street.class < 2)
            .flat_map(|(i, street)| {
                let n = street.path.len();
                [(i, street.path[0], street.path[1]), (i, street.path[n - 1], street.path[n - 2])]
            })
            .collect();
        for river in rivers {
            let banks: Vec<&(usize, P, P)> = ends.iter().filter(|(_, at, _)| river.contains(at)).collect();
            let mut done: Vec<P> = Vec::new();
            for (i, at, before) in &banks {
                let outward = (*at - *before).unit();
                let far = banks
                    .iter()
                    .filter(|(_, other, from)| {
                        (*other - *from).unit().dot(outward) < -0.5 && (*other - *at).dot(outward) > 0.0
                    })
                    .min_by(|a, b| a.1.distance(*at).total_cmp(&b.1.distance(*at)));
                let Some((_, far, _)) = far.filter(|(_, far, _)| far.distance(*at) < 700.0) else { continue };
                if done.contains(at) || done.contains(far) {
                    continue;
                }
                done.extend([*at, *far]);
                let (width, class, rural) = (self.streets[*i].width, self.streets[*i].class, self.streets[*i].rural);
                let parts = (at.distance(*far) / 40.0).ceil().max(1.0) as usize;
                let path = (0..=parts).map(|k| at.toward(*far, k as f64 / parts as f64)).collect();
                let quarter = self.streets[*i].quarter;
                self.streets.push(PlanStreet { width, class, path, rural, quarter });
            }
        }
    }

    fn place_towns(&mut self, size: &Size, rng: &mut Rng) {
        let share = if size.suburb_area < 3.0e7 { 0.62 } else { 0.62 * (3.0e7 / size.suburb_area).sqrt() };
        let radius = (size.suburb_area * share / std::f64::consts::PI).sqrt() * 1.04;
        let centre = p(self.old_town.0.x - self.old_town.1.x * 0.6, (radius * 0.86).min(size.depth * 0.45));
        let mut left = size.suburb_area * (1.0 - share);
        self.quarters.push(Quarter { name: crate::names::town(0), centre, radius, island: false });
        let first = self.quarters.len() - 1;
        let mut tries = 0;
        while left > 6_000.0 && tries < 4_000 {
            tries += 1;
            let largest = (radius * 0.42).max(120.0).min((left / std::f64::consts::PI).sqrt());
            let r = if tries > 2_000 { largest * 0.5 } else { largest * rng.range(0.35, 1.0) };
            let at = p(
                rng.range(-size.half_width + r * 0.8, size.half_width - r * 0.8),
                rng.range(r * 0.7, (size.depth - r * 0.6).max(r)),
            );
            let free =
                self.quarters[first..].iter().all(|town| town.centre.distance(at) > (town.radius + r) * 1.12 + 60.0);
            if free {
                left -= std::f64::consts::PI * r * r;
                let name = crate::names::town(self.quarters.len() - first);
                self.quarters.push(Quarter { name, centre: at, radius: r, island: false });
            }
        }
    }

    fn close_lagoon(&mut self) {
        let [west, south, east, _] = self.bounds;
        // The coast runs west to east in the mainland's ring; the lagoon lies south of it.
        let coast: Vec<P> = self.mainland[..self.coast].iter().rev().copied().collect();
        let mut ring = coast;
        let mut side = |a: P, b: P| {
            let parts = (a.distance(b) / 150.0).ceil().max(1.0) as usize;
            ring.extend((1..=parts).map(|part| a.toward(b, part as f64 / parts as f64)));
        };
        side(p(west, 0.0), p(west, south));
        side(p(west, south), p(east, south));
        side(p(east, south), p(east, 0.0));
        ring.pop();
        self.lagoon = ring;
    }

    fn number_sheets(&mut self) {
        let mut next = 0;
        for chunk in &mut self.chunks {
            let chunk = Arc::make_mut(chunk);
            chunk.sheet = next;
            next += chunk.sheets;
        }
    }

    /// The quarter whose town is nearest, measured in its own radius.
    pub fn nearest_town(&self, at: P) -> (u32, f64) {
        let mut best = (0, f64::MAX, 0.0);
        for (i, quarter) in self.quarters.iter().enumerate().filter(|(_, quarter)| !quarter.island) {
            let distance = quarter.centre.distance(at);
            let score = distance - quarter.radius * 0.9;
            if score < best.1 {
                best = (i as u32, score, distance / quarter.radius);
            }
        }
        (best.0, best.2)
    }
}
