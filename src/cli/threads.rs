//! How many threads the work may use. The libraries below read it from the environment, once.

use std::num::NonZeroUsize;

/// Gives rayon (with it gemm and our kernels) and polars these many threads, by default one per core.
///
/// candle keeps a second pool of its own for element-wise operations whose threads spin while they
/// wait, beside rayon's: on two cores that made training three times slower. It gets one thread.
/// Must be called first in `main`.
pub fn settle(wanted: Option<NonZeroUsize>) {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let set = |name: &str, count: NonZeroUsize| {
        if wanted.is_some() || std::env::var_os(name).is_none() {
            // SAFETY: the program has one thread yet; nobody can be reading the environment.
            unsafe { std::env::set_var(name, count.to_string()) };
        }
    };
    for name in ["RAYON_NUM_THREADS", "POLARS_MAX_THREADS"] {
        set(name, wanted.unwrap_or(cores));
    }
    // SAFETY: as above.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
}
