//! Tests of the whole store: recorded data is read back, whatever happens to the file.

mod files;
mod questions;
mod recording;
mod sharing;
