//! Properties that every registered item must have.

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
