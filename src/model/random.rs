//! Random numbers by address: the same (seed, purpose, name) gives the same stream, whatever was
//! drawn before. So a further task leaves the others' initial weights as they were, and going on
//! from a checkpoint needs no generator state.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What randomness is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RandomPurpose {
    /// Initial weights.
    Weights,
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

/// FNV-1a: the same on every machine and for every version of the standard library.
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
        // The published vector: FNV-1a 64 of "foobar".
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn streams_differ_by_each_part_of_the_address() {
        let first = stream(1, RandomPurpose::Weights, "a").next_u64();
        assert_eq!(first, stream(1, RandomPurpose::Weights, "a").next_u64());
        assert_ne!(first, stream(2, RandomPurpose::Weights, "a").next_u64());
        assert_ne!(first, stream(1, RandomPurpose::Dropout, "a").next_u64());
        assert_ne!(first, stream(1, RandomPurpose::Weights, "b").next_u64());
    }
}
