//! What happened, kept for good: one SQLite file, `mtl.db`, for all runs. Alone in naming rusqlite.
//!
//! [`ResultsDatabase`] opens it; a [`recorder::Recorder`] listens to a run and writes; [`record`] is what can
//! be read back.

pub mod affinity;
pub mod curve;
pub mod error;
pub mod front;
pub mod gain;
mod gradient;
pub mod header;
pub mod parameter;
pub mod query;
pub mod record;
pub mod recorder;
pub mod trial;

mod column;
mod connection;
mod database;
mod detail;
mod event;
mod history;
mod inspection;
mod integrity;
mod migration;
mod reading;
mod resolve;
#[cfg(test)]
pub(crate) mod run_fixture;
mod search;
mod start_run;
#[cfg(test)]
mod tests;

pub use database::{MAKING, ResultsDatabase};
pub use error::StoreError;
pub use migration::schema_sql;
