//! The sharing `adatt`: see [`AdattConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, Whole};
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::{ExpertsConfig, MixtureConfig};
use crate::model::sharing::level::ExpertScope;

/// Adaptive task-to-task fusion (AdaTT; Li et al., KDD 2023): levels of experts in which each task reads the
/// experts of all tasks through a gate, plus a linear mixture of its own.
///
/// Every level has one stream per task, and a shared stream if `shared` is not 0; all start with the output
/// of the trunk. Task k's experts read stream k, the shared experts the shared stream. Then
///
/// ```text
/// x_k(l+1) = sum_e softmax(W_k(l) x_k(l))_e E_e + sum_o v_ko(l) E_o
/// ```
///
/// e over the experts of all tasks and the shared ones, o over task k's own, with v learned; v is
/// initialized uniformly within 1 / sqrt(own), and is 1 for a single own expert. The shared stream has its
/// own gate over all experts, except in the last level, whose x_k the heads read. If experts keep the time
/// dimension of a sequence, each step has its own gate weights; otherwise a gate reads the mean over time
/// steps, or the channel means of an image. The shares that are reported after every epoch are the sum of
/// softmax and v.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and is not part of the
/// mixture.
///
/// ```yaml
/// sharing: {adatt: {levels: 2, own: 2, shared: 1, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdattConfig {
    /// Number of levels. Default 2.
    #[serde(default = "default_levels_or_own")]
    pub levels: Count,
    /// Number of experts of each task, per level. Default 2.
    #[serde(default = "default_levels_or_own")]
    pub own: Count,
    /// Number of experts that all tasks share, per level. Default 0.
    #[serde(default)]
    pub shared: Whole,
    /// The layers of every expert, in every level.
    pub layers: Vec<LayerConfig>,
}

impl Settings for AdattConfig {
    const EXAMPLE: &'static str =
        "{adatt: {levels: 2, own: 2, shared: 1, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn default_levels_or_own() -> Count {
    Count::constant(2)
}

impl MixtureConfig for AdattConfig {
    fn experts(&self) -> ExpertsConfig<'_> {
        ExpertsConfig {
            levels: self.levels.get(),
            shared: self.shared.get(),
            own: self.own.get(),
            reach: ExpertScope::All,
            residual: true,
            ..ExpertsConfig::from_layers(&self.layers)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::example;

    /// Two tasks with two experts of one number each, one level, x = 2; a's experts output 2 4, b's 6 8. By
    /// hand: zero gates have equal shares: 5 for both; a adds .5 * 2 - .25 * 4 = 0, b .1 * 6 + .2 * 8 = 2.2.
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"adatt": {
                "levels": 1, "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            1,
            json!([]),
            &["a", "b"],
        );
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        for (expert, factor) in [("a.1", 1.0), ("a.2", 2.0), ("b.1", 3.0), ("b.2", 4.0)] {
            set(&format!("sharing.1.of.{expert}.0.dense.weight"), &[factor]);
        }
        set("sharing.1.gate.a.weight", &[0.0; 4]);
        set("sharing.1.gate.b.weight", &[0.0; 4]);
        set("sharing.1.of.a.residual", &[0.5, -0.25]);
        set("sharing.1.of.b.residual", &[0.1, 0.2]);
        let x = example::row(&[2.0]);
        let read = example::read(&*sharing, &x, &[0, 1]).concat();
        assert!((read[0] - 5.0).abs() < 1e-6 && (read[1] - 7.2).abs() < 1e-5, "{read:?}");
    }
}
