//! 8-bit integers: dynamic quantization of matrix products and embedding tables.
//!
//! A product x W becomes `DynamicQuantizeLinear(x)`, `MatMulInteger` and a multiplication by both scales, the
//! form that ONNX Runtime fuses into one kernel. A column of W has its own scale and zero point; x has one of
//! each for the whole batch, computed when the model runs (Jacob et al. 2018, arXiv 1712.05877; ONNX
//! operators `DynamicQuantizeLinear` and `MatMulInteger`).
//!
//! Weights take 7 of the 8 bits, -64 to 63: a CPU without VNNI adds two products of 8 bits in 16 bits, which
//! saturates with 8-bit weights (with AVX2, sums were off by up to 16 %) and is exact with these
//! (255 x 64 x 2 < 2^15), so that all CPUs compute the same.

use std::collections::{HashMap, HashSet};

use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, data_type};
use crate::onnx::rounding::Rounding;
use crate::onnx::rounding::links::{GraphLinks, drop_unread, floats, size};

/// The range of a product's weights.
const WEIGHTS: (f32, f32) = (-64.0, 63.0);
/// The largest element of a table's row: a table is not multiplied, so it takes all 8 bits.
const TABLE: f32 = 127.0;

/// Rounds the products and tables of a graph.
pub fn round(graph: &mut GraphProto, smallest: usize) -> Rounding {
    let links = GraphLinks::new(graph);
    let mut rounder = Int8Rounder { smallest, ..Int8Rounder::default() };
    let mut nodes = Vec::with_capacity(graph.node.len());
    for (index, node) in graph.node.iter().enumerate() {
        match node.op_type.as_str() {
            "MatMul" => rounder.product(graph, &links, (index, node), &mut nodes),
            "Gather" => rounder.lookup(graph, &links, node, &mut nodes),
            "Gemm" => {
                rounder.rounding.unsuitable += 1;
                nodes.push(node.clone());
            }
            _ => nodes.push(node.clone()),
        }
    }
    graph.node = nodes;
    graph.initializer.extend(rounder.constants);
    drop_unread(graph);
    rounder.rounding
}

#[derive(Default)]
struct Int8Rounder {
    smallest: usize,
    rounding: Rounding,
    constants: Vec<TensorProto>,
    /// Weights that are rounded already; several products may share them.
    rounded: HashSet<String>,
    /// Quantized activations by name: the products of one value, such as query, key and value, share them.
    activations: HashMap<String, [String; 3]>,
}

impl Int8Rounder {
    /// Replaces `y = a W` by its form in integers, or keeps it.
    fn product(
        &mut self,
        graph: &GraphProto,
        links: &GraphLinks,
        (index, node): (usize, &NodeProto),
        nodes: &mut Vec<NodeProto>,
    ) {
        let Some(weight) = links.weight(graph, node, 1) else {
            // A product of two activations, as in attention.
            nodes.push(node.clone());
            return;
        };
        let only_products = || {
            let mut readers = links.readers.get(&weight.name).into_iter().flatten();
            readers.all(|(reader, position)| graph.node[*reader].op_type == "MatMul" && *position == 1)
        };
        let kept = if links.heads.contains(&index) {
            Some(&mut self.rounding.heads)
        } else if size(weight) < self.smallest {
            Some(&mut self.rounding.small)
        } else if weight.dims.len() != 2 || !only_products() {
            Some(&mut self.rounding.unsuitable)
        } else {
            None
        };
        if let Some(count) = kept {
            *count += 1;
            nodes.push(node.clone());
            return;
        }
        if !self.round_columns(weight) {
            self.rounding.unsuitable += 1;
            nodes.push(node.clone());
            return;
        }
        self.rounding.products += 1;
        let (base, weight) = (&node.name, &weight.name);
        let [values, scale, zero] = self.quantized(&node.input[0], base, nodes);
        let (sum, float, scales) =
            (format!("{base}.integer"), format!("{base}.float"), format!("{base}.scale"));
        let [own, own_scale, own_zero] = [int8_name(weight), scale_name(weight), zero_name(weight)];
        nodes.push(call("MatMulInteger", &[&values, &own, &zero, &own_zero], &[&sum], vec![]));
        let to = AttributeProto::int("to", data_type::FLOAT.into());
        nodes.push(call("Cast", &[&sum], &[&float], vec![to]));
        nodes.push(call("Mul", &[&scale, &own_scale], &[&scales], vec![]));
        nodes.push(NodeProto {
            name: node.name.clone(),
            ..call("Mul", &[&float, &scales], &[&node.output[0]], vec![])
        });
    }

    /// The quantized form of an activation: values, scale and zero point.
    fn quantized(&mut self, activation: &str, base: &str, nodes: &mut Vec<NodeProto>) -> [String; 3] {
        if let Some(quantized) = self.activations.get(activation) {
            return quantized.clone();
        }
        let names = ["quantized", "quantized_scale", "quantized_zero"].map(|part| format!("{base}.{part}"));
        nodes.push(call(
            "DynamicQuantizeLinear",
            &[activation],
            &[names[0].as_str(), names[1].as_str(), names[2].as_str()],
            vec![],
        ));
        self.activations.insert(activation.to_owned(), names.clone());
        names
    }

    /// Adds the rounded form of a product's weights `[in, out]`; `false` if they are not finite.
    fn round_columns(&mut self, weight: &TensorProto) -> bool {
        if self.rounded.contains(&weight.name) {
            return true;
        }
        let (values, columns) = (floats(weight), weight.dims[1].max(0) as usize);
        if !values.iter().all(|value| value.is_finite()) {
            return false;
        }
        let (rounded, scales, zeros) = quantize_columns(&values, columns);
        let name = &weight.name;
        let dims: Vec<usize> = weight.dims.iter().map(|dim| *dim as usize).collect();
        self.constants.push(TensorProto::i8(&int8_name(name), &dims, &rounded));
        self.constants.push(TensorProto::f32(&scale_name(name), &[columns], &scales));
        self.constants.push(TensorProto::i8(&zero_name(name), &[columns], &zeros));
        self.rounded.insert(name.clone());
        true
    }

    /// Replaces the lookup of a table's rows by one of integers and their scales, or keeps it.
    fn lookup(
        &mut self,
        graph: &GraphProto,
        links: &GraphLinks,
        node: &NodeProto,
        nodes: &mut Vec<NodeProto>,
    ) {
        let axis = node.attribute.iter().find(|attribute| attribute.name == "axis");
        let by_row = axis.and_then(|axis| axis.i).unwrap_or(0) == 0;
        let table = links.weight(graph, node, 0).filter(|table| table.dims.len() == 2 && by_row);
        let Some(table) = table else {
            nodes.push(node.clone());
            return;
        };
        let mut readers = links.readers.get(&table.name).into_iter().flatten();
        let only_lookups =
            readers.all(|(reader, position)| graph.node[*reader].op_type == "Gather" && *position == 0);
        let is_small = size(table) < self.smallest;
        if is_small || !only_lookups || !self.round_rows(table) {
            match is_small {
                true => self.rounding.small += 1,
                false => self.rounding.unsuitable += 1,
            }
            nodes.push(node.clone());
            return;
        }
        self.rounding.tables += 1;
        let (base, rows) = (&node.name, &node.input[1]);
        let (integers, float, scales) =
            (format!("{base}.integer"), format!("{base}.float"), format!("{base}.scale"));
        let lookup =
            |table: &str, output: &str| call("Gather", &[table, rows], &[output], node.attribute.clone());
        nodes.push(lookup(&int8_name(&table.name), &integers));
        nodes.push(lookup(&scale_name(&table.name), &scales));
        let to = AttributeProto::int("to", data_type::FLOAT.into());
        nodes.push(call("Cast", &[&integers], &[&float], vec![to]));
        nodes.push(NodeProto {
            name: node.name.clone(),
            ..call("Mul", &[&float, &scales], &[&node.output[0]], vec![])
        });
    }

    /// Adds the rounded form of a table `[rows, width]`, with a scale for each row; `false` if it is not
    /// finite.
    fn round_rows(&mut self, table: &TensorProto) -> bool {
        if self.rounded.contains(&table.name) {
            return true;
        }
        let (values, width) = (floats(table), table.dims[1].max(1) as usize);
        if !values.iter().all(|value| value.is_finite()) {
            return false;
        }
        let (mut rounded, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
        for row in values.chunks(width) {
            let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = if largest > 0.0 { largest / TABLE } else { 1.0 };
            scales.push(scale);
            rounded
                .extend(row.iter().map(|value| (value / scale).round_ties_even().clamp(-TABLE, TABLE) as i8));
        }
        let name = &table.name;
        self.constants.push(TensorProto::i8(&int8_name(name), &[scales.len(), width], &rounded));
        self.constants.push(TensorProto::f32(&scale_name(name), &[scales.len(), 1], &scales));
        self.rounded.insert(name.clone());
        true
    }
}

/// Weights `[in, out]` as integers, with a scale and a zero point for each column: w = scale (q - zero).
/// The range of a column includes 0, so that 0 is exact.
pub fn quantize_columns(values: &[f32], columns: usize) -> (Vec<i8>, Vec<f32>, Vec<i8>) {
    let (low, high) = WEIGHTS;
    let (mut scales, mut zeros) = (vec![1.0_f32; columns], vec![0_i8; columns]);
    for column in 0..columns {
        let own = || values.iter().skip(column).step_by(columns.max(1));
        let smallest = own().fold(0.0_f32, |least, value| least.min(*value));
        let largest = own().fold(0.0_f32, |most, value| most.max(*value));
        let scale = (largest - smallest) / (high - low);
        if scale > 0.0 && scale.is_finite() {
            scales[column] = scale;
            zeros[column] = (low - smallest / scale).round_ties_even().clamp(low, high) as i8;
        }
    }
    let rounded = values.iter().enumerate().map(|(index, value)| {
        let column = index % columns.max(1);
        let steps = (value / scales[column]).round_ties_even() + f32::from(zeros[column]);
        steps.clamp(low, high) as i8
    });
    (rounded.collect(), scales, zeros)
}

fn int8_name(weight: &str) -> String {
    format!("{weight}.int8")
}

fn scale_name(weight: &str) -> String {
    format!("{weight}.int8_scale")
}

fn zero_name(weight: &str) -> String {
    format!("{weight}.int8_zero")
}

/// A node named after its first output.
fn call(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto {
        input: owned(inputs),
        output: owned(outputs),
        name: outputs[0].to_owned(),
        op_type: op.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}
