//! The registry of optimizers: how parameters are updated from gradients.

pub mod adam;
mod adam_step;
pub mod adamw;
pub mod fused_step;
pub mod sgd;

use candle_core::Tensor;

use crate::domain::choice_config::kinds;

kinds! {
/// How parameters are updated from gradients.
    pub enum OptimizerConfig: "optimizer" => dyn UpdateRule {
        Sgd: "sgd" => sgd::SgdConfig,
        Adam: "adam" => adam::AdamConfig,
        AdamW: "adamw" => adamw::AdamWConfig,
    }
}

/// The arguments of one variable's update, the same for all its elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariableUpdate {
    /// The learning rate, with its schedule.
    pub rate: f64,
    /// The number of this variable's updates, including this one.
    pub count: u64,
    /// The factor of the gradient due to clipping; 1 without.
    pub scale: f32,
    /// The factor of the L1 penalty; 0 for biases and normalizations.
    pub l1: f32,
    /// Twice the factor of the L2 penalty, as in its gradient; 0 for biases and normalizations.
    pub twice_l2: f32,
    /// Whether weight decay applies.
    pub decay: bool,
}

impl VariableUpdate {
    /// The gradient of the joint loss for one element: with the penalty's gradient added, then clipped.
    #[inline(always)]
    pub fn gradient(&self, weight: f32, gradient: f32) -> f32 {
        let sign = f32::from(u8::from(weight > 0.0)) - f32::from(u8::from(weight < 0.0));
        self.scale * (gradient + self.l1 * sign + self.twice_l2 * weight)
    }

    /// The same for a tensor.
    pub fn gradient_tensor(&self, weight: &Tensor, gradient: &Tensor) -> candle_core::Result<Tensor> {
        let mut joint = gradient.clone();
        if self.l1 != 0.0 {
            joint = (joint + weight.sign()?.affine(f64::from(self.l1), 0.0)?)?;
        }
        if self.twice_l2 != 0.0 {
            joint = (joint + weight.affine(f64::from(self.twice_l2), 0.0)?)?;
        }
        if self.scale == 1.0 { Ok(joint) } else { joint.affine(f64::from(self.scale), 0.0) }
    }
}

/// The update rule of an optimizer for one variable. Its moments have the variable's shape and are initially
/// 0.
pub trait UpdateRule: Sync {
    /// The learning rate before any schedule.
    fn rate(&self) -> f64;

    /// The number of moments per variable.
    fn moments(&self) -> usize;

    /// Updates `weight` and `moments` in one pass over the elements.
    fn update_slices(
        &self,
        update: &VariableUpdate,
        weight: &mut [f32],
        gradient: &[f32],
        moments: &mut [&mut [f32]],
    );

    /// The same with tensor operations, for devices without a fused kernel; returns the new weight.
    fn update_tensors(
        &self,
        update: &VariableUpdate,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> candle_core::Result<Tensor>;
}
