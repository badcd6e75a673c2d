//! The state of a training: how it is created, saved, resumed and finished.

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

/// Everything that changes during training, and its fixed inputs.
pub struct Training<'a> {
    /// What to train.
    pub job: &'a TrainJob<'a>,
    /// Receives the events.
    pub observer: &'a dyn Observer,
    /// The network in training.
    pub network: &'a Network,
    /// Makes the steps.
    pub learner: Learner<'a>,
    /// Evaluates on validation rows.
    pub validation: Validation<'a>,
    /// Chooses the best epoch.
    pub stopping: EarlyStopping,
    /// Steps in each epoch.
    pub steps_per_epoch: usize,
    /// Epoch and step.
    pub position: TrainingPosition,
    /// Sums of the current epoch.
    pub epoch_sums: EpochSums,
    /// The finished epochs.
    pub history: Vec<EpochSummary>,
    /// Compared gradients of the finished epochs.
    pub compared: Vec<EpochComparison>,
    /// Measured affinities of the finished epochs.
    pub measured: Vec<EpochAffinities>,
    /// The best epoch's weights, in the network's order; empty before the end of the first epoch.
    pub best: Vec<Vec<f32>>,
    /// Why training ended, if it has.
    pub finished: Option<String>,
    /// Whether the warning about an undefined monitor was emitted.
    pub undefined_reported: bool,
    /// The losses of the last step.
    pub last_losses: Vec<Option<f64>>,
    /// When the current step started.
    pub step_started: Instant,
    /// When a step was last emitted.
    pub last_shown: Option<Instant>,
    /// When the last checkpoint was saved.
    pub saved_at: Instant,
    saved: Option<LastGoodCheckpoint>,
}

impl<'a> Training<'a> {
    /// Prepares a training from its initial state.
    ///
    /// # Errors
    /// If there are no training rows, or validation rows or metrics that the settings need are missing.
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
        let needs_validation_rows = balance.losses.lookahead_request(0).is_some();
        let mut learner = Learner::new(network, balance, config)?;
        learner.accumulate = job.spec.accumulate.get();
        learner.checkpoints = job.spec.gradient_checkpointing;
        learner.held_out =
            if needs_validation_rows { Some(ValidationSampler::new(job, network)?) } else { None };
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
            epoch_sums: EpochSums::new(tasks.len()),
            history: Vec::new(),
            compared: Vec::new(),
            measured: Vec::new(),
            best: Vec::new(),
            finished: None,
            undefined_reported: false,
            last_losses: vec![None; tasks.len()],
            step_started: Instant::now(),
            last_shown: None,
            saved_at: Instant::now(),
            saved: None,
        })
    }

    /// Restores the checkpoint of this job, if there is one; an unusable checkpoint is reported and ignored.
    pub fn resume(&mut self) -> TrainResult<()> {
        let path = file(self.job.checkpoint_dir);
        let checkpoint = match Checkpoint::read(&path) {
            Ok(Some(checkpoint)) => checkpoint,
            Ok(None) => return Ok(()),
            Err(error @ checkpoint::CheckpointError::File { .. }) => return Err(error.into()),
            Err(error) => {
                self.note(format!("{error}; training starts over"));
                return Ok(());
            }
        };
        let step = checkpoint.state.position.step;
        if checkpoint.state.job != self.job.job_fingerprint {
            self.note(format!(
                "the checkpoint {} belongs to another job; training starts over",
                path.display()
            ));
        } else if self.restore(checkpoint)? {
            self.saved = Some(LastGoodCheckpoint { path, step });
        } else {
            self.note(format!(
                "the checkpoint {} does not fit this training; training starts over",
                path.display()
            ));
        }
        Ok(())
    }

    /// Warns once if the monitor is undefined, stating what is used instead.
    pub fn warn_if_undefined(&mut self, epoch: usize, validation: &ValidationResult) {
        let Some(reason) = validation.undefined.as_deref().filter(|_| !self.undefined_reported) else {
            return;
        };
        let monitor = &self.job.spec.monitor;
        let (monitored, best) = (self.validation.monitored(), self.stopping.state().best());
        let is_default = monitor.task.is_none() && monitor.patience.is_none();
        if is_default && self.validation.is_empty() {
            return;
        }
        self.undefined_reported = true;
        let patience = monitor.patience.is_some();
        let instead = match (best, validation.fallback) {
            (Some(_), _) => "this epoch cannot become the best".to_owned(),
            (None, Some(_)) if patience => {
                "the validation loss chooses the best epoch instead, and `patience` depends on it".to_owned()
            }
            (None, Some(_)) => "the validation loss chooses the best epoch instead".to_owned(),
            (None, None) if patience => "the last epoch is kept, and `patience` has no effect".to_owned(),
            (None, None) => "the last epoch is kept".to_owned(),
        };
        self.note(format!("the monitor, {monitored}, is undefined after epoch {epoch}: {reason}; {instead}"));
    }

    fn note(&self, text: String) {
        let stage = Stage::of_trial(Work::Train, self.job.trial).into();
        self.observer.observe(&Event::Note { stage, severity: Severity::Warning, text });
    }

    /// Emits the start of training, and the events of earlier epochs when resuming.
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

    /// The current weights.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] if a weight is not finite.
    pub fn weights(&self) -> TrainResult<Vec<Vec<f32>>> {
        let mut values = Vec::new();
        for weight in self.network.weights().iter() {
            values.push(host(&weight.var)?);
        }
        if values.iter().flatten().all(|value| value.is_finite()) {
            return Ok(values);
        }
        // The losses before this step were finite: the task with the largest is the likeliest cause.
        let losses = self.last_losses.iter().enumerate().filter_map(|(task, loss)| Some((task, (*loss)?)));
        let (task, _) = losses.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::NAN));
        Err(self.diverged(task, f64::NAN))
    }

    /// The error for a loss that is not finite; `task` is its index.
    pub fn diverged(&self, task: usize, loss: f64) -> TrainError {
        TrainError::Diverged {
            step: self.position.step + 1,
            epoch: self.position.epoch + 1,
            task: self.job.dataset.signature.tasks[task].name.clone(),
            loss,
            checkpoint: self.saved.clone(),
        }
    }

    /// Writes a checkpoint.
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
        for (variable, state) in self.learner.variables.iter().zip(self.learner.optimizer.snapshot()?) {
            counts.push(state.count);
            let moments = state.moments.into_iter().enumerate();
            arrays.extend(moments.map(|(number, values)| (moment(number, &variable.name), values)));
        }
        let BalanceState { numbers, rows } = self.learner.balance.state();
        arrays.extend(rows.into_iter().enumerate().map(|(task, values)| (balance(task), values)));
        let state = TrainingState {
            job: self.job.job_fingerprint.to_owned(),
            position: self.position,
            tally: self.epoch_sums.clone(),
            history: self.history.clone(),
            compared: self.compared.clone(),
            measured: self.measured.clone(),
            early_stopping: self.stopping.state(),
            weighting: numbers.into_iter().map(ExactNumber::from).collect(),
            counts,
            finished: self.finished.clone(),
        };
        Ok(Checkpoint { state, arrays })
    }

    /// Restores a checkpoint; `false`, with the training unchanged, if it does not fit.
    fn restore(&mut self, checkpoint: Checkpoint) -> TrainResult<bool> {
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
        let optimizer_state = self.learner.variables.iter().zip(&state.counts).map(|(variable, count)| {
            let moments = (0..moments).map(|number| arrays.remove(&moment(number, &variable.name)));
            Some(MomentSnapshot { count: *count, moments: moments.collect::<Option<_>>()? })
        });
        let (Some(weights), Some(optimizer_state)) = (weights, optimizer_state.collect::<Option<Vec<_>>>())
        else {
            return Ok(false);
        };
        let mut rows = Vec::new();
        while let Some(values) = arrays.remove(&balance(rows.len())) {
            rows.push(values);
        }
        let balance_state =
            BalanceState { numbers: state.weighting.iter().map(|value| value.get()).collect(), rows };
        let fits = known_best
            && state.tally.tasks() == self.last_losses.len()
            && state.position.batch <= self.steps_per_epoch
            && self.learner.balance.state().numbers.len() == balance_state.numbers.len()
            && self.learner.optimizer.restore(optimizer_state, &self.learner.variables)?
            && self.learner.balance.restore(balance_state);
        if !fits {
            return Ok(false);
        }
        load_values(self.network, &weights)?;
        self.best = best;
        self.position = state.position;
        self.epoch_sums = state.tally;
        self.history = state.history;
        self.compared = state.compared;
        self.measured = state.measured;
        self.stopping.restore(state.early_stopping);
        self.finished = state.finished;
        Ok(true)
    }

    /// Writes the best weights, and a last checkpoint, so that a kill before the caller has stored the
    /// weights does not require training again.
    pub fn close(&mut self, started: Instant) -> TrainResult<TrainedNetwork> {
        let reason = self.finished.clone().unwrap_or_default();
        let early_stopping = self.stopping.state();
        self.save()?;
        let irregular: usize = self.compared.iter().map(|compared| compared.irregular).sum();
        if irregular > 0 {
            self.note(format!(
                "in {irregular} of {} steps the tasks' gradients cancelled or were zero, \
                 for which the gradient method is undefined",
                self.position.step
            ));
        }
        load_values(self.network, &self.best)?;
        let output = self.job.output;
        std::fs::create_dir_all(output).map_err(|source| TrainError::File {
            doing: "create the folder",
            path: output.to_owned(),
            source,
        })?;
        self.network.weights().save(&output.join("weights.safetensors"))?;
        self.observer.observe(&Event::TrainFinished {
            trial: self.job.trial,
            best_epoch: early_stopping.best_epoch,
            epochs: self.position.epoch,
            reason: reason.clone(),
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(TrainedNetwork {
            best_epoch: early_stopping.best_epoch,
            objective: early_stopping.best(),
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

/// The array name of a task's balancing state, which has the length of a gradient.
fn balance(task: usize) -> String {
    format!("balance/{task}")
}

/// Sets a network's weights, in its order.
fn load_values(network: &Network, values: &[Vec<f32>]) -> TrainResult<()> {
    for (weight, values) in network.weights().iter().zip(values) {
        let var = &weight.var;
        var.set(&Tensor::from_slice(values, var.shape(), var.device())?)?;
    }
    Ok(())
}
