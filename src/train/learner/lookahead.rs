//! Inter-task affinity (Fifty et al. 2021, arXiv 2109.04617), measured by trial steps that are undone
//! exactly.

use candle_core::Tensor;

use crate::model::autograd::record;
use crate::train::affinity::PairAffinity;
use crate::train::balance::shared::TaskGradient;
use crate::train::batch::Batch;
use crate::train::error::TrainResult;
use crate::train::learner::Learner;
use crate::train::schedule::ScheduleStep;

impl Learner<'_> {
    /// 1 - (loss after) / (loss before) of every task on the same batch, for a plain gradient step of each
    /// task on the shared weights. Dropout masks stay the same, and running statistics are not updated.
    /// Values that are not finite are left out, such as those of a task whose loss is 0.
    pub(in crate::train) fn measure_affinity(
        &self,
        parts: &[Batch],
        clock: ScheduleStep,
    ) -> TrainResult<Vec<PairAffinity>> {
        let mut affinities = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let mode = self.mode(clock, number, parts.len()).repeated();
            let ((losses, _), tape) = record(|| self.losses(part, &mode))?;
            let before = scalars(&losses)?;
            for (labels, loss) in part.labels.iter().zip(&losses) {
                let gradient = self.scaled_by_rates(self.collect(tape.backward(loss)?))?;
                let after = self.with_moved(&self.shared.indices, &gradient, -self.rate(clock), || {
                    scalars(&self.losses(part, &mode)?.0)
                })?;
                for (other, (before, after)) in part.labels.iter().zip(before.iter().zip(after)) {
                    let value = 1.0 - after / before;
                    if value.is_finite() {
                        affinities.push(PairAffinity {
                            step: clock.step,
                            tasks: (labels.task, other.task),
                            value,
                        });
                    }
                }
            }
        }
        Ok(affinities)
    }

    /// The direction of a plain gradient step, in which each variable has its own learning rate.
    pub(super) fn scaled_by_rates(&self, mut gradient: TaskGradient) -> TrainResult<TaskGradient> {
        for (gradient, variable) in gradient.iter_mut().zip(&self.variables) {
            if variable.relative_rate != 1.0 {
                *gradient = gradient.take().map(|own| own.affine(variable.relative_rate, 0.0)).transpose()?;
            }
        }
        Ok(gradient)
    }

    /// Calls `evaluate` while the variables at `indices` are moved by `factor` * `direction`, and restores
    /// them bit for bit.
    pub(in crate::train) fn with_moved<T>(
        &self,
        indices: &[usize],
        direction: &TaskGradient,
        factor: f64,
        evaluate: impl FnOnce() -> TrainResult<T>,
    ) -> TrainResult<T> {
        let mut saved = Vec::with_capacity(indices.len());
        for index in indices {
            let Some(direction) = &direction[*index] else { continue };
            let var = &self.variables[*index].var;
            let before = var.as_detached_tensor().copy()?;
            var.set(&(&before + direction.affine(factor, 0.0)?)?)?;
            saved.push((var, before));
        }
        let result = evaluate();
        for (var, before) in saved {
            var.set(&before)?;
        }
        result
    }
}

/// The values of scalar tensors.
pub(super) fn scalars(losses: &[Tensor]) -> TrainResult<Vec<f64>> {
    losses.iter().map(|loss| Ok(f64::from(loss.to_scalar::<f32>()?))).collect()
}
