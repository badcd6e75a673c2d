//! Epochs: batches, validation, the best weights, checkpoints, events.

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
use crate::train::record::{EpochSummary, EpochSums, TrainingPosition};
use crate::train::schedule::ScheduleStep;
use crate::train::training::Training;

/// Trains one trial's network and writes the best epoch's weights to `output`. Goes on from the
/// checkpoint folder if it finds its own there, and ends the same, bit for bit, as without the pause.
///
/// The epochs of before the pause are told again, so that who listens hears the whole story.
pub fn train(job: &TrainJob, observer: &dyn Observer, cancel: &CancelToken) -> TrainResult<TrainedNetwork> {
    let started = Instant::now();
    let device = device(&job.spec.device)?;
    let mut network = Network::build(job.network, &job.dataset.signature, job.seed, &device)?;
    network.begin_with(&job.dataset.vectors)?;
    if let Some(start) = &job.start {
        network.start_from(&start.weights, &WarmStartPart::ALL.map(WarmStartPart::prefix))?;
        start.freeze.iter().for_each(|part| network.freeze(part.prefix()));
    }
    let network = network;
    let loader = Loader::new(job, &network, parts(job.weighting))?;
    let mut training = Training::new(job, observer, &network, &loader)?;
    training.resume()?;
    training.announce(loader.rows());
    // Stopped between two epochs, maybe before its sweep could judge the last one.
    if training.position.batch == 0 && training.position.epoch > 0 {
        training.compute_weights(cancel)?;
    }
    while training.finished.is_none() {
        training.epoch(&loader, cancel)?;
    }
    training.close(started)
}

/// Independent parts that each batch is split into.
fn parts(weighting: &BalanceConfig) -> usize {
    let capabilities = weighting.0.iter().filter_map(|choice| choice.view().capabilities().gradients());
    capabilities.map(|capabilities| capabilities.parts()).max().unwrap_or(1)
}

/// Between two `Stepped` events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

impl Training<'_> {
    /// What is left of the running epoch, and all that belongs to its end.
    fn epoch(&mut self, loader: &Loader, cancel: &CancelToken) -> TrainResult<()> {
        let TrainingPosition { epoch, batch, .. } = self.position;
        self.mark = Instant::now();
        loader.each(epoch, batch, |parts| self.step(&parts, cancel))?;
        self.end_epoch()?;
        self.compute_weights(cancel)
    }

    /// Is it worth going on, as far as its sweep knows, and as far as the user does?
    fn compute_weights(&mut self, cancel: &CancelToken) -> TrainResult<()> {
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

    fn step(&mut self, parts: &[Batch], cancel: &CancelToken) -> TrainResult<()> {
        let outcome = self.learner.learn(parts, self.clock(self.position.step))?;
        if let Some((task, loss)) = outcome.diverged() {
            return Err(self.diverged(task, loss));
        }
        self.position.batch += 1;
        self.position.step += 1;
        self.tally.add(&outcome.step());
        let now = Instant::now();
        self.tally.spend((now - self.mark).as_secs_f64());
        self.mark = now;
        self.show_step(&outcome, now);
        self.last = outcome.losses;
        if cancel.is_requested() {
            return self.interrupt();
        }
        if self.is_due(now) {
            self.save()?;
            self.mark = Instant::now();
        }
        Ok(())
    }

    /// Saves and stops.
    fn interrupt(&mut self) -> TrainResult<()> {
        self.save()?;
        Err(TrainError::Interrupted { step: self.position.step })
    }

    /// Is it time for a checkpoint?
    fn is_due(&self, now: Instant) -> bool {
        let config = &self.job.spec.checkpoint;
        config.steps.is_some_and(|steps| self.position.step.is_multiple_of(steps.get()))
            || (now - self.saved_at).as_secs_f64() >= config.seconds.get()
    }

    fn clock(&self, step: usize) -> ScheduleStep {
        let total = self.steps_per_epoch * self.job.spec.epochs.get();
        ScheduleStep { step, steps_per_epoch: self.steps_per_epoch, total }
    }

    /// Shows the step, unless the last one shown is too fresh.
    fn show_step(&mut self, outcome: &StepOutcome, now: Instant) {
        if self.shown.is_some_and(|shown| now - shown < PROGRESS_INTERVAL) {
            return;
        }
        self.shown = Some(now);
        self.observer.observe(&Event::Stepped {
            trial: self.job.trial,
            epoch: self.position.epoch + 1,
            step: self.position.batch,
            steps: self.steps_per_epoch,
            losses: self.named(&outcome.losses),
        });
    }

    fn end_epoch(&mut self) -> TrainResult<()> {
        let started = Instant::now();
        let epoch = self.position.epoch + 1;
        let losses = self.tally.losses();
        self.learner.balance.losses.after_epoch(&losses);
        let findings = self.validation.evaluate()?;
        let verdict = self.stopping.judge(epoch, findings.objective, findings.fallback);
        self.tell_undefined(epoch, &findings);
        if verdict == EarlyStoppingVerdict::Best {
            self.best = self.weights()?;
        }
        let ended = FinishedEpoch {
            trial: self.job.trial,
            epoch,
            step: self.position.step,
            losses: self.named(&losses),
            joint_loss: self.tally.joint(),
            weights: self.named(&self.tally.weights()),
            rate: self.learner.rate(self.clock(self.position.step.saturating_sub(1))),
            rows_per_second: self.tally.rows_per_second(),
            seconds: self.tally.seconds() + started.elapsed().as_secs_f64(),
            scores: findings.scores,
            objective: findings.objective,
            best: verdict == EarlyStoppingVerdict::Best,
            relations: self.relations()?,
            shares: self.shares()?,
        };
        self.history.push(EpochSummary::from_event(&ended));
        self.observer.observe(&Event::EpochFinished(ended));
        let names: Vec<_> = self.job.dataset.signature.tasks.iter().map(|task| task.name.clone()).collect();
        if let Some(compared) = self.tally.comparison.of_epoch(epoch, &names) {
            self.observer.observe(&compared.event(self.job.trial));
            self.compared.push(compared);
        }
        if let Some(measured) = self.tally.affinities.of_epoch(epoch, &names) {
            self.observer.observe(&measured.event(self.job.trial));
            self.measured.push(measured);
        }
        self.position = TrainingPosition { epoch, batch: 0, step: self.position.step };
        self.tally = EpochSums::new(self.last.len());
        self.finished = match verdict {
            _ if epoch >= self.job.spec.epochs.get() => Some(format!("all {epoch} epochs are done")),
            EarlyStoppingVerdict::Stop => Some(self.stopped()),
            _ => None,
        };
        Ok(())
    }

    /// Why it is over before all epochs are done.
    fn stopped(&self) -> String {
        let status = self.stopping.standing();
        match status.best() {
            Some(_) => format!("no better epoch in the last {}", status.epochs_without_improvement),
            None => {
                format!("no lower validation loss in the last {} epochs", status.epochs_without_improvement)
            }
        }
    }

    /// How much of what each task reads is each task's, where the sharing learns it.
    fn relations(&self) -> TrainResult<Vec<TaskRelation>> {
        let tasks: Vec<_> = self.job.dataset.signature.tasks.iter().map(|task| &task.name).collect();
        let Some(matrix) = self.network.relations()? else { return Ok(Vec::new()) };
        let cells = matrix.as_f32().unwrap_or_default().iter().enumerate();
        let relation = |(place, value): (usize, &f32)| TaskRelation {
            task: tasks[place / tasks.len()].clone(),
            other: tasks[place % tasks.len()].clone(),
            value: f64::from(*value),
        };
        Ok(cells.map(relation).collect())
    }

    /// How much is read of which expert or column, on average over validation rows; over training rows,
    /// but not many of them, where there are no others.
    fn shares(&self) -> TrainResult<Vec<SourceShare>> {
        const ENOUGH: usize = 4096;
        let mut seen = Vec::new();
        for table in self.job.dataset.tables.iter().filter(|_| self.network.reports_shares()) {
            let tasks: Vec<usize> = targets(self.job.dataset, table).iter().map(|(task, _)| *task).collect();
            let rows = match table.valid.is_empty() {
                true => &table.train[..table.train.len().min(ENOUGH)],
                false => table.valid.as_slice(),
            };
            seen.extend(self.network.shares(table, rows, &tasks)?);
        }
        Ok(mean(seen))
    }

    /// Values of the tasks that have one.
    fn named(&self, values: &[Option<f64>]) -> Vec<TaskValue> {
        let tasks = self.job.dataset.signature.tasks.iter().zip(values);
        tasks
            .filter_map(|(task, value)| Some(TaskValue { task: task.name.clone(), value: (*value)? }))
            .collect()
    }
}

/// The mean of what was seen of the same share, each time of so many rows, in the order it was seen first.
fn mean(seen: Vec<(usize, SourceShare)>) -> Vec<SourceShare> {
    let mut means: Vec<(usize, SourceShare)> = Vec::new();
    for (rows, share) in seen {
        let same = |(_, known): &&mut (usize, SourceShare)| {
            (&known.unit, &known.reader, &known.source) == (&share.unit, &share.reader, &share.source)
        };
        match means.iter_mut().find(same) {
            Some((count, known)) => {
                *count += rows;
                known.value += (share.value - known.value) * rows as f64 / *count as f64;
            }
            None => means.push((rows, share)),
        }
    }
    means.into_iter().map(|(_, share)| share).collect()
}
