//! Which dwellings a blurred place may mean.

use super::apart_m;
use crate::remainder::largest_remainder;

/// Parts of a whole that probabilities are told in: hundredths of a percent.
const PARTS: u64 = 10_000;

/// An address with the dwellings behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dwelling {
    /// Where it is: longitude, latitude.
    pub at: [f64; 2],
    /// Dwellings behind it.
    pub units: u64,
}

/// One that a blurred place may mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Which of the addresses that were handed over.
    pub index: usize,
    /// Metres from the place that is shown.
    pub distance_m: f64,
    /// Hundredths of a percent; those of all candidates sum up to 10,000.
    pub parts: u64,
}

/// The addresses with dwellings within `error_m` of a place that is shown, the likeliest first, then the nearest. None where
/// fewer than `least` dwellings lie there: a short list would point at somebody.
pub fn candidates(shown: [f64; 2], error_m: f64, dwellings: &[Dwelling], least: u64) -> Vec<Candidate> {
    let near =
        dwellings.iter().enumerate().filter(|(_, dwelling)| dwelling.units > 0).filter_map(|(index, dwelling)| {
            let distance_m = apart_m(shown, dwelling.at);
            (distance_m <= error_m).then_some(Candidate { index, distance_m, parts: 0 })
        });
    let mut found: Vec<Candidate> = near.collect();
    let units = |candidate: &Candidate| dwellings[candidate.index].units;
    if found.iter().map(units).sum::<u64>() < least.max(2) || found.len() < 2 {
        return Vec::new();
    }
    found.sort_by(|a, b| {
        units(b).cmp(&units(a)).then(a.distance_m.total_cmp(&b.distance_m)).then(a.index.cmp(&b.index))
    });
    let weights: Vec<f64> = found.iter().map(|candidate| units(candidate) as f64).collect();
    for (candidate, parts) in found.iter_mut().zip(largest_remainder(&weights, PARTS)) {
        candidate.parts = parts;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHOWN: [f64; 2] = [12.3388, 45.4342];
    /// Degrees of longitude in 100 m there.
    const EAST_100_M: f64 = 0.001_278;

    #[test]
    fn what_lies_in_the_circle_is_as_likely_as_it_has_dwellings() {
        let at = |hundreds: f64, units| Dwelling { at: [SHOWN[0] + hundreds * EAST_100_M, SHOWN[1]], units };
        let dwellings = [at(0.2, 3), at(1.0, 9), at(1.4, 0), at(1.6, 50)];
        let found = candidates(SHOWN, 150.0, &dwellings, 5);
        let told: Vec<(usize, u64)> = found.iter().map(|it| (it.index, it.parts)).collect();
        assert_eq!(told, [(1, 7_500), (0, 2_500)]);
        assert!((found[0].distance_m - 100.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn few_dwellings_are_no_answer() {
        let at = |units| Dwelling { at: SHOWN, units };
        assert!(candidates(SHOWN, 150.0, &[at(2), at(2)], 5).is_empty());
        assert!(candidates(SHOWN, 150.0, &[at(40)], 5).is_empty(), "one address would be an accusation");
        assert_eq!(candidates(SHOWN, 150.0, &[at(3), at(2)], 5).len(), 2);
    }

    proptest! {
        #[test]
        fn probabilities_sum_up(units in proptest::collection::vec(0_u64..40, 2..60)) {
            let dwellings: Vec<Dwelling> = units.iter().map(|units| Dwelling { at: SHOWN, units: *units }).collect();
            let found = candidates(SHOWN, 10.0, &dwellings, 5);
            let sum: u64 = found.iter().map(|it| it.parts).sum();
            prop_assert!(found.is_empty() || sum == PARTS, "{sum}");
        }
    }
}
