//! Batches of validation rows, for a weighting that learns from them: a function of the trial's seed and the batch's number
//! alone, so that a training that goes on sees what it would have seen. Rows of the test split are never among them.

use std::cell::RefCell;

use crate::data::sampling::Shuffle;
use crate::domain::array::Array;
use crate::domain::table::Dataset;
use crate::model;
use crate::model::labels::Labels;
use crate::model::network::Network;
use crate::train::batch::{Batch, lengths, targets};
use crate::train::error::{Error, Result};
use crate::train::job::Job;

/// Draws batches from the validation rows.
pub struct HeldOut<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    tables: Vec<Pile>,
}

/// The validation rows of one table.
struct Pile {
    /// Its place in the dataset.
    table: usize,
    shuffle: Shuffle,
    /// The order of the pass drawn from last.
    drawn: RefCell<Option<(usize, Vec<Vec<u32>>)>>,
}

impl<'a> HeldOut<'a> {
    /// An error where no table has validation rows.
    pub fn new(job: &'a Job, network: &'a Network) -> Result<Self> {
        let dataset = job.dataset;
        let pile = |(table, rows): (usize, &crate::domain::table::Table)| {
            let shuffle = Shuffle::new(job.seed, job.spec.batch_size.get(), vec![rows.valid.clone()]);
            Pile { table, shuffle: shuffle.bucketed(vec![lengths(rows)]), drawn: RefCell::default() }
        };
        let tables: Vec<Pile> = dataset
            .tables
            .iter()
            .enumerate()
            .filter(|(_, table)| !table.valid.is_empty())
            .map(pile)
            .collect();
        if tables.is_empty() { Err(Error::NoValidRows) } else { Ok(Self { dataset, network, tables }) }
    }

    /// A batch of each table that has labels of these tasks, and of their labels alone.
    pub fn draw(&self, number: usize, tasks: &[bool]) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        for pile in &self.tables {
            let table = &self.dataset.tables[pile.table];
            let own: Vec<_> =
                targets(self.dataset, table).into_iter().filter(|(task, _)| tasks[*task]).collect();
            if own.is_empty() {
                continue;
            }
            let rows = pile.rows(number);
            let of_task = |(task, truth): &(usize, &Array)| {
                let target = &self.dataset.signature.tasks[*task].target;
                Labels::gather(*task, target, truth, &rows, self.network.device()).transpose()
            };
            let labels = own.iter().map(of_task);
            let labels = labels.flatten().collect::<model::Result<Vec<Labels>>>()?;
            if !labels.is_empty() {
                let inputs = self.network.signals(table, Some(&rows))?;
                batches.push(Batch { rows: rows.len(), inputs, labels });
            }
        }
        Ok(batches)
    }
}

impl Pile {
    fn rows(&self, number: usize) -> Vec<u32> {
        let steps = self.shuffle.steps_per_epoch().max(1);
        let (pass, place) = (number / steps, number % steps);
        let mut drawn = self.drawn.borrow_mut();
        if drawn.as_ref().is_none_or(|(known, _)| *known != pass) {
            *drawn = Some((pass, self.shuffle.epoch(pass).into_iter().map(|batch| batch.rows).collect()));
        }
        drawn.as_ref().and_then(|(_, batches)| batches.get(place).cloned()).unwrap_or_default()
    }
}
