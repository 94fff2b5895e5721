//! The binary: everything is in the library.

use std::process::ExitCode;

/// The system's allocator lets threads wait for each other while they grow their heaps.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gitops_lint::cli::run()
}
