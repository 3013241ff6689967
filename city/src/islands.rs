//! Where the islands lie.

use crate::mesh::{Mesh, NONE, Poly, Tag};
use crate::plan::{Chunk, Corner, Kind, Plan, PlanStreet, Quarter};
use crate::plane::{P, direction, p};
use crate::rng::Rng;
use crate::warp::Mm;

/// An oval in the drawing plane.
#[derive(Debug, Clone, Copy)]
pub struct Oval {
    /// Centre.
    pub centre: P,
    /// Half axes.
    pub half: P,
    /// Rotation, parts of a turn.
    pub turn: f64,
}

impl Oval {
    /// Corners counter-clockwise: on an ellipse, hence convex, at uneven steps.
    fn corners(&self, count: usize, rng: &mut Rng) -> Vec<P> {
        (0..count)
            .map(|i| {
                let at = direction((i as f64 + rng.range(-0.3, 0.3)) / count as f64);
                self.centre + p(at.x * self.half.x, at.y * self.half.y).turn(self.turn)
            })
            .collect()
    }

    fn meets(&self, other: &Self) -> bool {
        // Ovals are long: compare three circles along each.
        let circles = |oval: &Self| {
            let long = oval.half.x >= oval.half.y;
            let (r, step) = if long { (oval.half.y, p(oval.half.x, 0.0)) } else { (oval.half.x, p(0.0, oval.half.y)) };
            let step = step.turn(oval.turn);
            [-1.0, -0.5, 0.0, 0.5, 1.0].map(|k| (oval.centre + step * k, r * 1.3))
        };
        circles(self).iter().any(|(a, ra)| circles(other).iter().any(|(b, rb)| a.distance(*b) < ra + rb + 70.0))
    }
}

/// Places the islands and makes their chunks.
pub fn place(plan: &mut Plan, rng: &mut Rng) {
    let (centre, half) = plan.old_town;
    let a = half.x;
    let main = Oval { centre, half, turn: 0.0 };
    let at = |x: f64, y: f64| centre + p(x * a, y * a);
    let oval = |x: f64, y: f64, hx: f64, hy: f64, turn: f64| Oval { centre: at(x, y), half: p(hx * a, hy * a), turn };
    let named = [
        ("Città antica", Kind::OldTown, main),
        ("Zuèca", Kind::OldTown, oval(-0.12, -0.86, 0.72, 0.115, 0.005)),
        ("San Zanipolo", Kind::Gardens, oval(0.86, -0.72, 0.11, 0.075, 0.1)),
        ("Vetrère", Kind::OldTown, oval(1.05, 0.80, 0.27, 0.17, 0.08)),
        ("San Michiel", Kind::Gardens, oval(0.42, 0.83, 0.12, 0.085, 0.0)),
        ("Merlètola", Kind::OldTown, oval(2.25, 0.55, 0.22, 0.15, -0.04)),
        ("Torselèto", Kind::Gardens, oval(2.95, 0.25, 0.3, 0.2, 0.12)),
        ("Sant'Erasmin", Kind::Gardens, oval(2.3, -0.75, 0.55, 0.16, 0.07)),
    ];
    let mut taken = Vec::new();
    for (name, kind, oval) in named {
        taken.push(oval);
        let quarter = plan.quarters.len() as u32;
        let radius = oval.half.x;
        plan.quarters.push(Quarter { name: name.to_owned(), centre: oval.centre, radius, island: true });
        island(plan, kind, oval, quarter, rng);
    }
    barrier(plan, &mut taken, rng);
    marshes(plan, &mut taken, rng);
}

/// The long islands that part the lagoon from the sea, with inlets between them.
fn barrier(plan: &mut Plan, taken: &mut Vec<Oval>, rng: &mut Rng) {
    const NAMES: [&str; 6] = ["Lio Grando", "Lio Pìcolo", "Pelestrìn", "Cavalin", "Lio Mazor", "Treporti Novi"];
    let [west, _, east, _] = plan.bounds;
    let (centre, half) = plan.old_town;
    let count = ((east - west) / (half.x * 3.0)).round().max(3.0) as usize;
    let step = (east - west) / count as f64;
    let home = ((centre.x + half.x * 0.4 - west) / step) as usize;
    for i in 0..count {
        let inhabited = i == home || i.abs_diff(home) % 3 == 2;
        let size = p(step * rng.range(0.42, 0.455), half.x * if inhabited { 0.15 } else { rng.range(0.07, 0.1) });
        let at = p(west + step * (i as f64 + 0.5), centre.y - half.y - half.x * rng.range(1.28, 1.4));
        let oval = Oval { centre: at, half: size, turn: rng.range(-0.006, 0.006) };
        taken.push(oval);
        let order = if i == home { 0 } else { 1 + i - usize::from(i > home) };
        let name = match order / NAMES.len() {
            0 => NAMES[order].to_owned(),
            round => format!("{} {}", NAMES[order % NAMES.len()], round + 1),
        };
        let quarter = plan.quarters.len() as u32;
        plan.quarters.push(Quarter { name, centre: at, radius: size.x, island: true });
        island(plan, if inhabited { Kind::Suburb(0.9) } else { Kind::Gardens }, oval, quarter, rng);
    }
}

fn island(plan: &mut Plan, kind: Kind, oval: Oval, quarter: u32, rng: &mut Rng) {
    let count = if oval.half.x > 3.0 * oval.half.y { 20 } else { 16 };
    let corners = oval.corners(count, rng);
    let mut mesh = Mesh::default();
    let poly = mesh.polygon(&corners, &vec![Tag::PLAIN; corners.len()], if kind == Kind::OldTown { 7.0 } else { 20.0 });
    let area = mesh.area(&poly);
    let width: f64 = match kind {
        Kind::Suburb(_) => 10.0,
        Kind::OldTown => 5.0,
        _ => 3.5,
    };
    let width = width.min(oval.half.y * 0.08);
    mesh.finish(&plan.warp);
    let mut edges = Vec::new();
    // The quay around the island changes its name every few corners.
    for (i, (from, line)) in poly.0.iter().enumerate() {
        let to = poly.0[(i + 1) % count].0;
        let mut path = Vec::new();
        mesh.edge(*from, *line, to, &mut path);
        let points: Vec<P> = path.iter().map(|vertex| mesh.points[*vertex as usize]).collect();
        let street = plan.streets.len() as u32;
        let mut quay = points.clone();
        quay.push(mesh.points[to as usize]);
        // The middle of the quay lies inside the shore.
        let quay = quay.iter().map(|q| q.toward(oval.centre, width * 0.5 / q.distance(oval.centre).max(1.0))).collect();
        let class = if matches!(kind, Kind::Suburb(_)) { 2 } else { 3 };
        plan.streets.push(PlanStreet { width, class, path: quay, rural: kind == Kind::Gardens, quarter });
        edges.push(Corner { at: points[0], via: points[1..].to_vec(), inset: width, street, side: 0, dir: mesh.dir(*line) });
    }
    let sheets = match kind {
        Kind::OldTown => (area / 32_000.0) as u32 + 1,
        _ => 1,
    };
    let id = plan.chunks.len() as u32;
    plan.chunks.push(Chunk { id, kind, corners: edges, quarter, sheet: 0, sheets, area });
}

/// The point of the main island where the bridge lands: its corner farthest to the north-west.
pub fn west_end(plan: &Plan) -> P {
    let score = |corner: &&Corner| corner.at.y - corner.at.x * 0.9;
    let corners = &plan.chunks[0].corners;
    corners.iter().max_by(|a, b| score(a).total_cmp(&score(b))).map(|corner| corner.at).unwrap_or_default()
}

fn marshes(plan: &mut Plan, taken: &mut Vec<Oval>, rng: &mut Rng) {
    let [west, south, east, _] = plan.bounds;
    let lagoon = (east - west) * -south;
    let a = plan.old_town.1.x;
    let wanted = (lagoon / (a * a * 1.1)).clamp(6.0, 400.0) as usize;
    let quarter = plan.quarters.len() as u32;
    plan.quarters.push(Quarter { name: "Barene".to_owned(), centre: p(0.0, south * 0.5), radius: a, island: true });
    let mut placed = 0;
    for _ in 0..wanted * 30 {
        if placed == wanted {
            break;
        }
        let size = a * rng.range(0.1, 0.34);
        let half = p(size, size * rng.range(0.35, 0.7));
        // Marshes gather at the edges of the lagoon.
        let edge = rng.unit();
        let x = if rng.chance(0.7) { west + (east - west) * edge * edge * 0.3 + size * 1.5 } else { rng.range(west + size * 1.5, east - size * 1.5) };
        let x = if rng.chance(0.5) { -x } else { x };
        let y = rng.range(south * 0.72, -size * 0.9 - 40.0);
        let oval = Oval { centre: p(x, y), half, turn: rng.range(-0.1, 0.1) };
        let inside = x - size * 1.4 > west && x + size * 1.4 < east;
        let lane = (x - (plan.old_town.0.x - a * 0.8)).abs() < a * 0.3 && y > plan.old_town.0.y;
        if !inside || lane || taken.iter().any(|other| other.meets(&oval)) {
            continue;
        }
        taken.push(oval);
        placed += 1;
        let corners = oval.corners(11, rng);
        let corners = corners.iter().map(|at| Corner { at: *at, via: Vec::new(), inset: 0.0, street: NONE, side: 0, dir: p(1.0, 0.0) });
        let id = plan.chunks.len() as u32;
        let area = std::f64::consts::PI * half.x * half.y;
        plan.chunks.push(Chunk { id, kind: Kind::Marsh, corners: corners.collect(), quarter, sheet: 0, sheets: 1, area });
    }
}

/// The islets of a salt marsh: what its tidal creeks leave.
pub fn islets(plan: &Plan, chunk: &Chunk) -> Vec<Vec<Mm>> {
    let mut rng = Rng::new(plan.seed, 11, u64::from(chunk.id));
    let mut mesh = Mesh::default();
    let corners: Vec<P> = chunk.corners.iter().map(|corner| corner.at).collect();
    let root = mesh.polygon(&corners, &vec![Tag::PLAIN; corners.len()], 14.0);
    let mut open = vec![root];
    let mut leaves: Vec<Poly> = Vec::new();
    let least = chunk.area * 0.05;
    while let Some(poly) = open.pop() {
        let area = mesh.area(&poly);
        let (axis, length, _) = mesh.axis(&poly);
        let normal = axis.turn(rng.range(-0.09, 0.09));
        let at = mesh.centre(&poly) + axis * (length * rng.range(-0.13, 0.13));
        let width = (area.sqrt() * rng.range(0.04, 0.13)).max(1.5);
        let big = area > least * rng.range(1.0, 4.0);
        match if big { mesh.band(&poly, at, normal, width, [Tag::PLAIN; 2]) } else { None } {
            Some(band) => {
                mesh.densify(band.lines[0], band.near_ends, 14.0);
                mesh.densify(band.lines[1], band.far_ends, 14.0);
                open.extend([band.near, band.far]);
            }
            None => leaves.push(poly),
        }
    }
    mesh.finish(&plan.warp);
    leaves
        .iter()
        .map(|leaf| {
            let mut ring: Vec<Mm> = mesh.ring(leaf).iter().map(|vertex| mesh.ground[*vertex as usize]).collect();
            ring.dedup();
            ring
        })
        .collect()
}
