//! How values are linked in a graph: who produces and who reads them, and which products compute logits.

use std::collections::{HashMap, HashSet};

use crate::onnx::proto::{GraphProto, NodeProto, TensorProto, data_type};

/// A head with more weights is over a vocabulary; it is most of the file, and is rounded too.
const LARGEST_HEAD: usize = 1 << 20;

/// The values of a graph by name.
pub struct GraphLinks {
    /// The node that produces a value, by index.
    pub producers: HashMap<String, usize>,
    /// The nodes that read a value: index, and which input.
    pub readers: HashMap<String, Vec<(usize, usize)>>,
    /// The constants: the index in the initializers.
    pub constants: HashMap<String, usize>,
    /// The products that compute logits, by index of the node.
    pub heads: HashSet<usize>,
}

impl GraphLinks {
    /// The links of a graph.
    pub fn new(graph: &GraphProto) -> Self {
        let (mut producers, mut readers) = (HashMap::new(), HashMap::<String, Vec<_>>::new());
        for (index, node) in graph.node.iter().enumerate() {
            for output in &node.output {
                producers.insert(output.clone(), index);
            }
            for (position, input) in node.input.iter().enumerate() {
                readers.entry(input.clone()).or_default().push((index, position));
            }
        }
        let constants = graph.initializer.iter().enumerate();
        let constants = constants.map(|(index, tensor)| (tensor.name.clone(), index)).collect();
        let mut links = Self { producers, readers, constants, heads: HashSet::new() };
        links.heads = links.find_heads(graph);
        links
    }

    /// The float constant that a node reads as its input number `position`.
    pub fn weight<'a>(
        &self,
        graph: &'a GraphProto,
        node: &NodeProto,
        position: usize,
    ) -> Option<&'a TensorProto> {
        let tensor = &graph.initializer[*self.constants.get(node.input.get(position)?)?];
        (tensor.data_type == Some(data_type::FLOAT)).then_some(tensor)
    }

    /// The weights of a node that multiplies by a constant or looks up rows of it.
    pub fn product_weight<'a>(&self, graph: &'a GraphProto, node: &NodeProto) -> Option<&'a TensorProto> {
        let position = match node.op_type.as_str() {
            "MatMul" | "Gemm" | "Conv" | "ConvTranspose" | "LSTM" | "GRU" => 1,
            "Gather" => 0,
            _ => return None,
        };
        self.weight(graph, node, position).filter(|tensor| tensor.dims.len() >= 2)
    }

    /// The last products before the logits: from these outputs back to the first product on every way.
    fn find_heads(&self, graph: &GraphProto) -> HashSet<usize> {
        let is_logits = |name: &str| name == "logits" || name.ends_with("_logits");
        let outputs = graph.output.iter().map(|output| output.name.as_str());
        let mut open: Vec<&str> = outputs.filter(|name| is_logits(name)).collect();
        let (mut seen, mut heads) = (HashSet::new(), HashSet::new());
        while let Some(value) = open.pop() {
            let Some(&index) = self.producers.get(value) else { continue };
            if !seen.insert(index) {
                continue;
            }
            let node = &graph.node[index];
            match self.product_weight(graph, node) {
                Some(weight) if size(weight) <= LARGEST_HEAD => {
                    heads.insert(index);
                }
                Some(_) => {}
                // A normalization ends a layer: what it reads is no head.
                None if node.op_type == "LayerNormalization" => {}
                None => open.extend(node.input.iter().map(String::as_str)),
            }
        }
        heads
    }
}

/// The number of a tensor's elements.
pub fn size(tensor: &TensorProto) -> usize {
    tensor.dims.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).product()
}

/// The elements of a tensor of 32-bit floats.
pub fn floats(tensor: &TensorProto) -> Vec<f32> {
    let bytes = tensor.raw_data.as_deref().unwrap_or_default();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// Removes the constants that no node reads any more.
pub fn drop_unread(graph: &mut GraphProto) {
    let read: HashSet<&str> = graph.node.iter().flat_map(|node| &node.input).map(String::as_str).collect();
    let outputs: HashSet<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let keep =
        |tensor: &TensorProto| read.contains(tensor.name.as_str()) || outputs.contains(tensor.name.as_str());
    graph.initializer.retain(keep);
}
