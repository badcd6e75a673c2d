//! One-dimensional regression from one number to another: nearest neighbours, linear interpolation, and least
//! squares.

/// The number of nearest neighbours.
const NEAREST: usize = 5;

/// Regression models fitted to pairs (x, y), sorted by x.
pub(super) struct NeighbourIndex {
    numbers: Vec<f64>,
    /// Prefix sums of y, from 0.
    sums: Vec<f64>,
    mean: f64,
    /// Intercept and slope of the least-squares line.
    line: (f64, f64),
}

impl NeighbourIndex {
    /// Fits pairs (x, y) without NaN.
    pub fn fit(mut pairs: Vec<(f64, f64)>) -> Self {
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
        let count = pairs.len().max(1) as f64;
        let mean = pairs.iter().map(|(_, y)| y).sum::<f64>() / count;
        let middle = pairs.iter().map(|(x, _)| x).sum::<f64>() / count;
        let spread: f64 = pairs.iter().map(|(x, _)| (x - middle).powi(2)).sum();
        let joint: f64 = pairs.iter().map(|(x, y)| (x - middle) * (y - mean)).sum();
        let slope = if spread > 0.0 { joint / spread } else { 0.0 };
        let mut sums = vec![0.0];
        pairs.iter().for_each(|(_, y)| sums.push(sums[sums.len() - 1] + y));
        let numbers = pairs.into_iter().map(|(x, _)| x).collect();
        Self { numbers, sums, mean, line: (mean - slope * middle, slope) }
    }

    /// Nearest neighbours: the mean y over [`window`](Self::window).
    pub fn near(&self, x: f64) -> f64 {
        let (from, to) = self.window(x);
        if from == to { self.mean } else { (self.sums[to] - self.sums[from]) / (to - from) as f64 }
    }

    /// Linear interpolation between the two rows around `x`; constant outside the fitted range.
    pub fn between(&self, x: f64) -> f64 {
        let (from, to) = self.equal(x);
        if to > from {
            return (self.sums[to] - self.sums[from]) / (to - from) as f64;
        }
        let y = |index: usize| self.sums[index + 1] - self.sums[index];
        match (from.checked_sub(1), self.numbers.get(from)) {
            (Some(left), Some(right)) => {
                let share = (x - self.numbers[left]) / (right - self.numbers[left]);
                y(left) + share * (y(from) - y(left))
            }
            (Some(left), None) => y(left),
            (None, Some(_)) => y(from),
            (None, None) => self.mean,
        }
    }

    /// Least squares.
    pub fn on_line(&self, x: f64) -> f64 {
        self.line.0 + self.line.1 * x
    }

    /// The index range of the rows with this `x` if there are at least two, else of the five nearest.
    pub fn window(&self, x: f64) -> (usize, usize) {
        let (mut from, mut to) = self.equal(x);
        if to - from >= 2 {
            return (from, to);
        }
        while to - from < NEAREST {
            let left = from.checked_sub(1).map(|left| x - self.numbers[left]);
            let right = self.numbers.get(to).map(|right| right - x);
            match (left, right) {
                (Some(left), Some(right)) if left <= right => from -= 1,
                (_, Some(_)) => to += 1,
                (Some(_), None) => from -= 1,
                (None, None) => break,
            }
        }
        (from, to)
    }

    fn equal(&self, x: f64) -> (usize, usize) {
        (
            self.numbers.partition_point(|number| *number < x),
            self.numbers.partition_point(|number| *number <= x),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::data::profile::neighbour_index::NeighbourIndex;

    /// numpy 2: `np.interp(2.5, [1, 2, 4], [10, 20, 60])` is 30.0, `np.polyfit([1, 2, 4], [10, 20, 60], 1)`
    /// is [17.14285714, -10.0]; scikit-learn: `KNeighborsRegressor(5)` of six rows at 2.5 means the five
    /// nearest.
    #[test]
    fn predictions_come_from_neighbouring_numbers() {
        let index = NeighbourIndex::fit(vec![(4.0, 60.0), (1.0, 10.0), (2.0, 20.0)]);
        assert_eq!(index.between(2.5), 30.0);
        assert_eq!((index.between(0.0), index.between(9.0)), (10.0, 60.0));
        assert!((index.on_line(3.0) - (17.142_857_14 * 3.0 - 10.0)).abs() < 1e-6);
        let six = NeighbourIndex::fit((0..6).map(|x| (f64::from(x), f64::from(x * x))).collect());
        assert_eq!(six.near(2.5), (1.0 + 4.0 + 9.0 + 16.0 + 0.0) / 5.0);
        let same = NeighbourIndex::fit(vec![(1.0, 0.0), (2.0, 1.0), (2.0, 0.0), (3.0, 1.0)]);
        assert_eq!((same.near(2.0), same.between(2.0)), (0.5, 0.5));
    }
}
