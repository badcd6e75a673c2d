//! The sharing `omoe`: see [`OmoeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::{ExpertsConfig, MixtureConfig};
use crate::model::sharing::level::GateSet;

/// One-gate mixture of experts (Jacobs, Jordan, Nowlan & Hinton 1991; the baseline of `mmoe` in Ma et al.,
/// KDD 2018): shared experts and one gate for all tasks.
///
/// f(x) = sum_e softmax(W x)_e E_e(x) is the input of every task's head; x is the output of the trunk. If
/// experts keep the time dimension of a sequence, each step has its own gate weights; otherwise a gate reads
/// the mean over time steps, or the channel means of an image.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and is not part of the
/// mixture.
///
/// ```yaml
/// sharing: {omoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OmoeConfig {
    /// Number of experts. Default 8.
    #[serde(default = "default_experts")]
    pub experts: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerConfig>,
}

impl Settings for OmoeConfig {
    const EXAMPLE: &'static str = "{omoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn default_experts() -> Count {
    Count::constant(8)
}

impl MixtureConfig for OmoeConfig {
    fn experts(&self) -> ExpertsConfig<'_> {
        ExpertsConfig {
            shared: self.experts.get(),
            gates: GateSet::One,
            ..ExpertsConfig::from_layers(&self.layers)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::example;

    /// By hand, for x = 1 -1: experts (2 1) x = 1 and (0 -3) x = 3; the gate has the logits ln 3, 0, so the
    /// shares .75 .25: both tasks read .75 + .75.
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"omoe": {"experts": 2,
                "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            2,
            json!([]),
            &["a", "b"],
        );
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        set("sharing.1.shared.1.0.dense.weight", &[2.0, 1.0]);
        set("sharing.1.shared.2.0.dense.weight", &[0.0, -3.0]);
        set("sharing.1.gate.weight", &[3.0_f32.ln(), 0.0, 0.0, 0.0]);
        let x = example::row(&[1.0, -1.0]);
        let read = example::read(&*sharing, &x, &[0, 1]).concat();
        assert!((read[0] - 1.5).abs() < 1e-5 && (read[1] - 1.5).abs() < 1e-5, "{read:?}");
    }
}
