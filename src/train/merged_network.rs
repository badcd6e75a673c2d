//! Builds a network from the weights of runs that began alike.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use candle_core::{Device, Tensor};

use crate::domain::event::{Event, Observer};
use crate::domain::name::TaskName;
use crate::model::device::describe;
use crate::model::network::Network;
use crate::model::weights::{Weight, WeightOwner, host};
use crate::train::error::{TrainError, TrainResult};
use crate::train::job::TrainJob;
use crate::train::merging::{MergeConfig, MergedWeight, merge};
use crate::train::trainer::initial_network;

/// A run to merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeSource {
    /// Its name, for messages.
    pub run: String,
    /// The file of its weights.
    pub weights: PathBuf,
    /// Its tasks.
    pub tasks: Vec<TaskName>,
}

impl MergeSource {
    fn misfit(&self, reason: String) -> TrainError {
        TrainError::Merge { run: self.run.clone(), reason }
    }

    fn read(&self) -> TrainResult<HashMap<String, Tensor>> {
        candle_core::safetensors::load(&self.weights, &Device::Cpu)
            .map_err(|error| self.misfit(format!("its weights cannot be read: {error}")))
    }

    /// The values of a weight of the merged network in this run.
    fn values(&self, tensors: &HashMap<String, Tensor>, weight: &Weight) -> TrainResult<Vec<f32>> {
        let Some(tensor) = tensors.get(&weight.name) else {
            return Err(self.misfit(format!("it has no weight `{}`", weight.name)));
        };
        if tensor.dims() != weight.shape {
            let (found, expected) = (tensor.dims(), &weight.shape);
            return Err(self.misfit(format!("`{}` is {found:?}; expected {expected:?}", weight.name)));
        }
        Ok(host(tensor)?)
    }
}

/// Writes the merged network's weights to the job's output, and the events of a training without epochs.
///
/// # Errors
/// A run has other weights than the network, or others that are frozen, so that it cannot have begun from
/// the same; a task's head is in none of the runs; or file errors.
pub fn merge_networks(
    job: &TrainJob,
    config: &MergeConfig,
    sources: &[MergeSource],
    observer: &dyn Observer,
) -> TrainResult<()> {
    let started = Instant::now();
    let network = initial_network(job)?;
    observer.observe(&Event::TrainStarted {
        trial: job.trial,
        seed: job.seed,
        epochs: 0,
        steps_per_epoch: 0,
        rows: 0,
        parameters: network.weights().parameters(),
        device: describe(network.device()),
        from_step: 0,
    });
    let files = sources.iter().map(MergeSource::read).collect::<TrainResult<Vec<_>>>()?;
    let (mut shared, mut merged) = (Vec::new(), Vec::new());
    for weight in network.weights().iter() {
        match &weight.owner {
            WeightOwner::Task(task) => {
                let name = &job.dataset.signature.tasks[*task].name;
                let owner = sources.iter().zip(&files).find(|(source, _)| source.tasks.contains(name));
                let (source, file) = owner.ok_or_else(|| TrainError::MergeTask(name.clone()))?;
                set(&network, weight, source.values(file, weight)?)?;
            }
            WeightOwner::Heads => return Err(TrainError::MergeHeads(weight.name.clone())),
            WeightOwner::Inputs | WeightOwner::Input(_) | WeightOwner::Body => {
                let initial = host(&weight.var)?;
                let pairs = sources.iter().zip(&files);
                let runs: Vec<Vec<f32>> =
                    pairs.map(|(source, file)| source.values(file, weight)).collect::<TrainResult<_>>()?;
                if weight.is_frozen() {
                    if let Some((source, _)) = sources.iter().zip(&runs).find(|(_, run)| **run != initial) {
                        let reason = format!("`{}` is frozen and has other values", weight.name);
                        return Err(source.misfit(reason));
                    }
                    continue;
                }
                shared.push(weight);
                let (shape, is_statistic) = (weight.shape.clone(), !weight.trainable);
                merged.push(MergedWeight { shape, initial, runs, is_statistic });
            }
        }
    }
    for (weight, values) in shared.into_iter().zip(merge(config, &merged)) {
        set(&network, weight, values)?;
    }
    let failed =
        |source| TrainError::File { doing: "create the folder", path: job.output.to_owned(), source };
    std::fs::create_dir_all(job.output).map_err(failed)?;
    network.weights().save(&job.output.join("weights.safetensors"))?;
    observer.observe(&Event::TrainFinished {
        trial: job.trial,
        best_epoch: 0,
        epochs: 0,
        reason: format!("merged from {} runs", sources.len()),
        seconds: started.elapsed().as_secs_f64(),
    });
    Ok(())
}

fn set(network: &Network, weight: &Weight, values: Vec<f32>) -> TrainResult<()> {
    let values = Tensor::from_vec(values, weight.shape.as_slice(), network.device())?;
    Ok(weight.var.set(&values)?)
}
