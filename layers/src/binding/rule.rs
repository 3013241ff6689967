//! One bound field: which feature of the other layer its value comes from.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::NaiveDate;
use geo::{Area as _, BooleanOps as _, InteriorPoint as _};
use geo_types::{Geometry, MultiPolygon};

use crate::cache::{CoordinateGrid, GeometryKind, RowRef, Snapshot, Validity};
use crate::crs::{Crs, with_transformer};
use crate::definition::{Bound, By, FieldDefinition, Scope, misfit};
use crate::feature::Value;
use crate::query::cql2::{BoundFilter, Filter};
use crate::query::{Place, by_value, covering, near};

/// A bound field and the other layer as it is.
#[derive(Debug)]
pub(super) struct Rule {
    /// The bound field: its name and its position.
    pub name: String,
    pub position: usize,
    pub bound: Bound,
    pub target: Arc<Snapshot>,
    /// Of the other layer: the field that is taken, and the one that decides among several.
    of: usize,
    first_by: Option<usize>,
    filter: Option<BoundFilter>,
    validity: Validity,
}

/// Where the feature is that a value is looked for: its place in storage CRS, and its surface where it has one.
pub(super) struct Seat {
    crs: Crs,
    position: [f64; 2],
    surface: Option<MultiPolygon<f64>>,
}

impl Seat {
    /// Of a feature; `None` without a geometry. Surfaces are taken out only where something asks for them.
    pub fn of(row: RowRef<'_>, with_surface: bool) -> Option<Self> {
        let packed = row.base.geometry();
        let crs = row.base.crs().clone();
        if let (GeometryKind::Point, [only]) = (packed.kind(row.row), packed.nodes(row.row)) {
            return Some(Self { crs, position: packed.grid().unpack(*only), surface: None });
        }
        let geometry = packed.geometry(row.row, CoordinateGrid::unpack)?;
        let position = geometry.interior_point()?;
        let surface = surface(geometry).filter(|_| with_surface);
        Some(Self { crs, position: [position.x(), position.y()], surface })
    }

    /// The place in another CRS; `None` where it has none there.
    fn position_in(&self, crs: &Crs) -> Option<[f64; 2]> {
        if *crs == self.crs {
            return Some(self.position);
        }
        with_transformer(&self.crs, crs, |transformer| transformer.point(self.position)).ok()?.ok()
    }
}

fn surface(geometry: Geometry<f64>) -> Option<MultiPolygon<f64>> {
    match geometry {
        Geometry::Polygon(polygon) => Some(MultiPolygon(vec![polygon])),
        Geometry::MultiPolygon(polygons) => Some(polygons),
        _ => None,
    }
}

/// A feature of the other layer that may be the one.
struct Candidate<'a> {
    row: RowRef<'a>,
    /// Smaller is better: metres, or the part of the area with its sign turned.
    rank: f64,
    /// Twice the area in square steps of the grid; 0 where it does not matter.
    area: i128,
}

impl Rule {
    /// # Errors
    /// Why the declaration does not go with the other layer.
    pub fn new(
        position: usize,
        field: &FieldDefinition,
        bound: &Bound,
        target: Arc<Snapshot>,
        today: NaiveDate,
    ) -> Result<Self, String> {
        let definition = target.definition();
        if let Some(reason) = misfit(field, bound, definition) {
            return Err(reason);
        }
        let place = |name: &str| definition.field(name).map(|(position, _)| position);
        let filter = bound.filter.as_deref().map(|text| Filter::from_text(text)?.bind(definition, Scope::EVERYTHING));
        Ok(Self {
            name: field.name.clone(),
            position,
            of: place(&bound.field).unwrap_or_default(),
            first_by: bound.first_by.as_deref().and_then(place),
            filter: filter.transpose().map_err(|refusal| refusal.reason.to_string())?,
            validity: Validity::of(definition, Some(today)),
            bound: bound.clone(),
            target,
        })
    }

    /// Whether surfaces have to be known, and not only places in them.
    pub const fn needs_surface(&self) -> bool {
        matches!(self.bound.by, By::Share)
    }

    /// The day may decide.
    pub const fn knows_days(&self) -> bool {
        !self.validity.is_always()
    }

    /// Whether a feature of the other layer is in force on the rule's day.
    pub fn is_valid(&self, row: RowRef<'_>) -> bool {
        self.validity.holds(row)
    }

    /// Whether two states of a feature of the other layer may give other values, where both lie at the same place.
    pub fn tells_apart(&self, before: RowRef<'_>, after: RowRef<'_>) -> bool {
        let fields = self.target.definition().fields.iter().enumerate();
        let concerns = |position: usize, name: &str| {
            self.filter.is_some()
                || position == self.of
                || self.first_by == Some(position)
                || ["valid_from", "valid_to"].contains(&name)
        };
        fields
            .filter(|(position, field)| concerns(*position, &field.name))
            .any(|(position, _)| before.base.value(before.row, position) != after.base.value(after.row, position))
    }

    /// The value for a feature that lies there.
    pub fn value(&self, seat: Option<&Seat>) -> Value {
        let found = seat.and_then(|seat| self.find(seat));
        found.map_or(Value::Null, |row| row.base.value(row.row, self.of).to_value())
    }

    fn find<'a>(&'a self, seat: &Seat) -> Option<RowRef<'a>> {
        let mut best: Option<Candidate<'a>> = None;
        let crs = self.target.crs()?;
        if let (By::Share, Some(surface)) = (self.bound.by, &seat.surface) {
            self.shares(seat, surface, crs, &mut best)?;
            return best.map(|best| best.row);
        }
        let position = seat.position_in(crs)?;
        covering(&self.target, position, |row| self.offer(&mut best, row, 0.0));
        if let (None, Some(metres)) = (&best, self.bound.within_m) {
            let place = Place::new(&seat.crs, seat.position).ok()?;
            near(&self.target, &place, metres, |row, metres| self.offer(&mut best, row, metres)).ok()?;
        }
        best.map(|best| best.row)
    }

    /// Takes a feature in the place of the best one so far, if it is better.
    fn offer<'a>(&self, best: &mut Option<Candidate<'a>>, row: RowRef<'a>, rank: f64) {
        if !self.validity.holds(row) || self.filter.as_ref().is_some_and(|filter| !filter.matches(&row)) {
            return;
        }
        let area = if self.bound.smallest { twice_area(row) } else { 0 };
        let candidate = Candidate { row, rank, area };
        if best.as_ref().is_none_or(|best| self.order(&candidate, best).is_lt()) {
            *best = Some(candidate);
        }
    }

    /// Offers the surfaces of the other layer that lie over a surface, by how much of it is theirs.
    fn shares<'a>(
        &'a self,
        seat: &Seat,
        surface: &MultiPolygon<f64>,
        crs: &Crs,
        best: &mut Option<Candidate<'a>>,
    ) -> Option<()> {
        let mut ours = Geometry::MultiPolygon(surface.clone());
        if *crs != seat.crs {
            with_transformer(&seat.crs, crs, |transformer| transformer.geometry(&mut ours)).ok()?.ok()?;
        }
        let (mut min, mut max) = ([u32::MAX; 2], [0; 2]);
        let ours = self::surface(ours)?;
        for coord in ours.iter().flat_map(geo::Polygon::exterior) {
            let world = self.target.world([coord.x, coord.y]);
            (min, max) = ([0, 1].map(|axis| min[axis].min(world[axis])), [0, 1].map(|axis| max[axis].max(world[axis])));
        }
        let mut found = Vec::new();
        // Its edges may bend by a little between two vertices.
        let (min, max) = (min.map(|value| value.saturating_sub(SLACK)), max.map(|value| value.saturating_add(SLACK)));
        self.target.search(min, max, |row, _| found.push(row));
        for row in found {
            let theirs = row.base.geometry().geometry(row.row, CoordinateGrid::unpack).and_then(self::surface);
            let shared = theirs.map_or(0.0, |theirs| ours.intersection(&theirs).unsigned_area());
            if shared > 0.0 {
                self.offer(best, row, -shared);
            }
        }
        Some(())
    }

    /// Which of two is the one: the nearest (of which the most lies there), then as declared, in the end the least id.
    fn order(&self, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
        let by_field = || {
            let Some(field) = self.first_by else { return Ordering::Equal };
            let (a, b) = (a.row.base.value(a.row.row, field), b.row.base.value(b.row.row, field));
            match (a.is_null(), b.is_null()) {
                (false, false) => by_value(a, b),
                (a, b) => a.cmp(&b),
            }
        };
        let order = a.rank.total_cmp(&b.rank).then(a.area.cmp(&b.area));
        order.then_with(by_field).then_with(|| a.row.id().cmp(&b.row.id()))
    }
}

/// World units by which a box of a surface may miss it.
const SLACK: u32 = 64;

/// Twice the area of a surface, in square steps of the grid of its layer: exact, so that no two that are equal are told
/// apart.
fn twice_area(row: RowRef<'_>) -> i128 {
    let of = |nodes: &[[i32; 2]]| {
        let ends = nodes.last().into_iter().chain(nodes).zip(nodes);
        let cross = |([ax, ay], [bx, by]): (&[i32; 2], &[i32; 2])| {
            i128::from(*ax) * i128::from(*by) - i128::from(*bx) * i128::from(*ay)
        };
        ends.map(cross).sum::<i128>().abs()
    };
    let rings = row.base.geometry().rings(row.row);
    rings.map(|ring| if ring.hole { -of(ring.nodes) } else { of(ring.nodes) }).sum()
}
