//! A step of a gradient method: one forward pass, one backward pass per task, and a combination of the tasks'
//! gradients.
//!
//! For gradients of the shared weights, each backward pass goes through the task's head and the trunk. For
//! gradients of the shared representation, the backward passes end at the representation, and one more pass
//! takes their combination through the trunk. Task-specific layers get their own task's gradient. Methods
//! that need independent batches get the parts of one batch.

mod assembly;
mod gradient_weights;

use candle_core::Tensor;

use crate::model::autograd::{Tape, record};
use crate::model::cut::CutPoint;
use crate::model::mode::Mode;
use crate::train::balance::shared::{TaskGradient, weighted_sum};
use crate::train::batch::Batch;
use crate::train::error::TrainResult;
use crate::train::learner::lookahead::scalars;
use crate::train::learner::{Learner, StepOutcome};
use crate::train::schedule::ScheduleStep;
use crate::train::weighting::gradient_method::select_tasks;

/// The forward pass of one part of the batch.
struct ForwardPart {
    tape: Tape,
    losses: Vec<Tensor>,
    /// The shared representation, if gradients are taken with respect to it.
    point: Option<CutPoint>,
    /// The penalty of the sharing.
    penalty: Option<Tensor>,
}

/// The backward passes of one part of the batch.
#[derive(Default)]
pub(super) struct BackwardPart {
    /// Per task of the step: the gradients of all variables.
    pub(super) gradients: Vec<TaskGradient>,
    /// Per task of the step: the gradient of the shared representation; empty without `point`.
    at_point: Vec<TaskGradient>,
    /// The shared representation, and the tape of the trunk before it.
    point: Option<(CutPoint, Tape)>,
    /// The penalty of the sharing and its gradient.
    pub(super) penalty: Option<(f64, TaskGradient)>,
}

impl BackwardPart {
    /// Without any gradient yet.
    pub(super) fn empty(tasks: usize, variables: usize) -> Self {
        Self { gradients: vec![vec![None; variables]; tasks], ..Self::default() }
    }
}

impl Learner<'_> {
    /// A step on the parts of one batch that combines the tasks' gradients.
    pub(super) fn learn_balanced(
        &mut self,
        parts: &[Batch],
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let step = clock.step as u64;
        let tasks = common_tasks(parts);
        let at_point = !tasks.is_empty() && self.balance.is_at_representation();
        let mut forward = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            forward.push(self.forward(part, &self.mode(clock, number, parts.len()), at_point)?);
        }
        let losses = forward.iter().map(|part| scalars(&part.losses)).collect::<TrainResult<Vec<_>>>()?;
        let outcome = self.outcome(parts, &losses, &tasks);
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        let loss_weights = self.balance.losses.weights(step, &outcome.losses);
        // Tasks of weight 0 are left out: a method would take their zero gradients for converged tasks.
        let tasks: Vec<usize> = tasks.into_iter().filter(|task| loss_weights[*task] != 0.0).collect();
        let loss_weights = select_tasks(&loss_weights, &tasks);
        let mut backward = Vec::with_capacity(parts.len());
        for (number, (part, mut forward)) in parts.iter().zip(forward).enumerate() {
            // The penalty is that of the last part.
            forward.penalty = forward.penalty.filter(|_| number + 1 == parts.len());
            backward.push(self.backward(part, forward, &tasks)?);
        }
        self.combine(outcome, backward, &tasks, &loss_weights, clock)
    }

    /// The rest of a step: weighs the tasks' gradients, adds the penalty, and runs the optimizer.
    pub(super) fn combine(
        &mut self,
        mut outcome: StepOutcome,
        mut backward: Vec<BackwardPart>,
        tasks: &[usize],
        loss_weights: &[f64],
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let step = clock.step as u64;
        let weights = self.compute_weights(&mut outcome, &mut backward, tasks, loss_weights, step)?;
        let joint_weights: Vec<f64> =
            loss_weights.iter().zip(&weights).map(|(loss, weight)| loss * weight).collect();
        let mut gradients = self.assemble(&backward, loss_weights, &joint_weights)?;
        if let Some((penalty, added)) = backward.last_mut().and_then(|part| part.penalty.take()) {
            outcome.joint = penalty;
            for (gradient, added) in gradients.iter_mut().zip(added) {
                *gradient = weighted_sum(&[gradient.as_ref(), added.as_ref()], &[1.0, 1.0])?;
            }
        }
        self.check_task_gradients(tasks, &backward, &gradients)?;
        for (task, weight) in tasks.iter().zip(&joint_weights) {
            outcome.weights[*task] = *weight;
        }
        self.apply_gradients(outcome, gradients, clock)
    }

    /// The forward pass of one part, cut at the shared representation with `at_point`.
    fn forward(&self, part: &Batch, mode: &Mode, at_point: bool) -> TrainResult<ForwardPart> {
        if at_point {
            let ((losses, point), tape) =
                record(|| self.network.losses_from_point(&part.inputs, &part.labels, mode))?;
            return Ok(ForwardPart { tape, losses, point: Some(point), penalty: None });
        }
        let ((losses, penalty), tape) = record(|| self.losses(part, mode))?;
        Ok(ForwardPart { tape, losses, point: None, penalty })
    }

    /// One backward pass per task.
    fn backward(&self, part: &Batch, forward: ForwardPart, tasks: &[usize]) -> TrainResult<BackwardPart> {
        let ForwardPart { tape, losses, point, penalty } = forward;
        let (mut gradients, mut at_point) = (Vec::new(), Vec::new());
        let labelled = part.labels.iter().zip(&losses);
        for (_, loss) in labelled.filter(|(labels, _)| tasks.contains(&labels.task)) {
            let mut store = tape.backward(loss)?;
            if let Some(point) = &point {
                at_point.push(vec![store.remove(point.leaf.as_tensor())]);
            }
            gradients.push(self.collect(store));
        }
        let gradient_of = |penalty: Tensor| -> TrainResult<(f64, TaskGradient)> {
            let gradient = self.collect(tape.backward(&penalty)?);
            Ok((f64::from(penalty.to_scalar::<f32>()?), gradient))
        };
        let penalty = penalty.map(gradient_of).transpose()?;
        Ok(BackwardPart { gradients, at_point, point: point.map(|point| (point, tape)), penalty })
    }

    /// In the first step of a task, checks that every variable it uses has a gradient of its loss.
    fn check_task_gradients(
        &mut self,
        tasks: &[usize],
        parts: &[BackwardPart],
        combination: &TaskGradient,
    ) -> TrainResult<()> {
        let Some(part) = parts.last() else { return Ok(()) };
        for (task, own) in tasks.iter().zip(&part.gradients) {
            // Before the shared representation, only the combination of the tasks has gradients.
            let reached =
                |index: usize| own[index].is_some() || part.point.is_some() && combination[index].is_some();
            let reached: Vec<bool> = (0..own.len()).map(reached).collect();
            self.check_gradients(&[*task], &reached)?;
        }
        Ok(())
    }
}

/// The tasks that have labels in every part, in the signature's order.
fn common_tasks(parts: &[Batch]) -> Vec<usize> {
    let Some((first, others)) = parts.split_first() else { return Vec::new() };
    let labelled = |part: &Batch, task: usize| part.labels.iter().any(|labels| labels.task == task);
    let tasks = first.labels.iter().map(|labels| labels.task);
    tasks.filter(|task| others.iter().all(|part| labelled(part, *task))).collect()
}
