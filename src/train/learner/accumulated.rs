//! A step on several batches (gradient accumulation): the gradient of one batch of all their rows, in the
//! memory of one batch.
//!
//! A task's loss is the mean over its labels in all batches, so a batch counts by its share of these labels,
//! and one without labels of a task does not count for it. With equal numbers of labels that is PyTorch's
//! loss / N. The penalty of the sharing is the mean over the batches. Weightings see the mean losses;
//! gradient methods see the tasks' gradients of all batches.

use candle_core::Tensor;

use crate::model::autograd::record;
use crate::model::labels::Labels;
use crate::train::balance::shared::{TaskGradient, weighted_sum};
use crate::train::batch::Batch;
use crate::train::error::TrainResult;
use crate::train::learner::balanced::BackwardPart;
use crate::train::learner::lookahead::scalars;
use crate::train::learner::{Learner, StepOutcome, joint};
use crate::train::schedule::ScheduleStep;
use crate::train::weighting::gradient_method::select_tasks;

/// The labelled cells of every task in some batches.
struct LabelCounts(Vec<usize>);

impl LabelCounts {
    fn new<'b>(tasks: usize, batches: impl Iterator<Item = &'b Batch>) -> Self {
        let mut cells = vec![0; tasks];
        batches.flat_map(|batch| &batch.labels).for_each(|labels| cells[labels.task] += labels.cells);
        Self(cells)
    }

    fn tasks(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len()).filter(|task| self.0[*task] > 0)
    }

    /// The share of one batch's labels in a task's loss.
    fn share(&self, labels: &Labels) -> f64 {
        labels.cells as f64 / self.0[labels.task] as f64
    }
}

impl Learner<'_> {
    /// One backward pass per batch, of its share of the weighted sum of the losses.
    pub(super) fn accumulate_jointly(
        &mut self,
        batches: &[&[Batch]],
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let all: Vec<&Batch> = batches.iter().copied().flatten().collect();
        let count = self.checked.len();
        let counts = LabelCounts::new(count, all.iter().copied());
        // Weights that depend on the losses of all batches need them before the first backward pass.
        let known: Vec<Option<f64>> = match self.balance.losses.reads_losses() {
            true => {
                let outcome = self.repeated_losses(batches, clock)?;
                if outcome.diverged().is_some() {
                    return Ok(outcome);
                }
                outcome.losses
            }
            false => counts.0.iter().map(|cells| (*cells > 0).then_some(1.0)).collect(),
        };
        let weights = self.balance.losses.weights(clock.step as u64, &known);
        let labelled = all.iter().filter(|batch| !batch.labels.is_empty()).count();
        let mut gradients: TaskGradient = vec![None; self.variables.len()];
        let (mut losses, mut sum_of_penalties) = (Vec::with_capacity(all.len()), 0.0);
        for (number, batch) in all.iter().enumerate() {
            let mode = self.mode(clock, number, 1);
            let ((own, penalty), tape) = record(|| self.losses(batch, &mode))?;
            losses.push(scalars(&own)?);
            if own.is_empty() {
                continue;
            }
            let shares = batch.labels.iter().map(|labels| weights[labels.task] * counts.share(labels));
            let mut sum = joint(&own, shares)?;
            if let Some(penalty) = penalty {
                sum_of_penalties += f64::from(penalty.to_scalar::<f32>()?);
                sum = (sum + penalty.affine(1.0 / labelled as f64, 0.0)?)?;
            }
            drop(own);
            let added = self.collect(tape.into_gradients(sum)?);
            add(&mut gradients, added, 1.0)?;
        }
        let tasks: Vec<usize> = counts.tasks().collect();
        let mut outcome = self.outcome(all, &losses, &tasks);
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        outcome.joint = sum_of_penalties / labelled as f64;
        let weighted: Vec<usize> = tasks.into_iter().filter(|task| weights[*task] != 0.0).collect();
        outcome.weights = weights;
        self.check_gradients(&weighted, &gradients.iter().map(Option::is_some).collect::<Vec<_>>())?;
        self.apply_gradients(outcome, gradients, clock)
    }

    /// One backward pass per batch and task; the tasks' gradients of all batches are then balanced once.
    pub(super) fn accumulate_balanced(
        &mut self,
        batches: &[&[Batch]],
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let parts = batches.first().map_or(0, |parts| parts.len());
        let count = self.checked.len();
        let counts: Vec<LabelCounts> = (0..parts)
            .map(|part| LabelCounts::new(count, batches.iter().filter_map(|parts| parts.get(part))))
            .collect();
        let tasks: Vec<usize> = (0..count)
            .filter(|task| parts > 0 && counts.iter().all(|of_part| of_part.0[*task] > 0))
            .collect();
        // The penalty is that of the last part.
        let has_penalty = |parts: &&&[Batch]| parts.last().is_some_and(|part| !part.labels.is_empty());
        let labelled = batches.iter().filter(has_penalty).count();
        let mut sums: Vec<BackwardPart> =
            (0..parts).map(|_| BackwardPart::empty(tasks.len(), self.variables.len())).collect();
        let mut losses = Vec::new();
        for (number, batch) in batches.iter().enumerate() {
            for (part, own) in batch.iter().enumerate() {
                let mode = self.mode(clock, number * parts + part, parts);
                let ((of_tasks, penalty), tape) = record(|| self.losses(own, &mode))?;
                losses.push(scalars(&of_tasks)?);
                for (labels, loss) in own.labels.iter().zip(&of_tasks) {
                    let Some(row) = tasks.iter().position(|task| *task == labels.task) else { continue };
                    let gradient = self.collect(tape.backward(loss)?);
                    add(&mut sums[part].gradients[row], gradient, counts[part].share(labels))?;
                }
                if let Some(penalty) = penalty.filter(|_| part + 1 == parts) {
                    let share = 1.0 / labelled as f64;
                    let gradient = self.collect(tape.backward(&penalty)?);
                    let (value, sum) =
                        sums[part].penalty.get_or_insert_with(|| (0.0, vec![None; self.variables.len()]));
                    *value += share * f64::from(penalty.to_scalar::<f32>()?);
                    add(sum, gradient, share)?;
                }
            }
        }
        let outcome = self.outcome(batches.iter().copied().flatten(), &losses, &tasks);
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        let loss_weights = self.balance.losses.weights(clock.step as u64, &outcome.losses);
        let is_weighted = |task: &usize| loss_weights[*task] != 0.0;
        for part in &mut sums {
            let own = std::mem::take(&mut part.gradients).into_iter().zip(&tasks);
            part.gradients =
                own.filter(|(_, task)| is_weighted(task)).map(|(gradient, _)| gradient).collect();
        }
        let tasks: Vec<usize> = tasks.iter().copied().filter(is_weighted).collect();
        let loss_weights = select_tasks(&loss_weights, &tasks);
        self.combine(outcome, sums, &tasks, &loss_weights, clock)
    }
}

/// sum += share * added
fn add(sum: &mut [Option<Tensor>], added: Vec<Option<Tensor>>, share: f64) -> TrainResult<()> {
    for (sum, added) in sum.iter_mut().zip(added) {
        if added.is_some() {
            *sum = weighted_sum(&[sum.as_ref(), added.as_ref()], &[1.0, share])?;
        }
    }
    Ok(())
}
