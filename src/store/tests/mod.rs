//! The store as a whole: what goes in comes out, whatever happens to the file or beside it.

mod files;
mod questions;
mod recording;
mod sharing;
