//! What is asked.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::filter::{Category, Fuel, Parity};
use crate::{Exact, FeatureRef, Text};

/// Most days of a timeline.
pub const MAX_DAYS: u32 = 31;

/// What enters, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Vehicle {
    /// Its kind.
    pub category: Option<Category>,
    /// Its emission class: 4 for Euro 4.
    pub euro: Option<u64>,
    /// What it runs on.
    pub fuel: Option<Fuel>,
    /// Its full mass in kilograms.
    pub mass_kg: Option<Exact>,
    /// Its length in metres.
    pub length_m: Option<Exact>,
    /// Its seats.
    pub seats: Option<u64>,
    /// The last digit of its plate, and no more of it.
    pub plate: Option<Parity>,
}

/// Who wants to enter, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The moment.
    pub instant: DateTime<Utc>,
    /// The vehicle.
    pub vehicle: Vehicle,
    /// Classes of users that one belongs to.
    pub users: BTreeSet<String>,
    /// Codes of the zones that one lives in.
    pub resident_of: BTreeSet<String>,
    /// Codes of permits that one has. Who holds them is never asked.
    pub permits: BTreeSet<String>,
    /// Days of the timeline, from the day of the moment on; at most [`MAX_DAYS`].
    pub days: u32,
}

/// A zone that covers the place, whenever it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneAt {
    /// Its layer.
    pub layer: String,
    /// Its code, by which regulations name it.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What kind of zone it is, as the layer says.
    pub kind: Option<Text>,
    /// Its hours as whoever published the layer wrote them; nobody reads them here.
    pub published: Option<String>,
    /// First day on which it is in force.
    pub valid_from: Option<NaiveDate>,
    /// The day from which on it is no longer in force.
    pub valid_to: Option<NaiveDate>,
    /// The feature.
    pub feature: FeatureRef,
}
