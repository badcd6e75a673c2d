//! Combines the tasks' gradients into the gradient of the step.

use crate::train::balance::shared::{TaskGradient, weighted_sum};
use crate::train::error::TrainResult;
use crate::train::learner::Learner;
use crate::train::learner::balanced::BackwardPart;

impl Learner<'_> {
    /// The gradient of every variable. `joint_weights` are the weights of the losses times the method's.
    pub(super) fn assemble(
        &self,
        parts: &[BackwardPart],
        loss_weights: &[f64],
        joint_weights: &[f64],
    ) -> TrainResult<TaskGradient> {
        let Some(last) = parts.last() else { return Ok(Vec::new()) };
        let sum = |part: &BackwardPart, index: usize, weights: &[f64]| {
            let gradients: Vec<_> = part.gradients.iter().map(|gradient| gradient[index].as_ref()).collect();
            weighted_sum(&gradients, weights)
        };
        // The backward pass from the shared representation through the trunk.
        let mut trunk = None;
        if let Some((point, tape)) = &last.point {
            let gradients: Vec<_> = last.at_point.iter().map(|gradient| gradient[0].as_ref()).collect();
            if let Some(upstream) = weighted_sum(&gradients, joint_weights)? {
                trunk = Some(self.collect(tape.backward_from(&point.output, upstream)?));
            }
        }
        let heads = if self.balance.weights_heads() { joint_weights } else { loss_weights };
        let head_weights: Vec<f64> = heads.iter().map(|weight| weight / parts.len() as f64).collect();
        let mut gradients = Vec::with_capacity(self.variables.len());
        for index in 0..self.variables.len() {
            let is_shared = last.point.is_none() && self.shared.indices.contains(&index);
            gradients.push(match (trunk.as_mut().and_then(|trunk| trunk[index].take()), is_shared) {
                (Some(gradient), _) => Some(gradient),
                (None, true) => sum(last, index, joint_weights)?,
                (None, false) => {
                    let of_parts = parts.iter().map(|part| sum(part, index, &head_weights));
                    let of_parts = of_parts.collect::<candle_core::Result<Vec<_>>>()?;
                    let of_parts: Vec<_> = of_parts.iter().map(Option::as_ref).collect();
                    weighted_sum(&of_parts, &vec![1.0; of_parts.len()])?
                }
            });
        }
        Ok(gradients)
    }
}
