//! A custom layer, from YAML to ONNX. `cargo run --release --example custom_layer -- run pipeline.yaml` is
//! `mtl run` with the additional layer `- feature_gate`.

use std::process::ExitCode;

use mtl::domain::choice_config::Settings;
use mtl::domain::shape::Shape;
use mtl::model::ModelResult;
use mtl::model::activations::Activations;
use mtl::model::layer::activation::Activation;
use mtl::model::layer::{BuildLayer, Layer, LayerConfig, Module, vector};
use mtl::model::ops::Ops;
use mtl::model::weights::{Init, Parameter, Weights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A gate on each feature: y = x * sigmoid(x W + b), W `[width, width]`, after the gated linear unit of
/// Dauphin, Fan, Auli & Grangier (ICML 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FeatureGateConfig {
    /// Initial value of b: 2 opens the gates to 88 %. Default 2.
    #[serde(default = "default_open")]
    open: f32,
}

fn default_open() -> f32 {
    2.0
}

impl Settings for FeatureGateConfig {
    const BARE: Option<&'static str> = Some("open");
    const EXAMPLE: &'static str = "{feature_gate: {open: 2.0}}";
}

impl BuildLayer for FeatureGateConfig {
    fn shape(&self, input: Shape) -> ModelResult<Shape, String> {
        vector(input).map(Shape::vector)
    }

    fn build(&self, name: &str, input: Shape, weights: &mut Weights) -> ModelResult<Box<dyn Module>> {
        let width = input.width();
        let bias = Init::Given(vec![self.open; width]);
        Ok(Box::new(FeatureGate {
            weight: weights.parameter(&format!("{name}.weight"), &[width, width], Init::fan_in(width))?,
            bias: weights.parameter(&format!("{name}.bias"), &[width], bias)?,
        }))
    }
}

struct FeatureGate {
    weight: Parameter,
    bias: Parameter,
}

impl Layer for FeatureGate {
    fn apply<O: Ops>(&self, ops: &mut O, x: &Activations<O::Value>) -> ModelResult<Activations<O::Value>> {
        let gate = ops.linear(&x.x, &self.weight, Some(&self.bias), Activation::Sigmoid)?;
        Ok(x.with(ops.mul(&x.x, &gate)?))
    }
}

fn main() -> ExitCode {
    let origin = concat!(env!("CARGO_CRATE_NAME"), " ", env!("CARGO_PKG_VERSION"));
    mtl::cli::main_with(|| LayerConfig::register::<FeatureGateConfig>("feature_gate", origin)).into()
}
