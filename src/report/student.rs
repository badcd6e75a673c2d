//! Student's t: how sure a mean of few numbers is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use statrs::function::beta::checked_beta_reg;

/// A mean with the half of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ConfidenceMean {
    pub mean: f64,
    /// Half of the 95 % interval of the mean; `None` of a single number.
    pub half: Option<f64>,
    pub count: usize,
}

/// The mean of what there is; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<ConfidenceMean> {
    let count = values.len();
    let (mean, error) = moments(values)?;
    let half = error.map(|error| reach(count - 1) * error);
    Some(ConfidenceMean { mean, half, count })
}

/// The two-sided p-value of a paired t-test: how likely differences like these are where there is no
/// difference in truth. `None` of fewer than two.
pub fn paired(differences: &[f64]) -> Option<f64> {
    let (mean, error) = moments(differences)?;
    let error = error?;
    if error == 0.0 {
        return Some(if mean == 0.0 { 1.0 } else { 0.0 });
    }
    let free = (differences.len() - 1) as f64;
    Some(beyond(mean / error, free))
}

/// How many standard errors a 95 % interval reaches. Found once for each number of degrees of freedom: it
/// takes half a millisecond, and there are means by the ten thousand, of few different counts.
fn reach(free: usize) -> f64 {
    static KNOWN: Mutex<BTreeMap<usize, f64>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(free).or_insert_with(|| quantile(0.975, free as f64))
}

/// The mean, and its standard error where there are two numbers or more.
fn moments(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let count = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (count > 1.0).then(|| (squares / (count - 1.0) / count).sqrt())))
}

/// The value below which a share of the distribution lies; `share` from 0.5 up.
fn quantile(share: f64, free: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while below(high, free) < share && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if below(middle, free) < share { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The share of the distribution below `t`, which is 0 or more.
fn below(t: f64, free: f64) -> f64 {
    1.0 - 0.5 * beyond(t, free)
}

/// How likely a value as far from the middle as `t`, or farther, is.
fn beyond(t: f64, free: f64) -> f64 {
    checked_beta_reg(free / 2.0, 0.5, free / (free + t * t)).unwrap_or(f64::NAN)
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
    fn quantiles_as_scipy_has_them() {
        let expected = [
            (1.0, 12.706204736174694),
            (2.0, 4.302652729749462),
            (4.0, 2.7764451051977934),
            (30.0, 2.0422724563012378),
            (1000.0, 1.9623390808264083),
            // mpmath, 40 digits: where statrs 0.19's own `inverse_cdf` is off by 3e-6.
            (100_000.0, 1.9599877075346096),
        ];
        for (free, expected) in expected {
            let result = quantile(0.975, free);
            assert!((result / expected - 1.0).abs() < 1e-9, "{free}: {result}, not {expected}");
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
