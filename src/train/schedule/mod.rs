//! The registry of schedules: the factor of the learning rate at each step.

pub mod constant;
pub mod cosine;
pub mod step;
pub mod warmup_cosine;
pub mod warmup_linear;

use crate::domain::choice_config::kinds;

kinds! {
    /// How the learning rate changes over steps.
    pub enum ScheduleConfig: "schedule" => dyn Schedule {
        Constant: "constant" => constant::ConstantConfig,
        Step: "step" => step::StepConfig,
        Cosine: "cosine" => cosine::CosineConfig,
        WarmupCosine: "warmup_cosine" => warmup_cosine::WarmupCosineConfig,
        WarmupLinear: "warmup_linear" => warmup_linear::WarmupLinearConfig,
    }
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self::Constant(constant::ConstantConfig {})
    }
}

/// The position of a step in a training, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleStep {
    /// Number of steps before it.
    pub step: usize,
    /// Steps in each epoch.
    pub steps_per_epoch: usize,
    /// The number of steps of the training if it is not stopped early.
    pub total: usize,
}

/// A learning rate schedule.
pub trait Schedule {
    /// The factor of the learning rate at this step.
    fn factor(&self, clock: ScheduleStep) -> f64;
}
