//! The shelf of samplings: which table the next batch comes from, and the order in which rows are seen.
//!
//! A batch comes from one table. A sampling says how many of an epoch's batches are each table's; they are
//! laid out at an even pace. An epoch is as many batches as the rows of all tables fill once (but for
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

/// A table, as a sampling sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Training rows.
    pub rows: usize,
    /// Batches that these rows fill once.
    pub batches: usize,
}

/// What every sampling can say.
pub trait Sampling {
    /// How often a table of so many rows is drawn, relative to the others. `progress` goes from 0 in the
    /// first epoch to 1 in the last.
    fn weight(&self, rows: usize, progress: f64) -> f64;

    /// Batches of each table in an epoch. Every table with rows has at least one.
    fn batches(&self, tables: &[TableSize], progress: f64) -> Vec<usize> {
        let weigh = |table: &TableSize| if table.rows == 0 { 0.0 } else { self.weight(table.rows, progress) };
        quota::spread(&tables.iter().map(weigh).collect::<Vec<_>>(), quota::total(tables))
    }
}

#[cfg(test)]
mod tests;
