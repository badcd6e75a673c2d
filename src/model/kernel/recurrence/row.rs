//! Rows of a batch, shared out among threads.

use std::cmp::Reverse;

use crate::model::kernel::WORTHWHILE;

/// Steps whose input part, and whose gradient, is made by one product.
pub const STRETCH: usize = 16;

/// The dimensions of a recurrence.
#[derive(Clone, Debug)]
pub struct RecurrenceSizes {
    pub batch: usize,
    pub time: usize,
    pub width: usize,
    pub units: usize,
    /// Rows of `units` numbers of an output: the steps, and behind them the last state if it is given out.
    pub out: usize,
    /// Steps of each row.
    pub lengths: Vec<usize>,
    pub reversed: bool,
    /// Is there an initial state behind the bias?
    pub initial: bool,
}

impl RecurrenceSizes {
    /// Which step stands at which place: the `s`-th of a row of `length`.
    pub fn position(&self, length: usize, s: usize) -> usize {
        if self.reversed { length - 1 - s } else { s }
    }

    /// The first place and the number of the steps from `s` to `end` of a row, fewer if it ends before.
    pub fn stretch(&self, length: usize, s: usize, end: usize) -> (usize, usize) {
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

    pub fn is_full(&self) -> bool {
        self.lengths.iter().all(|length| *length == self.time)
    }

    /// Real steps of all rows.
    pub fn steps(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Shares rows out: each group has the longest first, so that the rows still going on at a step are
    /// its first ones.
    pub fn groups<R>(&self, rows: impl Iterator<Item = R>, length: impl Fn(&R) -> usize) -> Vec<Vec<R>> {
        let mut rows: Vec<R> = rows.collect();
        rows.sort_by_key(|row| Reverse(length(row)));
        let small = self.batch * self.time * self.units < WORTHWHILE;
        let count = if small { 1 } else { rayon::current_num_threads().min(self.batch).max(1) };
        let mut groups: Vec<Vec<R>> = (0..count).map(|_| Vec::new()).collect();
        for (index, row) in rows.into_iter().enumerate() {
            groups[index % count].push(row);
        }
        groups
    }
}
