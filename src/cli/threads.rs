//! How many threads the work may use. The libraries below read it from the environment, once.

use std::num::NonZeroUsize;

/// Limits rayon (and with it candle, gemm and polars) to `threads`. Called before any of them runs.
pub fn limit(threads: NonZeroUsize) {
    for name in ["RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS"] {
        // SAFETY: the program has one thread yet; nobody can be reading the environment.
        unsafe { std::env::set_var(name, threads.to_string()) };
    }
}
