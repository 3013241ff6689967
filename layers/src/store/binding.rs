//! What a store keeps of bindings ([`crate::binding`]), and how their results are written.

use chrono::NaiveDate;

use crate::feature::{FeatureId, Value};
use crate::log::{Cause, Seq};

/// How far the bound fields of a layer are true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingState {
    /// The layer whose fields are bound.
    pub layer: String,
    /// They are true as of this change; 0 before they ever were.
    pub seq: Seq,
    /// A hash of how they are declared.
    pub declaration: String,
    /// The day of which validity was asked.
    pub day: Option<NaiveDate>,
}

/// For how long whoever claims the bindings of a layer has them for itself, in seconds; each write begins it anew.
pub const CLAIM_SECONDS: u32 = 15;

/// The bound fields of a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundRow {
    /// Which.
    pub id: FeatureId,
    /// The version for which the values were found. Where it is another by now nothing is written: that change is still to
    /// be heard of, and brings the feature up again.
    pub version: i64,
    /// One for each of [`BoundRows::fields`].
    pub values: Vec<Value>,
    /// Why: the number of one of [`BoundRows::causes`].
    pub why: usize,
}

/// Results of bindings, written by one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundRows {
    /// The layer.
    pub layer: String,
    /// Who has claimed it.
    pub holder: String,
    /// The bound fields, by their names.
    pub fields: Vec<String>,
    /// What is to be written.
    pub rows: Vec<BoundRow>,
    /// The causes that rows name.
    pub causes: Vec<Vec<Cause>>,
    /// How far the layer is true with these; then the claim ends too. `None` where more is to come.
    pub reached: Option<BindingState>,
}

/// The greatest piece in which results are written.
pub const MAX_BOUND_ROWS: usize = 10_000;
