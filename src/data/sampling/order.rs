//! The row order of one table, cut into batches. Sequences of similar length are batched together, so that
//! batches need little padding.

use std::ops::Range;

use crate::data::sampling::generator::{shuffle, shuffle_generator};

/// Batches per pool of rows sorted by length. Larger pools need less padding, smaller ones mix rows better.
const POOL: usize = 50;

/// How the rows of a table are cut into batches.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    /// The maximum number of rows.
    pub rows: usize,
    /// The maximum number of tokens, padding included, of a batch of sequences.
    pub tokens: Option<usize>,
}

/// The batches of a table in its `pass`-th pass: a function of seed, table and pass. `lengths` holds the
/// length of each row by row number; `cuts` are those of the table.
pub(super) fn batches(
    [seed, table, pass]: [u64; 3],
    rows: &[u32],
    lengths: Option<&[u32]>,
    limits: BatchLimits,
    cuts: &[Range<usize>],
) -> Vec<Vec<u32>> {
    let mut generator = shuffle_generator(seed, table as usize, pass as usize);
    let mut order = rows.to_vec();
    shuffle(&mut order, &mut generator);
    if let Some(lengths) = lengths {
        // A limit of tokens cuts all rows by length, so that every pass has as many batches.
        let pool = if limits.tokens.is_some() { rows.len().max(1) } else { POOL * limits.rows };
        for pool in order.chunks_mut(pool) {
            // The sort is stable: rows of equal length stay in random order.
            pool.sort_by_key(|&row| lengths[row as usize]);
        }
    }
    let mut batches: Vec<Vec<u32>> = cuts.iter().map(|cut| order[cut.clone()].to_vec()).collect();
    if lengths.is_some() {
        shuffle(&mut batches, &mut generator);
    }
    batches
}

/// The batch boundaries of a table's rows; with a limit of tokens those of its rows sorted by length.
pub(super) fn cuts_of(rows: &[u32], lengths: Option<&[u32]>, limits: BatchLimits) -> Vec<Range<usize>> {
    let (Some(lengths), Some(tokens)) = (lengths, limits.tokens) else {
        return cuts(rows.len(), limits.rows);
    };
    let mut sorted: Vec<usize> = rows.iter().map(|row| lengths[*row as usize] as usize).collect();
    sorted.sort_unstable();
    let (mut cuts, mut start) = (Vec::new(), 0);
    for (end, longest) in sorted.iter().enumerate() {
        let count = end + 1 - start;
        if count > 1 && (count > limits.rows || count * longest > tokens) {
            cuts.push(start..end);
            start = end;
        }
    }
    if start < sorted.len() {
        cuts.push(start..sorted.len());
    }
    cuts
}

/// The batch boundaries of `rows` rows. A last batch of a single row joins the one before, since batch
/// normalization has no variance over one row.
pub(super) fn cuts(rows: usize, size: usize) -> Vec<Range<usize>> {
    let mut cuts: Vec<Range<usize>> =
        (0..rows).step_by(size).map(|start| start..(start + size).min(rows)).collect();
    if size > 1 && cuts.len() > 1 && cuts.last().is_some_and(|last| last.len() == 1) {
        cuts.pop();
        if let Some(last) = cuts.last_mut() {
            last.end = rows;
        }
    }
    cuts
}
