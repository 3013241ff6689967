//! The mainland: rivers, and a recursive cut along roads until each piece is a sheet.

use std::sync::Arc;

use super::{Chunk, Corner, Kind, Plan, PlanStreet};
use crate::mesh::{Mesh, NONE, Poly, Tag};
use crate::plane::{P, p};
use crate::rng::Rng;
use crate::warp::noise;

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

/// Parts the mainland.
pub fn build(plan: &mut Plan, industry_area: f64, main_town: u32, rng: &mut Rng) {
    let [west, _, east, north] = plan.bounds;
    let main = plan.quarters[main_town as usize].clone();
    let side = (industry_area / 2.0).sqrt();
    let industry = vec![
        (main.centre + p(-main.radius - side * 0.55, -main.radius * 0.35), p(side * 0.75, side * 0.62)),
        (main.centre + p(main.radius * 0.75, main.radius * 0.72), p(side * 0.6, side * 0.5)),
    ];
    let mut this = Mainland {
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

impl Mainland<'_> {
    /// Says what lies along a line.
    fn lay(&mut self, line: u32, along: Along) {
        let least = line as usize + 1;
        if self.along.len() < least {
            self.along.resize(least, Along { inset: 0.0, street: NONE });
        }
        self.along[line as usize] = along;
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
            for line in band.lines {
                self.lay(line, Along { inset: 4.0, street: NONE });
            }
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
        let rough = relative * (1.0 + 0.5 * noise(self.plan.seed ^ 0x4d, at.x / 900.0, at.y / 900.0));
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
        let near_town =
            poly.0.iter().any(|(vertex, _)| !matches!(self.kind(self.mesh.points[*vertex as usize]).0, Kind::Country));
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
        self.lay(cut.line, Along { inset: width * 0.5, street });
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
            let at =
                centre + normal * ((low + high) * 0.5 - centre.dot(normal) + (high - low) * rng.range(-0.12, 0.12));
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
                let from_corner =
                    (sa.abs() / (sa.abs() + sb.abs())).min(1.0 - sa.abs() / (sa.abs() + sb.abs())) * length;
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
            plan.chunks.push(Arc::new(Chunk { id, kind, corners, quarter, sheet: 0, sheets, area }));
        }
        // Rivers belong to no quarter of their own: to that of their middle.
        for i in coast_from as usize..plan.chunks.len() {
            if plan.chunks[i].kind == Kind::River {
                let quarter = plan.nearest_town(plan.chunks[i].centre()).0;
                Arc::make_mut(&mut plan.chunks[i]).quarter = quarter;
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
