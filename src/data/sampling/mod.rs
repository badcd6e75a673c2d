//! The registry of samplings: which table the next batch comes from, and the order of its rows.
//!
//! A batch comes from one table. A sampling determines how many batches of an epoch each table has; they
//! are evenly interleaved. An epoch has as many batches as one pass over all tables (except for
//! `round_robin`), so its length is known before the first step.

pub mod annealed;
pub mod capped;
mod generator;
mod order;
pub mod proportional;
mod quota;
pub mod round_robin;
mod shuffle;
pub mod temperature;
pub mod uniform;

pub(in crate::data) use crate::data::sampling::generator::{shuffle, split_generator};
pub use crate::data::sampling::shuffle::{BatchRows, RowShuffle};
use crate::domain::choice_config::kinds;

kinds! {
    /// Which table the next batch comes from.
    pub enum SamplingConfig: "sampling" => dyn Sampling {
        Proportional: "proportional" => proportional::ProportionalConfig,
        Uniform: "uniform" => uniform::UniformConfig,
        Temperature: "temperature" => temperature::TemperatureConfig,
        Annealed: "annealed" => annealed::AnnealedConfig,
        Capped: "capped" => capped::CappedConfig,
        RoundRobin: "round_robin" => round_robin::RoundRobinConfig,
    }
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self::Proportional(proportional::ProportionalConfig {})
    }
}

/// The size of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Training rows.
    pub rows: usize,
    /// Batches in one pass over these rows.
    pub batches: usize,
}

/// A strategy for choosing the table of each batch.
pub trait Sampling {
    /// The relative frequency of a table with this many rows. `progress` runs from 0 in the first epoch to
    /// 1 in the last.
    fn weight(&self, rows: usize, progress: f64) -> f64;

    /// Batches of each table in an epoch. Every table with rows has at least one.
    fn batches(&self, tables: &[TableSize], progress: f64) -> Vec<usize> {
        let weight = |table: &TableSize| match table.rows {
            0 => 0.0,
            rows => self.weight(rows, progress),
        };
        let total = tables.iter().map(|table| table.batches).sum();
        quota::apportion(&tables.iter().map(weight).collect::<Vec<_>>(), total)
    }
}

#[cfg(test)]
mod tests;
