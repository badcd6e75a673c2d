//! The training loop: steps, epochs, validation, best weights, checkpoints and events.

use std::time::{Duration, Instant};

use crate::domain::cancel::CancelToken;
use crate::domain::event::{Event, FinishedEpoch, Observer, SourceShare, TaskRelation};
use crate::domain::score::TaskValue;
use crate::model::device::device;
use crate::model::network::Network;
use crate::train::batch::{Batch, Loader, targets};
use crate::train::config::{BalanceConfig, WarmStartPart};
use crate::train::early_stopping::EarlyStoppingVerdict;
use crate::train::error::{TrainError, TrainResult};
use crate::train::job::{TrainJob, TrainedNetwork};
use crate::train::learner::StepOutcome;
use crate::train::parameter_groups::ParameterGroups;
use crate::train::record::{EpochSummary, EpochSums, TrainingPosition};
use crate::train::schedule::ScheduleStep;
use crate::train::training::Training;

/// Trains one trial's network and writes the best epoch's weights to `output`. Resumes from the checkpoint
/// folder if it has a checkpoint of the same job; the result is the same, bit for bit, as without an
/// interruption. The events of earlier epochs are emitted again.
///
/// # Errors
/// [`TrainError::Interrupted`] and [`TrainError::Pruned`] if stopped, [`TrainError::Diverged`] if a loss is
/// not finite, or on invalid settings and file errors.
pub fn train(job: &TrainJob, observer: &dyn Observer, cancel: &CancelToken) -> TrainResult<TrainedNetwork> {
    let started = Instant::now();
    let mut network = initial_network(job)?;
    let tasks: Vec<_> = job.dataset.signature.tasks.iter().map(|task| task.name.clone()).collect();
    let groups = ParameterGroups::new(job.spec, &tasks);
    if let Some(features) = &job.features {
        network.read_features(features);
    }
    let loader = Loader::new(job, &network, parts(job.weighting))?;
    let mut training = Training::new(job, observer, &network, &loader)?;
    training.learner.set_groups(&groups);
    training.resume()?;
    training.announce(loader.rows());
    // If it was interrupted between two epochs, pruning may not have been decided yet.
    if training.position.batch == 0 && training.position.epoch > 0 {
        training.check_stop(cancel)?;
    }
    while training.finished.is_none() {
        training.epoch(&loader, cancel)?;
    }
    training.close(started)
}

/// The network before the first step: with pretrained weights, those of the run to start from, and what is
/// frozen.
///
/// # Errors
/// The network cannot be built, or weights cannot be read or do not fit.
pub fn initial_network(job: &TrainJob) -> TrainResult<Network> {
    let device = device(&job.spec.device)?;
    let mut network = Network::build(job.network, &job.dataset.signature, job.seed, &device)?;
    network.set_pretrained_vectors(&job.dataset.vectors)?;
    network.weights().set_pretrained()?;
    if let Some(start) = &job.start {
        network.load_warm_start(&start.weights, &WarmStartPart::ALL.map(WarmStartPart::prefix))?;
        start.freeze.iter().for_each(|part| network.freeze(part.prefix()));
    }
    let tasks: Vec<_> = job.dataset.signature.tasks.iter().map(|task| task.name.clone()).collect();
    let groups = ParameterGroups::new(job.spec, &tasks);
    network.freeze_weights(|weight| groups.is_frozen(weight));
    Ok(network)
}

/// The number of independent sub-batches that the weighting needs.
fn parts(weighting: &BalanceConfig) -> usize {
    let capabilities = weighting.0.iter().filter_map(|choice| choice.view().capabilities().gradients());
    capabilities.map(|capabilities| capabilities.parts()).max().unwrap_or(1)
}

/// The least time between two `Stepped` events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

impl Training<'_> {
    /// Trains the rest of the current epoch and ends it.
    fn epoch(&mut self, loader: &Loader, cancel: &CancelToken) -> TrainResult<()> {
        let TrainingPosition { epoch, batch, .. } = self.position;
        self.step_started = Instant::now();
        loader.each(epoch, batch, |batches| self.step(batches, cancel))?;
        self.end_epoch()?;
        self.check_stop(cancel)
    }

    /// Stops after an epoch if the sweep prunes the trial or the user cancels.
    fn check_stop(&mut self, cancel: &CancelToken) -> TrainResult<()> {
        if self.finished.is_some() {
            return Ok(());
        }
        let (trial, epoch) = (self.job.trial, self.position.epoch);
        match self.job.pruner.and_then(|pruner| pruner.prune(trial, epoch, cancel)) {
            Some(reason) => Err(TrainError::Pruned { epoch, reason }),
            None if cancel.is_requested() => self.interrupt(),
            None => Ok(()),
        }
    }

    /// Trains one step, and saves a checkpoint if one is due.
    fn step(&mut self, batches: &[Vec<Batch>], cancel: &CancelToken) -> TrainResult<()> {
        let batches: Vec<&[Batch]> = batches.iter().map(Vec::as_slice).collect();
        let outcome = self.learner.learn_batches(&batches, self.clock(self.position.step))?;
        if let Some((task, loss)) = outcome.diverged() {
            return Err(self.diverged(task, loss));
        }
        self.position.batch += 1;
        self.position.step += 1;
        self.epoch_sums.add(&outcome.step());
        let now = Instant::now();
        self.epoch_sums.add_seconds((now - self.step_started).as_secs_f64());
        self.step_started = now;
        self.show_step(&outcome, now);
        self.last_losses = outcome.losses;
        if cancel.is_requested() {
            return self.interrupt();
        }
        if self.is_due(now) {
            self.save()?;
            self.step_started = Instant::now();
        }
        Ok(())
    }

    /// Saves a checkpoint and stops.
    fn interrupt(&mut self) -> TrainResult<()> {
        self.save()?;
        Err(TrainError::Interrupted { step: self.position.step })
    }

    /// Whether a checkpoint is due.
    fn is_due(&self, now: Instant) -> bool {
        let config = &self.job.spec.checkpoint;
        config.steps.is_some_and(|steps| self.position.step.is_multiple_of(steps.get()))
            || (now - self.saved_at).as_secs_f64() >= config.seconds.get()
    }

    /// The position of a step, for schedules.
    fn clock(&self, step: usize) -> ScheduleStep {
        let total = self.steps_per_epoch * self.job.spec.epochs.get();
        ScheduleStep { step, steps_per_epoch: self.steps_per_epoch, total }
    }

    /// Emits the step unless the last emitted one is too recent.
    fn show_step(&mut self, outcome: &StepOutcome, now: Instant) {
        if self.last_shown.is_some_and(|last_shown| now - last_shown < PROGRESS_INTERVAL) {
            return;
        }
        self.last_shown = Some(now);
        self.observer.observe(&Event::Stepped {
            trial: self.job.trial,
            epoch: self.position.epoch + 1,
            step: self.position.batch,
            steps: self.steps_per_epoch,
            losses: self.named(&outcome.losses),
        });
    }

    /// Validates, updates the best weights, emits the epoch, and decides whether training ends.
    fn end_epoch(&mut self) -> TrainResult<()> {
        let started = Instant::now();
        let epoch = self.position.epoch + 1;
        let losses = self.epoch_sums.losses();
        self.learner.balance.losses.after_epoch(&losses);
        let validation = self.validation.evaluate()?;
        let verdict = self.stopping.update(epoch, validation.objective, validation.fallback);
        self.warn_if_undefined(epoch, &validation);
        if verdict == EarlyStoppingVerdict::Best {
            self.best = self.weights()?;
        }
        let finished_epoch = FinishedEpoch {
            trial: self.job.trial,
            epoch,
            step: self.position.step,
            losses: self.named(&losses),
            joint_loss: self.epoch_sums.joint(),
            weights: self.named(&self.epoch_sums.weights()),
            rate: self.learner.rate(self.clock(self.position.step.saturating_sub(1))),
            rows_per_second: self.epoch_sums.rows_per_second(),
            seconds: self.epoch_sums.seconds() + started.elapsed().as_secs_f64(),
            scores: validation.scores,
            objective: validation.objective,
            best: verdict == EarlyStoppingVerdict::Best,
            relations: self.relations()?,
            shares: self.shares()?,
        };
        self.history.push(EpochSummary::from_event(&finished_epoch));
        self.observer.observe(&Event::EpochFinished(finished_epoch));
        let names: Vec<_> = self.job.dataset.signature.tasks.iter().map(|task| task.name.clone()).collect();
        if let Some(compared) = self.epoch_sums.comparison.of_epoch(epoch, &names) {
            self.observer.observe(&compared.event(self.job.trial));
            self.compared.push(compared);
        }
        if let Some(measured) = self.epoch_sums.affinities.of_epoch(epoch, &names) {
            self.observer.observe(&measured.event(self.job.trial));
            self.measured.push(measured);
        }
        self.position = TrainingPosition { epoch, batch: 0, step: self.position.step };
        self.epoch_sums = EpochSums::new(self.last_losses.len());
        self.finished = match verdict {
            _ if epoch >= self.job.spec.epochs.get() => Some(format!("all {epoch} epochs finished")),
            EarlyStoppingVerdict::Stop => Some(self.early_stopping_reason()),
            _ => None,
        };
        Ok(())
    }

    /// Why training stopped before the last epoch.
    fn early_stopping_reason(&self) -> String {
        let state = self.stopping.state();
        let waited = state.epochs_without_improvement;
        match state.best() {
            Some(_) => format!("no improvement in {waited} epochs"),
            None => format!("no lower validation loss in {waited} epochs"),
        }
    }

    /// The learned weights of task relations, if the sharing has any.
    fn relations(&self) -> TrainResult<Vec<TaskRelation>> {
        let tasks: Vec<_> = self.job.dataset.signature.tasks.iter().map(|task| &task.name).collect();
        let Some(matrix) = self.network.relations()? else { return Ok(Vec::new()) };
        let cells = matrix.as_f32().unwrap_or_default().iter().enumerate();
        let relation = |(index, value): (usize, &f32)| TaskRelation {
            task: tasks[index / tasks.len()].clone(),
            other: tasks[index % tasks.len()].clone(),
            value: f64::from(*value),
        };
        Ok(cells.map(relation).collect())
    }

    /// How much each reader uses each expert or column, on average over validation rows; without any, over a
    /// limited number of training rows.
    fn shares(&self) -> TrainResult<Vec<SourceShare>> {
        const MOST_ROWS: usize = 4096;
        let mut shares = Vec::new();
        for table in self.job.dataset.tables.iter().filter(|_| self.network.reports_shares()) {
            let tasks: Vec<usize> = targets(self.job.dataset, table).iter().map(|(task, _)| *task).collect();
            let rows = match table.valid.is_empty() {
                true => &table.train[..table.train.len().min(MOST_ROWS)],
                false => table.valid.as_slice(),
            };
            shares.extend(self.network.shares(table, rows, &tasks)?);
        }
        Ok(mean(shares))
    }

    /// Pairs the tasks with their values; tasks without a value are left out.
    fn named(&self, values: &[Option<f64>]) -> Vec<TaskValue> {
        let tasks = self.job.dataset.signature.tasks.iter().zip(values);
        tasks
            .filter_map(|(task, value)| Some(TaskValue { task: task.name.clone(), value: (*value)? }))
            .collect()
    }
}

/// Averages the shares of the same unit, reader and source, weighted by rows, in the order of first
/// occurrence.
fn mean(shares: Vec<(usize, SourceShare)>) -> Vec<SourceShare> {
    let mut means: Vec<(usize, SourceShare)> = Vec::new();
    for (rows, share) in shares {
        let same = |(_, other): &&mut (usize, SourceShare)| {
            (&other.unit, &other.reader, &other.source) == (&share.unit, &share.reader, &share.source)
        };
        match means.iter_mut().find(same) {
            Some((count, mean)) => {
                *count += rows;
                mean.value += (share.value - mean.value) * rows as f64 / *count as f64;
            }
            None => means.push((rows, share)),
        }
    }
    means.into_iter().map(|(_, share)| share).collect()
}
