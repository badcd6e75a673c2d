//! What the coming step would do to validation rows, and how that depends on each task's weight: the
//! derivative that `auto_lambda` learns from.

use candle_core::Tensor;

use crate::model::autograd::record;
use crate::train::balance::shared::{TaskGradient, with_values};
use crate::train::batch::Batch;
use crate::train::error::{TrainError, TrainResult};
use crate::train::gradient::collect;
use crate::train::learner::lookahead::numbers;
use crate::train::learner::{Learner, joint};
use crate::train::schedule::ScheduleStep;
use crate::train::weighting::method::Lookahead;

/// How far the weights are moved to take a derivative by differences.
const REACH: f64 = 0.01;

impl Learner<'_> {
    /// The derivative by each task's weight of the validation losses after a plain step; `None` for a task
    /// without a label in the batch. Of a batch in several parts the first is looked at. Weights are as they
    /// were afterwards, bit for bit.
    pub(in crate::train) fn validation_lookahead(
        &mut self,
        parts: &[Batch],
        clock: ScheduleStep,
        wanted: &Lookahead,
    ) -> TrainResult<Vec<Option<f64>>> {
        let mut gradient = vec![None; self.proven.len()];
        let (Some(part), Some(held_out)) = (parts.first(), &self.held_out) else { return Ok(gradient) };
        let mode = self.mode(clock, 0, parts.len()).repeated();
        let ((losses, _), tape) = record(|| self.losses(part, &mode))?;
        let batches = held_out.draw(wanted.number, &wanted.primary)?;
        let known = numbers(&losses)?;
        if losses.is_empty() || batches.is_empty() || known.iter().any(|loss| !loss.is_finite()) {
            return Ok(gradient);
        }
        let tasks: Vec<usize> = part.labels.iter().map(|labels| labels.task).collect();
        let mut all = vec![None; gradient.len()];
        tasks.iter().zip(&known).for_each(|(task, loss)| all[*task] = Some(*loss));
        let weights = self.balance.losses.weights(clock.step as u64, &all);
        let step = joint(&losses, tasks.iter().map(|task| weights[*task]))?;
        let step = collect(tape.into_gradients(step)?, &self.variables);
        let (rate, indices) = (self.rate(clock), (0..self.variables.len()).collect::<Vec<_>>());
        let ahead = self.with_moved(&indices, &step, -rate, || {
            let forward = || {
                let mut losses: Vec<Tensor> = Vec::new();
                for batch in &batches {
                    losses.extend(self.losses(batch, &mode)?.0);
                }
                Ok(losses)
            };
            let (losses, tape) = record::<_, TrainError>(forward)?;
            let sum = joint(&losses, losses.iter().map(|_| 1.0))?;
            Ok(collect(tape.into_gradients(sum)?, &self.variables))
        })?;
        let length = length(&ahead)?;
        if !(length.is_finite() && length > 0.0) {
            return Ok(gradient);
        }
        let reach = REACH / length;
        let look =
            |times: f64| self.with_moved(&indices, &ahead, times, || numbers(&self.losses(part, &mode)?.0));
        let (above, below) = (look(reach)?, look(-reach)?);
        for ((task, above), below) in tasks.iter().zip(above).zip(below) {
            let slope = -rate * (above - below) / (2.0 * reach);
            gradient[*task] = Some(slope).filter(|slope| slope.is_finite());
        }
        Ok(gradient)
    }
}

/// Of all numbers of a gradient together.
fn length(gradient: &TaskGradient) -> TrainResult<f64> {
    let mut squares = 0.0;
    for tensor in gradient.iter().flatten() {
        squares +=
            with_values(tensor, |values| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>())?;
    }
    Ok(squares.sqrt())
}
