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
