//! Reads and writes files safely: atomic writes, and no blocking on special files.

pub mod regular_file;
pub mod whole_file;
