//! Eigendecomposition of a small symmetric matrix by Jacobi rotations.
//!
//! Each rotation makes one off-diagonal entry 0; sweeps over all entries converge quadratically.

use crate::train::solver::matrix::{Matrix, dot};

/// M = V diag(values) V^T, values in descending order.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// One unit vector per value.
    pub vectors: Vec<Vec<f64>>,
}

/// Upper bound; a few sweeps suffice.
const SWEEPS: usize = 60;

impl Eigen {
    /// The decomposition of a symmetric matrix.
    pub fn decompose(matrix: &Matrix) -> Self {
        let n = matrix.size();
        let mut m = matrix.clone();
        let mut v = Matrix::from_fn(n, |i, j| f64::from(u8::from(i == j)));
        for _ in 0..SWEEPS {
            let mut rotated = false;
            for p in 0..n {
                for q in p + 1..n {
                    rotated |= jacobi_rotate(&mut m, &mut v, p, q);
                }
            }
            if !rotated {
                break;
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| m[(*b, *b)].total_cmp(&m[(*a, *a)]));
        Self {
            values: order.iter().map(|i| m[(*i, *i)]).collect(),
            vectors: order.iter().map(|i| (0..n).map(|row| v[(row, *i)]).collect()).collect(),
        }
    }

    /// V diag(function(values)) V^T x.
    pub fn apply(&self, x: &[f64], function: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        for (value, vector) in self.values.iter().zip(&self.vectors) {
            let coefficient = function(*value) * dot(vector, x);
            y.iter_mut().zip(vector).for_each(|(y, v)| *y += coefficient * v);
        }
        y
    }

    /// Number of values greater than `share` of the largest.
    pub fn rank(&self, share: f64) -> usize {
        let threshold = self.values.first().map_or(0.0, |largest| largest * share);
        self.values.iter().filter(|value| **value > threshold && **value > 0.0).count()
    }

    /// The minimum-norm least-squares solution x of M x = b; values below `share` of the largest count as 0.
    pub fn inverse(&self, b: &[f64], share: f64) -> Vec<f64> {
        let threshold = self.values.first().map_or(0.0, |largest| largest * share);
        self.apply(b, |value| if value > threshold && value > 0.0 { 1.0 / value } else { 0.0 })
    }
}

/// Makes entry (p, q) 0; `false` if it is negligible already.
fn jacobi_rotate(m: &mut Matrix, v: &mut Matrix, p: usize, q: usize) -> bool {
    let (a, b, off) = (m[(p, p)], m[(q, q)], m[(p, q)]);
    if off == 0.0 || off.abs() <= f64::EPSILON * 0.25 * (a * b).abs().sqrt() {
        return false;
    }
    let theta = (b - a) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    if !t.is_finite() || t == 0.0 {
        return false;
    }
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..m.size() {
        let (x, y) = (m[(k, p)], m[(k, q)]);
        (m[(k, p)], m[(k, q)]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..m.size() {
        let (x, y) = (m[(p, k)], m[(q, k)]);
        (m[(p, k)], m[(q, k)]) = (c * x - s * y, s * x + c * y);
        let (x, y) = (v[(k, p)], v[(k, q)]);
        (v[(k, p)], v[(k, q)]) = (c * x - s * y, s * x + c * y);
    }
    (m[(p, q)], m[(q, p)]) = (0.0, 0.0);
    true
}

#[cfg(test)]
mod tests {
    use crate::train::solver::eigen::Eigen;
    use crate::train::solver::matrix::{Matrix, dot};

    /// [[2, 1], [1, 2]] has the eigenvalues 3 with (1, 1) and 1 with (1, -1).
    #[test]
    fn two_by_two() {
        let eigen = Eigen::decompose(&Matrix::from_fn(2, |i, j| if i == j { 2.0 } else { 1.0 }));
        assert!((eigen.values[0] - 3.0).abs() < 1e-15 && (eigen.values[1] - 1.0).abs() < 1e-15);
        assert!((eigen.vectors[0][0] - eigen.vectors[0][1]).abs() < 1e-15);
        let x = eigen.inverse(&[3.0, 0.0], 1e-12);
        assert!((x[0] - 2.0).abs() < 1e-14 && (x[1] + 1.0).abs() < 1e-14, "{x:?}");
    }

    #[test]
    fn gramians_are_reconstructed() {
        for size in 1..9 {
            let noise =
                |i: usize, j: usize| ((i * i * 37 + i * j * 11 + j * j + size) as f64 * 12.9898).sin() * 10.0;
            let rows: Vec<Vec<f64>> = (0..size).map(|i| (0..5).map(|j| noise(i, j)).collect()).collect();
            let gramian = Matrix::gramian(&rows);
            let eigen = Eigen::decompose(&gramian);
            assert_eq!(eigen.rank(1e-12), size.min(5), "{:?}", eigen.values);
            for i in 0..size {
                let unit: Vec<f64> = (0..size).map(|j| f64::from(u8::from(i == j))).collect();
                let column = eigen.apply(&unit, |value| value);
                for (j, entry) in column.iter().enumerate() {
                    assert!((entry - gramian[(i, j)]).abs() < 1e-10 * eigen.values[0], "{i} {j}");
                }
                for j in 0..size {
                    let product = dot(&eigen.vectors[i], &eigen.vectors[j]);
                    assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
        }
    }
}
