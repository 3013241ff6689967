//! Names and codes of streets.

use crate::district::{District, Parcel};
use crate::names;
use crate::plan::{Kind, Plan};
use crate::rng::mix;
use crate::site::{LOCAL, Way};

/// A street as the register knows it.
#[derive(Debug, Clone)]
pub struct Street {
    /// Code.
    pub code: String,
    /// Urban denomination (DUG), lower case: `calle`, `via` …
    pub kind: &'static str,
    /// Name without the denomination.
    pub name: String,
    /// Whole name.
    pub full: String,
}

impl Street {
    fn new(code: String, kind: &'static str, name: String) -> Self {
        let mut letters = kind.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
        let full = format!("{first}{} {name}", letters.as_str());
        Self { code, kind, name, full }
    }

    /// A street seen from a chunk: one of its own or one of the plan.
    pub fn of(district: &District, street: u32) -> Self {
        if street & LOCAL == 0 {
            Self::of_plan(&district.plan, street)
        } else {
            Self::of_chunk(district, street & !LOCAL)
        }
    }

    /// A street of the plan.
    pub fn of_plan(plan: &Plan, number: u32) -> Self {
        let street = &plan.streets[number as usize];
        let code = format!("1{:07}", number + 1);
        let hash = mix(plan.seed ^ mix(u64::from(number) ^ 0x57));
        let quarter = &plan.quarters[street.quarter as usize];
        if Some(number) == plan.bridge_street {
            return Self::new(code, "ponte", "della Concordia".to_owned());
        }
        if Some(number) == plan.coast_street {
            return Self::new(code, "via", "Lungolaguna".to_owned());
        }
        if quarter.island {
            let kind = match street.class {
                3 if hash.is_multiple_of(3) => "riva",
                3 => "fondamenta",
                _ if hash.is_multiple_of(2) => "lungomare",
                _ => "riviera",
            };
            return Self::new(code, kind, names::old_name(hash));
        }
        let rank = number - plan.first_town_street.min(number);
        let kind = match (street.class, street.rural) {
            (0, _) if hash.is_multiple_of(3) => "corso",
            (0, false) => "viale",
            (_, true) if hash.is_multiple_of(4) => "strada",
            _ => "via",
        };
        Self::new(code, kind, names::street_name(rank as usize))
    }

    fn of_chunk(district: &District, number: u32) -> Self {
        let chunk = &district.chunk;
        let street = &district.streets[number as usize];
        let hash = mix(district.plan.seed ^ mix(u64::from(chunk.id) << 20 | u64::from(number)));
        let (kind, name) = match street.way {
            Way::Calle => (
                ["calle", "calle", "calle", "ramo", "corte", "sotoportego"][(hash % 6) as usize],
                names::old_name(hash ^ 1),
            ),
            Way::Salizada => {
                (["salizada", "rio terà", "ruga", "calle larga"][(hash % 4) as usize], names::old_name(hash ^ 2))
            }
            Way::Fondamenta => ("fondamenta", names::old_name(hash ^ 3)),
            Way::Campo => (if hash.is_multiple_of(5) { "campiello" } else { "campo" }, names::saint(hash).to_owned()),
            Way::Bridge => ("ponte", names::old_name(hash ^ 4)),
            Way::Street | Way::Works | Way::Lane => {
                let kind = match street.way {
                    Way::Lane => "strada",
                    _ => ["via", "via", "via", "via", "via", "via", "vicolo", "viale", "piazza", "largo"]
                        [(hash % 10) as usize],
                };
                // Each chunk draws from its own place in the list.
                let first =
                    district.plan.streets.len() + chunk.id.saturating_sub(district.plan.first_town_chunk) as usize * 34;
                let name = names::street_name(first + number as usize);
                if street.way == Way::Lane { (kind, format!("vicinale {name}")) } else { (kind, name) }
            }
        };
        Self::new(format!("2{:05}{:04}", chunk.id, number + 1), kind, name)
    }
}

/// The quarter or sestiere of a parcel.
pub fn quarter_name(district: &District, parcel: &Parcel) -> String {
    if district.chunk.id == 0 && district.chunk.kind == Kind::OldTown {
        let sestiere = district.sheets.get(parcel.sheet as usize).copied().unwrap_or(0);
        return names::SESTIERI[sestiere as usize % 6].to_owned();
    }
    district.plan.quarters[district.chunk.quarter as usize].name.clone()
}
