//! The schedule `step`: see [`StepSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::{Count, Positive};
use crate::train::schedule::{Clock, Schedule};

/// The rate times `factor` after every so many epochs.
///
/// factor ^ (epoch / every), rounded down.
///
/// `schedule: {step: {every: 10, factor: 0.5}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Epochs between two steps.
    pub every: Count,
    /// What the rate is multiplied with each time. Default 0.1.
    #[serde(default = "tenth")]
    pub factor: Positive,
}

impl Settings for StepSpec {
    const BARE: Option<&'static str> = Some("every");
    const EXAMPLE: &'static str = "{step: {every: 10, factor: 0.5}}";
}

fn tenth() -> Positive {
    Positive::constant(0.1)
}

impl Schedule for StepSpec {
    fn factor(&self, clock: Clock) -> f64 {
        let epoch = clock.step / clock.steps_per_epoch.max(1);
        self.factor.get().powf((epoch / self.every.get()) as f64)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::number::{Count, Positive};
    use crate::train::schedule::step::StepSpec;
    use crate::train::schedule::{Clock, Schedule};

    /// Every 2 epochs of 3 steps, halved: steps 0..5 full, 6..11 half, 12..17 a quarter.
    #[test]
    fn by_hand() {
        let words = StepSpec { every: Count::constant(2), factor: Positive::constant(0.5) };
        let factor = |step| words.factor(Clock { step, steps_per_epoch: 3, total: 30 });
        assert_eq!([0, 5, 6, 11, 12].map(factor), [1.0, 1.0, 0.5, 0.5, 0.25]);
    }
}
