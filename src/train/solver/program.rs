//! A convex quadratic program over non-negative numbers, solved exactly by an active-set method.
//!
//! Minimizes 1/2 x^T H x + p^T x over x >= 0, and a^T x = 1 (a > 0) if `total` is given. H is symmetric and
//! positive semidefinite. The free variables solve a linear system; a variable that would become negative is
//! fixed at 0 on the way; a fixed variable that would lower the value is freed. The value decreases with
//! every change of the active set, so no set repeats.

use crate::train::solver::matrix::{Matrix, dot};

/// The program: minimize 1/2 x^T H x + p^T x over x >= 0.
#[derive(Clone, Debug)]
pub struct QuadraticProgram<'a> {
    /// H.
    pub quadratic: &'a Matrix,
    /// p.
    pub linear: &'a [f64],
    /// a of the constraint a^T x = 1, if there is one.
    pub equality: Option<&'a [f64]>,
}

/// The solution.
#[derive(Clone, Debug, PartialEq)]
pub struct QuadraticSolution {
    /// The minimizer.
    pub x: Vec<f64>,
    /// `false` if rounding prevented convergence: `x` is feasible, but may not be optimal.
    pub converged: bool,
}

/// Makes the solution unique and every linear system solvable; relative to the largest diagonal entry of H.
const RIDGE: f64 = 1e-13;

impl QuadraticProgram<'_> {
    /// Solves the program.
    pub fn solve(&self) -> QuadraticSolution {
        let n = self.linear.len();
        let largest = self.quadratic.diagonal().into_iter().fold(0.0, f64::max);
        let h = self.quadratic.clone().add_ridge(RIDGE * if largest > 0.0 { largest } else { 1.0 });
        let mut x = vec![0.0; n];
        let mut free: Vec<usize> = Vec::new();
        if let Some(a) = self.equality {
            // Start at the best vertex.
            let value = |i: &usize| 0.5 * h[(*i, *i)] / (a[*i] * a[*i]) + self.linear[*i] / a[*i];
            let Some(best) = (0..n).min_by(|i, j| value(i).total_cmp(&value(j))) else {
                return QuadraticSolution { x, converged: true };
            };
            x[best] = 1.0 / a[best];
            free.push(best);
        }
        // A variable that returns to 0 right after it was freed is blocked until x moves.
        let mut blocked: Vec<usize> = Vec::new();
        for _ in 0..50 * (n + 1) {
            let moved = self.descend(&h, &mut x, &mut free, &mut blocked);
            let Some(moved) = moved else { return QuadraticSolution { x, converged: false } };
            if moved {
                blocked.clear();
            }
            match self.variable_to_free(&h, &x, &free, &blocked) {
                Some(next) => free.push(next),
                None => return QuadraticSolution { x, converged: true },
            }
        }
        QuadraticSolution { x, converged: false }
    }

    /// Moves to the optimum of the free variables, fixing those that reach 0 on the way. Returns whether x
    /// moved, `None` if the linear system cannot be solved.
    fn descend(
        &self,
        h: &Matrix,
        x: &mut [f64],
        free: &mut Vec<usize>,
        blocked: &mut Vec<usize>,
    ) -> Option<bool> {
        let mut moved = false;
        while !free.is_empty() {
            let target = self.free_optimum(h, free)?;
            let steps = free.iter().zip(&target).filter(|(_, target)| **target <= 0.0);
            let step_to_zero = |(i, target): (&usize, &f64)| x[*i] / (x[*i] - target);
            let share = steps.map(step_to_zero).fold(1.0, f64::min).max(0.0);
            for (i, target) in free.iter().zip(&target) {
                x[*i] += share * (target - x[*i]);
            }
            moved |= share > 0.0;
            if target.iter().all(|target| *target > 0.0) {
                return Some(moved);
            }
            // At least the variable that limited the step is exactly 0, whatever rounding made of it.
            let least = free.iter().zip(&target).filter(|(_, target)| **target <= 0.0);
            let least = least.map(|(i, _)| x[*i]).fold(f64::INFINITY, f64::min).max(0.0);
            let fixed: Vec<usize> = free
                .iter()
                .zip(&target)
                .filter(|(i, g)| **g <= 0.0 && x[**i] <= least)
                .map(|(i, _)| *i)
                .collect();
            fixed.iter().for_each(|i| x[*i] = 0.0);
            free.retain(|i| !fixed.contains(i));
            blocked.extend(fixed);
        }
        Some(moved)
    }

    /// The optimum of the free variables with the others at 0, ignoring x >= 0.
    fn free_optimum(&self, h: &Matrix, free: &[usize]) -> Option<Vec<f64>> {
        let submatrix = h.submatrix(free);
        let negated: Vec<f64> = free.iter().map(|i| -self.linear[*i]).collect();
        let unconstrained = submatrix.solve(&negated)?;
        let Some(a) = self.equality else { return Some(unconstrained) };
        let a: Vec<f64> = free.iter().map(|i| a[*i]).collect();
        let along_a = submatrix.solve(&a)?;
        let multiplier = (1.0 - dot(&a, &unconstrained)) / dot(&a, &along_a);
        Some(unconstrained.iter().zip(&along_a).map(|(x, along_a)| x + multiplier * along_a).collect())
    }

    /// The fixed variable that lowers the value most when it is freed.
    fn variable_to_free(&self, h: &Matrix, x: &[f64], free: &[usize], blocked: &[usize]) -> Option<usize> {
        let gradient: Vec<f64> = h.matvec(x).iter().zip(self.linear).map(|(h, p)| h + p).collect();
        let ones = vec![1.0; x.len()];
        let a = self.equality.unwrap_or(&ones);
        // At the optimum of the free variables, gradient = multiplier * a for each of them.
        let multiplier = match self.equality {
            Some(a) => {
                free.iter().map(|i| x[*i] * gradient[*i]).sum::<f64>()
                    / free.iter().map(|i| x[*i] * a[*i]).sum::<f64>()
            }
            None => 0.0,
        };
        let magnitude = |i: usize| {
            let terms = (0..x.len()).map(|j| (h[(i, j)] * x[j]).abs()).sum::<f64>();
            terms + self.linear[i].abs() + (multiplier * a[i]).abs()
        };
        let fixed = (0..x.len()).filter(|i| !free.contains(i) && !blocked.contains(i));
        let relative_gradient =
            |i: usize| (gradient[i] - multiplier * a[i]) / magnitude(i).max(f64::MIN_POSITIVE);
        fixed
            .map(|i| (i, relative_gradient(i)))
            .filter(|(_, relative)| *relative < -1e-13)
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(i, _)| i)
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::matrix::Matrix;
    use crate::train::solver::program::QuadraticProgram;

    /// min x^2 - 2x + y^2 + 2y over x, y >= 0 is at (1, 0).
    #[test]
    fn two_variables_without_a_constraint() {
        let quadratic = Matrix::from_fn(2, |i, j| if i == j { 2.0 } else { 0.0 });
        let solution =
            QuadraticProgram { quadratic: &quadratic, linear: &[-2.0, 2.0], equality: None }.solve();
        assert!(
            solution.converged && (solution.x[0] - 1.0).abs() < 1e-12 && solution.x[1] == 0.0,
            "{solution:?}"
        );
    }

    /// The shortest point between (1, 1) and (3, -1).
    #[test]
    fn two_variables_on_the_simplex() {
        let gramian = Matrix::gramian(&[vec![1.0, 1.0], vec![3.0, -1.0]]);
        let solution =
            QuadraticProgram { quadratic: &gramian, linear: &[0.0; 2], equality: Some(&[1.0; 2]) }.solve();
        // On (1, 1) + t (2, -2) the shortest point is t = 0, so w = (1, 0).
        assert!(solution.converged && (solution.x[0] - 1.0).abs() < 1e-9, "{solution:?}");
    }

    #[test]
    fn an_empty_program() {
        let solution =
            QuadraticProgram { quadratic: &Matrix::from_fn(0, |_, _| 0.0), linear: &[], equality: Some(&[]) }
                .solve();
        assert!(solution.x.is_empty() && solution.converged);
    }
}
