//! Codes of public investment projects: *codice unico di progetto*.

use serde::Serialize;

use super::{NotACode, digits, squeezed};
use crate::Text;
use crate::text::Warning;

/// A CUP: 15 characters. No check digit is known; the register `OpenCUP` says whether it exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cup {
    /// In capitals.
    pub code: String,
    /// The year, of two digits, that it bears; none where it has not the usual form.
    pub year: Option<u8>,
}

impl Cup {
    /// Reads a code.
    ///
    /// # Errors
    /// What is no CUP: a letter, two digits, a letter, eleven digits.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let wrong = || {
            NotACode::new(
                "CUP",
                "una lettera, due cifre, una lettera, undici cifre: F71B21006420006",
                "a letter, two digits, a letter, eleven digits: F71B21006420006",
            )
        };
        let code = squeezed(text, false).filter(|code| code.len() == 15).ok_or_else(wrong)?;
        let letters = [code.as_bytes()[0], code.as_bytes()[3]];
        if !letters.iter().all(u8::is_ascii_uppercase) || !digits(&code[1..3]) || !digits(&code[4..]) {
            return Err(wrong());
        }
        // All of 7,807 real codes have letters from B to J.
        let usual = letters.iter().all(|letter| (b'B'..=b'J').contains(letter));
        let year = code[4..6].parse().ok().filter(|_| usual);
        Ok(Self { code, year })
    }

    /// What is odd about it.
    pub fn warnings(&self) -> Vec<Warning> {
        if self.year.is_some() {
            return Vec::new();
        }
        let text = Text::new(
            "le lettere di un CUP vanno di norma da B a J: controllare su OpenCUP",
            "the letters of a CUP are B to J as a rule: look it up in OpenCUP",
        );
        vec![Warning::new("unusual-form", text)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn annex_a_6_real_codes_are_valid() {
        for (code, year) in [("F71B21006420006", 21), ("B11B23000110001", 23)] {
            let cup = Cup::parse(code).unwrap();
            assert_eq!((cup.code.as_str(), cup.year, cup.warnings().len()), (code, Some(year), 0));
        }
        assert_eq!(Cup::parse("f71b 2100 6420 006").unwrap().code, "F71B21006420006");
    }

    #[test]
    fn unusual_letters_are_a_warning_and_another_form_is_refused() {
        assert_eq!(Cup::parse("K71B21006420006").unwrap().warnings()[0].code, "unusual-form");
        for text in ["", "F71B2100642000", "F71B210064200066", "F7IB21006420006", "F71B2100642000O", "771B21006420006"]
        {
            assert!(Cup::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}") {
            let _ = Cup::parse(&text);
        }
    }
}
