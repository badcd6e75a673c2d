//! The loss `cross_entropy`: see [`CrossEntropyConfig`].

use candle_core::{D, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Rate;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
use crate::model::kernel::closed_form::mean_over_rows;
use crate::model::kernel::fits;
use crate::model::loss::{ClassWeights, Loss};

/// -log p[class] with p = softmax(logits), for classification of rows, tokens or pixels.
///
/// With class weights w the mean is weighted: the sum of w[class] (-log p[class]) divided by the sum of
/// w[class]. Label smoothing by e gives the weight (1-e) to the class and e / classes to every class, each
/// times its own w. Both as in PyTorch's `cross_entropy`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropyConfig {
    /// `none` (default), `balanced`, or one weight per class, in class order.
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// Probability mass moved from the label to a uniform distribution over the classes. Default 0.
    #[serde(default = "default_label_smoothing")]
    pub label_smoothing: Rate,
}

impl Default for CrossEntropyConfig {
    fn default() -> Self {
        Self { class_weights: ClassWeights::None, label_smoothing: default_label_smoothing() }
    }
}

impl Settings for CrossEntropyConfig {
    const BARE: Option<&'static str> = Some("class_weights");
    const EXAMPLE: &'static str = "{cross_entropy: {label_smoothing: 0.1}}";
}

fn default_label_smoothing() -> Rate {
    Rate::constant(0.0)
}

impl Loss for CrossEntropyConfig {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(
            kind,
            TaskKind::Multiclass
                | TaskKind::Tagging
                | TaskKind::Segmentation
                | TaskKind::Text
                | TaskKind::LanguageModel
        )
    }

    fn check(&self, target: &FittedTarget) -> ModelResult<(), String> {
        match target.output_tokenizer() {
            Some(_) if self.class_weights == ClassWeights::None => Ok(()),
            _ => self.class_weights.per_class(target).map(drop),
        }
    }

    fn forward(
        &self,
        logits: &Tensor,
        truth: &Tensor,
        mask: &Tensor,
        target: &FittedTarget,
    ) -> ModelResult<Tensor> {
        let weights = self.class_weights.per_class(target).map_err(candle_core::Error::msg)?;
        let smoothing = self.label_smoothing.get() as f32;
        if !fits(&[logits, truth, mask]) {
            return composed(logits, truth, mask, &weights, smoothing);
        }
        let smoothed: Vec<f32> = weights.iter().map(|w| w * smoothing / weights.len() as f32).collect();
        let smoothed_sum: f32 = smoothed.iter().sum();
        let row = |z: &[f32], y: &[f32], mask: &[f32], gradient: &mut [f32]| {
            if mask[0] == 0.0 {
                return (0.0, 0.0);
            }
            let class = y[0] as usize;
            let class_weight = (1.0 - smoothing) * weights[class];
            let log_sum = exponentials(z, gradient);
            let mut loss = f64::from(class_weight) * f64::from(log_sum - z[class]);
            for (column, gradient) in gradient.iter_mut().enumerate() {
                *gradient = *gradient * (class_weight + smoothed_sum) - smoothed[column];
                loss += f64::from(smoothed[column]) * f64::from(log_sum - z[column]);
            }
            gradient[class] -= class_weight;
            (loss, f64::from(weights[class]))
        };
        Ok(mean_over_rows(logits, truth, mask, &row)?)
    }
}

/// Writes softmax(z) to `p` and returns the log-sum-exp of z.
pub fn exponentials(z: &[f32], p: &mut [f32]) -> f32 {
    let largest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (p, z) in p.iter_mut().zip(z) {
        *p = (z - largest).exp();
        sum += *p;
    }
    p.iter_mut().for_each(|p| *p /= sum);
    largest + sum.ln()
}

/// The log softmax over the last dimension, composed of differentiable operations.
pub fn log_softmax(z: &Tensor) -> ModelResult<Tensor> {
    let shifted = z.broadcast_sub(&z.detach().max_keepdim(D::Minus1)?)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    Ok(shifted.broadcast_sub(&log_sum)?)
}

/// One-hot rows `[rows, classes]` of class indices `[rows, 1]`.
pub fn one_hot(truth: &Tensor, classes: usize) -> ModelResult<Tensor> {
    let columns = Tensor::from_iter((0..classes).map(|class| class as f32), truth.device())?;
    Ok(truth.broadcast_eq(&columns.reshape((1, classes))?)?.to_dtype(truth.dtype())?)
}

/// The same loss, composed of candle operations.
fn composed(
    z: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    weights: &[f32],
    smoothing: f32,
) -> ModelResult<Tensor> {
    let classes = weights.len();
    let weights = Tensor::new(weights, z.device())?.reshape((1, classes))?;
    let weighted_one_hot = one_hot(truth, classes)?.broadcast_mul(&weights)?; // [rows, classes]
    let target = ((&weighted_one_hot * f64::from(1.0 - smoothing))?
        .broadcast_add(&(weights * (f64::from(smoothing) / classes as f64))?))?;
    let sum = (log_softmax(z)?.neg()? * target)?.broadcast_mul(mask)?.sum_all()?;
    let weight = weighted_one_hot.broadcast_mul(mask)?.sum_all()?;
    Ok(sum.div(&weight.maximum(f64::from(f32::MIN_POSITIVE))?)?)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Positive, Rate};
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::ClassWeights;
    use crate::model::loss::cross_entropy::{CrossEntropyConfig, composed};
    use crate::model::loss::{
        Loss,
        example::{assert_loss, column, matrix},
    };

    fn three() -> FittedTarget {
        FittedTarget::Multiclass {
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            counts: vec![1, 2, 5],
        }
    }

    #[test]
    fn values_of_pytorch() {
        let z = matrix(&[&[0.2, -1.0, 0.5], &[2.0, 0.1, -0.3]]);
        let (y, all) = (column(&[2.0, 1.0]), column(&[1.0; 2]));
        // F = torch.nn.functional; z = torch.tensor([[.2,-1,.5],[2,.1,-.3]]); y = torch.tensor([2,1])
        // F.cross_entropy(z, y) -> 1.39898109
        let plain = CrossEntropyConfig::default();
        assert_loss(&plain, [&z, &y, &all], &three(), 1.398_981_09);
        // F.cross_entropy(z, y, weight=torch.tensor([.5,1.,3.]), label_smoothing=.1) -> 1.05402899
        let weights = ClassWeights::Given([0.5, 1.0, 3.0].map(Positive::constant).to_vec());
        let loss = CrossEntropyConfig { class_weights: weights, label_smoothing: Rate::constant(0.1) };
        assert_loss(&loss, [&z, &y, &all], &three(), 1.054_028_99);
    }

    #[test]
    fn kernel_agrees_with_the_composed_loss() {
        let weights = ClassWeights::Given([0.5, 1.0, 3.0].map(Positive::constant).to_vec());
        let loss = CrossEntropyConfig { class_weights: weights, label_smoothing: Rate::constant(0.3) };
        let (y, mask) = (column(&[2.0, 1.0, 0.0, 0.0]), column(&[1.0, 1.0, 0.0, 1.0]));
        check_against(
            &[variable(&[4, 3], 4)],
            1e-6,
            |z| Ok(loss.forward(&z[0], &y, &mask, &three()).unwrap()),
            |z| Ok(composed(&z[0], &y, &mask, &[0.5, 1.0, 3.0], 0.3).unwrap()),
        );
    }
}
