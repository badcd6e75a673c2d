//! The results database: one SQLite file, `mtl.db`, for all runs. The only module that uses rusqlite.
//!
//! [`ResultsDatabase`] opens it, a [`recorder::Recorder`] observes a run and writes its events, and
//! [`record`] has the types that are read back.

pub mod affinity;
pub mod confusion;
pub mod curve;
pub mod error;
pub mod front;
pub mod gain;
pub mod header;
pub mod parameter;
pub mod parity;
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

pub use database::{ResultsDatabase, TEMPORARY_PREFIX};
pub use error::StoreError;
pub use migration::schema_sql;
