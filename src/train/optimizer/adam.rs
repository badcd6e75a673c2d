//! The optimizer `adam`: see [`AdamConfig`].

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Positive, Rate};
use crate::train::optimizer::adam_step::{AdamStep, beta1, beta2, epsilon, rate};
use crate::train::optimizer::{UpdateRule, VariableUpdate};

/// Adam (Kingma & Ba, ICLR 2015).
///
/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
/// w -= rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon). t counts the updates of each parameter,
/// so the bias correction is right for heads that were absent in some steps.
///
/// `optimizer: {adam: {rate: 1.0e-3}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamConfig {
    /// Learning rate. Default 1e-3.
    #[serde(default = "rate")]
    pub rate: Positive,
    /// Decay of the first moment. Default 0.9.
    #[serde(default = "beta1")]
    pub beta1: Rate,
    /// Decay of the second moment. Default 0.999.
    #[serde(default = "beta2")]
    pub beta2: Rate,
    /// Added to the denominator for numerical stability. Default 1e-8.
    #[serde(default = "epsilon")]
    pub epsilon: Positive,
}

impl Settings for AdamConfig {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{adam: {rate: 1.0e-3}}";
}

impl UpdateRule for AdamConfig {
    fn rate(&self) -> f64 {
        self.rate.get()
    }

    fn moments(&self) -> usize {
        2
    }

    fn update_slices(
        &self,
        update: &VariableUpdate,
        weight: &mut [f32],
        gradient: &[f32],
        moments: &mut [&mut [f32]],
    ) {
        self.step_constants(update).update_slices(update, weight, gradient, moments);
    }

    fn update_tensors(
        &self,
        update: &VariableUpdate,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        self.step_constants(update).update_tensors(update, weight, gradient, moments)
    }
}

impl AdamConfig {
    fn step_constants(&self, update: &VariableUpdate) -> AdamStep {
        AdamStep::new(update, self.beta1, self.beta2, self.epsilon, 0.0)
    }
}
