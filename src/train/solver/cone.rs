//! The dual cone of rows: the directions with a non-negative product with every row.

use crate::train::solver::matrix::{CosineGramian, Matrix};
use crate::train::solver::program::{QuadraticProgram, QuadraticSolution};

/// Weights of the projection of sum_k lower_k g_k onto the dual cone: argmin v^T G v over v >= lower.
pub fn project(gramian: &Matrix, lower: &[f64]) -> QuadraticSolution {
    let cosines = CosineGramian::from_gramian(gramian);
    // In units of each row's norm: v = lower + s, s >= 0.
    let units: Vec<f64> =
        cosines.rows.iter().zip(&cosines.norms).map(|(row, norm)| lower[*row] * norm).collect();
    let longest = units.iter().copied().fold(0.0, f64::max);
    if longest == 0.0 {
        return QuadraticSolution { x: lower.to_vec(), converged: true };
    }
    let units: Vec<f64> = units.iter().map(|unit| unit / longest).collect();
    let linear = cosines.matrix.matvec(&units);
    let QuadraticSolution { x, converged: reached } =
        QuadraticProgram { quadratic: &cosines.matrix, linear: &linear, equality: None }.solve();
    let mut weights = lower.to_vec();
    for (weight, slack) in weights.iter_mut().zip(cosines.weights(&x, 0.0)) {
        *weight += slack * longest;
    }
    QuadraticSolution { x: weights, converged: reached }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::cone::project;
    use crate::train::solver::matrix::Matrix;

    /// Rows without conflict keep their weights; opposite rows cancel.
    #[test]
    fn agreeing_opposite_and_zero_rows() {
        let agreeing = Matrix::gramian(&[vec![1.0, 0.0], vec![1.0, 1.0]]);
        assert_eq!(project(&agreeing, &[0.5, 0.5]).x, [0.5, 0.5]);
        let opposite = project(&Matrix::gramian(&[vec![1.0, 0.0], vec![-2.0, 0.0]]), &[1.0, 0.0]);
        assert!(opposite.converged && (opposite.x[1] - 0.5).abs() < 1e-9, "{opposite:?}");
        let zero = project(&Matrix::from_fn(2, |_, _| 0.0), &[0.5, 0.5]);
        assert!(zero.converged && zero.x == [0.5, 0.5]);
    }
}
