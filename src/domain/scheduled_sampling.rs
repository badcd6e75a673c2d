//! Scheduled sampling: while a text task is trained, some of the decoder's input tokens are the model's own
//! predictions instead of the true tokens, increasingly often (Bengio, Vinyals, Jaitly & Shazeer 2015). The
//! model thus sees inputs like those it will get at inference time.
//!
//! All tokens of a text are predicted at once from the true ones, and fed to a second pass, which is trained
//! (Mihaylova & Martins 2019; Duckworth et al. 2019). This works for recurrent and transformer decoders.
//!
//! ```yaml
//! kind: {text: {decoder: gru, scheduled_sampling: {linear: {share: 0.25, steps: 5000}}}}
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Fraction, Positive};

kinds! {
    /// How the share of predicted tokens among the decoder's input tokens grows.
    pub enum ScheduledSamplingConfig: "scheduled sampling" {
        Linear: "linear" => LinearSamplingConfig,
        InverseSigmoid: "inverse_sigmoid" => InverseSigmoidConfig,
    }
}

/// Grows linearly from 0, then stays constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinearSamplingConfig {
    /// The final share of predicted tokens. Default 0.25.
    pub share: Fraction,
    /// Training steps until the final share is reached. Default 10000.
    pub steps: Count,
}

impl Default for LinearSamplingConfig {
    fn default() -> Self {
        Self { share: Fraction::constant(0.25), steps: Count::constant(10_000) }
    }
}

impl Settings for LinearSamplingConfig {
    const BARE: Option<&'static str> = Some("share");
    const EXAMPLE: &'static str = "{linear: {share: 0.25, steps: 10000}}";
}

/// 1 - k / (k + exp(step / k)): grows from almost 0 to almost 1, and is 0.5 at step k log k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InverseSigmoidConfig {
    /// The parameter k: the larger, the later the growth.
    pub k: Positive,
}

impl Settings for InverseSigmoidConfig {
    const BARE: Option<&'static str> = Some("k");
    const EXAMPLE: &'static str = "{inverse_sigmoid: {k: 1000}}";
}

impl ScheduledSamplingConfig {
    /// The share of predicted tokens at a training step, counted from 0.
    pub fn share(&self, step: u64) -> f64 {
        let step = step as f64;
        match self {
            Self::Linear(config) => config.share.get() * (step / config.steps.get() as f64).min(1.0),
            Self::InverseSigmoid(config) => {
                let k = config.k.get();
                1.0 - k / (k + (step / k).exp())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::scheduled_sampling::ScheduledSamplingConfig;

    #[test]
    fn shares_follow_their_schedule() {
        let shares = |config: &str, steps: [u64; 3]| {
            let config: ScheduledSamplingConfig = serde_json::from_str(config).unwrap();
            steps.map(|step| (config.share(step) * 1e6).round() / 1e6)
        };
        assert_eq!(shares(r#"{"linear": {"share": 0.5, "steps": 100}}"#, [0, 25, 1000]), [0.0, 0.125, 0.5]);
        // python3 -c "from math import exp
        // print([1-k/(k+exp(i/k)) for k,i in [(100,0),(100,500),(100,10**6)]])"
        // for the first two; exp overflows for the third, where the share is 1.
        assert_eq!(shares(r#"{"inverse_sigmoid": 100}"#, [0, 500, 1_000_000]), [0.009901, 0.597445, 1.0]);
    }
}
