//! What differs between the operator sets 17 to 21.
//!
//! `operator` writes nodes as opset 17 reads them, and only such as 21 reads alike, but for the
//! reductions: up to 17 they take their axes as an attribute, from 18 on as an input.

use std::collections::BTreeMap;

use crate::onnx::error::OnnxError;
use crate::onnx::proto::{NodeProto, TensorProto};

/// The operator set of feature encoders: `LabelEncoder`.
pub const ML_DOMAIN: &str = "ai.onnx.ml";
/// Its version, the same beside every opset from 17 on.
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

/// The oldest file format that may hold this opset, so that old runtimes can load it.
pub fn ir_version(opset: i64) -> Result<i64, OnnxError> {
    match opset {
        17 | 18 => Ok(8),
        19 | 20 => Ok(9),
        21 => Ok(10),
        result => Err(OnnxError::Opset { found: result }),
    }
}

/// Rewrites nodes of opset 17 for `opset`; gives the constants the new forms need.
pub fn adapt(nodes: &mut [NodeProto], opset: i64) -> Vec<TensorProto> {
    let mut constants: BTreeMap<Vec<i64>, TensorProto> = BTreeMap::new();
    if opset < 18 {
        return Vec::new();
    }
    for node in nodes.iter_mut().filter(|node| REDUCTIONS.contains(&node.op_type.as_str())) {
        let Some(at) = node.attribute.iter().position(|attribute| attribute.name == "axes") else {
            continue;
        };
        let axes = node.attribute.remove(at).ints;
        let constant = constants.entry(axes).or_insert_with_key(|axes| {
            let text: Vec<String> = axes.iter().map(i64::to_string).collect();
            TensorProto::i64(&format!("/axes/{}", text.join(",")), &[axes.len()], axes)
        });
        node.input.push(constant.name.clone());
    }
    constants.into_values().collect()
}
