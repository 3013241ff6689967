//! What rows of a dump say.

use chrono::NaiveDate;
use serde::Serialize;

use crate::Exact;

/// Which unit or parcel a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// National code of the comune: `L736`.
    pub comune: String,
    /// *Sezione censuaria*; empty where the comune has none.
    pub section: String,
    /// Number of the unit or parcel in the register.
    pub id: u64,
    /// Number of its state: each change of it is another.
    pub state: u32,
}

/// From when until when a state holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// First day; none where the dump does not say.
    pub from: Option<NaiveDate>,
    /// The day on which another state began; none: it holds still.
    pub to: Option<NaiveDate>,
}

/// A unit of the buildings' register (record 1 of `.FAB`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// *Zona censuaria*.
    pub zone: String,
    /// Category: `A02`.
    pub category: String,
    /// Class within it.
    pub class: String,
    /// Rooms, m³ or m², as its category has it.
    pub consistency: Option<Exact>,
    /// *Superficie catastale*, in m².
    pub area_m2: Option<Exact>,
    /// *Rendita*, in euros a year.
    pub income_eur: Option<Exact>,
    /// Where in the building it is.
    pub position: Position,
    /// When it holds.
    pub span: Span,
}

/// Where in a building a unit is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Position {
    /// *Lotto*.
    pub lot: String,
    /// *Edificio*.
    pub building: String,
    /// *Scala*.
    pub stair: String,
    /// *Interni*, one or two.
    pub doors: Vec<String>,
    /// *Piani*, up to four.
    pub floors: Vec<String>,
}

/// A parcel on which a unit stands (records 2 and 4 of `.FAB`), or which a land record is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Identifier {
    /// *Sezione urbana*, another list than that of the *sezioni censuarie*; always empty for land.
    pub urban_section: String,
    /// Sheet, without zeros before it.
    pub sheet: String,
    /// Number, without zeros before it.
    pub number: String,
    /// Denominator.
    pub denominator: Option<u32>,
    /// Subunit, without zeros before it; empty where there is none.
    pub subunit: String,
    /// *Edificialità*.
    pub building_flag: String,
}

/// An address of a unit (record 3 of `.FAB`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// Code of the kind of street.
    pub kind: String,
    /// The street.
    pub street: String,
    /// House numbers, up to three.
    pub numbers: Vec<String>,
    /// Code of the street.
    pub street_code: String,
}

/// A land parcel (record 1 of `.TER`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Land {
    /// The parcel.
    pub parcel: Identifier,
    /// Code of its quality.
    pub quality: String,
    /// Class.
    pub class: String,
    /// *Superficie catastale*, in m², which is the one with legal value.
    pub area_m2: u64,
    /// *Reddito dominicale*, in euros a year.
    pub owner_income_eur: Option<Exact>,
    /// *Reddito agrario*, in euros a year.
    pub farm_income_eur: Option<Exact>,
    /// When it holds.
    pub span: Span,
}

/// A portion of a land parcel with a quality of its own (record 4 of `.TER`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Portion {
    /// Its letters.
    pub code: String,
    /// Code of its quality.
    pub quality: String,
    /// Class.
    pub class: String,
    /// In m².
    pub area_m2: u64,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A unit.
    Unit {
        /// Which.
        key: Key,
        /// What it is.
        unit: Unit,
    },
    /// The parcels that a unit stands on.
    UnitParcels {
        /// Which unit.
        key: Key,
        /// The parcels.
        parcels: Vec<Identifier>,
    },
    /// A unit's addresses.
    UnitAddresses {
        /// Which unit.
        key: Key,
        /// The addresses.
        addresses: Vec<Address>,
    },
    /// Units or parcels that a unit shares with others.
    UnitShared {
        /// Which unit.
        key: Key,
        /// What is shared.
        parcels: Vec<Identifier>,
    },
    /// Codes of reservations on a unit or parcel.
    Reserves {
        /// Which.
        key: Key,
        /// The codes.
        codes: Vec<String>,
    },
    /// A land parcel.
    Land {
        /// Which.
        key: Key,
        /// What it is.
        land: Land,
    },
    /// Symbols of deductions of a land parcel.
    Deductions {
        /// Which.
        key: Key,
        /// The symbols.
        symbols: Vec<String>,
    },
    /// Portions of a land parcel.
    Portions {
        /// Which.
        key: Key,
        /// The portions.
        portions: Vec<Portion>,
    },
}

impl Record {
    /// Which unit or parcel it is about.
    pub fn key(&self) -> &Key {
        match self {
            Self::Unit { key, .. }
            | Self::UnitParcels { key, .. }
            | Self::UnitAddresses { key, .. }
            | Self::UnitShared { key, .. }
            | Self::Reserves { key, .. }
            | Self::Land { key, .. }
            | Self::Deductions { key, .. }
            | Self::Portions { key, .. } => key,
        }
    }
}
