//! Sizes of a recurrence, and the division of its rows among threads.

use std::cmp::Reverse;

use crate::model::kernel::PARALLEL_THRESHOLD;

/// Steps whose input part, and its gradient, is one matrix product.
pub const STEP_BLOCK: usize = 16;

/// The dimensions of a recurrence.
#[derive(Clone, Debug)]
pub struct RecurrenceSizes {
    pub batch: usize,
    pub time: usize,
    pub width: usize,
    pub units: usize,
    /// Blocks of `units` numbers in an output row: the steps, followed by the last state if it is requested.
    pub out: usize,
    /// Real steps of each row.
    pub lengths: Vec<usize>,
    pub reversed: bool,
    /// Whether an initial state follows the bias.
    pub initial: bool,
}

impl RecurrenceSizes {
    /// The position of the `s`-th step that is visited in a row of `length` real steps.
    pub fn position(&self, length: usize, s: usize) -> usize {
        if self.reversed { length - 1 - s } else { s }
    }

    /// The first position and the number of the visited steps `s..end` of a row; fewer if it ends earlier.
    pub fn step_block(&self, length: usize, s: usize, end: usize) -> (usize, usize) {
        let end = end.min(length);
        let count = end.saturating_sub(s);
        let first = if count == 0 {
            0
        } else if self.reversed {
            length - end
        } else {
            s
        };
        (first, count)
    }

    /// Whether no row is padded.
    pub fn is_full(&self) -> bool {
        self.lengths.iter().all(|length| *length == self.time)
    }

    /// Real steps of all rows.
    pub fn steps(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Divides the rows among threads. Each group is sorted by decreasing length, so that the rows that are
    /// active at a step are its first ones.
    pub fn groups<R>(&self, rows: impl Iterator<Item = R>, length: impl Fn(&R) -> usize) -> Vec<Vec<R>> {
        let mut rows: Vec<R> = rows.collect();
        rows.sort_by_key(|row| Reverse(length(row)));
        let small = self.batch * self.time * self.units < PARALLEL_THRESHOLD;
        let count = if small { 1 } else { rayon::current_num_threads().min(self.batch).max(1) };
        let mut groups: Vec<Vec<R>> = (0..count).map(|_| Vec::new()).collect();
        for (index, row) in rows.into_iter().enumerate() {
            groups[index % count].push(row);
        }
        groups
    }
}
