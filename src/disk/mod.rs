//! How does a file appear whole, or not at all? What opens and writes files with care; names no other room.

pub mod regular_file;
pub mod whole_file;
