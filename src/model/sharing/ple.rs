//! The sharing `ple`: see [`PleConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::{ExpertsConfig, MixtureConfig};

/// Progressive layered extraction (Tang, Liu, Zhao & Gong, RecSys 2020): several levels of experts that
/// separate the tasks step by step.
///
/// Every level has one stream per task and a shared stream. At level l, task k's experts read stream k, the
/// shared experts the shared stream; all streams start with the output of the trunk. Then
///
/// ```text
/// x_k(l+1) = sum_e softmax(W_k(l) x_k(l))_e E_e, e over task k's own experts and the shared ones
/// x_s(l+1) = sum_e softmax(W_s(l) x_s(l))_e E_e, e over the experts of all tasks and the shared ones
/// ```
///
/// The shared stream has its own gate, except in the last level, whose x_k the heads read. One level is
/// `cgc`. If experts keep the time dimension of a sequence, each step has its own gate weights; otherwise a
/// gate reads the mean over time steps, or the channel means of an image.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and is not part of the
/// mixture.
///
/// ```yaml
/// sharing: {ple: {levels: 2, shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PleConfig {
    /// Number of levels. Default 2.
    #[serde(default = "default_levels")]
    pub levels: Count,
    /// Number of experts that all tasks share, per level. Default 4.
    #[serde(default = "default_shared_or_own")]
    pub shared: Count,
    /// Number of experts of each task, per level. Default 4.
    #[serde(default = "default_shared_or_own")]
    pub own: Count,
    /// The layers of every expert, in every level.
    pub layers: Vec<LayerConfig>,
}

impl Settings for PleConfig {
    const EXAMPLE: &'static str =
        "{ple: {levels: 2, shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn default_levels() -> Count {
    Count::constant(2)
}

fn default_shared_or_own() -> Count {
    Count::constant(4)
}

impl MixtureConfig for PleConfig {
    fn experts(&self) -> ExpertsConfig<'_> {
        ExpertsConfig {
            levels: self.levels.get(),
            shared: self.shared.get(),
            own: self.own.get(),
            ..ExpertsConfig::from_layers(&self.layers)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::example;

    /// By hand, for x = 2: level 1's experts output 2 (a), 8 (b) and 10 (shared), and all gates have equal
    /// shares: a holds 6, b 9, the shared stream 20/3. Level 2's output 2 6 = 12, 1 9 = 9 and 3 20/3 = 20;
    /// a's gate has equal shares, b's the logits 0, ln 3: a reads 16, b .25 9 + .75 20.
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"ple": {"levels": 2, "shared": 1, "own": 1,
                "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            1,
            json!([]),
            &["a", "b"],
        );
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        for (expert, factor) in [
            ("1.of.a", 1.0),
            ("1.of.b", 4.0),
            ("1.shared", 5.0),
            ("2.of.a", 2.0),
            ("2.of.b", 1.0),
            ("2.shared", 3.0),
        ] {
            set(&format!("sharing.{expert}.1.0.dense.weight"), &[factor]);
        }
        for gate in ["1.gate.a", "1.gate.b", "2.gate.a"] {
            set(&format!("sharing.{gate}.weight"), &[0.0, 0.0]);
        }
        set("sharing.1.shared.gate.weight", &[0.0; 3]);
        set("sharing.2.gate.b.weight", &[0.0, 3.0_f32.ln() / 9.0]);
        let x = example::row(&[2.0]);
        let read = example::read(&*sharing, &x, &[0, 1]).concat();
        assert!((read[0] - 16.0).abs() < 1e-5 && (read[1] - 17.25).abs() < 1e-5, "{read:?}");
        assert!(sharing.uses(&[0], "sharing.1.of.b.1.0.dense.weight"), "through the shared stream");
        assert!(!sharing.uses(&[0], "sharing.1.gate.b.weight"));
        assert!(
            weights.iter().all(|weight| weight.name != "sharing.2.shared.gate.weight"),
            "the last level has none"
        );
    }
}
