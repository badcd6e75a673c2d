//! The tasks' balance in one training: a weighting of losses, a gradient method, or one of each.

pub mod shared;

use crate::train::config::{BalanceConfig, GradientScale, GradientsAt, GradientsConfig, HeadGradients};
use crate::train::solver::Matrix;
use crate::train::weighting::capabilities::{GradientCapabilities, GradientLocation};
use crate::train::weighting::equal::Equal;
use crate::train::weighting::gradient_method::{GradientContext, GradientRows, GradientWeights};
use crate::train::weighting::method::GradientMethod;
use crate::train::weighting::{Weighting, WeightingContext};

/// What weighs the losses, and what then balances their gradients.
pub struct LossBalancer {
    pub losses: Box<dyn Weighting>,
    gradients: Option<GradientMethod>,
    /// Of the gradient method.
    capabilities: Option<GradientCapabilities>,
    config: GradientsConfig,
}

/// All that changed since it was built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BalanceState {
    pub numbers: Vec<f64>,
    /// What is as long as a gradient, one per task; empty before the first step.
    pub rows: Vec<Vec<f32>>,
}

impl LossBalancer {
    pub fn new(settings: &BalanceConfig, config: &GradientsConfig, setting: &WeightingContext) -> Self {
        let (mut losses, mut gradients): (Option<Box<dyn Weighting>>, _) = (None, None);
        let mut capabilities = None;
        for choice in &settings.0 {
            let built = choice.view().build(setting);
            losses = losses.or(built.losses);
            if gradients.is_none() && built.gradients.is_some() {
                gradients = built.gradients;
                capabilities = choice.view().capabilities().gradients();
            }
        }
        // A gradient method alone balances the losses as they are.
        let losses = losses.unwrap_or_else(|| Box::new(Equal));
        Self { losses, gradients, capabilities, config: config.clone() }
    }

    /// Does a step need each task's own gradient?
    pub fn looks_at_gradients(&self) -> bool {
        self.gradients.is_some() || self.config.observe
    }

    /// Are gradients taken of the point that all tasks read?
    pub fn is_at_point(&self) -> bool {
        self.config.at == GradientsAt::Representation
    }

    /// Is the Gramian summed a layer at a time?
    pub fn is_by_layer(&self) -> bool {
        self.config.by_layer
    }

    /// Does the method look at the last shared layer alone?
    pub fn looks_at_last_layer(&self) -> bool {
        self.capabilities
            .is_some_and(|capabilities| capabilities.location == GradientLocation::LastLayerOrPoint)
            && !self.is_at_point()
    }

    /// Does the method need whole gradients?
    pub fn needs_rows(&self) -> bool {
        matches!(self.gradients, Some(GradientMethod::Rows(_)))
    }

    /// Do its weights hold for the tasks' own layers?
    pub fn weighs_heads(&self) -> bool {
        match self.config.heads {
            Some(heads) => heads == HeadGradients::Weighted,
            None => self.capabilities.is_some_and(|capabilities| capabilities.heads),
        }
    }

    /// The weights of the gradients, which are scaled by the losses' weights already. `rows` are there for
    /// methods that need them, and may come back changed.
    pub fn compute_weights(
        &mut self,
        context: &GradientContext,
        rows: Option<&mut GradientRows>,
    ) -> GradientWeights {
        let all = || GradientWeights { weights: vec![1.0; context.tasks.len()], regular: true };
        // A gradient that is no number shall reach the weights, so that the training stops with a message.
        let numbers = context.gramian.diagonal().iter().all(|square| square.is_finite());
        match (&mut self.gradients, rows) {
            (Some(GradientMethod::Gramian(method)), _) if numbers => method.compute_weights(context),
            (Some(GradientMethod::Rows(method)), Some(rows)) if numbers => {
                method.compute_weights(context, rows)
            }
            _ => all(),
        }
    }

    /// The weights as `train.gradients.scale` wants them, given the Gramian of the gradients they hold for.
    pub fn scaled(&self, mut weights: Vec<f64>, gramian: &Matrix) -> Vec<f64> {
        let scale = self.scale(&weights, gramian);
        weights.iter_mut().for_each(|weight| *weight *= scale);
        weights
    }

    fn scale(&self, weights: &[f64], gramian: &Matrix) -> f64 {
        let tasks = weights.len() as f64;
        let (sum, size) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w.abs()).sum::<f64>());
        let length = |weights: &[f64]| gramian.between(weights, weights).max(0.0).sqrt();
        let scale = match self.config.scale {
            GradientScale::None => 1.0,
            // Weights that cancel have no sum to speak of.
            _ if sum.abs() <= 1e-9 * size && self.config.scale != GradientScale::NormOfMean => 1.0,
            GradientScale::SumToTasks => tasks / sum,
            GradientScale::SumToOne => 1.0 / sum,
            GradientScale::NormOfMean => length(&vec![1.0 / tasks; weights.len()]) / length(weights),
        };
        if scale.is_finite() { scale } else { 1.0 }
    }

    /// Does the scale depend on the length of the step?
    pub fn scales_length(&self) -> bool {
        self.config.scale == GradientScale::NormOfMean
    }

    pub fn memory(&self) -> BalanceState {
        let (numbers, rows) = match &self.gradients {
            Some(GradientMethod::Gramian(method)) => (method.state(), Vec::new()),
            Some(GradientMethod::Rows(method)) => (method.state(), method.buffers()),
            None => (Vec::new(), Vec::new()),
        };
        BalanceState { numbers: [self.losses.state(), numbers].concat(), rows }
    }

    /// Goes on from a memory; `false` when it is not one of this balance's.
    pub fn restore(&mut self, memory: BalanceState) -> bool {
        let BalanceState { numbers, rows } = memory;
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
