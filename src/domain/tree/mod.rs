//! Words before they are words: a tree of maps, lists and scalars, read by serde with the place of what does
//! not read.

pub(crate) mod node;
pub(crate) mod problem;
pub(crate) mod reader;
