//! Conditions as SQL: one walk for both stores, which differ in their words.
//!
//! A condition that is neither true nor false of a feature is no reason to give it, and none to give it for the contrary. So
//! each is compiled for where it is *true* or for where it is *false*, and `NOT` only changes which of the two is wanted
//! (as do De Morgan's laws for what lies in it): nothing below meets the logic of three values, and what a leaf says need
//! only be right about one of them.
//!
//! A leaf may say too much (`maybe`) and too little (`surely`); `AND` and `OR` keep that so. Rows that are between the two
//! are looked at by [`super::seek::Judge`].

use geo_types::{Geometry, Rect};

use super::seek::Bound;
use crate::definition::FieldType;
use crate::feature::Value;
use crate::query::cql2::{
    Arithmetic, Comparison, Condition, Folding, Located, Pattern, Scalar, Span, Spatial, Temporal,
};
use crate::query::{Cursor, Frame, SortKey};

/// Where something holds: at most and at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub maybe: String,
    pub surely: String,
}

impl Part {
    /// Of what SQL can say.
    pub fn exact(sql: String) -> Self {
        Self { surely: sql.clone(), maybe: sql }
    }

    /// Of what SQL cannot say at all.
    pub fn unknown() -> Self {
        Self::at_most("TRUE".to_owned())
    }

    /// Of what holds nowhere else.
    pub fn at_most(maybe: String) -> Self {
        Self { maybe, surely: "FALSE".to_owned() }
    }

    pub fn is_exact(&self) -> bool {
        self.maybe == self.surely
    }

    /// All or any of them.
    pub fn joined(parts: &[Self], is_all: bool) -> Self {
        let word = if is_all { " AND " } else { " OR " };
        let join = |of: fn(&Self) -> &str| {
            let parts: Vec<&str> = parts.iter().map(of).collect();
            match parts[..] {
                [] => if is_all { "TRUE" } else { "FALSE" }.to_owned(),
                [one] => one.to_owned(),
                _ => format!("({})", parts.join(word)),
            }
        };
        Self { maybe: join(|part| &part.maybe), surely: join(|part| &part.surely) }
    }
}

/// What a value in SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Real,
    Text,
    Date,
    Instant,
}

impl Kind {
    pub const fn of(kind: FieldType) -> Self {
        match kind {
            FieldType::Text => Self::Text,
            FieldType::Integer => Self::Integer,
            FieldType::Real => Self::Real,
            FieldType::Boolean => Self::Boolean,
            FieldType::Date => Self::Date,
            FieldType::DateTime => Self::Instant,
        }
    }
}

/// A guard that says: the value may be withheld from everybody. Then nothing is known of it, and what is said with it is
/// neither true nor false; where it is not withheld, what is said is right.
pub(super) const DOUBT: &str = "FALSE";

/// A value in SQL; what is said with it is right where its guards hold, and unknown elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub sql: String,
    pub kind: Kind,
    pub guards: Vec<String>,
}

/// The words of a database. `None` is what it cannot say as our evaluator means it.
pub(super) trait Dialect {
    /// A place for a value.
    fn bind(&mut self, value: Bound) -> Option<String>;

    /// A field by its position in the definition.
    fn field(&self, field: usize) -> Term;

    /// Whether a field has no value, or has one.
    fn is_null(&self, field: usize, wanted: bool) -> Part;

    /// The feature's id.
    fn id(&self) -> String;

    /// What features are ordered by: a field, or the id.
    fn sort_key(&self, field: Option<usize>) -> String;

    /// A number as a decimal one of 64 bits.
    fn real(&self, number: &str) -> String;

    /// Of two decimal numbers.
    fn arithmetic(&self, operator: Arithmetic, left: &str, right: &str) -> Option<String>;

    /// A text, to be compared by its code points.
    fn text(&self, text: &str) -> String;

    /// A text without its case or accents, and what must hold for it to be right.
    fn folded(&self, folding: Folding, text: &str) -> (String, Option<String>);

    /// The first instant of a day in UTC.
    fn first_instant(&self, day: &str) -> String;

    /// Before and after all instants.
    fn open_ends(&self) -> [String; 2];

    /// Whether a text matches a pattern.
    fn like(&mut self, text: &str, pattern: &Pattern) -> Option<String>;

    /// Whether the geometry of the feature stands in a relation to one that is given, or not.
    fn relation(&mut self, relation: Spatial, given: &Given<'_>, wanted: bool) -> Part;

    /// Whether the feature has no geometry, or has one.
    fn is_placeless(&mut self, wanted: bool) -> Part;

    /// Whether the box of the feature touches the outer of a frame; surely within its inner.
    fn frame(&mut self, frame: &Frame) -> Part;
}

/// The other geometry of a spatial relation.
pub(super) struct Given<'a> {
    pub geometry: &'a Geometry<f64>,
    pub bounds: Rect<f64>,
    /// Whether it stands before that of the feature.
    pub is_first: bool,
}

/// Where all of some conditions are true, and a feature lies in one of some frames.
pub(super) fn part_of(dialect: &mut impl Dialect, conditions: &[Condition], frames: Option<&[Frame]>) -> Part {
    let mut parts: Vec<Part> = conditions.iter().map(|condition| part(dialect, condition, true)).collect();
    if let Some(frames) = frames {
        let frames: Vec<Part> = frames.iter().map(|frame| dialect.frame(frame)).collect();
        parts.push(Part::joined(&frames, false));
    }
    Part::joined(&parts, true)
}

/// Where a condition is true, or where it is false.
pub(super) fn part(dialect: &mut impl Dialect, condition: &Condition, wanted: bool) -> Part {
    let constant = |value: bool| Part::exact(if value == wanted { "TRUE" } else { "FALSE" }.to_owned());
    let joined = |dialect: &mut _, parts: &[Condition], is_all: bool| {
        let parts: Vec<Part> = parts.iter().map(|inner| part(dialect, inner, wanted)).collect();
        Part::joined(&parts, is_all == wanted)
    };
    let leaf = match condition {
        Condition::Constant(value) => return constant(*value),
        Condition::Not(inner) => return part(dialect, inner, !wanted),
        Condition::All(parts) => return joined(dialect, parts, true),
        Condition::Any(parts) => return joined(dialect, parts, false),
        Condition::IsPlaceless => return dialect.is_placeless(wanted),
        Condition::Spatial(relation, left, right) => return spatial(dialect, *relation, [left, right], wanted),
        Condition::IsNull(Scalar::Field(field)) => return dialect.is_null(*field, wanted),
        Condition::IsNull(Scalar::Id | Scalar::Value(_)) => return constant(false),
        Condition::IsNull(Scalar::Folded(_, inner)) => {
            return part(dialect, &Condition::IsNull((**inner).clone()), wanted);
        }
        // What is computed may be no number where its parts are.
        Condition::IsNull(Scalar::Arithmetic(..)) => None,
        Condition::Field(field) => Some(dialect.field(*field)).map(|term| (term.sql, term.guards)),
        Condition::Compare(comparison, left, right) => compared(dialect, *comparison, [left, right]),
        Condition::Between(parts) => between(dialect, parts),
        Condition::In(value, among) => is_in(dialect, value, among),
        Condition::Like(text, pattern) => like(dialect, text, pattern),
        Condition::Temporal(relation, left, right) => temporal(dialect, *relation, [left, right]),
    };
    let Some((sql, mut guards)) = leaf else { return Part::unknown() };
    let is_doubtful = guards.iter().any(|guard| guard == DOUBT);
    guards.retain(|guard| guard != DOUBT);
    let sql = if wanted { format!("({sql})") } else { format!("NOT ({sql})") };
    let part = if guards.is_empty() {
        Part::exact(sql)
    } else {
        let guards = guards.join(" AND ");
        Part { maybe: format!("(NOT ({guards}) OR {sql})"), surely: format!("({guards} AND {sql})") }
    };
    if is_doubtful { Part::at_most(part.maybe) } else { part }
}

type Leaf = Option<(String, Vec<String>)>;

fn term(dialect: &mut impl Dialect, scalar: &Scalar) -> Option<Term> {
    Some(match scalar {
        Scalar::Value(value) => {
            let bound = bound(value)?;
            let kind = match bound {
                Bound::Boolean(_) => Kind::Boolean,
                Bound::Integer(_) => Kind::Integer,
                Bound::Real(_) => Kind::Real,
                Bound::Text(_) | Bound::Geometry(_) => Kind::Text,
                Bound::Date(_) => Kind::Date,
                Bound::Instant(_) => Kind::Instant,
            };
            Term { sql: dialect.bind(bound)?, kind, guards: Vec::new() }
        }
        Scalar::Field(field) => dialect.field(*field),
        Scalar::Id => Term { sql: dialect.id(), kind: Kind::Integer, guards: Vec::new() },
        Scalar::Arithmetic(operator, parts) => {
            let (left, right) = (term(dialect, &parts[0])?, term(dialect, &parts[1])?);
            let [a, b] = [&left, &right].map(|part| number(dialect, part));
            let guards = [left.guards, right.guards].concat();
            Term { sql: dialect.arithmetic(*operator, &a, &b)?, kind: Kind::Real, guards }
        }
        Scalar::Folded(folding, inner) => {
            let Term { sql, mut guards, .. } = term(dialect, inner)?;
            let (sql, guard) = dialect.folded(*folding, &sql);
            guards.extend(guard);
            Term { sql, kind: Kind::Text, guards }
        }
    })
}

/// A number as the decimal one that it counts as among decimal ones.
fn number(dialect: &impl Dialect, term: &Term) -> String {
    if term.kind == Kind::Integer { dialect.real(&term.sql) } else { term.sql.clone() }
}

fn instant(dialect: &impl Dialect, term: &Term) -> String {
    if term.kind == Kind::Date { dialect.first_instant(&term.sql) } else { term.sql.clone() }
}

/// One comparison of two values, in the words of SQL that both databases share.
fn comparison(dialect: &impl Dialect, word: &str, left: &Term, right: &Term) -> String {
    let [a, b] = match (left.kind, right.kind) {
        (Kind::Text, _) => [dialect.text(&left.sql), right.sql.clone()],
        (Kind::Integer | Kind::Real, Kind::Integer | Kind::Real) if left.kind != right.kind => {
            [left, right].map(|term| number(dialect, term))
        }
        (Kind::Date | Kind::Instant, Kind::Date | Kind::Instant) if left.kind != right.kind => {
            [left, right].map(|term| instant(dialect, term))
        }
        _ => [left.sql.clone(), right.sql.clone()],
    };
    format!("{a} {word} {b}")
}

fn compared(dialect: &mut impl Dialect, by: Comparison, parts: [&Scalar; 2]) -> Leaf {
    let word = match by {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
    };
    let (left, right) = (term(dialect, parts[0])?, term(dialect, parts[1])?);
    let sql = comparison(dialect, word, &left, &right);
    Some((sql, [left.guards, right.guards].concat()))
}

fn between(dialect: &mut impl Dialect, [value, low, high]: &[Scalar; 3]) -> Leaf {
    let (value, low, high) = (term(dialect, value)?, term(dialect, low)?, term(dialect, high)?);
    let sql = format!("{} AND {}", comparison(dialect, ">=", &value, &low), comparison(dialect, "<=", &value, &high));
    Some((sql, [value.guards, low.guards, high.guards].concat()))
}

fn is_in(dialect: &mut impl Dialect, value: &Scalar, among: &[Scalar]) -> Leaf {
    let value = term(dialect, value)?;
    let (mut equations, mut guards) = (Vec::with_capacity(among.len()), value.guards.clone());
    for other in among {
        let other = term(dialect, other)?;
        equations.push(comparison(dialect, "=", &value, &other));
        guards.extend(other.guards);
    }
    Some((equations.join(" OR "), guards))
}

fn like(dialect: &mut impl Dialect, text: &Scalar, pattern: &Pattern) -> Leaf {
    let text = term(dialect, text)?;
    Some((dialect.like(&text.sql, pattern)?, text.guards))
}

fn spatial(dialect: &mut impl Dialect, relation: Spatial, sides: [&Located; 2], wanted: bool) -> Part {
    match sides {
        [Located::Feature, Located::Given(geometry, bounds)] => {
            dialect.relation(relation, &Given { geometry, bounds: *bounds, is_first: false }, wanted)
        }
        [Located::Given(geometry, bounds), Located::Feature] => {
            dialect.relation(relation, &Given { geometry, bounds: *bounds, is_first: true }, wanted)
        }
        // Nobody asks for these but to try: they are left to the evaluator.
        [Located::Feature, Located::Feature] | [Located::Given(..), Located::Given(..)] => Part::unknown(),
    }
}

/// A time that ends before it begins is none, and nothing is known of it; nor where an end should be there and is not.
fn temporal(dialect: &mut impl Dialect, relation: Temporal, [left, right]: [&Span; 2]) -> Leaf {
    let mut guards = Vec::new();
    let mut ends = Vec::with_capacity(4);
    for span in [left, right] {
        for (place, end) in [&span.from, &span.to].into_iter().enumerate() {
            let Some(scalar) = end else {
                ends.push(dialect.open_ends()[place].clone());
                continue;
            };
            let end = term(dialect, scalar)?;
            ends.push(instant(dialect, &end));
            guards.extend(end.guards);
        }
    }
    let [a, b, c, d] = <[String; 4]>::try_from(ends).ok()?;
    let relation = match relation {
        Temporal::After => format!("{a} > {d}"),
        Temporal::Before => format!("{b} < {c}"),
        Temporal::Contains => format!("{a} < {c} AND {b} > {d}"),
        Temporal::Disjoint => format!("{a} > {d} OR {b} < {c}"),
        Temporal::During => format!("{a} > {c} AND {b} < {d}"),
        Temporal::Equals => format!("{a} = {c} AND {b} = {d}"),
        Temporal::FinishedBy => format!("{a} < {c} AND {b} = {d}"),
        Temporal::Finishes => format!("{a} > {c} AND {b} = {d}"),
        Temporal::Intersects => format!("{a} <= {d} AND {b} >= {c}"),
        Temporal::Meets => format!("{b} = {c}"),
        Temporal::MetBy => format!("{a} = {d}"),
        Temporal::OverlappedBy => format!("{a} > {c} AND {a} < {d} AND {b} > {d}"),
        Temporal::Overlaps => format!("{a} < {c} AND {b} > {c} AND {b} < {d}"),
        Temporal::StartedBy => format!("{a} = {c} AND {b} > {d}"),
        Temporal::Starts => format!("{a} = {c} AND {b} < {d}"),
    };
    guards.sort_unstable();
    guards.dedup();
    Some((format!("CASE WHEN {a} <= {b} AND {c} <= {d} THEN {relation} END"), guards))
}

/// The order in which features come, and the condition for those behind a place in it. What has no value comes last, whichever
/// way its key goes.
pub(super) fn order(dialect: &mut impl Dialect, keys: &[SortKey], after: Option<&Cursor>) -> (String, String) {
    let id = dialect.id();
    let named: Vec<(String, bool)> = keys.iter().map(|key| (dialect.sort_key(key.field), key.descending)).collect();
    let mut terms: Vec<String> = Vec::new();
    for (key, (sql, descending)) in keys.iter().zip(&named) {
        if key.field.is_some() {
            terms.push(format!("({sql} IS NULL)"));
        }
        terms.push(if *descending { format!("{sql} DESC") } else { sql.clone() });
    }
    terms.push(id.clone());
    let Some(cursor) = after else { return (terms.join(", "), "TRUE".to_owned()) };
    let (mut ways, mut same) = (Vec::new(), vec!["TRUE".to_owned()]);
    for ((sql, descending), value) in named.iter().zip(&cursor.values) {
        let bound = match value {
            Value::Null => None,
            value => bound(value).and_then(|value| dialect.bind(value)),
        };
        let Some(bound) = bound else {
            same.push(format!("{sql} IS NULL"));
            continue;
        };
        let word = if *descending { "<" } else { ">" };
        ways.push(format!("({} AND ({sql} {word} {bound} OR {sql} IS NULL))", same.join(" AND ")));
        same.push(format!("{sql} = {bound}"));
    }
    let last = dialect.bind(Bound::Integer(cursor.id)).unwrap_or_default();
    ways.push(format!("({} AND {id} > {last})", same.join(" AND ")));
    (terms.join(", "), format!("({})", ways.join(" OR ")))
}

/// A value for a parameter; `None` for none.
fn bound(value: &Value) -> Option<Bound> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(value) => Bound::Boolean(*value),
        Value::Integer(value) => Bound::Integer(*value),
        Value::Real(value) => Bound::Real(*value),
        Value::Text(value) => Bound::Text(value.clone()),
        Value::Date(value) => Bound::Date(*value),
        Value::DateTime(value) => Bound::Instant(*value),
    })
}
