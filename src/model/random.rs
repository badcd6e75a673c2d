//! Counter-based random streams: a stream depends only on (seed, purpose, name), not on numbers drawn before.
//! So adding a task does not change the initial weights of the others, and resuming from a checkpoint needs
//! no generator state.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The use of a random stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RandomPurpose {
    /// Initial weights.
    Weights,
    /// Masks of dropout.
    Dropout,
}

/// The stream of `name`.
pub fn stream(seed: u64, purpose: RandomPurpose, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = match purpose {
        RandomPurpose::Weights => 1,
        RandomPurpose::Dropout => 2,
    };
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(hash(name));
    random
}

/// FNV-1a, which is the same on every machine and with every version of the standard library.
pub fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::RngCore;

    use crate::model::random::{RandomPurpose, hash, stream};

    #[test]
    fn fnv() {
        // The published test vector of FNV-1a 64 for "foobar".
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_name() {
        let first = stream(1, RandomPurpose::Weights, "a").next_u64();
        assert_eq!(first, stream(1, RandomPurpose::Weights, "a").next_u64());
        assert_ne!(first, stream(2, RandomPurpose::Weights, "a").next_u64());
        assert_ne!(first, stream(1, RandomPurpose::Dropout, "a").next_u64());
        assert_ne!(first, stream(1, RandomPurpose::Weights, "b").next_u64());
    }
}
