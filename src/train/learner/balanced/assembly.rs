//! The step's gradient of every variable, out of the tasks' gradients and the method's weights.

use crate::train::balance::shared::{TaskGradient, weighted_sum};
use crate::train::error::TrainResult;
use crate::train::gradient::collect;
use crate::train::learner::Learner;
use crate::train::learner::balanced::BackwardPart;

impl Learner<'_> {
    /// The step's gradient of every variable.
    pub(super) fn assemble(
        &self,
        parts: &[BackwardPart],
        of_losses: &[f64],
        weights: &[f64],
    ) -> TrainResult<TaskGradient> {
        let both: Vec<f64> = of_losses.iter().zip(weights).map(|(loss, weight)| loss * weight).collect();
        let Some(learned) = parts.last() else { return Ok(Vec::new()) };
        let sum = |part: &BackwardPart, index: usize, weights: &[f64]| {
            let gradients: Vec<_> = part.gradients.iter().map(|gradient| gradient[index].as_ref()).collect();
            weighted_sum(&gradients, weights)
        };
        // The way from the point through the trunk.
        let mut trunk = None;
        if let Some(point) = &learned.point {
            let gradients: Vec<_> = learned.at_point.iter().map(|gradient| gradient[0].as_ref()).collect();
            if let Some(upstream) = weighted_sum(&gradients, &both)? {
                let gradients = learned.tape.backward_from(&point.output, upstream)?;
                trunk = Some(collect(gradients, &self.variables));
            }
        }
        let heads = if self.balance.weights_heads() { &both } else { of_losses };
        let even: Vec<f64> = heads.iter().map(|weight| weight / parts.len() as f64).collect();
        let mut gradients = Vec::with_capacity(self.variables.len());
        for index in 0..self.variables.len() {
            let is_shared = learned.point.is_none() && self.shared.indices.contains(&index);
            gradients.push(match (trunk.as_mut().and_then(|trunk| trunk[index].take()), is_shared) {
                (Some(gradient), _) => Some(gradient),
                (None, true) => sum(learned, index, &both)?,
                (None, false) => {
                    let of_parts = parts.iter().map(|part| sum(part, index, &even));
                    let of_parts = of_parts.collect::<candle_core::Result<Vec<_>>>()?;
                    let of_parts: Vec<_> = of_parts.iter().map(Option::as_ref).collect();
                    weighted_sum(&of_parts, &vec![1.0; of_parts.len()])?
                }
            });
        }
        Ok(gradients)
    }
}
