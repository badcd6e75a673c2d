//! The simplex: non-negative weights with sum 1.

use crate::train::solver::matrix::{CosineGramian, Matrix};
use crate::train::solver::program::{QuadraticProgram, QuadraticSolution};

/// The nearest point of the simplex: max(v - theta, 0) with sum 1.
pub fn project(point: &[f64]) -> Vec<f64> {
    // Relative to the largest number: in sums of very large numbers the 1 would be lost to rounding.
    let largest = point.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let point: Vec<f64> = point.iter().map(|value| value - largest).collect();
    let mut sorted = point.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut theta) = (0.0, 0.0);
    for (count, value) in (1..).map(f64::from).zip(&sorted) {
        sum += value;
        if value * count > sum - 1.0 {
            theta = (sum - 1.0) / count;
        }
    }
    point.iter().map(|value| (value - theta).max(0.0)).collect()
}

/// exp(v) / sum exp(v).
pub fn softmax(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = values.iter().map(|value| (value - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The shortest convex combination of the rows with this Gramian: argmin w^T G w over the simplex.
pub fn shortest(gramian: &Matrix) -> QuadraticSolution {
    let cosines = CosineGramian::from_gramian(gramian);
    if cosines.has_zero_rows() || cosines.rows.is_empty() {
        // A zero row is the shortest combination; several zero rows share the weight.
        let count = (gramian.size() - cosines.rows.len()).max(1) as f64;
        let x = (0..gramian.size()).map(|i| if cosines.rows.contains(&i) { 0.0 } else { 1.0 / count });
        return QuadraticSolution { x: x.collect(), converged: true };
    }
    // In units of each row's norm, so that rows of any norm can be compared.
    let least = cosines.norms.iter().copied().fold(f64::INFINITY, f64::min);
    let inverse_norms: Vec<f64> = cosines.norms.iter().map(|norm| least / norm).collect();
    let zeros = vec![0.0; inverse_norms.len()];
    let program =
        QuadraticProgram { quadratic: &cosines.matrix, linear: &zeros, equality: Some(&inverse_norms) };
    let QuadraticSolution { x, converged: reached } = program.solve();
    let weights = cosines.weights(&x, 0.0);
    let sum: f64 = weights.iter().sum();
    QuadraticSolution { x: weights.iter().map(|weight| weight / sum).collect(), converged: reached }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::matrix::Matrix;
    use crate::train::solver::simplex::{project, shortest};

    /// methods.md 5.
    #[test]
    fn golden_projections() {
        let assert_projection = |point: &[f64], expected: &[f64]| {
            let actual = project(point);
            assert!(actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{actual:?}");
        };
        assert_projection(&[1.2, -0.3, 0.4], &[0.9, 0.0, 0.1]);
        assert_projection(&[-17.0, -4.0, 1.0 / 3.0], &[0.0, 0.0, 1.0]);
        assert_projection(&[-1.0, -1.0, -10.0], &[0.5, 0.5, 0.0]);
        assert_projection(&[-3e19, 1e19, -2e19], &[0.0, 1.0, 0.0]);
        assert_projection(&[-3e19, -3e19, -4e19], &[0.5, 0.5, 0.0]);
    }

    #[test]
    fn a_zero_row_takes_all_weight() {
        let gramian = Matrix::gramian(&[vec![1.0, 2.0], vec![0.0, 0.0], vec![3.0, 1.0]]);
        assert_eq!(shortest(&gramian).x, [0.0, 1.0, 0.0]);
    }

    /// Orthogonal rows with norms 1e-10 and 1e10: w = n^-2 / sum n^-2.
    #[test]
    fn norms_far_apart() {
        let solution = shortest(&Matrix::gramian(&[vec![1e-10, 0.0], vec![0.0, 1e10]]));
        assert!(
            solution.converged
                && (solution.x[0] - 1.0).abs() < 1e-15
                && (solution.x[1] / 1e-40 - 1.0).abs() < 1e-9,
            "{solution:?}"
        );
    }
}
