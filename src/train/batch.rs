//! Gathers batches of rows as tensors, in the background one batch ahead of training.

use std::sync::mpsc::sync_channel;

use crate::data::sampling::{self, RowShuffle};
use crate::domain::array::Array;
use crate::domain::number::Count;
use crate::domain::table::{Dataset, EncodedTable};
use crate::model;
use crate::model::activations::Activations;
use crate::model::input::PackedInputs;
use crate::model::labels::Labels;
use crate::model::network::Network;
use crate::train::augmenter::TrainingAugmenter;
use crate::train::error::TrainResult;
use crate::train::job::TrainJob;

/// Rows of one table for a training step.
#[derive(Debug)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// The network's inputs.
    pub inputs: Vec<Activations>,
    /// Labels of the tasks that have any in the batch, in the signature's order.
    pub labels: Vec<Labels>,
}

/// Produces the batches of every epoch.
pub struct Loader<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    shuffle: RowShuffle,
    /// Per table, each task's index in the signature and its labels.
    targets: Vec<Vec<(usize, &'a Array)>>,
    augmenter: Option<TrainingAugmenter<'a>>,
    /// Per table.
    packed: Vec<PackedInputs>,
    /// The number of independent sub-batches of each batch.
    parts: usize,
    /// The batches of each step.
    accumulate: usize,
}

impl<'a> Loader<'a> {
    /// Loads the batches of `job`; each is divided into `parts` for methods that need independent ones.
    pub fn new(job: &'a TrainJob, network: &'a Network, parts: usize) -> TrainResult<Self> {
        let dataset = job.dataset;
        let rows = dataset.tables.iter().map(|table| table.train.clone()).collect();
        let targets = dataset.tables.iter().map(|table| targets(dataset, table)).collect();
        let shuffle = RowShuffle::new(job.seed, job.spec.batch_size.get(), rows)
            .with_sampling(job.sampling, job.spec.epochs.get())
            .with_lengths(dataset.tables.iter().map(lengths).collect())
            .with_tokens(job.spec.batch_tokens.map(Count::get));
        let augmenter = TrainingAugmenter::new(&dataset.signature, job.seed);
        let packed =
            dataset.tables.iter().map(|table| network.packed(table)).collect::<model::ModelResult<_>>()?;
        let accumulate = job.spec.accumulate.get();
        Ok(Self { dataset, network, shuffle, targets, augmenter, packed, parts, accumulate })
    }

    /// The number of training rows of all tables.
    pub fn rows(&self) -> usize {
        self.dataset.tables.iter().map(|table| table.train.len()).sum()
    }

    /// The number of steps, the same for every epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.shuffle.steps_per_epoch().div_ceil(self.accumulate)
    }

    /// Calls `step` with the batches of each step of an epoch, each in its sub-batches, from step `first` on,
    /// until it fails. The last step of an epoch may have fewer batches. With more than one thread the next
    /// batches are gathered in the background.
    ///
    /// # Errors
    /// The first error of `step` or of gathering a batch.
    pub fn each(
        &self,
        epoch: usize,
        first: usize,
        mut step: impl FnMut(&[Vec<Batch>]) -> TrainResult<()>,
    ) -> TrainResult<()> {
        let trained = first * self.accumulate;
        let batches: Vec<sampling::BatchRows> = self.shuffle.epoch(epoch).into_iter().skip(trained).collect();
        if rayon::current_num_threads() == 1 {
            return self.each_step(batches.iter().map(|batch| self.parts(batch, epoch)), step);
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(2);
            scope.spawn(move || {
                for batch in &batches {
                    // The receiver is dropped when a step fails.
                    if sender.send(self.parts(batch, epoch)).is_err() {
                        break;
                    }
                }
            });
            self.each_step(receiver.into_iter(), &mut step)
        })
    }

    /// Calls `step` with as many batches at a time as a step has.
    fn each_step(
        &self,
        batches: impl Iterator<Item = TrainResult<Vec<Batch>>>,
        mut step: impl FnMut(&[Vec<Batch>]) -> TrainResult<()>,
    ) -> TrainResult<()> {
        let mut gathered = Vec::with_capacity(self.accumulate);
        for batch in batches {
            gathered.push(batch?);
            if gathered.len() == self.accumulate {
                step(&gathered)?;
                gathered.clear();
            }
        }
        if gathered.is_empty() { Ok(()) } else { step(&gathered) }
    }

    fn parts(&self, batch: &sampling::BatchRows, epoch: usize) -> TrainResult<Vec<Batch>> {
        let parts = split(&batch.rows, self.parts);
        parts.iter().map(|rows| self.gather(batch.table, rows, epoch)).collect()
    }

    fn gather(&self, index: usize, rows: &[u32], epoch: usize) -> TrainResult<Batch> {
        let table = &self.dataset.tables[index];
        let device = self.network.device();
        let inputs = match &self.augmenter {
            Some(augmenter) => {
                let gathered = table.inputs.iter().map(|(name, array)| (name.clone(), array.gather(rows)));
                let mut arrays: Vec<_> = gathered.collect();
                augmenter.images(&mut arrays, rows, epoch);
                self.network.gathered_input_tensors(table, rows, &arrays)?
            }
            None => self.network.packed_input_tensors(table, &self.packed[index], rows)?,
        };
        let labels_of = |(task, truth): &(usize, &Array)| {
            let target = &self.dataset.signature.tasks[*task].target;
            let augmented =
                self.augmenter.as_ref().and_then(|augmenter| augmenter.labels(target, truth, rows, epoch));
            match augmented {
                Some(augmented) => {
                    let all: Vec<u32> = (0..rows.len() as u32).collect();
                    Labels::gather(*task, target, &augmented, &all, device)
                }
                None => Labels::gather(*task, target, truth, rows, device),
            }
        };
        let labels = self.targets[index].iter().map(labels_of);
        let labels =
            labels.filter_map(|labels| labels.transpose()).collect::<model::ModelResult<Vec<Labels>>>()?;
        Ok(Batch { rows: rows.len(), inputs, labels })
    }
}

/// Assigns rows to parts in turn, so that rows sorted by length spread evenly. If there are too few to give
/// every part two, each part gets all of them.
fn split(rows: &[u32], parts: usize) -> Vec<Vec<u32>> {
    if parts < 2 || rows.len() < 2 * parts {
        return vec![rows.to_vec(); parts.max(1)];
    }
    (0..parts).map(|part| rows.iter().skip(part).step_by(parts).copied().collect()).collect()
}

/// The number of steps of each row, for tables of sequences.
pub fn lengths(table: &EncodedTable) -> Option<Vec<u32>> {
    let (_, sequence) = table.inputs.iter().find(|(_, array)| array.offsets.is_some())?;
    Some((0..sequence.rows()).map(|row| sequence.length(row) as u32).collect())
}

/// The table's tasks by their index in the signature, with their labels.
pub fn targets<'a>(dataset: &Dataset, table: &'a EncodedTable) -> Vec<(usize, &'a Array)> {
    let tasks = dataset.signature.tasks.iter().enumerate();
    tasks.filter_map(|(index, task)| Some((index, table.target(&task.name)?))).collect()
}

#[cfg(test)]
mod tests {
    use crate::train::batch::split;

    #[test]
    fn parts_take_rows_in_turn() {
        assert_eq!(split(&[1, 2, 3, 4, 5, 6, 7], 3), [vec![1, 4, 7], vec![2, 5], vec![3, 6]]);
        assert_eq!(split(&[1, 2, 3], 3), vec![vec![1, 2, 3]; 3]);
        assert_eq!(split(&[1, 2, 3], 1), [vec![1, 2, 3]]);
    }
}
