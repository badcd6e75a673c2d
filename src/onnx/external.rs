//! Detects external data: ONNX models may refer to files anywhere that hold their tensors. A large model of
//! `mtl` has one such file beside it, of its own name and `.data`; any other is never read.
//!
//! The messages below are the parts of ONNX that can contain such a reference; everything else is skipped.

use std::collections::BTreeSet;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct ModelView {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphView>,
    #[prost(message, repeated, tag = "20")]
    training: Vec<TrainingInfoView>,
    #[prost(message, repeated, tag = "25")]
    functions: Vec<FunctionView>,
}

#[derive(Clone, PartialEq, Message)]
struct TrainingInfoView {
    #[prost(message, optional, tag = "1")]
    initialization: Option<GraphView>,
    #[prost(message, optional, tag = "2")]
    algorithm: Option<GraphView>,
}

#[derive(Clone, PartialEq, Message)]
struct FunctionView {
    #[prost(message, repeated, tag = "7")]
    nodes: Vec<NodeView>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphView {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<NodeView>,
    #[prost(message, repeated, tag = "5")]
    tensors: Vec<TensorView>,
    #[prost(message, repeated, tag = "15")]
    sparse: Vec<SparseTensorView>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeView {
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<AttributeView>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeView {
    #[prost(message, repeated, tag = "5")]
    tensor: Vec<TensorView>,
    #[prost(message, repeated, tag = "6")]
    graph: Vec<GraphView>,
    #[prost(message, repeated, tag = "10")]
    tensors: Vec<TensorView>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<GraphView>,
    #[prost(message, repeated, tag = "22")]
    sparse: Vec<SparseTensorView>,
    #[prost(message, repeated, tag = "23")]
    sparse_tensors: Vec<SparseTensorView>,
}

#[derive(Clone, PartialEq, Message)]
struct SparseTensorView {
    #[prost(message, repeated, tag = "1")]
    values: Vec<TensorView>,
    #[prost(message, repeated, tag = "2")]
    indices: Vec<TensorView>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorView {
    #[prost(message, repeated, tag = "13")]
    external: Vec<StringEntryView>,
    #[prost(int32, optional, tag = "14")]
    location: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct StringEntryView {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// `TensorProto.DataLocation.EXTERNAL`
const EXTERNAL: i32 = 1;

/// The paths of all external files that a model refers to, each once, in order.
///
/// # Errors
/// A message if the model cannot be decoded.
pub fn locations(model: &[u8]) -> Result<BTreeSet<String>, String> {
    let model = ModelView::decode(model).map_err(|error| error.to_string())?;
    let mut found = BTreeSet::new();
    let training = model.training.iter().flat_map(|one| one.initialization.iter().chain(&one.algorithm));
    model.graph.iter().chain(training).for_each(|graph| in_graph(graph, &mut found));
    model.functions.iter().flat_map(|one| &one.nodes).for_each(|node| in_node(node, &mut found));
    Ok(found)
}

fn in_graph(graph: &GraphView, found: &mut BTreeSet<String>) {
    graph.tensors.iter().for_each(|tensor| in_tensor(tensor, found));
    graph.sparse.iter().for_each(|sparse| in_sparse(sparse, found));
    graph.nodes.iter().for_each(|node| in_node(node, found));
}

fn in_node(node: &NodeView, found: &mut BTreeSet<String>) {
    for attribute in &node.attributes {
        attribute.tensor.iter().chain(&attribute.tensors).for_each(|tensor| in_tensor(tensor, found));
        attribute.sparse.iter().chain(&attribute.sparse_tensors).for_each(|sparse| in_sparse(sparse, found));
        attribute.graph.iter().chain(&attribute.graphs).for_each(|graph| in_graph(graph, found));
    }
}

fn in_sparse(sparse: &SparseTensorView, found: &mut BTreeSet<String>) {
    sparse.values.iter().chain(&sparse.indices).for_each(|tensor| in_tensor(tensor, found));
}

fn in_tensor(tensor: &TensorView, found: &mut BTreeSet<String>) {
    let named = tensor.external.iter().find(|entry| entry.key == "location").map(|entry| entry.value.clone());
    if tensor.location == Some(EXTERNAL) || !tensor.external.is_empty() {
        found.insert(named.unwrap_or_else(|| "unnamed".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::{
        AttributeView, FunctionView, GraphView, ModelView, NodeView, SparseTensorView, StringEntryView,
        TensorView, TrainingInfoView, locations,
    };

    fn elsewhere() -> TensorView {
        let entry = StringEntryView { key: "location".to_owned(), value: "../../etc/passwd".to_owned() };
        TensorView { external: vec![entry], location: Some(1) }
    }

    #[test]
    fn external_data_is_found_anywhere_in_a_model() {
        let graph = GraphView { tensors: vec![elsewhere()], ..GraphView::default() };
        let node = |attribute: AttributeView| GraphView {
            nodes: vec![NodeView { attributes: vec![attribute] }],
            ..GraphView::default()
        };
        let sparse = SparseTensorView { values: vec![TensorView::default()], indices: vec![elsewhere()] };
        let within = [
            node(AttributeView { tensor: vec![elsewhere()], ..AttributeView::default() }),
            node(AttributeView { tensors: vec![elsewhere()], ..AttributeView::default() }),
            node(AttributeView { graph: vec![graph.clone()], ..AttributeView::default() }),
            node(AttributeView { graphs: vec![graph.clone()], ..AttributeView::default() }),
            node(AttributeView { sparse_tensors: vec![sparse.clone()], ..AttributeView::default() }),
            GraphView { sparse: vec![sparse], ..GraphView::default() },
            GraphView {
                tensors: vec![TensorView { location: Some(1), external: vec![] }],
                ..GraphView::default()
            },
            graph.clone(),
        ];
        let mut models: Vec<ModelView> = within
            .into_iter()
            .map(|graph| ModelView { graph: Some(graph), ..ModelView::default() })
            .collect();
        let training = TrainingInfoView { algorithm: Some(graph.clone()), ..TrainingInfoView::default() };
        models.push(ModelView { training: vec![training], ..ModelView::default() });
        let function = FunctionView {
            nodes: node(AttributeView { tensor: vec![elsewhere()], ..AttributeView::default() }).nodes,
        };
        models.push(ModelView { functions: vec![function], ..ModelView::default() });
        for model in models {
            let found = locations(&model.encode_to_vec()).unwrap();
            assert!(!found.is_empty(), "{model:?}");
        }
        assert_eq!(locations(&ModelView::default().encode_to_vec()), Ok(std::collections::BTreeSet::new()));
        assert!(locations(b"\xff\xff\xff").is_err());
    }
}
