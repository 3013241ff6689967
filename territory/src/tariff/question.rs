//! What is asked: an occupation at a place, for a time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::plan::Crossing;
use crate::{Exact, FeatureRef};

/// An occupation whose fee is asked. It has no field for who occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The day for which is asked: the plan in force on it counts, and for annual fees its year.
    pub day: NaiveDate,
    /// Code of the kind of occupation.
    pub occupation: String,
    /// The quantity in the kind's unit (m², metres of front, pieces, litres, users). Without it the pieces' sum counts.
    #[serde(default)]
    pub quantity: Option<Exact>,
    /// For how long.
    #[serde(default)]
    pub time: Time,
    /// Where it lies: found in the layers of the plan's zone sets.
    #[serde(default)]
    pub pieces: Vec<Piece>,
    /// What share of it lies in the layers that reductions name.
    #[serde(default)]
    pub layers: BTreeMap<String, LayerShare>,
    /// What was declared: `non-commerciale`.
    #[serde(default)]
    pub flags: BTreeSet<String>,
    /// Another rule for borders of zones than the plan's.
    #[serde(default)]
    pub crossing: Option<Override>,
    /// How the quantities were measured.
    #[serde(default)]
    pub measure: Option<Measure>,
}

/// For how long: two days, or a number of days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// First day.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// Last day, which counts.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// Days, where their dates are not known.
    #[serde(default)]
    pub days: Option<u64>,
    /// Hours of each day, in the hourly regime.
    #[serde(default)]
    pub hours_per_day: Option<Exact>,
}

/// A part of the occupation in one zone, or on one street.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Code of the set of zones.
    pub set: String,
    /// What it is in.
    pub place: Place,
    /// Square metres or metres of it; absent: all of the occupation.
    #[serde(default)]
    pub quantity: Option<Exact>,
    /// Whether the occupation fronts on it.
    #[serde(default)]
    pub front: bool,
    /// Whether the occupation's centroid lies in it.
    #[serde(default)]
    pub centroid: bool,
    /// The feature that was found.
    #[serde(default)]
    pub feature: Option<FeatureRef>,
}

/// What a piece is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A zone.
    Zone {
        /// Its code.
        code: String,
    },
    /// A street, which the plan's list brings to a zone.
    Street {
        /// Its code in the toponymy.
        code: String,
        /// House number.
        #[serde(default)]
        number: Option<u64>,
        /// Metres from the occupation.
        #[serde(default)]
        distance_m: Option<Exact>,
    },
}

/// Share of an occupation in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerShare {
    /// Percent, 0 to 100.
    pub percent: Exact,
    /// The features that it lies in.
    #[serde(default)]
    pub features: Vec<FeatureRef>,
}

/// A decision of the office about one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The rule that counts instead.
    pub policy: Crossing,
    /// Why.
    pub motivation: String,
}

/// How a quantity was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The method: `geodesic-grs80`.
    pub method: String,
    /// SHA-256 of the geometry.
    #[serde(default)]
    pub geometry_sha256: Option<String>,
}
