//! The sharing `dselect_k`: see [`DselectKConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::{Count, NonNegative, Positive};
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::{ExpertsConfig, MixtureConfig};
use crate::model::sharing::level::GateSet;
use crate::model::sharing::selection::SelectorConfig;

/// DSelect-k (Hazimeh, Zhao, Chowdhery, Sathiamoorthy, Chen, Mazumder, Hong & Chi, NeurIPS 2021): a mixture
/// of experts in which each task reads at most k experts, chosen by a differentiable function.
///
/// Each of a task's k selectors encodes one of the experts in binary, m = log2(experts) bits, rounded up:
///
/// ```text
/// r(t)_e = prod over bits b of S(t_b) where bit b of e is 1, of 1 - S(t_b) where it is 0
/// S(t) = 0 below -gamma/2, 1 above gamma/2, between them -2 t^3 / gamma^3 + 3 t / (2 gamma) + 1/2
/// q = sum over selectors l of softmax(v)_l r(t_l)
/// ```
///
/// q are the task's shares, the same for every row (the paper's static gates); t `[k, m]` and v `[k]` are
/// learned. For each task of the batch, entropy * sum_l H(r(t_l)) is added to the joint loss, which drives
/// each selector to one expert; if the number of experts is not a power of 2, also sum_l 1 / sum_e r(t_l)_e,
/// which keeps selectors away from codes without an expert. t is initialized uniformly within gamma / 100, v
/// within 0.05.
///
/// The experts read the output of the trunk. A task that reads `from` a mark reads the shared trunk there,
/// as with `hard`, and is not part of the mixture.
///
/// ```yaml
/// sharing: {dselect_k: {experts: 8, k: 2, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DselectKConfig {
    /// Number of experts. Default 8.
    #[serde(default = "default_experts")]
    pub experts: Count,
    /// Maximum number of experts a task reads. Default 2.
    #[serde(default = "default_k")]
    pub k: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerConfig>,
    /// Width of the interval in which a bit is between 0 and 1. Default 1.
    #[serde(default = "default_gamma")]
    pub gamma: Positive,
    /// Weight of the selectors' entropy in the joint loss. Default 1e-6.
    #[serde(default = "default_entropy")]
    pub entropy: NonNegative,
}

impl Settings for DselectKConfig {
    const EXAMPLE: &'static str =
        "{dselect_k: {experts: 8, k: 2, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn default_experts() -> Count {
    Count::constant(8)
}

fn default_k() -> Count {
    Count::constant(2)
}

fn default_gamma() -> Positive {
    Positive::constant(1.0)
}

fn default_entropy() -> NonNegative {
    NonNegative::constant(1e-6)
}

impl MixtureConfig for DselectKConfig {
    fn experts(&self) -> ExpertsConfig<'_> {
        ExpertsConfig {
            shared: self.experts.get(),
            gates: GateSet::Select(SelectorConfig {
                count: self.k.get(),
                gamma: self.gamma.get(),
                entropy: self.entropy.get(),
            }),
            ..ExpertsConfig::from_layers(&self.layers)
        }
    }

    fn check_settings(&self) -> ModelResult<(), String> {
        let (k, experts) = (self.k.get(), self.experts.get());
        if k > experts {
            return Err(format!("needs at least `k` experts; found k = {k} and {experts} experts"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::sharing::example;

    /// Three experts, so two bits of which one code has no expert; k = 2, x = 2, and the experts multiply by
    /// W_1 = 1, W_2 = 10, W_3 = 100.
    ///
    /// By hand: S(-.25, .25) = .15625 .84375, S(.5, 0) = 1 .5 (bit 0 first), so
    ///   r_1 = (1-.15625)(1-.84375), .15625(1-.84375), (1-.15625).84375 = .131836 .024414 .711914
    ///   r_2 = 0 * .5, 1 * .5, 0 * .5 = 0 .5 0
    ///   softmax(ln 3, 0) = .75 .25; q = .098877 .143311 .533936
    ///   penalty = .5 * (.267112 + .090641 + .241901 + .346574) + 1/.868164 + 1/.5 = 3.624967
    #[test]
    fn by_its_definition() {
        let (sharing, weights) = example::build(
            json!({"dselect_k": {
                "experts": 3, "entropy": 0.5, "layers": [{"dense": {"units": 1, "bias": false}}]
            }}),
            1,
            json!([]),
            &["a"],
        );
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        for (expert, factor) in [(1, 1.0), (2, 10.0), (3, 100.0)] {
            set(&format!("sharing.1.shared.{expert}.0.dense.weight"), &[factor]);
        }
        set("sharing.1.gate.a.bits", &[-0.25, 0.25, 0.5, 0.0]);
        set("sharing.1.gate.a.mixture", &[3.0_f32.ln(), 0.0]);
        let x = example::row(&[2.0]);
        let y = example::read(&*sharing, &x, &[0])[0][0];
        let expected = 2.0 * (0.098_877 + 10.0 * 0.143_311 + 100.0 * 0.533_936);
        assert!((y - expected).abs() < 1e-3, "{y} {expected}");
        let penalty = sharing.penalty(&[0], &mut |_| unreachable!()).unwrap().unwrap();
        let penalty = penalty.to_scalar::<f32>().unwrap();
        assert!((penalty - 3.624_967).abs() < 1e-4, "{penalty}");
    }
}
