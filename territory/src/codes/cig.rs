//! Codes of tenders: *codice identificativo gara*.

use serde::Serialize;

use super::{NotACode, check_digits, digits, hex, squeezed};
use crate::Text;
use crate::text::Warning;

/// Which office gave it, and how it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CigFamily {
    /// Until 2023: seven digits and three check digits.
    Simog,
    /// Of small contracts: X, Y or Z, two check digits, seven hexadecimal digits.
    SmartCig,
    /// Since the end of 2023: a letter, six hexadecimal digits, three check digits.
    Platform,
}

/// A CIG. Its check digits are a remainder of its number times 211.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cig {
    /// Ten characters, in capitals.
    pub code: String,
    /// Its family.
    pub family: CigFamily,
    /// Whether its check digits fit; none where the rule of its letter is not known.
    pub check: Option<bool>,
}

impl Cig {
    /// Reads a code.
    ///
    /// # Errors
    /// What is no CIG.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let wrong = || {
            NotACode::new(
                "CIG",
                "dieci caratteri, come 90956743A2, Z7B350B2CA o A0059785CC",
                "ten characters, such as 90956743A2, Z7B350B2CA or A0059785CC",
            )
        };
        let code = squeezed(text, false).filter(|code| code.len() == 10).ok_or_else(wrong)?;
        let (family, check) = match code.as_bytes()[0] {
            b'0'..=b'9' => {
                let (number, check) = code.split_at(7);
                let check = hex(check).filter(|_| digits(number)).ok_or_else(wrong)?;
                (CigFamily::Simog, Some(number.parse::<u64>().is_ok_and(|number| number * 211 % 4091 == check)))
            }
            b'X'..=b'Z' => {
                let (check, body) = (hex(&code[1..3]).ok_or_else(wrong)?, hex(&code[3..]).ok_or_else(wrong)?);
                (CigFamily::SmartCig, Some(body * 211 % 251 == check))
            }
            letter @ b'A'..=b'W' => {
                let (body, check) = (hex(&code[1..7]).ok_or_else(wrong)?, hex(&code[7..]).ok_or_else(wrong)?);
                // Seen for A and B; that C has 3 and so on would be a guess.
                let known = matches!(letter, b'A' | b'B').then(|| u64::from(letter - b'A') + 1);
                (CigFamily::Platform, known.map(|k| (body + k) * 211 % 4091 == check))
            }
            _ => return Err(wrong()),
        };
        Ok(Self { code, family, check })
    }

    /// What is odd about it.
    pub fn warnings(&self) -> Vec<Warning> {
        match self.check {
            Some(true) => Vec::new(),
            Some(false) => vec![check_digits("CIG")],
            None => {
                let text = Text::new(
                    "per questa lettera iniziale la regola di controllo non è nota: codice non verificato",
                    "the rule of check digits is not known for this first letter: the code is not verified",
                );
                vec![Warning::new("unverified", text)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLES: [(&str, CigFamily); 3] =
        [("90956743A2", CigFamily::Simog), ("Z7B350B2CA", CigFamily::SmartCig), ("A0059785CC", CigFamily::Platform)];

    #[test]
    fn annex_a_6_real_codes_are_valid() {
        for (code, family) in SAMPLES {
            let cig = Cig::parse(code).unwrap();
            assert_eq!((cig.family, cig.check, cig.warnings().len()), (family, Some(true), 0), "{code}");
            assert_eq!(Cig::parse(&code.to_lowercase()).unwrap(), cig);
        }
    }

    #[test]
    fn annex_a_6_any_one_digit_changed_is_a_warning() {
        for (code, _) in SAMPLES {
            // The first character says the family.
            for i in 1..10 {
                for digit in "0123456789ABCDEF".chars() {
                    let mut changed: Vec<char> = code.chars().collect();
                    if changed[i] == digit {
                        continue;
                    }
                    changed[i] = digit;
                    let changed: String = changed.into_iter().collect();
                    if let Ok(cig) = Cig::parse(&changed) {
                        assert_eq!(cig.warnings()[0].code, "check-digits", "{changed}");
                    }
                }
            }
        }
    }

    #[test]
    fn letters_without_a_known_rule_are_not_judged() {
        assert_eq!(Cig::parse("C0059785CC").unwrap().warnings()[0].code, "unverified");
        for text in
            ["", "90956743A", "90956743A22", "9095674GA2", "909567A3A2", "ZZB350B2CA", "A00597G5CC", "è095674A2"]
        {
            assert!(Cig::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,14}", code in "[A-Z0-9]{10}") {
            let _ = Cig::parse(&text);
            if let Ok(cig) = Cig::parse(&code) {
                prop_assert_eq!(cig.code, code);
            }
        }
    }
}
