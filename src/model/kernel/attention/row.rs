//! Attention within one row of a batch, for one block of queries of one head at a time.

use crate::model::kernel::attention::{AttentionDropout, AttentionOptions};
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::softmax::{softmax_backward, softmax_in_place};
use crate::model::kernel::wide::wide;

/// Queries per block.
const QUERIES: usize = 64;

/// Queries, keys or values of all heads of one row; steps begin `stride` apart.
#[derive(Clone, Copy)]
pub struct StridedSteps<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

impl<'a> StridedSteps<'a> {
    /// The steps `from..to` of the head that begins at column `at`: a matrix `[steps, head_width]`.
    fn head(self, from: usize, to: usize, at: usize, head_width: usize) -> MatrixView<'a> {
        MatrixView::strided(&self.values[from * self.stride + at..], to - from, head_width, self.stride, 1)
    }
}

/// One row of the batch.
pub struct AttentionRow<'a> {
    options: &'a AttentionOptions,
    /// Index within the batch.
    index: usize,
    /// Numbers of queries and keys, including padding, and of the real ones.
    queries: usize,
    keys: usize,
    real_queries: usize,
    real_keys: usize,
    /// Width of a head.
    head_width: usize,
    q: StridedSteps<'a>,
    k: StridedSteps<'a>,
    v: StridedSteps<'a>,
}

impl<'a> AttentionRow<'a> {
    pub fn new(
        options: &'a AttentionOptions,
        index: usize,
        (queries, keys, width): (usize, usize, usize),
        [q, k, v]: [StridedSteps<'a>; 3],
    ) -> Self {
        let real_queries = options.real_length(&options.queries, index, queries);
        let real_keys = options.real_length(&options.keys, index, keys);
        let head_width = width / options.heads;
        Self { options, index, queries, keys, real_queries, real_keys, head_width, q, k, v }
    }

    /// Blocks of queries: (first, last + 1, number of keys that any of them attends to).
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.real_queries).step_by(QUERIES).map(|from| {
            let to = (from + QUERIES).min(self.real_queries);
            (from, to, self.visible_keys(to - 1))
        })
    }

    fn visible_keys(&self, query: usize) -> usize {
        self.options.visible_keys(query, self.queries, self.keys, self.real_keys)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width as f32).sqrt()
    }

    /// The attention probabilities of a block, for its first `visible` keys, before dropout.
    fn probabilities(&self, head: usize, from: usize, to: usize, visible: usize, probabilities: &mut [f32]) {
        let at = head * self.head_width;
        let (q, k) =
            (self.q.head(from, to, at, self.head_width), self.k.head(0, visible, at, self.head_width));
        product(q, k.t(), MatrixMut::new(probabilities, to - from, visible), false, ProductThreads::One);
        wide!({
            for (query, row) in (from..).zip(probabilities.chunks_exact_mut(visible)) {
                let (attended, masked) = row.split_at_mut(self.visible_keys(query));
                softmax_in_place(attended, self.scale());
                masked.fill(0.0);
            }
        });
    }

    /// The dropout mask of a block.
    fn factors(
        &self,
        dropout: &AttentionDropout,
        head: usize,
        from: usize,
        visible: usize,
        factors: &mut [f32],
    ) {
        let first = (self.index * self.options.heads + head) * self.queries + from;
        dropout.factors(first, self.keys, visible, factors);
    }

    /// Writes the output of the row to y, whose steps begin `width` apart.
    pub fn forward(&self, y: &mut [f32], width: usize) {
        let mut scores = vec![0.0; QUERIES.min(self.queries) * self.keys];
        let mut masks = vec![0.0; if self.options.dropout.is_some() { scores.len() } else { 0 }];
        for head in 0..self.options.heads {
            let at = head * self.head_width;
            for (from, to, visible) in self.blocks() {
                let probabilities = &mut scores[..(to - from) * visible];
                self.probabilities(head, from, to, visible, probabilities);
                if let Some(dropout) = &self.options.dropout {
                    let factors = &mut masks[..probabilities.len()];
                    self.factors(dropout, head, from, visible, factors);
                    multiply(probabilities, factors);
                }
                let probabilities = MatrixView::new(probabilities, to - from, visible);
                let y = MatrixMut::strided(&mut y[from * width + at..], to - from, self.head_width, width, 1);
                product(
                    probabilities,
                    self.v.head(0, visible, at, self.head_width),
                    y,
                    false,
                    ProductThreads::One,
                );
            }
        }
    }

    /// Computes the gradients of queries, keys and values. Calls `add` with the part (0, 1 or 2), a step, a
    /// column, and two matrices, whose product is to be added to the gradient of that part at that step and
    /// column.
    pub fn backward(
        &self,
        gradient: StridedSteps,
        mut add: impl FnMut(usize, usize, usize, MatrixView, MatrixView),
    ) {
        let head_width = self.head_width;
        let mut scores = vec![0.0; QUERIES.min(self.queries) * self.keys];
        let mut score_gradients = scores.clone();
        let mut masks = vec![0.0; if self.options.dropout.is_some() { scores.len() } else { 0 }];
        for head in 0..self.options.heads {
            let at = head * head_width;
            for (from, to, visible) in self.blocks() {
                let (rows, count) = (to - from, (to - from) * visible);
                let (probabilities, score_gradients) = (&mut scores[..count], &mut score_gradients[..count]);
                self.probabilities(head, from, to, visible, probabilities);
                let gradient = gradient.head(from, to, at, head_width);
                let target = MatrixMut::new(score_gradients, rows, visible);
                product(
                    gradient,
                    self.v.head(0, visible, at, head_width).t(),
                    target,
                    false,
                    ProductThreads::One,
                );
                if let Some(dropout) = &self.options.dropout {
                    let factors = &mut masks[..count];
                    self.factors(dropout, head, from, visible, factors);
                    multiply(score_gradients, factors);
                    multiply(factors, probabilities);
                    add(2, 0, at, MatrixView::new(factors, rows, visible).t(), gradient);
                } else {
                    add(2, 0, at, MatrixView::new(probabilities, rows, visible).t(), gradient);
                }
                wide!({
                    let rows =
                        probabilities.chunks_exact(visible).zip(score_gradients.chunks_exact_mut(visible));
                    for (probabilities, score_gradients) in rows {
                        softmax_backward(probabilities, score_gradients, self.scale());
                    }
                });
                let score_gradients = MatrixView::new(score_gradients, rows, visible);
                add(0, from, at, score_gradients, self.k.head(0, visible, at, head_width));
                add(1, 0, at, score_gradients.t(), self.q.head(from, to, at, head_width));
            }
        }
    }
}

/// Multiplies each value by its factor.
fn multiply(values: &mut [f32], factors: &[f32]) {
    wide!(values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor));
}
