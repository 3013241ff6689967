//! Whom a rule is about.

use std::collections::BTreeSet;

use serde::Serialize;

use super::question::{Question, Vehicle};
use crate::Exact;

/// Kinds of vehicle (those of DATEX II, and what else passes a gate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Car.
    Car,
    /// Moped.
    Moped,
    /// Motorcycle.
    Motorcycle,
    /// Van.
    Van,
    /// Lorry.
    Lorry,
    /// Bus in service.
    Bus,
    /// Tourist coach.
    Coach,
    /// Taxi.
    Taxi,
    /// Hire car with driver (*noleggio con conducente*).
    Ncc,
    /// Bicycle.
    Bicycle,
    /// Boat.
    Boat,
    /// Somebody on foot.
    Pedestrian,
}

impl Category {
    /// All of them, by the words of regulations and questions.
    pub const WORDS: [(&str, Self); 12] = [
        ("car", Self::Car),
        ("moped", Self::Moped),
        ("motorcycle", Self::Motorcycle),
        ("van", Self::Van),
        ("lorry", Self::Lorry),
        ("bus", Self::Bus),
        ("coach", Self::Coach),
        ("taxi", Self::Taxi),
        ("ncc", Self::Ncc),
        ("bicycle", Self::Bicycle),
        ("boat", Self::Boat),
        ("pedestrian", Self::Pedestrian),
    ];

    /// Whether it has an engine, and so a fuel, a weight in its papers and a plate.
    const fn is_motor(self) -> bool {
        !matches!(self, Self::Bicycle | Self::Pedestrian)
    }
}

/// What a vehicle runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fuel {
    /// Petrol.
    Petrol,
    /// Diesel.
    Diesel,
    /// Liquefied petroleum gas (*GPL*).
    Lpg,
    /// Methane.
    Methane,
    /// Hybrid.
    Hybrid,
    /// Electric.
    Electric,
    /// Hydrogen.
    Hydrogen,
}

impl Fuel {
    /// All of them, by the words of regulations and questions.
    pub const WORDS: [(&str, Self); 7] = [
        ("petrol", Self::Petrol),
        ("diesel", Self::Diesel),
        ("lpg", Self::Lpg),
        ("methane", Self::Methane),
        ("hybrid", Self::Hybrid),
        ("electric", Self::Electric),
        ("hydrogen", Self::Hydrogen),
    ];

    /// Whether it burns nothing, and so is of no emission class.
    const fn is_clean(self) -> bool {
        matches!(self, Self::Electric | Self::Hydrogen)
    }
}

/// Whether the last digit of a plate is even. Plates themselves are never asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// 0, 2, 4, 6, 8.
    Even,
    /// 1, 3, 5, 7, 9.
    Odd,
}

impl Parity {
    /// Both of them, by the words of regulations and questions.
    pub const WORDS: [(&str, Self); 2] = [("even", Self::Even), ("odd", Self::Odd)];
}

/// Vehicles: all that is said must hold, what is not said asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VehicleFilter {
    /// One of these kinds.
    pub categories: BTreeSet<Category>,
    /// Emission class, at least.
    pub euro_min: Option<u64>,
    /// Emission class, at most. Electric vehicles have none, and are never meant.
    pub euro_max: Option<u64>,
    /// One of these fuels.
    pub fuels: BTreeSet<Fuel>,
    /// More than so many kilograms.
    pub mass_over_kg: Option<Exact>,
    /// At most so many kilograms.
    pub mass_max_kg: Option<Exact>,
    /// More than so many metres.
    pub length_over_m: Option<Exact>,
    /// At most so many metres.
    pub length_max_m: Option<Exact>,
    /// At least so many seats.
    pub seats_min: Option<u64>,
    /// At most so many seats.
    pub seats_max: Option<u64>,
    /// Last digit of the plate.
    pub plate: Option<Parity>,
}

/// Users: one of these classes, where any is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UserFilter {
    /// Codes of classes.
    pub classes: BTreeSet<String>,
}

/// Whether a rule is about who asks; what would have to be known where that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    Open(BTreeSet<&'static str>),
}

impl Match {
    fn of(holds: Option<bool>, parameter: &'static str) -> Self {
        match holds {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Open(BTreeSet::from([parameter])),
        }
    }

    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) | (other, Self::Yes) => other,
            (Self::Open(mut a), Self::Open(b)) => {
                a.extend(b);
                Self::Open(a)
            }
        }
    }
}

impl VehicleFilter {
    /// How many things it names.
    pub(super) fn constraints(&self) -> usize {
        let said = [
            !self.categories.is_empty(),
            self.euro_min.is_some() || self.euro_max.is_some(),
            !self.fuels.is_empty(),
            self.mass_over_kg.is_some() || self.mass_max_kg.is_some(),
            self.length_over_m.is_some() || self.length_max_m.is_some(),
            self.seats_min.is_some() || self.seats_max.is_some(),
            self.plate.is_some(),
        ];
        said.into_iter().filter(|it| *it).count()
    }

    pub(super) fn matches(&self, vehicle: &Vehicle) -> Match {
        let mut all = Match::Yes;
        if !self.categories.is_empty() {
            let kind = vehicle.category.map(|category| self.categories.contains(&category));
            all = all.and(Match::of(kind, "vehicle"));
        }
        let is_motor = vehicle.category.is_none_or(Category::is_motor);
        // What nothing with wheels on pedals has, it does not have too little or too much of.
        let motor = |holds: Option<bool>| if is_motor { holds } else { Some(false) };
        if self.euro_min.is_some() || self.euro_max.is_some() {
            let is_clean = vehicle.fuel.is_some_and(Fuel::is_clean);
            let within = vehicle.euro.map(|euro| within(&euro, None, self.euro_min.as_ref(), self.euro_max.as_ref()));
            all = all.and(Match::of(motor(if is_clean { Some(false) } else { within }), "euro"));
        }
        if !self.fuels.is_empty() {
            let fuel = vehicle.fuel.map(|fuel| self.fuels.contains(&fuel));
            all = all.and(Match::of(motor(fuel), "fuel"));
        }
        if self.mass_over_kg.is_some() || self.mass_max_kg.is_some() {
            let (over, most) = (self.mass_over_kg.as_ref(), self.mass_max_kg.as_ref());
            let mass = vehicle.mass_kg.as_ref().map(|mass| within(mass, over, None, most));
            all = all.and(Match::of(motor(mass), "mass"));
        }
        if self.length_over_m.is_some() || self.length_max_m.is_some() {
            let (over, most) = (self.length_over_m.as_ref(), self.length_max_m.as_ref());
            let length = vehicle.length_m.as_ref().map(|length| within(length, over, None, most));
            all = all.and(Match::of(motor(length), "length"));
        }
        if self.seats_min.is_some() || self.seats_max.is_some() {
            let (least, most) = (self.seats_min.as_ref(), self.seats_max.as_ref());
            let seats = vehicle.seats.map(|seats| within(&seats, None, least, most));
            all = all.and(Match::of(motor(seats), "seats"));
        }
        if let Some(parity) = self.plate {
            all = all.and(Match::of(motor(vehicle.plate.map(|plate| plate == parity)), "plate"));
        }
        all
    }
}

fn within<T: PartialOrd>(value: &T, over: Option<&T>, least: Option<&T>, most: Option<&T>) -> bool {
    over.is_none_or(|over| value > over)
        && least.is_none_or(|least| value >= least)
        && most.is_none_or(|most| value <= most)
}

impl UserFilter {
    pub(super) fn constraints(&self) -> usize {
        usize::from(!self.classes.is_empty())
    }

    /// Who says nothing of themselves is anybody. `of_zone`: whether a class is one of those that live in the zone.
    pub(super) fn matches(&self, question: &Question, zone: &str, of_zone: impl Fn(&str) -> bool) -> Match {
        if self.classes.is_empty() {
            return Match::Yes;
        }
        let mut is_open = false;
        for class in &self.classes {
            let is_claimed = question.users.contains(class);
            if of_zone(class) {
                if question.resident_of.contains(zone) {
                    return Match::Yes;
                }
                is_open |= is_claimed && question.resident_of.is_empty();
            } else if is_claimed {
                return Match::Yes;
            }
        }
        Match::of(if is_open { None } else { Some(false) }, "resident_of")
    }
}
