//! This room's random numbers, by address: the same seed, purpose and counter give the same.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Streams of the trial's seed that belong to this room.
const SPLIT: u64 = 1;
const SHUFFLE: u64 = 2;

/// The generator of a split: the same for the same seed, whatever else is random.
pub(in crate::data) fn split_generator(seed: u64) -> ChaCha8Rng {
    generator(seed, SPLIT, 0)
}

/// The generator of the order of a table's rows, the `lap`-th time they are gone through.
pub(super) fn shuffle_generator(seed: u64, table: usize, lap: usize) -> ChaCha8Rng {
    generator(seed, SHUFFLE, ((table as u64) << 32) | lap as u64)
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
