//! The element types of all values in a graph, and which operators may compute in 16 bits.

use std::collections::HashMap;

use crate::domain::precision::Precision;
use crate::onnx::error::OnnxError;
use crate::onnx::proto::{GraphProto, NodeProto, data_type};

/// How an operator treats 16-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfRule {
    /// Computes in 16 bits.
    Half,
    /// Computes in 32 bits: sums over many elements, exponentials, statistics, recurrences.
    Full,
}

/// Operators that compute in 16 bits; true: a value beyond the range of 16 bits goes through.
const HALF: &[(&str, bool)] = &[
    ("Abs", true),
    ("Add", true),
    ("Clip", false),
    ("Concat", true),
    ("Conv", false),
    ("ConvTranspose", false),
    ("Div", true),
    ("Erf", false),
    ("Expand", true),
    ("Gather", true),
    ("GatherElements", true),
    ("GatherND", true),
    ("HardSigmoid", false),
    ("Identity", true),
    ("LeakyRelu", true),
    ("MatMul", false),
    ("Max", true),
    ("MaxPool", true),
    ("Min", true),
    ("Mul", true),
    ("Neg", true),
    ("Pad", true),
    ("Relu", true),
    ("Reshape", true),
    ("Sigmoid", false),
    ("Slice", true),
    ("Split", true),
    ("Squeeze", true),
    ("Sub", true),
    ("Sum", true),
    ("Tanh", false),
    ("Transpose", true),
    ("Unsqueeze", true),
];

/// Operators that compute in 32 bits and return floats of their first input's type.
const FULL: &[&str] = &[
    "AveragePool",
    "BatchNormalization",
    "Ceil",
    "Cos",
    "CumSum",
    "Elu",
    "Exp",
    "Floor",
    "GRU",
    "Gemm",
    "GlobalAveragePool",
    "LSTM",
    "LayerNormalization",
    "Log",
    "LogSoftmax",
    "Pow",
    "Range",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Resize",
    "Round",
    "ScatterElements",
    "Sin",
    "Softmax",
    "Softplus",
    "Sqrt",
    "Tile",
    "Trilu",
];

const BOOLEAN: &[&str] =
    &["And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "Or"];

const INTEGER: &[&str] = &["ArgMax", "ArgMin", "LabelEncoder", "NonZero", "Shape", "Size"];

/// How the operator treats 16-bit floats, and whether values beyond their range go through it.
pub fn half_rule(op: &str) -> (HalfRule, bool) {
    if op == "Where" {
        return (HalfRule::Half, true);
    }
    match HALF.iter().find(|(name, _)| *name == op) {
        Some((_, linear)) => (HalfRule::Half, *linear),
        None => (HalfRule::Full, false),
    }
}

/// The element type of every value of a graph.
///
/// # Errors
/// [`OnnxError::Precision`] for an operator that is in none of the lists above.
pub fn types(graph: &GraphProto) -> Result<HashMap<String, i32>, OnnxError> {
    let mut types = HashMap::new();
    for input in &graph.input {
        let element = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()?.elem_type);
        types.insert(input.name.clone(), element.unwrap_or(data_type::FLOAT));
    }
    for tensor in &graph.initializer {
        types.insert(tensor.name.clone(), tensor.data_type.unwrap_or(data_type::FLOAT));
    }
    for node in &graph.node {
        let element = output_type(node, &types)?;
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            types.insert(output.clone(), element);
        }
    }
    Ok(types)
}

fn output_type(node: &NodeProto, types: &HashMap<String, i32>) -> Result<i32, OnnxError> {
    let input = |index: usize| {
        node.input.get(index).and_then(|name| types.get(name)).copied().unwrap_or(data_type::FLOAT)
    };
    let attribute = |name: &str| node.attribute.iter().find(|attribute| attribute.name == name);
    let op = node.op_type.as_str();
    Ok(match op {
        "Cast" => attribute("to").and_then(|to| to.i).map_or(data_type::FLOAT, |to| to as i32),
        "ConstantOfShape" => {
            let value = attribute("value").and_then(|value| value.t.as_ref()?.data_type);
            value.unwrap_or(data_type::FLOAT)
        }
        "OneHot" => input(2),
        "Where" => input(1),
        _ if BOOLEAN.contains(&op) => data_type::BOOL,
        _ if INTEGER.contains(&op) => data_type::INT64,
        _ if FULL.contains(&op) || HALF.iter().any(|(name, _)| *name == op) => input(0),
        _ => {
            let (operator, node) = (op.to_owned(), node.name.clone());
            return Err(OnnxError::Precision { precision: Precision::F16, operator, node });
        }
    })
}
