//! Small files as other people have them, each with what is right: cases out of public bug reports, through
//! the real binary.

mod comparisons;
mod digits;
mod first_pipeline;
mod messages;
mod names;
mod pictures;
mod reading;
mod scores;
mod splits;
