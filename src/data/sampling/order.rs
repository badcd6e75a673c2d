//! The order of one table's rows, cut into batches; of rows of different lengths, those of similar length
//! together, so that little of a batch is padding.

use std::ops::Range;

use crate::data::sampling::generator::{shuffle, shuffle_generator};

/// Batches whose rows are sorted by length together. More waste less padding, fewer mix rows better.
const POOL: usize = 50;

/// The batches of a table the `lap`-th time its rows are gone through: a function of seed, table and lap.
pub(super) fn batches(
    seed: u64,
    table: usize,
    lap: usize,
    rows: &[u32],
    lengths: Option<&[u32]>,
    size: usize,
) -> Vec<Vec<u32>> {
    let mut generator = shuffle_generator(seed, table, lap);
    let mut order = rows.to_vec();
    shuffle(&mut order, &mut generator);
    if let Some(lengths) = lengths {
        for pool in order.chunks_mut(POOL * size) {
            // Stable, so that rows of one length stay in their random order.
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

/// Where `rows` rows are cut into batches. A last batch of a single row joins the one before: batch
/// normalization could make nothing of it.
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
