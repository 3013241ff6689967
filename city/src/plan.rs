//! The plan of the municipality: towns, rivers, islands and the convex pieces ("chunks") that are later built
//! up one by one, each from its own random stream.
//!
//! The plan is small (one entry per sheet of the cadastral map) and is held in memory; everything finer is
//! made when a layer is read and forgotten again.

use crate::islands;
use crate::mesh::{Mesh, NONE, Poly, Tag};
use crate::plane::{P, p};
use crate::rng::Rng;
use crate::warp::{Shear, Warp, noise};

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
    pub chunks: Vec<Chunk>,
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
pub const GROSS_SUBURB: f64 = 830.0;
const GROSS_COUNTRY: f64 = 7_000.0;
const GROSS_OLD: f64 = 190.0;
const GROSS_INDUSTRY: f64 = 5_200.0;

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
    let old_parcels = (parcels * 0.26).min(9_000.0 + 0.004 * parcels);
    let other_islands = old_parcels * 0.42;
    let rest = (parcels - old_parcels - other_islands).max(40.0);
    let country = rest * (0.27 - 0.13 * big);
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
        Mainland::build(&mut plan, &size, main_town, &mut rng);
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
            self.chunks.iter().filter(|chunk| chunk.kind == Kind::River).map(Chunk::outline).collect();
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
                    .filter(|(_, other, from)| (*other - *from).unit().dot(outward) < -0.5 && (*other - *at).dot(outward) > 0.0)
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
            let free = self.quarters[first..].iter().all(|town| town.centre.distance(at) > (town.radius + r) * 1.12 + 60.0);
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

/// What lies along a line of the plan.
#[derive(Debug, Clone, Copy)]
struct Along {
    inset: f64,
    street: u32,
}

struct Mainland<'a> {
    plan: &'a mut Plan,
    mesh: Mesh,
    along: Vec<Along>,
    leaves: Vec<(Poly, Kind, u32)>,
    industry: Vec<(P, P)>,
    street_ends: Vec<(u32, (u32, u32), u32)>,
}

impl<'a> Mainland<'a> {
    fn build(plan: &'a mut Plan, size: &Size, main_town: u32, rng: &mut Rng) {
        let [west, _, east, north] = plan.bounds;
        let main = plan.quarters[main_town as usize].clone();
        let side = (size.industry_area / 2.0).sqrt();
        let industry = vec![
            (main.centre + p(-main.radius - side * 0.55, -main.radius * 0.35), p(side * 0.75, side * 0.62)),
            (main.centre + p(main.radius * 0.75, main.radius * 0.72), p(side * 0.6, side * 0.5)),
        ];
        let mut this = Self {
            plan,
            mesh: Mesh::default(),
            along: vec![Along { inset: 0.0, street: NONE }],
            leaves: Vec::new(),
            industry,
            street_ends: Vec::new(),
        };
        let corners = [p(west, 0.0), p(east, 0.0), p(east, north), p(west, north)];
        let root = this.mesh.polygon(&corners, &[Tag::PLAIN; 4], 45.0);
        let coast = this.plan.streets.len() as u32;
        this.plan.coast_street = Some(coast);
        this.plan.streets.push(PlanStreet { width: 10.0, class: 1, path: Vec::new(), rural: false, quarter: main_town });
        this.along.push(Along { inset: 6.0, street: coast });
        this.along.extend([Along { inset: 4.0, street: NONE }; 3]);
        let outline = root.clone();
        let rest = this.rivers(root, rng);
        for (number, poly) in rest.into_iter().enumerate() {
            this.split(&poly, 0, &mut Rng::new(this.plan.seed, 3, number as u64));
        }
        this.harvest(&outline);
    }

    fn rivers(&mut self, root: Poly, rng: &mut Rng) -> Vec<Poly> {
        let [west, _, east, _] = self.plan.bounds;
        let main = self.plan.quarters.iter().find(|quarter| !quarter.island).map_or(0.0, |town| town.centre.x);
        let count = ((east - west) / 14_000.0).ceil().max(1.0) as usize;
        let mut rest = vec![];
        let mut open = root;
        for number in 0..count {
            let x = west + (east - west) * (number as f64 + rng.range(0.2, 0.34)) / count as f64;
            let x = if (x - main).abs() < 500.0 { x - 700.0 } else { x };
            let width = ((east - west) / 220.0).clamp(10.0, 46.0);
            let normal = p(1.0, rng.range(-0.22, 0.22));
            let at = p(x, self.plan.bounds[3] * 0.4);
            let Some(band) = self.mesh.band(&open, at, normal, width, [Tag::PLAIN; 2]) else { continue };
            self.along.extend([Along { inset: 4.0, street: NONE }; 2]);
            self.mesh.densify(band.lines[0], band.near_ends, 40.0);
            self.mesh.densify(band.lines[1], band.far_ends, 40.0);
            self.leaves.push((band.strip, Kind::River, 0));
            rest.push(band.near);
            open = band.far;
        }
        rest.push(open);
        rest
    }

    fn kind(&self, at: P) -> (Kind, u32) {
        let (town, relative) = self.plan.nearest_town(at);
        let inside = |(centre, half): &(P, P)| {
            let d = at - *centre;
            (d.x / half.x).abs().max((d.y / half.y).abs()) < 1.0
        };
        if self.industry.iter().any(inside) {
            return (Kind::Industrial, town);
        }
        let rough = relative * (1.0 + 0.5 * noise(self.plan.seed ^ 77, at.x / 900.0, at.y / 900.0));
        if rough < 1.0 { (Kind::Suburb(relative.min(1.0)), town) } else { (Kind::Country, town) }
    }

    /// Area below which a piece is left whole.
    fn target(&self, poly: &Poly, kind: Kind, rng: &mut Rng) -> f64 {
        let base = match kind {
            Kind::Suburb(edge) => 70_000.0 + 50_000.0 * edge,
            Kind::Industrial => 150_000.0,
            _ => 560_000.0,
        };
        // A piece that merely touches a town is cut further, so that the town's edge is fine.
        let near_town = poly.0.iter().any(|(vertex, _)| {
            !matches!(self.kind(self.mesh.points[*vertex as usize]).0, Kind::Country)
        });
        let base = if near_town { f64::min(base, 105_000.0) } else { base };
        base * rng.range(1.0, 1.9)
    }

    fn split(&mut self, poly: &Poly, depth: u32, rng: &mut Rng) {
        let centre = self.mesh.centre(poly);
        let (kind, quarter) = self.kind(centre);
        if self.mesh.area(poly) < self.target(poly, kind, rng) {
            self.leaves.push((poly.clone(), kind, quarter));
            return;
        }
        let Some((at, normal)) = self.best_cut(poly, centre, rng) else {
            self.leaves.push((poly.clone(), kind, quarter));
            return;
        };
        let Some(cut) = self.mesh.cut(poly, at, normal, Tag::PLAIN) else {
            self.leaves.push((poly.clone(), kind, quarter));
            return;
        };
        let rural = matches!(kind, Kind::Country);
        let class = if depth < 3 { 0 } else { u8::from(depth > 5 || (rural && depth > 4)) + 1 };
        let width = match (class, rural) {
            (0, _) => 15.0,
            (1, _) => 11.0,
            (_, true) => 5.0,
            (_, false) => 8.5,
        };
        let street = self.plan.streets.len() as u32;
        self.plan.streets.push(PlanStreet { width, class, path: Vec::new(), rural, quarter });
        self.along.push(Along { inset: width * 0.5, street });
        self.mesh.densify(cut.line, cut.ends, 30.0);
        self.street_ends.push((cut.line, cut.ends, street));
        self.split(&cut.near, depth + 1, rng);
        self.split(&cut.far, depth + 1, rng);
    }

    /// The best of several cuts: across the piece, square to its edges, away from its corners, and along or
    /// around the town.
    fn best_cut(&self, poly: &Poly, centre: P, rng: &mut Rng) -> Option<(P, P)> {
        let (town, relative) = self.plan.nearest_town(centre);
        let spoke = (centre - self.plan.quarters[town as usize].centre).unit();
        let axis = self.mesh.axis(poly).0;
        let mut best: Option<(f64, P, P)> = None;
        for attempt in 0..10 {
            let base = match attempt % 4 {
                0 if relative < 1.6 => spoke,
                1 if relative < 1.6 => spoke.left(),
                0 | 2 => axis,
                _ => axis.left(),
            };
            let normal = base.turn(rng.range(-0.028, 0.028));
            let (low, high) = self.mesh.extent(poly, normal);
            let at = centre + normal * ((low + high) * 0.5 - centre.dot(normal) + (high - low) * rng.range(-0.12, 0.12));
            let Some(score) = self.score(poly, at, normal) else { continue };
            let around = relative < 1.6 && attempt % 4 < 2;
            let score = if around { score - 0.55 } else { score };
            if best.is_none_or(|(least, _, _)| score < least) {
                best = Some((score, at, normal));
            }
        }
        best.map(|(_, at, normal)| (at, normal))
    }

    fn score(&self, poly: &Poly, at: P, normal: P) -> Option<f64> {
        let corners = self.mesh.corners(poly);
        let mut score = 0.0;
        let mut hits = 0;
        for (i, &a) in corners.iter().enumerate() {
            let b = corners[(i + 1) % corners.len()];
            let (sa, sb) = ((a - at).dot(normal), (b - at).dot(normal));
            if sa * sb < 0.0 {
                hits += 1;
                let edge = b - a;
                let length = edge.len();
                let from_corner = (sa.abs() / (sa.abs() + sb.abs())).min(1.0 - sa.abs() / (sa.abs() + sb.abs())) * length;
                score += normal.left().dot(edge.unit()).abs() * 1.6;
                if from_corner < 60.0 {
                    score += (60.0 - from_corner) * 0.05;
                }
            }
        }
        let (u, v) = (self.mesh.extent(poly, normal), self.mesh.extent(poly, normal.left()));
        score += (v.1 - v.0) / (u.1 - u.0);
        (hits == 2).then_some(score)
    }

    fn harvest(self, outline: &Poly) {
        let Self { plan, mut mesh, along, leaves, street_ends, .. } = self;
        mesh.finish(&plan.warp);
        let coast_from = plan.chunks.len() as u32;
        for (poly, kind, quarter) in leaves {
            let mut corners = Vec::with_capacity(poly.0.len());
            for (i, (from, line)) in poly.0.iter().enumerate() {
                let to = poly.0[(i + 1) % poly.0.len()].0;
                let mut path = Vec::new();
                mesh.edge(*from, *line, to, &mut path);
                let forward = (mesh.points[to as usize] - mesh.points[*from as usize]).dot(mesh.dir(*line)) > 0.0;
                let Along { inset, street } = along[*line as usize];
                corners.push(Corner {
                    at: mesh.points[*from as usize],
                    via: path[1..].iter().map(|vertex| mesh.points[*vertex as usize]).collect(),
                    inset,
                    street,
                    side: u8::from(!forward),
                    dir: mesh.dir(*line),
                });
            }
            let area = mesh.area(&poly);
            let id = plan.chunks.len() as u32;
            let sheets = u32::from(kind != Kind::River);
            plan.chunks.push(Chunk { id, kind, corners, quarter, sheet: 0, sheets, area });
        }
        // Rivers belong to no quarter of their own: to that of their middle.
        for i in coast_from as usize..plan.chunks.len() {
            if plan.chunks[i].kind == Kind::River {
                plan.chunks[i].quarter = plan.nearest_town(plan.chunks[i].centre()).0;
            }
        }
        for (line, ends, street) in street_ends {
            let mut path = Vec::new();
            mesh.edge(ends.0, line, ends.1, &mut path);
            path.push(ends.1);
            plan.streets[street as usize].path = path.iter().map(|vertex| mesh.points[*vertex as usize]).collect();
        }
        plan.mainland = mesh.ring(outline).iter().map(|vertex| mesh.points[*vertex as usize]).collect();
        let mut coast = Vec::new();
        mesh.edge(outline.0[0].0, outline.0[0].1, outline.0[1].0, &mut coast);
        plan.coast = coast.len() + 1;
        if let Some(street) = plan.coast_street {
            plan.streets[street as usize].path = plan.mainland[..plan.coast].to_vec();
        }
    }
}
