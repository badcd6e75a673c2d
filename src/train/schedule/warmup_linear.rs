//! The schedule `warmup_linear`: see [`WarmupLinearConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Fraction, Whole};
use crate::train::schedule::{Schedule, ScheduleStep};

/// A straight rise over `warmup` steps, then a straight fall to the floor.
///
/// While warming up (step + 1) / warmup: the first step already moves, the last one has the full rate.
///
/// `schedule: {warmup_linear: {warmup: 200}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmupLinearConfig {
    /// Steps from 0 to the full rate.
    pub warmup: Whole,
    /// Share of the rate that is left at the end. Default 0.
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
        rise(clock, warmup).unwrap_or_else(|| 1.0 - (1.0 - self.floor.get()) * after(clock, warmup))
    }
}

/// The factor while warming up; `None` once warm.
pub fn rise(clock: ScheduleStep, warmup: usize) -> Option<f64> {
    (clock.step < warmup).then(|| (clock.step + 1) as f64 / warmup as f64)
}

/// How much of the time after the warm-up has passed, from 0 to 1.
pub fn after(clock: ScheduleStep, warmup: usize) -> f64 {
    let passed = clock.step.saturating_sub(warmup) as f64;
    (passed / clock.total.saturating_sub(warmup).max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Fraction, Whole};
    use crate::train::schedule::warmup_linear::WarmupLinearConfig;
    use crate::train::schedule::{Schedule, ScheduleStep};

    /// Up over 2 steps, then down over 4 to a tenth; and with no warm-up at all.
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
