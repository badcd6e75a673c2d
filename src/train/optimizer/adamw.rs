//! The optimizer `adamw`: see [`AdamWConfig`].

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{NonNegative, Positive, Rate};
use crate::train::optimizer::adam_step::{AdamStep, beta1, beta2, epsilon, rate};
use crate::train::optimizer::{UpdateRule, VariableUpdate};

/// Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019).
///
/// w = (1 - rate decay) w, then Adam's step. Biases and normalization parameters are not decayed.
///
/// `optimizer: {adamw: {rate: 3.0e-4, decay: 0.01}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamWConfig {
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
    /// Decoupled weight decay of weight matrices and embeddings, not of biases and normalizations. Default
    /// 0.01.
    #[serde(default = "default_decay")]
    pub decay: NonNegative,
}

impl Settings for AdamWConfig {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{adamw: {rate: 3.0e-4, decay: 0.01}}";
}

fn default_decay() -> NonNegative {
    NonNegative::constant(0.01)
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { rate: rate(), beta1: beta1(), beta2: beta2(), epsilon: epsilon(), decay: default_decay() }
    }
}

impl AdamWConfig {
    fn step_constants(&self, update: &VariableUpdate) -> AdamStep {
        let decay = if update.decay { self.decay.get() } else { 0.0 };
        AdamStep::new(update, self.beta1, self.beta2, self.epsilon, decay)
    }
}

impl UpdateRule for AdamWConfig {
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
