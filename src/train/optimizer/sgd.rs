//! The optimizer `sgd`: see [`SgdConfig`].

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Positive, Rate};
use crate::model::kernel::wide::wide;
use crate::train::optimizer::{UpdateRule, VariableUpdate};

/// Stochastic gradient descent, with momentum as in PyTorch.
///
/// v = momentum v + g; w -= rate v, or with Nesterov momentum w -= rate (g + momentum v).
///
/// `optimizer: {sgd: {rate: 0.1, momentum: 0.9, nesterov: true}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SgdConfig {
    /// Learning rate. Default 0.01.
    #[serde(default = "default_rate")]
    pub rate: Positive,
    /// Momentum, in [0, 1). Default 0.
    #[serde(default = "default_momentum")]
    pub momentum: Rate,
    /// Use Nesterov momentum: w -= rate (g + momentum v). Default false.
    #[serde(default)]
    pub nesterov: bool,
}

impl Settings for SgdConfig {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{sgd: {rate: 0.1, momentum: 0.9, nesterov: true}}";
}

fn default_rate() -> Positive {
    Positive::constant(0.01)
}

fn default_momentum() -> Rate {
    Rate::constant(0.0)
}

impl UpdateRule for SgdConfig {
    fn rate(&self) -> f64 {
        self.rate.get()
    }

    fn moments(&self) -> usize {
        usize::from(self.momentum.get() > 0.0)
    }

    fn update_slices(
        &self,
        update: &VariableUpdate,
        weight: &mut [f32],
        gradient: &[f32],
        moments: &mut [&mut [f32]],
    ) {
        let (rate, momentum) = (update.rate as f32, self.momentum.get() as f32);
        let [velocity] = moments else {
            return wide!({
                for (w, g) in weight.iter_mut().zip(gradient) {
                    *w -= rate * update.gradient(*w, *g);
                }
            });
        };
        // Both variants in one loop: w -= rate (gradient_factor g + velocity_factor v).
        let (gradient_factor, velocity_factor) = if self.nesterov { (1.0, momentum) } else { (0.0, 1.0) };
        wide!({
            for ((w, g), v) in weight.iter_mut().zip(gradient).zip(velocity.iter_mut()) {
                let g = update.gradient(*w, *g);
                *v = momentum * *v + g;
                *w -= rate * (gradient_factor * g + velocity_factor * *v);
            }
        });
    }

    fn update_tensors(
        &self,
        update: &VariableUpdate,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        let gradient = update.gradient_tensor(weight, gradient)?;
        let [velocity] = moments else {
            return weight - gradient.affine(update.rate, 0.0)?;
        };
        let momentum = self.momentum.get();
        *velocity = (velocity.affine(momentum, 0.0)? + &gradient)?;
        let step =
            if self.nesterov { (gradient + velocity.affine(momentum, 0.0)?)? } else { velocity.clone() };
        weight - step.affine(update.rate, 0.0)?
    }
}
