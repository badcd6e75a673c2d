//! The `mtl` program; all code is in the library.

use std::process::ExitCode;

/// candle allocates every intermediate tensor; this allocator reuses the pages (see ARCHITECTURE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mtl::cli::main().into()
}
