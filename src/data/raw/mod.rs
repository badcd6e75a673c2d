//! Raw rows in, named answers out: the files of `mtl predict`.

mod answer;
mod read;
mod write;

pub use crate::data::raw::answer::AnswerColumn;
pub(in crate::data) use crate::data::raw::read::known;
pub use crate::data::raw::read::{Raw, read};
pub use crate::data::raw::write::write;

#[cfg(test)]
mod tests;
