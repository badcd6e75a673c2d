//! Confidence intervals and paired tests by Student's t distribution.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use statrs::function::beta::checked_beta_reg;

/// A mean with the half-width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ConfidenceMean {
    /// The mean.
    pub mean: f64,
    /// Half-width of the 95 % confidence interval; `None` for a single value.
    pub half: Option<f64>,
    /// Number of values.
    pub count: usize,
}

/// The mean of the values; `None` without values.
pub fn mean(values: &[f64]) -> Option<ConfidenceMean> {
    let count = values.len();
    let (mean, error) = mean_and_error(values)?;
    let half = error.map(|error| critical_value(count - 1) * error);
    Some(ConfidenceMean { mean, half, count })
}

/// The two-sided p-value of a paired t-test; `None` for fewer than two differences.
pub fn paired(differences: &[f64]) -> Option<f64> {
    let (mean, error) = mean_and_error(differences)?;
    let error = error?;
    if error == 0.0 {
        return Some(if mean == 0.0 { 1.0 } else { 0.0 });
    }
    let freedom = (differences.len() - 1) as f64;
    Some(two_sided(mean / error, freedom))
}

/// The 97.5 % quantile: the half-width of a 95 % interval in standard errors. Cached by degrees of freedom:
/// it takes half a millisecond, and reports compute tens of thousands of means of few different counts.
fn critical_value(freedom: usize) -> f64 {
    static CACHE: Mutex<BTreeMap<usize, f64>> = Mutex::new(BTreeMap::new());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    *cache.entry(freedom).or_insert_with(|| quantile(0.975, freedom as f64))
}

/// The mean, and its standard error if there are at least two values.
fn mean_and_error(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let count = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (count > 1.0).then(|| (squares / (count - 1.0) / count).sqrt())))
}

/// The inverse of [`cumulative`] by bisection; `probability` must be at least 0.5.
fn quantile(probability: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while cumulative(high, freedom) < probability && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if cumulative(middle, freedom) < probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The cumulative distribution function at `t` >= 0.
fn cumulative(t: f64, freedom: f64) -> f64 {
    1.0 - 0.5 * two_sided(t, freedom)
}

/// The probability of an absolute value of at least |t|.
fn two_sided(t: f64, freedom: f64) -> f64 {
    checked_beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t * t)).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use crate::report::student::{ConfidenceMean, mean, paired, quantile};

    // scipy 1.17.1:
    //   from scipy import stats
    //   [stats.t.ppf(0.975, n) for n in (1, 2, 4, 30, 1000)]
    //   -> 12.706204736, 4.302652730, 2.776445105, 2.042272456, 1.962339081
    //   stats.sem([0.91, 0.93, 0.92]) * stats.t.ppf(0.975, 2)
    //   stats.ttest_rel([0.91, 0.93, 0.92, 0.95], [0.90, 0.93, 0.90, 0.91]).pvalue
    //   stats.ttest_1samp([1.0, 2.0, 3.0], 0).pvalue
    #[test]
    fn quantiles_are_scipys() {
        let expected = [
            (1.0, 12.706204736174694),
            (2.0, 4.302652729749462),
            (4.0, 2.7764451051977934),
            (30.0, 2.0422724563012378),
            (1000.0, 1.9623390808264083),
            // mpmath, 40 digits; the `inverse_cdf` of statrs 0.19 is off by 3e-6 here.
            (100_000.0, 1.9599877075346096),
        ];
        for (freedom, expected) in expected {
            let result = quantile(0.975, freedom);
            assert!((result / expected - 1.0).abs() < 1e-9, "{freedom}: {result}, not {expected}");
        }
    }

    #[test]
    fn a_mean_and_its_interval() {
        let Some(ConfidenceMean { mean: middle, half, count }) = mean(&[0.91, 0.93, 0.92]) else {
            panic!("a mean")
        };
        assert!((middle - 0.92).abs() < 1e-12);
        assert!((half.unwrap() - 0.024841377117503324).abs() < 1e-10, "{half:?}");
        assert_eq!(count, 3);
        assert_eq!(mean(&[0.5]), Some(ConfidenceMean { mean: 0.5, half: None, count: 1 }));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_paired_test() {
        let differences = [0.91 - 0.90, 0.93 - 0.93, 0.92 - 0.90, 0.95 - 0.91];
        assert!((paired(&differences).unwrap() - 0.1328418405597753).abs() < 1e-9);
        assert!((paired(&[1.0, 2.0, 3.0]).unwrap() - 0.07417990022744854).abs() < 1e-9);
        assert_eq!(paired(&[0.0, 0.0]), Some(1.0));
        assert_eq!(paired(&[0.1]), None);
    }
}
