//! The words of an export: `export`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::kinds::{Settings, kinds};
use crate::domain::number::{Count, Tolerance};

kinds! {
    /// What a trained model is written as.
    pub enum ExportSpec: "export" {
        Onnx: "onnx" => OnnxSpec,
    }
}

impl Default for ExportSpec {
    fn default() -> Self {
        Self::Onnx(OnnxSpec { opset: opset(), tolerance: tolerance() })
    }
}

/// An ONNX model, compared with candle in ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnnxSpec {
    /// Version of the operator set, 17 to 21. Default 17.
    #[serde(default = "opset")]
    pub opset: Count,
    /// Largest difference |a - b| / max(1, |b|) from candle, at most 0.1. Default 1e-4.
    #[serde(default = "tolerance")]
    pub tolerance: Tolerance,
}

impl Settings for OnnxSpec {
    const BARE: Option<&'static str> = Some("opset");
    const EXAMPLE: &'static str = "{onnx: {opset: 17, tolerance: 1.0e-4}}";
}

fn opset() -> Count {
    Count::constant(17)
}

fn tolerance() -> Tolerance {
    Tolerance::constant(1e-4)
}
