//! Bargaining: positive weights with G w = w^(-1/alpha), element by element.
//!
//! They are where 1/2 w^T G w - sum w^(1 - 1/alpha) / (1 - 1/alpha) is least (ln w in place of the power for
//! alpha = 1), which is convex. Newton's method in units of each row's length and relative to w itself, each
//! step shortened until w stays positive and the value falls.

use crate::train::solver::matrix::{CosineGramian, Matrix, dot};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct BargainingSolution {
    pub weights: Vec<f64>,
    /// Do the weights satisfy the equation? Not where rows cancel: there the weights would have no bound.
    pub holds: bool,
}

/// Keeps weights finite where rows cancel; beside ones on the diagonal.
const RIDGE: f64 = 1e-8;
const STEPS: usize = 200;

/// Rows of nothing weigh nothing.
pub fn solve_bargaining(gramian: &Matrix, alpha: f64) -> BargainingSolution {
    let cosines = CosineGramian::from_gramian(gramian);
    let n = cosines.rows.len();
    // In the geometric mean of the lengths, so that no power overflows: G = unit^2 G', w = unit^(-2 alpha /
    // (1 + alpha)) w'.
    let unit = (cosines.norms.iter().map(|norm| norm.ln()).sum::<f64>() / n.max(1) as f64).exp();
    let power = 1.0 / alpha;
    let gains: Vec<f64> = cosines.norms.iter().map(|norm| (norm / unit).powf(power - 1.0)).collect();
    let matrix = cosines.matrix.clone().ridged(RIDGE);
    let mut x: Vec<f64> = gains.iter().map(|gain| gain.powf(1.0 / (1.0 + power))).collect();
    let newton = NewtonStep { matrix: &matrix, gains: &gains, power };
    let converged = newton.minimize(&mut x);
    // x = norm / unit w' and the ridge's share of the equation tells how much it had to do.
    let plain = cosines.matrix.times(&x);
    let error = |i: usize| (plain[i] / (gains[i] * x[i].powf(-power)) - 1.0).abs();
    let holds = converged && !cosines.misses_rows() && (0..n).all(|i| error(i) < 1e-3);
    let scale = unit * unit.powf(-2.0 / (1.0 + power));
    let weights = cosines.weights(&x.iter().map(|x| x * scale).collect::<Vec<_>>(), 0.0);
    BargainingSolution { weights, holds }
}

struct NewtonStep<'a> {
    matrix: &'a Matrix,
    gains: &'a [f64],
    power: f64,
}

impl NewtonStep<'_> {
    fn minimize(&self, x: &mut [f64]) -> bool {
        let n = x.len();
        for _ in 0..STEPS {
            let update = self.matrix.times(x);
            // Relative to x: slope_i = x_i dF/dx_i.
            let push: Vec<f64> = (0..n).map(|i| self.gains[i] * x[i].powf(1.0 - self.power)).collect();
            let slope: Vec<f64> = (0..n).map(|i| x[i] * update[i] - push[i]).collect();
            let curve = Matrix::from_fn(n, |i, j| {
                x[i] * self.matrix[(i, j)] * x[j] + if i == j { self.power * push[i] } else { 0.0 }
            });
            let down: Vec<f64> = slope.iter().map(|slope| -slope).collect();
            let Some(step) = curve.solve(&down) else { return false };
            if step.iter().all(|step| step.abs() < 1e-8) {
                // The next error is of this one's square.
                x.iter_mut().zip(&step).for_each(|(x, step)| *x *= 1.0 + step);
                return true;
            }
            let fall = dot(&slope, &step);
            let before = self.value(x);
            let lowest = step.iter().copied().fold(0.0, f64::min);
            let mut share = if lowest < -0.95 { -0.95 / lowest } else { 1.0 };
            let trial = loop {
                let trial: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x * (1.0 + share * s)).collect();
                let after = self.value(&trial);
                if after <= before + 1e-4 * share * fall {
                    break Some(trial);
                }
                share *= 0.5;
                if share < 1e-10 {
                    break None;
                }
            };
            // No lower value to be had in 64 bits: it stands at the end, or as near as can be.
            let Some(trial) = trial else { return (0..n).all(|i| slope[i].abs() <= 1e-6 * push[i]) };
            x.copy_from_slice(&trial);
        }
        false
    }

    fn value(&self, x: &[f64]) -> f64 {
        let power = 1.0 - self.power;
        let gain = |(gain, x): (&f64, &f64)| match power.abs() < 1e-12 {
            true => gain * x.ln(),
            false => gain * x.powf(power) / power,
        };
        0.5 * self.matrix.between(x, x) - self.gains.iter().zip(x).map(gain).sum::<f64>()
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
                    solution.holds && (solution.weights[0] / expected - 1.0).abs() < 1e-7,
                    "{alpha} {square} {solution:?}"
                );
            }
        }
    }

    #[test]
    fn rows_that_cancel_are_told() {
        let solution = solve_bargaining(&Matrix::gramian(&[vec![1.0, 0.0], vec![-1.0, 0.0]]), 1.0);
        assert!(!solution.holds && solution.weights.iter().all(|weight| weight.is_finite() && *weight > 0.0));
        let solution = solve_bargaining(&Matrix::gramian(&[vec![1.0, 0.0], vec![0.0, 0.0]]), 1.0);
        assert!(!solution.holds && solution.weights[1] == 0.0, "{solution:?}");
    }
}
