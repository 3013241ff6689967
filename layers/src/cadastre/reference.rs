//! A parcel's national reference.

use std::fmt;

use super::{NotAReference, ParcelKind, ParcelNumber, SheetReference, without};

/// A parcel's national cadastral reference, as the Agenzia delle Entrate writes it. Written by
/// [`Display`](fmt::Display) it is read back as the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParcelReference {
    /// The sheet.
    pub sheet: SheetReference,
    /// The parcel inside it. Numbers start anew on each sheet, annex and development.
    pub number: ParcelNumber,
}

impl ParcelReference {
    /// Reads `L736_0012A0.123`, with or without `CadastralParcel.` and `IT.AGE.PLA.` before it. What stands after
    /// the first dot may begin with one itself (`.12/3`).
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let text = without(without(text.trim(), "CadastralParcel."), "IT.AGE.PLA.");
        let (sheet, number) = text.split_once('.').ok_or(NotAReference)?;
        Ok(Self { sheet: SheetReference::parse(sheet)?, number: ParcelNumber::parse(number)? })
    }

    /// A row that the Agenzia's service returns and no map shows: water in a municipality that there is not.
    pub fn is_spurious(&self) -> bool {
        self.sheet.code() == "A001" && self.number.kind() == ParcelKind::Water
    }
}

impl fmt::Display for ParcelReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sheet, self.number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_that_stand_in_real_data_are_written_as_they_were_read() {
        for text in [
            "A176_003100.329",
            "M011_000200.2",
            "C632_002200.10",
            "C209_000500.96",
            "B609_000200.35",
            "G273_0033A0.673",
            "L736_0012A0.123",
            "L736_0012A1.123",
            "A000W000200.STRADA001",
            "L439_002100.ACQUA005",
            "H109_000100.STRAD",
            "H501D076700..12/3",
            "H501D076700..12",
            "H501D076700.481/1",
            "H282B0001A0.X1",
        ] {
            let read = ParcelReference::parse(text).expect(text);
            assert_eq!(read.to_string(), text);
            for prefix in ["IT.AGE.PLA.", "CadastralParcel.IT.AGE.PLA."] {
                assert_eq!(ParcelReference::parse(&format!("{prefix}{text}")).as_ref(), Ok(&read), "{prefix}{text}");
            }
        }
        assert_eq!(ParcelReference::parse("c632_002200.00010").expect("read").to_string(), "C632_002200.10");
    }

    #[test]
    fn a_spurious_row_is_known_and_a_road_of_an_invented_municipality_is_none() {
        let spurious = |text: &str| ParcelReference::parse(text).expect(text).is_spurious();
        assert!(spurious("A001_000100.ACQUA001"));
        assert!(!spurious("A000W000200.STRADA001") && !spurious("L439_002100.ACQUA005"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["", "L736_0012A0", "L736_0012A0.", "L736_12.3", "45.4342, 12.3388", "L736_0012A0.1 2"] {
            assert_eq!(ParcelReference::parse(text), Err(NotAReference), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_listed_form_is_written_as_it_was_read(
            text in "[A-Z][0-9]{3}[A-Z_][0-9]{4}[0-9A-Z]{2}\\.([1-9][0-9]{0,4}|[.]?[1-9][0-9]{0,4}/[1-9][0-9]{0,2}|\
                     [.][1-9][0-9]{0,4}|STRADA[0-9]{3}|ACQUA[0-9]{3}|[A-Z][0-9A-Z]{0,8})"
        ) {
            prop_assert_eq!(ParcelReference::parse(&text).expect("a reference").to_string(), text);
        }

        #[test]
        fn any_text_is_refused_or_read_back_as_the_same(text in "\\PC{0,60}|[A-Z0-9_.]{11}[.]\\PC{0,10}") {
            if let Ok(reference) = ParcelReference::parse(&text) {
                prop_assert_eq!(ParcelReference::parse(&reference.to_string()), Ok(reference));
            }
        }
    }
}
