//! What is found: names with a place, and houses with numbers.

use std::sync::Arc;

/// Where something is, in degrees (WGS 84), longitude before latitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// A place on it.
    pub at: [f64; 2],
    /// West, south, east, north, of what is no point.
    pub bbox: Option<[f64; 4]>,
}

/// What kind of thing is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A house number.
    Address,
    /// A street, square, canalside walk.
    Street,
    /// A district, sestiere, island.
    Place,
    /// A cadastral parcel or sheet.
    Parcel,
    /// A feature of any other layer.
    Feature,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Address, Self::Street, Self::Place, Self::Parcel, Self::Feature];

    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Street => "street",
            Self::Place => "place",
            Self::Parcel => "parcel",
            Self::Feature => "feature",
        }
    }

    /// What comes first of things that match alike, 0 to 1.
    pub(crate) const fn precedence(self) -> f32 {
        match self {
            Self::Parcel => 1.0,
            Self::Place => 0.9,
            Self::Street => 0.8,
            Self::Address => 0.6,
            Self::Feature => 0.2,
        }
    }
}

/// How what was found is what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quality {
    /// It is.
    Exact,
    /// It begins as what was typed so far.
    Completed,
    /// Its name is spelled otherwise, or lacks a word that was asked for.
    Similar,
    /// The house number is there, with another suffix.
    OtherSuffix,
    /// The number is not there: the place lies between its neighbours.
    Interpolated,
    /// The number is not there: this is the nearest that is.
    NearestNumber,
    /// The street or sestiere as a whole: no number of it is known.
    Street,
}

impl Quality {
    /// Every quality, the best first.
    pub const ALL: [Self; 7] = [
        Self::Exact,
        Self::Completed,
        Self::Similar,
        Self::OtherSuffix,
        Self::Interpolated,
        Self::NearestNumber,
        Self::Street,
    ];

    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Completed => "completed",
            Self::Similar => "similar",
            Self::OtherSuffix => "other-suffix",
            Self::Interpolated => "interpolated",
            Self::NearestNumber => "nearest-number",
            Self::Street => "street",
        }
    }
}

/// A feature with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its id in its layer.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What else it may be found by, beside its name.
    pub beside: String,
    /// Where it is.
    pub spot: Spot,
}

/// A feature with a house number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct House<'a> {
    /// Its id in its layer.
    pub id: i64,
    /// Its street, as it is written; empty where only the district numbers houses.
    pub street: &'a str,
    /// Its district or sestiere; empty where that is not known.
    pub district: &'a str,
    /// Its number.
    pub number: &'a str,
    /// Its suffix.
    pub suffix: &'a str,
    /// The whole address as it is written, which tells who numbers it; empty where that is not known.
    pub full: &'a str,
    /// Where its door is, in degrees.
    pub at: [f64; 2],
}

/// What is found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The layer.
    pub layer: Arc<str>,
    /// The feature; `None` for a street that is only known by its houses.
    pub id: Option<i64>,
    /// What kind of thing it is.
    pub kind: Kind,
    /// How it is what was asked for.
    pub quality: Quality,
    /// How well, 0 to 1.
    pub score: f32,
    /// Where it is.
    pub spot: Spot,
    /// Metres from where the caller is, if that was said.
    pub distance_m: Option<f64>,
    /// Street and district of a street that is known by its houses.
    pub street: Option<(Arc<str>, Arc<str>)>,
}
