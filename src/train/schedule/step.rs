//! The schedule `step`: see [`StepConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Positive};
use crate::train::schedule::{Schedule, ScheduleStep};

/// Multiplies the rate by `factor` every so many epochs.
///
/// factor ^ floor(epoch / every)
///
/// `schedule: {step: {every: 10, factor: 0.5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepConfig {
    /// Epochs between two changes.
    pub every: Count,
    /// The factor of each change. Default 0.1.
    #[serde(default = "default_factor")]
    pub factor: Positive,
}

impl Settings for StepConfig {
    const BARE: Option<&'static str> = Some("every");
    const EXAMPLE: &'static str = "{step: {every: 10, factor: 0.5}}";
}

fn default_factor() -> Positive {
    Positive::constant(0.1)
}

impl Schedule for StepConfig {
    fn factor(&self, clock: ScheduleStep) -> f64 {
        let epoch = clock.step / clock.steps_per_epoch.max(1);
        self.factor.get().powf((epoch / self.every.get()) as f64)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Count, Positive};
    use crate::train::schedule::step::StepConfig;
    use crate::train::schedule::{Schedule, ScheduleStep};

    /// Every 2 epochs of 3 steps, halved: steps 0..5 full, 6..11 half, 12..17 a quarter.
    #[test]
    fn by_hand() {
        let config = StepConfig { every: Count::constant(2), factor: Positive::constant(0.5) };
        let factor = |step| config.factor(ScheduleStep { step, steps_per_epoch: 3, total: 30 });
        assert_eq!([0, 5, 6, 11, 12].map(factor), [1.0, 1.0, 0.5, 0.5, 0.25]);
    }
}
