//! The optimizer `adam`: see [`AdamSpec`].

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Positive, Rate};
use crate::train::optimizer::{Pull, Update};

/// Adam (Kingma & Ba, ICLR 2015).
///
/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
/// w -= rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon). t counts the variable's own changes, so a
/// head that was absent for a while is corrected for what it has seen.
///
/// `optimizer: {adam: {rate: 1.0e-3}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamSpec {
    /// Learning rate. Default 1e-3.
    #[serde(default = "rate")]
    pub rate: Positive,
    /// Decay of the first moment. Default 0.9.
    #[serde(default = "beta1")]
    pub beta1: Rate,
    /// Decay of the second moment. Default 0.999.
    #[serde(default = "beta2")]
    pub beta2: Rate,
    /// Added to the root. Default 1e-8.
    #[serde(default = "epsilon")]
    pub epsilon: Positive,
}

impl Settings for AdamSpec {
    const BARE: Option<&'static str> = Some("rate");
    const EXAMPLE: &'static str = "{adam: {rate: 1.0e-3}}";
}

fn rate() -> Positive {
    Positive::constant(1e-3)
}

fn beta1() -> Rate {
    Rate::constant(0.9)
}

fn beta2() -> Rate {
    Rate::constant(0.999)
}

fn epsilon() -> Positive {
    Positive::constant(1e-8)
}

impl Update for AdamSpec {
    fn rate(&self) -> f64 {
        self.rate.get()
    }

    fn moments(&self) -> usize {
        2
    }

    fn host(&self, pull: &Pull, weight: &mut [f32], gradient: &[f32], moments: &mut [&mut [f32]]) {
        self.stride(pull, 0.0).host(pull, weight, gradient, moments);
    }

    fn tensor(
        &self,
        pull: &Pull,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        self.stride(pull, 0.0).tensor(pull, weight, gradient, moments)
    }
}

impl AdamSpec {
    fn stride(&self, pull: &Pull, decay: f64) -> Stride {
        Stride::new(pull, self.beta1, self.beta2, self.epsilon, decay)
    }
}

/// One step's constants of Adam and AdamW, the corrections for the moments' beginning included.
#[derive(Clone, Copy, Debug)]
pub struct Stride {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// rate / (1 - beta1^t)
    length: f64,
    /// 1 / sqrt(1 - beta2^t)
    root: f64,
    /// 1 - rate decay
    keep: f64,
}

impl Stride {
    /// `decay` is AdamW's, already 0 where it may not touch.
    pub fn new(pull: &Pull, beta1: Rate, beta2: Rate, epsilon: Positive, decay: f64) -> Self {
        let (beta1, beta2) = (beta1.get(), beta2.get());
        let count = pull.count as f64;
        Self {
            beta1,
            beta2,
            epsilon: epsilon.get(),
            length: pull.rate / (1.0 - beta1.powf(count)),
            root: 1.0 / (1.0 - beta2.powf(count)).sqrt(),
            keep: 1.0 - pull.rate * decay,
        }
    }

    /// The fused pass.
    pub fn host(&self, pull: &Pull, weight: &mut [f32], gradient: &[f32], moments: &mut [&mut [f32]]) {
        let [first, second] = moments else { return };
        let (keep1, keep2) = (self.beta1 as f32, self.beta2 as f32);
        let (add1, add2) = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        let (length, root) = (self.length as f32, self.root as f32);
        let (keep, epsilon) = (self.keep as f32, self.epsilon as f32);
        let moments = first.iter_mut().zip(second.iter_mut());
        for ((w, g), (m, v)) in weight.iter_mut().zip(gradient).zip(moments) {
            let g = pull.gradient(*w, *g);
            *m = keep1 * *m + add1 * g;
            *v = keep2 * *v + add2 * (g * g);
            *w = keep * *w - length * *m / (v.sqrt() * root + epsilon);
        }
    }

    /// The composed twin.
    pub fn tensor(
        &self,
        pull: &Pull,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        let [first, second] = moments else { candle_core::bail!("Adam keeps two moments") };
        let gradient = pull.gradient_tensor(weight, gradient)?;
        *first = (first.affine(self.beta1, 0.0)? + gradient.affine(1.0 - self.beta1, 0.0)?)?;
        *second = (second.affine(self.beta2, 0.0)? + gradient.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let root = second.sqrt()?.affine(self.root, self.epsilon)?;
        weight.affine(self.keep, 0.0)? - first.affine(self.length, 0.0)?.div(&root)?
    }
}
