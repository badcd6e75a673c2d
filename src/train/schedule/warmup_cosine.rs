//! The schedule `warmup_cosine`: see [`WarmupCosineConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Fraction, Whole};
use crate::train::schedule::cosine::half_cosine;
use crate::train::schedule::warmup_linear::{progress, warmup_factor};
use crate::train::schedule::{Schedule, ScheduleStep};

/// Linear warmup, then cosine annealing to the floor.
///
/// During warmup the factor is (step + 1) / warmup: the first step is not 0, the last one has the full rate.
///
/// `schedule: {warmup_cosine: {warmup: 200}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmupCosineConfig {
    /// Warmup steps.
    pub warmup: Whole,
    /// The final rate as a fraction of the full rate. Default 0.
    #[serde(default = "default_floor")]
    pub floor: Fraction,
}

impl Settings for WarmupCosineConfig {
    const BARE: Option<&'static str> = Some("warmup");
    const EXAMPLE: &'static str = "{warmup_cosine: {warmup: 200}}";
}

fn default_floor() -> Fraction {
    Fraction::constant(0.0)
}

impl Schedule for WarmupCosineConfig {
    fn factor(&self, clock: ScheduleStep) -> f64 {
        let warmup = self.warmup.get();
        warmup_factor(clock, warmup).unwrap_or_else(|| half_cosine(progress(clock, warmup), self.floor.get()))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Fraction, Whole};
    use crate::train::schedule::warmup_cosine::WarmupCosineConfig;
    use crate::train::schedule::{Schedule, ScheduleStep};

    /// Warmup over 4 steps, then a cosine over the remaining 4, to 0.
    #[test]
    fn by_hand() {
        let config = WarmupCosineConfig { warmup: Whole::constant(4), floor: Fraction::constant(0.0) };
        let expected = [0.25, 0.5, 0.75, 1.0, 1.0, 0.853_553_4, 0.5, 0.146_446_6, 0.0];
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = config.factor(ScheduleStep { step, steps_per_epoch: 2, total: 8 });
            assert!((factor - expected).abs() < 1e-7, "step {step}: {factor}");
        }
    }

    #[test]
    fn a_warmup_longer_than_the_training_only_rises() {
        let config = WarmupCosineConfig { warmup: Whole::constant(100), floor: Fraction::constant(0.0) };
        assert_eq!(config.factor(ScheduleStep { step: 9, steps_per_epoch: 5, total: 10 }), 0.1);
    }
}
