//! The settings of `export`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::choice_config::{Settings, kinds};
use crate::domain::number::{Count, Tolerance};

kinds! {
/// The format of the exported model.
    pub enum ExportConfig: "export" {
        Onnx: "onnx" => OnnxConfig,
    }
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self::Onnx(OnnxConfig { opset: default_opset(), tolerance: default_tolerance(), adapter: false })
    }
}

/// An ONNX model, verified against candle in ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnnxConfig {
    /// Version of the operator set, 17 to 21. Default 17.
    #[serde(default = "default_opset")]
    pub opset: Count,
    /// Largest difference |a - b| / max(1, |b|) from candle, at most 0.1. Default 1e-4.
    #[serde(default = "default_tolerance")]
    pub tolerance: Tolerance,
    /// Writes the trained updates of the `pretrained` layer with `lora` or `adapter` beside the model too, as
    /// Hugging Face's peft reads them: `adapter_config.json` and `adapter_model.safetensors`. The model itself
    /// always has the updates merged into its weights. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adapter: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Settings for OnnxConfig {
    const BARE: Option<&'static str> = Some("opset");
    const EXAMPLE: &'static str = "{onnx: {opset: 17, tolerance: 1.0e-4}}";
}

fn default_opset() -> Count {
    Count::constant(17)
}

fn default_tolerance() -> Tolerance {
    Tolerance::constant(1e-4)
}
