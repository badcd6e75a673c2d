//! The sharing `omoe`: see [`OmoeSpec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::Settings;
use crate::domain::number::Count;
use crate::domain::shape::Shape;
use crate::model::error::Result;
use crate::model::layer::LayerSpec;
use crate::model::sharing::experts::ExpertsWords;
use crate::model::sharing::level::Gates;
use crate::model::sharing::{Body, BuiltSharing, SharingWords};
use crate::model::weights::Weights;

/// One-gate mixture of experts (Jacobs, Jordan, Nowlan & Hinton 1991; as the rival of `mmoe` in Ma et al.,
/// KDD 2018): experts that all tasks share, and one gate for all of them.
///
/// f(x) = sum_e softmax(W x)_e E_e(x) is what every task's head reads; x is what the trunk gives at its end.
/// Of a sequence, whose experts give sequences, each step has its own shares; otherwise the gate reads the mean
/// of the steps, or of each channel of an image.
///
/// A task that reads `from` a mark reads there as with `hard`, and takes no part.
///
/// ```yaml
/// sharing: {omoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OmoeSpec {
    /// How many experts. Default 8.
    #[serde(default = "eight")]
    pub experts: Count,
    /// The layers of every expert.
    pub layers: Vec<LayerSpec>,
}

impl Settings for OmoeSpec {
    const EXAMPLE: &'static str = "{omoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}";
}

fn eight() -> Count {
    Count::constant(8)
}

impl OmoeSpec {
    fn words(&self) -> ExpertsWords<'_> {
        ExpertsWords { shared: self.experts.get(), gates: Gates::One, ..ExpertsWords::of(&self.layers) }
    }
}

impl SharingWords for OmoeSpec {
    fn shape(&self, read: Shape, marked: bool) -> Result<Shape, String> {
        self.words().shape(read, marked)
    }

    fn lists(&self) -> Vec<(&'static str, &[LayerSpec])> {
        vec![("layers", &self.layers)]
    }

    fn build(&self, body: &Body, weights: &mut Weights) -> Result<Box<dyn BuiltSharing>> {
        self.words().build(body, weights)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use serde_json::json;

    use crate::domain::shape::Shape;
    use crate::model::mode::Mode;
    use crate::model::sharing::{Body, Reader, SharingSpec};
    use crate::model::signal::Signal;
    use crate::model::weights::{Weights, host};

    /// By hand, of x = 1 -1: experts (2 1) x = 1 and (0 -3) x = 3; the gate has logits ln 3, 0 and shares .75 .25:
    /// both tasks read .75 + .75.
    #[test]
    fn by_its_definition() {
        let words: SharingSpec = serde_json::from_value(json!({"omoe": {"experts": 2,
            "layers": [{"dense": {"units": 1, "bias": false}}]
        }}))
        .unwrap();
        let mut weights = Weights::new(0, &Device::Cpu);
        let tasks = ["a", "b"].map(|name| Reader { name: name.into(), from: None });
        let body = Body { input: Shape::vector(2), trunk: &[], tasks: &tasks };
        let sharing = words.view().build(&body, &mut weights).unwrap();
        let set = |name: &str, values: &[f32]| {
            let var = &weights.iter().find(|weight| weight.name == name).expect(name).var;
            var.set(&Tensor::from_slice(values, var.dims(), &Device::Cpu).unwrap()).unwrap();
        };
        set("sharing.1.shared.1.0.dense.weight", &[2.0, 1.0]);
        set("sharing.1.shared.2.0.dense.weight", &[0.0, -3.0]);
        set("sharing.1.gate.weight", &[3.0_f32.ln(), 0.0, 0.0, 0.0]);
        let x = Signal::plain(Tensor::new(&[[1.0_f32, -1.0]], &Device::Cpu).unwrap());
        let read = sharing.forward(&x, &Mode::evaluate(), &[0, 1]).unwrap();
        let read: Vec<f32> = read.iter().map(|read| host(&read.x).unwrap()[0]).collect();
        assert!((read[0] - 1.5).abs() < 1e-5 && (read[1] - 1.5).abs() < 1e-5, "{read:?}");
    }
}
