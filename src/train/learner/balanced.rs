//! A step of a gradient method: forward once, backward once per task, and a combination of the tasks'
//! gradients.
//!
//! Taken of the shared weights, each backward goes through the task's own layers and the trunk. Taken at the
//! point that all tasks read, the backwards end there, and one more goes from the combination through the
//! trunk. A task's own layers get its own gradient. Methods that need independent batches get the parts of
//! one.

mod assembly;
mod gradient_weights;

use candle_core::Tensor;

use crate::model::autograd::{Tape, record};
use crate::model::cut::CutPoint;
use crate::model::mode::Mode;
use crate::train::balance::shared::{TaskGradient, weighted_sum};
use crate::train::batch::Batch;
use crate::train::error::TrainResult;
use crate::train::gradient::collect;
use crate::train::learner::{Learner, StepOutcome};
use crate::train::schedule::ScheduleStep;
use crate::train::weighting::gradient_method::select_tasks;

/// One part of the batch on its way forward.
struct ForwardPart {
    tape: Tape,
    losses: Vec<Tensor>,
    /// The point that all tasks read, where the gradients are taken there.
    point: Option<CutPoint>,
    /// What the sharing adds.
    penalty: Option<Tensor>,
}

/// One part of the batch on its way back.
struct BackwardPart {
    tape: Tape,
    /// Of each task of the step: its gradients of all variables.
    gradients: Vec<TaskGradient>,
    /// Of each task: its gradient at the point that all read, when taken there.
    at_point: Vec<TaskGradient>,
    point: Option<CutPoint>,
}

impl Learner<'_> {
    /// Learns from the parts of one batch by each task's gradient.
    pub(super) fn learn_balanced(
        &mut self,
        parts: &[Batch],
        clock: ScheduleStep,
    ) -> TrainResult<StepOutcome> {
        let step = clock.step as u64;
        let tasks = common(parts);
        let at_point = !tasks.is_empty() && self.balance.is_at_representation();
        let mut forward = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            forward.push(self.ahead(part, &self.mode(clock, number, parts.len()), at_point)?);
        }
        let losses: Vec<&[Tensor]> = forward.iter().map(|ahead| ahead.losses.as_slice()).collect();
        let mut outcome = self.outcome(parts, &losses, &tasks)?;
        if tasks.is_empty() || outcome.diverged().is_some() {
            return Ok(outcome);
        }
        let of_losses = self.balance.losses.weights(step, &outcome.losses);
        // A task that counts nothing is left out, so that a method does not take it for one that has nothing
        // to learn.
        let tasks: Vec<usize> = tasks.into_iter().filter(|task| of_losses[*task] != 0.0).collect();
        let of_losses = select_tasks(&of_losses, &tasks);
        // As the last part has it.
        let penalty = forward.last_mut().and_then(|ahead| ahead.penalty.take());
        let mut back = Vec::with_capacity(parts.len());
        for (part, ahead) in parts.iter().zip(forward) {
            back.push(self.back(part, ahead, &tasks)?);
        }
        let weights = self.compute_weights(&mut outcome, &mut back, &tasks, &of_losses, step)?;
        let mut gradients = self.assemble(&back, &of_losses, &weights)?;
        if let Some((penalty, part)) = penalty.zip(back.last()) {
            outcome.joint = f64::from(penalty.to_scalar::<f32>()?);
            let added = collect(part.tape.backward(&penalty)?, &self.variables);
            for (gradient, added) in gradients.iter_mut().zip(added) {
                *gradient = weighted_sum(&[gradient.as_ref(), added.as_ref()], &[1.0, 1.0])?;
            }
        }
        self.prove_balanced(&tasks, &back, &gradients)?;
        for ((task, of_loss), weight) in tasks.iter().zip(&of_losses).zip(&weights) {
            outcome.weights[*task] = of_loss * weight;
        }
        self.finish(outcome, gradients, clock)
    }

    /// A forward of one part, cut at the point that all tasks read if the gradients are taken there.
    fn ahead(&self, part: &Batch, mode: &Mode, at_point: bool) -> TrainResult<ForwardPart> {
        if at_point {
            let forward = || self.network.losses_from_point(&part.inputs, &part.labels, mode);
            let ((losses, point), tape) = record(forward)?;
            return Ok(ForwardPart { tape, losses, point: Some(point), penalty: None });
        }
        let ((losses, penalty), tape) = record(|| self.losses(part, mode))?;
        Ok(ForwardPart { tape, losses, point: None, penalty })
    }

    /// A backward per task.
    fn back(&self, part: &Batch, forward: ForwardPart, tasks: &[usize]) -> TrainResult<BackwardPart> {
        let ForwardPart { tape, losses, point, .. } = forward;
        let (mut gradients, mut at_point) = (Vec::new(), Vec::new());
        let labelled = part.labels.iter().zip(&losses);
        for (_, loss) in labelled.filter(|(labels, _)| tasks.contains(&labels.task)) {
            let mut store = tape.backward(loss)?;
            if let Some(point) = &point {
                at_point.push(vec![store.remove(point.leaf.as_tensor())]);
            }
            gradients.push(collect(store, &self.variables));
        }
        Ok(BackwardPart { tape, gradients, at_point, point })
    }

    /// At a task's first step: did every variable it uses get a gradient from it?
    fn prove_balanced(
        &mut self,
        tasks: &[usize],
        parts: &[BackwardPart],
        whole: &TaskGradient,
    ) -> TrainResult<()> {
        let Some(part) = parts.last() else { return Ok(()) };
        for (task, own) in tasks.iter().zip(&part.gradients) {
            // Before the point, the way back is all tasks' together.
            let reached =
                |index: usize| own[index].is_some() || part.point.is_some() && whole[index].is_some();
            let reached: Vec<bool> = (0..own.len()).map(reached).collect();
            self.prove(&[*task], &reached)?;
        }
        Ok(())
    }
}

/// The tasks with a label in every part, in the signature's order.
fn common(parts: &[Batch]) -> Vec<usize> {
    let Some((first, others)) = parts.split_first() else { return Vec::new() };
    let labelled = |part: &Batch, task: usize| part.labels.iter().any(|labels| labels.task == task);
    let tasks = first.labels.iter().map(|labels| labels.task);
    tasks.filter(|task| others.iter().all(|part| labelled(part, *task))).collect()
}
