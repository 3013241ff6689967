//! The same by another way, to prove it: rows streamed from the store, boxes in a tree of their own, the predicates of the
//! crate `geo` on coordinates in floating point. Nothing of the cache is asked.
//!
//! Where a place lies on the very edge of a surface, `geo` does not say which of two neighbours has it, and either is taken;
//! the edge is as wide as the coordinate grid of the cache is fine.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt as _, pin_mut};
use geo::coordinate_position::{CoordPos, CoordinatePosition as _};
use geo::{
    Area as _, BooleanOps as _, BoundingRect as _, Closest, ClosestPoint as _, Distance as _, Euclidean,
    InteriorPoint as _, LinesIter as _,
};
use geo_types::{Coord, Geometry, Line, MultiPolygon, Point, Rect};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::sides::today;
use crate::cache::FollowError;
use crate::crs::{Crs, geodesic_distance_m, with_transformer};
use crate::definition::{Bound, By, LayerDefinition, Scope, bound_faults, misfit};
use crate::feature::{FeatureId, StoredFeature, Value};
use crate::query::cql2::{BoundFilter, Filter};
use crate::store::{Store, StoreError};

/// Metres by which two distances may differ before one is the nearer.
const SAME_M: f64 = 1e-3;

/// What a check of one layer found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Values that were compared: features times fields.
    pub values: u64,
    /// Of these, how many lie on an edge, where more than one value is right.
    pub on_an_edge: u64,
    /// Those that are not what they should be.
    pub differing: u64,
    /// The first of them, in order of id.
    pub first: Vec<Differing>,
    /// Fields that are not filled, with the reasons.
    pub idle: Vec<(String, String)>,
}

/// A value that is not what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Differing {
    /// The feature.
    pub id: FeatureId,
    /// Its field.
    pub field: String,
    /// What is stored.
    pub stored: Value,
    /// What it should be.
    pub expected: Value,
}

/// A bound feature and its place in the CRS of the other layer.
struct Seat {
    id: FeatureId,
    stored: Value,
    place: Option<Geometry<f64>>,
    best: Option<Best>,
    /// Values of surfaces on whose edge it lies.
    edges: Vec<Value>,
}

/// The feature of the other layer that is the one so far.
struct Best {
    rank: f64,
    area: f64,
    first_by: Value,
    id: FeatureId,
    value: Value,
}

/// Compares what is stored in the bound fields of a layer with what they should be; names `most` of what differs.
///
/// # Errors
/// When a layer cannot be read.
pub async fn check<S: Store>(store: &Arc<S>, layer: &str, most: usize) -> Result<Checked, FollowError> {
    let layers: BTreeMap<String, LayerDefinition> =
        store.layers().await?.into_iter().map(|stored| (stored.definition.id.clone(), stored.definition)).collect();
    let definition = layers.get(layer).ok_or_else(|| StoreError::UnknownLayer(layer.to_owned()))?;
    let faults = bound_faults(layers.values());
    let mut checked = Checked::default();
    for (position, field, bound) in definition.bound_fields() {
        let fault = faults.iter().find(|(of, name, _)| of == layer && *name == field.name).map(|(.., reason)| reason);
        let other = layers.get(&bound.layer);
        let absent = || Some(format!("there is no layer \"{}\"", bound.layer));
        let reason = fault.cloned().or_else(|| other.map_or_else(absent, |other| misfit(field, bound, other)));
        let (None, Some(other)) = (&reason, other) else {
            checked.idle.push((field.name.clone(), reason.unwrap_or_default()));
            continue;
        };
        let mut seats = seats(store, definition, position, bound, other).await?;
        visit(store, other, bound, &mut seats).await?;
        judge(seats, &field.name, most, &mut checked);
    }
    checked.first.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| a.field.cmp(&b.field)));
    checked.first.truncate(most);
    Ok(checked)
}

fn judge(seats: Vec<Seat>, field: &str, most: usize, checked: &mut Checked) {
    let before = checked.first.len();
    for Seat { id, stored, best, edges, .. } in seats {
        let expected = best.map(|best| best.value).unwrap_or_default();
        checked.values += 1;
        checked.on_an_edge += u64::from(!edges.is_empty());
        // Rows that are not on one have one value only; on the edge of one alone there may be none.
        if stored == expected || edges.contains(&stored) {
            continue;
        }
        checked.differing += 1;
        if checked.first.len() - before < most {
            checked.first.push(Differing { id, field: field.to_owned(), stored, expected });
        }
    }
}

/// The bound features, each at its place.
async fn seats<S: Store>(
    store: &Arc<S>,
    definition: &LayerDefinition,
    position: usize,
    bound: &Bound,
    other: &LayerDefinition,
) -> Result<Vec<Seat>, FollowError> {
    let crs = |definition: &LayerDefinition| Crs::parse(definition.crs.as_deref().unwrap_or("EPSG:4326"));
    let failed = |error: crate::crs::CrsError| StoreError::Failure(error.to_string());
    let (from, to) = (crs(definition).map_err(failed)?, crs(other).map_err(failed)?);
    let mut seats = Vec::new();
    each(store, &definition.id, |row| {
        let StoredFeature { id, feature, .. } = row;
        let stored = feature.properties.get(position).cloned().unwrap_or_default();
        let is_shared = bound.by == By::Share;
        let place = feature.geometry.and_then(|geometry| match geometry {
            Geometry::Point(point) => Some(Geometry::Point(point)),
            surface @ (Geometry::Polygon(_) | Geometry::MultiPolygon(_)) if is_shared => Some(surface),
            other => other.interior_point().map(Geometry::Point),
        });
        let place = place.and_then(|mut place| {
            if from != to {
                with_transformer(&from, &to, |transformer| transformer.geometry(&mut place)).ok()?.ok()?;
            }
            Some(place)
        });
        seats.push(Seat { id, stored, place, best: None, edges: Vec::new() });
    })
    .await?;
    Ok(seats)
}

async fn each<S: Store>(store: &Arc<S>, layer: &str, mut take: impl FnMut(StoredFeature)) -> Result<(), FollowError> {
    let rows = store.scan(layer, FeatureId::MIN..FeatureId::MAX);
    pin_mut!(rows);
    while let Some(batch) = rows.next().await {
        // Rows that cannot be mirrored are in no answer either.
        batch?.into_iter().flatten().for_each(&mut take);
    }
    Ok(())
}

/// Streams the other layer past the bound features.
async fn visit<S: Store>(
    store: &Arc<S>,
    other: &LayerDefinition,
    bound: &Bound,
    seats: &mut [Seat],
) -> Result<(), FollowError> {
    let crs = Crs::parse(other.crs.as_deref().unwrap_or("EPSG:4326"));
    let crs = crs.map_err(|error| StoreError::Failure(error.to_string()))?;
    let leaves = seats.iter().enumerate().filter_map(|(number, seat)| {
        let rect = seat.place.as_ref()?.bounding_rect()?;
        Some(GeomWithData::new(Rectangle::from_corners(rect.min().into(), rect.max().into()), number))
    });
    let leaves: Vec<GeomWithData<Rectangle<(f64, f64)>, usize>> = leaves.collect();
    let tree = RTree::bulk_load(leaves);
    let asked = Asked::new(other, bound, &crs)?;
    each(store, &other.id, |row| {
        let Some(geometry) = row.feature.geometry.as_ref().filter(|_| asked.takes(&row)) else { return };
        let Some(rect) = geometry.bounding_rect() else { return };
        let reach = asked.reach(rect);
        let (low, high) = (rect.min() - reach, rect.max() + reach);
        let near = tree.locate_in_envelope_intersecting(AABB::from_corners(low.into(), high.into()));
        for leaf in near {
            asked.offer(&mut seats[leaf.data], &row, geometry);
        }
    })
    .await
}

/// What is asked of the features of the other layer.
struct Asked<'a> {
    bound: &'a Bound,
    crs: &'a Crs,
    day: NaiveDate,
    of: usize,
    first_by: Option<usize>,
    from: Option<usize>,
    to: Option<usize>,
    filter: Option<BoundFilter>,
    /// Half the width of an edge, in units of the CRS: what places and edges may move by on their grids.
    edge: f64,
}

impl<'a> Asked<'a> {
    fn new(other: &LayerDefinition, bound: &'a Bound, crs: &'a Crs) -> Result<Self, StoreError> {
        let place = |name: &str| other.field(name).map(|(position, _)| position);
        let filter = bound.filter.as_deref().map(|text| Filter::from_text(text)?.bind(other, Scope::EVERYTHING));
        Ok(Self {
            bound,
            crs,
            day: today(),
            of: place(&bound.field).unwrap_or_default(),
            first_by: bound.first_by.as_deref().and_then(place),
            from: place("valid_from"),
            to: place("valid_to"),
            filter: filter.transpose().map_err(|refusal| StoreError::Unusable(refusal.reason.to_string()))?,
            edge: other.resolution.unwrap_or_else(|| crs.default_resolution()) * 1.5,
        })
    }

    /// Whether a feature is in force, and one of those that are meant.
    fn takes(&self, row: &StoredFeature) -> bool {
        let day = |position: Option<usize>| match row.feature.properties.get(position?) {
            Some(Value::Date(day)) => Some(*day),
            Some(Value::DateTime(instant)) => Some(instant.date_naive()),
            _ => None,
        };
        let in_force =
            day(self.from).is_none_or(|from| from <= self.day) && day(self.to).is_none_or(|to| self.day < to);
        in_force && self.filter.as_ref().is_none_or(|filter| filter.matches(row))
    }

    /// How far around a feature places are looked at, in units of its CRS.
    fn reach(&self, rect: Rect<f64>) -> Coord<f64> {
        let Some(metres) = self.bound.within_m else { return Coord { x: self.edge, y: self.edge } };
        if !self.crs.is_geographic() {
            return Coord { x: metres * 1.1, y: metres * 1.1 };
        }
        let degrees = metres / 110_000.0;
        let latitude = rect.min().y.abs().max(rect.max().y.abs()).min(89.0);
        Coord { x: degrees / latitude.to_radians().cos(), y: degrees }
    }

    fn offer(&self, seat: &mut Seat, row: &StoredFeature, geometry: &Geometry<f64>) {
        let value = |position: usize| row.feature.properties.get(position).cloned().unwrap_or_default();
        let rank = match &seat.place {
            Some(Geometry::Point(point)) if geometry.unsigned_area() == 0.0 => self.distance(*point, geometry),
            Some(Geometry::Point(point)) if self.is_on_edge(point.0, geometry) => {
                seat.edges.push(value(self.of));
                None
            }
            Some(Geometry::Point(point)) => match geometry.coordinate_position(&point.0) {
                CoordPos::Inside | CoordPos::OnBoundary => Some(0.0),
                CoordPos::Outside => self.distance(*point, geometry),
            },
            Some(surface) => share(surface, geometry).map(|shared| -shared),
            None => None,
        };
        let Some(rank) = rank else { return };
        let area = if self.bound.smallest && rank == 0.0 { geometry.unsigned_area() } else { 0.0 };
        let first_by = self.first_by.map_or(Value::Null, value);
        let next = Best { rank, area, first_by, id: row.id, value: value(self.of) };
        let is_tied = |best: &Best| rank > 0.0 && best.rank > 0.0 && (best.rank - rank).abs() < SAME_M;
        match &seat.best {
            Some(best) if is_tied(best) => {
                // As near as can be told: either is right.
                seat.edges.extend([best.value.clone(), next.value.clone()]);
                if next.order(best).is_lt() {
                    seat.best = Some(next);
                }
            }
            Some(best) if next.order(best).is_ge() => {}
            _ => seat.best = Some(next),
        }
    }

    fn is_on_edge(&self, place: Coord<f64>, geometry: &Geometry<f64>) -> bool {
        let edge = self.edge;
        let is_between = |value: f64, a: f64, b: f64| value >= a.min(b) - edge && value <= a.max(b) + edge;
        let is_near = |line: Line<f64>| {
            is_between(place.x, line.start.x, line.end.x)
                && is_between(place.y, line.start.y, line.end.y)
                && Euclidean.distance(&Point(place), &line) <= edge
        };
        match geometry {
            Geometry::Polygon(polygon) => polygon.lines_iter().any(is_near),
            Geometry::MultiPolygon(polygons) => polygons.lines_iter().any(is_near),
            _ => false,
        }
    }

    /// Metres from a place to a feature, where they may be that many.
    fn distance(&self, place: Point<f64>, geometry: &Geometry<f64>) -> Option<f64> {
        let within = self.bound.within_m?;
        let nearest = match geometry.closest_point(&place) {
            Closest::Intersection(point) | Closest::SinglePoint(point) => point,
            Closest::Indeterminate => return None,
        };
        let lonlat = |point: Point<f64>| {
            let wgs84 = Crs::wgs84();
            with_transformer(self.crs, &wgs84, |transformer| transformer.point([point.x(), point.y()])).ok()?.ok()
        };
        let metres = geodesic_distance_m(lonlat(place)?, lonlat(nearest)?);
        (metres <= within).then_some(metres)
    }
}

impl Best {
    fn order(&self, other: &Self) -> Ordering {
        let by_field = match (self.first_by.is_null(), other.first_by.is_null()) {
            (false, false) => order(&self.first_by, &other.first_by),
            (mine, theirs) => mine.cmp(&theirs),
        };
        let order = self.rank.total_cmp(&other.rank).then(self.area.total_cmp(&other.area));
        order.then(by_field).then(self.id.cmp(&other.id))
    }
}

/// Values of one field have one type.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Real(a), Value::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// The area that a surface has in common with another, in square units of their CRS.
fn share(surface: &Geometry<f64>, other: &Geometry<f64>) -> Option<f64> {
    let whole = |geometry: &Geometry<f64>| match geometry {
        Geometry::Polygon(polygon) => Some(MultiPolygon(vec![polygon.clone()])),
        Geometry::MultiPolygon(polygons) => Some(polygons.clone()),
        _ => None,
    };
    let shared = whole(surface)?.intersection(&whole(other)?).unsigned_area();
    (shared > 0.0).then_some(shared)
}
