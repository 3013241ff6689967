//! What is within reach on foot: streets, how many of what, and the nearest of a kind.

mod tide;

use std::collections::HashSet;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bricola_layers::cache::{RowRef, Snapshot, Validity, ValueRef};
use bricola_layers::log::Seq;
use bricola_layers::query::Positions;
use bricola_territory::graph::{Graph, Reach, Spot, build};
use bricola_territory::text::Warning;
use bricola_territory::{FeatureRef, Text};
use chrono::NaiveDate;
use geo::{ConvexHull as _, InteriorPoint as _};
use geo_types::{Coord, Geometry, MultiLineString, MultiPoint, Point};
use serde_json::{Value, json};
use thiserror::Error;

use super::site::{Evidence, Seen, Site, code_of, name_of, near, reference};
use super::zones::place;
use tide::Wet;

pub use tide::Tide;

/// Version of the answer's rules.
pub const ENGINE: &str = "bricola-service-area/2";
/// The layer of streets.
pub const STREETS: &str = "streets";
/// Metres that a place may lie off a street to be reached from it.
pub const OFF_M: f64 = 150.0;
/// Graphs that are kept.
const KEPT: usize = 4;
/// Digits of a degree after the point in what is drawn: a centimetre.
const DIGITS: f64 = 1e7;

/// The streets of a layer as a graph, and which row each street is.
#[derive(Debug)]
pub struct Network {
    /// The graph.
    pub graph: Graph,
    streets: Vec<FeatureRef>,
}

/// A graph, and the snapshot that it was made of, with a digest of the streets that are left out as not valid.
type Kept = (Weak<Snapshot>, u64, Arc<Network>);

/// The graphs that were made last: a layer that has changed is another snapshot, of which another graph is made.
#[derive(Debug, Default)]
pub struct Networks(Mutex<Vec<Kept>>);

impl Networks {
    /// The graph of a layer of streets, those of them that are valid on a day.
    pub fn of(&self, streets: &Arc<Snapshot>, day: Option<NaiveDate>) -> Arc<Network> {
        // On most days the same streets are valid.
        let out = left_out(streets, day);
        let is_it = |(kept, of, _): &Kept| *of == out && kept.upgrade().is_some_and(|kept| Arc::ptr_eq(&kept, streets));
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., network)) = lock().iter().find(|kept| is_it(kept)) {
            return Arc::clone(network);
        }
        let network = Arc::new(Network::new(streets, day));
        let mut kept = lock();
        kept.retain(|(snapshot, ..)| snapshot.strong_count() > 0);
        kept.truncate(KEPT - 1);
        kept.insert(0, (Arc::downgrade(streets), out, Arc::clone(&network)));
        network
    }
}

/// A digest of the rows of a layer that are not valid on a day.
fn left_out(streets: &Snapshot, day: Option<NaiveDate>) -> u64 {
    let validity = Validity::of(streets.definition(), day);
    if validity.is_always() {
        return 0;
    }
    let mut hasher = rustc_hash::FxHasher::default();
    for row in streets.rows().filter(|row| !validity.holds(*row)) {
        row.id().hash(&mut hasher);
    }
    hasher.finish()
}

impl Network {
    fn new(snapshot: &Snapshot, day: Option<NaiveDate>) -> Self {
        let validity = Validity::of(snapshot.definition(), day);
        let (mut lines, mut streets) = (Vec::new(), Vec::new());
        for row in snapshot.rows().filter(|row| validity.holds(*row)) {
            let line = match Positions::LonLat.geometry(row) {
                Some(Geometry::LineString(line)) => MultiLineString(vec![line]),
                Some(Geometry::MultiLineString(lines)) => lines,
                _ => continue,
            };
            lines.push(line);
            streets.push(reference(snapshot, row));
        }
        Self { graph: build(&lines), streets }
    }

    /// The feature of a street of the graph.
    pub fn street(&self, street: u32) -> &FeatureRef {
        &self.streets[street as usize]
    }

    /// The edges of some streets, by the ids of their features.
    pub fn edges_of(&self, ids: &HashSet<String>) -> HashSet<u32> {
        let edges = (0..).zip(self.graph.edges());
        edges
            .filter(|(_, edge)| ids.contains(&self.streets[edge.street as usize].id))
            .map(|(number, _)| number)
            .collect()
    }
}

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// From where.
    pub site: Site,
    /// Along which streets.
    pub network: Arc<Network>,
    /// The layer of streets.
    pub streets: Arc<Snapshot>,
    /// Streets that are closed, by the ids of their features.
    pub closed: HashSet<String>,
    /// How high the water stands, where that is asked.
    pub tide: Option<Tide>,
    /// For how long.
    pub minutes: f64,
    /// Kilometres an hour.
    pub speed_kmh: f64,
    /// Of which layers it is counted what is within reach, with a field that is summed up.
    pub counted: Vec<(Arc<Snapshot>, Option<String>)>,
    /// Of which layers the nearest are wanted.
    pub nearest: Vec<Arc<Snapshot>>,
    /// How many of each.
    pub most: usize,
    /// The day on which features must be valid.
    pub day: Option<NaiveDate>,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Unreachable {
    /// There is no street about.
    #[error("no street that is open and above the water lies within {OFF_M} m of the place")]
    NoStreet,
    /// A place without coordinates.
    #[error("the place has no position")]
    NoPlace,
}

/// Answers: `{"place", "start", "minutes", "metres", "streets", "area", "within", "nearest", "cut_off", "tide", "warnings", "evidence"}`.
///
/// # Errors
/// A place from which no street is reached.
pub fn reached(question: &Question) -> Result<Value, Unreachable> {
    let graph = &question.network.graph;
    let from = question.site.shape.position().ok_or(Unreachable::NoPlace)?;
    let mut closed = question.network.edges_of(&question.closed);
    let wet = question.tide.as_ref().map(|tide| Wet::of(tide, &question.network, &question.streets));
    closed.extend(wet.iter().flat_map(|wet| wet.edges(&question.network)));
    let start = graph.locate(from.0, OFF_M, &closed).ok_or(Unreachable::NoStreet)?;
    let metres = question.minutes * question.speed_kmh * 1000.0 / 60.0;
    let limit = (metres - start.off_m).max(0.0);
    let reach = graph.reach(start, limit, &closed);
    let pieces = graph.pieces(&reach, &closed);
    let lines: Vec<_> = pieces.iter().map(|piece| graph.drawn(*piece)).filter(|line| line.0.len() > 1).collect();
    let whole: f64 = pieces.iter().map(|piece| piece.to_m - piece.from_m).sum();
    let drawn = MultiLineString(lines);
    let walk = Walk { question, closed: &closed, start, reach: &reach };
    let mut used: Vec<FeatureRef> = Vec::new();
    let within: Vec<Value> =
        question.counted.iter().map(|(layer, field)| walk.within(layer, field.as_deref())).collect();
    let nearest: Vec<Value> = question.nearest.iter().map(|layer| walk.nearest(layer, &mut used)).collect();
    let of_street = &question.network.streets[graph.edges()[start.edge as usize].street as usize];
    used.push(of_street.clone());
    let closed_streets = question.network.streets.iter().filter(|street| question.closed.contains(&street.id));
    used.extend(closed_streets.cloned());
    let mut warnings = walk.warnings();
    let told = wet.map(|wet| wet.told(question, from.0, metres, &mut used, &mut warnings));
    let mut answer = json!({
        "place": place(&question.site, None),
        "start": {"street": of_street, "lon": rounded(start.at.x), "lat": rounded(start.at.y), "off_m": format!("{:.1}", start.off_m)},
        "minutes": question.minutes, "speed_kmh": question.speed_kmh, "metres": format!("{metres:.0}"),
        "streets_m": format!("{whole:.0}"), "streets": line_json(&drawn), "area": hull_json(&drawn),
        "within": within, "nearest": nearest, "cut_off": cut_off(graph, &closed),
        "warnings": warnings,
    });
    if let Some(told) = told {
        answer["tide"] = told;
    }
    let layers: Vec<Arc<Snapshot>> = std::iter::once(&question.streets)
        .chain(question.counted.iter().map(|(layer, _)| layer))
        .chain(&question.nearest)
        .map(Arc::clone)
        .collect();
    Evidence::new(ENGINE, &question.site, (question.day, question.seq), Seen::of(&layers), used).seal(&mut answer);
    Ok(answer)
}

/// A walk that begins at a place.
struct Walk<'a> {
    question: &'a Question,
    closed: &'a HashSet<u32>,
    start: Spot,
    reach: &'a Reach,
}

impl Walk<'_> {
    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.question.site.warnings.clone();
        if self.start.off_m > OFF_M / 5.0 {
            let metres = format!("{:.0}", self.start.off_m);
            let text = Text::new(
                format!("il luogo è a {metres} m dalla strada più vicina: la distanza è contata in linea retta"),
                format!("the place lies {metres} m off the nearest street: that is counted as a straight line"),
            );
            warnings.push(Warning::new("off-street", text));
        }
        warnings
    }

    /// Metres on foot to a feature, where it is within reach.
    fn metres_to(&self, at: Point<f64>) -> Option<f64> {
        let graph = &self.question.network.graph;
        let spot = graph.locate(at.0, OFF_M, self.closed)?;
        let metres = graph.metres_to(self.reach, spot)? + self.start.off_m + spot.off_m;
        let most = self.question.minutes * self.question.speed_kmh * 1000.0 / 60.0;
        (metres <= most).then_some(metres)
    }

    /// The features of a layer within reach, the nearest first.
    fn found<'a>(&self, layer: &'a Snapshot) -> Vec<(f64, RowRef<'a>)> {
        use geo::BoundingRect as _;
        let nodes: MultiPoint<f64> = self
            .reach
            .costs
            .keys()
            .map(|node| Point(self.question.network.graph.node(*node)))
            .chain([Point(self.start.at)])
            .collect();
        let Some(frame) = nodes.bounding_rect() else { return Vec::new() };
        // Streets go on behind the last node, as far as there is time.
        let most = self.question.minutes * self.question.speed_kmh * 1000.0 / 60.0;
        let around = most.min(2_000.0) + OFF_M;
        let rows = near(layer, frame, around, self.question.day).into_iter();
        let mut found: Vec<(f64, RowRef<'a>)> =
            rows.filter_map(|row| Some((self.metres_to(position(row)?)?, row))).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.id().cmp(&b.1.id())));
        found
    }

    fn within(&self, layer: &Snapshot, field: Option<&str>) -> Value {
        let found = self.found(layer);
        let mut told = json!({"layer": layer.definition().id, "title": layer.definition().title, "count": found.len()});
        if let Some((position, field)) = field.and_then(|name| layer.definition().field(name)) {
            let value = |row: &RowRef<'_>| match row.base.value(row.row, position) {
                ValueRef::Integer(value) => Some(value as f64),
                ValueRef::Real(value) => Some(value),
                _ => None,
            };
            let values: Vec<f64> = found.iter().filter_map(|(_, row)| value(row)).collect();
            told["field"] = field.name.clone().into();
            told["sum"] = values.iter().sum::<f64>().into();
            told["without_value"] = (found.len() - values.len()).into();
        }
        told
    }

    fn nearest(&self, layer: &Snapshot, used: &mut Vec<FeatureRef>) -> Value {
        let per_minute = self.question.speed_kmh * 1000.0 / 60.0;
        let found = self.found(layer);
        let features: Vec<Value> = found
            .iter()
            .take(self.question.most)
            .map(|(metres, row)| {
                let feature = reference(layer, *row);
                used.push(feature.clone());
                json!({
                    "feature": feature, "code": code_of(layer, *row), "name": name_of(layer, *row),
                    "metres": format!("{metres:.0}"), "minutes": format!("{:.1}", metres / per_minute),
                })
            })
            .collect();
        json!({"layer": layer.definition().id, "title": layer.definition().title, "features": features})
    }
}

/// Where somebody goes who goes to a feature.
pub(super) fn position(row: RowRef<'_>) -> Option<Point<f64>> {
    match Positions::LonLat.geometry(row)? {
        Geometry::Point(point) => Some(point),
        geometry => geometry.interior_point(),
    }
}

/// Parts of the city that the closed streets cut off, by how many junctions they have.
fn cut_off(graph: &Graph, closed: &HashSet<u32>) -> Vec<Value> {
    if closed.is_empty() {
        return Vec::new();
    }
    let parts = graph.cut_off(closed);
    let told = parts.iter().take(20).map(|part| {
        let at = graph.node(part.nodes[0]);
        json!({"junctions": part.nodes.len(), "lon": rounded(at.x), "lat": rounded(at.y)})
    });
    told.collect()
}

pub(super) fn rounded(degrees: f64) -> f64 {
    (degrees * DIGITS).round() / DIGITS
}

fn pair(at: &Coord<f64>) -> [f64; 2] {
    [rounded(at.x), rounded(at.y)]
}

fn line_json(lines: &MultiLineString<f64>) -> Value {
    let lines: Vec<Vec<[f64; 2]>> = lines.iter().map(|line| line.0.iter().map(pair).collect()).collect();
    json!({"type": "MultiLineString", "coordinates": lines})
}

/// The convex hull of what is reached: what lies outside of it certainly is not.
fn hull_json(lines: &MultiLineString<f64>) -> Value {
    let hull = lines.convex_hull();
    let ring: Vec<[f64; 2]> = hull.exterior().0.iter().map(pair).collect();
    json!({"type": "Polygon", "coordinates": [ring]})
}
