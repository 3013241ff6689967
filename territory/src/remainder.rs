//! Shares that sum up to their whole: the largest remainder.

/// Whole units for each value, in proportion, that sum up to `units`: each gets what it has in full, and those with the
/// largest remainders one more. Of equal remainders the first wins. All nothing where the values sum up to nothing.
pub(crate) fn largest_remainder(values: &[f64], units: u64) -> Vec<u64> {
    let sum: f64 = values.iter().sum();
    if sum.is_nan() || sum <= 0.0 {
        return vec![0; values.len()];
    }
    let exact: Vec<f64> = values.iter().map(|value| value / sum * units as f64).collect();
    let mut shares: Vec<u64> = exact.iter().map(|share| share.floor() as u64).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    let missing = units.saturating_sub(shares.iter().sum()) as usize;
    for &i in order.iter().cycle().take(missing) {
        shares[i] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirds_close_to_a_hundred() {
        assert_eq!(largest_remainder(&[1.0, 1.0, 1.0], 10_000), [3_334, 3_333, 3_333]);
        assert_eq!(largest_remainder(&[2.0, 1.0], 10_000), [6_667, 3_333]);
        assert_eq!(largest_remainder(&[0.0, 0.0], 10_000), [0, 0]);
        assert!(largest_remainder(&[], 10_000).is_empty());
    }

    proptest! {
        #[test]
        fn shares_sum_up_and_are_less_than_a_unit_off(values in proptest::collection::vec(0.0_f64..1e7, 1..30)) {
            prop_assume!(values.iter().sum::<f64>() > 0.0);
            let (shares, sum) = (largest_remainder(&values, 10_000), values.iter().sum::<f64>());
            prop_assert_eq!(shares.iter().sum::<u64>(), 10_000);
            for (value, share) in values.iter().zip(shares) {
                prop_assert!((value / sum * 10_000.0 - share as f64).abs() < 1.0 + 1e-6);
            }
        }
    }
}
