//! The batches of every epoch, a function of the seed and the epoch alone.

use crate::data::sampling::order::{batches, cuts};
use crate::data::sampling::{SamplingConfig, TableSize};

/// Rows that are learned from together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRows {
    /// The table's index in the dataset.
    pub table: usize,
    pub rows: Vec<u32>,
}

/// The training rows of a dataset's tables, in a new order each epoch.
#[derive(Clone, Debug)]
pub struct RowShuffle {
    seed: u64,
    batch_size: usize,
    /// Training rows per table.
    tables: Vec<Vec<u32>>,
    /// Length of each row of the whole table, for tables whose rows are sequences.
    lengths: Vec<Option<Vec<u32>>>,
    sampling: SamplingConfig,
    epochs: usize,
}

impl RowShuffle {
    pub fn new(seed: u64, batch_size: usize, tables: Vec<Vec<u32>>) -> Self {
        let lengths = vec![None; tables.len()];
        let batch_size = batch_size.max(1);
        Self { seed, batch_size, tables, lengths, sampling: SamplingConfig::default(), epochs: 1 }
    }

    /// Which table the next batch comes from, in a training of so many epochs.
    pub fn sampled(mut self, sampling: &SamplingConfig, epochs: usize) -> Self {
        self.sampling = sampling.clone();
        self.epochs = epochs;
        self
    }

    /// Batches rows of similar length, where a table has lengths: one for each of its rows, by row number.
    /// Panics when they are not as many as the tables: a bug of the caller.
    pub fn bucketed(mut self, lengths: Vec<Option<Vec<u32>>>) -> Self {
        assert_eq!(lengths.len(), self.tables.len(), "lengths, or none, for every table");
        self.lengths = lengths;
        self
    }

    /// Batches of one epoch; the same every epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.quotas(0).iter().sum()
    }

    /// Batches of each table in an epoch.
    pub fn quotas(&self, epoch: usize) -> Vec<usize> {
        let size = |rows: &Vec<u32>| TableSize {
            rows: rows.len(),
            batches: cuts(rows.len(), self.batch_size).len(),
        };
        let sizes: Vec<TableSize> = self.tables.iter().map(size).collect();
        let last = self.epochs.saturating_sub(1);
        let progress = if last == 0 { 0.0 } else { epoch.min(last) as f64 / last as f64 };
        self.sampling.view().batches(&sizes, progress)
    }

    /// The batches of an epoch, a function of the seed and the epoch alone.
    ///
    /// A table goes on where it ended in the epoch before: all of its rows are seen before one is seen again.
    pub fn epoch(&self, epoch: usize) -> Vec<BatchRows> {
        let mut starts = vec![0; self.tables.len()];
        for quotas in (0..epoch).map(|before| self.quotas(before)) {
            starts.iter_mut().zip(quotas).for_each(|(start, quota)| *start += quota);
        }
        let queues = self.quotas(epoch).into_iter().zip(starts).enumerate();
        interleave(queues.map(|(table, (quota, start))| self.stretch(table, start, quota)).collect())
    }

    /// So many batches of a table, from one on that has so many before it.
    fn stretch(&self, table: usize, start: usize, count: usize) -> Vec<BatchRows> {
        let rows = &self.tables[table];
        let lap_length = cuts(rows.len(), self.batch_size).len();
        if lap_length == 0 || count == 0 {
            return Vec::new();
        }
        let lengths = self.lengths[table].as_deref();
        let epoch_of_table =
            |epoch_of_table| batches(self.seed, table, epoch_of_table, rows, lengths, self.batch_size);
        let laps = start / lap_length..=(start + count - 1) / lap_length;
        let result = laps.flat_map(epoch_of_table).skip(start % lap_length).take(count);
        result.map(|rows| BatchRows { table, rows }).collect()
    }
}

/// Takes turns so that each queue is used up at an even pace.
fn interleave(queues: Vec<Vec<BatchRows>>) -> Vec<BatchRows> {
    let mut placed: Vec<(f64, BatchRows)> = Vec::new();
    for queue in queues {
        let length = queue.len() as f64;
        placed.extend(queue.into_iter().enumerate().map(|(i, batch)| ((i as f64 + 0.5) / length, batch)));
    }
    // Stable: of two at the same point, the earlier table goes first.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, batch)| batch).collect()
}
