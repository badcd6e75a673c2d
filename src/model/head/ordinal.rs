//! Ordinal classification by CORAL (Cao, Mirjalili & Raschka 2020): one binary classifier "above class k?"
//! per threshold. All share one projection and differ only in a bias: logit k = w x + b_k.
//!
//! P(class k) = P(above k-1) - P(above k). These are nonnegative if the biases descend, which the loss
//! favours but does not enforce: a negative one is set to 0, and the others are normalized to sum to 1. The
//! biases are initialized to (K-1)/(K-1), ..., 1/(K-1).

use crate::model::activation::Activation;
use crate::model::activations::Activations;
use crate::model::error::ModelResult;
use crate::model::head::output::Output;
use crate::model::ops::Ops;
use crate::model::weights::{Init, Parameter, Weights};

/// Head for one of several ordered classes.
pub struct Ordinal {
    /// `[width, 1]`
    weight: Parameter,
    /// `[classes - 1]`
    biases: Parameter,
    /// Number of thresholds: classes - 1.
    cuts: usize,
}

impl Ordinal {
    /// One logit over `width` features and a bias per threshold; weights are named below `name`.
    pub fn build(name: &str, width: usize, classes: usize, weights: &mut Weights) -> ModelResult<Self> {
        let cuts = classes - 1;
        let first: Vec<f32> = (1..=cuts).rev().map(|k| k as f32 / cuts as f32).collect();
        Ok(Self {
            weight: weights.parameter(&format!("{name}.weight"), &[width, 1], Init::fan_in(width))?,
            biases: weights.parameter(&format!("{name}.cuts"), &[cuts], Init::Given(first))?,
            cuts,
        })
    }
}

impl Output for Ordinal {
    fn logits<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<O::Value> {
        let (weight, biases) = (ops.weight(&self.weight)?, ops.weight(&self.biases)?);
        let score = ops.matmul(&x.x, &weight)?;
        ops.add(&score, &biases)
    }

    fn conditioning<O: Ops>(&self, ops: &mut O, logits: &O::Value) -> ModelResult<O::Value> {
        // [batch, classes - 1]
        let above = ops.activation(Activation::Sigmoid, logits)?;
        let between = self.cuts - 1;
        let first = ops.narrow(&above, 1, 0, 1)?;
        let mut parts = vec![ops.one_minus(&first)?];
        if between > 0 {
            let (lower, upper) = (ops.narrow(&above, 1, 0, between)?, ops.narrow(&above, 1, 1, between)?);
            parts.push(ops.sub(&lower, &upper)?);
        }
        parts.push(ops.narrow(&above, 1, between, 1)?);
        let p = ops.concat(&parts, 1)?; // [batch, classes]
        let p = ops.activation(Activation::Relu, &p)?;
        let sum = ops.sum(&p, 1, true)?;
        ops.div(&p, &sum)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::head::Head;
    use crate::model::head::ordinal::Ordinal;
    use crate::model::kernel::reference_check::near;
    use crate::model::weights::Weights;

    #[test]
    fn class_probabilities_by_hand() {
        let device = Device::Cpu;
        let mut weights = Weights::new(0, &device);
        let head = Ordinal::build("head.grade.output", 1, 3, &mut weights).unwrap();
        // Row 0: P(above 0) = 0.9, P(above 1) = 0.25. Row 1: 0.25 and 0.5, which ascend: the differences
        // 0.75, -0.25, 0.5 become 0.75, 0, 0.5 over 1.25.
        let logit = |p: f32| (p / (1.0 - p)).ln();
        let logits = Tensor::new(&[[logit(0.9), logit(0.25)], [logit(0.25), logit(0.5)]], &device).unwrap();
        let expected = Tensor::new(&[[0.1f32, 0.65, 0.25], [0.6, 0.0, 0.4]], &device).unwrap();
        near("classes", &head.predictions(&logits).unwrap(), &expected, 1e-6);
    }
}
