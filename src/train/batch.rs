//! From rows of encoded tables to tensors, one batch ahead of the step that learns from it.

use std::sync::mpsc::sync_channel;

use crate::data::sampling::{self, RowShuffle};
use crate::domain::array::Array;
use crate::domain::table::{Dataset, EncodedTable};
use crate::model;
use crate::model::activations::Activations;
use crate::model::input::PackedInputs;
use crate::model::labels::Labels;
use crate::model::network::Network;
use crate::train::augmented::TrainingAugmenter;
use crate::train::error::TrainResult;
use crate::train::job::TrainJob;

/// What one step learns from: rows of one table.
#[derive(Debug)]
pub struct Batch {
    pub rows: usize,
    /// As the network takes them.
    pub inputs: Vec<Activations>,
    /// Only tasks with a label in the batch, in the signature's order.
    pub labels: Vec<Labels>,
}

/// Makes the batches of every epoch.
pub struct Loader<'a> {
    dataset: &'a Dataset,
    network: &'a Network,
    shuffle: RowShuffle,
    /// Per table: each task's index in the signature beside its labels.
    targets: Vec<Vec<(usize, &'a Array)>>,
    augmented: Option<TrainingAugmenter<'a>>,
    /// Per table.
    packed: Vec<PackedInputs>,
    /// Independent parts that each batch is split into.
    parts: usize,
}

impl<'a> Loader<'a> {
    pub fn new(job: &'a TrainJob, network: &'a Network, parts: usize) -> TrainResult<Self> {
        let dataset = job.dataset;
        let rows = dataset.tables.iter().map(|table| table.train.clone()).collect();
        let targets = dataset.tables.iter().map(|table| targets(dataset, table)).collect();
        let shuffle = RowShuffle::new(job.seed, job.spec.batch_size.get(), rows)
            .sampled(job.sampling, job.spec.epochs.get())
            .bucketed(dataset.tables.iter().map(lengths).collect());
        let augmented = TrainingAugmenter::new(&dataset.signature, job.seed);
        let packed =
            dataset.tables.iter().map(|table| network.packed(table)).collect::<model::ModelResult<_>>()?;
        Ok(Self { dataset, network, shuffle, targets, augmented, packed, parts })
    }

    /// Training rows of all tables.
    pub fn rows(&self) -> usize {
        self.dataset.tables.iter().map(|table| table.train.len()).sum()
    }

    /// The same for every epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.shuffle.steps_per_epoch()
    }

    /// Hands the parts of the epoch's batches from number `first` on to `step`, until it fails. The next ones
    /// are gathered meanwhile, if there is more than one thread.
    pub fn each(
        &self,
        epoch: usize,
        first: usize,
        mut step: impl FnMut(Vec<Batch>) -> TrainResult<()>,
    ) -> TrainResult<()> {
        let batches: Vec<sampling::BatchRows> = self.shuffle.epoch(epoch).into_iter().skip(first).collect();
        if rayon::current_num_threads() == 1 {
            return batches.iter().try_for_each(|batch| step(self.parts(batch, epoch)?));
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(2);
            scope.spawn(move || {
                for batch in &batches {
                    // The receiver is gone when a step failed.
                    if sender.send(self.parts(batch, epoch)).is_err() {
                        break;
                    }
                }
            });
            receiver.into_iter().try_for_each(|batch| step(batch?))
        })
    }

    fn parts(&self, batch: &sampling::BatchRows, epoch: usize) -> TrainResult<Vec<Batch>> {
        let parts = split(&batch.rows, self.parts);
        parts.iter().map(|rows| self.gather(batch.table, rows, epoch)).collect()
    }

    fn gather(&self, index: usize, rows: &[u32], epoch: usize) -> TrainResult<Batch> {
        let table = &self.dataset.tables[index];
        let device = self.network.device();
        let inputs = match &self.augmented {
            Some(augmented) => {
                let gathered = table.inputs.iter().map(|(name, array)| (name.clone(), array.gather(rows)));
                let mut arrays: Vec<_> = gathered.collect();
                augmented.images(&mut arrays, rows, epoch);
                self.network.signals_of(&arrays)?
            }
            None => self.network.packed_signals(table, &self.packed[index], rows)?,
        };
        let of_task = |(task, truth): &(usize, &Array)| {
            let target = &self.dataset.signature.tasks[*task].target;
            let moved = self.augmented.as_ref().and_then(|all| all.labels(target, truth, rows, epoch));
            match moved {
                Some(moved) => {
                    let all: Vec<u32> = (0..rows.len() as u32).collect();
                    Labels::gather(*task, target, &moved, &all, device)
                }
                None => Labels::gather(*task, target, truth, rows, device),
            }
        };
        let labels = self.targets[index].iter().map(of_task);
        let labels =
            labels.filter_map(|labels| labels.transpose()).collect::<model::ModelResult<Vec<Labels>>>()?;
        Ok(Batch { rows: rows.len(), inputs, labels })
    }
}

/// Rows in turn, so that rows sorted by length spread evenly. Too few to give every part two: all to each
/// part.
fn split(rows: &[u32], parts: usize) -> Vec<Vec<u32>> {
    if parts < 2 || rows.len() < 2 * parts {
        return vec![rows.to_vec(); parts.max(1)];
    }
    (0..parts).map(|part| rows.iter().skip(part).step_by(parts).copied().collect()).collect()
}

/// The steps of each row of a table whose rows are sequences.
pub fn lengths(table: &EncodedTable) -> Option<Vec<u32>> {
    let (_, sequence) = table.inputs.iter().find(|(_, array)| array.offsets.is_some())?;
    Some((0..sequence.rows()).map(|row| sequence.length(row) as u32).collect())
}

/// The table's tasks, by their index in the signature.
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
