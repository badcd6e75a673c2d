//! Bargaining: positive weights with G w = w^(-1/alpha), element-wise.
//!
//! They minimize the convex function 1/2 w^T G w - sum w^(1 - 1/alpha) / (1 - 1/alpha) (with ln w instead of
//! the power for alpha = 1). Solved by Newton's method in units of each row's norm and relative to w; each
//! step is shortened until w stays positive and the value decreases.

use crate::train::solver::matrix::{CosineGramian, Matrix, dot};

/// The weights that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct BargainingSolution {
    /// The weights.
    pub weights: Vec<f64>,
    /// Do the weights satisfy the equation? They do not if rows cancel, because the exact weights are
    /// unbounded there.
    pub is_solved: bool,
}

/// Keeps weights finite where rows cancel; added to the unit diagonal of the cosines.
const RIDGE: f64 = 1e-8;
/// Maximum number of Newton steps.
const STEPS: usize = 200;

/// Solves G w = w^(-1/alpha). Zero rows get weight 0.
pub fn solve_bargaining(gramian: &Matrix, alpha: f64) -> BargainingSolution {
    let cosines = CosineGramian::from_gramian(gramian);
    let n = cosines.rows.len();
    // In units of the geometric mean of the norms, so that no power overflows: G = unit^2 G',
    // w = unit^(-2 alpha / (1 + alpha)) w'.
    let unit = (cosines.norms.iter().map(|norm| norm.ln()).sum::<f64>() / n.max(1) as f64).exp();
    let power = 1.0 / alpha;
    let gains: Vec<f64> = cosines.norms.iter().map(|norm| (norm / unit).powf(power - 1.0)).collect();
    let matrix = cosines.matrix.clone().add_ridge(RIDGE);
    let mut x: Vec<f64> = gains.iter().map(|gain| gain.powf(1.0 / (1.0 + power))).collect();
    let problem = BargainingProblem { matrix: &matrix, gains: &gains, power };
    let converged = problem.minimize(&mut x);
    // x = norm / unit w'; the error of the equation without the ridge shows the ridge's influence.
    let product = cosines.matrix.matvec(&x);
    let error = |i: usize| (product[i] / (gains[i] * x[i].powf(-power)) - 1.0).abs();
    let holds = converged && !cosines.has_zero_rows() && (0..n).all(|i| error(i) < 1e-3);
    let scale = unit * unit.powf(-2.0 / (1.0 + power));
    let weights = cosines.weights(&x.iter().map(|x| x * scale).collect::<Vec<_>>(), 0.0);
    BargainingSolution { weights, is_solved: holds }
}

/// The minimization in units of each row's norm.
struct BargainingProblem<'a> {
    matrix: &'a Matrix,
    gains: &'a [f64],
    power: f64,
}

impl BargainingProblem<'_> {
    /// Moves x to the minimum; `false` if it did not converge.
    fn minimize(&self, x: &mut [f64]) -> bool {
        let n = x.len();
        for _ in 0..STEPS {
            let product = self.matrix.matvec(x);
            // Relative to x: gradient_i = x_i dF/dx_i.
            let barrier: Vec<f64> = (0..n).map(|i| self.gains[i] * x[i].powf(1.0 - self.power)).collect();
            let gradient: Vec<f64> = (0..n).map(|i| x[i] * product[i] - barrier[i]).collect();
            let hessian = Matrix::from_fn(n, |i, j| {
                x[i] * self.matrix[(i, j)] * x[j] + if i == j { self.power * barrier[i] } else { 0.0 }
            });
            let descent: Vec<f64> = gradient.iter().map(|gradient| -gradient).collect();
            let Some(step) = hessian.solve(&descent) else { return false };
            if step.iter().all(|step| step.abs() < 1e-8) {
                // Convergence is quadratic: the error of the next x is the square of this step.
                x.iter_mut().zip(&step).for_each(|(x, step)| *x *= 1.0 + step);
                return true;
            }
            let decrease = dot(&gradient, &step);
            let before = self.value(x);
            let lowest = step.iter().copied().fold(0.0, f64::min);
            let mut share = if lowest < -0.95 { -0.95 / lowest } else { 1.0 };
            let trial = loop {
                let trial: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x * (1.0 + share * s)).collect();
                let after = self.value(&trial);
                if after <= before + 1e-4 * share * decrease {
                    break Some(trial);
                }
                share *= 0.5;
                if share < 1e-10 {
                    break None;
                }
            };
            // No lower value is representable in 64 bits: converged, or as close as possible.
            let Some(trial) = trial else { return (0..n).all(|i| gradient[i].abs() <= 1e-6 * barrier[i]) };
            x.copy_from_slice(&trial);
        }
        false
    }

    /// The function that is minimized.
    fn value(&self, x: &[f64]) -> f64 {
        let power = 1.0 - self.power;
        let term = |(gain, x): (&f64, &f64)| match power.abs() < 1e-12 {
            true => gain * x.ln(),
            false => gain * x.powf(power) / power,
        };
        0.5 * self.matrix.bilinear(x, x) - self.gains.iter().zip(x).map(term).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::fair::solve_bargaining;
    use crate::train::solver::matrix::Matrix;

    /// One row: g w = w^(-1/alpha), so w = g^(-alpha / (1 + alpha)).
    #[test]
    fn one_row() {
        for alpha in [0.1, 0.5, 1.0, 2.0, 10.0] {
            for square in [1e-20, 1e-4, 1.0, 7.0, 1e20] {
                let solution = solve_bargaining(&Matrix::from_fn(1, |_, _| square), alpha);
                let expected = f64::powf(square, -alpha / (1.0 + alpha));
                assert!(
                    solution.is_solved && (solution.weights[0] / expected - 1.0).abs() < 1e-7,
                    "{alpha} {square} {solution:?}"
                );
            }
        }
    }

    #[test]
    fn rows_that_cancel_have_no_exact_solution() {
        let solution = solve_bargaining(&Matrix::gramian(&[vec![1.0, 0.0], vec![-1.0, 0.0]]), 1.0);
        assert!(
            !solution.is_solved && solution.weights.iter().all(|weight| weight.is_finite() && *weight > 0.0)
        );
        let solution = solve_bargaining(&Matrix::gramian(&[vec![1.0, 0.0], vec![0.0, 0.0]]), 1.0);
        assert!(!solution.is_solved && solution.weights[1] == 0.0, "{solution:?}");
    }
}
