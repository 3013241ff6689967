//! Filters: CQL2 (OGC 21-065r2) as text and as JSON.
//!
//! Text → [`Filter`] (what was written) → [`BoundFilter`] (for one layer and one scope: fields found, types checked,
//! geometries in the layer's CRS) → evaluated over features here; a store may compile the same [`Condition`] to SQL.
//!
//! Both ends are closed: nothing but [`Expression`] comes out of the parsers, and whoever evaluates sees no names and
//! no types that do not fit. The standard's names stand for themselves; beyond it, a field that is true or false is a
//! condition by itself, and a text beside a date is read as one.

mod bind;
mod bound;
mod evaluate;
mod expression;
mod given;
mod json;
mod lexer;
mod literal;
mod parser;
mod pattern;
mod reach;
mod refusal;
mod relate;
#[cfg(test)]
mod tests;

pub use bound::{Condition, Located, Scalar, Span};
pub use evaluate::Row;
pub(crate) use evaluate::computed;
pub(in crate::query) use evaluate::value_ref;
pub use expression::{Arithmetic, Comparison, Expression, Folding, Node, Spatial, Temporal};
pub use pattern::Pattern;
pub(crate) use pattern::folded;
pub use refusal::{Place, Refusal, RefusalKind};

use crate::crs::Crs;
use crate::definition::{LayerDefinition, Scope};
use crate::limits::MAX_FILTER_BYTES;

/// A filter as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Expression);

impl Filter {
    /// Reads CQL2 text (`cql2-text`).
    ///
    /// # Errors
    /// What is no CQL2, or none that we take, and what is too large.
    pub fn from_text(text: &str) -> Result<Self, Refusal> {
        check_length(text)?;
        parser::parse(text).map(Self)
    }

    /// Reads CQL2 as JSON (`cql2-json`).
    ///
    /// # Errors
    /// As [`Self::from_text`].
    pub fn from_json(text: &str) -> Result<Self, Refusal> {
        check_length(text)?;
        json::parse(text).map(Self)
    }

    /// The whole of it.
    pub fn expression(&self) -> &Expression {
        &self.0
    }

    /// The filter for a layer, by a caller who sees what `scope` says. Geometries in it are WGS 84, longitude first.
    ///
    /// # Errors
    /// A field that the layer does not have or the caller may not see; types that do not go together.
    pub fn bind(&self, definition: &LayerDefinition, scope: Scope) -> Result<BoundFilter, Refusal> {
        self.bind_in(definition, scope, &Crs::crs84())
    }

    /// As [`Self::bind`], where the geometries of the filter are in another CRS, in its authority's order of axes.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn bind_in(&self, definition: &LayerDefinition, scope: Scope, crs: &Crs) -> Result<BoundFilter, Refusal> {
        bind::Binder { definition, scope, crs }.condition(&self.0).map(BoundFilter)
    }
}

fn check_length(text: &str) -> Result<(), Refusal> {
    if text.len() <= MAX_FILTER_BYTES {
        return Ok(());
    }
    let place = Place::Character(1);
    Err(Refusal::too_large(&place, ("MAX_FILTER_BYTES", MAX_FILTER_BYTES), "is too long, in bytes"))
}

/// A filter for one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundFilter(Condition);

impl BoundFilter {
    /// Whether a feature is in. One of which that is not known, since a value is missing, is not.
    pub fn matches(&self, row: &impl Row) -> bool {
        self.0.holds(row) == Some(true)
    }

    /// What it says.
    pub fn condition(&self) -> &Condition {
        &self.0
    }
}
