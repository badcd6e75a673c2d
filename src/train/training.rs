//! A training between two steps: how it begins, is kept, goes on, and is closed.

use std::collections::HashMap;
use std::time::Instant;

use candle_core::{Tensor, Var};

use crate::domain::diagnostic::Severity;
use crate::domain::event::{Event, Observer};
use crate::domain::stage::{Stage, Work};
use crate::model::device::describe;
use crate::model::network::Network;
use crate::model::weights::host;
use crate::train::affinity::EpochAffinities;
use crate::train::balance::{BalanceState, LossBalancer};
use crate::train::batch::Loader;
use crate::train::checkpoint::{self, Checkpoint, TrainingState, file};
use crate::train::comparison::EpochComparison;
use crate::train::early_stopping::EarlyStopping;
use crate::train::error::{LastGoodCheckpoint, TrainError, TrainResult};
use crate::train::exact_number::ExactNumber;
use crate::train::job::{TrainJob, TrainedNetwork};
use crate::train::learner::{Learner, LearnerConfig};
use crate::train::objective::Objective;
use crate::train::optimizer::fused_step::MomentSnapshot;
use crate::train::record::{EpochSummary, EpochSums, TrainingPosition};
use crate::train::regularization::PenaltyStrength;
use crate::train::validation::{Validation, ValidationResult};
use crate::train::validation_sampler::ValidationSampler;
use crate::train::weighting::WeightingContext;

/// All that changes while a network is trained, and what it is trained with.
pub struct Training<'a> {
    pub job: &'a TrainJob<'a>,
    pub observer: &'a dyn Observer,
    pub network: &'a Network,
    pub learner: Learner<'a>,
    pub validation: Validation<'a>,
    pub stopping: EarlyStopping,
    pub steps_per_epoch: usize,
    pub position: TrainingPosition,
    pub tally: EpochSums,
    pub history: Vec<EpochSummary>,
    pub compared: Vec<EpochComparison>,
    pub measured: Vec<EpochAffinities>,
    /// The best epoch's weights, in the network's order; none before the first epoch's end.
    pub best: Vec<Vec<f32>>,
    /// Why it is over, once it is.
    pub finished: Option<String>,
    /// Has it been said that the monitor is undefined?
    pub last_shown: bool,
    /// The last step's losses.
    pub last: Vec<Option<f64>>,
    /// Since when the running step takes.
    pub mark: Instant,
    /// When a step was shown last.
    pub shown: Option<Instant>,
    pub saved_at: Instant,
    saved: Option<LastGoodCheckpoint>,
}

impl<'a> Training<'a> {
    pub fn new(
        job: &'a TrainJob<'a>,
        observer: &'a dyn Observer,
        network: &'a Network,
        loader: &Loader,
    ) -> TrainResult<Self> {
        if loader.rows() == 0 {
            return Err(TrainError::NoRows);
        }
        let tasks: Vec<_> = job.dataset.signature.tasks.iter().map(|task| task.name.clone()).collect();
        let update = job.spec.optimizer.view();
        let setting = WeightingContext { tasks: &tasks, seed: job.seed, rate: update.rate() };
        let regularization = job.spec.regularization.as_ref();
        let config = LearnerConfig {
            seed: job.seed,
            update,
            schedule: job.spec.schedule.view(),
            strength: regularization.map_or(PenaltyStrength::default(), |config| config.view().strength()),
            clip_norm: job.spec.clip_norm.map(|norm| norm.get()),
            affinity: job.spec.affinity.as_ref().map(|config| config.every.get()),
        };
        let balance = LossBalancer::new(job.weighting, &job.spec.gradients, &setting);
        let foresees = balance.losses.lookahead_request(0).is_some();
        let mut learner = Learner::new(network, balance, config)?;
        learner.held_out = if foresees { Some(ValidationSampler::new(job, network)?) } else { None };
        let objective = Objective::new(&job.spec.monitor, &job.metrics)?;
        let patience = job.spec.monitor.patience.map(|epochs| epochs.get());
        Ok(Self {
            job,
            observer,
            network,
            learner,
            stopping: EarlyStopping::new(objective.direction(), patience),
            validation: Validation::new(job.dataset, network, &job.metrics, objective)?,
            steps_per_epoch: loader.steps_per_epoch(),
            position: TrainingPosition::default(),
            tally: EpochSums::new(tasks.len()),
            history: Vec::new(),
            compared: Vec::new(),
            measured: Vec::new(),
            best: Vec::new(),
            finished: None,
            last_shown: false,
            last: vec![None; tasks.len()],
            mark: Instant::now(),
            shown: None,
            saved_at: Instant::now(),
            saved: None,
        })
    }

    /// Goes on from the checkpoint folder, if there is a checkpoint of this job that can be read.
    pub fn resume(&mut self) -> TrainResult<()> {
        let path = file(self.job.checkpoint_dir);
        let result = match Checkpoint::read(&path) {
            Ok(Some(result)) => result,
            Ok(None) => return Ok(()),
            Err(error @ checkpoint::CheckpointError::File { .. }) => return Err(error.into()),
            Err(error) => {
                self.note(format!("{error}; the training starts over"));
                return Ok(());
            }
        };
        let step = result.state.position.step;
        if result.state.job != self.job.job_fingerprint {
            self.note(format!(
                "the checkpoint {} is of another job; the training starts over",
                path.display()
            ));
        } else if self.adopt(result)? {
            self.saved = Some(LastGoodCheckpoint { path, step });
        } else {
            self.note(format!("the checkpoint {} does not fit; the training starts over", path.display()));
        }
        Ok(())
    }

    /// Says, once, that the monitor is undefined, and what is done instead.
    pub fn tell_undefined(&mut self, epoch: usize, findings: &ValidationResult) {
        let Some(reason) = findings.undefined.as_deref().filter(|_| !self.last_shown) else { return };
        let monitor = &self.job.spec.monitor;
        let (what, best) = (self.validation.monitored(), self.stopping.standing().best());
        let nobody_asked = monitor.task.is_none() && monitor.patience.is_none();
        if nobody_asked && self.validation.is_empty() {
            return;
        }
        self.last_shown = true;
        let patience = monitor.patience.is_some();
        let instead = match (best, findings.fallback) {
            (Some(_), _) => "such an epoch is no better than another".to_owned(),
            (None, Some(_)) if patience => {
                "there is nothing to choose by: the validation loss chooses the epoch to keep, and `patience` goes by it"
                    .to_owned()
            }
            (None, Some(_)) => {
                "there is nothing to choose by: the validation loss chooses the epoch to keep".to_owned()
            }
            (None, None) if patience => {
                "there is nothing to choose by: the last epoch is kept, and `patience` ends nothing".to_owned()
            }
            (None, None) => "there is nothing to choose by: the last epoch is kept".to_owned(),
        };
        self.note(format!("the monitor, {what}, is undefined after epoch {epoch}: {reason}; {instead}"));
    }

    fn note(&self, text: String) {
        let stage = Stage::of_trial(Work::Train, self.job.trial).into();
        self.observer.observe(&Event::Note { stage, severity: Severity::Warning, text });
    }

    /// Tells where it begins, and what was before that.
    pub fn announce(&self, rows: usize) {
        self.observer.observe(&Event::TrainStarted {
            trial: self.job.trial,
            seed: self.job.seed,
            epochs: self.job.spec.epochs.get(),
            steps_per_epoch: self.steps_per_epoch,
            rows,
            parameters: self.network.weights().parameters(),
            device: describe(self.network.device()),
            from_step: self.position.step,
        });
        for (number, epoch) in (1..).zip(&self.history) {
            self.observer.observe(&epoch.event(self.job.trial));
            let compared = self.compared.iter().filter(|compared| compared.epoch == number);
            compared.for_each(|compared| self.observer.observe(&compared.event(self.job.trial)));
            let measured = self.measured.iter().filter(|measured| measured.epoch == number);
            measured.for_each(|measured| self.observer.observe(&measured.event(self.job.trial)));
        }
    }

    /// The weights as they are; an error when they are no numbers any more.
    pub fn weights(&self) -> TrainResult<Vec<Vec<f32>>> {
        let mut values = Vec::new();
        for weight in self.network.weights().iter() {
            values.push(host(&weight.var)?);
        }
        if values.iter().flatten().all(|value| value.is_finite()) {
            return Ok(values);
        }
        // The losses before this step were still numbers: the largest is the likeliest culprit.
        let losses = self.last.iter().enumerate().filter_map(|(task, loss)| Some((task, (*loss)?)));
        let (task, _) = losses.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::NAN));
        Err(self.diverged(task, f64::NAN))
    }

    /// The error for a loss that is no number; `task` is its index.
    pub fn diverged(&self, task: usize, loss: f64) -> TrainError {
        TrainError::Diverged {
            step: self.position.step + 1,
            epoch: self.position.epoch + 1,
            task: self.job.dataset.signature.tasks[task].name.clone(),
            loss,
            checkpoint: self.saved.clone(),
        }
    }

    /// Writes the checkpoint.
    pub fn save(&mut self) -> TrainResult<()> {
        let checkpoint = self.checkpoint()?;
        let path = file(self.job.checkpoint_dir);
        checkpoint.write(&path)?;
        let TrainingPosition { epoch, batch, step } = self.position;
        self.saved = Some(LastGoodCheckpoint { path, step });
        self.saved_at = Instant::now();
        let epoch = epoch + usize::from(batch > 0);
        self.observer.observe(&Event::CheckpointSaved { trial: self.job.trial, epoch, step });
        Ok(())
    }

    fn checkpoint(&self) -> TrainResult<Checkpoint> {
        let names: Vec<&str> = self.network.weights().iter().map(|weight| weight.name.as_str()).collect();
        let named = |kind: &str, values: Vec<Vec<f32>>| -> Vec<(String, Vec<f32>)> {
            names.iter().map(|name| format!("{kind}/{name}")).zip(values).collect()
        };
        let mut arrays = named(WEIGHT, self.weights()?);
        arrays.extend(named(BEST, self.best.clone()));
        let mut counts = Vec::new();
        for (variable, kept) in self.learner.variables.iter().zip(self.learner.optimizer.remembered()?) {
            counts.push(kept.count);
            let moments = kept.moments.into_iter().enumerate();
            arrays.extend(moments.map(|(number, values)| (moment(number, &variable.name), values)));
        }
        let BalanceState { numbers, rows } = self.learner.balance.memory();
        arrays.extend(rows.into_iter().enumerate().map(|(task, values)| (balance(task), values)));
        let state = TrainingState {
            job: self.job.job_fingerprint.to_owned(),
            position: self.position,
            tally: self.tally.clone(),
            history: self.history.clone(),
            compared: self.compared.clone(),
            measured: self.measured.clone(),
            standing: self.stopping.standing(),
            weighting: numbers.into_iter().map(ExactNumber::from).collect(),
            counts,
            finished: self.finished.clone(),
        };
        Ok(Checkpoint { state, arrays })
    }

    /// Takes a checkpoint's place; `false`, and nothing is changed, when it does not fit.
    fn adopt(&mut self, checkpoint: Checkpoint) -> TrainResult<bool> {
        let Checkpoint { state, arrays } = checkpoint;
        let mut arrays: HashMap<String, Vec<f32>> = arrays.into_iter().collect();
        let vars: Vec<(&str, &Var)> =
            self.network.weights().iter().map(|weight| (weight.name.as_str(), &weight.var)).collect();
        let mut take = |kind: &str| -> Option<Vec<Vec<f32>>> {
            let one = |(name, var): &(&str, &Var)| {
                arrays.remove(&format!("{kind}/{name}")).filter(|values| values.len() == var.elem_count())
            };
            vars.iter().map(one).collect()
        };
        let (weights, best) = (take(WEIGHT), take(BEST).unwrap_or_default());
        let known_best = !best.is_empty() || state.history.is_empty();
        let moments = self.job.spec.optimizer.view().moments();
        let kept = self.learner.variables.iter().zip(&state.counts).map(|(variable, count)| {
            let moments = (0..moments).map(|number| arrays.remove(&moment(number, &variable.name)));
            Some(MomentSnapshot { count: *count, moments: moments.collect::<Option<_>>()? })
        });
        let (Some(weights), Some(kept)) = (weights, kept.collect::<Option<Vec<_>>>()) else {
            return Ok(false);
        };
        let mut rows = Vec::new();
        while let Some(values) = arrays.remove(&balance(rows.len())) {
            rows.push(values);
        }
        let memory =
            BalanceState { numbers: state.weighting.iter().map(|value| value.get()).collect(), rows };
        let fits = known_best
            && state.tally.tasks() == self.last.len()
            && state.position.batch <= self.steps_per_epoch
            && self.learner.balance.memory().numbers.len() == memory.numbers.len()
            && self.learner.optimizer.restore(kept, &self.learner.variables)?
            && self.learner.balance.restore(memory);
        if !fits {
            return Ok(false);
        }
        load_values(self.network, &weights)?;
        self.best = best;
        self.position = state.position;
        self.tally = state.tally;
        self.history = state.history;
        self.compared = state.compared;
        self.measured = state.measured;
        self.stopping.restore(state.standing);
        self.finished = state.finished;
        Ok(true)
    }

    /// Writes the best weights, and the checkpoint a last time: who is killed before the caller has
    /// put the weights away need not train again.
    pub fn close(&mut self, started: Instant) -> TrainResult<TrainedNetwork> {
        let reason = self.finished.clone().unwrap_or_default();
        let status = self.stopping.standing();
        self.save()?;
        let irregular: usize = self.compared.iter().map(|compared| compared.irregular).sum();
        if irregular > 0 {
            self.note(format!(
                "in {irregular} of {} steps the tasks' gradients cancelled or were nothing, where the weighting has no \
                 answer of its own",
                self.position.step
            ));
        }
        load_values(self.network, &self.best)?;
        let output = self.job.output;
        std::fs::create_dir_all(output).map_err(|source| TrainError::File {
            doing: "make the folder",
            path: output.to_owned(),
            source,
        })?;
        self.network.weights().save(&output.join("weights.safetensors"))?;
        self.observer.observe(&Event::TrainFinished {
            trial: self.job.trial,
            best_epoch: status.best_epoch,
            epochs: self.position.epoch,
            reason: reason.clone(),
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(TrainedNetwork {
            best_epoch: status.best_epoch,
            objective: status.best(),
            epochs: self.position.epoch,
            reason,
        })
    }
}

const WEIGHT: &str = "weight";
const BEST: &str = "best";

fn moment(number: usize, variable: &str) -> String {
    format!("moment{number}/{variable}")
}

/// What the balance keeps of a task that is as long as a gradient.
fn balance(task: usize) -> String {
    format!("balance/{task}")
}

/// Puts values into a network's weights, in its order.
fn load_values(network: &Network, values: &[Vec<f32>]) -> TrainResult<()> {
    for (weight, values) in network.weights().iter().zip(values) {
        let var = &weight.var;
        var.set(&Tensor::from_slice(values, var.shape(), var.device())?)?;
    }
    Ok(())
}
