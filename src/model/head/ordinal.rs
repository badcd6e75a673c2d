//! One question per cut point, "is it above class k?", all sharing one projection and differing in a
//! bias only (CORAL; Cao, Mirjalili & Raschka 2020): logit k = w x + b_k.
//!
//! P(class k) = P(above k-1) - P(above k). The shared projection makes these non-negative when the
//! biases descend, which the loss favours but does not enforce: a negative one counts as 0 and
//! the rest is scaled to 1. The biases begin at (K-1)/(K-1), ..., 1/(K-1).

use candle_core::{Tensor, Var};

use crate::model::emission::constant;
use crate::model::error::Result;
use crate::model::head::Head;
use crate::model::kernel::activation::activation;
use crate::model::layer::activation::Activation;
use crate::model::mode::Mode;
use crate::model::signal::{Signal, Wire};
use crate::model::weights::{Init, Weights};
use crate::onnx::graph::{Graph, Value};
use crate::onnx::operator;

/// One of several classes in an order.
pub struct Ordinal {
    name: String,
    /// `[width, 1]`
    weight: Var,
    /// `[classes - 1]`
    cuts: Var,
}

impl Ordinal {
    pub fn build(name: &str, width: usize, classes: usize, weights: &mut Weights) -> Result<Self> {
        let cuts = classes - 1;
        let first: Vec<f32> = (1..=cuts).rev().map(|k| k as f32 / cuts as f32).collect();
        Ok(Self {
            name: name.to_owned(),
            weight: weights.variable(&format!("{name}.weight"), &[width, 1], Init::fan_in(width))?,
            cuts: weights.variable(&format!("{name}.cuts"), &[cuts], Init::Given(first))?,
        })
    }
}

impl Head for Ordinal {
    fn logits(&self, x: &Signal, _: &Mode) -> Result<Tensor> {
        Ok(x.x.matmul(&self.weight)?.broadcast_add(&self.cuts)?)
    }

    fn answers(&self, logits: &Tensor) -> Result<Tensor> {
        // above: [rows, classes - 1]
        let above = activation(Activation::Sigmoid, logits)?;
        let cuts = above.dim(1)?;
        let (lower, upper) = (above.narrow(1, 0, cuts - 1)?, above.narrow(1, 1, cuts - 1)?);
        let lowest = (1.0 - above.narrow(1, 0, 1)?)?;
        let highest = above.narrow(1, cuts - 1, 1)?;
        let share = Tensor::cat(&[lowest, (lower - upper)?, highest], 1)?; // [rows, classes]
        let share = activation(Activation::Relu, &share)?;
        Ok(share.broadcast_div(&share.sum_keepdim(1)?)?)
    }

    fn emit_logits(&self, graph: &mut Graph, x: &Wire) -> Result<Value> {
        let weight = constant(graph, &format!("{}.weight", self.name), &self.weight)?;
        let cuts = constant(graph, &format!("{}.cuts", self.name), &self.cuts)?;
        Ok(operator::dense(graph, &x.x, &weight, Some(&cuts)))
    }

    fn emit_answers(&self, graph: &mut Graph, logits: &Value) -> Result<Value> {
        let above = operator::sigmoid(graph, logits);
        let cuts = self.cuts.elem_count() as i64;
        let one = graph.scalar(1.0);
        let first = operator::slice(graph, &above, 1, 0, 1);
        let lowest = operator::sub(graph, &one, &first);
        let mut shares = vec![lowest];
        if cuts > 1 {
            let lower = operator::slice(graph, &above, 1, 0, cuts - 1);
            let upper = operator::slice(graph, &above, 1, 1, cuts);
            shares.push(operator::sub(graph, &lower, &upper));
        }
        shares.push(operator::slice(graph, &above, 1, cuts - 1, cuts));
        let share = operator::concat(graph, &shares.iter().collect::<Vec<_>>(), 1);
        let share = operator::relu(graph, &share);
        let sum = operator::reduce_sum(graph, &share, &[1], true);
        Ok(operator::div(graph, &share, &sum))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use crate::model::head::Head;
    use crate::model::head::ordinal::Ordinal;
    use crate::model::kernel::agreement::near;
    use crate::model::weights::Weights;

    #[test]
    fn class_probabilities_by_hand() {
        let device = Device::Cpu;
        let mut weights = Weights::new(0, &device);
        let head = Ordinal::build("head.grade.output", 1, 3, &mut weights).unwrap();
        // Row 0: P(above 0) = 0.9, P(above 1) = 0.25. Row 1: 0.25 and then 0.5, which no ordering allows: the
        // differences 0.75, -0.25, 0.5 become 0.75, 0, 0.5 over 1.25.
        let logit = |p: f32| (p / (1.0 - p)).ln();
        let logits = Tensor::new(&[[logit(0.9), logit(0.25)], [logit(0.25), logit(0.5)]], &device).unwrap();
        let expected = Tensor::new(&[[0.1f32, 0.65, 0.25], [0.6, 0.0, 0.4]], &device).unwrap();
        near("classes", &head.answers(&logits).unwrap(), &expected, 1e-6);
    }
}
