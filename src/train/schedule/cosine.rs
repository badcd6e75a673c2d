//! The schedule `cosine`: see [`CosineSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Fraction;
use crate::train::schedule::{Clock, Schedule};

/// Half a cosine from the full rate to the floor over all steps (Loshchilov & Hutter, ICLR 2017).
///
/// factor = floor + (1 - floor) (1 + cos(pi step / total)) / 2
///
/// `schedule: {cosine: {floor: 0.01}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineSpec {
    /// Share of the rate that is left at the end. Default 0.
    #[serde(default = "nothing")]
    pub floor: Fraction,
}

impl Settings for CosineSpec {
    const BARE: Option<&'static str> = Some("floor");
    const EXAMPLE: &'static str = "{cosine: {floor: 0.01}}";
}

fn nothing() -> Fraction {
    Fraction::constant(0.0)
}

impl Schedule for CosineSpec {
    fn factor(&self, clock: Clock) -> f64 {
        half_cosine(clock.step as f64 / clock.total.max(1) as f64, self.floor.get())
    }
}

/// From 1 at `progress` 0 down to `floor` at 1, and no further.
pub fn half_cosine(progress: f64, floor: f64) -> f64 {
    let angle = std::f64::consts::PI * progress.clamp(0.0, 1.0);
    floor + (1.0 - floor) * (1.0 + angle.cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use crate::domain::number::Fraction;
    use crate::train::schedule::cosine::CosineSpec;
    use crate::train::schedule::{Clock, Schedule};

    /// floor 0.2, 4 steps: 0.2 + 0.8 (1 + cos(0, 45, 90, 135 degrees)) / 2.
    #[test]
    fn by_hand() {
        let words = CosineSpec { floor: Fraction::constant(0.2) };
        let expected = [1.0, 0.882_842_7, 0.6, 0.317_157_3, 0.2];
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = words.factor(Clock { step, steps_per_epoch: 2, total: 4 });
            assert!((factor - expected).abs() < 1e-7, "step {step}: {factor}");
        }
    }
}
