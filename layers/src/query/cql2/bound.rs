//! A filter for one layer: every field is found, every type is checked. What evaluates it (here over features, in a
//! store as SQL) meets no surprise.

use std::sync::Arc;

use geo_types::{Geometry, Rect};

use super::expression::{Arithmetic, Comparison, Folding, Spatial, Temporal};
use super::pattern::Pattern;
use crate::feature::Value;

/// A condition: true, false, or unknown where a value is not there.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The same for every feature.
    Constant(bool),
    /// A field that is true or false.
    Field(usize),
    /// Not so.
    Not(Box<Condition>),
    /// All of them.
    All(Vec<Condition>),
    /// One of them at least.
    Any(Vec<Condition>),
    /// Two values of comparable types.
    Compare(Comparison, Scalar, Scalar),
    /// A text and its pattern.
    Like(Scalar, Pattern),
    /// A value, the least and the greatest that it may be.
    Between(Box<[Scalar; 3]>),
    /// A value, and those that it may be.
    In(Scalar, Vec<Scalar>),
    /// A value that is not there.
    IsNull(Scalar),
    /// No geometry.
    IsPlaceless,
    /// Two geometries.
    Spatial(Spatial, Located, Located),
    /// Two times.
    Temporal(Temporal, Span, Span),
}

/// A value of a type that is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// The same for every feature; never null.
    Value(Value),
    /// The field of that position in the definition.
    Field(usize),
    /// The feature's id.
    Id,
    /// Computed in decimal numbers of 64 bits; a result that is none is unknown.
    Arithmetic(Arithmetic, Box<[Scalar; 2]>),
    /// A text without its case or accents.
    Folded(Folding, Box<Scalar>),
}

/// A geometry, in the storage CRS of the layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Located {
    /// The feature's.
    Feature,
    /// One that the filter gives, with its box.
    Given(Arc<Geometry<f64>>, Rect<f64>),
}

/// A time: from, to; both ends belong to it. `None` is an open end.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its beginning: a date or an instant. A date counts as its first instant in UTC.
    pub from: Option<Scalar>,
    /// Its end.
    pub to: Option<Scalar>,
}
