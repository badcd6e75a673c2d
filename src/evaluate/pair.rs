//! True numbers beside answered ones, their ranks, and their moments.

/// Each row's true and answered number.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// (true, answered)
    pub rows: Vec<(f64, f64)>,
}

impl Pairs {
    pub fn new(rows: impl Iterator<Item = (f32, f32)>) -> Self {
        Self { rows: rows.map(|(truth, answer)| (f64::from(truth), f64::from(answer))).collect() }
    }

    /// The mean of `of(true, answered)`; `None` without rows.
    pub fn mean(&self, of: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let sum: f64 = self.rows.iter().map(|(truth, answer)| of(*truth, *answer)).sum();
        (!self.rows.is_empty()).then(|| sum / self.rows.len() as f64)
    }

    /// Ranks from 1 in place of the numbers; equal numbers share their mean rank. `None` when one
    /// is not a number.
    pub fn ranks(&self) -> Option<Self> {
        let truth = ranks(self.rows.iter().map(|(truth, _)| *truth))?;
        let answer = ranks(self.rows.iter().map(|(_, answer)| *answer))?;
        Some(Self { rows: truth.into_iter().zip(answer).collect() })
    }

    /// Covariance over the product of deviations; `None` when a side is constant.
    pub fn correlation(&self) -> Option<f64> {
        let truth = self.mean(|truth, _| truth)?;
        let answer = self.mean(|_, answer| answer)?;
        let covariance = self.mean(|t, a| (t - truth) * (a - answer))?;
        let spread = self.mean(|t, _| (t - truth).powi(2))? * self.mean(|_, a| (a - answer).powi(2))?;
        (spread > 0.0).then(|| (covariance / spread.sqrt()).clamp(-1.0, 1.0))
    }
}

fn ranks(numbers: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    let mut order: Vec<(f64, usize)> = numbers.enumerate().map(|(row, number)| (number + 0.0, row)).collect();
    if order.iter().any(|(number, _)| number.is_nan()) {
        return None;
    }
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; order.len()];
    let mut before = 0;
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + (tie.len() + 1) as f64 / 2.0;
        tie.iter().for_each(|(_, row)| ranks[*row] = rank);
        before += tie.len();
    }
    Some(ranks)
}

#[cfg(test)]
mod tests {
    use crate::evaluate::pair::ranks;

    #[test]
    fn equal_numbers_share_their_mean_rank() {
        // scipy.stats.rankdata([2, -1, 2, 7, 0, -0.0, 2])
        let found = ranks([2.0, -1.0, 2.0, 7.0, 0.0, -0.0, 2.0].into_iter());
        assert_eq!(found, Some(vec![5.0, 1.0, 5.0, 7.0, 2.5, 2.5, 5.0]));
    }
}
