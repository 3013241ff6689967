//! A filter as it was written, before anything is known of the layer that it is for.

use chrono::{DateTime, NaiveDate, Utc};
use geo_types::Geometry;

use super::refusal::{Place, Refusal};
use crate::limits::{MAX_FILTER_COST, MAX_FILTER_DEPTH};

/// A part of a filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub place: Place,
    /// Levels of the tree below and including it.
    depth: usize,
}

impl Expression {
    /// Of a text, folded or not.
    fn characters(&self) -> usize {
        match &self.node {
            Node::Text(text) => text.chars().count(),
            Node::Folded(_, inner) => inner.characters(),
            _ => 0,
        }
    }
}

/// What a part of a filter is.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `TRUE`, `FALSE`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal number, finite.
    Real(f64),
    /// `'text'`.
    Text(String),
    /// `DATE('2026-11-26')`.
    Date(NaiveDate),
    /// `TIMESTAMP('2026-11-26T10:00:00Z')`.
    Instant(DateTime<Utc>),
    /// `'..'` in an interval.
    Unbounded,
    /// A geometry in degrees, longitude before latitude (CRS84).
    Geometry(Geometry<f64>),
    /// The name of a field.
    Field(String),
    /// `NOT a`.
    Not(Box<Expression>),
    /// `a AND b AND …`.
    And(Vec<Expression>),
    /// `a OR b OR …`.
    Or(Vec<Expression>),
    /// `a = b` and the like.
    Compare(Comparison, Box<[Expression; 2]>),
    /// `a LIKE pattern`.
    Like(Box<[Expression; 2]>),
    /// `a BETWEEN low AND high`.
    Between(Box<[Expression; 3]>),
    /// `a IN (…)`.
    In(Box<Expression>, Vec<Expression>),
    /// `a IS NULL`.
    IsNull(Box<Expression>),
    /// `a + b` and the like.
    Arithmetic(Arithmetic, Box<[Expression; 2]>),
    /// `CASEI(a)`, `ACCENTI(a)`.
    Folded(Folding, Box<Expression>),
    /// `INTERVAL(a, b)`.
    Interval(Box<[Expression; 2]>),
    /// `S_INTERSECTS(a, b)` and the like.
    Spatial(Spatial, Box<[Expression; 2]>),
    /// `T_BEFORE(a, b)` and the like.
    Temporal(Temporal, Box<[Expression; 2]>),
}

impl Node {
    fn children(&self) -> Vec<&Expression> {
        match self {
            Self::Not(one) | Self::IsNull(one) | Self::Folded(_, one) => vec![one],
            Self::And(all) | Self::Or(all) => all.iter().collect(),
            Self::In(one, all) => std::iter::once(&**one).chain(all).collect(),
            Self::Between(three) => three.iter().collect(),
            Self::Compare(_, two)
            | Self::Like(two)
            | Self::Arithmetic(_, two)
            | Self::Interval(two)
            | Self::Spatial(_, two)
            | Self::Temporal(_, two) => two.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// Arithmetic on decimal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `DIV`: the quotient without its fraction.
    Quotient,
    /// `%`: the remainder, with the sign of what is divided.
    Remainder,
    /// `^`
    Power,
}

/// What is not told apart in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folding {
    /// `CASEI`: upper and lower case.
    Case,
    /// `ACCENTI`: letters with and without accents.
    Accents,
}

macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind { $($(#[$doc])* $variant,)* }

        impl $kind {
            /// All of them, by their names in CQL2 without case.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant),)*];

            /// The one of that name, whatever its case.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, one)| *one)
            }
        }
    };
}

named! {
    /// Relations of two geometries (OGC Simple Features).
    Spatial {
        /// They share a position.
        Intersects = "S_INTERSECTS",
        /// They share none.
        Disjoint = "S_DISJOINT",
        /// They cover the same positions.
        Equals = "S_EQUALS",
        /// They meet at their boundaries only.
        Touches = "S_TOUCHES",
        /// They cross one another.
        Crosses = "S_CROSSES",
        /// The first lies in the second.
        Within = "S_WITHIN",
        /// The second lies in the first.
        Contains = "S_CONTAINS",
        /// They share a part of their kind, and each has more.
        Overlaps = "S_OVERLAPS",
    }
}

named! {
    /// Relations of two times; an instant is an interval without length.
    Temporal {
        /// Begins after the other ends.
        After = "T_AFTER",
        /// Ends before the other begins.
        Before = "T_BEFORE",
        /// Begins before and ends after the other.
        Contains = "T_CONTAINS",
        /// Shares no instant with the other.
        Disjoint = "T_DISJOINT",
        /// Begins after and ends before the other.
        During = "T_DURING",
        /// Begins and ends with the other.
        Equals = "T_EQUALS",
        /// Begins before the other and ends with it.
        FinishedBy = "T_FINISHEDBY",
        /// Begins after the other and ends with it.
        Finishes = "T_FINISHES",
        /// Shares an instant with the other.
        Intersects = "T_INTERSECTS",
        /// Ends when the other begins.
        Meets = "T_MEETS",
        /// Begins when the other ends.
        MetBy = "T_METBY",
        /// Begins in the other and ends after it.
        OverlappedBy = "T_OVERLAPPEDBY",
        /// Begins before the other and ends in it.
        Overlaps = "T_OVERLAPS",
        /// Begins with the other and ends after it.
        StartedBy = "T_STARTEDBY",
        /// Begins with the other and ends before it.
        Starts = "T_STARTS",
    }
}

/// Makes expressions, and keeps them within bounds while they grow.
#[derive(Debug, Default)]
pub(super) struct Growth {
    cost: usize,
}

impl Growth {
    /// A part of a filter: one more to its cost.
    pub fn grow(&mut self, node: Node, place: Place) -> Result<Expression, Refusal> {
        let depth = 1 + node.children().iter().map(|child| child.depth).max().unwrap_or(0);
        let pattern = match &node {
            Node::Like(parts) => parts[1].characters(),
            _ => 0,
        };
        self.spend(1 + pattern, &place)?;
        Self::check_depth(depth, &place)?;
        Ok(Expression { node, place, depth })
    }

    /// Adds to the cost: a part is one, a vertex is one, a character of a pattern is one.
    pub fn spend(&mut self, cost: usize, place: &Place) -> Result<(), Refusal> {
        self.cost += cost;
        if self.cost <= MAX_FILTER_COST {
            return Ok(());
        }
        Err(Refusal::too_large(
            place,
            ("MAX_FILTER_COST", MAX_FILTER_COST),
            "has too many terms, vertices and characters of patterns",
        ))
    }

    /// Refuses what is nested too deeply.
    pub fn check_depth(depth: usize, place: &Place) -> Result<(), Refusal> {
        if depth <= MAX_FILTER_DEPTH {
            return Ok(());
        }
        Err(Refusal::too_large(place, ("MAX_FILTER_DEPTH", MAX_FILTER_DEPTH), "has too many levels, one in another"))
    }
}
