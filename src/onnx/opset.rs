//! Differences between the opsets 17 to 21.
//!
//! `operator` writes nodes of opset 17 that are also valid in 21, except for reductions: up to opset 17 their
//! axes are an attribute, from 18 on an input.

use std::collections::BTreeMap;

use crate::onnx::error::OnnxError;
use crate::onnx::proto::{NodeProto, TensorProto};

/// The operator set of feature encoders: `LabelEncoder`.
pub const ML_DOMAIN: &str = "ai.onnx.ml";
/// Its version, the same for every opset from 17 on.
pub const ML_VERSION: i64 = 3;

const REDUCTIONS: [&str; 9] = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
];

/// The oldest IR version that supports the opset, so that old runtimes can load the file.
pub fn ir_version(opset: i64) -> Result<i64, OnnxError> {
    match opset {
        17 | 18 => Ok(8),
        19 | 20 => Ok(9),
        21 => Ok(10),
        found => Err(OnnxError::Opset { found }),
    }
}

/// Converts nodes from opset 17 to `opset`; returns the constants that the new forms need.
pub fn adapt(nodes: &mut [NodeProto], opset: i64) -> Vec<TensorProto> {
    let mut constants: BTreeMap<Vec<i64>, TensorProto> = BTreeMap::new();
    if opset < 18 {
        return Vec::new();
    }
    for node in nodes.iter_mut().filter(|node| REDUCTIONS.contains(&node.op_type.as_str())) {
        let Some(position) = node.attribute.iter().position(|attribute| attribute.name == "axes") else {
            continue;
        };
        let axes = node.attribute.remove(position).ints;
        let constant = constants.entry(axes).or_insert_with_key(|axes| {
            let text: Vec<String> = axes.iter().map(i64::to_string).collect();
            TensorProto::i64(&format!("/axes/{}", text.join(",")), &[axes.len()], axes)
        });
        node.input.push(constant.name.clone());
    }
    constants.into_values().collect()
}
