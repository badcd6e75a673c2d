//! Epochs: batches, validation, the best weights, checkpoints, events.

use std::time::{Duration, Instant};

use crate::domain::cancel::Cancel;
use crate::domain::event::{Event, FinishedEpoch, Observer, Relation, Share};
use crate::domain::score::TaskValue;
use crate::model::device::device;
use crate::model::network::Network;
use crate::train::batch::{Batch, Loader, targets};
use crate::train::early_stopping::Verdict;
use crate::train::error::{Error, Result};
use crate::train::job::{Job, Trained};
use crate::train::learner::Outcome;
use crate::train::record::{Epoch, Position, Tally};
use crate::train::schedule::Clock;
use crate::train::spec::{BalanceSpec, Reused};
use crate::train::training::Training;

/// Trains one trial's network and writes the best epoch's weights to `output`. Goes on from the
/// checkpoint folder if it finds its own there, and ends the same, bit for bit, as without the pause.
///
/// The epochs of before the pause are told again, so that who listens hears the whole story.
pub fn train(job: &Job, observer: &dyn Observer, cancel: &Cancel) -> Result<Trained> {
    let started = Instant::now();
    let device = device(&job.spec.device)?;
    let mut network = Network::build(job.network, &job.dataset.signature, job.seed, &device)?;
    network.begin_with(&job.dataset.vectors)?;
    if let Some(start) = &job.start {
        network.start_from(&start.weights, &Reused::ALL.map(Reused::prefix))?;
        start.freeze.iter().for_each(|part| network.freeze(part.prefix()));
    }
    let network = network;
    let loader = Loader::new(job, &network, parts(job.weighting))?;
    let mut training = Training::new(job, observer, &network, &loader)?;
    training.resume()?;
    training.announce(loader.rows());
    // Stopped between two epochs, maybe before its sweep could judge the last one.
    if training.position.batch == 0 && training.position.epoch > 0 {
        training.weigh(cancel)?;
    }
    while training.finished.is_none() {
        training.epoch(&loader, cancel)?;
    }
    training.close(started)
}

/// Independent parts that each batch is split into.
fn parts(weighting: &BalanceSpec) -> usize {
    let claims = weighting.0.iter().filter_map(|choice| choice.view().claims().gradients());
    claims.map(|claims| claims.parts()).max().unwrap_or(1)
}

/// Between two `Stepped` events.
const GLANCE: Duration = Duration::from_millis(200);

impl Training<'_> {
    /// What is left of the running epoch, and all that belongs to its end.
    fn epoch(&mut self, loader: &Loader, cancel: &Cancel) -> Result<()> {
        let Position { epoch, batch, .. } = self.position;
        self.mark = Instant::now();
        loader.each(epoch, batch, |parts| self.step(&parts, cancel))?;
        self.end_epoch()?;
        self.weigh(cancel)
    }

    /// Is it worth going on, as far as its sweep knows, and as far as the user does?
    fn weigh(&mut self, cancel: &Cancel) -> Result<()> {
        if self.finished.is_some() {
            return Ok(());
        }
        let (trial, epoch) = (self.job.trial, self.position.epoch);
        match self.job.pruner.and_then(|pruner| pruner.prune(trial, epoch, cancel)) {
            Some(reason) => Err(Error::Pruned { epoch, reason }),
            None if cancel.is_requested() => self.interrupt(),
            None => Ok(()),
        }
    }

    fn step(&mut self, parts: &[Batch], cancel: &Cancel) -> Result<()> {
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
        self.glance(&outcome, now);
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
    fn interrupt(&mut self) -> Result<()> {
        self.save()?;
        Err(Error::Interrupted { step: self.position.step })
    }

    /// Is it time for a checkpoint?
    fn is_due(&self, now: Instant) -> bool {
        let words = &self.job.spec.checkpoint;
        words.steps.is_some_and(|steps| self.position.step.is_multiple_of(steps.get()))
            || (now - self.saved_at).as_secs_f64() >= words.seconds.get()
    }

    fn clock(&self, step: usize) -> Clock {
        let total = self.steps_per_epoch * self.job.spec.epochs.get();
        Clock { step, steps_per_epoch: self.steps_per_epoch, total }
    }

    /// Shows the step, unless the last one shown is too fresh.
    fn glance(&mut self, outcome: &Outcome, now: Instant) {
        if self.shown.is_some_and(|shown| now - shown < GLANCE) {
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

    fn end_epoch(&mut self) -> Result<()> {
        let started = Instant::now();
        let epoch = self.position.epoch + 1;
        let losses = self.tally.losses();
        self.learner.balance.losses.after_epoch(&losses);
        let findings = self.validation.look()?;
        let verdict = self.stopping.judge(epoch, findings.objective, findings.stand_in);
        self.tell_undefined(epoch, &findings);
        if verdict == Verdict::Best {
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
            best: verdict == Verdict::Best,
            relations: self.relations()?,
            shares: self.shares()?,
        };
        self.history.push(Epoch::of(&ended));
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
        self.position = Position { epoch, batch: 0, step: self.position.step };
        self.tally = Tally::new(self.last.len());
        self.finished = match verdict {
            _ if epoch >= self.job.spec.epochs.get() => Some(format!("all {epoch} epochs are done")),
            Verdict::Stop => Some(self.stopped()),
            _ => None,
        };
        Ok(())
    }

    /// Why it is over before all epochs are done.
    fn stopped(&self) -> String {
        let standing = self.stopping.standing();
        match standing.best() {
            Some(_) => format!("no better epoch in the last {}", standing.waited),
            None => format!("no lower validation loss in the last {} epochs", standing.waited),
        }
    }

    /// How much of what each task reads is each task's, where the sharing learns it.
    fn relations(&self) -> Result<Vec<Relation>> {
        let tasks: Vec<_> = self.job.dataset.signature.tasks.iter().map(|task| &task.name).collect();
        let Some(matrix) = self.network.relations()? else { return Ok(Vec::new()) };
        let cells = matrix.as_f32().unwrap_or_default().iter().enumerate();
        let relation = |(place, value): (usize, &f32)| Relation {
            task: tasks[place / tasks.len()].clone(),
            other: tasks[place % tasks.len()].clone(),
            value: f64::from(*value),
        };
        Ok(cells.map(relation).collect())
    }

    /// How much is read of which expert or column, on average over validation rows; over training rows,
    /// but not many of them, where there are no others.
    fn shares(&self) -> Result<Vec<Share>> {
        const ENOUGH: usize = 4096;
        let mut seen = Vec::new();
        for table in self.job.dataset.tables.iter().filter(|_| self.network.is_seen_through()) {
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
fn mean(seen: Vec<(usize, Share)>) -> Vec<Share> {
    let mut means: Vec<(usize, Share)> = Vec::new();
    for (rows, share) in seen {
        let same = |(_, known): &&mut (usize, Share)| {
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
