//! Raw rows in, named answers out: the files of `mtl predict`.

mod answer;
mod form;
mod read;
mod write;

pub use crate::data::raw::answer::AnswerColumn;
pub use crate::data::raw::form::{Form, WRITTEN};
pub(in crate::data) use crate::data::raw::read::known;
pub use crate::data::raw::read::{Raw, read};
pub use crate::data::raw::write::{save, write};

#[cfg(test)]
mod tests;
