//! Reads per-epoch observations: gradients and affinities of task pairs, and shares.

use rusqlite::Row;

use crate::domain::name::RunId;
use crate::store::ResultsDatabase;
use crate::store::affinity::AffinityRecord;
use crate::store::column::read_count;
use crate::store::error::StoreError;
use crate::store::record::{GradientRecord, ShareRecord};

pub(crate) const GRADIENT_COLUMNS: &str = "task, other, cosine, conflicts, similarity";
pub(crate) const SHARE_COLUMNS: &str = "unit, reader, source, value";

/// One record observed in an epoch of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochObservation<T> {
    /// Number of the trial.
    pub trial: u32,
    /// The epoch, from 1.
    pub epoch: usize,
    /// What was observed.
    pub record: T,
}

impl ResultsDatabase {
    /// The gradient statistics of every pair of tasks in every epoch.
    pub fn gradient_curve(&self, run: &RunId) -> Result<Vec<EpochObservation<GradientRecord>>, StoreError> {
        self.observed(run, "gradients", GRADIENT_COLUMNS, |row| gradient_record(row, 2))
    }

    /// The affinity of every pair of tasks in every epoch.
    pub fn affinity_curve(&self, run: &RunId) -> Result<Vec<EpochObservation<AffinityRecord>>, StoreError> {
        self.observed(run, "affinities", "task, other, value, steps", |row| {
            let steps = read_count(row, 5)? as usize;
            Ok(AffinityRecord { task: row.get(2)?, other: row.get(3)?, value: row.get(4)?, steps })
        })
    }

    /// The share of each expert or column that readers use in every epoch.
    pub fn share_curve(&self, run: &RunId) -> Result<Vec<EpochObservation<ShareRecord>>, StoreError> {
        self.observed(run, "shares", SHARE_COLUMNS, |row| share_record(row, 2))
    }

    /// Returns a table's rows by trial and epoch, in recording order. `record` reads the columns from index
    /// 2 on.
    fn observed<T>(
        &self,
        run: &RunId,
        table: &'static str,
        columns: &'static str,
        record: impl Fn(&rusqlite::Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<EpochObservation<T>>, StoreError> {
        let sql = format!(
            "SELECT trial, epoch, {columns} FROM {table} WHERE run = ?1 ORDER BY trial, epoch, rowid"
        );
        self.select(&sql, [run.as_str()], |row| {
            let (trial, epoch) = (read_count(row, 0)? as u32, read_count(row, 1)? as usize);
            Ok(EpochObservation { trial, epoch, record: record(row)? })
        })
    }
}

/// Reads [`GRADIENT_COLUMNS`], from the column `first` on.
pub(crate) fn gradient_record(row: &Row<'_>, first: usize) -> rusqlite::Result<GradientRecord> {
    Ok(GradientRecord {
        task: row.get(first)?,
        other: row.get(first + 1)?,
        cosine: row.get(first + 2)?,
        conflicts: row.get(first + 3)?,
        similarity: row.get(first + 4)?,
    })
}

/// Reads [`SHARE_COLUMNS`], from the column `first` on.
pub(crate) fn share_record(row: &Row<'_>, first: usize) -> rusqlite::Result<ShareRecord> {
    Ok(ShareRecord {
        unit: row.get(first)?,
        reader: row.get(first + 1)?,
        source: row.get(first + 2)?,
        value: row.get(first + 3)?,
    })
}
