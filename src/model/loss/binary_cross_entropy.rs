//! The loss `binary_cross_entropy`: see [`BinaryCrossEntropyConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Rate;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::kernel::activation::{composed as composed_activation, logistic};
use crate::model::kernel::closed_form::mean_over_rows;
use crate::model::kernel::fits;
use crate::model::loss::{ClassWeights, Loss};

/// -[y log p + (1-y) log(1-p)] with p = sigmoid(logit), for binary and multilabel tasks.
///
/// Class weights multiply the loss of a cell; the mean is over present cells, like PyTorch's
/// `binary_cross_entropy_with_logits(weight=...)`. Label smoothing by e replaces y by y (1-e) + e/2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropyConfig {
    /// `none` (default), `balanced`, or one weight per class, in class order.
    #[serde(default)]
    pub class_weights: ClassWeights,
    /// Probability mass moved from the label to a uniform distribution over the classes. Default 0.
    #[serde(default = "default_label_smoothing")]
    pub label_smoothing: Rate,
}

impl Default for BinaryCrossEntropyConfig {
    fn default() -> Self {
        Self { class_weights: ClassWeights::None, label_smoothing: default_label_smoothing() }
    }
}

impl Settings for BinaryCrossEntropyConfig {
    const BARE: Option<&'static str> = Some("class_weights");
    const EXAMPLE: &'static str = "{binary_cross_entropy: {class_weights: balanced}}";
}

fn default_label_smoothing() -> Rate {
    Rate::constant(0.0)
}

impl Loss for BinaryCrossEntropyConfig {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(kind, TaskKind::Binary | TaskKind::Multilabel)
    }

    fn check(&self, target: &FittedTarget) -> ModelResult<(), String> {
        self.class_weights.per_label(target).map(drop)
    }

    fn forward(
        &self,
        logits: &Tensor,
        truth: &Tensor,
        mask: &Tensor,
        target: &FittedTarget,
    ) -> ModelResult<Tensor> {
        let weights = self.class_weights.per_label(target).map_err(candle_core::Error::msg)?;
        let smoothing = self.label_smoothing.get() as f32;
        if !fits(&[logits, truth, mask]) {
            return composed(logits, truth, mask, &weights, smoothing);
        }
        let row = |z: &[f32], y: &[f32], mask: &[f32], gradient: &mut [f32]| {
            let (mut loss, mut present) = (0.0, 0.0);
            for column in 0..z.len() {
                if mask[column] == 0.0 {
                    continue;
                }
                let (z, y) = (z[column], y[column]);
                let weight = if y > 0.5 { weights[column][1] } else { weights[column][0] };
                let y = y * (1.0 - smoothing) + 0.5 * smoothing;
                // max(z, 0) - z y + log(1 + exp(-|z|)): finite for every z.
                loss += f64::from(weight * (z.max(0.0) - z * y + (-z.abs()).exp().ln_1p()));
                gradient[column] = weight * (logistic(z) - y);
                present += 1.0;
            }
            (loss, present)
        };
        Ok(mean_over_rows(logits, truth, mask, &row)?)
    }
}

/// The same loss, composed of candle operations.
fn composed(
    z: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    weights: &[[f32; 2]],
    smoothing: f32,
) -> ModelResult<Tensor> {
    let class_weights = |class: usize| Tensor::from_iter(weights.iter().map(|w| w[class]), z.device());
    let (negative, positive) = (class_weights(0)?, class_weights(1)?);
    let weight = truth.broadcast_mul(&(positive - &negative)?)?.broadcast_add(&negative)?;
    let y = truth.affine(f64::from(1.0 - smoothing), f64::from(0.5 * smoothing))?;
    let cells = (composed_activation(Activation::Softplus, z)? - (z * y)?)?;
    let sum = ((cells * weight)? * mask)?.sum_all()?;
    Ok(sum.div(&mask.sum_all()?.maximum(1.0)?)?)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Positive, Rate};
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::ClassWeights;
    use crate::model::loss::binary_cross_entropy::{BinaryCrossEntropyConfig, composed};
    use crate::model::loss::{
        Loss,
        example::{assert_loss, column, matrix},
    };

    pub fn binary() -> FittedTarget {
        FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [6, 2], threshold: 0.5 }
    }

    #[test]
    fn values_of_pytorch() {
        let (z, y) = (column(&[-1.5, 0.3, 2.0, 0.0]), column(&[0.0, 1.0, 1.0, 0.0]));
        let all = column(&[1.0; 4]);
        // F = torch.nn.functional; z, y = torch.tensor([-1.5,.3,2,0]), torch.tensor([0.,1,1,0])
        // F.binary_cross_entropy_with_logits(z, y) -> 0.39396092
        let plain = BinaryCrossEntropyConfig::default();
        assert_loss(&plain, [&z, &y, &all], &binary(), 0.393_960_92);
        // F.binary_cross_entropy_with_logits(z, y, weight=torch.tensor([2/3, 2., 2, 2/3])) -> 0.48973504
        let balanced = BinaryCrossEntropyConfig { class_weights: ClassWeights::Balanced, ..plain.clone() };
        assert_loss(&balanced, [&z, &y, &all], &binary(), 0.489_735_04);
        // F.binary_cross_entropy_with_logits(z, y * .9 + .05) -> 0.44146094
        let smooth = BinaryCrossEntropyConfig { label_smoothing: Rate::constant(0.1), ..plain };
        assert_loss(&smooth, [&z, &y, &all], &binary(), 0.441_460_94);
    }

    #[test]
    fn kernel_agrees_with_the_composed_loss() {
        let weights = ClassWeights::Given([1.0, 0.5, 3.0].map(Positive::constant).to_vec());
        let loss =
            BinaryCrossEntropyConfig { class_weights: weights.clone(), label_smoothing: Rate::constant(0.2) };
        let target = FittedTarget::Multilabel {
            labels: ["a", "b", "c"].map(String::from).to_vec(),
            positives: vec![1, 2, 3],
            present: vec![9, 9, 9],
            threshold: 0.5,
        };
        let y = matrix(&[&[1.0, 0.0, 0.0], &[1.0, 1.0, 0.0]]);
        let mask = matrix(&[&[1.0, 1.0, 0.0], &[0.0, 1.0, 1.0]]);
        let per_label = weights.per_label(&target).unwrap();
        check_against(
            &[variable(&[2, 3], 4)],
            1e-6,
            |z| Ok(loss.forward(&z[0], &y, &mask, &target).unwrap()),
            |z| Ok(composed(&z[0], &y, &mask, &per_label, 0.2).unwrap()),
        );
    }
}
