//! What the dumps of a comune say, found by parcel and day.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::Serialize;

use super::record::{Address, Identifier, Key, Land, Portion, Record, Span, Unit};

/// A unit with all that is said of one of its states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegisteredUnit {
    /// Which.
    pub key: Key,
    /// What it is.
    #[serde(flatten)]
    pub unit: Unit,
    /// The parcels that it stands on.
    pub parcels: Vec<Identifier>,
    /// What it shares with others.
    pub shared: Vec<Identifier>,
    /// Its addresses.
    pub addresses: Vec<Address>,
}

/// A land parcel with all that is said of one of its states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegisteredLand {
    /// Which.
    pub key: Key,
    /// What it is.
    #[serde(flatten)]
    pub land: Land,
    /// Symbols of deductions.
    pub deductions: Vec<String>,
    /// Portions with a quality of their own.
    pub portions: Vec<Portion>,
}

/// Comune, sheet, and number with its denominator: what the map has. Sections are another list in the buildings' register, and
/// are compared by people.
type Parcel = (String, String, String);

/// Units and land of some dumps.
#[derive(Debug, Clone, Default)]
pub struct Register {
    units: Vec<RegisteredUnit>,
    lands: Vec<RegisteredLand>,
    units_on: HashMap<Parcel, Vec<usize>>,
    lands_on: HashMap<Parcel, Vec<usize>>,
}

/// Records of one unit or parcel while a dump is read: they may come in any order.
#[derive(Debug, Default)]
struct Parts {
    unit: Option<Unit>,
    land: Option<Land>,
    parcels: Vec<Identifier>,
    shared: Vec<Identifier>,
    addresses: Vec<Address>,
    deductions: Vec<String>,
    portions: Vec<Portion>,
}

impl Register {
    /// Of records. What has no record of its own (only addresses, say) is nothing. Land and units have numbers of their own:
    /// dumps of the two are to be read one by one, and put together by [`Self::extend`].
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let mut all: BTreeMap<Key, Parts> = BTreeMap::new();
        for record in records {
            let parts = all.entry(record.key().clone()).or_default();
            match record {
                Record::Unit { unit, .. } => parts.unit = Some(unit),
                Record::UnitParcels { parcels, .. } => parts.parcels.extend(parcels),
                Record::UnitAddresses { addresses, .. } => parts.addresses.extend(addresses),
                Record::UnitShared { parcels, .. } => parts.shared.extend(parcels),
                Record::Land { land, .. } => parts.land = Some(land),
                Record::Deductions { symbols, .. } => parts.deductions.extend(symbols),
                Record::Portions { portions, .. } => parts.portions.extend(portions),
                Record::Reserves { .. } => {}
            }
        }
        let mut register = Self::default();
        for (key, parts) in all {
            let Parts { unit, land, parcels, shared, addresses, deductions, portions } = parts;
            if let Some(land) = land {
                register.add_land(RegisteredLand { key: key.clone(), land, deductions, portions });
            }
            if let Some(unit) = unit {
                register.add_unit(RegisteredUnit { key, unit, parcels, shared, addresses });
            }
        }
        register
    }

    /// Adds what another dump says.
    pub fn extend(&mut self, other: Self) {
        other.units.into_iter().for_each(|unit| self.add_unit(unit));
        other.lands.into_iter().for_each(|land| self.add_land(land));
    }

    fn add_unit(&mut self, unit: RegisteredUnit) {
        let mut on: Vec<Parcel> = unit.parcels.iter().map(|it| of_identifier(&unit.key, it)).collect();
        on.sort_unstable();
        on.dedup();
        for parcel in on {
            self.units_on.entry(parcel).or_default().push(self.units.len());
        }
        self.units.push(unit);
    }

    fn add_land(&mut self, land: RegisteredLand) {
        self.lands_on.entry(of_identifier(&land.key, &land.land.parcel)).or_default().push(self.lands.len());
        self.lands.push(land);
    }

    /// How many states of units and of land there are.
    pub fn len(&self) -> (usize, usize) {
        (self.units.len(), self.lands.len())
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.lands.is_empty()
    }

    /// The units on a parcel, as they were on a day. `number` may have a denominator: `57/2`.
    pub fn units(&self, comune: &str, sheet: &str, number: &str, day: NaiveDate) -> Vec<&RegisteredUnit> {
        let found = self.units_on.get(&of_text(comune, sheet, number)).into_iter().flatten();
        found.map(|index| &self.units[*index]).filter(|it| holds(it.unit.span, day)).collect()
    }

    /// What the register of land says of a parcel, as it was on a day.
    pub fn land(&self, comune: &str, sheet: &str, number: &str, day: NaiveDate) -> Vec<&RegisteredLand> {
        let found = self.lands_on.get(&of_text(comune, sheet, number)).into_iter().flatten();
        found.map(|index| &self.lands[*index]).filter(|it| holds(it.land.span, day)).collect()
    }
}

impl RegisteredUnit {
    /// Whether people live there: category A, but for offices (A/10).
    pub fn is_dwelling(&self) -> bool {
        let code: String = self.unit.category.chars().filter(char::is_ascii_alphanumeric).collect();
        code.strip_prefix('A').is_some_and(|number| number.trim_start_matches('0') != "10")
    }
}

/// From its first day until the day before another state began.
fn holds(span: Span, day: NaiveDate) -> bool {
    span.from.is_none_or(|from| from <= day) && span.to.is_none_or(|to| day < to)
}

fn of_identifier(key: &Key, identifier: &Identifier) -> Parcel {
    let number = match identifier.denominator {
        Some(denominator) => format!("{}/{denominator}", identifier.number),
        None => identifier.number.clone(),
    };
    of_text(&key.comune, &identifier.sheet, &number)
}

fn of_text(comune: &str, sheet: &str, number: &str) -> Parcel {
    let bare = |text: &str| text.trim().trim_start_matches('0').to_ascii_uppercase();
    (comune.to_ascii_uppercase(), bare(sheet), bare(number))
}

#[cfg(test)]
mod tests {
    use super::super::Units;
    use super::*;

    /// A row of record 1 with the columns that are said, 40 of them.
    fn unit(id: u64, state: u32, category: &str, from: &str, to: &str) -> String {
        let mut columns = vec![String::new(); 40];
        for (place, value) in [(0, "L736"), (3, "F"), (5, "1"), (7, category), (22, from), (28, to)] {
            columns[place] = value.to_owned();
        }
        (columns[2], columns[4]) = (id.to_string(), state.to_string());
        columns.join("|")
    }

    fn register() -> Register {
        let rows = [
            unit(7, 1, "A02", "01012001", "01062020"),
            unit(7, 2, "A03", "01062020", ""),
            unit(8, 1, "C01", "", ""),
            "L736||7|F|1|2||0012|00057|||".to_owned(),
            "L736||7|F|2|2||0012|00057||0003|".to_owned(),
            "L736||8|F|1|2||0012|00057|0002|||VE|0012|00058|||".to_owned(),
            "L736||9|F|1|2||0012|00057|||".to_owned(),
        ];
        let text = rows.join("\n");
        let records = Units::open("x.FAB", text.as_bytes()).unwrap();
        Register::new(records.map(|row| row.unwrap().unwrap()))
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn units_are_found_by_parcel_and_day() {
        let register = register();
        assert_eq!(register.len(), (3, 0), "the one without a record of its own is nothing");
        let category = |number: &str, on: &str| -> Vec<String> {
            register.units("L736", "12", number, day(on)).iter().map(|it| it.unit.category.clone()).collect()
        };
        assert_eq!(category("57", "2010-01-01"), ["A02"]);
        assert_eq!(category("00057", "2020-06-01"), ["A03"], "the day on which a state begins is its own");
        assert_eq!(category("57", "1990-01-01"), Vec::<String>::new());
        assert_eq!(category("57/2", "2026-01-01"), ["C01"], "another parcel than 57");
        assert_eq!(category("58", "2026-01-01"), ["C01"], "a unit may stand on several");
        assert!(register.units("L736", "13", "57", day("2026-01-01")).is_empty());
        let units = register.units("L736", "12", "57", day("2026-01-01"));
        assert!(units[0].is_dwelling() && units[0].parcels[0].subunit == "3");
    }
}
