//! The sharing `cgc`: see [`CgcConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::{ExpertsConfig, MixtureConfig};

/// Customized gate control (Tang, Liu, Zhao & Gong, RecSys 2020): shared experts, task-specific experts, and
/// a gate per task over these two groups.
///
/// f_k(x) = sum_e softmax(W_k x)_e E_e(x), e over task k's own experts and the shared ones; x is the output
/// of the trunk. `ple` stacks several such levels. If experts keep the time dimension of a sequence, each
/// step has its own gate weights; otherwise a gate reads the mean over time steps, or the channel means of
/// an image.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and is not part of the
/// mixture.
///
/// ```yaml
/// sharing: {cgc: {shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CgcConfig {
    /// Number of experts that all tasks share. Default 4.
    #[serde(default = "default_shared_or_own")]
    pub shared: Count,
    /// Number of experts of each task. Default 4.
    #[serde(default = "default_shared_or_own")]
    pub own: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerConfig>,
}

impl Settings for CgcConfig {
    const EXAMPLE: &'static str =
        "{cgc: {shared: 4, own: 4, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn default_shared_or_own() -> Count {
    Count::constant(4)
}

impl MixtureConfig for CgcConfig {
    fn experts(&self) -> ExpertsConfig<'_> {
        ExpertsConfig {
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

    /// By hand, for x = 2: a's expert outputs 2, b's 8, the shared one 10; a's gate has the logits 0, ln 3
    /// over its own and the shared expert, so the shares .25 .75, b's shares are equal: a reads .5 + 7.5, b
    /// 4 + 5.
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"cgc": {"shared": 1, "own": 1,
                "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            1,
            json!([]),
            &["a", "b"],
        );
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        for (expert, factor) in [("of.a", 1.0), ("of.b", 4.0), ("shared", 5.0)] {
            set(&format!("sharing.1.{expert}.1.0.dense.weight"), &[factor]);
        }
        set("sharing.1.gate.a.weight", &[0.0, 3.0_f32.ln() / 2.0]);
        set("sharing.1.gate.b.weight", &[0.0, 0.0]);
        let x = example::row(&[2.0]);
        let read = example::read(&*sharing, &x, &[0, 1]).concat();
        assert!((read[0] - 8.0).abs() < 1e-5 && (read[1] - 9.0).abs() < 1e-5, "{read:?}");
        assert!(!sharing.uses(&[0], "sharing.1.of.b.1.0.dense.weight"), "others' experts are not read");
    }
}
