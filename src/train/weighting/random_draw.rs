//! Random numbers for weightings: one stream per seed, purpose and step, so that resuming from a checkpoint
//! needs no generator state.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The purpose of a stream. Dropout and weight initialization use other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightingRandomPurpose {
    /// Random weights.
    Weights,
    /// The order in which gradients are projected.
    Order,
    /// The sign that is kept.
    Sign,
    /// Preference vectors.
    Preference,
}

impl WeightingRandomPurpose {
    fn key(self) -> u64 {
        match self {
            Self::Weights => 0x6d74_6c77,
            Self::Order => 0x6d74_6c6f,
            Self::Sign => 0x6d74_6c73,
            Self::Preference => 0x6d74_6c70,
        }
    }
}

/// The generator of this seed, purpose and step.
pub fn stream(seed: u64, purpose: WeightingRandomPurpose, step: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.key().to_le_bytes());
    key[16..24].copy_from_slice(&step.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// For each of `tasks` tasks, all other tasks in a random order.
pub fn orders(seed: u64, step: u64, tasks: usize) -> Vec<Vec<usize>> {
    let mut random = stream(seed, WeightingRandomPurpose::Order, step);
    let mut order = |task: usize| {
        let mut others: Vec<usize> = (0..tasks).filter(|other| *other != task).collect();
        others.shuffle(&mut random);
        others
    };
    (0..tasks).map(&mut order).collect()
}
