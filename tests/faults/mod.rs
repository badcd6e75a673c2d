//! Small real-world files from public bug reports, with the expected behaviour of the binary.

mod comparisons;
mod digits;
mod first_pipeline;
mod messages;
mod names;
mod pictures;
mod reading;
mod scores;
mod splits;
