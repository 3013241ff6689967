//! Public transport: bus and tram over the streets of the plan, ferries over the lagoon.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bricola_layers::feature::Value;
use geo_types::Geometry;

use super::{Rows, date, int, line, real, text};
use crate::district::{ground_path, point};
use crate::plan::{Kind, Plan};
use crate::plane::{P, contains, segments_meet};
use crate::rng::mix;
use crate::street::Street;
use crate::warp::Mm;

/// A line with its stops.
struct Route {
    code: String,
    name: String,
    mode: &'static str,
    colour: &'static str,
    path: Vec<P>,
    /// Positions in `path` with a stop, with its name.
    stops: Vec<(usize, String)>,
}

/// The streets as a graph: nodes are vertices of the plan.
struct Graph {
    nodes: Vec<P>,
    edges: Vec<Vec<(u32, f64, u32)>>,
}

fn key(at: P) -> (u64, u64) {
    (at.x.to_bits(), at.y.to_bits())
}

impl Graph {
    fn new(plan: &Plan) -> Self {
        let mut numbers = BTreeMap::new();
        let mut graph = Self { nodes: Vec::new(), edges: Vec::new() };
        for (street, way) in plan.streets.iter().enumerate().filter(|(_, way)| way.class < 3) {
            let mut before: Option<u32> = None;
            for at in &way.path {
                let node = *numbers.entry(key(*at)).or_insert_with(|| {
                    graph.nodes.push(*at);
                    graph.edges.push(Vec::new());
                    graph.nodes.len() as u32 - 1
                });
                if let Some(before) = before.filter(|before| *before != node) {
                    let weight = graph.nodes[before as usize].distance(*at) * [0.7, 1.0, 1.5][way.class as usize];
                    graph.edges[before as usize].push((node, weight, street as u32));
                    graph.edges[node as usize].push((before, weight, street as u32));
                }
                before = Some(node);
            }
        }
        graph
    }

    fn nearest(&self, at: P) -> Option<u32> {
        let distance = |node: &u32| self.nodes[*node as usize].distance(at);
        (0..self.nodes.len() as u32).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// Shortest ways from a node: for each node the one before it and the street between.
    fn ways(&self, from: u32) -> Vec<Option<(u32, u32)>> {
        let mut best = vec![f64::MAX; self.nodes.len()];
        let mut before = vec![None; self.nodes.len()];
        let mut heap = BinaryHeap::new();
        best[from as usize] = 0.0;
        heap.push(Reverse((0u64, from)));
        while let Some(Reverse((cost, node))) = heap.pop() {
            if cost > (best[node as usize] * 1000.0) as u64 {
                continue;
            }
            for (next, weight, street) in &self.edges[node as usize] {
                let total = best[node as usize] + weight;
                if total < best[*next as usize] {
                    best[*next as usize] = total;
                    before[*next as usize] = Some((node, *street));
                    heap.push(Reverse(((total * 1000.0) as u64, *next)));
                }
            }
        }
        before
    }
}

const COLOURS: [&str; 10] =
    ["#d62828", "#1d70b8", "#2a9d4b", "#e07a1f", "#7b3fa0", "#0f8b8d", "#b5179e", "#6a994e", "#4361ee", "#9c6644"];

fn routes(plan: &Plan) -> Vec<Route> {
    let mut out = Vec::new();
    land(plan, &mut out);
    ferries(plan, &mut out);
    out
}

fn land(plan: &Plan, out: &mut Vec<Route>) {
    let graph = Graph::new(plan);
    let Some(terminal) = graph.nearest(plan.bridge[1]) else { return };
    let ways = graph.ways(terminal);
    let mut towns: Vec<_> = plan.quarters.iter().filter(|quarter| !quarter.island).collect();
    towns.truncate(1 + 40);
    for (number, town) in towns.into_iter().enumerate() {
        let Some(goal) = graph.nearest(town.centre) else { continue };
        let mut path = Vec::new();
        let mut streets = Vec::new();
        let mut node = goal;
        while let Some((before, street)) = ways[node as usize] {
            path.push(graph.nodes[node as usize]);
            streets.push(street);
            node = before;
        }
        if path.len() < 4 || node != terminal {
            continue;
        }
        path.push(graph.nodes[terminal as usize]);
        path.reverse();
        streets.reverse();
        let tram = number == 0;
        let mut stops = vec![(0, "Piazzale Concordia".to_owned())];
        let mut run = 0.0;
        for i in 1..path.len() {
            run += path[i].distance(path[i - 1]);
            let on_bridge = plan.bridge_street.is_some_and(|bridge| streets[i - 1] == bridge);
            let last = i + 1 == path.len();
            if (run > 380.0 && !on_bridge) || last {
                run = 0.0;
                let street = Street::of_plan(plan, streets[i - 1]);
                let name = if last { format!("{} Centro", town.name) } else { street.full };
                stops.push((i, name));
            }
        }
        let mode = if tram { "tram" } else { "bus" };
        let code = if tram { "T1".to_owned() } else { format!("{}", number + 1) };
        let name = format!("{code} Piazzale Concordia – {}", town.name);
        out.push(Route { code, name, mode, colour: COLOURS[number % COLOURS.len()], path, stops });
    }
}

fn ferries(plan: &Plan, out: &mut Vec<Route>) {
    let shores: Vec<Vec<P>> = plan
        .chunks
        .iter()
        .filter(|chunk| plan.quarters[chunk.quarter as usize].island)
        .map(|chunk| chunk.corners.iter().map(|corner| corner.at).collect())
        .collect();
    let free = |a: P, b: P| {
        shores.iter().all(|shore| {
            !contains(shore, a)
                && !contains(shore, b)
                && (0..shore.len()).all(|i| !segments_meet(a, b, shore[i], shore[(i + 1) % shore.len()]))
        }) && a.y < -10.0
            && b.y < -10.0
    };
    let pier = |id: usize, toward: P| -> P {
        let shore = &shores[id];
        let middle = shore.iter().fold(P::default(), |sum, at| sum + *at) * (1.0 / shore.len() as f64);
        let near = |at: &&P| at.distance(toward);
        let corner = shore.iter().min_by(|a, b| near(a).total_cmp(&near(b))).copied().unwrap_or_default();
        corner + (corner - middle).unit() * 14.0
    };
    let inhabited: Vec<usize> = (1..shores.len()).filter(|i| plan.chunks[*i].kind != Kind::Marsh).collect();
    let scale = plan.old_town.1.x;
    for id in inhabited {
        let centre =
            |id: usize| shores[id].iter().fold(P::default(), |sum, at| sum + *at) * (1.0 / shores[id].len() as f64);
        let (from, to) = (pier(0, centre(id)), pier(id, centre(0)));
        // Straight, or around what lies between by way of one or two bends.
        let bends = [0.0, 0.15, -0.15, 0.35, -0.35, 0.6, -0.6, 0.9, -0.9, 1.3, -1.3];
        let side = (to - from).unit().left();
        let path = bends.iter().find_map(|bend| {
            let path = if *bend == 0.0 {
                vec![from, to]
            } else {
                let shift = side * (scale * bend);
                vec![from, from.toward(to, 0.3) + shift, from.toward(to, 0.7) + shift, to]
            };
            path.windows(2).all(|leg| free(leg[0], leg[1])).then_some(path)
        });
        let Some(path) = path else { continue };
        let mut fine = vec![path[0]];
        for leg in path.windows(2) {
            let parts = (leg[0].distance(leg[1]) / 60.0).ceil().max(1.0) as usize;
            fine.extend((1..=parts).map(|part| leg[0].toward(leg[1], part as f64 / parts as f64)));
        }
        let number = out.iter().filter(|route| route.mode == "ferry").count() + 1;
        let name = &plan.quarters[plan.chunks[id].quarter as usize].name;
        let last = fine.len() - 1;
        let stops = vec![(0, format!("{} pontile {name}", "Città antica")), (last, name.clone())];
        let code = format!("N{number}");
        let title = format!("{code} Città antica – {name}");
        out.push(Route {
            code,
            name: title,
            mode: "ferry",
            colour: COLOURS[(number + 3) % COLOURS.len()],
            path: fine,
            stops,
        });
    }
}

/// Lines.
pub fn lines(plan: &Plan, rows: &mut Rows) {
    for route in routes(plan) {
        let operator = if route.mode == "ferry" { "Navigazione Lagunare Valmarana" } else { "Trasporti Valmarana" };
        let path = ground_path(plan, &route.path);
        if path.0.len() > 1 {
            rows.push(
                line(path),
                vec![
                    text(route.code.clone()),
                    text(route.code),
                    text(route.name),
                    text(route.mode),
                    text(route.colour),
                    text(operator),
                ],
            );
        }
    }
}

/// Stops: one per place and mode, with all lines that call there.
pub fn stops(plan: &Plan, rows: &mut Rows) {
    let mut found: BTreeMap<(Mm, &'static str), (String, Vec<String>)> = BTreeMap::new();
    let mut headways: BTreeMap<String, i64> = BTreeMap::new();
    for route in routes(plan) {
        // Minutes between two departures: the tram most often, ferries seldom.
        let chance = mix(headways.len() as u64 ^ 0x6715) as usize;
        let headway = match route.mode {
            "tram" => 6,
            "bus" => [10, 12, 15, 20][chance % 4],
            _ => [12, 20, 30, 60][chance % 4],
        };
        headways.insert(route.code.clone(), headway);
        for (i, name) in route.stops {
            let at = plan.warp.ground(route.path[i]);
            let entry = found.entry((at, route.mode)).or_insert_with(|| (name, Vec::new()));
            if !entry.1.contains(&route.code) {
                entry.1.push(route.code.clone());
            }
        }
    }
    for (number, ((at, mode), (name, lines))) in found.into_iter().enumerate() {
        let accessible = mode != "bus" || !mix(number as u64).is_multiple_of(4);
        // Both ways, from five till midnight; half as often on Saturdays, a third as often on Sundays.
        let an_hour: i64 = lines.iter().filter_map(|line| headways.get(line)).map(|minutes| 2 * 60 / minutes).sum();
        let kinds = [an_hour, an_hour / 2, an_hour / 3];
        let hours = |an_hour: i64| {
            (0..24).map(|hour| if hour < 5 { 0 } else { an_hour }.to_string()).collect::<Vec<_>>().join(",")
        };
        let [weekday, saturday, sunday] = kinds.map(hours);
        rows.push(
            Geometry::Point(point(at.metres())),
            vec![
                text(format!("F{:05}", number + 1)),
                text(name),
                text(mode),
                Value::Boolean(accessible),
                text(lines.join(", ")),
                int(19 * kinds[0]),
                int(19 * kinds[1]),
                int(19 * kinds[2]),
                text("05:00"),
                text("23:50"),
                real(60.0 / an_hour.max(1) as f64, 1),
                text(format!("{{\"weekday\":[{weekday}],\"saturday\":[{saturday}],\"sunday\":[{sunday}]}}")),
                date(2026, 1, 1),
                date(2026, 12, 31),
            ],
        );
    }
}
