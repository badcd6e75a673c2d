//! Matrix products over slices: a safe interface to crate gemm. Strides make transposed matrices, and ranges
//! of columns, free.
//!
//! The three dimensions alone determine the order in which each element is summed, so results do not depend
//! on the number of threads.

use gemm::Parallelism;

/// A matrix within a slice: element (i, j) is at i `row_stride` + j `column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a> {
    values: &'a [f32],
    layout: MatrixLayout,
}

/// A mutable matrix within a slice; see `MatrixView`.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    values: &'a mut [f32],
    layout: MatrixLayout,
}

/// Shape and strides of a matrix within a slice.
#[derive(Clone, Copy, Debug)]
struct MatrixLayout {
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl MatrixLayout {
    /// Panics if an element lies outside a slice of this length.
    fn check(self, length: usize) -> Self {
        if self.rows > 0 && self.columns > 0 {
            let last = (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride;
            assert!(last < length, "{self:?} exceeds a slice of {length} elements");
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
    /// A contiguous row-major matrix.
    ///
    /// # Panics
    /// If it exceeds the slice.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns, 1)
    }

    /// A matrix with these strides.
    ///
    /// # Panics
    /// If an element lies outside the slice.
    pub fn strided(
        values: &'a [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        Self { values, layout: MatrixLayout { rows, columns, row_stride, column_stride }.check(values.len()) }
    }

    /// The transposed matrix, a view.
    pub fn t(self) -> Self {
        Self { layout: self.layout.transposed(), ..self }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.layout.columns
    }

    /// A range of columns, a view.
    ///
    /// # Panics
    /// If the matrix has fewer columns.
    pub fn some_columns(self, columns: std::ops::Range<usize>) -> Self {
        assert!(columns.end <= self.layout.columns, "columns {columns:?} of {:?}", self.layout);
        let first = columns.start * self.layout.column_stride;
        let layout = MatrixLayout { columns: columns.len(), ..self.layout };
        let values = &self.values[first.min(self.values.len())..];
        Self { values, layout: layout.check(values.len()) }
    }

    /// Some columns of a row, if the elements of a row are contiguous.
    pub fn contiguous_row(&self, row: usize, columns: std::ops::Range<usize>) -> Option<&'a [f32]> {
        let first = row * self.layout.row_stride;
        (self.layout.column_stride == 1).then(|| &self.values[first + columns.start..first + columns.end])
    }

    /// A column, if its elements are contiguous.
    pub fn contiguous_column(&self, column: usize) -> Option<&'a [f32]> {
        let first = column * self.layout.column_stride;
        (self.layout.row_stride == 1).then(|| &self.values[first..first + self.layout.rows])
    }

    /// The element at a row and a column.
    pub fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.layout.row_stride + column * self.layout.column_stride]
    }
}

impl<'a> MatrixMut<'a> {
    /// A contiguous row-major matrix.
    ///
    /// # Panics
    /// If it exceeds the slice.
    pub fn new(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns, 1)
    }

    /// A matrix with these strides.
    ///
    /// # Panics
    /// If an element lies outside the slice, or two elements overlap.
    pub fn strided(
        values: &'a mut [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        let distinct = (columns <= 1 || column_stride > 0) && (rows <= 1 || row_stride > 0);
        let by_rows = rows <= 1 || columns.saturating_sub(1) * column_stride < row_stride;
        let by_columns = columns <= 1 || rows.saturating_sub(1) * row_stride < column_stride;
        assert!(distinct && (by_rows || by_columns), "elements of a mutable matrix must not overlap");
        let layout = MatrixLayout { rows, columns, row_stride, column_stride }.check(values.len());
        Self { values, layout }
    }

    /// The transposed matrix, a view.
    pub fn t(self) -> Self {
        Self { layout: self.layout.transposed(), ..self }
    }
}

/// Which threads compute a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductThreads {
    /// The calling thread only: for small products, and for callers that run on several threads.
    One,
    /// All threads of rayon's pool, if the product is large enough.
    All,
}

/// c = a b, or c += a b if `add`.
///
/// # Panics
/// If the dimensions do not fit together.
pub fn product(a: MatrixView, b: MatrixView, c: MatrixMut, add: bool, threads: ProductThreads) {
    let (m, k, n) = (a.layout.rows, a.layout.columns, b.layout.columns);
    assert!(
        b.layout.rows == k && c.layout.rows == m && c.layout.columns == n,
        "dimensions do not fit together: {:?} times {:?} into {:?}",
        a.layout,
        b.layout,
        c.layout
    );
    if m == 0 || n == 0 {
        return;
    }
    let parallelism = if threads == ProductThreads::All { Parallelism::Rayon(0) } else { Parallelism::None };
    // Every stride that is used fits into isize, because the index of the last element is below the length of
    // the slice. The stride of a dimension of 1 is not used.
    let stride = |length: usize, stride: usize| if length <= 1 { 1 } else { stride as isize };
    let strides = |p: &MatrixLayout| (stride(p.columns, p.column_stride), stride(p.rows, p.row_stride));
    let (a_columns, a_rows) = strides(&a.layout);
    let (b_columns, b_rows) = strides(&b.layout);
    let (c_columns, c_rows) = strides(&c.layout);
    // SAFETY: `MatrixLayout::check` has made sure that all elements of the three matrices lie within their
    // slices. `c` is borrowed mutably, so it overlaps neither `a` nor `b`, and its elements do not overlap
    // (checked by `MatrixMut::strided`).
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
    fn an_empty_sum_is_zero() {
        let mut c = [1.0, 2.0];
        let none: [f32; 0] = [];
        let (a, b) = (MatrixView::new(&none, 1, 0), MatrixView::new(&none, 0, 2));
        product(a, b, MatrixMut::new(&mut c, 1, 2), true, ProductThreads::One);
        assert_eq!(c, [1.0, 2.0]);
        product(a, b, MatrixMut::new(&mut c, 1, 2), false, ProductThreads::One);
        assert_eq!(c, [0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "exceeds a slice of 5 elements")]
    fn a_short_slice_is_refused() {
        MatrixView::new(&[0.0; 5], 2, 3);
    }

    #[test]
    #[should_panic(expected = "must not overlap")]
    fn overlapping_elements_are_refused() {
        MatrixMut::strided(&mut [0.0; 5], 2, 3, 1, 1);
    }
}
