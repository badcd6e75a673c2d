//! 16-bit floats: weights and activations between the first and the last product of a graph.
//!
//! Sums, softmax, normalization and recurrences are computed in 32 bits, and so is whatever meets a number
//! that 16 bits cannot hold: the offsets of masked scores (-1e30), an epsilon of 1e-12, squares. Inputs are
//! read and outputs returned as before.

use std::collections::{HashMap, HashSet};

use crate::onnx::error::OnnxError;
use crate::onnx::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, data_type};
use crate::onnx::rounding::Rounding;
use crate::onnx::rounding::element::{HalfRule, half_rule, types};
use crate::onnx::rounding::links::{GraphLinks, drop_unread, floats, size};

/// The largest finite number of 16 bits.
const LARGEST: f32 = 65504.0;
/// The smallest normal number of 16 bits.
const SMALLEST_NORMAL: f32 = 6.103_515_6e-5;

/// Rounds the graph; arrays with fewer than `smallest` elements that are used in 32 bits stay so.
///
/// # Errors
/// [`OnnxError::Precision`] for an operator whose types are not known.
pub fn round(graph: &mut GraphProto, smallest: usize) -> Result<Rounding, OnnxError> {
    let links = GraphLinks::new(graph);
    let types = types(graph)?;
    let wide = wide_nodes(graph, &links, &types);
    let zone = HalfZone::new(graph, &links);
    let mut rounder = HalfRounder {
        graph: &*graph,
        links: &links,
        types: &types,
        zone: &zone,
        smallest,
        half: HashSet::new(),
        cast: HashMap::new(),
        nodes: Vec::with_capacity(graph.node.len()),
        constants: Vec::new(),
        rounding: Rounding { heads: links.heads.len(), ..Rounding::default() },
    };
    for (index, node) in graph.node.iter().enumerate() {
        let inputs = || node.input.iter().filter(|input| types.get(*input) == Some(&data_type::FLOAT));
        let is_half = zone.inside(index)
            && !wide.contains(&index)
            && half_rule(&node.op_type).0 == HalfRule::Half
            && inputs().next().is_some()
            && node.output.iter().all(|output| types.get(output) == Some(&data_type::FLOAT));
        rounder.add(node, is_half);
    }
    let (nodes, constants, rounding) = (rounder.nodes, rounder.constants, rounder.rounding);
    graph.node = nodes;
    graph.initializer.extend(constants);
    drop_unread(graph);
    Ok(rounding)
}

/// The nodes between products: those that depend on a product or table, and that a product depends on.
struct HalfZone {
    after: Vec<bool>,
    before: Vec<bool>,
}

impl HalfZone {
    fn new(graph: &GraphProto, links: &GraphLinks) -> Self {
        let count = graph.node.len();
        let is_product = |index: usize| {
            !links.heads.contains(&index) && links.product_weight(graph, &graph.node[index]).is_some()
        };
        let (mut after, mut before) = (vec![false; count], vec![false; count]);
        for index in 0..count {
            let mut producers =
                graph.node[index].input.iter().filter_map(|input| links.producers.get(input).copied());
            after[index] = is_product(index) || producers.any(|producer| after[producer]);
        }
        for index in (0..count).rev() {
            let readers = graph.node[index].output.iter().filter_map(|output| links.readers.get(output));
            before[index] = is_product(index) || readers.flatten().any(|(reader, _)| before[*reader]);
        }
        Self { after, before }
    }

    fn inside(&self, index: usize) -> bool {
        self.after[index] && self.before[index]
    }
}

/// The nodes whose operands or results may be beyond the range of 16 bits.
fn wide_nodes(graph: &GraphProto, links: &GraphLinks, types: &HashMap<String, i32>) -> HashSet<usize> {
    let (mut nodes, mut values) = (HashSet::new(), HashSet::new());
    for (index, node) in graph.node.iter().enumerate() {
        if !node.output.iter().all(|output| types.get(output) == Some(&data_type::FLOAT)) {
            continue;
        }
        let is_square = node.op_type == "Mul" && node.input.len() == 2 && node.input[0] == node.input[1];
        let constants = (0..node.input.len()).filter_map(|position| links.weight(graph, node, position));
        let is_wide = is_square
            || constants.into_iter().any(is_beyond)
            || node.input.iter().any(|input| values.contains(input));
        if is_wide {
            nodes.insert(index);
            if half_rule(&node.op_type).1 {
                values.extend(node.output.iter().cloned());
            }
        }
    }
    nodes
}

/// Whether 16 bits cannot hold a constant: an element is too large, or a number alone is too small.
fn is_beyond(tensor: &TensorProto) -> bool {
    let values = floats(tensor);
    let is_tiny = |value: f32| value != 0.0 && value.abs() < SMALLEST_NORMAL;
    !values.iter().all(|value| value.abs() <= LARGEST) || values.len() == 1 && is_tiny(values[0])
}

struct HalfRounder<'a> {
    graph: &'a GraphProto,
    links: &'a GraphLinks,
    types: &'a HashMap<String, i32>,
    zone: &'a HalfZone,
    smallest: usize,
    /// The values that are now of 16 bits.
    half: HashSet<String>,
    /// Values in the other precision, by name and precision.
    cast: HashMap<(String, i32), String>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    rounding: Rounding,
}

impl HalfRounder<'_> {
    /// Adds a node, with casts of its inputs where they have the other precision.
    fn add(&mut self, node: &NodeProto, is_half: bool) {
        let mut node = node.clone();
        if is_half && self.links.product_weight(self.graph, &node).is_some() {
            match node.op_type.as_str() {
                "Gather" => self.rounding.tables += 1,
                _ => self.rounding.products += 1,
            }
        }
        for input in &mut node.input {
            *input = match is_half {
                true => self.in_half(input),
                false => self.in_full(input),
            };
        }
        if is_half {
            self.half.extend(node.output.iter().cloned());
        }
        self.nodes.push(node);
    }

    /// The value in 16 bits, if it is a float.
    fn in_half(&mut self, name: &str) -> String {
        if self.types.get(name) != Some(&data_type::FLOAT) || self.half.contains(name) {
            return name.to_owned();
        }
        if self.links.constants.contains_key(name) {
            return self.half_constant(name);
        }
        if let Some(cast) = self.cast.get(&(name.to_owned(), data_type::FLOAT16)) {
            return cast.clone();
        }
        // What a product reads from the inputs of the graph may be larger than 16 bits can hold.
        let is_input = self.links.producers.get(name).is_none_or(|producer| !self.zone.after[*producer]);
        let mut limited = name.to_owned();
        if is_input {
            let limits = ["/constant/f16_least", "/constant/f16_most"];
            if !self.constants.iter().any(|tensor| tensor.name == limits[0]) {
                self.constants.push(TensorProto::f32(limits[0], &[], &[-LARGEST]));
                self.constants.push(TensorProto::f32(limits[1], &[], &[LARGEST]));
            }
            limited = format!("{name}.limited");
            self.nodes.push(NodeProto {
                input: [name, limits[0], limits[1]].map(str::to_owned).to_vec(),
                output: vec![limited.clone()],
                name: limited.clone(),
                op_type: "Clip".to_owned(),
                ..NodeProto::default()
            });
        }
        self.add_cast(name, &limited, data_type::FLOAT16, "f16")
    }

    /// The value in 32 bits, if it is a float.
    fn in_full(&mut self, name: &str) -> String {
        if self.half.contains(name) {
            if let Some(cast) = self.cast.get(&(name.to_owned(), data_type::FLOAT)) {
                return cast.clone();
            }
            return self.add_cast(name, name, data_type::FLOAT, "f32");
        }
        let Some(&constant) = self.links.constants.get(name) else { return name.to_owned() };
        let tensor = &self.graph.initializer[constant];
        let is_head = || {
            let mut readers = self.links.readers.get(name).into_iter().flatten();
            readers.any(|(reader, _)| self.links.heads.contains(reader))
        };
        let is_large = tensor.dims.len() >= 2 && size(tensor) >= self.smallest;
        if tensor.data_type != Some(data_type::FLOAT) || !is_large || is_beyond(tensor) || is_head() {
            return name.to_owned();
        }
        // Stored in 16 bits, used in 32.
        if let Some(cast) = self.cast.get(&(name.to_owned(), data_type::FLOAT)) {
            return cast.clone();
        }
        self.rounding.tables += 1;
        let stored = self.half_constant(name);
        self.add_cast(name, &stored, data_type::FLOAT, "f32")
    }

    fn add_cast(&mut self, name: &str, from: &str, to: i32, suffix: &str) -> String {
        let output = format!("{name}.{suffix}");
        self.nodes.push(NodeProto {
            input: vec![from.to_owned()],
            output: vec![output.clone()],
            name: output.clone(),
            op_type: "Cast".to_owned(),
            attribute: vec![AttributeProto::int("to", to.into())],
            ..NodeProto::default()
        });
        self.cast.insert((name.to_owned(), to), output.clone());
        output
    }

    /// The constant in 16 bits.
    fn half_constant(&mut self, name: &str) -> String {
        let half = format!("{name}.half");
        if !self.cast.contains_key(&(half.clone(), data_type::FLOAT16)) {
            let tensor = &self.graph.initializer[self.links.constants[name]];
            let bits: Vec<u16> = floats(tensor).into_iter().map(half_bits).collect();
            let dims: Vec<usize> = tensor.dims.iter().map(|dim| *dim as usize).collect();
            self.constants.push(TensorProto::f16(&half, &dims, &bits));
            self.cast.insert((half.clone(), data_type::FLOAT16), half.clone());
        }
        half
    }
}

/// A float rounded to 16 bits (IEEE 754 binary16), to the nearest, ties to even; beyond its range infinity.
pub fn half_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = value.abs();
    if magnitude.is_nan() {
        return sign | 0x7e00;
    }
    if magnitude >= 65520.0 {
        return sign | 0x7c00;
    }
    if magnitude < SMALLEST_NORMAL {
        // Subnormal: a multiple of 2^-24.
        return sign | (magnitude * 16_777_216.0).round_ties_even() as u16;
    }
    let (exponent, fraction) = ((bits >> 23) & 0xff, bits & 0x007f_ffff);
    // A carry out of the fraction raises the exponent, as it should.
    let rounded = fraction + 0x0fff + ((fraction >> 13) & 1);
    sign | ((((exponent - 112) << 10) + (rounded >> 13)) as u16)
}
