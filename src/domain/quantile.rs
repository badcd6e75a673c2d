//! Quantiles of numbers.

/// The quantile of sorted numbers, interpolated linearly as by `numpy.quantile`; 0 without numbers.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let position = share * last as f64;
    let (below, above) = (position.floor() as usize, (position.ceil() as usize).min(last));
    let (low, high) = (sorted[below], sorted[above]);
    // The difference of two huge numbers may overflow.
    if low == high { low } else { low + (position - position.floor()) * (high - low) }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    /// np.quantile([1, 2, 4, 8], [0, 0.025, 0.5, 0.975, 1])
    #[test]
    fn quantiles_of_numpy() {
        let found = [0.0, 0.025, 0.5, 0.975, 1.0].map(|share| quantile(&[1.0, 2.0, 4.0, 8.0], share));
        for (found, expected) in found.into_iter().zip([1.0, 1.075, 3.0, 7.7, 8.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
        }
        assert_eq!((quantile(&[3.0], 0.4), quantile(&[], 0.4)), (3.0, 0.0));
    }
}
