//! Attention within one row of a batch, some queries of one head at a time.

use crate::model::kernel::attention::{AttentionDropout, AttentionShape};
use crate::model::kernel::product::{MatrixMut, MatrixView, ProductThreads, product};
use crate::model::kernel::softmax::{slope, soften};
use crate::model::kernel::wide::wide;

/// Queries whose scores are made at a time.
const QUERIES: usize = 64;

/// One row's queries, keys or values of all heads: steps `stride` apart.
#[derive(Clone, Copy)]
pub struct StridedSteps<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

impl<'a> StridedSteps<'a> {
    /// Some steps' columns from `at` on, as a matrix.
    fn head(self, from: usize, to: usize, at: usize, size: usize) -> MatrixView<'a> {
        MatrixView::strided(&self.values[from * self.stride + at..], to - from, size, self.stride, 1)
    }
}

/// A row of the batch and what is known of it.
pub struct AttentionRow<'a> {
    how: &'a AttentionShape,
    number: usize,
    /// Queries and keys, real or not, and how many of each are real.
    queries: usize,
    keys: usize,
    real_queries: usize,
    real_keys: usize,
    /// Width of a head.
    size: usize,
    q: StridedSteps<'a>,
    k: StridedSteps<'a>,
    v: StridedSteps<'a>,
}

impl<'a> AttentionRow<'a> {
    pub fn new(
        how: &'a AttentionShape,
        number: usize,
        (queries, keys, width): (usize, usize, usize),
        [q, k, v]: [StridedSteps<'a>; 3],
    ) -> Self {
        let real_queries = how.real(&how.queries, number, queries);
        let real_keys = how.real(&how.keys, number, keys);
        Self { how, number, queries, keys, real_queries, real_keys, size: width / how.heads, q, k, v }
    }

    /// Queries at a time: (first, last + 1, the keys any of them sees).
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.real_queries).step_by(QUERIES).map(|from| {
            let to = (from + QUERIES).min(self.real_queries);
            (from, to, self.limit(to - 1))
        })
    }

    fn limit(&self, query: usize) -> usize {
        self.how.limit(query, self.queries, self.keys, self.real_keys)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }

    /// The shares each query of a block gives to each of `seen` keys, before dropout.
    fn shares(&self, head: usize, from: usize, to: usize, seen: usize, shares: &mut [f32]) {
        let at = head * self.size;
        let (q, k) = (self.q.head(from, to, at, self.size), self.k.head(0, seen, at, self.size));
        product(q, k.t(), MatrixMut::new(shares, to - from, seen), false, ProductThreads::One);
        wide(|| {
            for (query, row) in (from..).zip(shares.chunks_exact_mut(seen)) {
                let (real, rest) = row.split_at_mut(self.limit(query));
                soften(real, self.scale());
                rest.fill(0.0);
            }
        });
    }

    /// The factors of dropout for the scores of a block.
    fn factors(
        &self,
        dropout: &AttentionDropout,
        head: usize,
        from: usize,
        seen: usize,
        factors: &mut [f32],
    ) {
        let first = (self.number * self.how.heads + head) * self.queries + from;
        dropout.factors(first, self.keys, seen, factors);
    }

    pub fn forward(&self, y: &mut [f32], width: usize) {
        let mut scratch = vec![0.0; QUERIES.min(self.queries) * self.keys];
        let mut drops = vec![0.0; if self.how.dropout.is_some() { scratch.len() } else { 0 }];
        for head in 0..self.how.heads {
            let at = head * self.size;
            for (from, to, seen) in self.blocks() {
                let shares = &mut scratch[..(to - from) * seen];
                self.shares(head, from, to, seen, shares);
                if let Some(dropout) = &self.how.dropout {
                    let factors = &mut drops[..shares.len()];
                    self.factors(dropout, head, from, seen, factors);
                    shares.iter_mut().zip(factors).for_each(|(share, factor)| *share *= *factor);
                }
                let shares = MatrixView::new(shares, to - from, seen);
                let y = MatrixMut::strided(&mut y[from * width + at..], to - from, self.size, width, 1);
                product(shares, self.v.head(0, seen, at, self.size), y, false, ProductThreads::One);
            }
        }
    }

    /// Adds to the gradients: `add` is told which of queries, keys and values (0, 1, 2), the first step, the
    /// column, and the two matrices whose product is added there.
    pub fn backward(
        &self,
        gradient: StridedSteps,
        mut add: impl FnMut(usize, usize, usize, MatrixView, MatrixView),
    ) {
        let size = self.size;
        let mut scratch = vec![0.0; QUERIES.min(self.queries) * self.keys];
        let mut slopes = scratch.clone();
        let mut drops = vec![0.0; if self.how.dropout.is_some() { scratch.len() } else { 0 }];
        for head in 0..self.how.heads {
            let at = head * size;
            for (from, to, seen) in self.blocks() {
                let (rows, count) = (to - from, (to - from) * seen);
                let (shares, slopes) = (&mut scratch[..count], &mut slopes[..count]);
                self.shares(head, from, to, seen, shares);
                let gradient = gradient.head(from, to, at, size);
                let by_shares = MatrixMut::new(slopes, rows, seen);
                product(gradient, self.v.head(0, seen, at, size).t(), by_shares, false, ProductThreads::One);
                if let Some(dropout) = &self.how.dropout {
                    let factors = &mut drops[..count];
                    self.factors(dropout, head, from, seen, factors);
                    slopes.iter_mut().zip(&*factors).for_each(|(slope, factor)| *slope *= factor);
                    factors.iter_mut().zip(&*shares).for_each(|(factor, share)| *factor *= share);
                    add(2, 0, at, MatrixView::new(factors, rows, seen).t(), gradient);
                } else {
                    add(2, 0, at, MatrixView::new(shares, rows, seen).t(), gradient);
                }
                wide(|| {
                    let rows = shares.chunks_exact(seen).zip(slopes.chunks_exact_mut(seen));
                    rows.for_each(|(shares, slopes)| slope(shares, slopes, self.scale()));
                });
                let slopes = MatrixView::new(slopes, rows, seen);
                add(0, from, at, slopes, self.k.head(0, seen, at, size));
                add(1, 0, at, slopes.t(), self.q.head(from, to, at, size));
            }
        }
    }
}
