//! The loss `ordinal`: see [`OrdinalLossConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::activation::Activation;
use crate::model::error::ModelResult;
use crate::model::kernel::activation::{composed as composed_activation, logistic};
use crate::model::kernel::closed_form::mean_over_rows;
use crate::model::kernel::fits;
use crate::model::loss::Loss;

/// Sum of the binary cross entropies of "is the class above k?" (CORAL; Cao, Mirjalili & Raschka 2020).
///
/// The mean over rows of the sum over thresholds k of the cross entropy of sigmoid(logit k) with the label 1
/// if the class is above k, else 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrdinalLossConfig {}

impl Settings for OrdinalLossConfig {
    const EXAMPLE: &'static str = "ordinal";
}

impl Loss for OrdinalLossConfig {
    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Ordinal
    }

    fn forward(
        &self,
        logits: &Tensor,
        truth: &Tensor,
        mask: &Tensor,
        _: &FittedTarget,
    ) -> ModelResult<Tensor> {
        if !fits(&[logits, truth, mask]) {
            return composed(logits, truth, mask);
        }
        let row = |z: &[f32], y: &[f32], mask: &[f32], gradient: &mut [f32]| {
            if mask[0] == 0.0 {
                return (0.0, 0.0);
            }
            let mut loss = 0.0;
            for (threshold, z) in z.iter().enumerate() {
                let above = if y[0] > threshold as f32 { 1.0 } else { 0.0 };
                loss += f64::from(z.max(0.0) - z * above + (-z.abs()).exp().ln_1p());
                gradient[threshold] = logistic(*z) - above;
            }
            (loss, 1.0)
        };
        Ok(mean_over_rows(logits, truth, mask, &row)?)
    }
}

/// The same loss, composed of candle operations.
fn composed(z: &Tensor, truth: &Tensor, mask: &Tensor) -> ModelResult<Tensor> {
    let thresholds = z.dim(1)?;
    let threshold = Tensor::from_iter((0..thresholds).map(|threshold| threshold as f32), z.device())?
        .reshape((1, thresholds))?;
    let above = truth.broadcast_gt(&threshold)?.to_dtype(z.dtype())?;
    let cells = (composed_activation(Activation::Softplus, z)? - (z * above)?)?;
    let sum = cells.broadcast_mul(mask)?.sum_all()?;
    Ok(sum.div(&mask.sum_all()?.maximum(1.0)?)?)
}

#[cfg(test)]
mod tests {
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::ordinal::{OrdinalLossConfig, composed};
    use crate::model::loss::{
        Loss,
        example::{assert_loss, column, matrix},
    };

    fn three() -> FittedTarget {
        FittedTarget::Ordinal {
            classes: ["low", "middle", "high"].map(String::from).to_vec(),
            counts: vec![1; 3],
        }
    }

    #[test]
    fn value_of_pytorch() {
        // z = torch.tensor([[.5,-1.],[2.,.3]]); levels = torch.tensor([[1.,0.],[1.,1.]])  # classes 1 and 2
        // F.binary_cross_entropy_with_logits(z, levels, reduction='none').sum(1).mean() -> 0.73431098
        let z = matrix(&[&[0.5, -1.0], &[2.0, 0.3]]);
        assert_loss(
            &OrdinalLossConfig {},
            [&z, &column(&[1.0, 2.0]), &column(&[1.0; 2])],
            &three(),
            0.734_310_98,
        );
    }

    #[test]
    fn kernel_agrees_with_the_composed_loss() {
        let (y, mask) = (column(&[2.0, 1.0, 0.0]), column(&[1.0, 0.0, 1.0]));
        check_against(
            &[variable(&[3, 2], 4)],
            1e-6,
            |z| Ok(OrdinalLossConfig {}.forward(&z[0], &y, &mask, &three()).unwrap()),
            |z| Ok(composed(&z[0], &y, &mask).unwrap()),
        );
    }
}
