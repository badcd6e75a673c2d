//! The shelf of schedules: the learning rate's factor at each step.

pub mod constant;
pub mod cosine;
pub mod step;
pub mod warmup_cosine;
pub mod warmup_linear;

use crate::domain::kinds::kinds;

kinds! {
    /// How the learning rate changes over steps.
    pub enum ScheduleSpec: "schedule" {
        Constant: "constant" => constant::ConstantSpec,
        Step: "step" => step::StepSpec,
        Cosine: "cosine" => cosine::CosineSpec,
        WarmupCosine: "warmup_cosine" => warmup_cosine::WarmupCosineSpec,
        WarmupLinear: "warmup_linear" => warmup_linear::WarmupLinearSpec,
    }
}

impl Default for ScheduleSpec {
    fn default() -> Self {
        Self::Constant(constant::ConstantSpec {})
    }
}
