//! Statistics of the numbers of training rows.

/// Statistics of numbers without missing values. Sums run in row order in 64 bits, so that they do not
/// depend on the number of threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Statistics {
    pub mean: f64,
    pub median: f64,
    /// The standard deviation of the population (divided by n).
    pub deviation: f64,
    /// The interquartile range; the standard deviation when that is 0.
    pub spread: f64,
    pub minimum: f64,
    pub maximum: f64,
}

impl Statistics {
    /// `None` without values. Reorders the values.
    pub fn from_values<T: Copy + Into<f64>>(present: &mut [T]) -> Option<Self> {
        if present.is_empty() {
            return None;
        }
        let count = present.len() as f64;
        let mean = mean(present);
        let deviation = deviation(present, mean);
        let minimum = present.iter().map(|&x| x.into()).fold(f64::INFINITY, f64::min);
        let maximum = present.iter().map(|&x| x.into()).fold(f64::NEG_INFINITY, f64::max);
        let order = |a: &T, b: &T| (*a).into().total_cmp(&(*b).into());
        let middle = present.len() / 2;
        let (below, upper, above) = present.select_nth_unstable_by(middle, order);
        let upper: f64 = (*upper).into();
        let lower = if (count as usize).is_multiple_of(2) {
            below.iter().map(|&x| x.into()).fold(f64::NEG_INFINITY, f64::max)
        } else {
            upper
        };
        let quarter = |half: &mut [T], middle: usize| -> f64 {
            if half.is_empty() { upper } else { (*half.select_nth_unstable_by(middle, order).1).into() }
        };
        let (from, to) = (below.len() / 2, above.len().saturating_sub(1) / 2);
        let (from, to) = (quarter(below, from), quarter(above, to));
        Some(Self {
            mean,
            median: lower / 2.0 + upper / 2.0,
            deviation,
            spread: if to > from { to - from } else { deviation },
            minimum,
            maximum,
        })
    }

    /// Whether all values are equal. The deviation of equal values may differ from 0 by rounding.
    pub fn is_constant(&self) -> bool {
        self.minimum == self.maximum
    }

    /// The scale, if the values may be divided by it.
    pub fn valid_scale(&self, scale: f64) -> Option<f64> {
        (!self.is_constant() && scale > 0.0 && scale.is_finite()).then_some(scale)
    }
}

/// The mean in two passes: the second one corrects the rounding of the first by the mean of the differences.
fn mean<T: Copy + Into<f64>>(values: &[T]) -> f64 {
    let (sum, count) = (values.iter().map(|&x| x.into()).sum::<f64>(), values.len() as f64);
    let first = match sum.is_finite() {
        true => sum / count,
        false => values.iter().map(|&x| x.into() / count).sum::<f64>(),
    };
    first + values.iter().map(|&x| (x.into() - first) / count).sum::<f64>()
}

/// The standard deviation. When squares would overflow or underflow (1e300, 1e-200), distances are divided
/// by the largest one first.
fn deviation<T: Copy + Into<f64>>(values: &[T], mean: f64) -> f64 {
    let root_mean_square = |unit: f64| {
        let squares = values.iter().map(|&x| ((x.into() - mean) / unit).powi(2)).sum::<f64>();
        unit * (squares / values.len() as f64).sqrt()
    };
    let plain = root_mean_square(1.0);
    if plain.is_finite() && plain > 1e-150 {
        return plain;
    }
    let largest = values.iter().map(|&x| (x.into() - mean).abs()).fold(0.0, f64::max);
    if largest > 0.0 { root_mean_square(largest) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use crate::data::feature::statistics::Statistics;

    /// `numpy.mean/median/std([3, 1, 4, 1, 5, 9])` gives 3.8333333333333335, 3.5, 2.733536577809454.
    #[test]
    fn statistics_agree_with_numpy() {
        let statistics = Statistics::from_values(&mut [3., 1., 4., 1., 5., 9.]).unwrap();
        assert_eq!(statistics.mean, 3.8333333333333335);
        assert_eq!(statistics.median, 3.5);
        assert!((statistics.deviation - 2.733536577809454).abs() < 1e-15);
        assert_eq!((statistics.minimum, statistics.maximum), (1., 9.));
        assert_eq!(statistics.spread, 4.0); // of [1, 1, 3, 4, 5, 9]: from 1 to 5
        assert_eq!(Statistics::from_values(&mut [2., 8., 5.]).unwrap().median, 5.);
        assert_eq!(Statistics::from_values::<f64>(&mut []), None);
    }

    /// `1.7e12 + numpy.arange(200_000).mean()` is 1700000099999.5, `numpy.arange(200_000).std()`
    /// 57735.02691824089; `numpy.std([1e300, 3e300]) / 1e300`, `numpy.std([1e-200, 3e-200]) * 1e200` would be
    /// 1.
    #[test]
    fn neither_large_means_nor_large_and_small_numbers_lose_digits() {
        let mut numbers: Vec<f64> = (0..200_000).map(|i| 1.7e12 + f64::from(i)).collect();
        let statistics = Statistics::from_values(&mut numbers).unwrap();
        assert_eq!((statistics.mean, statistics.median), (1_700_000_099_999.5, 1_700_000_099_999.5));
        assert!((statistics.deviation - 57_735.026_918_240_89).abs() < 1e-7, "{}", statistics.deviation);
        for size in [1e300, 1.0, 1e-200, 1e-310] {
            let statistics = Statistics::from_values(&mut [size, 3.0 * size]).unwrap();
            assert!((statistics.deviation / size - 1.0).abs() < 1e-9, "{size}: {}", statistics.deviation);
            assert!(statistics.valid_scale(statistics.deviation).is_some());
        }
        let statistics = Statistics::from_values(&mut [f64::MAX, f64::MAX, 0.0, 0.0]).unwrap();
        assert_eq!((statistics.mean, statistics.median), (f64::MAX / 2.0, f64::MAX / 2.0));
    }

    #[test]
    fn a_constant_is_detected_although_sums_round() {
        let statistics = Statistics::from_values(&mut vec![0.1; 1_000_003]).unwrap();
        assert!(statistics.is_constant());
        assert_eq!(statistics.valid_scale(statistics.deviation), None);
    }
}
