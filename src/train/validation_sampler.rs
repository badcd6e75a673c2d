//! Batches of validation rows, for weightings that learn from them. A batch is a function of the trial's seed
//! and its number, so that a resumed training sees the same batches. Test rows are never used.

use std::cell::RefCell;

use crate::data::sampling::RowShuffle;
use crate::domain::array::Array;
use crate::domain::table::Dataset;
use crate::model;
use crate::model::labels::Labels;
use crate::model::network::Network;
use crate::train::batch::{Batch, lengths, targets};
use crate::train::error::{TrainError, TrainResult};
use crate::train::job::TrainJob;

/// Draws batches from the validation rows.
pub struct ValidationSampler<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    tables: Vec<TableSampler>,
}

/// The validation rows of one table.
struct TableSampler {
    /// The table's index in the dataset.
    table: usize,
    shuffle: RowShuffle,
    /// The pass drawn from last, and its batches.
    current: RefCell<Option<(usize, Vec<Vec<u32>>)>>,
}

impl<'a> ValidationSampler<'a> {
    /// Prepares the validation rows.
    ///
    /// # Errors
    /// [`TrainError::NoValidRows`] if no table has validation rows.
    pub fn new(job: &'a TrainJob, network: &'a Network) -> TrainResult<Self> {
        let dataset = job.dataset;
        let sampler = |(table, rows): (usize, &crate::domain::table::EncodedTable)| {
            let shuffle = RowShuffle::new(job.seed, job.spec.batch_size.get(), vec![rows.valid.clone()]);
            TableSampler {
                table,
                shuffle: shuffle.with_lengths(vec![lengths(rows)]),
                current: RefCell::default(),
            }
        };
        let tables: Vec<TableSampler> = dataset
            .tables
            .iter()
            .enumerate()
            .filter(|(_, table)| !table.valid.is_empty())
            .map(sampler)
            .collect();
        if tables.is_empty() { Err(TrainError::NoValidRows) } else { Ok(Self { dataset, network, tables }) }
    }

    /// Draws batch `number` of each table with labels of these tasks; it has only their labels.
    pub fn draw(&self, number: usize, tasks: &[bool]) -> TrainResult<Vec<Batch>> {
        let mut batches = Vec::new();
        for sampler in &self.tables {
            let table = &self.dataset.tables[sampler.table];
            let labelled: Vec<_> =
                targets(self.dataset, table).into_iter().filter(|(task, _)| tasks[*task]).collect();
            if labelled.is_empty() {
                continue;
            }
            let rows = sampler.rows(number);
            let labels_of = |(task, truth): &(usize, &Array)| {
                let target = &self.dataset.signature.tasks[*task].target;
                Labels::gather(*task, target, truth, &rows, self.network.device()).transpose()
            };
            let labels = labelled.iter().map(labels_of);
            let labels = labels.flatten().collect::<model::ModelResult<Vec<Labels>>>()?;
            if !labels.is_empty() {
                let inputs = self.network.input_tensors(table, Some(&rows))?;
                batches.push(Batch { rows: rows.len(), inputs, labels });
            }
        }
        Ok(batches)
    }
}

impl TableSampler {
    fn rows(&self, number: usize) -> Vec<u32> {
        let steps = self.shuffle.steps_per_epoch().max(1);
        let (pass, index) = (number / steps, number % steps);
        let mut current = self.current.borrow_mut();
        if current.as_ref().is_none_or(|(known, _)| *known != pass) {
            *current = Some((pass, self.shuffle.epoch(pass).into_iter().map(|batch| batch.rows).collect()));
        }
        current.as_ref().and_then(|(_, batches)| batches.get(index).cloned()).unwrap_or_default()
    }
}
