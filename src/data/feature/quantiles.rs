//! Quantiles of training rows, for the input kinds that cut numbers into ranges.

use statrs::function::erf::erfc_inv;

use crate::domain::quantile::quantile;

/// Ranks this near to 0 and 1 are those of the extremes, as in scikit-learn.
const EXTREME_RANK: f64 = 1e-7;

/// The distinct ones of `count + 1` evenly spaced quantiles, increasing, with the rank of each from 0 to 1;
/// equal quantiles have the middle of their ranks. Fewer where there are fewer numbers. Sorts the numbers.
pub(in crate::data) fn distinct_quantiles(present: &mut [f64], count: usize) -> (Vec<f64>, Vec<f64>) {
    present.sort_unstable_by(f64::total_cmp);
    let count = count.min(present.len().saturating_sub(1)).max(1);
    let rank = |index: usize| index as f64 / count as f64;
    let all: Vec<f64> = (0..=count).map(|index| quantile(present, rank(index))).collect();
    let (mut edges, mut ranks, mut first) = (Vec::new(), Vec::new(), 0);
    for equal in all.chunk_by(|a, b| a >= b) {
        let last = first + equal.len() - 1;
        edges.push(equal[0]);
        ranks.push((rank(first) + rank(last)) / 2.0);
        first = last + 1;
    }
    (edges, ranks)
}

/// The number below which a share of the standard normal distribution lies; ranks of 0 and 1 become finite.
pub(in crate::data) fn normal_quantile(rank: f64) -> f64 {
    let rank = rank.clamp(EXTREME_RANK, 1.0 - EXTREME_RANK);
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * rank)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{distinct_quantiles, normal_quantile};
    use crate::data::fixture::{csv, fit_table};
    use crate::data::split::SplitRows;

    /// np.quantile([5, 1, 1, 1, 2, 9, 4], np.linspace(0, 1, 5)) is [1, 1, 2, 4.5, 9].
    #[test]
    fn equal_quantiles_are_one_edge() {
        let (edges, ranks) = distinct_quantiles(&mut [5.0, 1.0, 1.0, 1.0, 2.0, 9.0, 4.0], 4);
        assert_eq!(edges, [1.0, 2.0, 4.5, 9.0]);
        assert_eq!(ranks, [0.125, 0.5, 0.75, 1.0]);
        assert_eq!(distinct_quantiles(&mut [2.0; 9], 4), (vec![2.0], vec![0.5]));
        assert_eq!(distinct_quantiles(&mut [3.0, 1.0], 100), (vec![1.0, 3.0], vec![0.0, 1.0]));
    }

    /// scipy.stats.norm.ppf([1e-7, 0.025, 0.3, 0.5, 0.975])
    #[test]
    fn normal_quantiles_of_scipy() {
        let ranks = [0.0, 0.025, 0.3, 0.5, 0.975];
        let expected = [-5.199337582187471, -1.9599639845400545, -0.5244005127080409, 0.0, 1.959963984540054];
        for (rank, expected) in ranks.into_iter().zip(expected) {
            let found = normal_quantile(rank);
            assert!((found - expected).abs() < 1e-9, "{rank}: {found} and {expected}");
        }
    }

    /// scikit-learn: `RobustScaler` and `QuantileTransformer(n_quantiles=5, output_distribution=...)`, fitted
    /// on the column [1, 2, 4, 8, 16] and applied to it, 3 and 100; only the normal 3 is linear between
    /// -0.674 and 0 here and -0.319 there. For `piecewise`, the positions among the edges 1, 4 and 16.
    #[test]
    fn numbers_as_scikit_learn_scales_them() {
        let text =
            ["1", "2", "4", "8", "16", "3", "100", ""].map(|x| format!("{x},{x},{x},{x},1\n")).concat();
        let loaded = csv(&format!("r,q,u,p,y\n{text}"));
        let rows = SplitRows { train: (0..5).collect(), valid: vec![5, 6], test: vec![7], notes: vec![] };
        let inputs = json!({
            "r": "robust",
            "q": {"quantile": {"missing": "median"}},
            "u": {"quantile": {"output": "uniform", "missing": "median"}},
            "p": {"piecewise": {"bins": 2, "missing": "zero", "indicator": true}},
        });
        let result = fit_table(loaded, rows, inputs, json!({})).unwrap();
        let near = |input: usize, expected: &[f64]| {
            let found = result.dataset.tables[0].inputs[input].1.as_f32().unwrap();
            let close = found.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6);
            assert!(found.len() == expected.len() && close, "{found:?} and {expected:?}");
        };
        let third = 1.0 / 3.0;
        near(0, &[-0.5, -third, 0.0, 2.0 * third, 2.0, -0.5 * third, 16.0, 1.1 * third]);
        let (quarter, extreme) = (0.674_489_750_2, 5.199_337_582_2);
        near(1, &[-extreme, -quarter, 0.0, quarter, extreme, -0.5 * quarter, extreme, 0.0]);
        near(2, &[0.0, 0.25, 0.5, 0.75, 1.0, 0.375, 1.0, 0.5]);
        let bins = [0.0, third, 1.0, 1.0 + third, 2.0, 2.0 * third, 9.0, -third];
        let marked = bins.into_iter().enumerate().flat_map(|(row, x)| [x, f64::from(u8::from(row == 7))]);
        near(3, &marked.collect::<Vec<f64>>());
        assert_eq!(result.dataset.signature.inputs[3].encoding.shape().width(), 3);
    }
}
