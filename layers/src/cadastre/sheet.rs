//! The eleven characters of a sheet.

use std::fmt;

use super::{NotAReference, without};

/// A sheet of the cadastral map: `CCCCZFFFFAS` in the specification of the CXF. Written by
/// [`Display`](fmt::Display) it is read back as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SheetReference {
    /// Belfiore code, a letter and three digits.
    code: [u8; 4],
    /// Sezione censuaria, a letter.
    pub section: Option<char>,
    /// Foglio, 0 to 9999.
    pub sheet: u16,
    /// Allegato, a letter or digit (`Q` in an index of sheets).
    pub annex: Option<char>,
    /// Sviluppo, a letter or digit (`U` in an index of sheets).
    pub development: Option<char>,
}

impl SheetReference {
    /// Reads `H282B0001A0`, with or without `CadastralZoning.` and `IT.AGE.MAP.` before it.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let text = without(without(text.trim(), "CadastralZoning."), "IT.AGE.MAP.");
        let [a, b, c, d, section, f0, f1, f2, f3, annex, development] = *text.as_bytes() else {
            return Err(NotAReference);
        };
        let is_code = a.is_ascii_alphabetic() && [b, c, d].iter().all(u8::is_ascii_digit);
        let is_section = section == b'_' || section.is_ascii_alphabetic();
        let digits = [f0, f1, f2, f3];
        let is_sheet = digits.iter().all(u8::is_ascii_digit);
        if !is_code
            || !is_section
            || !is_sheet
            || !annex.is_ascii_alphanumeric()
            || !development.is_ascii_alphanumeric()
        {
            return Err(NotAReference);
        }
        let unless = |byte: u8, none: u8| (byte != none).then(|| char::from(byte.to_ascii_uppercase()));
        Ok(Self {
            code: [a.to_ascii_uppercase(), b, c, d],
            section: unless(section, b'_'),
            sheet: digits.iter().fold(0, |sheet, digit| sheet * 10 + u16::from(digit - b'0')),
            annex: unless(annex, b'0'),
            development: unless(development, b'0'),
        })
    }

    /// The first four characters: in all but invented sheets, the Belfiore code of the municipality.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// The Belfiore code of the municipality; `None` for `A000` and `A001`, which the Agenzia's service invents.
    pub fn municipality(&self) -> Option<&str> {
        Some(self.code()).filter(|code| !matches!(*code, "A000" | "A001"))
    }
}

impl fmt::Display for SheetReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (section, annex) = (self.section.unwrap_or('_'), self.annex.unwrap_or('0'));
        let development = self.development.unwrap_or('0');
        write!(f, "{}{section}{:04}{annex}{development}", self.code(), self.sheet)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sheets_are_read_and_written_alike() {
        for text in ["H282B0001A0", "H501D076700", "L736_001200", "A000W000200", "H109_0001QU", "L736_0012A1"] {
            assert_eq!(SheetReference::parse(text).expect(text).to_string(), text);
        }
        let sheet = SheetReference::parse("CadastralZoning.IT.AGE.MAP.h282b0001a0").expect("a sheet");
        assert_eq!((sheet.municipality(), sheet.section, sheet.sheet), (Some("H282"), Some('B'), 1));
        assert_eq!((sheet.annex, sheet.development), (Some('A'), None));
    }

    #[test]
    fn invented_municipalities_are_none() {
        for text in ["A000W000200", "A001_000100"] {
            assert_eq!(SheetReference::parse(text).expect(text).municipality(), None);
        }
    }

    #[test]
    fn what_is_no_sheet_is_refused() {
        for text in
            ["", "L736", "L736_00120", "L736_0012000", "L73__001200", "L7361001200", "L736_00I200", "L736_0012é"]
        {
            assert_eq!(SheetReference::parse(text), Err(NotAReference), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_sheet_is_written_as_it_was_read(text in "[A-Z][0-9]{3}[A-Z_][0-9]{4}[0-9A-Z]{2}") {
            prop_assert_eq!(SheetReference::parse(&text).expect("a sheet").to_string(), text);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            if let Ok(sheet) = SheetReference::parse(&text) {
                prop_assert_eq!(SheetReference::parse(&sheet.to_string()), Ok(sheet));
            }
        }
    }
}
