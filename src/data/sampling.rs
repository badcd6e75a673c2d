//! The order in which training rows are seen: a permutation per seed and epoch, cut into batches.
//!
//! A batch comes from one table; tables take turns in proportion to their rows.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Streams of the trial's seed that belong to this room.
const SPLIT: u64 = 1;
const SHUFFLE: u64 = 2;

/// The generator of a split: the same for the same seed, whatever else is random.
pub(in crate::data) fn split_generator(seed: u64) -> ChaCha8Rng {
    generator(seed, SPLIT, 0)
}

fn generator(seed: u64, purpose: u64, counter: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream((purpose << 48) | counter);
    generator
}

/// Puts `items` in random order (Fisher-Yates).
pub(in crate::data) fn shuffle<T>(items: &mut [T], generator: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        // The high half of a 128-bit product: even to within 2^-32 for tables of up to 2^32 rows.
        let drawn = (u128::from(generator.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, drawn as usize);
    }
}

/// Rows that are learned from together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The table's index in the dataset.
    pub table: usize,
    pub rows: Vec<u32>,
}

/// The training rows of a dataset's tables, in a new order each epoch.
#[derive(Clone, Debug)]
pub struct Shuffle {
    seed: u64,
    batch_size: usize,
    /// Training rows per table.
    tables: Vec<Vec<u32>>,
}

impl Shuffle {
    pub fn new(seed: u64, batch_size: usize, tables: Vec<Vec<u32>>) -> Self {
        Self { seed, batch_size: batch_size.max(1), tables }
    }

    /// Batches of one epoch; the same every epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.tables.iter().map(|rows| rows.len().div_ceil(self.batch_size)).sum()
    }

    /// The batches of an epoch, a function of the seed and the epoch alone. Every training row
    /// stands in exactly one of them; the last batch of a table may be smaller.
    pub fn epoch(&self, epoch: usize) -> Vec<Batch> {
        let mut queues: Vec<Vec<Batch>> = Vec::new();
        for (table, rows) in self.tables.iter().enumerate() {
            let mut order = rows.clone();
            let counter = ((table as u64) << 32) | epoch as u64;
            shuffle(&mut order, &mut generator(self.seed, SHUFFLE, counter));
            queues.push(
                order.chunks(self.batch_size).map(|rows| Batch { table, rows: rows.to_vec() }).collect(),
            );
        }
        interleave(queues)
    }
}

/// Takes turns so that each queue is used up at an even pace.
fn interleave(queues: Vec<Vec<Batch>>) -> Vec<Batch> {
    let mut placed: Vec<(f64, Batch)> = Vec::new();
    for queue in queues {
        let length = queue.len() as f64;
        placed.extend(queue.into_iter().enumerate().map(|(i, batch)| ((i as f64 + 0.5) / length, batch)));
    }
    // Stable: of two at the same point, the earlier table goes first.
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, batch)| batch).collect()
}

#[cfg(test)]
mod tests {
    use crate::data::sampling::Shuffle;

    #[test]
    fn every_row_is_seen_once_an_epoch_in_an_order_of_its_own() {
        let tables = vec![(0..100).collect(), (5..30).collect()];
        let shuffle = Shuffle::new(3, 8, tables.clone());
        let epoch = shuffle.epoch(1);
        assert_eq!(epoch.len(), shuffle.steps_per_epoch());
        for (table, rows) in tables.iter().enumerate() {
            let seen = epoch.iter().filter(|batch| batch.table == table).flat_map(|batch| &batch.rows);
            let mut seen: Vec<u32> = seen.copied().collect();
            assert_ne!(seen, *rows);
            seen.sort_unstable();
            assert_eq!(seen, *rows);
        }
        assert_eq!(epoch, Shuffle::new(3, 8, tables.clone()).epoch(1));
        assert_ne!(epoch, shuffle.epoch(2));
        assert_ne!(epoch, Shuffle::new(4, 8, tables).epoch(1));
    }

    #[test]
    fn tables_take_turns_in_proportion() {
        let epoch = Shuffle::new(0, 10, vec![(0..120).collect(), (0..40).collect()]).epoch(0);
        let order: Vec<usize> = epoch.iter().map(|batch| batch.table).collect();
        assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    }
}
