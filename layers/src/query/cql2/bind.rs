//! A filter for a layer: finds its fields, checks its types, brings its geometries to the layer's CRS.

use std::sync::Arc;

use geo::{BoundingRect, MapCoordsInPlace};
use geo_types::{Coord, Geometry};

use super::bound::{Condition, Located, Scalar, Span};
use super::expression::{Comparison, Expression, Folding, Node, Spatial};
use super::pattern::{Pattern, folded};
use super::refusal::{Refusal, RefusalKind, shown};
use super::{given, literal};
use crate::crs::Crs;
use crate::definition::{FieldType, LayerDefinition, Scope};
use crate::feature::Value;

/// The geometry of a feature has this name, where no field has it; `geom`, which no field can have, always.
const GEOMETRY: [&str; 2] = ["geometry", "geom"];
/// Its id likewise.
const ID: [&str; 2] = ["id", "fid"];

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Number,
    Text,
    Date,
    Instant,
}

impl Kind {
    const fn of(kind: FieldType) -> Self {
        match kind {
            FieldType::Text => Self::Text,
            FieldType::Integer | FieldType::Real => Self::Number,
            FieldType::Boolean => Self::Boolean,
            FieldType::Date => Self::Date,
            FieldType::DateTime => Self::Instant,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Date => "a date",
            Self::Instant => "an instant",
        }
    }

    const fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Instant)
    }

    fn is_comparable(self, other: Self) -> bool {
        self == other || (self.is_time() && other.is_time())
    }
}

/// A value that has not been bound yet.
const UNBOUND: (Scalar, Kind) = (Scalar::Id, Kind::Number);

/// What a name means.
enum Named {
    Field(usize, Kind),
    Geometry,
    Id,
}

/// A layer for which filters are bound, and who asks.
pub(super) struct Binder<'a> {
    pub definition: &'a LayerDefinition,
    pub scope: Scope,
    /// Of the geometries in the filter.
    pub crs: &'a Crs,
}

impl Binder<'_> {
    /// A condition.
    pub fn condition(&self, expression: &Expression) -> Result<Condition, Refusal> {
        let all = |parts: &[Expression]| parts.iter().map(|part| self.condition(part)).collect::<Result<Vec<_>, _>>();
        Ok(match &expression.node {
            Node::Boolean(value) => Condition::Constant(*value),
            Node::Not(inner) => Condition::Not(Box::new(self.condition(inner)?)),
            Node::And(parts) => Condition::All(all(parts)?),
            Node::Or(parts) => Condition::Any(all(parts)?),
            Node::Compare(comparison, parts) => {
                let ([left, right], kind) = self.comparable(parts.each_ref())?;
                let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                if kind == Kind::Boolean && !is_equality {
                    let reason = "of true and false none is the greater: compare by = or <>";
                    return Err(self.about(Refusal::wrong_type(&expression.place, reason), &**parts));
                }
                Condition::Compare(*comparison, left, right)
            }
            Node::Between(parts) => {
                let (scalars, kind) = self.comparable(parts.each_ref())?;
                if kind == Kind::Boolean {
                    let reason = "nothing lies between true and false";
                    return Err(self.about(Refusal::wrong_type(&expression.place, reason), &**parts));
                }
                Condition::Between(Box::new(scalars))
            }
            Node::In(value, among) => {
                let parts: Vec<&Expression> = std::iter::once(&**value).chain(among).collect();
                let mut found = vec![UNBOUND; parts.len()];
                self.bind_alike(&parts, &mut found)?;
                let (value, _) = found.remove(0);
                Condition::In(value, found.into_iter().map(|(scalar, _)| scalar).collect())
            }
            Node::Like(parts) => self.like(&parts[0], &parts[1])?,
            Node::IsNull(value) if self.is_geometry(value)? => Condition::IsPlaceless,
            Node::IsNull(value) => Condition::IsNull(self.scalar(value)?.0),
            Node::Spatial(relation, parts) => self.spatial(*relation, &parts[0], &parts[1])?,
            Node::Temporal(relation, parts) => {
                Condition::Temporal(*relation, self.span(&parts[0])?, self.span(&parts[1])?)
            }
            _ => match self.scalar(expression)? {
                (Scalar::Field(field), Kind::Boolean) => Condition::Field(field),
                (_, kind) => {
                    let reason =
                        format!("{} stands where a condition is expected: compare it with something", kind.name());
                    return Err(self.about(Refusal::wrong_type(&expression.place, reason), [expression]));
                }
            },
        })
    }

    /// Values that are compared with the first of them.
    fn comparable<const N: usize>(&self, parts: [&Expression; N]) -> Result<([Scalar; N], Kind), Refusal> {
        let mut found = parts.map(|_| UNBOUND);
        let kind = self.bind_alike(&parts, &mut found)?;
        Ok((found.map(|(scalar, _)| scalar), kind))
    }

    /// Binds values that must be comparable with the first of them; the kind of that.
    fn bind_alike(&self, parts: &[&Expression], found: &mut [(Scalar, Kind)]) -> Result<Kind, Refusal> {
        for (part, slot) in parts.iter().zip(&mut *found) {
            *slot = self.scalar(part)?;
        }
        // A text that stands beside a date is read as one.
        if found.iter().any(|(_, kind)| kind.is_time()) {
            for (part, slot) in parts.iter().zip(&mut *found) {
                if let Node::Text(text) = &part.node {
                    *slot = moment(text, part).map_err(|refusal| self.about(refusal, parts.iter().copied()))?;
                }
            }
        }
        let kind = found[0].1;
        match parts.iter().zip(found).find(|(_, (_, other))| !kind.is_comparable(*other)) {
            None => Ok(kind),
            Some((part, (_, other))) => {
                let reason = format!("{} cannot be compared with {}", kind.name(), other.name());
                Err(self.about(Refusal::wrong_type(&part.place, reason), parts.iter().copied()))
            }
        }
    }

    fn like(&self, value: &Expression, pattern: &Expression) -> Result<Condition, Refusal> {
        let (scalar, kind) = self.scalar(value)?;
        if kind != Kind::Text {
            let reason = format!("LIKE is for texts, not for {}", kind.name());
            return Err(self.about(Refusal::wrong_type(&value.place, reason), [value]));
        }
        if let (Scalar::Value(Value::Text(text)), _) = self.scalar(pattern)? {
            return Ok(Condition::Like(scalar, Pattern::new(&text)));
        }
        let reason = "the pattern of LIKE is a text in single quotes, or CASEI or ACCENTI of one";
        Err(self.about(Refusal::unsupported(&pattern.place, reason), [value]))
    }

    /// A value and what it is.
    fn scalar(&self, expression: &Expression) -> Result<(Scalar, Kind), Refusal> {
        let place = &expression.place;
        let value = |value: Value, kind| Ok((Scalar::Value(value), kind));
        match &expression.node {
            Node::Boolean(truth) => value(Value::Boolean(*truth), Kind::Boolean),
            Node::Integer(number) => value(Value::Integer(*number), Kind::Number),
            Node::Real(number) => value(Value::Real(*number), Kind::Number),
            Node::Text(text) => value(Value::Text(text.clone()), Kind::Text),
            Node::Date(date) => value(Value::Date(*date), Kind::Date),
            Node::Instant(instant) => value(Value::DateTime(*instant), Kind::Instant),
            Node::Field(name) => match self.named(name, expression)? {
                Named::Field(field, kind) => Ok((Scalar::Field(field), kind)),
                Named::Id => Ok((Scalar::Id, Kind::Number)),
                Named::Geometry => {
                    Err(Refusal::wrong_type(place, "a geometry is related by S_INTERSECTS and the like").of_field(name))
                }
            },
            Node::Arithmetic(operator, parts) => {
                let operand = |part: &Expression| match self.scalar(part)? {
                    (scalar, Kind::Number) => Ok(scalar),
                    (_, kind) => {
                        let reason = format!("{} cannot be reckoned with", kind.name());
                        Err(self.about(Refusal::wrong_type(&part.place, reason), [part]))
                    }
                };
                let parts = Box::new([operand(&parts[0])?, operand(&parts[1])?]);
                Ok((Scalar::Arithmetic(*operator, parts), Kind::Number))
            }
            Node::Folded(folding, inner) => self.folded(*folding, inner),
            Node::Geometry(_) => Err(Refusal::wrong_type(place, "a geometry is related by S_INTERSECTS and the like")),
            Node::Interval(_) | Node::Unbounded => {
                Err(Refusal::wrong_type(place, "an interval is related by T_INTERSECTS and the like"))
            }
            _ => Err(Refusal::wrong_type(place, "a condition stands where a value is expected")),
        }
    }

    fn folded(&self, folding: Folding, inner: &Expression) -> Result<(Scalar, Kind), Refusal> {
        match self.scalar(inner)? {
            (Scalar::Value(Value::Text(text)), _) => {
                Ok((Scalar::Value(Value::Text(folded(folding, &text).into_owned())), Kind::Text))
            }
            (scalar, Kind::Text) => Ok((Scalar::Folded(folding, Box::new(scalar)), Kind::Text)),
            (_, kind) => {
                let reason = format!("CASEI and ACCENTI are for texts, not for {}", kind.name());
                Err(self.about(Refusal::wrong_type(&inner.place, reason), [inner]))
            }
        }
    }

    fn named(&self, name: &str, expression: &Expression) -> Result<Named, Refusal> {
        let visible = || self.scope.fields(self.definition);
        if let Some((place, field)) = visible().find(|(_, field)| field.name == name) {
            return Ok(Named::Field(place, Kind::of(field.kind)));
        }
        if GEOMETRY.contains(&name) {
            return Ok(Named::Geometry);
        }
        if ID.contains(&name) {
            return Ok(Named::Id);
        }
        // A field that the caller may not see does not exist.
        let allowed: Vec<String> =
            visible().map(|(_, field)| field.name.clone()).chain(["id", "geometry"].map(str::to_owned)).collect();
        let nearest = allowed.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        let advice = match nearest.filter(|nearest| strsim::jaro(nearest, name) > 0.8) {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None => format!("it has {}", allowed.join(", ")),
        };
        let reason = format!("layer \"{}\" has no field \"{}\": {advice}", self.definition.id, shown(name));
        let refusal = Refusal::new(RefusalKind::UnknownField, &expression.place, reason).of_field(name);
        Err(Refusal { allowed: allowed.into(), ..refusal })
    }

    fn is_geometry(&self, expression: &Expression) -> Result<bool, Refusal> {
        let Node::Field(name) = &expression.node else { return Ok(false) };
        Ok(matches!(self.named(name, expression)?, Named::Geometry))
    }

    fn located(&self, expression: &Expression) -> Result<Located, Refusal> {
        if let Node::Geometry(geometry) = &expression.node {
            return self.given(geometry, expression);
        }
        if self.is_geometry(expression)? {
            return Ok(Located::Feature);
        }
        let reason = "a geometry is expected: the feature's, which is called geometry, or one as WKT in degrees";
        Err(self.about(Refusal::wrong_type(&expression.place, reason), [expression]))
    }

    /// What a relation of two geometries comes to: mixed ones share a position where one of their parts does.
    fn spatial(&self, relation: Spatial, left: &Expression, right: &Expression) -> Result<Condition, Refusal> {
        if !is_mixed(left) && !is_mixed(right) {
            return Ok(Condition::Spatial(relation, self.located(left)?, self.located(right)?));
        }
        let (left_parts, right_parts) = (self.parts(left)?, self.parts(right)?);
        let pair = |left: &Located| {
            let left = left.clone();
            right_parts.iter().map(move |right| Condition::Spatial(Spatial::Intersects, left.clone(), right.clone()))
        };
        let any = Condition::Any(left_parts.iter().flat_map(pair).collect());
        match relation {
            Spatial::Intersects => Ok(any),
            Spatial::Disjoint => Ok(Condition::Not(Box::new(any))),
            _ => {
                let place = if is_mixed(left) { &left.place } else { &right.place };
                let reason = "a GEOMETRYCOLLECTION goes with S_INTERSECTS and S_DISJOINT: use a MULTIPOINT, MULTILINESTRING or \
                              MULTIPOLYGON, or several conditions joined by AND or OR";
                Err(Refusal::unsupported(place, reason))
            }
        }
    }

    /// A geometry, or the parts of a mixed one.
    fn parts(&self, expression: &Expression) -> Result<Vec<Located>, Refusal> {
        let Node::Geometry(geometry @ Geometry::GeometryCollection(_)) = &expression.node else {
            return Ok(vec![self.located(expression)?]);
        };
        let (mut parts, mut left) = (Vec::new(), vec![geometry]);
        while let Some(geometry) = left.pop() {
            match geometry {
                Geometry::GeometryCollection(inner) => left.extend(inner),
                other => parts.push(self.given(other, expression)?),
            }
        }
        Ok(parts)
    }

    /// A geometry of the filter in the layer's CRS.
    fn given(&self, geometry: &Geometry<f64>, expression: &Expression) -> Result<Located, Refusal> {
        let name = self.definition.crs.as_deref().unwrap_or("EPSG:4326");
        let mut geometry = geometry.clone();
        if self.crs.north_first() {
            geometry.map_coords_in_place(|Coord { x, y }| Coord { x: y, y: x });
        }
        if self.crs.is_geographic() {
            literal::in_degrees(&geometry, &expression.place)?;
        }
        let moved = Crs::parse(name).and_then(|crs| given::brought(&geometry, self.crs, &crs)).map_err(|error| {
            let layer = &self.definition.id;
            let reason = format!("the geometry cannot be brought to {name}, the CRS of layer \"{layer}\": {error}");
            Refusal::unsupported(&expression.place, reason)
        })?;
        let empty = || Refusal::unsupported(&expression.place, "the geometry is empty");
        let bounds = moved.bounding_rect().ok_or_else(empty)?;
        Ok(Located::Given(Arc::new(moved), bounds))
    }

    fn span(&self, expression: &Expression) -> Result<Span, Refusal> {
        if let Node::Interval(ends) = &expression.node {
            return Ok(Span { from: self.end(&ends[0])?, to: self.end(&ends[1])? });
        }
        let end = self.end(expression)?;
        Ok(Span { from: end.clone(), to: end })
    }

    fn end(&self, expression: &Expression) -> Result<Option<Scalar>, Refusal> {
        match &expression.node {
            Node::Unbounded => return Ok(None),
            Node::Text(text) => return Ok(Some(moment(text, expression)?.0)),
            _ => {}
        }
        match self.scalar(expression)? {
            (scalar, kind) if kind.is_time() => Ok(Some(scalar)),
            (_, kind) => {
                let reason = format!("a date or an instant is expected, not {}", kind.name());
                Err(self.about(Refusal::wrong_type(&expression.place, reason), [expression]))
            }
        }
    }

    /// The refusal with the field and the value that it is about, found among the parts.
    fn about<'e>(&self, refusal: Refusal, parts: impl IntoIterator<Item = &'e Expression>) -> Refusal {
        let mut refusal = refusal;
        for part in parts {
            match &part.node {
                Node::Field(name) if refusal.field.is_none() => {
                    if let Some((_, field)) = self.definition.field(name) {
                        let kind = Kind::of(field.kind).name();
                        refusal.reason = format!("{}; field \"{name}\" holds {kind}", refusal.reason).into();
                    }
                    refusal = refusal.of_field(name);
                }
                Node::Text(text) => refusal = refusal.of_value(text),
                Node::Integer(number) => refusal = refusal.of_value(&number.to_string()),
                Node::Real(number) => refusal = refusal.of_value(&number.to_string()),
                Node::Boolean(value) => refusal = refusal.of_value(&value.to_string()),
                Node::Date(date) => refusal = refusal.of_value(&date.to_string()),
                _ => {}
            }
        }
        refusal
    }
}

/// Of a geometry of mixed parts.
fn is_mixed(expression: &Expression) -> bool {
    matches!(expression.node, Node::Geometry(Geometry::GeometryCollection(_)))
}

/// A text as the date or instant that it must be.
fn moment(text: &str, expression: &Expression) -> Result<(Scalar, Kind), Refusal> {
    if let Some(date) = literal::date(text) {
        return Ok((Scalar::Value(Value::Date(date)), Kind::Date));
    }
    if let Some(instant) = literal::instant(text) {
        return Ok((Scalar::Value(Value::DateTime(instant)), Kind::Instant));
    }
    let reason = format!("'{}' is neither a date as 2026-11-26 nor an instant as 2026-11-26T10:00:00Z", shown(text));
    Err(Refusal::wrong_type(&expression.place, reason).of_value(text))
}
