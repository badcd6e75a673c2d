//! The task balance of one training: a weighting of losses, a gradient method, or one of each.

pub mod shared;

use crate::train::config::{BalanceConfig, GradientScale, GradientsAt, GradientsConfig, HeadGradients};
use crate::train::solver::Matrix;
use crate::train::weighting::capabilities::{GradientCapabilities, GradientLocation};
use crate::train::weighting::equal::Equal;
use crate::train::weighting::gradient_method::{GradientContext, GradientRows, GradientWeights};
use crate::train::weighting::method::GradientMethod;
use crate::train::weighting::{Weighting, WeightingContext};

/// Weights the losses, then balances their gradients.
pub struct LossBalancer {
    /// The weighting of losses; equal weights if there is only a gradient method.
    pub losses: Box<dyn Weighting>,
    gradients: Option<GradientMethod>,
    /// Those of the gradient method.
    capabilities: Option<GradientCapabilities>,
    config: GradientsConfig,
}

/// Everything that has changed since the balancer was built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BalanceState {
    /// The numbers of the weighting and of the gradient method.
    pub numbers: Vec<f64>,
    /// Buffers as long as a gradient, one per task; empty before the first step.
    pub rows: Vec<Vec<f32>>,
}

impl LossBalancer {
    /// Builds the weighting of losses and the gradient method that the settings list.
    pub fn new(settings: &BalanceConfig, config: &GradientsConfig, context: &WeightingContext) -> Self {
        let (mut losses, mut gradients): (Option<Box<dyn Weighting>>, _) = (None, None);
        let mut capabilities = None;
        for choice in &settings.0 {
            let built = choice.view().build(context);
            losses = losses.or(built.losses);
            if gradients.is_none() && built.gradients.is_some() {
                gradients = built.gradients;
                capabilities = choice.view().capabilities().gradients();
            }
        }
        // A gradient method alone balances the unweighted losses.
        let losses = losses.unwrap_or_else(|| Box::new(Equal));
        Self { losses, gradients, capabilities, config: config.clone() }
    }

    /// Does a step need each task's own gradient?
    pub fn needs_task_gradients(&self) -> bool {
        self.gradients.is_some() || self.config.observe
    }

    /// Are gradients taken with respect to the shared representation?
    pub fn is_at_representation(&self) -> bool {
        self.config.at == GradientsAt::Representation
    }

    /// Is the Gramian summed layer by layer?
    pub fn is_by_layer(&self) -> bool {
        self.config.by_layer
    }

    /// Does the method use only the gradients of the last shared layer?
    pub fn uses_last_layer_only(&self) -> bool {
        self.capabilities
            .is_some_and(|capabilities| capabilities.location == GradientLocation::LastLayerOrRepresentation)
            && !self.is_at_representation()
    }

    /// Does the method need full gradients?
    pub fn needs_full_gradients(&self) -> bool {
        matches!(self.gradients, Some(GradientMethod::Rows(_)))
    }

    /// Do its weights also apply to the task-specific layers?
    pub fn weights_heads(&self) -> bool {
        match self.config.heads {
            Some(heads) => heads == HeadGradients::Weighted,
            None => self.capabilities.is_some_and(|capabilities| capabilities.weights_heads),
        }
    }

    /// The weights of the gradients, which are already scaled by the weights of the losses. Methods that
    /// need `rows` get them and may change them.
    pub fn compute_weights(
        &mut self,
        context: &GradientContext,
        rows: Option<&mut GradientRows>,
    ) -> GradientWeights {
        // With weights of 1, NaN gradients reach the parameters, so that training stops with an error.
        let is_finite = context.gramian.diagonal().iter().all(|square| square.is_finite());
        match (&mut self.gradients, rows) {
            (Some(GradientMethod::Gramian(method)), _) if is_finite => method.compute_weights(context),
            (Some(GradientMethod::Rows(method)), Some(rows)) if is_finite => {
                method.compute_weights(context, rows)
            }
            _ => GradientWeights { weights: vec![1.0; context.tasks.len()], regular: true },
        }
    }

    /// The weights scaled as `train.gradients.scale` says; `gramian` is that of the gradients they apply to.
    pub fn scaled(&self, mut weights: Vec<f64>, gramian: &Matrix) -> Vec<f64> {
        let scale = self.scale(&weights, gramian);
        weights.iter_mut().for_each(|weight| *weight *= scale);
        weights
    }

    /// The factor of `train.gradients.scale`; 1 if it is not finite.
    fn scale(&self, weights: &[f64], gramian: &Matrix) -> f64 {
        let tasks = weights.len() as f64;
        let (sum, size) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w.abs()).sum::<f64>());
        let length = |weights: &[f64]| gramian.bilinear(weights, weights).max(0.0).sqrt();
        let scale = match self.config.scale {
            GradientScale::None => 1.0,
            // The sum of weights that cancel is only rounding error.
            _ if sum.abs() <= 1e-9 * size && self.config.scale != GradientScale::NormOfMean => 1.0,
            GradientScale::SumToTasks => tasks / sum,
            GradientScale::SumToOne => 1.0 / sum,
            GradientScale::NormOfMean => length(&vec![1.0 / tasks; weights.len()]) / length(weights),
        };
        if scale.is_finite() { scale } else { 1.0 }
    }

    /// Does the scale depend on the norm of the step?
    pub fn scales_by_norm(&self) -> bool {
        self.config.scale == GradientScale::NormOfMean
    }

    /// The state for a checkpoint.
    pub fn state(&self) -> BalanceState {
        let (numbers, rows) = match &self.gradients {
            Some(GradientMethod::Gramian(method)) => (method.state(), Vec::new()),
            Some(GradientMethod::Rows(method)) => (method.state(), method.buffers()),
            None => (Vec::new(), Vec::new()),
        };
        BalanceState { numbers: [self.losses.state(), numbers].concat(), rows }
    }

    /// Restores a state; `false` if it does not belong to this balancer.
    pub fn restore(&mut self, state: BalanceState) -> bool {
        let BalanceState { numbers, rows } = state;
        let Some((losses, numbers)) = numbers.split_at_checked(self.losses.state().len()) else {
            return false;
        };
        self.losses.restore(losses)
            && match &mut self.gradients {
                Some(GradientMethod::Gramian(method)) => rows.is_empty() && method.restore(numbers),
                Some(GradientMethod::Rows(method)) => method.restore(numbers, rows),
                None => rows.is_empty() && numbers.is_empty(),
            }
    }
}
