//! The norm of the joint loss's gradient and the penalty of the weights, computed before an optimizer step.

use candle_core::{CpuStorage, Result, Storage, Tensor};

use crate::model::autograd::Gradients;
use crate::train::optimizer::fused_step::{OptimizerStep, Trainable};
use crate::train::regularization::PenaltyStrength;

/// The gradients of the variables, in their order; `None` for variables that the loss does not depend on.
pub fn collect(mut gradients: Gradients, variables: &[Trainable]) -> Vec<Option<Tensor>> {
    variables.iter().map(|variable| gradients.remove(variable.var.as_tensor())).collect()
}

/// Statistics of a gradient and of the weights it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GradientStatistics {
    /// The squared norm of the gradient of the joint loss, including the penalty.
    pub squares: f64,
    /// The penalty of the weights that have a gradient.
    pub penalty: f64,
}

impl GradientStatistics {
    /// Computes both in one pass over gradients and weights.
    pub fn from_gradients(
        variables: &[Trainable],
        gradients: &[Option<Tensor>],
        strength: PenaltyStrength,
    ) -> Result<Self> {
        let mut statistics = Self::default();
        for (variable, gradient) in variables.iter().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let strength = if variable.decay { strength } else { PenaltyStrength::default() };
            let sums = GradientSums::from_variable(variable.var.as_tensor(), gradient, strength)?;
            statistics.squares += sums.joint;
            statistics.penalty += strength.penalty(sums.absolute, sums.squares);
        }
        Ok(statistics)
    }

    /// The factor that clips the gradient to the norm `limit`, as PyTorch's `clip_grad_norm_` does.
    pub fn scale(&self, limit: Option<f64>) -> f64 {
        limit.map_or(1.0, |limit| (limit / (self.squares.sqrt() + 1e-6)).min(1.0))
    }
}

/// The settings of an optimizer step and the penalty. [`GradientStatistics`] are computed only for clipping
/// or a penalty.
pub fn optimizer_step(
    variables: &[Trainable],
    gradients: &[Option<Tensor>],
    rate: f64,
    strength: PenaltyStrength,
    clip_norm: Option<f64>,
) -> Result<(OptimizerStep, f64)> {
    if clip_norm.is_none() && strength.is_zero() {
        return Ok((OptimizerStep { rate, scale: 1.0, strength }, 0.0));
    }
    let statistics = GradientStatistics::from_gradients(variables, gradients, strength)?;
    Ok((OptimizerStep { rate, scale: statistics.scale(clip_norm), strength }, statistics.penalty))
}

/// Sums over the elements of one variable.
#[derive(Clone, Copy, Debug, Default)]
struct GradientSums {
    /// The squares of the gradient of loss + penalty.
    joint: f64,
    /// |w|
    absolute: f64,
    /// w^2
    squares: f64,
}

impl GradientSums {
    fn from_variable(weight: &Tensor, gradient: &Tensor, strength: PenaltyStrength) -> Result<Self> {
        let gradient = gradient.contiguous()?;
        let (weight_storage, weight_layout) = weight.storage_and_layout();
        let (gradient_storage, gradient_layout) = gradient.storage_and_layout();
        match (&*weight_storage, &*gradient_storage) {
            (Storage::Cpu(CpuStorage::F32(w)), Storage::Cpu(CpuStorage::F32(g))) => {
                let count = weight_layout.shape().elem_count();
                let w = &w[weight_layout.start_offset()..][..count];
                let g = &g[gradient_layout.start_offset()..][..count];
                Ok(Self::fused(w, g, strength))
            }
            _ => {
                drop((weight_storage, gradient_storage));
                Self::composed(weight, &gradient, strength)
            }
        }
    }

    /// Recursive halving: the order of the additions depends only on the size, never on the number of
    /// threads.
    fn fused(w: &[f32], g: &[f32], strength: PenaltyStrength) -> Self {
        const BLOCK: usize = 1 << 15;
        if w.len() > BLOCK {
            let middle = w.len() / 2;
            let (left, right) = rayon::join(
                || Self::fused(&w[..middle], &g[..middle], strength),
                || Self::fused(&w[middle..], &g[middle..], strength),
            );
            return left.plus(right);
        }
        let (l1, twice_l2) = (strength.l1 as f32, 2.0 * strength.l2 as f32);
        const LANES: usize = 8;
        let mut lanes = [[0.0_f64; 3]; LANES];
        for (w, g) in w.chunks(LANES).zip(g.chunks(LANES)) {
            for ((lane, w), g) in lanes.iter_mut().zip(w).zip(g) {
                let sign = f32::from(u8::from(*w > 0.0)) - f32::from(u8::from(*w < 0.0));
                let joint = f64::from(g + l1 * sign + twice_l2 * w);
                let w = f64::from(*w);
                lane[0] += joint * joint;
                lane[1] += w.abs();
                lane[2] += w * w;
            }
        }
        let sums = |[joint, absolute, squares]: [f64; 3]| Self { joint, absolute, squares };
        lanes.into_iter().map(sums).fold(Self::default(), Self::plus)
    }

    /// The composed form, for other devices.
    fn composed(weight: &Tensor, gradient: &Tensor, strength: PenaltyStrength) -> Result<Self> {
        let sum = |tensor: Tensor| -> Result<f64> { Ok(f64::from(tensor.sum_all()?.to_scalar::<f32>()?)) };
        let penalty = (weight.sign()?.affine(strength.l1, 0.0)? + weight.affine(2.0 * strength.l2, 0.0)?)?;
        Ok(Self {
            joint: sum((gradient + penalty)?.sqr()?)?,
            absolute: sum(weight.abs()?)?,
            squares: sum(weight.sqr()?)?,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            joint: self.joint + other.joint,
            absolute: self.absolute + other.absolute,
            squares: self.squares + other.squares,
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::domain::number::{Positive, Rate};
    use crate::train::gradient::{GradientStatistics, GradientSums, optimizer_step};
    use crate::train::optimizer::fused_step::{Optimizer, Trainable};
    use crate::train::optimizer::sgd::SgdConfig;
    use crate::train::regularization::PenaltyStrength;

    fn variables() -> [Trainable; 2] {
        let var = |values: &[f32]| Var::from_slice(values, values.len(), &Device::Cpu).expect("a variable");
        [Trainable::new("w", var(&[1.0, -2.0, 0.5]), true), Trainable::new("b", var(&[3.0]), false)]
    }

    fn gradients() -> [Option<Tensor>; 2] {
        let tensor = |values: &[f32]| Some(Tensor::new(values, &Device::Cpu).expect("a gradient"));
        [tensor(&[0.1, -0.2, 0.3]), tensor(&[2.0])]
    }

    /// PyTorch 2.11: loss = (w * [.1, -.2, .3]).sum() + 2 * b.sum() + .01 * (w * w).sum() + .1 *
    /// w.abs().sum(); clip_grad_norm_([w, b], .5) -> 2.0813696; SGD(lr=.1).step() -> w, b below.
    #[test]
    fn clipping_counts_the_penalty_and_equals_pytorch() {
        let (variables, gradients) = (variables(), gradients());
        let strength = PenaltyStrength { l1: 0.1, l2: 0.01 };
        let statistics =
            GradientStatistics::from_gradients(&variables, &gradients, strength).expect("statistics");
        assert!((statistics.squares.sqrt() - 2.081_369_6).abs() < 1e-6, "{statistics:?}");
        assert!((statistics.penalty - (0.1 * 3.5 + 0.01 * 5.25)).abs() < 1e-6, "{statistics:?}");
        let config =
            SgdConfig { rate: Positive::constant(0.1), momentum: Rate::constant(0.0), nesterov: false };
        let mut optimizer = Optimizer::new(&config, &variables).expect("an optimizer");
        let (step, _) = optimizer_step(&variables, &gradients, 0.1, strength, Some(0.5)).expect("settings");
        optimizer.step(&variables, &gradients, &step).expect("a step");
        let w: Vec<f32> = variables[0].var.to_vec1().expect("values");
        let b: Vec<f32> = variables[1].var.to_vec1().expect("values");
        let expected: [f64; 4] = [0.994_715_04, -1.991_832_26, 0.490_150_72, 2.951_954_84];
        for (value, expected) in w.iter().chain(&b).zip(expected) {
            assert!((f64::from(*value) - expected).abs() < 1e-6, "{w:?} {b:?}");
        }
    }

    #[test]
    fn a_gradient_below_the_limit_is_not_clipped() {
        let (variables, gradients) = (variables(), gradients());
        let (step, penalty) =
            optimizer_step(&variables, &gradients, 0.1, PenaltyStrength::default(), Some(100.0))
                .expect("settings");
        assert_eq!((step.scale, penalty), (1.0, 0.0));
    }

    #[test]
    fn the_composed_form_agrees() {
        let values: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let gradient: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.11).cos()).collect();
        let strength = PenaltyStrength { l1: 0.1, l2: 0.01 };
        let fused = GradientSums::fused(&values, &gradient, strength);
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).expect("a tensor");
        let composed = GradientSums::composed(&tensor(&values), &tensor(&gradient), strength).expect("sums");
        for (a, b) in [
            (fused.joint, composed.joint),
            (fused.absolute, composed.absolute),
            (fused.squares, composed.squares),
        ] {
            assert!((a - b).abs() < 1e-4 * a, "{fused:?} {composed:?}");
        }
    }
}
