//! The step that Adam and AdamW share, and the defaults of their settings.

use candle_core::{Result, Tensor};

use crate::domain::number::{Positive, Rate};
use crate::model::kernel::wide::wide;
use crate::train::optimizer::VariableUpdate;

/// The default learning rate.
pub fn rate() -> Positive {
    Positive::constant(1e-3)
}

/// The default decay of the first moment.
pub fn beta1() -> Rate {
    Rate::constant(0.9)
}

/// The default decay of the second moment.
pub fn beta2() -> Rate {
    Rate::constant(0.999)
}

/// The default epsilon, added to the denominator.
pub fn epsilon() -> Positive {
    Positive::constant(1e-8)
}

/// The constants of one step, including the bias correction.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
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

impl AdamStep {
    /// `decay` is AdamW's; 0 for parameters that are not decayed.
    pub fn new(update: &VariableUpdate, beta1: Rate, beta2: Rate, epsilon: Positive, decay: f64) -> Self {
        let (beta1, beta2) = (beta1.get(), beta2.get());
        let count = update.count as f64;
        Self {
            beta1,
            beta2,
            epsilon: epsilon.get(),
            length: update.rate / (1.0 - beta1.powf(count)),
            root: 1.0 / (1.0 - beta2.powf(count)).sqrt(),
            keep: 1.0 - update.rate * decay,
        }
    }

    /// Updates slices in one pass over the elements.
    pub fn update_slices(
        &self,
        update: &VariableUpdate,
        weight: &mut [f32],
        gradient: &[f32],
        moments: &mut [&mut [f32]],
    ) {
        let [first, second] = moments else { return };
        let (keep1, keep2) = (self.beta1 as f32, self.beta2 as f32);
        let (add1, add2) = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        let (length, root) = (self.length as f32, self.root as f32);
        let (keep, epsilon) = (self.keep as f32, self.epsilon as f32);
        wide!({
            let moments = first.iter_mut().zip(second.iter_mut());
            for ((w, g), (m, v)) in weight.iter_mut().zip(gradient).zip(moments) {
                let g = update.gradient(*w, *g);
                *m = keep1 * *m + add1 * g;
                *v = keep2 * *v + add2 * (g * g);
                *w = keep * *w - length * *m / (v.sqrt() * root + epsilon);
            }
        });
    }

    /// The same with tensor operations.
    pub fn update_tensors(
        &self,
        update: &VariableUpdate,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> Result<Tensor> {
        let [first, second] = moments else { candle_core::bail!("Adam keeps two moments") };
        let gradient = update.gradient_tensor(weight, gradient)?;
        *first = (first.affine(self.beta1, 0.0)? + gradient.affine(1.0 - self.beta1, 0.0)?)?;
        *second = (second.affine(self.beta2, 0.0)? + gradient.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let root = second.sqrt()?.affine(self.root, self.epsilon)?;
        weight.affine(self.keep, 0.0)? - first.affine(self.length, 0.0)?.div(&root)?
    }
}
