//! The row order of one table, cut into batches. Sequences of similar length are batched together, so that
//! batches need little padding.

use std::ops::Range;

use crate::data::sampling::generator::{shuffle, shuffle_generator};

/// Batches per pool of rows sorted by length. Larger pools need less padding, smaller ones mix rows better.
const POOL: usize = 50;

/// The batches of a table in its `pass`-th pass: a function of seed, table and pass. `lengths` holds the
/// length of each row by row number.
pub(super) fn batches(
    seed: u64,
    table: usize,
    pass: usize,
    rows: &[u32],
    lengths: Option<&[u32]>,
    size: usize,
) -> Vec<Vec<u32>> {
    let mut generator = shuffle_generator(seed, table, pass);
    let mut order = rows.to_vec();
    shuffle(&mut order, &mut generator);
    if let Some(lengths) = lengths {
        for pool in order.chunks_mut(POOL * size) {
            // The sort is stable: rows of equal length stay in random order.
            pool.sort_by_key(|&row| lengths[row as usize]);
        }
    }
    let mut batches: Vec<Vec<u32>> =
        cuts(rows.len(), size).into_iter().map(|cut| order[cut].to_vec()).collect();
    if lengths.is_some() {
        shuffle(&mut batches, &mut generator);
    }
    batches
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
