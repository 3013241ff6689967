//! How a listing stands beside the register.

use std::collections::HashMap;

use serde::Serialize;

use super::apart_m;
use crate::Text;
use crate::codes::{Cin, Cir, Scope};

/// Metres by which the place of the register may be off: the door, or the middle of the house.
const REGISTER_ERROR_M: f64 = 50.0;

/// How it stands. Each listing stands in one way: the first that holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It shows no code.
    NoCode,
    /// What it shows is neither a CIN nor a CIR.
    NotACode,
    /// Its codes are those of another comune.
    OtherComune,
    /// The register has no codes to hold it against.
    Unverified,
    /// Its code is not in the register.
    NotRegistered,
    /// More listings show its code than it has units.
    BeyondUnits,
    /// The register has its code farther away than the platform blurs places.
    Elsewhere,
    /// Nothing is odd about it.
    Fits,
}

impl Standing {
    /// For programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoCode => "no-code",
            Self::NotACode => "not-a-code",
            Self::OtherComune => "other-comune",
            Self::Unverified => "unverified",
            Self::NotRegistered => "not-registered",
            Self::BeyondUnits => "beyond-units",
            Self::Elsewhere => "elsewhere",
            Self::Fits => "fits",
        }
    }

    /// For people.
    pub fn text(self) -> Text {
        let (it, en) = match self {
            Self::NoCode => ("senza codice", "without a code"),
            Self::NotACode => ("con un codice che non è tale", "with a code that is none"),
            Self::OtherComune => ("con il codice di un altro comune", "with a code of another comune"),
            Self::Unverified => ("con un codice non verificabile", "with a code that cannot be verified"),
            Self::NotRegistered => ("con un codice non registrato", "with a code that is not registered"),
            Self::BeyondUnits => {
                ("più annunci che unità sotto lo stesso codice", "more listings than units under the same code")
            }
            Self::Elsewhere => ("registrati altrove", "registered elsewhere"),
            Self::Fits => ("corrispondono", "fit"),
        };
        Text::new(it, en)
    }
}

/// A listing of a platform.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// What it shows as its code, whatever that is.
    pub code: &'a str,
    /// Where it is shown: longitude, latitude.
    pub shown: [f64; 2],
    /// Metres by which that may be off.
    pub error_m: f64,
}

/// A structure of the register.
#[derive(Debug, Clone, Copy)]
pub struct Structure<'a> {
    /// Its codes: CIN, CIR or both.
    pub code: &'a str,
    /// Units that may be let; none where the register does not say.
    pub units: Option<u64>,
    /// Where it is: longitude, latitude.
    pub at: Option<[f64; 2]>,
}

/// What is registered, by code.
#[derive(Debug, Clone, Default)]
pub struct Register {
    structures: Vec<(Option<u64>, Option<[f64; 2]>)>,
    by_code: HashMap<String, Vec<usize>>,
}

impl Register {
    /// Of its structures. One with a CIN and a CIR is found by both.
    pub fn new<'a>(structures: impl IntoIterator<Item = Structure<'a>>) -> Self {
        let mut register = Self::default();
        for structure in structures {
            let index = register.structures.len();
            register.structures.push((structure.units, structure.at));
            for code in codes_in(structure.code) {
                register.by_code.entry(code.text).or_default().push(index);
            }
        }
        register
    }

    /// Whether there is any code in it.
    pub fn has_codes(&self) -> bool {
        !self.by_code.is_empty()
    }

    /// The structures that have one of these codes, each once.
    fn of(&self, codes: &[Code]) -> Vec<usize> {
        let mut found: Vec<usize> =
            codes.iter().filter_map(|code| self.by_code.get(&code.text)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// A CIN or a CIR as it is written in the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub text: String,
    /// Six digits: province and comune.
    pub comune: String,
}

/// The codes in a text: it may be one with spaces in it, or several, or other words beside.
pub fn codes_in(text: &str) -> Vec<Code> {
    let one = |text: &str| {
        let cin = Cin::parse(text).map(|cin| Code { text: cin.to_string(), comune: cin.comune });
        cin.or_else(|_| Cir::parse(text).map(|cir| Code { text: cir.to_string(), comune: cir.comune })).ok()
    };
    if let Some(code) = one(text) {
        return vec![code];
    }
    text.split(|c: char| c.is_whitespace() || ",;/|:()".contains(c)).filter_map(one).collect()
}

/// How each listing stands.
pub fn standings(listings: &[Listing<'_>], register: &Register, scope: &Scope) -> Vec<Standing> {
    let read: Vec<Vec<Code>> = listings.iter().map(|listing| codes_in(listing.code)).collect();
    let is_own = |code: &Code| scope.comuni.is_empty() || scope.comuni.contains(&code.comune);
    let found: Vec<Vec<usize>> = read.iter().map(|codes| register.of(codes)).collect();
    let mut shown = vec![0_u64; register.structures.len()];
    for structure in found.iter().flatten() {
        shown[*structure] += 1;
    }
    let one = |((listing, codes), found): ((&Listing<'_>, &Vec<Code>), &Vec<usize>)| {
        if listing.code.trim().is_empty() {
            return Standing::NoCode;
        }
        if codes.is_empty() {
            return Standing::NotACode;
        }
        if !codes.iter().any(is_own) {
            return Standing::OtherComune;
        }
        if !register.has_codes() {
            return Standing::Unverified;
        }
        if found.is_empty() {
            return Standing::NotRegistered;
        }
        // Several structures under one code have their units together.
        let units: Option<u64> = found.iter().map(|structure| register.structures[*structure].0).sum();
        let most = found.iter().map(|structure| shown[*structure]).max().unwrap_or(0);
        if units.is_some_and(|units| most > units) {
            return Standing::BeyondUnits;
        }
        let reach = listing.error_m + REGISTER_ERROR_M;
        let is_near =
            |structure: &usize| register.structures[*structure].1.is_none_or(|at| apart_m(listing.shown, at) <= reach);
        if found.iter().any(is_near) { Standing::Fits } else { Standing::Elsewhere }
    };
    listings.iter().zip(&read).zip(&found).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: [f64; 2] = [12.3388, 45.4342];
    const FAR: [f64; 2] = [12.3488, 45.4342];

    fn venice() -> Scope {
        Scope { comuni: vec!["027042".into()], classes: Vec::new() }
    }

    fn listing(code: &str) -> Listing<'_> {
        Listing { code, shown: HERE, error_m: 150.0 }
    }

    fn structure(code: &str, units: u64) -> Structure<'_> {
        Structure { code, units: Some(units), at: Some(HERE) }
    }

    #[test]
    fn each_listing_stands_in_one_way() {
        let register = Register::new([
            structure("IT027042C2ADIO77EW 027042-LOC-15600", 1),
            structure("IT027042B4CSA6DFBW", 2),
            Structure { at: Some(FAR), ..structure("IT027042A19T6QRB9D", 5) },
            Structure { units: None, ..structure("027042-LOC-00001", 0) },
        ]);
        let cases = [
            (" ", Standing::NoCode),
            ("Exempt", Standing::NotACode),
            ("I applied for a CIN, but haven’t received it yet", Standing::NotACode),
            ("IT058091C2ADIO77EW", Standing::OtherComune),
            ("IT027042C2ZZZZZZZZ", Standing::NotRegistered),
            ("it 027042 b4 csa6dfbw", Standing::Fits),
            ("CIN: IT027042A19T6QRB9D", Standing::Elsewhere),
            ("027042-LOC-00001", Standing::Fits),
            ("027042-loc-00001", Standing::Fits),
            // The same structure by its CIN and by its CIR: two listings, one unit.
            ("IT027042C2ADIO77EW", Standing::BeyondUnits),
            ("027042-LOC-15600", Standing::BeyondUnits),
        ];
        let listings: Vec<Listing<'_>> = cases.iter().map(|(code, _)| listing(code)).collect();
        let found = standings(&listings, &register, &venice());
        for ((code, expected), found) in cases.iter().zip(found) {
            assert_eq!(found, *expected, "{code}");
        }
    }

    #[test]
    fn a_register_without_codes_judges_nobody() {
        let register = Register::new([Structure { code: "", units: Some(2), at: Some(HERE) }]);
        let found = standings(&[listing("IT027042C2ADIO77EW"), listing("")], &register, &venice());
        assert_eq!(found, [Standing::Unverified, Standing::NoCode]);
    }
}
