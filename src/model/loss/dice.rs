//! The loss `dice`: see [`DiceLossConfig`].

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Positive;
use crate::domain::task::FittedTarget;
use crate::domain::task_kind::TaskKind;
use crate::model::error::ModelResult;
use crate::model::kernel::closed_form::closed_form;
use crate::model::kernel::{fits, with_floats};
use crate::model::loss::Loss;
use crate::model::loss::cross_entropy::{exponentials, one_hot};
use crate::model::ops::{Arithmetic, Tensors};

/// 1 - Dice coefficient, for segmentation (Milletari, Navab & Ahmadi 2016).
///
/// With p = softmax(logits) and y the one-hot label, for each class over all pixels of the batch: 1 - (2
/// sum(p y) + smooth) / (sum(p) + sum(y) + smooth); the loss is the mean over classes. Unlike in cross
/// entropy, a rare class counts as much as a frequent one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiceLossConfig {
    /// Added to numerator and denominator, in pixels, so that a class without pixels has loss 0. Default 1.
    #[serde(default = "default_smooth")]
    pub smooth: Positive,
}

impl Settings for DiceLossConfig {
    const BARE: Option<&'static str> = Some("smooth");
    const EXAMPLE: &'static str = "{dice: {smooth: 1}}";
}

fn default_smooth() -> Positive {
    Positive::constant(1.0)
}

impl Loss for DiceLossConfig {
    fn accepts(&self, kind: TaskKind) -> bool {
        kind == TaskKind::Segmentation
    }

    fn forward(
        &self,
        logits: &Tensor,
        truth: &Tensor,
        mask: &Tensor,
        _: &FittedTarget,
    ) -> ModelResult<Tensor> {
        let smooth = self.smooth.get();
        if !fits(&[logits, truth, mask]) {
            return composed(logits, truth, mask, smooth);
        }
        let (_, classes) = logits.dims2()?;
        let (loss, gradient) = with_floats(logits, |z| {
            with_floats(truth, |y| {
                with_floats(mask, |mask| Ok(loss_and_gradient(z, y, mask, classes, smooth)))
            })
        })?;
        Ok(closed_form(logits, loss, gradient)?)
    }
}

/// The loss and its gradient by the logits.
fn loss_and_gradient(z: &[f32], y: &[f32], mask: &[f32], classes: usize, smooth: f64) -> (f64, Vec<f32>) {
    let mut p = vec![0.0f32; z.len()];
    // For each class: the sums of p y and of p + y.
    let (mut overlap, mut total) = (vec![0.0f64; classes], vec![0.0f64; classes]);
    let cells = || y.iter().zip(mask).map(|(y, mask)| (*y as usize, *mask != 0.0));
    for ((p, z), (class, present)) in p.chunks_exact_mut(classes).zip(z.chunks_exact(classes)).zip(cells()) {
        if present {
            exponentials(z, p);
            total.iter_mut().zip(&*p).for_each(|(sum, p)| *sum += f64::from(*p));
            overlap[class] += f64::from(p[class]);
            total[class] += 1.0;
        }
    }
    let fractions =
        || overlap.iter().zip(&total).map(|(overlap, total)| (2.0 * overlap + smooth, total + smooth));
    let loss = fractions().map(|(numerator, denominator)| 1.0 - numerator / denominator).sum::<f64>()
        / classes as f64;
    // The derivative by p of a class for pixels of other classes, and what is subtracted for its own pixels.
    let derivatives: Vec<(f32, f32)> = fractions()
        .map(|(numerator, denominator)| {
            let share = 1.0 / (classes as f64 * denominator);
            ((share * numerator / denominator) as f32, (2.0 * share) as f32)
        })
        .collect();
    for (p, (class, present)) in p.chunks_exact_mut(classes).zip(cells()) {
        if !present {
            continue;
        }
        let own_class = derivatives[class].1;
        let mean: f32 = p.iter().zip(&derivatives).map(|(p, derivative)| p * derivative.0).sum::<f32>()
            - p[class] * own_class;
        for (index, (p, derivative)) in p.iter_mut().zip(&derivatives).enumerate() {
            let derivative_by_p = if index == class { derivative.0 - own_class } else { derivative.0 };
            *p *= derivative_by_p - mean;
        }
    }
    (loss, p)
}

/// The same loss, composed of candle operations.
fn composed(z: &Tensor, truth: &Tensor, mask: &Tensor, smooth: f64) -> ModelResult<Tensor> {
    let p = Tensors::evaluate().softmax(z)?.broadcast_mul(mask)?;
    let y = one_hot(truth, z.dim(1)?)?.broadcast_mul(mask)?;
    let numerator = ((&p * &y)?.sum(0)?.affine(2.0, smooth))?;
    let denominator = ((p.sum(0)? + y.sum(0)?)? + smooth)?;
    Ok((numerator / denominator)?.mean_all()?.affine(-1.0, 1.0)?)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::dice::{DiceLossConfig, composed};
    use crate::model::loss::{
        Loss,
        example::{assert_loss, column, matrix},
    };

    fn three() -> FittedTarget {
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        FittedTarget::Segmentation { classes, counts: vec![1, 2, 5], height: 2, width: 2 }
    }

    #[test]
    fn values_of_pytorch() {
        // z = torch.tensor([[.2,-1,.5],[2,.1,-.3],[0,1,-2]]); y = torch.tensor([2,1,1]); p = z.softmax(1)
        // o = F.one_hot(y, 3); (1 - (2*(p*o).sum(0) + 1) / (p.sum(0) + o.sum(0) + 1)).mean()
        let z = matrix(&[&[0.2, -1.0, 0.5], &[2.0, 0.1, -0.3], &[0.0, 1.0, -2.0]]);
        let (y, all) = (column(&[2.0, 1.0, 1.0]), column(&[1.0; 3]));
        assert_loss(
            &DiceLossConfig { smooth: Positive::constant(1.0) },
            [&z, &y, &all],
            &three(),
            0.382_581_37,
        );
    }

    #[test]
    fn kernel_agrees_with_the_composed_loss() {
        let (y, mask) = (column(&[2.0, 1.0, 0.0, 0.0, 2.0]), column(&[1.0, 1.0, 0.0, 1.0, 1.0]));
        let loss = DiceLossConfig { smooth: Positive::constant(0.5) };
        check_against(
            &[variable(&[5, 3], 4)],
            1e-6,
            |z| Ok(loss.forward(&z[0], &y, &mask, &three()).unwrap()),
            |z| Ok(composed(&z[0], &y, &mask, 0.5).unwrap()),
        );
    }
}
