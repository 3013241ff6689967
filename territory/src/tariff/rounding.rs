//! How offices round square metres and euros: each regulation in its own way, hence data.

use serde::Serialize;

use crate::Exact;

/// Rounding of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaRounding {
    /// As it was measured.
    None,
    /// Up to the next unit.
    #[serde(rename = "ceil_1")]
    Ceil1,
    /// Up to the next half unit.
    #[serde(rename = "ceil_0_5")]
    CeilHalf,
    /// Below one unit one; beyond it up to the next half.
    FirstCeilThenHalf,
    /// To the nearest unit; what is just between goes down, and below half a unit nothing is due.
    HalfUp,
}

impl AreaRounding {
    /// What counts for a measured quantity.
    pub fn apply(self, quantity: &Exact) -> Exact {
        match self {
            Self::None => quantity.clone(),
            Self::Ceil1 => quantity.ceil(),
            Self::FirstCeilThenHalf if !quantity.is_zero() && *quantity <= Exact::one() => Exact::one(),
            Self::CeilHalf | Self::FirstCeilThenHalf => quantity.ceiled_to(&Exact::half()),
            // "Up above 0.5, down otherwise": 0.5 itself goes down.
            Self::HalfUp => (quantity.clone() - &Exact::half()).ceil(),
        }
    }

    /// As plans write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ceil1 => "ceil_1",
            Self::CeilHalf => "ceil_0_5",
            Self::FirstCeilThenHalf => "first_ceil_then_half",
            Self::HalfUp => "half_up",
        }
    }
}

/// What is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole quantity.
    Total,
    /// The part in each zone.
    PerPart,
}

/// Rounding of the fee, half away from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrencyRounding {
    /// To the cent.
    Cent,
    /// To ten cents.
    TenCents,
    /// To the euro (L. 296/2006, art. 1 c. 166).
    Euro,
}

impl CurrencyRounding {
    /// The fee that is asked for.
    pub fn apply(self, euros: &Exact) -> Exact {
        euros.rounded(match self {
            Self::Cent => 2,
            Self::TenCents => 1,
            Self::Euro => 0,
        })
    }

    /// As plans write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cent => "cent",
            Self::TenCents => "ten_cents",
            Self::Euro => "euro",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::AreaRounding as R;
    use super::*;

    fn rounds(rule: AreaRounding, quantity: &str) -> String {
        rule.apply(&quantity.parse().unwrap()).to_string()
    }

    #[test]
    fn examples_e2_and_e3_are_rounded_as_their_regulation_says() {
        for (measured, counts) in [("25.2", "25.5"), ("1.2", "1.5"), ("0.3", "1"), ("1.6", "2"), ("1", "1"), ("0", "0")]
        {
            assert_eq!(rounds(AreaRounding::FirstCeilThenHalf, measured), counts, "{measured}");
        }
    }

    #[test]
    fn other_regulations_round_otherwise() {
        for (rule, measured, counts) in [
            (AreaRounding::None, "25.2", "25.2"),
            (AreaRounding::Ceil1, "25.2", "26"),
            (AreaRounding::Ceil1, "25", "25"),
            (AreaRounding::CeilHalf, "25.2", "25.5"),
            (AreaRounding::CeilHalf, "25.5", "25.5"),
            (AreaRounding::HalfUp, "25.51", "26"),
            (AreaRounding::HalfUp, "25.5", "25"),
            (AreaRounding::HalfUp, "0.4", "0"),
            (AreaRounding::HalfUp, "0", "0"),
        ] {
            assert_eq!(rounds(rule, measured), counts, "{rule:?} {measured}");
        }
        let fee: Exact = "2259.775".parse().unwrap();
        assert_eq!(CurrencyRounding::Cent.apply(&fee).to_string(), "2259.78");
        assert_eq!(CurrencyRounding::TenCents.apply(&fee).to_string(), "2259.8");
        assert_eq!(CurrencyRounding::Euro.apply(&fee).to_string(), "2260");
    }

    proptest! {
        #[test]
        fn rounding_is_monotone_and_ceiling_is_never_below(a in 0_u64..1_000_000, more in 0_u64..1_000) {
            let hundred = Exact::from(100);
            let (small, large) = (Exact::from(a) / &hundred, Exact::from(a + more) / &hundred);
            for rule in [R::None, R::Ceil1, R::CeilHalf, R::FirstCeilThenHalf, R::HalfUp] {
                prop_assert!(rule.apply(&small) <= rule.apply(&large));
                if rule != R::HalfUp {
                    prop_assert!(rule.apply(&small) >= small);
                }
                prop_assert_eq!(rule.apply(&rule.apply(&small)), rule.apply(&small));
            }
        }
    }
}
