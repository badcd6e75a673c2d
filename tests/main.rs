//! The integration tests, in one binary: `cargo test --release --test main`.

mod commands;
mod diagnostics;
mod faults;
mod fetch;
mod hunt;
mod laws;
mod pipelines;
mod plan;
mod readme;
mod schemas;
mod support;
mod tidy;
mod toy;
mod yaml;
