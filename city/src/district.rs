//! A chunk that is built up, on the ground: parcels, buildings, addresses, streets, waters.

use std::sync::Arc;

use geo_types::{Coord, LineString, MultiPolygon, Point, Polygon};

use crate::dissolve::{self, Region};
use crate::mesh::{NONE, Vertex};
use crate::plan::{Chunk, Kind, Plan};
use crate::plane::{P, area2, contains, segment_distance};
use crate::rng::Rng;
use crate::site::{LOCAL, Owner, Site};
pub use crate::site::{LocalStreet, Use, Water, Way};
use crate::warp::Mm;

/// What a parcel is, with its number in the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// An ordinary parcel.
    Ordinary(u32),
    /// Street area: `STRADA001`.
    Road(u32),
    /// Water: `ACQUA001`.
    Water(u32),
}

/// A parcel.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Sheet, counted in the chunk.
    pub sheet: u32,
    /// Number.
    pub number: Number,
    /// Shape.
    pub polygon: Polygon<f64>,
    /// Geometric area, m².
    pub area: f64,
    /// Use (meaningless for streets and waters).
    pub land: Use,
    /// Where it meets its street.
    pub front: Option<Front>,
    /// Block, counted in the chunk.
    pub block: u32,
    /// A stream of its own.
    pub seed: u64,
}

/// Where a parcel meets a street.
#[derive(Debug, Clone, Copy)]
pub struct Front {
    /// Street: of the plan, or with [`LOCAL`].
    pub street: u32,
    /// Side of the street.
    pub side: u8,
    /// Position along it, metres.
    pub along: f64,
    /// Length of the front in the drawing plane, metres.
    pub span: f64,
    /// Length of the front, metres.
    pub width: f64,
    /// The doorstep, just inside the parcel.
    pub door: P,
    /// Into the parcel.
    pub inward: P,
    /// House number; 0 = none.
    pub number: u32,
}

/// A building.
#[derive(Debug, Clone)]
pub struct Building {
    /// Index of its parcel.
    pub parcel: u32,
    /// Outline.
    pub polygon: Polygon<f64>,
    /// A garage or shed beside the main building.
    pub annex: bool,
}

/// A built-up chunk.
#[derive(Debug)]
pub struct District {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The chunk.
    pub chunk: Arc<Chunk>,
    /// Sheets begun, each with its sestiere.
    pub sheets: Vec<u32>,
    /// Parcels by sheet and number; streets and waters after the ordinary ones of their sheet.
    pub parcels: Vec<Parcel>,
    /// Buildings in order of their parcel.
    pub buildings: Vec<Building>,
    /// Streets inside the chunk.
    pub streets: Vec<LocalStreet>,
    /// Canals and ditches.
    pub waters: Vec<Water>,
    /// Their shapes.
    pub water_shapes: Vec<Polygon<f64>>,
    /// Squares with their street.
    pub squares: Vec<(Polygon<f64>, u32)>,
    rings: Vec<Vec<Vertex>>,
    ground: Vec<Mm>,
    face_sheet: Vec<u32>,
    face_land: Vec<Option<Use>>,
}

impl District {
    /// Builds a chunk up.
    pub fn build(plan: &Arc<Plan>, chunk: &Arc<Chunk>) -> Self {
        if chunk.kind == Kind::Marsh {
            return Self::marsh(plan, chunk);
        }
        let mut site = Site::new(plan.seed, chunk);
        crate::grow::grow(&mut site);
        site.mesh.finish(&plan.warp);
        let rings: Vec<Vec<Vertex>> = site.faces.iter().map(|face| site.mesh.ring(&face.poly)).collect();
        let mut this = Self {
            plan: Arc::clone(plan),
            chunk: Arc::clone(chunk),
            sheets: std::mem::take(&mut site.sheets),
            parcels: Vec::with_capacity(site.lots.len() + 8),
            buildings: Vec::new(),
            streets: std::mem::take(&mut site.streets),
            waters: std::mem::take(&mut site.waters),
            water_shapes: Vec::new(),
            squares: Vec::new(),
            ground: std::mem::take(&mut site.mesh.ground),
            face_sheet: site.faces.iter().map(|face| face.sheet).collect(),
            face_land: site
                .faces
                .iter()
                .map(|face| match face.owner {
                    Owner::Lot(lot) => Some(site.lots[lot as usize].land),
                    _ => None,
                })
                .collect(),
            rings,
        };
        this.water_shapes = this.waters.iter().map(|water| this.shape(&water.faces).remove(0)).collect();
        this.squares = site.squares.iter().map(|(face, street)| (this.shape(&[*face]).remove(0), *street)).collect();
        this.parcels_of(&site);
        this.number_houses();
        this
    }

    fn marsh(plan: &Arc<Plan>, chunk: &Arc<Chunk>) -> Self {
        let islets = crate::islands::islets(plan, chunk);
        let parcels = islets
            .into_iter()
            .enumerate()
            .map(|(i, ring)| {
                let area = area2(&ring.iter().map(|at| at.metres()).collect::<Vec<_>>()) * 0.5;
                let mut coords: Vec<Coord<f64>> = ring.iter().map(|at| at.coord()).collect();
                coords.push(coords[0]);
                Parcel {
                    sheet: 0,
                    number: Number::Ordinary(i as u32 + 1),
                    polygon: Polygon::new(LineString(coords), Vec::new()),
                    area,
                    land: Use::Marsh,
                    front: None,
                    block: 0,
                    seed: Rng::new(plan.seed, 30 + u64::from(chunk.id), i as u64).next(),
                }
            })
            .collect();
        Self {
            plan: Arc::clone(plan),
            chunk: Arc::clone(chunk),
            sheets: vec![0],
            parcels,
            buildings: Vec::new(),
            streets: Vec::new(),
            waters: Vec::new(),
            water_shapes: Vec::new(),
            squares: Vec::new(),
            rings: Vec::new(),
            ground: Vec::new(),
            face_sheet: Vec::new(),
            face_land: Vec::new(),
        }
    }

    /// The union of faces on the ground.
    fn shape(&self, faces: &[u32]) -> Vec<Polygon<f64>> {
        if let [face] = faces {
            return vec![Polygon::new(dissolve::line_string(&self.ground, &self.rings[*face as usize]), Vec::new())];
        }
        let rings = faces.iter().map(|face| self.rings[*face as usize].as_slice());
        dissolve::unite(&self.ground, rings).iter().map(|region| region.polygon(&self.ground)).collect()
    }

    /// The union of the faces that a test picks (by sheet and use; no use = street or water).
    pub fn region(&self, pick: impl Fn(u32, Option<Use>) -> bool) -> MultiPolygon<f64> {
        if self.chunk.kind == Kind::Marsh {
            let shown = self.parcels.iter().filter(|parcel| pick(parcel.sheet, Some(parcel.land)));
            return MultiPolygon(shown.map(|parcel| parcel.polygon.clone()).collect());
        }
        let picked = (0..self.rings.len()).filter(|i| pick(self.face_sheet[*i], self.face_land[*i]));
        let regions: Vec<Region> = dissolve::unite(&self.ground, picked.map(|i| self.rings[i].as_slice()));
        MultiPolygon(regions.iter().map(|region| region.polygon(&self.ground)).collect())
    }

    fn parcels_of(&mut self, site: &Site) {
        let sheets = self.sheets.len().max(1) as u32;
        let mut lots: Vec<Vec<usize>> = vec![Vec::new(); sheets as usize];
        for (i, lot) in site.lots.iter().enumerate() {
            lots[lot.sheet as usize].push(i);
        }
        let mut roads: Vec<Vec<u32>> = vec![Vec::new(); sheets as usize];
        let mut waters: Vec<Vec<u32>> = vec![Vec::new(); sheets as usize];
        for (i, face) in site.faces.iter().enumerate() {
            match face.owner {
                Owner::Road => roads[face.sheet as usize].push(i as u32),
                Owner::Water(_) | Owner::Lot(_) => {}
            }
        }
        for (number, water) in self.waters.iter().enumerate() {
            waters[site.faces[water.faces[0] as usize].sheet as usize].push(number as u32);
        }
        for sheet in 0..sheets {
            let mut label = 0;
            for lot in &lots[sheet as usize] {
                self.lot(site, *lot, sheet, &mut label);
            }
            let streets = self.shape_all(&roads[sheet as usize]);
            for (i, polygon) in streets.into_iter().enumerate() {
                self.area_parcel(sheet, Number::Road(i as u32 + 1), polygon);
            }
            for (i, water) in waters[sheet as usize].iter().enumerate() {
                let polygon = self.water_shapes[*water as usize].clone();
                self.area_parcel(sheet, Number::Water(i as u32 + 1), polygon);
            }
        }
    }

    fn shape_all(&self, faces: &[u32]) -> Vec<Polygon<f64>> {
        let rings = faces.iter().map(|face| self.rings[*face as usize].as_slice());
        dissolve::unite(&self.ground, rings).iter().map(|region| region.polygon(&self.ground)).collect()
    }

    fn area_parcel(&mut self, sheet: u32, number: Number, polygon: Polygon<f64>) {
        let area = polygon_area(&polygon);
        let seed = Rng::new(self.plan.seed, 31, u64::from(self.chunk.id) << 32 | self.parcels.len() as u64).next();
        self.parcels.push(Parcel { sheet, number, polygon, area, land: Use::Empty, front: None, block: 0, seed });
    }

    fn lot(&mut self, site: &Site, number: usize, sheet: u32, label: &mut u32) {
        let lot = &site.lots[number];
        let faces: Vec<u32> = (lot.first..lot.first + lot.count).collect();
        let mut shapes = self.shape(&faces);
        let polygon = shapes.swap_remove(0);
        let index = self.parcels.len() as u32;
        let seed = Rng::new(self.plan.seed, 32, u64::from(self.chunk.id) << 32 | u64::from(index)).next();
        let front = self.front(site, &faces, &polygon);
        let area = polygon_area(&polygon);
        if lot.built > 0 {
            let built = if lot.built == lot.count {
                polygon.clone()
            } else {
                self.shape(&faces[..lot.built as usize]).swap_remove(0)
            };
            self.buildings.push(Building { parcel: index, polygon: built, annex: false });
        } else if let Some(front) = &front {
            crate::houses::place(lot.land, &polygon, front, seed, index, &mut self.buildings);
        }
        let mut push = |polygon: Polygon<f64>, area: f64, land: Use, front: Option<Front>, seed: u64| {
            *label += 1;
            let number = Number::Ordinary(*label);
            self.parcels.push(Parcel { sheet, number, polygon, area, land, front, block: lot.block, seed });
        };
        push(polygon, area, lot.land, front, seed);
        // Faces that turned out not to meet are parcels of their own.
        for other in shapes {
            let area = polygon_area(&other);
            push(other, area, Use::Empty, None, crate::rng::mix(seed));
        }
    }

    /// The longest edge on a street.
    fn front(&self, site: &Site, faces: &[u32], polygon: &Polygon<f64>) -> Option<Front> {
        let mut best: Option<(f64, u32, usize)> = None;
        for face in faces {
            let poly = &site.faces[*face as usize].poly;
            for (i, (from, line)) in poly.0.iter().enumerate() {
                if site.mesh.tag(*line).street == NONE {
                    continue;
                }
                let to = poly.0[(i + 1) % poly.0.len()].0;
                let length = self.ground[*from as usize].metres().distance(self.ground[to as usize].metres());
                if length > 2.0 && best.is_none_or(|(longest, _, _)| length > longest) {
                    best = Some((length, *face, i));
                }
            }
        }
        let (width, face, i) = best?;
        let poly = &site.faces[face as usize].poly;
        let ((from, line), to) = (poly.0[i], poly.0[(i + 1) % poly.0.len()].0);
        let tag = site.mesh.tag(line);
        let mut path = Vec::new();
        site.mesh.edge(from, line, to, &mut path);
        path.push(to);
        let points: Vec<P> = path.iter().map(|vertex| self.ground[*vertex as usize].metres()).collect();
        // The door is in the middle of the segment that holds the middle of the front.
        let middle = points[points.len() / 2].toward(points[points.len() / 2 - 1], 0.5);
        let inward = (points[points.len() / 2] - points[points.len() / 2 - 1]).unit().left();
        let door = Mm::of(middle + inward * 0.8);
        let ring = ring_points(polygon);
        let door = if contains(&ring, door.metres()) { door } else { Mm::of(middle + inward * 0.1) };
        let (a, b) = (site.mesh.points[from as usize], site.mesh.points[to as usize]);
        // A street of the plan is measured in its own direction, the same for all chunks along it.
        let dir = if tag.street & LOCAL == 0 {
            let path = &self.plan.streets[tag.street as usize].path;
            (path[path.len() - 1] - path[0]).unit()
        } else {
            site.mesh.dir(line)
        };
        let along = dir.dot(a.toward(b, 0.5));
        let span = a.distance(b);
        Some(Front { street: tag.street, side: tag.side, along, span, width, door: door.metres(), inward, number: 0 })
    }

    /// Gives out house numbers: per sestiere (or island) in the old town; odd on the left and even on the right
    /// along local streets; by distance along the streets that bound the chunk, so that neighbours agree.
    fn number_houses(&mut self) {
        if self.chunk.kind == Kind::OldTown {
            let mut next = [0u32; 8];
            let mut order: Vec<usize> = (0..self.parcels.len()).filter(|i| self.parcels[*i].front.is_some()).collect();
            order.sort_by_key(|i| (self.parcels[*i].sheet, self.parcels[*i].block, *i));
            for i in order {
                let sestiere = self.sheets[self.parcels[i].sheet as usize] as usize;
                if let Some(front) = &mut self.parcels[i].front {
                    next[sestiere] += 1 + u32::from(front.width > 9.0);
                    front.number = next[sestiere];
                }
            }
            return;
        }
        let mut local: Vec<(u32, u8, f64, usize)> = Vec::new();
        for (i, parcel) in self.parcels.iter_mut().enumerate() {
            let Some(front) = &mut parcel.front else { continue };
            if front.street & LOCAL != 0 {
                local.push((front.street, front.side, front.along, i));
            } else if front.span >= 9.5 {
                let street = &self.plan.streets[front.street as usize];
                let start = street.path[0].dot((street.path[street.path.len() - 1] - street.path[0]).unit());
                let step = ((front.along - start).max(0.0) / 9.0) as u32;
                front.number = step * 2 + 1 + u32::from(front.side);
            }
        }
        local.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut run = (NONE, 0u8, 0u32);
        for (street, side, _, i) in local {
            if (run.0, run.1) != (street, side) {
                run = (street, side, 0);
            }
            if let Some(front) = &mut self.parcels[i].front {
                front.number = run.2 * 2 + 1 + u32::from(side);
            }
            run.2 += 1;
        }
    }

    /// The middle line of a local street on the ground.
    pub fn street_line(&self, street: &LocalStreet) -> LineString<f64> {
        let step = match street.way {
            Way::Lane => 30.0,
            Way::Bridge => 1.0e9,
            _ => 15.0,
        };
        ground_line(&self.plan, street.ends[0], street.ends[1], step)
    }
}

/// A straight line of the drawing plane, on the ground.
pub fn ground_line(plan: &Plan, a: P, b: P, step: f64) -> LineString<f64> {
    let parts = (a.distance(b) / step).ceil().max(1.0) as usize;
    (0..=parts).map(|part| plan.warp.ground(a.toward(b, part as f64 / parts as f64)).coord()).collect()
}

/// A path of the drawing plane, on the ground.
pub fn ground_path(plan: &Plan, path: &[P]) -> LineString<f64> {
    let mut points: Vec<Mm> = path.iter().map(|at| plan.warp.ground(*at)).collect();
    points.dedup();
    points.into_iter().map(Mm::coord).collect()
}

/// A ring of the drawing plane, on the ground, closed.
pub fn ground_ring(plan: &Plan, ring: &[P]) -> LineString<f64> {
    let mut line = ground_path(plan, ring);
    if let Some(&first) = line.0.first() {
        line.0.push(first);
    }
    line
}

/// Corners of the outer ring in metres from the city's origin, without the closing one.
pub fn ring_points(polygon: &Polygon<f64>) -> Vec<P> {
    let ring = &polygon.exterior().0;
    ring[..ring.len().saturating_sub(1)].iter().map(|at| local(*at)).collect()
}

/// A position in metres from the city's origin.
pub fn local(at: Coord<f64>) -> P {
    crate::plane::p(at.x - crate::warp::EAST, at.y - crate::warp::NORTH)
}

/// A point feature's position from metres from the city's origin.
pub fn point(at: P) -> Point<f64> {
    Point(Mm::of(at).coord())
}

/// Area of a polygon with its holes, m².
pub fn polygon_area(polygon: &Polygon<f64>) -> f64 {
    let ring_area = |ring: &LineString<f64>| area2(&ring.0.iter().map(|at| local(*at)).collect::<Vec<_>>()).abs() * 0.5;
    ring_area(polygon.exterior()) - polygon.interiors().iter().map(ring_area).sum::<f64>()
}

/// A point inside a polygon without holes, away from its edge.
pub fn inside(polygon: &Polygon<f64>) -> P {
    let ring = ring_points(polygon);
    let n = ring.len();
    let mean = ring.iter().fold(crate::plane::p(0.0, 0.0), |sum, at| sum + *at) * (1.0 / n as f64);
    let clearance = |q: P| (0..n).map(|i| segment_distance(q, ring[i], ring[(i + 1) % n])).fold(f64::MAX, f64::min);
    if contains(&ring, mean) && clearance(mean) > 0.3 {
        return mean;
    }
    let mut best = (f64::MIN, mean);
    for i in 0..n {
        for j in i + 2..n {
            let q = ring[i].toward(ring[j], 0.5);
            if contains(&ring, q) {
                let free = clearance(q);
                if free > best.0 {
                    best = (free, q);
                }
            }
        }
    }
    best.1
}
