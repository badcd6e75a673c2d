//! The settings of `export`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Tolerance};
use crate::domain::precision::Precision;

kinds! {
/// The format of the exported model.
    pub enum ExportConfig: "export" {
        Onnx: "onnx" => OnnxConfig,
    }
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self::Onnx(OnnxConfig {
            opset: default_opset(),
            precision: Precision::F32,
            tolerance: None,
            adapter: false,
        })
    }
}

/// An ONNX model, verified against candle in ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnnxConfig {
    /// Version of the operator set, 17 to 21. Default 17.
    #[serde(default = "default_opset")]
    pub opset: Count,
    /// Weights and arithmetic: `f32` as in training; `f16`, half the size: 16-bit floats between the first
    /// and the last product; `int8`, a quarter of the size: matrix products and embedding tables of 8-bit
    /// integers, activations quantized as the model runs. Heads stay in 32 bits. `f16` and `int8` models are
    /// scored on the test rows through ONNX Runtime, beside the trained network. Default `f32`.
    #[serde(default)]
    pub precision: Precision,
    /// Largest difference |a - b| / max(1, |b|) from candle, at most 0.1. Default 1e-4; for `f16` 0.01 and
    /// for `int8` 0.1, beyond which a warning says so: their scores decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// Writes the trained updates of the `pretrained` layer with `lora` or `adapter` beside the model too, as
    /// Hugging Face's peft reads them: `adapter_config.json` and `adapter_model.safetensors`. The model
    /// itself always has the updates merged into its weights. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adapter: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl OnnxConfig {
    /// The largest allowed difference from the trained network.
    pub fn tolerance(&self) -> f64 {
        self.tolerance.map_or_else(|| self.precision.tolerance(), Tolerance::get)
    }
}

impl Settings for OnnxConfig {
    const BARE: Option<&'static str> = Some("opset");
    const EXAMPLE: &'static str = "{onnx: {opset: 17, precision: f32, tolerance: 1.0e-4}}";
}

fn default_opset() -> Count {
    Count::constant(17)
}
