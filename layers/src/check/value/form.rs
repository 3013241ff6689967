//! Names and codes, written as those who give them do.

use crate::cadastre::{ParcelNumber, ParcelReference, SheetReference};
use crate::check::finding::Reason;
use crate::definition::Form;

/// A value in the form of its field; what cannot be read in that form stays as it is.
///
/// # Errors
/// A reference that stands for no parcel at all.
pub(super) fn written(form: Form, text: String) -> Result<String, Reason> {
    let canonical = match form {
        // In the specification of the CXF `123+` is a building that stands on parcel 123.
        Form::ParcelReference => match ParcelReference::parse(text.trim_end_matches('+')) {
            Ok(reference) if reference.is_spurious() => return Err(Reason::Spurious(reference.to_string())),
            Ok(reference) => reference.to_string(),
            Err(_) => return Ok(text),
        },
        Form::SheetReference => match SheetReference::parse(&text) {
            Ok(sheet) => sheet.to_string(),
            Err(_) => return Ok(text),
        },
        Form::ParcelNumber => match ParcelNumber::parse(&text) {
            Ok(number) => number.to_string(),
            Err(_) => return Ok(text),
        },
        Form::IstatMunicipality if text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{text:0>6}")
        }
        Form::IstatMunicipality => return Ok(text),
    };
    Ok(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_those_who_give_them_do() {
        for (form, text, canonical) in [
            (Form::ParcelReference, "CadastralParcel.IT.AGE.PLA.C209_000500.96", "C209_000500.96"),
            (Form::ParcelReference, "H109_000100.513+", "H109_000100.513"),
            (Form::ParcelReference, "361740000A0049", "361740000A0049"),
            (Form::SheetReference, "CadastralZoning.IT.AGE.MAP.H282B0001A0", "H282B0001A0"),
            (Form::ParcelNumber, "00010", "10"),
            (Form::ParcelNumber, "481/1", "481/1"),
            (Form::IstatMunicipality, "22234", "022234"),
            (Form::IstatMunicipality, "027042", "027042"),
            (Form::IstatMunicipality, "L736", "L736"),
        ] {
            assert_eq!(written(form, text.to_owned()), Ok(canonical.to_owned()));
        }
        assert!(matches!(written(Form::ParcelReference, "A001_000100.ACQUA001".to_owned()), Err(Reason::Spurious(_))));
    }
}
