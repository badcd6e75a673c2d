//! The `mtl` program; all code is in the library.

use std::ffi::{c_int, c_long};
use std::process::ExitCode;

/// candle allocates every intermediate tensor; this allocator reuses the pages (see ARCHITECTURE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3: after how many milliseconds freed pages go back to the system.
const PURGE_DELAY: c_int = 15;

/// Its default, which also shows that the number above still names this option.
const DEFAULT_DELAY: c_long = 10;

/// Longer than most training steps, whose memory the next step needs again.
const DELAY: c_long = 10_000;

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
