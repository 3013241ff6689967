//! Filters over features, by the logic of SQL: what is compared with a value that is not there is neither true nor
//! false, and neither is what follows from it.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use geo::{BoundingRect, Intersects};
use geo_types::{Coord, Geometry, Rect};

use super::bound::{Condition, Located, Scalar, Span};
use super::expression::{Arithmetic, Comparison, Temporal};
use super::pattern::folded;
use super::relate;
use crate::cache::{CoordinateGrid, RowRef, ValueRef};
use crate::feature::{FeatureId, StoredFeature, Value};

/// A feature that a filter can look at.
pub trait Row {
    /// Its id.
    fn id(&self) -> FeatureId;

    /// The value of a field, by its position in the definition.
    fn value(&self, field: usize) -> ValueRef<'_>;

    /// The box of its geometry in storage CRS; `None` without one.
    fn bounds(&self) -> Option<Rect<f64>>;

    /// Its geometry in storage CRS.
    fn geometry(&self) -> Option<Cow<'_, Geometry<f64>>>;
}

impl Row for RowRef<'_> {
    fn id(&self) -> FeatureId {
        RowRef::id(self)
    }

    fn value(&self, field: usize) -> ValueRef<'_> {
        self.base.value(self.row, field)
    }

    fn bounds(&self) -> Option<Rect<f64>> {
        let (geometry, mut low, mut high) = (self.base.geometry(), [i32::MAX; 2], [i32::MIN; 2]);
        for node in geometry.nodes(self.row) {
            low = [low[0].min(node[0]), low[1].min(node[1])];
            high = [high[0].max(node[0]), high[1].max(node[1])];
        }
        let corner = |node| Coord::from(geometry.grid().unpack(node));
        (low[0] <= high[0]).then(|| Rect::new(corner(low), corner(high)))
    }

    fn geometry(&self) -> Option<Cow<'_, Geometry<f64>>> {
        self.base.geometry().geometry(self.row, CoordinateGrid::unpack).map(Cow::Owned)
    }
}

impl Row for StoredFeature {
    fn id(&self) -> FeatureId {
        self.id
    }

    fn value(&self, field: usize) -> ValueRef<'_> {
        self.feature.properties.get(field).map_or(ValueRef::Null, value_ref)
    }

    fn bounds(&self) -> Option<Rect<f64>> {
        self.feature.geometry.as_ref()?.bounding_rect()
    }

    fn geometry(&self) -> Option<Cow<'_, Geometry<f64>>> {
        self.feature.geometry.as_ref().map(Cow::Borrowed)
    }
}

/// A value as a column gives it.
pub(in crate::query) fn value_ref(value: &Value) -> ValueRef<'_> {
    match value {
        Value::Null => ValueRef::Null,
        Value::Boolean(value) => ValueRef::Boolean(*value),
        Value::Integer(value) => ValueRef::Integer(*value),
        Value::Real(value) => ValueRef::Real(*value),
        Value::Text(value) => ValueRef::Text(value),
        Value::Date(value) => ValueRef::Date(*value),
        Value::DateTime(value) => ValueRef::DateTime(*value),
    }
}

/// A value on its way through a filter.
#[derive(Debug, Clone, PartialEq)]
enum Datum<'a> {
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Date(NaiveDate),
    Instant(DateTime<Utc>),
}

impl<'a> Datum<'a> {
    fn of(value: ValueRef<'a>) -> Option<Self> {
        Some(match value {
            ValueRef::Null => return None,
            ValueRef::Boolean(value) => Self::Boolean(value),
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(value) => Self::Text(Cow::Borrowed(value)),
            ValueRef::Date(value) => Self::Date(value),
            ValueRef::DateTime(value) => Self::Instant(value),
        })
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    fn instant(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Date(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
            Self::Instant(instant) => Some(*instant),
            _ => None,
        }
    }

    /// Texts in the order of their code points.
    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => match (self.instant(), other.instant()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => self.number()?.partial_cmp(&other.number()?),
            },
        }
    }
}

impl Condition {
    /// Whether a feature fulfils the condition; `None` where that is not known.
    pub fn holds(&self, row: &impl Row) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Field(field) => match row.value(*field) {
                ValueRef::Boolean(value) => Some(value),
                _ => None,
            },
            Self::Not(inner) => inner.holds(row).map(|value| !value),
            Self::All(parts) => joined(parts, row, false),
            Self::Any(parts) => joined(parts, row, true),
            Self::Compare(comparison, left, right) => {
                Some(compared(*comparison, left.get(row)?.order(&right.get(row)?)?))
            }
            Self::Like(text, pattern) => match text.get(row)? {
                Datum::Text(text) => Some(pattern.matches(&text)),
                _ => None,
            },
            Self::Between(parts) => between(parts, row),
            Self::In(value, among) => is_in(&value.get(row)?, among, row),
            Self::IsNull(value) => Some(value.get(row).is_none()),
            Self::IsPlaceless => Some(row.bounds().is_none()),
            Self::Spatial(relation, left, right) => {
                let (left_box, right_box) = (left.bounds(row)?, right.bounds(row)?);
                if !left_box.intersects(&right_box) {
                    return Some(relate::apart(*relation));
                }
                relate::holds(*relation, &*left.get(row)?, &*right.get(row)?)
            }
            Self::Temporal(relation, left, right) => temporal(*relation, left.get(row)?, right.get(row)?),
        }
    }
}

/// `AND` where `decisive` is false, `OR` where it is true.
fn joined(parts: &[Condition], row: &impl Row, decisive: bool) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match part.holds(row) {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(!decisive)
}

fn compared(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    }
}

/// One bound that is missed decides, even where the other is not known.
fn between([value, low, high]: &[Scalar; 3], row: &impl Row) -> Option<bool> {
    let value = value.get(row)?;
    let above = low.get(row).and_then(|low| value.order(&low)).map(Ordering::is_ge);
    let below = high.get(row).and_then(|high| value.order(&high)).map(Ordering::is_le);
    match (above, below) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn is_in(value: &Datum<'_>, among: &[Scalar], row: &impl Row) -> Option<bool> {
    let mut is_known = true;
    for other in among {
        match other.get(row).and_then(|other| value.order(&other)) {
            Some(Ordering::Equal) => return Some(true),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(false)
}

impl Scalar {
    fn get<'a>(&'a self, row: &'a impl Row) -> Option<Datum<'a>> {
        match self {
            Self::Value(value) => Datum::of(value_ref(value)),
            Self::Field(field) => Datum::of(row.value(*field)),
            Self::Id => Some(Datum::Integer(row.id())),
            Self::Arithmetic(operator, parts) => {
                let result = computed(*operator, parts[0].get(row)?.number()?, parts[1].get(row)?.number()?);
                result.is_finite().then_some(Datum::Real(result))
            }
            Self::Folded(folding, inner) => match inner.get(row)? {
                Datum::Text(text) => Some(Datum::Text(Cow::Owned(folded(*folding, &text).into_owned()))),
                _ => None,
            },
        }
    }
}

/// A result that is no number is none.
pub(crate) fn computed(operator: Arithmetic, left: f64, right: f64) -> f64 {
    match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Quotient => (left / right).trunc(),
        Arithmetic::Remainder => left % right,
        Arithmetic::Power => left.powf(right),
    }
}

impl Located {
    fn bounds(&self, row: &impl Row) -> Option<Rect<f64>> {
        match self {
            Self::Feature => row.bounds(),
            Self::Given(_, bounds) => Some(*bounds),
        }
    }

    fn get<'a>(&'a self, row: &'a impl Row) -> Option<Cow<'a, Geometry<f64>>> {
        match self {
            Self::Feature => row.geometry(),
            Self::Given(geometry, _) => Some(Cow::Borrowed(geometry)),
        }
    }
}

impl Span {
    /// Beginning and end; `None` when one of them should be there and is not.
    fn get(&self, row: &impl Row) -> Option<[DateTime<Utc>; 2]> {
        let end = |end: &Option<Scalar>, open: DateTime<Utc>| match end {
            None => Some(open),
            Some(scalar) => scalar.get(row)?.instant(),
        };
        Some([end(&self.from, DateTime::<Utc>::MIN_UTC)?, end(&self.to, DateTime::<Utc>::MAX_UTC)?])
    }
}

/// A time that ends before it begins is none: nothing is known of it.
fn temporal(relation: Temporal, [a, b]: [DateTime<Utc>; 2], [c, d]: [DateTime<Utc>; 2]) -> Option<bool> {
    if a > b || c > d {
        return None;
    }
    Some(match relation {
        Temporal::After => a > d,
        Temporal::Before => b < c,
        Temporal::Contains => a < c && b > d,
        Temporal::Disjoint => a > d || b < c,
        Temporal::During => a > c && b < d,
        Temporal::Equals => a == c && b == d,
        Temporal::FinishedBy => a < c && b == d,
        Temporal::Finishes => a > c && b == d,
        Temporal::Intersects => a <= d && b >= c,
        Temporal::Meets => b == c,
        Temporal::MetBy => a == d,
        Temporal::OverlappedBy => a > c && a < d && b > d,
        Temporal::Overlaps => a < c && b > c && b < d,
        Temporal::StartedBy => a == c && b > d,
        Temporal::Starts => a == c && b < d,
    })
}
