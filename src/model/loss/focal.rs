//! The loss `focal`: see [`FocalConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::NonNegative;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::kernel::activation::{composed as composed_activation, logistic};
use crate::model::kernel::closed_form::mean_over_rows;
use crate::model::kernel::fits;
use crate::model::loss::cross_entropy::{exponentials, log_softmax, one_hot};
use crate::model::loss::{ClassWeights, Loss};

/// -(1-p)^gamma log p of the true class (Lin et al. 2017), for classification tasks.
///
/// Class weights multiply the loss of a cell (the paper's alpha); the mean is over present cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FocalConfig {
    /// How strongly easy examples are down-weighted. Default 2.
    #[serde(default = "default_gamma")]
    pub gamma: NonNegative,
    /// `none` (default), `balanced`, or one weight per class, in class order.
    #[serde(default)]
    pub class_weights: ClassWeights,
}

impl Settings for FocalConfig {
    const BARE: Option<&'static str> = Some("gamma");
    const EXAMPLE: &'static str = "{focal: {gamma: 2.0}}";
}

fn default_gamma() -> NonNegative {
    NonNegative::constant(2.0)
}

impl Loss for FocalConfig {
    fn accepts(&self, kind: TaskKind) -> bool {
        matches!(
            kind,
            TaskKind::Binary
                | TaskKind::Multilabel
                | TaskKind::Multiclass
                | TaskKind::Tagging
                | TaskKind::Segmentation
        )
    }

    fn check(&self, target: &FittedTarget) -> ModelResult<(), String> {
        match target {
            FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. } => {
                self.class_weights.per_label(target).map(drop)
            }
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
        let gamma = self.gamma.get() as f32;
        let on_cpu = fits(&[logits, truth, mask]);
        if !matches!(target, FittedTarget::Binary { .. } | FittedTarget::Multilabel { .. }) {
            let weights = self.class_weights.per_class(target).map_err(candle_core::Error::msg)?;
            return match on_cpu {
                true => classes(logits, truth, mask, &weights, gamma),
                false => classes_composed(logits, truth, mask, &weights, gamma),
            };
        }
        let weights = self.class_weights.per_label(target).map_err(candle_core::Error::msg)?;
        match on_cpu {
            true => labels(logits, truth, mask, &weights, gamma),
            false => labels_composed(logits, truth, mask, &weights, gamma),
        }
    }
}

/// Binary and multilabel tasks: p = sigmoid(s), s the logit with its sign flipped for negative labels.
fn labels(
    z: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    weights: &[[f32; 2]],
    gamma: f32,
) -> ModelResult<Tensor> {
    let row = |z: &[f32], y: &[f32], mask: &[f32], gradient: &mut [f32]| {
        let (mut loss, mut present) = (0.0, 0.0);
        for column in 0..z.len() {
            if mask[column] == 0.0 {
                continue;
            }
            let (sign, weight) =
                if y[column] > 0.5 { (1.0, weights[column][1]) } else { (-1.0, weights[column][0]) };
            let s = sign * z[column];
            let log_probability = (-s).max(0.0) + (-s.abs()).exp().ln_1p(); // -log p
            let error = logistic(-s); // 1 - p
            let focus = weight * error.powf(gamma);
            loss += f64::from(focus * log_probability);
            gradient[column] = -sign * focus * (gamma * (1.0 - error) * log_probability + error);
            present += 1.0;
        }
        (loss, present)
    };
    Ok(mean_over_rows(z, truth, mask, &row)?)
}

/// Tasks of classes: p = softmax(logits)[class].
fn classes(z: &Tensor, truth: &Tensor, mask: &Tensor, weights: &[f32], gamma: f32) -> ModelResult<Tensor> {
    let row = |z: &[f32], y: &[f32], mask: &[f32], gradient: &mut [f32]| {
        if mask[0] == 0.0 {
            return (0.0, 0.0);
        }
        let class = y[0] as usize;
        let log_probability = exponentials(z, gradient) - z[class]; // -log p
        let error = -(-log_probability).exp_m1(); // 1 - p
        let focus = weights[class] * error.powf(gamma);
        // The first term of the derivative by log p; 0 at p = 1, whatever gamma.
        let derivative =
            if error > 0.0 { gamma * focus / error * (1.0 - error) * log_probability } else { 0.0 };
        let by_log_p = -(derivative + focus);
        gradient.iter_mut().for_each(|p| *p *= -by_log_p);
        gradient[class] += by_log_p;
        (f64::from(focus * log_probability), 1.0)
    };
    Ok(mean_over_rows(z, truth, mask, &row)?)
}

/// `labels`, composed of candle operations.
fn labels_composed(
    z: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    weights: &[[f32; 2]],
    gamma: f32,
) -> ModelResult<Tensor> {
    let class_weights = |class: usize| Tensor::from_iter(weights.iter().map(|w| w[class]), z.device());
    let (negative, positive) = (class_weights(0)?, class_weights(1)?);
    let weight = truth.broadcast_mul(&(positive - &negative)?)?.broadcast_add(&negative)?;
    let s = (truth.affine(2.0, -1.0)? * z)?;
    let log_probability = composed_activation(Activation::Softplus, &s.neg()?)?;
    let error = composed_activation(Activation::Sigmoid, &s.neg()?)?;
    let sum = (power(&error, gamma)? * log_probability)?.mul(&weight)?.mul(mask)?.sum_all()?;
    Ok(sum.div(&mask.sum_all()?.maximum(1.0)?)?)
}

/// `classes`, composed of candle operations.
fn classes_composed(
    z: &Tensor,
    truth: &Tensor,
    mask: &Tensor,
    weights: &[f32],
    gamma: f32,
) -> ModelResult<Tensor> {
    let one_hot = one_hot(truth, weights.len())?;
    let log = (log_softmax(z)? * &one_hot)?.sum_keepdim(1)?; // [rows, 1]
    let weight = one_hot.broadcast_mul(&Tensor::new(weights, z.device())?)?.sum_keepdim(1)?;
    let error = (1.0 - log.exp()?)?;
    let sum = (power(&error, gamma)? * log.neg()?)?.mul(&weight)?.mul(mask)?.sum_all()?;
    Ok(sum.div(&mask.sum_all()?.maximum(1.0)?)?)
}

/// error^gamma, with a finite derivative at 0.
fn power(error: &Tensor, gamma: f32) -> ModelResult<Tensor> {
    if gamma == 0.0 {
        return Ok(error.ones_like()?);
    }
    Ok(error.maximum(f64::from(f32::MIN_POSITIVE))?.powf(f64::from(gamma))?)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::NonNegative;
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::focal::{FocalConfig, classes, classes_composed, labels, labels_composed};
    use crate::model::loss::{
        ClassWeights,
        example::{assert_loss, column, matrix},
    };

    #[test]
    fn by_its_definition() {
        let loss = FocalConfig { gamma: NonNegative::constant(2.0), class_weights: ClassWeights::None };
        let binary =
            FittedTarget::Binary { classes: ["no".into(), "yes".into()], counts: [6, 2], threshold: 0.5 };
        let (z, y) = (column(&[-1.5, 0.3, 2.0, 0.0]), column(&[0.0, 1.0, 1.0, 0.0]));
        // z, y = torch.tensor([-1.5,.3,2,0]), torch.tensor([0.,1,1,0])
        // p = torch.sigmoid(z) * y + (1 - torch.sigmoid(z)) * (1 - y)
        // (-(1-p)**2 * p.log()).mean() -> 0.07054662
        assert_loss(&loss, [&z, &y, &column(&[1.0; 4])], &binary, 0.070_546_62);
        let three = FittedTarget::Multiclass {
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            counts: vec![1; 3],
        };
        let z = matrix(&[&[0.2, -1.0, 0.5], &[2.0, 0.1, -0.3]]);
        // z = torch.tensor([[.2,-1,.5],[2,.1,-.3]]); p = z.softmax(1)[[0,1],[2,1]]
        // (-(1-p)**2 * p.log()).mean() -> 0.90394235
        assert_loss(&loss, [&z, &column(&[2.0, 1.0]), &column(&[1.0; 2])], &three, 0.903_942_35);
    }

    #[test]
    fn kernels_agree_with_the_composed_losses() {
        for gamma in [0.0, 0.5, 2.0] {
            let y = matrix(&[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 1.0]]);
            let mask = matrix(&[&[1.0, 1.0], &[0.0, 1.0], &[1.0, 0.0]]);
            let weights = [[1.0, 2.0], [0.5, 3.0]];
            check_against(
                &[variable(&[3, 2], 4)],
                1e-6,
                |z| Ok(labels(&z[0], &y, &mask, &weights, gamma).unwrap()),
                |z| Ok(labels_composed(&z[0], &y, &mask, &weights, gamma).unwrap()),
            );
            let (y, mask) = (column(&[2.0, 1.0, 0.0, 0.0]), column(&[1.0, 1.0, 0.0, 1.0]));
            let weights = [0.5, 1.0, 3.0];
            check_against(
                &[variable(&[4, 3], 4)],
                2e-6,
                |z| Ok(classes(&z[0], &y, &mask, &weights, gamma).unwrap()),
                |z| Ok(classes_composed(&z[0], &y, &mask, &weights, gamma).unwrap()),
            );
        }
    }
}
