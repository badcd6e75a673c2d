//! The `mtl` program: everything it does is in the library.

use std::process::ExitCode;

/// candle allocates every intermediate tensor; this allocator keeps the pages (see ARCHITECTURE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mtl::cli::main().into()
}
