//! The batches of every epoch, a function of seed and epoch.

use std::ops::Range;

use crate::data::sampling::order::{BatchLimits, batches, cuts_of};
use crate::data::sampling::{SamplingConfig, TableSize};

/// The rows of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRows {
    /// The table's index in the dataset.
    pub table: usize,
    /// Row numbers in the table.
    pub rows: Vec<u32>,
}

/// The training rows of a dataset's tables, in a new order each epoch.
#[derive(Clone, Debug)]
pub struct RowShuffle {
    seed: u64,
    limits: BatchLimits,
    /// Training rows per table.
    tables: Vec<Vec<u32>>,
    /// Row lengths by row number, for tables whose rows are sequences.
    lengths: Vec<Option<Vec<u32>>>,
    /// The batch boundaries of each table, the same in every pass.
    cuts: Vec<Vec<Range<usize>>>,
    sampling: SamplingConfig,
    epochs: usize,
}

impl RowShuffle {
    /// Shuffles the training rows of each table, with `proportional` sampling.
    pub fn new(seed: u64, batch_size: usize, tables: Vec<Vec<u32>>) -> Self {
        let lengths = vec![None; tables.len()];
        let limits = BatchLimits { rows: batch_size.max(1), tokens: None };
        let (sampling, cuts) = (SamplingConfig::default(), Vec::new());
        Self { seed, limits, tables, lengths, cuts, sampling, epochs: 1 }.with_cuts()
    }

    /// Sets the sampling, and the number of epochs over which it may anneal.
    pub fn with_sampling(mut self, sampling: &SamplingConfig, epochs: usize) -> Self {
        self.sampling = sampling.clone();
        self.epochs = epochs;
        self
    }

    /// Batches rows of similar length. `lengths` holds, for each table of sequences, one length per row.
    ///
    /// # Panics
    /// When `lengths` does not have one entry per table.
    pub fn with_lengths(mut self, lengths: Vec<Option<Vec<u32>>>) -> Self {
        assert_eq!(lengths.len(), self.tables.len(), "one entry of lengths per table");
        self.lengths = lengths;
        self.with_cuts()
    }

    /// Limits batches of sequences to `tokens` tokens, padding included; a longer row is a batch by itself.
    /// `None`: no limit.
    pub fn with_tokens(mut self, tokens: Option<usize>) -> Self {
        self.limits.tokens = tokens;
        self.with_cuts()
    }

    fn with_cuts(mut self) -> Self {
        let tables = self.tables.iter().zip(&self.lengths);
        self.cuts = tables.map(|(rows, lengths)| cuts_of(rows, lengths.as_deref(), self.limits)).collect();
        self
    }

    /// Batches per epoch; the same in every epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.quotas(0).iter().sum()
    }

    /// Batches of each table in an epoch.
    pub fn quotas(&self, epoch: usize) -> Vec<usize> {
        let size = |(rows, cuts): (&Vec<u32>, &Vec<Range<usize>>)| TableSize {
            rows: rows.len(),
            batches: cuts.len(),
        };
        let sizes: Vec<TableSize> = self.tables.iter().zip(&self.cuts).map(size).collect();
        let last = self.epochs.saturating_sub(1);
        let progress = if last == 0 { 0.0 } else { epoch.min(last) as f64 / last as f64 };
        self.sampling.view().batches(&sizes, progress)
    }

    /// The batches of an epoch.
    ///
    /// A table continues where the previous epoch ended: all rows are seen before any is seen again.
    pub fn epoch(&self, epoch: usize) -> Vec<BatchRows> {
        let mut starts = vec![0; self.tables.len()];
        for quotas in (0..epoch).map(|before| self.quotas(before)) {
            starts.iter_mut().zip(quotas).for_each(|(start, quota)| *start += quota);
        }
        let queues = self.quotas(epoch).into_iter().zip(starts).enumerate();
        interleave(queues.map(|(table, (quota, start))| self.batches_from(table, start, quota)).collect())
    }

    /// `count` batches of a table, after the first `start` ones of all passes.
    fn batches_from(&self, table: usize, start: usize, count: usize) -> Vec<BatchRows> {
        let rows = &self.tables[table];
        let cuts = &self.cuts[table];
        let pass_length = cuts.len();
        if pass_length == 0 || count == 0 {
            return Vec::new();
        }
        let lengths = self.lengths[table].as_deref();
        let pass_batches =
            |pass| batches([self.seed, table as u64, pass as u64], rows, lengths, self.limits, cuts);
        let passes = start / pass_length..=(start + count - 1) / pass_length;
        let selected = passes.flat_map(pass_batches).skip(start % pass_length).take(count);
        selected.map(|rows| BatchRows { table, rows }).collect()
    }
}

/// Interleaves the queues so that each is consumed at a constant rate.
fn interleave(queues: Vec<Vec<BatchRows>>) -> Vec<BatchRows> {
    // Each batch with its position in 0..1.
    let mut placed: Vec<(f64, BatchRows)> = Vec::new();
    for queue in queues {
        let length = queue.len() as f64;
        placed.extend(queue.into_iter().enumerate().map(|(i, batch)| ((i as f64 + 0.5) / length, batch)));
    }
    // The sort is stable: at equal positions the earlier table comes first.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, batch)| batch).collect()
}
