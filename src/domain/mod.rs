//! The words all rooms share. Plain data: no files, no tensors, no SQL.

pub mod array;
pub mod augmentation;
pub(crate) mod bare;
pub mod cancel;
pub mod choice;
pub mod decoder;
pub mod diagnostic;
pub mod event;
pub mod fingerprint;
pub mod front;
pub mod grouping;
pub mod kinds;
pub mod layout;
pub mod name;
pub mod number;
pub mod scheduled_sampling;
pub mod score;
pub mod search;
pub mod shape;
pub mod signature;
pub mod table;
pub mod task;
pub mod text;
pub mod tokenizer;
pub mod vectors;
pub mod viterbi;
