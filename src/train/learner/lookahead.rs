//! A look at weights that are somewhere else for a moment, and then where they were, bit for bit.

use candle_core::Tensor;

use crate::model::autograd::record;
use crate::train::affinity::PairAffinity;
use crate::train::balance::shared::TaskGradient;
use crate::train::batch::Batch;
use crate::train::error::TrainResult;
use crate::train::gradient::collect;
use crate::train::learner::Learner;
use crate::train::schedule::ScheduleStep;

impl Learner<'_> {
    /// What a plain step of each task, along the shared weights alone, does to every task's loss of the same
    /// batch: the same dropout, and no running statistic touched. A task whose loss is 0 has no share to
    /// lose.
    pub(in crate::train) fn measure_affinity(
        &self,
        parts: &[Batch],
        clock: ScheduleStep,
    ) -> TrainResult<Vec<PairAffinity>> {
        let mut looks = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let mode = self.mode(clock, number, parts.len()).repeated();
            let ((losses, _), tape) = record(|| self.losses(part, &mode))?;
            let before = numbers(&losses)?;
            for (labels, loss) in part.labels.iter().zip(&losses) {
                let gradient = collect(tape.backward(loss)?, &self.variables);
                let after = self.with_moved(&self.shared.indices, &gradient, -self.rate(clock), || {
                    numbers(&self.losses(part, &mode)?.0)
                })?;
                for (other, (before, after)) in part.labels.iter().zip(before.iter().zip(after)) {
                    let value = 1.0 - after / before;
                    if value.is_finite() {
                        looks.push(PairAffinity {
                            step: clock.step,
                            tasks: (labels.task, other.task),
                            value,
                        });
                    }
                }
            }
        }
        Ok(looks)
    }

    /// What `look` sees while the variables at `places` are moved along a direction, so many times its
    /// length.
    pub(in crate::train) fn with_moved<T>(
        &self,
        indices: &[usize],
        direction: &TaskGradient,
        times: f64,
        look: impl FnOnce() -> TrainResult<T>,
    ) -> TrainResult<T> {
        let mut kept = Vec::with_capacity(indices.len());
        for index in indices {
            let Some(direction) = &direction[*index] else { continue };
            let var = &self.variables[*index].var;
            let before = var.as_detached_tensor().copy()?;
            var.set(&(&before + direction.affine(times, 0.0)?)?)?;
            kept.push((var, before));
        }
        let seen = look();
        for (var, before) in kept {
            var.set(&before)?;
        }
        seen
    }
}

/// Scalars as numbers.
pub(super) fn numbers(losses: &[Tensor]) -> TrainResult<Vec<f64>> {
    losses.iter().map(|loss| Ok(f64::from(loss.to_scalar::<f32>()?))).collect()
}
