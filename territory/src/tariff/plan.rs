//! A tariff plan that was checked: what an office's act says, as data.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::condition::Condition;
use super::rounding::{AreaRounding, CurrencyRounding, Scope};
use crate::evidence::hash_of;
use crate::{Exact, Text};

/// What a tariff is counted by (L. 160/2019, art. 1 c. 826 and 827).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// By calendar year (*permanente*).
    Annual,
    /// By day (*temporanea*).
    Daily,
    /// By hour of a day: the daily tariff over the plan's hours of a day (c. 842 has 9).
    Hourly,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Square metres.
    Area,
    /// Metres of front, times a depth of one metre that the law assumes (c. 824: *passi carrabili*).
    #[serde(rename = "length_x_1m")]
    Length,
    /// Pieces.
    Count,
    /// Litres (c. 829: tanks), which [`Steps`] make a multiple of the tariff.
    Volume,
    /// Users of a network (c. 831).
    Users,
}

impl Quantity {
    /// Its unit.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Area | Self::Length => "m²",
            Self::Count => "n.",
            Self::Volume => "l",
            Self::Users => "utenze",
        }
    }

    /// Whether it is measured on the map, and so rounded as areas are.
    pub const fn is_measured(self) -> bool {
        matches!(self, Self::Area | Self::Length)
    }
}

/// Where an occupation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Vertical {
    /// On the ground.
    Ground,
    /// Above it.
    Over,
    /// Below it.
    Under,
    /// On water.
    Water,
}

/// How a place is matched with a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneKind {
    /// By polygons of land.
    Polygon,
    /// By a list of streets.
    Street,
    /// By a list of streets and house numbers.
    StreetSegment,
    /// By polygons of water.
    Water,
}

/// Which coefficient counts for what lies in more than one zone. No national rule says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// The highest one.
    Highest,
    /// That of the zone with most of the quantity.
    PrevalentArea,
    /// Each zone's by its share of the rounded quantity.
    ProRataArea,
    /// Each zone's on its part, which is rounded up to the next whole unit.
    ProRataCeilParts,
    /// That of the street on which it fronts.
    FrontStreet,
    /// That of the zone in which its centroid lies.
    Centroid,
}

impl Crossing {
    /// All of them, in the order in which answers compare them.
    pub const ALL: [Self; 6] = [
        Self::Highest,
        Self::PrevalentArea,
        Self::ProRataArea,
        Self::ProRataCeilParts,
        Self::FrontStreet,
        Self::Centroid,
    ];

    /// As plans write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Highest => "highest",
            Self::PrevalentArea => "prevalent_area",
            Self::ProRataArea => "pro_rata_area",
            Self::ProRataCeilParts => "pro_rata_ceil_parts",
            Self::FrontStreet => "front_street",
            Self::Centroid => "centroid",
        }
    }
}

/// What becomes of a part that lies in no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// There is no fee until somebody has looked at it.
    Refuse,
    /// It counts with the zones that the rest lies in, in their proportions.
    Spread,
}

/// How an annual fee counts a year of which the occupation lasts a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum YearPart {
    /// As a whole year.
    WholeYear,
    /// By months that were begun, in twelfths.
    Months,
    /// By days.
    Days,
}

/// How several duration rules count one occupation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationMode {
    /// All days with the coefficient of the class that the last one falls in.
    Whole,
    /// Each day with the coefficient of its own class.
    Progressive,
}

/// How several reductions are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// Only the largest.
    Best,
    /// The sum of the percentages, 100 at most.
    Sum,
    /// Each of what the one before leaves.
    Cascade,
}

/// Tariffs of the law's classes of population.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standard {
    /// Euros for a square metre and a year (c. 826).
    pub annual: Exact,
    /// Euros for a square metre and a day (c. 827).
    pub daily: Exact,
    /// Hours that make a day in the hourly regime.
    pub hours_per_day: Exact,
    /// How a part of a year counts.
    pub year_part: YearPart,
}

/// How quantities are rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AreaRule {
    /// The rule.
    pub rounding: AreaRounding,
    /// Of the whole, or of each zone's part.
    pub scope: Scope,
    /// Decimals of a measured quantity: what lies beyond is noise.
    pub measure_decimals: u32,
}

/// What counts at borders of zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrossingRule {
    /// Which coefficient.
    pub policy: Crossing,
    /// What lies in no zone.
    pub outside: Outside,
    /// Gap or overlap, in units of the quantity, up to which it is taken for inexactness of the map.
    pub tolerance: Exact,
}

/// A classification of the territory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneSet {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// How places are matched.
    pub kind: ZoneKind,
    /// The layer of polygons or of streets in which places are looked up.
    pub layer: String,
    /// The set with the smallest number that knows a place counts.
    pub priority: u64,
    /// For which occupations it is.
    pub verticals: Vec<Vertical>,
    /// First day, where it is another than the plan's.
    pub valid_from: Option<NaiveDate>,
    /// Last day, where it is another than the plan's.
    pub valid_to: Option<NaiveDate>,
    /// Metres from a street within which a place is taken to be on it.
    pub max_distance_m: Option<Exact>,
    /// Zones by code.
    pub zones: BTreeMap<String, Zone>,
    /// Entries of the list of streets.
    pub streets: Vec<StreetEntry>,
}

/// A zone or category of streets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// Its name.
    pub name: Text,
    /// 1 is the highest.
    pub rank: u64,
    /// Coefficient of the annual tariff.
    pub annual: Exact,
    /// Coefficient of the daily tariff, and so of the hourly one.
    pub daily: Exact,
}

/// Which house numbers of a street.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// All.
    Both,
    /// The even ones.
    Even,
    /// The odd ones.
    Odd,
}

/// A street, or a stretch of one, and its zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreetEntry {
    /// Code of the street in the toponymy.
    pub street: String,
    /// Its name.
    pub name: String,
    /// First house number; none: from the beginning.
    pub from: Option<u64>,
    /// Last house number; none: to the end.
    pub to: Option<u64>,
    /// Which numbers.
    pub side: Side,
    /// The zone's code.
    pub zone: String,
}

impl StreetEntry {
    /// Whether it is about this house number. Without a number only an entry for the whole street is.
    pub fn covers(&self, number: Option<u64>) -> bool {
        match number {
            None => self.from.is_none() && self.to.is_none() && self.side == Side::Both,
            Some(number) => {
                let side = match self.side {
                    Side::Both => true,
                    Side::Even => number.is_multiple_of(2),
                    Side::Odd => !number.is_multiple_of(2),
                };
                side && self.from.is_none_or(|from| from <= number) && self.to.is_none_or(|to| number <= to)
            }
        }
    }
}

/// A tariff that grows by steps (c. 829: a quarter more for each 1,000 litres, or part of them, beyond 3,000).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Steps {
    /// What the plain tariff covers.
    pub included: Exact,
    /// Each further such quantity, or part of it …
    pub step: Exact,
    /// … adds this share of the tariff.
    pub share: Exact,
    /// Percent by which a measured quantity may go beyond a border unnoticed.
    pub tolerance_percent: Exact,
}

/// What a unit costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// This share of the standard tariff, times the zone's coefficient (underground: a quarter).
    Standard(Exact),
    /// So many euros a unit, whatever the zone (c. 831: for each user).
    PerUnit(Exact),
    /// So many euros in all, whatever quantity and zone (c. 831-bis: base stations).
    Flat(Exact),
}

/// A kind of occupation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occupation {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// What its tariff is counted by.
    pub regime: Regime,
    /// Coefficient of its economic value.
    pub coefficient: Exact,
    /// What is counted.
    pub quantity: Quantity,
    /// Where it is.
    pub vertical: Vertical,
    /// What a unit costs.
    pub base: Base,
    /// Steps, for volumes.
    pub steps: Option<Steps>,
    /// Least fee for this kind, in euros.
    pub minimum: Option<Exact>,
}

/// A coefficient for days of an occupation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DurationRule {
    /// First day, from 1.
    pub from_day: u64,
    /// Last day; none: without end.
    pub to_day: Option<u64>,
    /// The coefficient.
    pub coefficient: Exact,
    /// Kinds of occupation; empty: all that have no rules of their own.
    pub occupations: Vec<String>,
}

/// Less to pay, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reduction {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// Percent that is not paid; 100 is an exemption.
    pub percent: Exact,
    /// When it is given.
    pub condition: Condition,
}

/// The tariff of a municipality by one act, for one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TariffPlan {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Text,
    /// The act: body, number, date.
    pub act: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day; none: until another takes its place.
    pub valid_to: Option<NaiveDate>,
    /// How the fee is rounded in the end.
    pub currency_rounding: CurrencyRounding,
    /// Least fee, in euros.
    pub minimum: Exact,
    /// Tariffs of the law.
    pub standard: Standard,
    /// Rounding of quantities.
    pub area: AreaRule,
    /// Borders of zones.
    pub crossing: CrossingRule,
    /// How duration rules count.
    pub duration_mode: DurationMode,
    /// How reductions are taken together.
    pub combination: Combination,
    /// Sets of zones, by priority and code.
    pub zone_sets: Vec<ZoneSet>,
    /// Kinds of occupation by code.
    pub occupations: BTreeMap<String, Occupation>,
    /// Duration rules, by their first day.
    pub durations: Vec<DurationRule>,
    /// Reductions and exemptions, by code.
    pub reductions: Vec<Reduction>,
}

impl TariffPlan {
    /// SHA-256 of all that the plan says, its tables too; comments, white space and the order of its parts do not count.
    pub fn sha256(&self) -> String {
        hash_of(self)
    }

    /// Whether it is in force on a day.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// Sets of zones that count for an occupation on a day, the one to be asked first first.
    pub fn zone_sets_for(&self, vertical: Vertical, day: NaiveDate) -> impl Iterator<Item = &ZoneSet> {
        self.zone_sets.iter().filter(move |set| {
            set.verticals.contains(&vertical)
                && set.valid_from.is_none_or(|first| first <= day)
                && set.valid_to.is_none_or(|last| day <= last)
        })
    }

    /// Duration rules of a kind of occupation, by their first day.
    pub fn durations_for(&self, occupation: &str) -> Vec<&DurationRule> {
        let own: Vec<_> =
            self.durations.iter().filter(|rule| rule.occupations.iter().any(|code| code == occupation)).collect();
        if own.is_empty() { self.durations.iter().filter(|rule| rule.occupations.is_empty()).collect() } else { own }
    }
}
