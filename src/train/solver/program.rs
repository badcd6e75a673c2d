//! A convex quadratic program over numbers of 0 or more, solved exactly by an active set.
//!
//! minimise 1/2 x^T H x + p^T x over x >= 0, and where `total` is given also over a^T x = 1 (a > 0). H is
//! symmetric and positive semidefinite. Numbers that are free solve a linear system; one that would become
//! negative is fixed at 0 on the way to it; one that is fixed and would lower the value is freed. The value
//! falls with every change of the set, so no set comes twice.

use crate::train::solver::matrix::{Matrix, dot};

/// The program.
#[derive(Clone, Debug)]
pub struct QuadraticProgram<'a> {
    pub quadratic: &'a Matrix,
    pub linear: &'a [f64],
    /// a of a^T x = 1.
    pub total: Option<&'a [f64]>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct QuadraticSolution {
    pub x: Vec<f64>,
    /// `false`: rounding kept it from the end; `x` allows what it must, but may not be the best.
    pub reached: bool,
}

/// Makes the solution unique, and every free set solvable; relative to H's largest diagonal cell.
const RIDGE: f64 = 1e-13;

impl QuadraticProgram<'_> {
    pub fn solve(&self) -> QuadraticSolution {
        let n = self.linear.len();
        let largest = self.quadratic.diagonal().into_iter().fold(0.0, f64::max);
        let h = self.quadratic.clone().ridged(RIDGE * if largest > 0.0 { largest } else { 1.0 });
        let mut x = vec![0.0; n];
        let mut free: Vec<usize> = Vec::new();
        if let Some(a) = self.total {
            // The best corner is a place to begin.
            let value = |i: &usize| 0.5 * h[(*i, *i)] / (a[*i] * a[*i]) + self.linear[*i] / a[*i];
            let Some(best) = (0..n).min_by(|i, j| value(i).total_cmp(&value(j))) else {
                return QuadraticSolution { x, reached: true };
            };
            x[best] = 1.0 / a[best];
            free.push(best);
        }
        // One that was just freed and falls back at once is left alone until another step is made.
        let mut constant: Vec<usize> = Vec::new();
        for _ in 0..50 * (n + 1) {
            let moved = self.descend(&h, &mut x, &mut free, &mut constant);
            let Some(moved) = moved else { return QuadraticSolution { x, reached: false } };
            if moved {
                constant.clear();
            }
            match self.lowering(&h, &x, &free, &constant) {
                Some(next) => free.push(next),
                None => return QuadraticSolution { x, reached: true },
            }
        }
        QuadraticSolution { x, reached: false }
    }

    /// Moves to the best x of the free numbers, fixing those on the way that reach 0; did it move? `None`
    /// when the system cannot be solved.
    fn descend(
        &self,
        h: &Matrix,
        x: &mut [f64],
        free: &mut Vec<usize>,
        constant: &mut Vec<usize>,
    ) -> Option<bool> {
        let mut moved = false;
        while !free.is_empty() {
            let goal = self.best_of(h, free)?;
            let steps = free.iter().zip(&goal).filter(|(_, goal)| **goal <= 0.0);
            let reach = |(i, goal): (&usize, &f64)| x[*i] / (x[*i] - goal);
            let share = steps.map(reach).fold(1.0, f64::min).max(0.0);
            for (i, goal) in free.iter().zip(&goal) {
                x[*i] += share * (goal - x[*i]);
            }
            moved |= share > 0.0;
            if goal.iter().all(|goal| *goal > 0.0) {
                return Some(moved);
            }
            // At least the one that set the share stands at 0, whatever rounding made of it.
            let least = free.iter().zip(&goal).filter(|(_, goal)| **goal <= 0.0);
            let least = least.map(|(i, _)| x[*i]).fold(f64::INFINITY, f64::min).max(0.0);
            let out: Vec<usize> = free
                .iter()
                .zip(&goal)
                .filter(|(i, g)| **g <= 0.0 && x[**i] <= least)
                .map(|(i, _)| *i)
                .collect();
            out.iter().for_each(|i| x[*i] = 0.0);
            free.retain(|i| !out.contains(i));
            constant.extend(out);
        }
        Some(moved)
    }

    /// The best values of the free numbers, the others 0, signs aside.
    fn best_of(&self, h: &Matrix, free: &[usize]) -> Option<Vec<f64>> {
        let part = h.part(free);
        let down: Vec<f64> = free.iter().map(|i| -self.linear[*i]).collect();
        let plain = part.solve(&down)?;
        let Some(a) = self.total else { return Some(plain) };
        let a: Vec<f64> = free.iter().map(|i| a[*i]).collect();
        let along = part.solve(&a)?;
        let price = (1.0 - dot(&a, &plain)) / dot(&a, &along);
        Some(plain.iter().zip(&along).map(|(plain, along)| plain + price * along).collect())
    }

    /// The fixed number that lowers the value most when it is freed.
    fn lowering(&self, h: &Matrix, x: &[f64], free: &[usize], constant: &[usize]) -> Option<usize> {
        let slope: Vec<f64> = h.times(x).iter().zip(self.linear).map(|(h, p)| h + p).collect();
        let ones = vec![1.0; x.len()];
        let a = self.total.unwrap_or(&ones);
        // At the best x of the free ones slope = price a for each of them.
        let price = match self.total {
            Some(a) => {
                free.iter().map(|i| x[*i] * slope[*i]).sum::<f64>()
                    / free.iter().map(|i| x[*i] * a[*i]).sum::<f64>()
            }
            None => 0.0,
        };
        let size = |i: usize| {
            let terms = (0..x.len()).map(|j| (h[(i, j)] * x[j]).abs()).sum::<f64>();
            terms + self.linear[i].abs() + (price * a[i]).abs()
        };
        let fixed = (0..x.len()).filter(|i| !free.contains(i) && !constant.contains(i));
        let gain = |i: usize| (slope[i] - price * a[i]) / size(i).max(f64::MIN_POSITIVE);
        fixed
            .map(|i| (i, gain(i)))
            .filter(|(_, gain)| *gain < -1e-13)
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
    fn a_cone_of_two() {
        let quadratic = Matrix::from_fn(2, |i, j| if i == j { 2.0 } else { 0.0 });
        let solution = QuadraticProgram { quadratic: &quadratic, linear: &[-2.0, 2.0], total: None }.solve();
        assert!(
            solution.reached && (solution.x[0] - 1.0).abs() < 1e-12 && solution.x[1] == 0.0,
            "{solution:?}"
        );
    }

    /// The nearest point to 0 between (1, 1) and (3, -1) is (2, 0) = the middle.
    #[test]
    fn a_simplex_of_two() {
        let gramian = Matrix::gramian(&[vec![1.0, 1.0], vec![3.0, -1.0]]);
        let solution =
            QuadraticProgram { quadratic: &gramian, linear: &[0.0; 2], total: Some(&[1.0; 2]) }.solve();
        // w = (1, 0) would be (1, 1) of length 1.41; along (1, 1) + t (2, -2) the nearest is t = 0.
        assert!(solution.reached && (solution.x[0] - 1.0).abs() < 1e-9, "{solution:?}");
    }

    #[test]
    fn nothing_at_all() {
        let solution =
            QuadraticProgram { quadratic: &Matrix::from_fn(0, |_, _| 0.0), linear: &[], total: Some(&[]) }
                .solve();
        assert!(solution.x.is_empty() && solution.reached);
    }
}
