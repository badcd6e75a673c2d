//! True and predicted numbers, their moments and their ranks.

/// The true and the predicted number of each labelled row.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberPairs {
    /// (true, predicted)
    pub rows: Vec<(f64, f64)>,
}

impl NumberPairs {
    /// Collects pairs of true and predicted number.
    pub fn new<T: Into<f64>>(rows: impl Iterator<Item = (T, T)>) -> Self {
        Self { rows: rows.map(|(truth, answer)| (truth.into(), answer.into())).collect() }
    }

    /// The mean of `value(true, predicted)`; `None` without rows.
    pub fn mean(&self, value: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let sum = sum(self.rows.iter().map(|(truth, answer)| value(*truth, *answer)));
        (!self.rows.is_empty()).then(|| sum / self.rows.len() as f64)
    }

    /// The ranks of the numbers, from 1; equal numbers share their mean rank. `None` if one is NaN.
    pub fn ranks(&self) -> Option<Self> {
        let truth = ranks(self.rows.iter().map(|(truth, _)| *truth))?;
        let answer = ranks(self.rows.iter().map(|(_, answer)| *answer))?;
        Some(Self { rows: truth.into_iter().zip(answer).collect() })
    }

    /// Pearson's correlation; `None` if either side is constant.
    pub fn correlation(&self) -> Option<f64> {
        let truth = self.mean(|truth, _| truth)?;
        let answer = self.mean(|_, answer| answer)?;
        let covariance = self.mean(|t, a| (t - truth) * (a - answer))?;
        let variances = self.mean(|t, _| (t - truth).powi(2))? * self.mean(|_, a| (a - answer).powi(2))?;
        (variances > 0.0).then(|| (covariance / variances.sqrt()).clamp(-1.0, 1.0))
    }
}

/// Compensated summation (Neumaier 1974). Without it, a hundred thousand times 1.7e12 would be wrong in its
/// last digits, and so would its mean.
fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut compensation) = (0.0_f64, 0.0);
    for number in numbers {
        let next = sum + number;
        compensation += if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        sum = next;
    }
    if compensation.is_finite() { sum + compensation } else { sum }
}

fn ranks(numbers: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    let mut order: Vec<(f64, usize)> = numbers.enumerate().map(|(row, number)| (number + 0.0, row)).collect();
    if order.iter().any(|(number, _)| number.is_nan()) {
        return None;
    }
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; order.len()];
    let mut ranked = 0;
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = ranked as f64 + (tie.len() + 1) as f64 / 2.0;
        tie.iter().for_each(|(_, row)| ranks[*row] = rank);
        ranked += tie.len();
    }
    Some(ranks)
}

#[cfg(test)]
mod tests {
    use crate::evaluate::case::{metric, of_regression};
    use crate::evaluate::pair::{ranks, sum};
    use crate::evaluate::predictions::TaskPredictions;

    /// `math.fsum([1e16, 1, -1e16] * 1000 + [0.1] * 10)` is 1001.0.
    #[test]
    fn a_sum_keeps_the_rounding_errors() {
        let numbers = [1e16, 1.0, -1e16].repeat(1000).into_iter().chain([0.1; 10]);
        assert_eq!(sum(numbers), 1001.0);
        assert_eq!(sum([f64::INFINITY, 1.0].into_iter()), f64::INFINITY);
    }

    /// `i = np.arange(120); t = 1.7e12 + i; p = t + (i * 7 % 11 - 5) * 10.5`; expected values by
    /// scikit-learn and scipy from t and p. In 32 bits all t are equal. (pearsonr is of i and p - 1.7e12,
    /// since that of t and p is off by 1e-12.)
    #[test]
    fn numbers_far_from_0_are_measured_in_64_bits() {
        let truth: Vec<f64> = (0..120).map(|i| 1.7e12 + f64::from(i)).collect();
        let off = (0..120).map(|i| f64::from(i * 7 % 11 - 5) * 10.5);
        let answer: Vec<f64> = truth.iter().zip(off).map(|(truth, off)| truth + off).collect();
        let narrow = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect::<Vec<f32>>();
        let (truth_32, answer_32) = (narrow(&truth), narrow(&answer));
        let case = of_regression(&[]);
        let answers =
            TaskPredictions::new(&case.target, &truth_32, &answer_32, 120).with_numbers(&truth, &answer);
        for (name, expected) in [
            ("mae", 28.7875),
            ("mse", 1110.76875),
            ("rmse", 33.328_197_521_018_15),
            ("r2", 0.074_295_089_936_801_12),
            ("spearman", 0.710_563_233_557_885_9),
            ("pearson", 0.725_189_638_239_839_3),
        ] {
            let result = metric(name, serde_json::json!({})).view().score(&answers).unwrap();
            assert!(
                (result - expected).abs() < 1e-11 * expected.max(1.0),
                "{name}: {result}, not {expected}"
            );
        }
    }

    #[test]
    fn equal_numbers_share_their_mean_rank() {
        // scipy.stats.rankdata([2, -1, 2, 7, 0, -0.0, 2])
        let result = ranks([2.0, -1.0, 2.0, 7.0, 0.0, -0.0, 2.0].into_iter());
        assert_eq!(result, Some(vec![5.0, 1.0, 5.0, 7.0, 2.5, 2.5, 5.0]));
    }
}
