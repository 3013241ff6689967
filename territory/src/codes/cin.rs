//! Codes of short-term rentals: the national CIN and the regional CIR.

use serde::{Deserialize, Serialize};

use super::{NotACode, digits, squeezed};
use crate::Text;
use crate::text::Warning;

/// Longest tail of a CIN. All that were seen have eight characters.
const TAIL: usize = 8;

/// What codes are held against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// ISTAT codes (six digits) of the comuni that ask; empty: any.
    pub comuni: Vec<String>,
    /// Classes of structures with their names; empty: any. The list is the register's, and data.
    pub classes: Vec<CinClass>,
}

/// A class of structures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CinClass {
    /// A letter and a digit: `B4`.
    pub code: String,
    /// Its name.
    pub name: Text,
}

/// *Codice identificativo nazionale* (DL 145/2023, art. 13-ter): `IT`, ISTAT codes of province and comune, class, tail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cin {
    /// Six digits: province and comune.
    pub comune: String,
    /// A letter and a digit.
    pub class: String,
    /// Up to eight letters and digits.
    pub tail: String,
}

impl Cin {
    /// Reads a code, with or without spaces and hyphens, in small letters or capitals.
    ///
    /// # Errors
    /// What is no CIN.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let wrong = || {
            NotACode::new(
                "CIN",
                "IT, sei cifre ISTAT, una lettera e una cifra, fino a otto caratteri: IT027042B4CSA6DFBW",
                "IT, six digits of ISTAT, a letter and a digit, up to eight characters: IT027042B4CSA6DFBW",
            )
        };
        let code = squeezed(text, false).ok_or_else(wrong)?;
        let rest = code.strip_prefix("IT").ok_or_else(wrong)?;
        let (comune, rest) = rest.split_at_checked(6).ok_or_else(wrong)?;
        let (class, tail) = rest.split_at_checked(2).ok_or_else(wrong)?;
        let class_fits = class.as_bytes()[0].is_ascii_uppercase() && class.as_bytes()[1].is_ascii_digit();
        let tail_fits = (1..=TAIL).contains(&tail.len()) && tail.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !digits(comune) || !class_fits || !tail_fits {
            return Err(wrong());
        }
        Ok(Self { comune: comune.into(), class: class.into(), tail: tail.into() })
    }

    /// What is odd about it.
    pub fn warnings(&self, scope: &Scope) -> Vec<Warning> {
        let mut warnings = Vec::new();
        warnings.extend(other_comune(&self.comune, scope));
        if !scope.classes.is_empty() && !scope.classes.iter().any(|class| class.code == self.class) {
            let text = Text::new(
                format!("la classe «{}» non è nell'elenco delle strutture", self.class),
                format!("the class “{}” is not in the list of structures", self.class),
            );
            warnings.push(Warning::new("unknown-class", text));
        }
        if self.tail.len() < TAIL {
            let text = Text::new(
                format!(
                    "la parte finale ha {} caratteri invece di {TAIL}: forse il codice è incompleto",
                    self.tail.len()
                ),
                format!(
                    "the tail has {} characters instead of {TAIL}: part of the code may be missing",
                    self.tail.len()
                ),
            );
            warnings.push(Warning::new("short-tail", text));
        }
        warnings
    }
}

impl std::fmt::Display for Cin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IT{}{}{}", self.comune, self.class, self.tail)
    }
}

/// *Codice identificativo regionale* of Veneto: `027042-LOC-15600`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cir {
    /// Six digits: province and comune.
    pub comune: String,
    /// Three or four letters.
    pub kind: String,
    /// Five digits.
    pub number: String,
}

impl Cir {
    /// Reads a code.
    ///
    /// # Errors
    /// What is no CIR of this form.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let wrong = || {
            NotACode::new(
                "CIR",
                "sei cifre ISTAT, tre o quattro lettere, cinque cifre: 027042-LOC-15600",
                "six digits of ISTAT, three or four letters, five digits: 027042-LOC-15600",
            )
        };
        let code = squeezed(text, true).ok_or_else(wrong)?;
        let parts: Vec<&str> = code.split('-').collect();
        let [comune, kind, number] = parts[..] else { return Err(wrong()) };
        let kind_fits = (3..=4).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_uppercase());
        if comune.len() != 6 || !digits(comune) || !kind_fits || number.len() != 5 || !digits(number) {
            return Err(wrong());
        }
        Ok(Self { comune: comune.into(), kind: kind.into(), number: number.into() })
    }

    /// What is odd about it.
    pub fn warnings(&self, scope: &Scope) -> Vec<Warning> {
        other_comune(&self.comune, scope).into_iter().collect()
    }
}

impl std::fmt::Display for Cir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.comune, self.kind, self.number)
    }
}

fn other_comune(comune: &str, scope: &Scope) -> Option<Warning> {
    if scope.comuni.is_empty() || scope.comuni.iter().any(|own| own == comune) {
        return None;
    }
    let own = scope.comuni.join(", ");
    let text = Text::new(
        format!("il codice è di un altro comune ({comune} invece di {own})"),
        format!("the code belongs to another comune ({comune} instead of {own})"),
    );
    Some(Warning::new("other-comune", text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn venice() -> Scope {
        let class = |code: &str| CinClass { code: code.into(), name: Text::same(code) };
        Scope { comuni: vec!["027042".into()], classes: ["A1", "B4", "C2"].map(class).to_vec() }
    }

    fn warned(text: &str) -> Vec<String> {
        Cin::parse(text).unwrap().warnings(&venice()).into_iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn annex_a_6_samples_of_venice_are_valid() {
        for code in ["IT027042C2ADIO77EW", "IT027042B4CSA6DFBW", "IT027042A19T6QRB9D"] {
            assert_eq!(Cin::parse(code).unwrap().to_string(), code);
            assert!(warned(code).is_empty(), "{code}");
        }
        assert_eq!(Cin::parse(" it 027042-b4 csa6dfbw ").unwrap().to_string(), "IT027042B4CSA6DFBW");
    }

    #[test]
    fn other_comuni_classes_and_short_tails_are_warned_of() {
        assert_eq!(warned("IT058091C2ADIO77EW"), ["other-comune"]);
        assert_eq!(warned("IT027042Z9ADIO77EW"), ["unknown-class"]);
        assert_eq!(warned("IT027042C2ADIO"), ["short-tail"]);
        assert!(Cin::parse("IT058091Z9ADIO77EW").unwrap().warnings(&Scope::default()).is_empty());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "IT",
            "027042C2ADIO77EW",
            "IT27042C2ADIO77EW",
            "IT0270422CADIO77EW",
            "IT027042C2",
            "IT027042C2ADIO77EWX",
            "IT027042C2ADIO77è",
        ] {
            assert!(Cin::parse(text).is_err(), "{text}");
        }
        assert!(Cin::parse("x").unwrap_err().text.it.contains("IT027042B4CSA6DFBW"));
        for text in ["", "027042-LOC-1560", "27042-LOC-15600", "027042-LO-15600", "027042-L0C-15600", "027042LOC15600"]
        {
            assert!(Cir::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn regional_codes_are_read_and_held_against_the_comune() {
        let cir = Cir::parse("027042-loc-15600").unwrap();
        assert_eq!((cir.to_string().as_str(), cir.warnings(&venice()).len()), ("027042-LOC-15600", 0));
        assert_eq!(Cir::parse("058091-ALBE-00001").unwrap().warnings(&venice())[0].code, "other-comune");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_codes_come_back(text in "\\PC{0,30}", code in "IT[0-9]{6}[A-Z][0-9][A-Z0-9]{1,8}") {
            let _ = (Cin::parse(&text), Cir::parse(&text));
            prop_assert_eq!(Cin::parse(&code).unwrap().to_string(), code);
        }
    }
}
