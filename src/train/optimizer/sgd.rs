//! The optimizer `sgd`: see [`SgdSpec`].

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Positive, Rate};
use crate::train::optimizer::{Pull, Update};

/// Stochastic gradient descent, with momentum as in PyTorch.
///
/// v = momentum v + g; w -= rate v, or with Nesterov's look ahead w -= rate (g + momentum v).
///
/// `optimizer: {sgd: {rate: 0.1, momentum: 0.9, nesterov: true}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SgdSpec {
    /// Learning rate. Default 0.01.
    #[serde(default = "rate")]
    pub rate: Positive,
    /// From 0 up to but not 1. Default 0.
    #[serde(default = "momentum")]
    pub momentum: Rate,
    /// Look ahead: w -= rate (g + momentum v). Default false.
    #[serde(default)]
    pub nesterov: bool,
}

impl Settings for SgdSpec {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{sgd: {rate: 0.1, momentum: 0.9, nesterov: true}}";
}

fn rate() -> Positive {
    Positive::constant(0.01)
}

fn momentum() -> Rate {
    Rate::constant(0.0)
}

impl Update for SgdSpec {
    fn rate(&self) -> f64 {
        self.rate.get()
    }

    fn moments(&self) -> usize {
        usize::from(self.momentum.get() > 0.0)
    }

    fn host(&self, pull: &Pull, weight: &mut [f32], gradient: &[f32], moments: &mut [&mut [f32]]) {
        let (rate, momentum) = (pull.rate as f32, self.momentum.get() as f32);
        let [velocity] = moments else {
            for (w, g) in weight.iter_mut().zip(gradient) {
                *w -= rate * pull.gradient(*w, *g);
            }
            return;
        };
        // Both forms as one loop: w -= rate (ahead g + along v).
        let (ahead, along) = if self.nesterov { (1.0, momentum) } else { (0.0, 1.0) };
        for ((w, g), v) in weight.iter_mut().zip(gradient).zip(velocity.iter_mut()) {
            let g = pull.gradient(*w, *g);
            *v = momentum * *v + g;
            *w -= rate * (ahead * g + along * *v);
        }
    }

    fn tensor(
        &self,
        pull: &Pull,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        let gradient = pull.gradient_tensor(weight, gradient)?;
        let [velocity] = moments else {
            return weight - gradient.affine(pull.rate, 0.0)?;
        };
        let momentum = self.momentum.get();
        *velocity = (velocity.affine(momentum, 0.0)? + &gradient)?;
        let step =
            if self.nesterov { (gradient + velocity.affine(momentum, 0.0)?)? } else { velocity.clone() };
        weight - step.affine(pull.rate, 0.0)?
    }
}
