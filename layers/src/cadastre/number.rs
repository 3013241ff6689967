//! The name of a parcel inside its sheet.

use std::fmt;

use super::{MAX_NUMBER_BYTES, NotAReference};

/// What a parcel is on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParcelKind {
    /// Land, built on or not.
    Parcel,
    /// A public road.
    Road,
    /// Public water.
    Water,
}

impl ParcelKind {
    /// The code that the layer of parcels keeps.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Parcel => "parcel",
            Self::Road => "road",
            Self::Water => "water",
        }
    }
}

/// The name of a parcel inside its sheet. Written by [`Display`](fmt::Display) it is read back as the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ParcelNumber {
    /// `123`, or `123/2` with a denominator (in the land-register provinces of the former Austrian cadastre a
    /// ground parcel, particella fondiaria).
    Ground {
        /// Number.
        number: u32,
        /// Denominator.
        denominator: Option<u32>,
    },
    /// `.123` or `.123/2`: a building parcel (particella edificiale) of those provinces.
    Building {
        /// Number.
        number: u32,
        /// Denominator.
        denominator: Option<u32>,
    },
    /// `STRADA001`; extracts cut it to `STRAD`.
    Road(String),
    /// `ACQUA001`.
    Water(String),
    /// Anything else that stands in maps: `X1`, `A`, `123/A`.
    Special(String),
}

impl ParcelNumber {
    /// Reads a parcel's name: in any case, with or without leading zeros (`00123/2` is `123/2`).
    ///
    /// # Errors
    /// When it is empty, longer than any in use, or has blanks or control characters inside.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_NUMBER_BYTES || text.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(NotAReference);
        }
        if let Some((number, denominator)) = fraction(text) {
            return Ok(Self::Ground { number, denominator });
        }
        if let Some((number, denominator)) = text.strip_prefix('.').and_then(fraction) {
            return Ok(Self::Building { number, denominator });
        }
        let name = text.to_uppercase();
        let trimmed = name.trim_start_matches('0');
        Ok(if name.starts_with("STRAD") {
            Self::Road(name)
        } else if name.starts_with("ACQUA") {
            Self::Water(name)
        } else if trimmed.starts_with(|c: char| c.is_ascii_digit()) && fraction(trimmed).is_none() {
            Self::Special(trimmed.to_owned())
        } else {
            Self::Special(name)
        })
    }

    /// What kind of parcel bears such a name.
    pub const fn kind(&self) -> ParcelKind {
        match self {
            Self::Road(_) => ParcelKind::Road,
            Self::Water(_) => ParcelKind::Water,
            Self::Ground { .. } | Self::Building { .. } | Self::Special(_) => ParcelKind::Parcel,
        }
    }
}

/// `n` or `n/d`, at most nine digits each.
fn fraction(text: &str) -> Option<(u32, Option<u32>)> {
    let number = |digits: &str| {
        let fits = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten()
    };
    match text.split_once('/') {
        None => Some((number(text)?, None)),
        Some((numerator, denominator)) => Some((number(numerator)?, Some(number(denominator)?))),
    }
}

impl fmt::Display for ParcelNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dot, number, denominator) = match self {
            Self::Ground { number, denominator } => ("", number, denominator),
            Self::Building { number, denominator } => (".", number, denominator),
            Self::Road(name) | Self::Water(name) | Self::Special(name) => return f.write_str(name),
        };
        write!(f, "{dot}{number}")?;
        denominator.map_or(Ok(()), |denominator| write!(f, "/{denominator}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_the_cadastre_is_read_and_written_alike() {
        for text in ["1", "123", "99999", "123/2", "12/3", ".12", ".12/3", "STRADA001", "STRAD", "ACQUA001", "X1", "A"]
        {
            assert_eq!(ParcelNumber::parse(text).expect(text).to_string(), text);
        }
        for (text, canonical) in [
            ("00010", "10"),
            ("00123/2", "123/2"),
            (" 57 ", "57"),
            ("strada001", "STRADA001"),
            (".007", ".7"),
            ("007a", "7A"),
            ("0", "0"),
            ("513+", "513+"),
        ] {
            assert_eq!(ParcelNumber::parse(text).expect(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn roads_and_waters_are_told_from_parcels() {
        let kind = |text: &str| ParcelNumber::parse(text).expect(text).kind();
        assert_eq!((kind("STRAD"), kind("acqua005")), (ParcelKind::Road, ParcelKind::Water));
        assert!([".12", "12/3", "X1", "116"].into_iter().all(|text| kind(text) == ParcelKind::Parcel));
    }

    #[test]
    fn what_names_no_parcel_is_refused() {
        for text in ["", "  ", "12 3", "1\u{7}", &"9".repeat(41)] {
            assert_eq!(ParcelNumber::parse(text), Err(NotAReference), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_back_as_the_same(text in "\\PC{0,12}|[.]?[0-9]{1,11}(/[0-9A-Z]{1,10})?|0*[A-Z0-9/+.]{1,8}") {
            if let Ok(number) = ParcelNumber::parse(&text) {
                prop_assert_eq!(ParcelNumber::parse(&number.to_string()), Ok(number));
            }
        }
    }
}
