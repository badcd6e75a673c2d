//! Builder of ONNX graphs: takes inputs, weights and nodes, and produces a model.
//!
//! The same calls produce the same bytes. Internal names contain `/` or `.`; names of outputs do not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::array::ElementType;
use crate::onnx::equal_weights::EqualWeights;
use crate::onnx::error::OnnxError;
use crate::onnx::opset;
pub use crate::onnx::proto::AttributeProto as Attribute;
use crate::onnx::proto::{
    DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
    data_type,
};

/// A value in a graph: an input, constant or node output. A name that is cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GraphValue(Arc<str>);

impl GraphValue {
    /// An omitted optional input.
    pub fn none() -> Self {
        Self(Arc::from(""))
    }

    /// The unique name in the graph; empty for an omitted input.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// One dimension of an input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// The number of rows, any.
    Batch,
    /// This size.
    Fixed(usize),
    /// Any length, with a name such as `time`.
    Dynamic(String),
}

/// An ONNX graph under construction.
#[derive(Clone, Debug)]
pub struct Graph {
    name: String,
    scope: String,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    equal_weights: EqualWeights,
    names: BTreeSet<String>,
    /// How often each base name was requested, so that a unique name is found quickly.
    requests: BTreeMap<String, usize>,
    ints: BTreeMap<Vec<i64>, GraphValue>,
    scalars: BTreeMap<u32, GraphValue>,
    doubles: BTreeMap<u64, GraphValue>,
    duplicate: Option<String>,
}

impl Graph {
    /// An empty graph with this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            scope: String::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            nodes: Vec::new(),
            weights: Vec::new(),
            equal_weights: EqualWeights::default(),
            names: BTreeSet::new(),
            requests: BTreeMap::new(),
            ints: BTreeMap::new(),
            scalars: BTreeMap::new(),
            doubles: BTreeMap::new(),
            duplicate: None,
        }
    }

    /// Names the following nodes `/<scope>/<operator>`; "" for no scope.
    pub fn scope(&mut self, name: &str) {
        self.scope = name.to_owned();
    }

    /// An input with exactly this name. Inputs must be declared before anything else.
    pub fn input(&mut self, name: &str, element: ElementType, dims: &[Dim]) -> GraphValue {
        self.claim(name);
        self.inputs.push(value_info(name, element, dims));
        GraphValue(Arc::from(name))
    }

    /// Declares `value` as an output with exactly this name.
    pub fn output(
        &mut self,
        name: &str,
        value: &GraphValue,
        element: ElementType,
        dims: &[Dim],
    ) -> GraphValue {
        self.claim(name);
        self.outputs.push(value_info(name, element, dims));
        self.nodes.push(NodeProto {
            input: vec![value.name().to_owned()],
            output: vec![name.to_owned()],
            name: format!("/output/{name}"),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        });
        GraphValue(Arc::from(name))
    }

    /// A constant array of 32-bit floats. Large ones that are equal are shared, by the first name.
    ///
    /// # Panics
    /// If `values` does not fill `shape`.
    pub fn weight(&mut self, name: &str, shape: &[usize], values: &[f32]) -> GraphValue {
        let weight = TensorProto::f32("", shape, values);
        if let Some(equal) = self.equal_weights.find_or_note(&self.weights, &weight) {
            return GraphValue(Arc::from(equal.name.as_str()));
        }
        self.constant(name, shape, values.len(), weight)
    }

    /// A constant array of 64-bit floats.
    ///
    /// # Panics
    /// If `values` does not fill `shape`.
    pub fn weight_f64(&mut self, name: &str, shape: &[usize], values: &[f64]) -> GraphValue {
        self.constant(name, shape, values.len(), TensorProto::f64("", shape, values))
    }

    /// A constant array of 64-bit integers.
    ///
    /// # Panics
    /// If `values` does not fill `shape`.
    pub fn weight_ints(&mut self, name: &str, shape: &[usize], values: &[i64]) -> GraphValue {
        self.constant(name, shape, values.len(), TensorProto::i64("", shape, values))
    }

    fn constant(&mut self, name: &str, shape: &[usize], count: usize, tensor: TensorProto) -> GraphValue {
        assert_eq!(shape.iter().product::<usize>(), count, "values fill the shape {shape:?}");
        let name = self.unique_name(name);
        let value = GraphValue(Arc::from(name.as_str()));
        self.weights.push(TensorProto { name, ..tensor });
        value
    }

    /// A one-dimensional integer constant; equal ones are shared.
    pub fn ints(&mut self, values: &[i64]) -> GraphValue {
        if let Some(value) = self.ints.get(values) {
            return value.clone();
        }
        let value = self.weight_ints("/constant/ints", &[values.len()], values);
        self.ints.insert(values.to_vec(), value.clone());
        value
    }

    /// A 32-bit scalar constant; equal ones are shared.
    pub fn scalar(&mut self, number: f32) -> GraphValue {
        if let Some(value) = self.scalars.get(&number.to_bits()) {
            return value.clone();
        }
        let value = self.weight("/constant/scalar", &[], &[number]);
        self.scalars.insert(number.to_bits(), value.clone());
        value
    }

    /// A 64-bit scalar constant; equal ones are shared.
    pub fn scalar_f64(&mut self, number: f64) -> GraphValue {
        if let Some(value) = self.doubles.get(&number.to_bits()) {
            return value.clone();
        }
        let value = self.weight_f64("/constant/double", &[], &[number]);
        self.doubles.insert(number.to_bits(), value.clone());
        value
    }

    /// An integer scalar constant.
    pub fn scalar_int(&mut self, number: i64) -> GraphValue {
        self.weight_ints("/constant/int", &[], &[number])
    }

    /// A node of the default operator set with one output.
    pub fn node(&mut self, op: &str, inputs: &[&GraphValue], attributes: Vec<Attribute>) -> GraphValue {
        self.node_in("", op, inputs, attributes)
    }

    /// A node of the operator set `domain` with one output.
    pub fn node_in(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[&GraphValue],
        attributes: Vec<Attribute>,
    ) -> GraphValue {
        let name = self.node_name(op);
        let output = GraphValue(Arc::from(name.as_str()));
        self.push(domain, op, name, inputs, std::slice::from_ref(&output), attributes);
        output
    }

    /// A node of the default operator set with several outputs.
    pub fn nodes(
        &mut self,
        op: &str,
        inputs: &[&GraphValue],
        outputs: usize,
        attributes: Vec<Attribute>,
    ) -> Vec<GraphValue> {
        let name = self.node_name(op);
        let outputs: Vec<GraphValue> = (0..outputs)
            .map(|index| GraphValue(Arc::from(self.unique_name(&format!("{name}.{index}")))))
            .collect();
        self.push("", op, name, inputs, &outputs, attributes);
        outputs
    }

    /// The finished model for an opset from 17 to 21.
    ///
    /// # Errors
    /// If the opset is not supported or two inputs or outputs have the same name.
    pub fn finish(mut self, opset: i64, metadata: &[(String, String)]) -> Result<ModelProto, OnnxError> {
        let ir_version = opset::ir_version(opset)?;
        if let Some(name) = self.duplicate {
            return Err(OnnxError::NameTaken { name });
        }
        self.weights.extend(opset::adapt(&mut self.nodes, opset));
        let mut opset_import = vec![OperatorSetIdProto { domain: String::new(), version: Some(opset) }];
        if self.nodes.iter().any(|node| node.domain == opset::ML_DOMAIN) {
            opset_import.push(OperatorSetIdProto {
                domain: opset::ML_DOMAIN.to_owned(),
                version: Some(opset::ML_VERSION),
            });
        }
        let metadata_props = metadata
            .iter()
            .map(|(key, value)| StringStringEntryProto { key: key.clone(), value: value.clone() })
            .collect();
        Ok(ModelProto {
            ir_version: Some(ir_version),
            producer_name: "mtl".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(GraphProto {
                node: self.nodes,
                name: self.name,
                initializer: self.weights,
                input: self.inputs,
                output: self.outputs,
                ..GraphProto::default()
            }),
            opset_import,
            metadata_props,
            ..ModelProto::default()
        })
    }

    fn push(
        &mut self,
        domain: &str,
        op: &str,
        name: String,
        inputs: &[&GraphValue],
        outputs: &[GraphValue],
        attribute: Vec<Attribute>,
    ) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|value| value.name().to_owned()).collect(),
            output: outputs.iter().map(|value| value.name().to_owned()).collect(),
            name,
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    fn node_name(&mut self, op: &str) -> String {
        let base = if self.scope.is_empty() { format!("/{op}") } else { format!("/{}/{op}", self.scope) };
        self.unique_name(&base)
    }

    /// Reserves the exact name of an input or output.
    fn claim(&mut self, name: &str) {
        if !self.names.insert(name.to_owned()) && self.duplicate.is_none() {
            self.duplicate = Some(name.to_owned());
        }
    }

    /// Reserves `base`, or the first of `base_1`, `base_2`... that is unused.
    fn unique_name(&mut self, base: &str) -> String {
        let base = if base.contains(['/', '.']) { base.to_owned() } else { format!("/{base}") };
        let requests = self.requests.entry(base.clone()).or_insert(0);
        loop {
            let name = if *requests == 0 { base.clone() } else { format!("{base}_{requests}") };
            *requests += 1;
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// The ONNX number of an element type.
pub fn element_number(element: ElementType) -> i32 {
    match element {
        ElementType::Float32 => data_type::FLOAT,
        ElementType::Float64 => data_type::DOUBLE,
        ElementType::Int64 => data_type::INT64,
        ElementType::Uint32 => data_type::UINT32,
        ElementType::Uint8 => data_type::UINT8,
        ElementType::Text => data_type::STRING,
    }
}

fn value_info(name: &str, element: ElementType, dims: &[Dim]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|dim| match dim {
            Dim::Batch => DimensionValue::DimParam("batch".to_owned()),
            Dim::Fixed(length) => DimensionValue::DimValue(*length as i64),
            Dim::Dynamic(name) => DimensionValue::DimParam(name.clone()),
        })
        .map(|value| DimensionProto { value: Some(value) })
        .collect();
    let tensor_type =
        TensorTypeProto { elem_type: Some(element_number(element)), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        ..ValueInfoProto::default()
    }
}

#[cfg(test)]
mod tests;
