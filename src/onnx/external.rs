//! Detects external data: ONNX models may refer to files anywhere that hold their tensors. Models of `mtl`
//! have none, and those of other models are never read.
//!
//! The messages below are the parts of ONNX that can contain such a reference; everything else is skipped.

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

/// The path of the first external file that a model refers to.
///
/// # Errors
/// A message if the model cannot be decoded.
pub fn location(model: &[u8]) -> Result<Option<String>, String> {
    let model = ModelView::decode(model).map_err(|error| error.to_string())?;
    let training = model.training.iter().flat_map(|one| one.initialization.iter().chain(&one.algorithm));
    let graphs = model.graph.iter().chain(training).find_map(in_graph);
    Ok(graphs.or_else(|| model.functions.iter().flat_map(|one| &one.nodes).find_map(in_node)))
}

fn in_graph(graph: &GraphView) -> Option<String> {
    let tensors = graph.tensors.iter().find_map(in_tensor);
    let tensors = tensors.or_else(|| graph.sparse.iter().find_map(in_sparse));
    tensors.or_else(|| graph.nodes.iter().find_map(in_node))
}

fn in_node(node: &NodeView) -> Option<String> {
    node.attributes.iter().find_map(|attribute| {
        let tensors = attribute.tensor.iter().chain(&attribute.tensors).find_map(in_tensor);
        let sparse = || attribute.sparse.iter().chain(&attribute.sparse_tensors).find_map(in_sparse);
        let graphs = || attribute.graph.iter().chain(&attribute.graphs).find_map(in_graph);
        tensors.or_else(sparse).or_else(graphs)
    })
}

fn in_sparse(sparse: &SparseTensorView) -> Option<String> {
    sparse.values.iter().chain(&sparse.indices).find_map(in_tensor)
}

fn in_tensor(tensor: &TensorView) -> Option<String> {
    let named = tensor.external.iter().find(|entry| entry.key == "location").map(|entry| entry.value.clone());
    let is_external = tensor.location == Some(EXTERNAL) || !tensor.external.is_empty();
    is_external.then(|| named.unwrap_or_else(|| "unnamed".to_owned()))
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::{
        AttributeView, FunctionView, GraphView, ModelView, NodeView, SparseTensorView, StringEntryView,
        TensorView, TrainingInfoView, location,
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
            assert!(location(&model.encode_to_vec()).unwrap().is_some(), "{model:?}");
        }
        assert_eq!(location(&ModelView::default().encode_to_vec()), Ok(None));
        assert!(location(b"\xff\xff\xff").is_err());
    }
}
