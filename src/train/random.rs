//! Where a trial's chance comes from: one ChaCha8 stream per (seed, purpose, counter).
//!
//! Nothing is carried from one draw to the next, so a resumed training needs no generator's state:
//! the step's number is enough.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What chance is used for. Each has its own streams, so that adding a draw to one changes no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// First values of the weights; counter 0.
    Initialization,
    /// The order of rows; counter = epoch.
    Shuffle,
    /// What dropout hides; counter = step.
    Dropout,
    /// Random loss weights; counter = step.
    Weighting,
}

impl Purpose {
    /// Part of the key: never renumber.
    fn number(self) -> u64 {
        match self {
            Self::Initialization => 1,
            Self::Shuffle => 2,
            Self::Dropout => 3,
            Self::Weighting => 4,
        }
    }
}

/// The stream of `purpose` at `counter`.
pub fn stream(seed: u64, purpose: Purpose, counter: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.number().to_le_bytes());
    key[16..24].copy_from_slice(&counter.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// One whole number of the stream of `purpose` at `counter`: a seed for a part with its own generator.
pub fn seed(seed: u64, purpose: Purpose, counter: u64) -> u64 {
    use rand::RngCore;
    stream(seed, purpose, counter).next_u64()
}

#[cfg(test)]
mod tests {
    use crate::train::random::{Purpose, seed};

    #[test]
    fn every_part_of_the_key_counts() {
        let first = seed(1, Purpose::Shuffle, 0);
        assert_eq!(first, seed(1, Purpose::Shuffle, 0));
        assert_ne!(first, seed(2, Purpose::Shuffle, 0));
        assert_ne!(first, seed(1, Purpose::Dropout, 0));
        assert_ne!(first, seed(1, Purpose::Shuffle, 1));
    }
}
