//! Random numbers of weightings: one stream per seed, purpose and step, so that going on from a checkpoint
//! needs no generator's state.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// What is drawn. Dropout and first weights have keys of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightingRandomPurpose {
    /// Random weights.
    Weights,
    /// In which order gradients are compared.
    Order,
    /// Which signs are kept.
    Sign,
    /// Preferences among tasks.
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

pub fn stream(seed: u64, purpose: WeightingRandomPurpose, step: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.key().to_le_bytes());
    key[16..24].copy_from_slice(&step.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// All other tasks of `tasks`, for each in an order of its own.
pub fn orders(seed: u64, step: u64, tasks: usize) -> Vec<Vec<usize>> {
    let mut random = stream(seed, WeightingRandomPurpose::Order, step);
    let mut order = |task: usize| {
        let mut others: Vec<usize> = (0..tasks).filter(|other| *other != task).collect();
        others.shuffle(&mut random);
        others
    };
    (0..tasks).map(&mut order).collect()
}
