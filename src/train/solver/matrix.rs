//! A small square matrix, such as the Gramian of the tasks' gradients.

use std::ops::{Index, IndexMut};

/// A square matrix of 64-bit floats, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    size: usize,
    cells: Vec<f64>,
}

impl Matrix {
    /// The matrix whose cell (row, column) is `cell(row, column)`.
    pub fn from_fn(size: usize, cell: impl Fn(usize, usize) -> f64) -> Self {
        let cells = (0..size * size).map(|index| cell(index / size, index % size)).collect();
        Self { size, cells }
    }

    /// The dot products of rows: J J^T.
    pub fn gramian(rows: &[Vec<f64>]) -> Self {
        Self::from_fn(rows.len(), |i, j| dot(&rows[i], &rows[j]))
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.size).map(|i| self[(i, i)]).collect()
    }

    /// The lengths of the rows whose dot products these are.
    pub fn norms(&self) -> Vec<f64> {
        self.diagonal().into_iter().map(|square| square.max(0.0).sqrt()).collect()
    }

    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.cells.chunks(self.size.max(1)).map(|row| dot(row, vector)).collect()
    }

    /// left^T M right.
    pub fn between(&self, left: &[f64], right: &[f64]) -> f64 {
        dot(left, &self.times(right))
    }

    /// D M D of the diagonal matrix D: the dot products of rows each scaled by its own number.
    pub fn scaled(&self, scale: &[f64]) -> Self {
        Self::from_fn(self.size, |i, j| self[(i, j)] * scale[i] * scale[j])
    }

    /// Cell by cell.
    pub fn plus(&self, other: &Self) -> Self {
        Self::from_fn(self.size, |i, j| self[(i, j)] + other[(i, j)])
    }

    /// The rows and columns of these numbers alone.
    pub fn part(&self, chosen: &[usize]) -> Self {
        Self::from_fn(chosen.len(), |i, j| self[(chosen[i], chosen[j])])
    }

    /// M + value I.
    pub fn ridged(mut self, value: f64) -> Self {
        (0..self.size).for_each(|i| self[(i, i)] += value);
        self
    }

    /// M x = b of a symmetric positive definite M, by Cholesky; `None` when a pivot is not positive.
    pub fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        let n = self.size;
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let rest = self[(i, j)] - known;
                lower[i * n + j] = match i == j {
                    true if rest > 0.0 => rest.sqrt(),
                    true => return None,
                    false => rest / lower[j * n + j],
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
        &self.cells[row * self.size + column]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.cells[row * self.size + column]
    }
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A Gramian as cosines and lengths, so that nothing is lost where lengths differ by many orders: C = D^-1 G
/// D^-1.
#[derive(Clone, Debug, PartialEq)]
pub struct CosineGramian {
    /// Ones on the diagonal; only of rows that are not nothing.
    pub matrix: Matrix,
    /// Their lengths.
    pub norms: Vec<f64>,
    /// Their numbers.
    pub rows: Vec<usize>,
    size: usize,
}

impl CosineGramian {
    pub fn from_gramian(gramian: &Matrix) -> Self {
        let all = gramian.norms();
        let longest = all.iter().copied().fold(0.0, f64::max);
        // Below the smallest normal number a square has lost its digits.
        let rows: Vec<usize> =
            (0..all.len()).filter(|i| gramian[(*i, *i)] > 1e-300 && all[*i] > 1e-150 * longest).collect();
        let norms: Vec<f64> = rows.iter().map(|i| all[*i]).collect();
        let cell = |i: usize, j: usize| match i == j {
            true => 1.0,
            false => (gramian[(rows[i], rows[j])] / norms[i] / norms[j]).clamp(-1.0, 1.0),
        };
        let matrix = Matrix::from_fn(rows.len(), cell);
        Self { matrix, norms, rows, size: all.len() }
    }

    /// Is there a row that is nothing?
    pub fn misses_rows(&self) -> bool {
        self.rows.len() < self.size
    }

    /// Weights of unit rows as weights of all rows; `rest` for rows that are nothing.
    pub fn weights(&self, of_units: &[f64], rest: f64) -> Vec<f64> {
        let mut weights = vec![rest; self.size];
        for ((row, norm), value) in self.rows.iter().zip(&self.norms).zip(of_units) {
            weights[*row] = value / norm;
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use crate::train::solver::matrix::{CosineGramian, Matrix};

    #[test]
    fn a_system_is_solved_and_a_singular_one_refused() {
        let gramian = Matrix::gramian(&[vec![-4.0, 1.0, 1.0], vec![6.0, 1.0, 1.0]]);
        assert_eq!(gramian, Matrix::from_fn(2, |i, j| [[18.0, -22.0], [-22.0, 38.0]][i][j]));
        let x = gramian.solve(&[14.0, 54.0]).expect("solved");
        assert!((x[0] - 8.6).abs() < 1e-12 && (x[1] - 6.4).abs() < 1e-12, "{x:?}");
        assert_eq!(Matrix::from_fn(2, |_, _| 1.0).solve(&[1.0, 2.0]), None);
    }

    #[test]
    fn lengths_of_any_size_leave_the_cosines_exact() {
        let rows = [vec![3e-120, 4e-120], vec![0.0, 0.0], vec![4e20, 3e20]];
        let cosines = CosineGramian::from_gramian(&Matrix::gramian(&rows));
        assert_eq!(cosines.rows, [0, 2]);
        assert!((cosines.matrix[(0, 1)] - 0.96).abs() < 1e-12);
        assert!(cosines.misses_rows());
        assert_eq!(cosines.weights(&[1.0, 1.0], 7.0)[1], 7.0);
    }
}
