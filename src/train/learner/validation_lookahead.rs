//! The derivative of the validation losses after the next step with respect to each task's weight, from which
//! `auto_lambda` learns.

use candle_core::Tensor;

use crate::model::autograd::record;
use crate::train::balance::shared::{TaskGradient, with_values};
use crate::train::batch::Batch;
use crate::train::error::{TrainError, TrainResult};
use crate::train::learner::lookahead::scalars;
use crate::train::learner::{Learner, joint};
use crate::train::schedule::ScheduleStep;
use crate::train::weighting::method::Lookahead;

/// The distance by which the weights are moved for finite differences.
const DISTANCE: f64 = 0.01;

impl Learner<'_> {
    /// The derivative of the validation losses after a plain gradient step with respect to each task's
    /// weight; `None` for a task without labels in the batch. Of a batch in several parts the first is used.
    /// Restores the weights bit for bit.
    pub(in crate::train) fn validation_lookahead(
        &mut self,
        parts: &[Batch],
        clock: ScheduleStep,
        request: &Lookahead,
    ) -> TrainResult<Vec<Option<f64>>> {
        let mut gradient = vec![None; self.checked.len()];
        let (Some(part), Some(held_out)) = (parts.first(), &self.held_out) else { return Ok(gradient) };
        let mode = self.mode(clock, 0, parts.len()).repeated();
        let ((losses, _), tape) = record(|| self.losses(part, &mode))?;
        let batches = held_out.draw(request.number, &request.primary)?;
        let values = scalars(&losses)?;
        if losses.is_empty() || batches.is_empty() || values.iter().any(|loss| !loss.is_finite()) {
            return Ok(gradient);
        }
        let tasks: Vec<usize> = part.labels.iter().map(|labels| labels.task).collect();
        let mut by_task = vec![None; gradient.len()];
        tasks.iter().zip(&values).for_each(|(task, loss)| by_task[*task] = Some(*loss));
        let weights = self.balance.losses.weights(clock.step as u64, &by_task);
        let step = joint(&losses, tasks.iter().map(|task| weights[*task]))?;
        let step = self.scaled_by_rates(self.collect(tape.into_gradients(step)?))?;
        let (rate, indices) = (self.rate(clock), (0..self.variables.len()).collect::<Vec<_>>());
        let validation = self.with_moved(&indices, &step, -rate, || {
            let forward = || {
                let mut losses: Vec<Tensor> = Vec::new();
                for batch in &batches {
                    losses.extend(self.losses(batch, &mode)?.0);
                }
                Ok(losses)
            };
            let (losses, tape) = record::<_, TrainError>(forward)?;
            let sum = joint(&losses, losses.iter().map(|_| 1.0))?;
            Ok(self.collect(tape.into_gradients(sum)?))
        })?;
        // The derivative by a task's weight is -<R g, rates times the task's gradient>.
        let validation = self.scaled_by_rates(validation)?;
        let norm = norm(&validation)?;
        if !(norm.is_finite() && norm > 0.0) {
            return Ok(gradient);
        }
        let epsilon = DISTANCE / norm;
        let losses_at = |factor: f64| {
            self.with_moved(&indices, &validation, factor, || scalars(&self.losses(part, &mode)?.0))
        };
        let (above, below) = (losses_at(epsilon)?, losses_at(-epsilon)?);
        for ((task, above), below) in tasks.iter().zip(above).zip(below) {
            let derivative = -rate * (above - below) / (2.0 * epsilon);
            gradient[*task] = Some(derivative).filter(|derivative| derivative.is_finite());
        }
        Ok(gradient)
    }
}

/// The Euclidean norm of a gradient over all tensors.
fn norm(gradient: &TaskGradient) -> TrainResult<f64> {
    let mut squares = 0.0;
    for tensor in gradient.iter().flatten() {
        squares +=
            with_values(tensor, |values| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>())?;
    }
    Ok(squares.sqrt())
}
