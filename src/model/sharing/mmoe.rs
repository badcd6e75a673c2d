//! The sharing `mmoe`: see [`MmoeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::{ExpertsConfig, MixtureConfig};

/// Multi-gate mixture of experts (Ma, Zhao, Yi, Chen, Hong & Chi, KDD 2018): shared experts, and a gate per
/// task that weights them.
///
/// f_k(x) = sum_e softmax(W_k x)_e E_e(x): x is the output of the trunk, E_e are lists of layers, and f_k is
/// the input of task k's head. If experts keep the time dimension of a sequence, each step has its own gate
/// weights; otherwise a gate reads the mean over time steps, or the channel means of an image. Each task's
/// mean gate weights on validation rows are reported after every epoch.
///
/// A task that reads `from` a mark reads the shared trunk there, as with `hard`, and is not part of the
/// mixture.
///
/// ```yaml
/// sharing: {mmoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MmoeConfig {
    /// Number of experts. Default 8.
    #[serde(default = "default_experts")]
    pub experts: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerConfig>,
}

impl Settings for MmoeConfig {
    const EXAMPLE: &'static str = "{mmoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn default_experts() -> Count {
    Count::constant(8)
}

impl MixtureConfig for MmoeConfig {
    fn experts(&self) -> ExpertsConfig<'_> {
        ExpertsConfig { shared: self.experts.get(), ..ExpertsConfig::from_layers(&self.layers) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::mode::Mode;
    use crate::model::sharing::example;

    /// By hand, for x = 1 -1: experts (2 1) x = 1 and (0 -3) x = 3; a's gate has the logits ln 3, 0, so the
    /// shares .75 .25, b's 0, ln 4 and .2 .8: a reads .75 + .75, b .2 + 2.4.
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"mmoe": {"experts": 2,
                "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            2,
            json!([]),
            &["a", "b"],
        );
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        set("sharing.1.shared.1.0.dense.weight", &[2.0, 1.0]);
        set("sharing.1.shared.2.0.dense.weight", &[0.0, -3.0]);
        set("sharing.1.gate.a.weight", &[3.0_f32.ln(), 0.0, 0.0, 0.0]);
        set("sharing.1.gate.b.weight", &[0.0, 0.0, 0.0, -(4.0_f32.ln())]);
        let x = example::row(&[1.0, -1.0]);
        let read = example::read(&*sharing, &x, &[0, 1]).concat();
        assert!((read[0] - 1.5).abs() < 1e-5 && (read[1] - 2.6).abs() < 1e-5, "{read:?}");
        let shares = sharing.shares(&x, &Mode::evaluate(), &[1]).unwrap();
        assert_eq!(
            (shares[1].unit.as_str(), shares[1].reader.as_str(), shares[1].source.as_str()),
            ("level 1", "b", "shared 2")
        );
        assert!((shares[1].value - 0.8).abs() < 1e-6 && shares.len() == 2, "{shares:?}");
    }
}
