//! The schedule `cosine`: see [`CosineConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Fraction;
use crate::train::schedule::{Schedule, ScheduleStep};

/// Cosine annealing from the full rate to the floor over all steps (Loshchilov & Hutter, ICLR 2017).
///
/// factor = floor + (1 - floor) (1 + cos(pi step / total)) / 2
///
/// `schedule: {cosine: {floor: 0.01}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineConfig {
    /// The final rate as a fraction of the full rate. Default 0.
    #[serde(default = "default_floor")]
    pub floor: Fraction,
}

impl Settings for CosineConfig {
    const BARE: Option<&'static str> = Some("floor");
    const EXAMPLE: &'static str = "{cosine: {floor: 0.01}}";
}

fn default_floor() -> Fraction {
    Fraction::constant(0.0)
}

impl Schedule for CosineConfig {
    fn factor(&self, clock: ScheduleStep) -> f64 {
        half_cosine(clock.step as f64 / clock.total.max(1) as f64, self.floor.get())
    }
}

/// A half cosine from 1 at `progress` 0 to `floor` at 1, constant outside.
pub fn half_cosine(progress: f64, floor: f64) -> f64 {
    let angle = std::f64::consts::PI * progress.clamp(0.0, 1.0);
    floor + (1.0 - floor) * (1.0 + angle.cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Fraction;
    use crate::train::schedule::cosine::CosineConfig;
    use crate::train::schedule::{Schedule, ScheduleStep};

    /// floor 0.2, 4 steps: 0.2 + 0.8 (1 + cos(0, 45, 90, 135 degrees)) / 2.
    #[test]
    fn by_hand() {
        let config = CosineConfig { floor: Fraction::constant(0.2) };
        let expected = [1.0, 0.882_842_7, 0.6, 0.317_157_3, 0.2];
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = config.factor(ScheduleStep { step, steps_per_epoch: 2, total: 4 });
            assert!((factor - expected).abs() < 1e-7, "step {step}: {factor}");
        }
    }
}
