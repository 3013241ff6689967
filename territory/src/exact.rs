//! Exact numbers: fractions of whole numbers of any length. Money is rounded once, where a rule says so.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Div, Mul, Sub};
use std::str::FromStr;

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_rational::Ratio;
use num_traits::{Signed as _, ToPrimitive as _, Zero as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Most characters of a number that is read: none that means something is longer.
const MAX_CHARS: usize = 40;

/// A number without error: sums, products and quotients of decimals as they are written.
///
/// It is written as a decimal (`2259.77`), and where it has no finite one as a fraction (`65/7`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(Ratio<BigInt>);

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a decimal number; write 12.50")]
pub struct NotANumber;

impl Exact {
    /// Nothing.
    pub fn zero() -> Self {
        Self::from(0)
    }

    /// One.
    pub fn one() -> Self {
        Self::from(1)
    }

    /// Half of one.
    pub fn half() -> Self {
        Self::from(1) / &Self::from(2)
    }

    /// A measured number, to so many decimals (half away from zero): what lies beyond them is noise of the measure, not
    /// a reason to begin another square metre. None for what is not finite.
    pub fn measured(value: f64, decimals: u32) -> Option<Self> {
        // Twelve decimals of a number below 10¹⁵ are more than it has.
        if value.abs() < 1e15 {
            decimal(&format!("{value:.12}")).ok().map(|exact| exact.rounded(decimals))
        } else {
            None
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is less than nothing.
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// The next whole number that is not smaller.
    #[must_use]
    pub fn ceil(&self) -> Self {
        Self(self.0.ceil())
    }

    /// The next whole number that is not larger.
    #[must_use]
    pub fn floor(&self) -> Self {
        Self(self.0.floor())
    }

    /// To so many decimals, half away from zero as offices round money.
    #[must_use]
    pub fn rounded(&self, decimals: u32) -> Self {
        self.rounded_to(&(Self::one() / &Self::power_of_ten(decimals)))
    }

    /// To the nearest multiple of a step larger than nothing, half away from zero.
    #[must_use]
    pub fn rounded_to(&self, step: &Self) -> Self {
        // `Ratio::round` rounds half away from zero.
        Self((&self.0 / &step.0).round() * &step.0)
    }

    /// The nearest multiple of a step that is not smaller.
    #[must_use]
    pub fn ceiled_to(&self, step: &Self) -> Self {
        Self((&self.0 / &step.0).ceil() * &step.0)
    }

    /// With just so many decimals, rounded half away from zero: `9.2857`.
    pub fn fixed(&self, decimals: u32) -> String {
        let units = (&self.0 * Self::power_of_ten(decimals).0).round().to_integer();
        let digits = format!("{:0>width$}", units.abs().to_string(), width = decimals as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
        let sign = if units.is_negative() { "-" } else { "" };
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// As people read it: all its decimals where these are few, else four and a sign that it goes on (`9.2857…`).
    pub fn readable(&self) -> String {
        match self.decimals() {
            Some(decimals) if decimals <= 6 => self.fixed(decimals),
            _ => format!("{}…", self.fixed(4)),
        }
    }

    /// The nearest binary number.
    pub fn to_f64(&self) -> f64 {
        self.fixed(17).parse().unwrap_or(f64::NAN)
    }

    /// So many whole units of a decimal place, rounded half away from zero; none where they do not fit.
    pub fn to_units(&self, decimals: u32) -> Option<i128> {
        (&self.0 * Self::power_of_ten(decimals).0).round().to_integer().to_i128()
    }

    /// What so many units of a decimal place are.
    pub fn of_units(units: i128, decimals: u32) -> Self {
        Self(Ratio::new(BigInt::from(units), BigInt::from(10).pow(decimals)))
    }

    /// The whole number that it is, where it is one that fits.
    pub fn to_u64(&self) -> Option<u64> {
        if self.0.is_integer() { self.0.to_integer().to_u64() } else { None }
    }

    /// How many decimals write it without loss; none where no number of them does.
    fn decimals(&self) -> Option<u32> {
        let (two, five) = (BigInt::from(2), BigInt::from(5));
        let (mut rest, mut twos, mut fives) = (self.0.denom().clone(), 0, 0);
        while rest.is_multiple_of(&two) {
            rest /= &two;
            twos += 1;
        }
        while rest.is_multiple_of(&five) {
            rest /= &five;
            fives += 1;
        }
        (rest == BigInt::from(1)).then_some(twos.max(fives))
    }

    fn power_of_ten(exponent: u32) -> Self {
        Self(Ratio::from_integer(BigInt::from(10).pow(exponent)))
    }
}

impl From<u64> for Exact {
    fn from(whole: u64) -> Self {
        Self(Ratio::from_integer(BigInt::from(whole)))
    }
}

impl FromStr for Exact {
    type Err = NotANumber;

    /// A plain decimal with a point (`-12.50`); fractions, as they are written where no decimal is exact (`65/7`).
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        if text.len() > 4 * MAX_CHARS {
            return Err(NotANumber);
        }
        if let Some((above, below)) = text.split_once('/') {
            let (above, below) = (decimal(above)?, decimal(below)?);
            return if below.is_zero() { Err(NotANumber) } else { Ok(above / &below) };
        }
        if text.len() > MAX_CHARS {
            return Err(NotANumber);
        }
        decimal(text)
    }
}

fn decimal(text: &str) -> Result<Exact, NotANumber> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(NotANumber);
    }
    let units: BigInt = format!("{whole}{fraction}").parse().map_err(|_| NotANumber)?;
    let units = if negative { -units } else { units };
    Ok(Exact(Ratio::new(units, BigInt::from(10).pow(fraction.len() as u32))))
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decimals() {
            Some(decimals) => f.write_str(&self.fixed(decimals)),
            None => write!(f, "{}/{}", self.0.numer(), self.0.denom()),
        }
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Add<&Exact> for Exact {
    type Output = Self;
    fn add(self, other: &Self) -> Self {
        Self(self.0 + &other.0)
    }
}

impl Sub<&Exact> for Exact {
    type Output = Self;
    fn sub(self, other: &Self) -> Self {
        Self(self.0 - &other.0)
    }
}

impl Mul<&Exact> for Exact {
    type Output = Self;
    fn mul(self, other: &Self) -> Self {
        Self(self.0 * &other.0)
    }
}

/// By what is not nothing: who divides has looked.
impl Div<&Exact> for Exact {
    type Output = Self;
    fn div(self, other: &Self) -> Self {
        Self(self.0 / &other.0)
    }
}

impl<'a> Sum<&'a Exact> for Exact {
    fn sum<I: Iterator<Item = &'a Exact>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), |sum, number| sum + number)
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Exact>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), |sum, number| sum + &number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(text: &str) -> Exact {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_come_back_as_they_are_and_thirds_as_fractions() {
        for text in ["0", "1", "-1.5", "1.05", "1234567890123456789.000000001"] {
            assert_eq!(exact(text).to_string(), text);
        }
        assert_eq!(exact("1.50").to_string(), "1.5");
        let third = exact("1") / &exact("3");
        assert_eq!(third.to_string(), "1/3");
        assert_eq!(third.to_string().parse::<Exact>(), Ok(third.clone()));
        assert_eq!(third.readable(), "0.3333…");
        assert_eq!((third.clone() + &third + &third), Exact::one());
    }

    #[test]
    fn halves_are_rounded_away_from_nothing() {
        for (text, decimals, rounded) in
            [("0.005", 2, "0.01"), ("0.0049999", 2, "0.00"), ("-0.005", 2, "-0.01"), ("2.5", 0, "3"), ("-0.4", 0, "0")]
        {
            assert_eq!(exact(text).fixed(decimals), rounded);
            assert_eq!(exact(text).rounded(decimals).fixed(decimals), rounded);
        }
    }

    #[test]
    fn noise_of_a_measure_does_not_begin_another_square_metre() {
        assert_eq!(Exact::measured(25.000_000_000_1, 2).unwrap().ceil(), exact("25"));
        assert_eq!(Exact::measured(25.01, 2).unwrap().ceil(), exact("26"));
        assert_eq!(Exact::measured(f64::NAN, 2), None);
        assert_eq!(Exact::measured(f64::INFINITY, 2), None);
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1,5", "1e3", "+1", "NaN", "1/0", "1//2", " 1", &"9".repeat(200)] {
            assert_eq!(text.parse::<Exact>(), Err(NotANumber), "{text}");
        }
    }

    #[test]
    fn units_of_a_decimal_place_come_back() {
        assert_eq!((exact("12.345").to_units(2), exact("-0.005").to_units(2)), (Some(1235), Some(-1)));
        assert_eq!(Exact::of_units(-1235, 2), exact("-12.35"));
        assert_eq!((exact(&"9".repeat(40)).to_units(0), exact("1").to_units(0)), (None, Some(1)));
    }

    proptest! {
        #[test]
        fn texts_never_panic_and_numbers_come_back(text in "[-0-9./ e]{0,20}") {
            if let Ok(number) = text.parse::<Exact>() {
                prop_assert_eq!(number.to_string().parse::<Exact>(), Ok(number));
            }
        }

        #[test]
        fn ceiling_is_never_below_and_less_than_a_step_above(units in 0_u64..10_000_000, step in 1_u64..500) {
            let (value, step) = (Exact::from(units) / &Exact::from(1000), Exact::from(step) / &Exact::from(100));
            let up = value.ceiled_to(&step);
            prop_assert!(up >= value && up < value + &step);
        }
    }
}
