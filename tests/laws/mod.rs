//! The laws of the shelves: every item, every law.

mod layer;
mod loss;
mod network;
mod pixel;
mod preference;
mod registered;
mod sharing;
mod signal;
mod tensor;
mod text;
mod torchjd;
mod weighting;
