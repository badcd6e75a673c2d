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

/// 1 - 2 (p and y in common) / (p and y together), for segmentation (Milletari, Navab & Ahmadi 2016).
///
/// With p = softmax(logits) and y 1 for the pixel's own class, else 0, of each class over all pixels of the
/// batch: 1 - (2 sum(p y) + smooth) / (sum(p) + sum(y) + smooth); the loss is the mean over classes. A rare
/// class counts as much as a frequent one, which cross entropy does not give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiceLossConfig {
    /// Added above and below, in pixels, so that a class no pixel has is no fault. Default 1.
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
            with_floats(truth, |y| with_floats(mask, |mask| Ok(formed(z, y, mask, classes, smooth))))
        })?;
        Ok(closed_form(logits, loss, gradient)?)
    }
}

/// The loss and its gradient.
fn formed(z: &[f32], y: &[f32], mask: &[f32], classes: usize, smooth: f64) -> (f64, Vec<f32>) {
    let mut p = vec![0.0f32; z.len()];
    // Of each class: what p and y have in common, and both together.
    let (mut common, mut together) = (vec![0.0f64; classes], vec![0.0f64; classes]);
    let cells = || y.iter().zip(mask).map(|(y, mask)| (*y as usize, *mask != 0.0));
    for ((p, z), (class, present)) in p.chunks_exact_mut(classes).zip(z.chunks_exact(classes)).zip(cells()) {
        if present {
            exponentials(z, p);
            together.iter_mut().zip(&*p).for_each(|(sum, p)| *sum += f64::from(*p));
            common[class] += f64::from(p[class]);
            together[class] += 1.0;
        }
    }
    let both = || common.iter().zip(&together).map(|(c, t)| (2.0 * c + smooth, t + smooth));
    let loss = both().map(|(above, below)| 1.0 - above / below).sum::<f64>() / classes as f64;
    // By p of a class: of a pixel that is not of it, and how much less of one that is.
    let slopes: Vec<(f32, f32)> = both()
        .map(|(above, below)| {
            let share = 1.0 / (classes as f64 * below);
            ((share * above / below) as f32, (2.0 * share) as f32)
        })
        .collect();
    for (p, (class, present)) in p.chunks_exact_mut(classes).zip(cells()) {
        if !present {
            continue;
        }
        let own = slopes[class].1;
        let mean: f32 = p.iter().zip(&slopes).map(|(p, slope)| p * slope.0).sum::<f32>() - p[class] * own;
        for (index, (p, slope)) in p.iter_mut().zip(&slopes).enumerate() {
            let by_p = if index == class { slope.0 - own } else { slope.0 };
            *p *= by_p - mean;
        }
    }
    (loss, p)
}

/// The same, composed of candle's operations.
fn composed(z: &Tensor, truth: &Tensor, mask: &Tensor, smooth: f64) -> ModelResult<Tensor> {
    let p = Tensors::answering().softmax(z)?.broadcast_mul(mask)?;
    let y = one_hot(truth, z.dim(1)?)?.broadcast_mul(mask)?;
    let above = ((&p * &y)?.sum(0)?.affine(2.0, smooth))?;
    let below = ((p.sum(0)? + y.sum(0)?)? + smooth)?;
    Ok((above / below)?.mean_all()?.affine(-1.0, 1.0)?)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Positive;
    use crate::domain::task::FittedTarget;
    use crate::model::kernel::reference_check::{check_against, variable};
    use crate::model::loss::dice::{DiceLossConfig, composed};
    use crate::model::loss::{
        Loss,
        example::{column, matrix, value},
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
        value(&DiceLossConfig { smooth: Positive::constant(1.0) }, &z, &y, &all, &three(), 0.382_581_37);
    }

    #[test]
    fn agrees_with_its_twin() {
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
