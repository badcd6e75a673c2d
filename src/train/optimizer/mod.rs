//! The shelf of optimizers: how a gradient becomes a step.

pub mod adam;
mod adam_step;
pub mod adamw;
pub mod fused_step;
pub mod sgd;

use candle_core::Tensor;

use crate::domain::choice_config::kinds;

kinds! {
    /// How a gradient becomes a step.
    pub enum OptimizerConfig: "optimizer" => dyn UpdateRule {
        Sgd: "sgd" => sgd::SgdConfig,
        Adam: "adam" => adam::AdamConfig,
        AdamW: "adamw" => adamw::AdamWConfig,
    }
}

/// One variable's step: everything but the elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariableUpdate {
    /// The learning rate, schedule and all.
    pub rate: f64,
    /// How often this variable was changed, this time included.
    pub count: u64,
    /// What clipping left of the gradient; 1 for all of it.
    pub scale: f32,
    /// The penalty's l1; 0 on biases and norms.
    pub l1: f32,
    /// Twice the penalty's l2, the factor of its gradient; 0 on biases and norms.
    pub twice_l2: f32,
    /// May weight decay touch it?
    pub decay: bool,
}

impl VariableUpdate {
    /// The joint loss's gradient of one element: the penalty's added, then clipped.
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

/// What every optimizer can do with one variable, knowing its moments: numbers of the same shape that
/// begin as 0 and that it may change.
pub trait UpdateRule: Sync {
    /// The learning rate before any schedule.
    fn rate(&self) -> f64;

    /// How many moments it keeps per variable.
    fn moments(&self) -> usize;

    /// Changes `weight` and `moments` in one pass over the elements.
    fn host(&self, update: &VariableUpdate, weight: &mut [f32], gradient: &[f32], moments: &mut [&mut [f32]]);

    /// The same with tensors, for devices without a kernel of ours; gives the new weight.
    fn tensor(
        &self,
        update: &VariableUpdate,
        weight: &Tensor,
        gradient: &Tensor,
        moments: &mut [Tensor],
    ) -> candle_core::Result<Tensor>;
}
