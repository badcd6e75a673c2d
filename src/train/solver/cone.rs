//! The dual cone of rows: directions that no row points against.

use crate::train::solver::matrix::{CosineGramian, Matrix};
use crate::train::solver::program::{QuadraticProgram, QuadraticSolution};

/// The weights of the projection of sum_k wish_k g_k onto the dual cone: argmin v^T G v over v >= wish.
pub fn project(gramian: &Matrix, wish: &[f64]) -> QuadraticSolution {
    let cosines = CosineGramian::from_gramian(gramian);
    // In units of each row's length: v = wish + s, s >= 0.
    let units: Vec<f64> =
        cosines.rows.iter().zip(&cosines.norms).map(|(row, norm)| wish[*row] * norm).collect();
    let longest = units.iter().copied().fold(0.0, f64::max);
    if longest == 0.0 {
        return QuadraticSolution { x: wish.to_vec(), reached: true };
    }
    let units: Vec<f64> = units.iter().map(|unit| unit / longest).collect();
    let slope = cosines.matrix.times(&units);
    let QuadraticSolution { x, reached } =
        QuadraticProgram { quadratic: &cosines.matrix, linear: &slope, total: None }.solve();
    let mut weights = wish.to_vec();
    for (weight, more) in weights.iter_mut().zip(cosines.weights(&x, 0.0)) {
        *weight += more * longest;
    }
    QuadraticSolution { x: weights, reached }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::cone::project;
    use crate::train::solver::matrix::Matrix;

    /// Rows that agree are left as they are; opposite ones cancel.
    #[test]
    fn plain_cases() {
        let agreeing = Matrix::gramian(&[vec![1.0, 0.0], vec![1.0, 1.0]]);
        assert_eq!(project(&agreeing, &[0.5, 0.5]).x, [0.5, 0.5]);
        let opposite = project(&Matrix::gramian(&[vec![1.0, 0.0], vec![-2.0, 0.0]]), &[1.0, 0.0]);
        assert!(opposite.reached && (opposite.x[1] - 0.5).abs() < 1e-9, "{opposite:?}");
        let nothing = project(&Matrix::from_fn(2, |_, _| 0.0), &[0.5, 0.5]);
        assert!(nothing.reached && nothing.x == [0.5, 0.5]);
    }
}
