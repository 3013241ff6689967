//! Decimals as whole numbers of their smallest units.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Exact;

/// Largest amount of money that is reckoned with, in euro: with shares and percents it fits what numbers are kept in.
const MOST: f64 = 1e12;
/// Largest percentage that is reckoned with.
const MOST_PERCENT: f64 = 1e6;

/// A number with so many decimals: sums and products of thousands of works are exact and cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal<const DECIMALS: u32>(i128);

/// Money, in euro.
pub type Cents = Decimal<2>;
/// A percentage with two decimals.
pub type Percent = Decimal<2>;
/// A share of a whole, which is one.
pub type Share = Decimal<12>;

impl Cents {
    /// All of something, in percent.
    pub const HUNDRED: Self = Decimal(10_000);

    /// Money as files and tables have it; none for what is not finite or beyond 10¹² €.
    pub fn euro(value: f64) -> Option<Self> {
        Some(value).filter(|value| value.abs() <= MOST).and_then(Self::measured)
    }

    /// A percentage; none for what is not finite or beyond a million.
    pub fn percent(value: f64) -> Option<Self> {
        Some(value).filter(|value| value.abs() <= MOST_PERCENT).and_then(Self::measured)
    }

    /// Part of a whole, in percent; none of nothing.
    pub fn percent_of(part: Self, whole: Self) -> Option<Self> {
        (whole.0 != 0).then(|| Decimal(rounded(part.0 * 10_000, whole.0)))
    }

    /// So many of so many equal parts, to the cent.
    #[must_use]
    pub const fn parts(self, some: i64, all: i64) -> Self {
        Decimal(rounded(self.0 * some as i128, all as i128))
    }

    /// So many percent of it.
    pub const fn percent_of_it(self, percent: Percent) -> Decimal<6> {
        Decimal(self.0 * percent.0)
    }

    /// A share of it.
    pub const fn share(self, share: Share) -> Decimal<14> {
        Decimal(self.0 * share.0)
    }
}

impl Decimal<6> {
    /// A share of it.
    pub const fn share(self, share: Share) -> Decimal<18> {
        Decimal(self.0 * share.0)
    }
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Decimal(1_000_000_000_000);

    /// A size among all: 0 to 1.
    pub fn of(size: f64, all: f64) -> Self {
        let share = (size / all * Self::WHOLE.0 as f64).round();
        if share.is_finite() { Decimal(share as i128) } else { Decimal(0) }
    }
}

impl<const DECIMALS: u32> Decimal<DECIMALS> {
    /// A measured number, rounded half away from zero; none for what is not finite.
    pub fn measured(value: f64) -> Option<Self> {
        Exact::measured(value, DECIMALS)?.to_units(DECIMALS).map(Self)
    }

    /// An exact number, rounded half away from zero; none where it is too large.
    pub fn of_exact(value: &Exact) -> Option<Self> {
        value.to_units(DECIMALS).map(Self)
    }

    /// Without loss.
    pub fn exact(self) -> Exact {
        Exact::of_units(self.0, DECIMALS)
    }

    /// The same with more decimals.
    pub const fn finer<const MORE: u32>(self) -> Decimal<MORE> {
        Decimal(self.0 * 10_i128.pow(MORE - DECIMALS))
    }

    /// With just so many decimals, not more than it has, rounded half away from zero: `9.29`.
    pub fn fixed(self, decimals: u32) -> String {
        let units = rounded(self.0, 10_i128.pow(DECIMALS - decimals));
        let digits = format!("{:0>width$}", units.unsigned_abs().to_string(), width = decimals as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals as usize);
        let sign = if units < 0 { "-" } else { "" };
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// How often another one is in it; none where that is nothing.
    pub fn over(self, other: Self) -> Option<Exact> {
        (other.0 != 0).then(|| Exact::of_units(self.0, 0) / &Exact::of_units(other.0, 0))
    }
}

impl<const DECIMALS: u32> fmt::Display for Decimal<DECIMALS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fixed(DECIMALS))
    }
}

impl<const DECIMALS: u32> Serialize for Decimal<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The nearest whole number to a quotient, half away from zero.
const fn rounded(above: i128, below: i128) -> i128 {
    let (quotient, rest) = (above / below, above % below);
    if rest.unsigned_abs() * 2 < below.unsigned_abs() {
        quotient
    } else if (above < 0) == (below < 0) {
        quotient + 1
    } else {
        quotient - 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_rounded_away_from_nothing_and_texts_have_their_decimals() {
        assert_eq!(Cents::euro(1.005).map(|it| it.fixed(2)).as_deref(), Some("1.01"));
        assert_eq!(Cents::euro(-0.5).map(|it| it.fixed(0)).as_deref(), Some("-1"));
        assert_eq!(Cents::euro(0.07).map(|it| (it.fixed(2), it.fixed(1), it.to_string())).unwrap().1, "0.1");
        assert_eq!((Cents::euro(f64::NAN), Cents::euro(1e13), Cents::percent(1e7)), (None, None, None));
        assert_eq!(Share::of(1.0, 3.0).to_string(), "0.333333333333");
        assert_eq!(Share::of(1.0, 0.0), Share::default());
    }

    #[test]
    fn the_largest_numbers_fit() {
        let (most, percent) = (Cents::euro(MOST).unwrap(), Cents::percent(MOST_PERCENT).unwrap());
        let share = most.percent_of_it(percent).share(Share::WHOLE);
        assert_eq!(share.exact(), "10000000000000000".parse().unwrap());
    }

    proptest! {
        #[test]
        fn agrees_with_fractions(cents in -10_i64.pow(14)..10_i64.pow(14), percent in -10_000_i64..20_000, some in 0_i64..4000, all in 1_i64..4000) {
            let (money, percent) = (Decimal::<2>(cents.into()), Decimal::<2>(percent.into()));
            let exact = money.exact();
            let hundred = Exact::from(100);
            prop_assert_eq!(money.percent_of_it(percent).exact(), exact.clone() * &(percent.exact() / &hundred));
            let (some_of, all_of) = (Exact::of_units(some.into(), 0), Exact::of_units(all.into(), 0));
            prop_assert_eq!(money.parts(some, all).exact(), (exact.clone() * &some_of / &all_of).rounded(2));
            prop_assert_eq!(Cents::of_exact(&exact), Some(money));
            prop_assert_eq!(money.fixed(1), exact.fixed(1));
            prop_assert_eq!(money.finer::<6>().exact(), exact);
        }
    }
}
