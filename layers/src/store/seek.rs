//! Questions about the features of a layer that is not in memory ([`crate::definition::Keep::Stored`]).
//!
//! A question is compiled to two conditions in SQL ([`super::condition`]): one that holds for every feature that is sought
//! and perhaps for others, and one that holds only for those. Where they are not the same, the rows between them are looked
//! at by our own evaluator (`judge`), so that both ways of keeping a layer give the same answers.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::feature::StoredFeature;
use crate::log::Seq;
use crate::query::cql2::Condition;
use crate::query::{Cursor, Frame, SortKey};

/// Keeps those of some features that are sought.
pub type Judge = Arc<dyn Fn(Vec<StoredFeature>) -> Vec<StoredFeature> + Send + Sync>;

/// Which features, in which order, and how many.
#[derive(Clone)]
pub struct Sought {
    /// All of these hold.
    pub conditions: Vec<Condition>,
    /// In one of these they lie; everywhere without.
    pub frames: Option<Vec<Frame>>,
    /// Decides where SQL cannot.
    pub judge: Judge,
    /// By these, then by id.
    pub order: Vec<SortKey>,
    /// Behind this place in the order.
    pub after: Option<Cursor>,
    /// At most so many; all without.
    pub limit: Option<usize>,
    /// Whether to tell how many there are in all, with those before `after` and beyond `limit`.
    pub is_counted: bool,
    /// As they stood after this change; as they are now without.
    pub at: Option<Seq>,
    /// How long it may take until the last row is on its way.
    pub within: Duration,
}

impl std::fmt::Debug for Sought {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sought")
            .field("conditions", &self.conditions)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl Sought {
    /// Whether it means all features of the layer.
    pub fn is_everything(&self) -> bool {
        self.conditions.is_empty() && self.frames.is_none()
    }
}

/// A piece of an answer. What was counted comes first, then the features in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// How many there are. Rows that cannot be read are among them where the store decides by itself.
    Matched(u64),
    /// Some of them.
    Rows(Vec<StoredFeature>),
}

/// A value for a parameter of a statement: what a user or a definition says never stands in SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    Integer(i64),
    Real(f64),
    Text(String),
    Boolean(bool),
    Date(NaiveDate),
    Instant(DateTime<Utc>),
    /// WKB.
    Geometry(Vec<u8>),
}
