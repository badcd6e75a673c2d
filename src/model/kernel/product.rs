//! Matrix products over plain slices: the one safe door to crate gemm, whose own is unsafe. Strides
//! make a transposed matrix, or some columns of a wider one, cost nothing.
//!
//! Each element is summed in an order fixed by the three dimensions, so the number of threads changes
//! nothing.

use gemm::Parallelism;

/// A matrix that lies in a slice: element (i, j) at i times `row_stride` + j times `column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a> {
    values: &'a [f32],
    place: OutputPointer,
}

/// A matrix that is written to.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    values: &'a mut [f32],
    place: OutputPointer,
}

#[derive(Clone, Copy, Debug)]
struct OutputPointer {
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl OutputPointer {
    /// Panics when an element lies beyond the slice: a bug of the caller.
    fn check(self, length: usize) -> Self {
        if self.rows > 0 && self.columns > 0 {
            let last = (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride;
            assert!(last < length, "{self:?} does not lie in a slice of {length}");
        }
        self
    }

    fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

impl<'a> MatrixView<'a> {
    /// Row after row, nothing between.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns, 1)
    }

    /// Panics when an element lies beyond the slice.
    pub fn strided(
        values: &'a [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        Self { values, place: OutputPointer { rows, columns, row_stride, column_stride }.check(values.len()) }
    }

    /// Transposed; nothing moves.
    pub fn t(self) -> Self {
        Self { place: self.place.transposed(), ..self }
    }

    pub fn rows(&self) -> usize {
        self.place.rows
    }

    pub fn columns(&self) -> usize {
        self.place.columns
    }

    /// Some of the columns; nothing moves. Panics when there are fewer.
    pub fn some_columns(self, columns: std::ops::Range<usize>) -> Self {
        assert!(columns.end <= self.place.columns, "{columns:?} of {:?}", self.place);
        let first = columns.start * self.place.column_stride;
        let layout = OutputPointer { columns: columns.len(), ..self.place };
        let values = &self.values[first.min(self.values.len())..];
        Self { values, place: layout.check(values.len()) }
    }

    /// Numbers of a row from a column on, where a row's lie one after the other.
    pub fn along_row(&self, row: usize, columns: std::ops::Range<usize>) -> Option<&'a [f32]> {
        let first = row * self.place.row_stride;
        (self.place.column_stride == 1).then(|| &self.values[first + columns.start..first + columns.end])
    }

    /// The numbers of a column, where they lie one after the other.
    pub fn down_column(&self, column: usize) -> Option<&'a [f32]> {
        let first = column * self.place.column_stride;
        (self.place.row_stride == 1).then(|| &self.values[first..first + self.place.rows])
    }

    pub fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.place.row_stride + column * self.place.column_stride]
    }
}

impl<'a> MatrixMut<'a> {
    /// Row after row, nothing between.
    pub fn new(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns, 1)
    }

    /// Panics when an element lies beyond the slice, or two elements lie at the same place.
    pub fn strided(
        values: &'a mut [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        let apart = (columns <= 1 || column_stride > 0) && (rows <= 1 || row_stride > 0);
        let by_rows = rows <= 1 || columns.saturating_sub(1) * column_stride < row_stride;
        let by_columns = columns <= 1 || rows.saturating_sub(1) * row_stride < column_stride;
        assert!(apart && (by_rows || by_columns), "elements of a matrix that is written to lie apart");
        let layout = OutputPointer { rows, columns, row_stride, column_stride }.check(values.len());
        Self { values, place: layout }
    }

    /// Transposed; nothing moves.
    pub fn t(self) -> Self {
        Self { place: self.place.transposed(), ..self }
    }
}

/// Who works on a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductThreads {
    /// The caller: for small products, and for callers that are one of several themselves.
    One,
    /// All of rayon's, if the product is worth it.
    All,
}

/// c = a b, or c += a b when `add`. Panics when the dimensions do not fit.
pub fn product(a: MatrixView, b: MatrixView, c: MatrixMut, add: bool, threads: ProductThreads) {
    let (m, k, n) = (a.place.rows, a.place.columns, b.place.columns);
    assert!(
        b.place.rows == k && c.place.rows == m && c.place.columns == n,
        "dimensions fit: {:?} times {:?} in {:?}",
        a.place,
        b.place,
        c.place
    );
    if m == 0 || n == 0 {
        return;
    }
    let parallelism = if threads == ProductThreads::All { Parallelism::Rayon(0) } else { Parallelism::None };
    // A stride never is beyond isize: the last element's place was compared with a slice's length, and
    // that of a dimension of 1 is not used.
    let stride = |length: usize, stride: usize| if length <= 1 { 1 } else { stride as isize };
    let strides = |p: &OutputPointer| (stride(p.columns, p.column_stride), stride(p.rows, p.row_stride));
    let (a_columns, a_rows) = strides(&a.place);
    let (b_columns, b_rows) = strides(&b.place);
    let (c_columns, c_rows) = strides(&c.place);
    // SAFETY: `OutputPointer::check` made sure that all elements of the three lie in their slices; `c` is
    // borrowed mutably, so it overlaps neither `a` nor `b`, and its elements lie apart
    // (`MatrixMut::strided`).
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.values.as_mut_ptr(),
            c_columns,
            c_rows,
            add,
            a.values.as_ptr(),
            a_columns,
            a_rows,
            b.values.as_ptr(),
            b_columns,
            b_rows,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 + salt * 11) % 23) as f32 / 8.0 - 1.25).collect()
    }

    fn plain(a: MatrixView, b: MatrixView, row: usize, column: usize) -> f32 {
        (0..a.columns()).map(|k| f64::from(a.at(row, k)) * f64::from(b.at(k, column))).sum::<f64>() as f32
    }

    #[test]
    fn plain_transposed_and_strided_products() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 2), (1, 40, 7), (17, 9, 33), (70, 300, 65)] {
            let (left, right) = (numbers(m * k, 1), numbers(k * n * 2, 2));
            let sides = [
                (MatrixView::new(&left, m, k), MatrixView::new(&right, k, n)),
                (MatrixView::new(&left, k, m).t(), MatrixView::new(&right, n, k).t()),
                (MatrixView::new(&left, m, k), MatrixView::strided(&right, k, n, 2 * n, 1)),
                (MatrixView::new(&left, k, m).t(), MatrixView::strided(&right, k, n, 1, 2 * k)),
            ];
            for (a, b) in sides {
                for (add, threads) in
                    [(false, ProductThreads::One), (true, ProductThreads::One), (false, ProductThreads::All)]
                {
                    // Every other column of a wider matrix.
                    let mut values = vec![0.5; m * n * 2];
                    product(a, b, MatrixMut::strided(&mut values, m, n, 2 * n, 2), add, threads);
                    for (index, result) in values.iter().enumerate() {
                        let (row, column) = (index / (2 * n), index % (2 * n));
                        let expected = match (column % 2, add) {
                            (0, true) => 0.5 + plain(a, b, row, column / 2),
                            (0, false) => plain(a, b, row, column / 2),
                            _ => 0.5,
                        };
                        assert!(
                            (result - expected).abs() < 1e-4 * expected.abs().max(1.0),
                            "{result} {expected}"
                        );
                    }
                    let mut transposed = vec![0.0; m * n];
                    product(a, b, MatrixMut::new(&mut transposed, n, m).t(), false, threads);
                    let last = plain(a, b, m - 1, n - 1);
                    assert!((transposed[m * n - 1] - last).abs() < 1e-4 * last.abs().max(1.0));
                }
            }
        }
    }

    #[test]
    fn nothing_to_sum_is_zero() {
        let mut c = [1.0, 2.0];
        let none: [f32; 0] = [];
        let (a, b) = (MatrixView::new(&none, 1, 0), MatrixView::new(&none, 0, 2));
        product(a, b, MatrixMut::new(&mut c, 1, 2), true, ProductThreads::One);
        assert_eq!(c, [1.0, 2.0]);
        product(a, b, MatrixMut::new(&mut c, 1, 2), false, ProductThreads::One);
        assert_eq!(c, [0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "does not lie in a slice of 5")]
    fn a_slice_too_short_is_refused() {
        MatrixView::new(&[0.0; 5], 2, 3);
    }

    #[test]
    #[should_panic(expected = "lie apart")]
    fn elements_at_one_place_are_refused() {
        MatrixMut::strided(&mut [0.0; 5], 2, 3, 1, 1);
    }
}
