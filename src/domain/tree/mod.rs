//! A generic tree of maps, lists and scalars, from which settings are deserialized with the path of every
//! problem.

pub(crate) mod node;
pub(crate) mod problem;
pub(crate) mod reader;
