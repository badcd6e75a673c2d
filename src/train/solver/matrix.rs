//! A small square matrix, such as the Gramian of the tasks' gradients.

use std::ops::{Index, IndexMut};

/// A square matrix, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    size: usize,
    entries: Vec<f64>,
}

impl Matrix {
    /// The matrix with entry (i, j) = `entry(i, j)`.
    pub fn from_fn(size: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let entries = (0..size * size).map(|index| entry(index / size, index % size)).collect();
        Self { size, entries }
    }

    /// The Gramian J J^T of the rows of J.
    pub fn gramian(rows: &[Vec<f64>]) -> Self {
        Self::from_fn(rows.len(), |i, j| dot(&rows[i], &rows[j]))
    }

    /// Number of rows and columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The diagonal.
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.size).map(|i| self[(i, i)]).collect()
    }

    /// The norms of the rows of which this is the Gramian: the square roots of the diagonal.
    pub fn norms(&self) -> Vec<f64> {
        self.diagonal().into_iter().map(|square| square.max(0.0).sqrt()).collect()
    }

    /// M v.
    pub fn matvec(&self, vector: &[f64]) -> Vec<f64> {
        self.entries.chunks(self.size.max(1)).map(|row| dot(row, vector)).collect()
    }

    /// left^T M right.
    pub fn bilinear(&self, left: &[f64], right: &[f64]) -> f64 {
        dot(left, &self.matvec(right))
    }

    /// D M D with D = diag(scale): the Gramian of rows that are scaled by `scale`.
    pub fn scaled(&self, scale: &[f64]) -> Self {
        Self::from_fn(self.size, |i, j| self[(i, j)] * scale[i] * scale[j])
    }

    /// The element-wise sum.
    pub fn add(&self, other: &Self) -> Self {
        Self::from_fn(self.size, |i, j| self[(i, j)] + other[(i, j)])
    }

    /// The submatrix of these rows and columns.
    pub fn submatrix(&self, indices: &[usize]) -> Self {
        Self::from_fn(indices.len(), |i, j| self[(indices[i], indices[j])])
    }

    /// M + ridge I.
    pub fn add_ridge(mut self, ridge: f64) -> Self {
        (0..self.size).for_each(|i| self[(i, i)] += ridge);
        self
    }

    /// The x with M x = b for a symmetric positive definite M, by Cholesky decomposition; `None` if a pivot
    /// is not positive.
    pub fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        let n = self.size;
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let remainder = self[(i, j)] - known;
                lower[i * n + j] = match i == j {
                    true if remainder > 0.0 => remainder.sqrt(),
                    true => return None,
                    false => remainder / lower[j * n + j],
                };
            }
        }
        let mut x = b.to_vec();
        for i in 0..n {
            let known: f64 = (0..i).map(|k| lower[i * n + k] * x[k]).sum();
            x[i] = (x[i] - known) / lower[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| lower[k * n + i] * x[k]).sum();
            x[i] = (x[i] - known) / lower[i * n + i];
        }
        x.iter().all(|value| value.is_finite()).then_some(x)
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.entries[row * self.size + column]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.entries[row * self.size + column]
    }
}

/// The dot product of two vectors.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The Euclidean norm of a vector.
pub fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

/// A Gramian as cosines and norms, C = D^-1 G D^-1, which keeps its precision if norms differ by orders of
/// magnitude. Zero rows are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct CosineGramian {
    /// The cosines of the nonzero rows; ones on the diagonal.
    pub matrix: Matrix,
    /// The norms of the nonzero rows.
    pub norms: Vec<f64>,
    /// The indices of the nonzero rows.
    pub rows: Vec<usize>,
    size: usize,
}

impl CosineGramian {
    /// The cosines and norms of the rows with this Gramian.
    pub fn from_gramian(gramian: &Matrix) -> Self {
        let all = gramian.norms();
        let longest = all.iter().copied().fold(0.0, f64::max);
        // Squares below the smallest normal number have lost their precision.
        let rows: Vec<usize> =
            (0..all.len()).filter(|i| gramian[(*i, *i)] > 1e-300 && all[*i] > 1e-150 * longest).collect();
        let norms: Vec<f64> = rows.iter().map(|i| all[*i]).collect();
        let entry = |i: usize, j: usize| match i == j {
            true => 1.0,
            false => (gramian[(rows[i], rows[j])] / norms[i] / norms[j]).clamp(-1.0, 1.0),
        };
        let matrix = Matrix::from_fn(rows.len(), entry);
        Self { matrix, norms, rows, size: all.len() }
    }

    /// Is there a zero row?
    pub fn has_zero_rows(&self) -> bool {
        self.rows.len() < self.size
    }

    /// The weights of the original rows from those of the unit rows; `zero_row_weight` for zero rows.
    pub fn weights(&self, unit_weights: &[f64], zero_row_weight: f64) -> Vec<f64> {
        let mut weights = vec![zero_row_weight; self.size];
        for ((row, norm), value) in self.rows.iter().zip(&self.norms).zip(unit_weights) {
            weights[*row] = value / norm;
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::matrix::{CosineGramian, Matrix};

    #[test]
    fn solves_a_system_and_refuses_a_singular_one() {
        let gramian = Matrix::gramian(&[vec![-4.0, 1.0, 1.0], vec![6.0, 1.0, 1.0]]);
        assert_eq!(gramian, Matrix::from_fn(2, |i, j| [[18.0, -22.0], [-22.0, 38.0]][i][j]));
        let x = gramian.solve(&[14.0, 54.0]).expect("solved");
        assert!((x[0] - 8.6).abs() < 1e-12 && (x[1] - 6.4).abs() < 1e-12, "{x:?}");
        assert_eq!(Matrix::from_fn(2, |_, _| 1.0).solve(&[1.0, 2.0]), None);
    }

    #[test]
    fn cosines_are_exact_for_norms_of_any_size() {
        let rows = [vec![3e-120, 4e-120], vec![0.0, 0.0], vec![4e20, 3e20]];
        let cosines = CosineGramian::from_gramian(&Matrix::gramian(&rows));
        assert_eq!(cosines.rows, [0, 2]);
        assert!((cosines.matrix[(0, 1)] - 0.96).abs() < 1e-12);
        assert!(cosines.has_zero_rows());
        assert_eq!(cosines.weights(&[1.0, 1.0], 7.0)[1], 7.0);
    }
}
