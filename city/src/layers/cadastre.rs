//! Sheets, parcels, buildings, addresses.

use bricola_layers::feature::Value;
use geo_types::Geometry;

use super::{Rows, area, int, real, stream, text};
use crate::BELFIORE;
use crate::district::{District, Number, Parcel, point};
use crate::plan::Kind;
use crate::rng::mix;
use crate::site::Use;
use crate::street::Street;

/// A sheet of the cadastral map.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Section: absent, or a letter when one series of sheet numbers is not enough.
    pub section: Option<char>,
    /// Sheet number, 1 to 9999.
    pub number: u32,
    /// Annex.
    pub annex: Option<char>,
}

impl Sheet {
    /// The sheet of a number counted over the whole municipality.
    pub fn of(number: u32) -> Self {
        let series = number / 9_999;
        let section = (series > 0).then(|| char::from(b'A' + ((series - 1) % 26) as u8));
        let annex = mix(u64::from(number) ^ 0xa11e).is_multiple_of(31).then_some('A');
        Self { section, number: number % 9_999 + 1, annex }
    }

    /// The 11 characters of the sheet: municipality, section, sheet, annex, development.
    pub fn code(&self) -> String {
        format!("{BELFIORE}{}{:04}{}0", self.section.unwrap_or('_'), self.number, self.annex.unwrap_or('0'))
    }

    fn values(&self) -> [Value; 4] {
        let letter = |letter: Option<char>| letter.map_or(Value::Null, |letter| text(letter.to_string()));
        [text(BELFIORE), letter(self.section), int(self.number), letter(self.annex)]
    }
}

/// The sheet that a parcel lies on.
pub fn sheet_of(district: &District, parcel: &Parcel) -> Sheet {
    Sheet::of(district.chunk.sheet + parcel.sheet)
}

/// A parcel's number as text.
pub fn label(number: Number) -> String {
    match number {
        Number::Ordinary(n) => n.to_string(),
        Number::Road(n) => format!("STRADA{n:03}"),
        Number::Water(n) => format!("ACQUA{n:03}"),
    }
}

/// National cadastral reference of a parcel.
pub fn reference(district: &District, parcel: &Parcel) -> String {
    format!("{}.{}", sheet_of(district, parcel).code(), label(parcel.number))
}

/// Sheets.
pub fn sheets(district: &District, rows: &mut Rows) {
    for number in 0..district.sheets.len() as u32 {
        let region = district.region(|sheet, _| sheet == number);
        if region.0.is_empty() {
            continue;
        }
        let sheet = Sheet::of(district.chunk.sheet + number);
        let scale = match district.chunk.kind {
            Kind::OldTown => 1_000,
            Kind::Country | Kind::Marsh => 4_000,
            _ => 2_000,
        };
        let [municipality, section, foglio, annex] = sheet.values();
        rows.push(
            Geometry::MultiPolygon(region),
            vec![text(sheet.code()), municipality, section, foglio, annex, Value::Null, int(scale)],
        );
    }
}

/// Parcels.
pub fn parcels(district: &District, rows: &mut Rows) {
    rows.features.reserve(district.parcels.len());
    for parcel in &district.parcels {
        let sheet = sheet_of(district, parcel);
        let label = label(parcel.number);
        let kind = match parcel.number {
            Number::Ordinary(_) => "parcel",
            Number::Road(_) => "road",
            Number::Water(_) => "water",
        };
        // The registered area comes from old surveys: a few per cent off.
        let drift = (mix(parcel.seed) % 2_001) as f64 / 1_000.0 - 1.0;
        let registered = (parcel.area * (1.0 + drift * drift * drift * 0.035)).max(1.0);
        let [municipality, section, foglio, annex] = sheet.values();
        rows.push(
            area(parcel.polygon.clone()),
            vec![
                text(format!("{}.{label}", sheet.code())),
                municipality,
                section,
                foglio,
                annex,
                Value::Null,
                text(label.clone()),
                text(kind),
                real(registered, 0),
                text(label),
            ],
        );
    }
}

/// Kind of the main building of a parcel.
pub fn building_kind(parcel: &Parcel) -> &'static str {
    let roll = mix(parcel.seed ^ 0xb1) % 100;
    match parcel.land {
        Use::OldHouse if roll < 8 => "commercial",
        Use::Palace if roll < 45 => "public",
        Use::Palace | Use::Shops => "commercial",
        Use::Church => "religious",
        Use::School => "public",
        Use::Factory => "industrial",
        Use::Flats if roll < 6 => "commercial",
        _ => "residential",
    }
}

/// Buildings.
pub fn buildings(district: &District, rows: &mut Rows) {
    for (i, building) in district.buildings.iter().enumerate() {
        let parcel = &district.parcels[building.parcel as usize];
        let mut rng = stream(district, 1, i as u64);
        let old = district.chunk.kind == Kind::OldTown;
        let (floors, year) = match parcel.land {
            _ if building.annex => (1, rng.whole(1950, 2015)),
            Use::OldHouse => (rng.whole(2, 5), rng.whole(1380, 1890)),
            Use::Palace => (rng.whole(3, 5), rng.whole(1420, 1780)),
            Use::Church => (1, if old { rng.whole(1150, 1740) } else { rng.whole(1880, 1975) }),
            Use::Flats => (rng.whole(3, 7), rng.whole(1955, 2012)),
            Use::Factory | Use::Shops => (rng.whole(1, 2), rng.whole(1958, 2021)),
            Use::School => (rng.whole(1, 3), rng.whole(1905, 2005)),
            Use::Farm => (2, rng.whole(1820, 1968)),
            _ => (rng.whole(1, 3), rng.whole(1948, 2022)),
        };
        let storey = match parcel.land {
            Use::Church => rng.range(12.0, 22.0),
            Use::Factory => rng.range(6.0, 9.0),
            Use::Palace => rng.range(3.8, 4.6),
            _ => rng.range(2.8, 3.3),
        };
        let kind = if building.annex { "annex" } else { building_kind(parcel) };
        rows.push(
            area(building.polygon.clone()),
            vec![
                text(format!("E{:05}{:05}", district.chunk.id, i + 1)),
                text(kind),
                real(floors as f64 * storey, 1),
                int(floors),
                int(year),
                text(reference(district, parcel)),
            ],
        );
    }
}

/// The address of a parcel, when it has one.
#[derive(Debug, Clone)]
pub struct Address {
    /// Street.
    pub street: Street,
    /// Number.
    pub number: u32,
    /// Suffix of a second door.
    pub suffix: Option<&'static str>,
    /// Quarter or sestiere.
    pub district: String,
    /// As it is written.
    pub full: String,
}

/// The address of a parcel: along its street, or in the old town by the number in the sestiere.
pub fn address(district: &District, parcel: &Parcel) -> Option<Address> {
    let front = parcel.front.as_ref().filter(|front| front.number > 0)?;
    if matches!(parcel.land, Use::Field | Use::Empty | Use::Marsh) {
        return None;
    }
    let street = Street::of(district, front.street);
    let quarter = crate::street::quarter_name(district, parcel);
    let suffix = mix(parcel.seed ^ 0xadd).is_multiple_of(23).then_some("A");
    let mark = suffix.map_or(String::new(), |suffix| format!("/{suffix}"));
    let full = if district.chunk.kind == Kind::OldTown {
        format!("{quarter} {}{mark}, {}", front.number, street.full)
    } else {
        format!("{}, {}{mark}, {quarter}", street.full, front.number)
    };
    Some(Address { street, number: front.number, suffix, district: quarter, full })
}

/// Addresses.
pub fn addresses(district: &District, rows: &mut Rows) {
    for (i, parcel) in district.parcels.iter().enumerate() {
        let (Some(address), Some(front)) = (address(district, parcel), &parcel.front) else { continue };
        rows.push(
            Geometry::Point(point(front.door)),
            vec![
                text(format!("A{:05}{:05}", district.chunk.id, i + 1)),
                text(address.street.code),
                text(address.street.full),
                text(address.number.to_string()),
                address.suffix.map_or(Value::Null, text),
                text(address.district),
                text(reference(district, parcel)),
                text(address.full),
            ],
        );
    }
}
