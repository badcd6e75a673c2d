//! Reading what else was observed epoch by epoch: gradients and affinities of pairs of tasks, and shares.

use crate::domain::name::RunId;
use crate::store::ResultsDatabase;
use crate::store::affinity::AffinityRecord;
use crate::store::column::read_count;
use crate::store::error::StoreError;
use crate::store::record::{GradientRecord, ShareRecord};

/// What was observed of a trial in an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochObservation<T> {
    pub trial: u32,
    pub epoch: usize,
    pub record: T,
}

impl ResultsDatabase {
    /// How the tasks' gradients stood to each other in every epoch.
    pub fn gradient_curve(&self, run: &RunId) -> Result<Vec<EpochObservation<GradientRecord>>, StoreError> {
        self.observed(run, "gradients", "task, other, cosine, conflicts, similarity", |row| {
            Ok(GradientRecord {
                task: row.get(2)?,
                other: row.get(3)?,
                cosine: row.get(4)?,
                conflicts: row.get(5)?,
                similarity: row.get(6)?,
            })
        })
    }

    /// What a step of each task did to the others' losses in every epoch.
    pub fn affinity_curve(&self, run: &RunId) -> Result<Vec<EpochObservation<AffinityRecord>>, StoreError> {
        self.observed(run, "affinities", "task, other, value, steps", |row| {
            let steps = read_count(row, 5)? as usize;
            Ok(AffinityRecord { task: row.get(2)?, other: row.get(3)?, value: row.get(4)?, steps })
        })
    }

    /// How much was read of which expert or column in every epoch.
    pub fn share_curve(&self, run: &RunId) -> Result<Vec<EpochObservation<ShareRecord>>, StoreError> {
        self.observed(run, "shares", "unit, reader, source, value", |row| {
            Ok(ShareRecord {
                unit: row.get(2)?,
                reader: row.get(3)?,
                source: row.get(4)?,
                value: row.get(5)?,
            })
        })
    }

    /// A table's rows by trial and epoch, in the order they were recorded in; `record` reads from the third
    /// column on.
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
