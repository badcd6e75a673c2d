//! The `mtl` program; all code is in the library.

use std::ffi::{c_int, c_long};
use std::process::ExitCode;

/// candle allocates every intermediate tensor; this allocator reuses the pages (see ARCHITECTURE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3: after how many milliseconds freed pages go back to the system.
const PURGE_DELAY: c_int = 15;

/// Its default, which also shows that the number above still names this option.
const DEFAULT_DELAY: c_long = 1_000;

/// Much longer than a training step, whose memory the next step needs again: pages that were given back are
/// cleared again by the system, a fifth of a step's time where that happens every second.
const DELAY: c_long = 60_000;

unsafe extern "C" {
    fn mi_option_get(option: c_int) -> c_long;
    fn mi_option_set(option: c_int, value: c_long);
}

fn main() -> ExitCode {
    // SAFETY: reads and sets a number of the allocator; no other thread runs yet.
    unsafe {
        if mi_option_get(PURGE_DELAY) == DEFAULT_DELAY {
            mi_option_set(PURGE_DELAY, DELAY);
        }
    }
    mtl::cli::main().into()
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_DELAY, PURGE_DELAY, mi_option_get};

    /// Another mimalloc may number or default its options otherwise; the delay would silently stay.
    #[test]
    fn the_allocator_has_the_option() {
        // SAFETY: reads a number of the allocator.
        let delay = unsafe { mi_option_get(PURGE_DELAY) };
        assert!(delay == DEFAULT_DELAY || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some(), "{delay}");
    }
}
