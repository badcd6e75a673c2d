//! The sharing `omoe`: see [`OmoeConfig`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::ModelResult;
use crate::model::layer::LayerConfig;
use crate::model::sharing::experts::ExpertsConfig;
use crate::model::sharing::level::GateSet;
use crate::model::sharing::{Body, BuildSharing, BuiltSharing};
use crate::model::weights::Weights;

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

impl OmoeConfig {
    fn config(&self) -> ExpertsConfig<'_> {
        ExpertsConfig {
            shared: self.experts.get(),
            gates: GateSet::One,
            ..ExpertsConfig::from_layers(&self.layers)
        }
    }
}

impl BuildSharing for OmoeConfig {
    fn shape(&self, read: Shape, marked: bool) -> ModelResult<Shape, String> {
        self.config().shape(read, marked)
    }

    fn lists(&self) -> Vec<(&'static str, &[LayerConfig])> {
        vec![("layers", &self.layers)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> ModelResult<Box<dyn BuiltSharing>> {
        self.config().build(body, weights)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::domain::shape::Shape;
    use crate::model::activations::Activations;
    use crate::model::mode::Mode;
    use crate::model::sharing::{Body, SharingConfig, TaskReader, example};
    use crate::model::weights::{Weights, host};

    /// By hand, for x = 1 -1: experts (2 1) x = 1 and (0 -3) x = 3; the gate has the logits ln 3, 0, so the
    /// shares .75 .25: both tasks read .75 + .75.
    #[test]
    fn by_its_definition() {
        let config: SharingConfig = serde_json::from_value(json!({"omoe": {"experts": 2,
            "layers": [{"dense": {"units": 1, "bias": false}}]
        }}))
        .unwrap();
        let mut weights = Weights::new(0, &Device::Cpu);
        let tasks = ["a", "b"].map(|name| TaskReader { name: name.into(), from: None });
        let body = Body { input: Shape::vector(2), trunk: &[], tasks: &tasks };
        let sharing = config.view().build(&body, &mut weights).unwrap();
        let set = |name: &str, values: &[f32]| example::set(&weights, name, values);
        set("sharing.1.shared.1.0.dense.weight", &[2.0, 1.0]);
        set("sharing.1.shared.2.0.dense.weight", &[0.0, -3.0]);
        set("sharing.1.gate.weight", &[3.0_f32.ln(), 0.0, 0.0, 0.0]);
        let x = Activations::plain(Tensor::new(&[[1.0_f32, -1.0]], &Device::Cpu).unwrap());
        let read = sharing.forward(&x, &Mode::evaluate(), &[0, 1]).unwrap();
        let read: Vec<f32> = read.iter().map(|read| host(&read.x).unwrap()[0]).collect();
        assert!((read[0] - 1.5).abs() < 1e-5 && (read[1] - 1.5).abs() < 1e-5, "{read:?}");
    }
}
