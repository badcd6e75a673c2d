//! The schedule `warmup_linear`: see [`WarmupLinearConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Fraction, Whole};
use crate::train::schedule::{Schedule, ScheduleStep};

/// Linear warmup, then linear decay to the floor.
///
/// During warmup the factor is (step + 1) / warmup: the first step is not 0, the last one has the full rate.
///
/// `schedule: {warmup_linear: {warmup: 200}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmupLinearConfig {
    /// Warmup steps.
    pub warmup: Whole,
    /// The final rate as a fraction of the full rate. Default 0.
    #[serde(default = "default_floor")]
    pub floor: Fraction,
}

impl Settings for WarmupLinearConfig {
    const BARE: Option<&'static str> = Some("warmup");
    const EXAMPLE: &'static str = "{warmup_linear: {warmup: 200}}";
}

fn default_floor() -> Fraction {
    Fraction::constant(0.0)
}

impl Schedule for WarmupLinearConfig {
    fn factor(&self, clock: ScheduleStep) -> f64 {
        let warmup = self.warmup.get();
        warmup_factor(clock, warmup)
            .unwrap_or_else(|| 1.0 - (1.0 - self.floor.get()) * progress(clock, warmup))
    }
}

/// The factor during warmup; `None` after it.
pub fn warmup_factor(clock: ScheduleStep, warmup: usize) -> Option<f64> {
    (clock.step < warmup).then(|| (clock.step + 1) as f64 / warmup as f64)
}

/// The fraction of the steps after warmup that have passed.
pub fn progress(clock: ScheduleStep, warmup: usize) -> f64 {
    let passed = clock.step.saturating_sub(warmup) as f64;
    (passed / clock.total.saturating_sub(warmup).max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Fraction, Whole};
    use crate::train::schedule::warmup_linear::WarmupLinearConfig;
    use crate::train::schedule::{Schedule, ScheduleStep};

    /// Warmup over 2 steps, then linear decay over 4 to 0.1; and without warmup.
    #[test]
    fn by_hand() {
        let config = WarmupLinearConfig { warmup: Whole::constant(2), floor: Fraction::constant(0.1) };
        let expected = [0.5, 1.0, 1.0, 0.775, 0.55, 0.325, 0.1];
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = config.factor(ScheduleStep { step, steps_per_epoch: 3, total: 6 });
            assert!((factor - expected).abs() < 1e-12, "step {step}: {factor}");
        }
        let cold = WarmupLinearConfig { warmup: Whole::constant(0), floor: Fraction::constant(0.0) };
        assert_eq!(cold.factor(ScheduleStep { step: 0, steps_per_epoch: 3, total: 6 }), 1.0);
    }
}
