//! Does a model have parts in other files? ONNX lets a model name files that hold its numbers, anywhere. A model of `mtl`
//! names none, and of one that comes from elsewhere none is read.
//!
//! The messages here are those parts of ONNX in which such a name can stand; all else is passed over unread.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "20")]
    training: Vec<Training>,
    #[prost(message, repeated, tag = "25")]
    functions: Vec<Function>,
}

#[derive(Clone, PartialEq, Message)]
struct Training {
    #[prost(message, optional, tag = "1")]
    initialization: Option<Graph>,
    #[prost(message, optional, tag = "2")]
    algorithm: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(message, repeated, tag = "7")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    tensors: Vec<Tensor>,
    #[prost(message, repeated, tag = "15")]
    sparse: Vec<Sparse>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(message, repeated, tag = "5")]
    tensor: Vec<Tensor>,
    #[prost(message, repeated, tag = "6")]
    graph: Vec<Graph>,
    #[prost(message, repeated, tag = "10")]
    tensors: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<Graph>,
    #[prost(message, repeated, tag = "22")]
    sparse: Vec<Sparse>,
    #[prost(message, repeated, tag = "23")]
    sparse_tensors: Vec<Sparse>,
}

#[derive(Clone, PartialEq, Message)]
struct Sparse {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Tensor>,
    #[prost(message, repeated, tag = "2")]
    indices: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(message, repeated, tag = "13")]
    external: Vec<Entry>,
    #[prost(int32, optional, tag = "14")]
    location: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// `TensorProto.DataLocation.EXTERNAL`
const EXTERNAL: i32 = 1;

/// The name of the first file that a model names, if it names any; or why the model cannot be read.
pub fn location(model: &[u8]) -> Result<Option<String>, String> {
    let model = Model::decode(model).map_err(|error| error.to_string())?;
    let training = model.training.iter().flat_map(|one| one.initialization.iter().chain(&one.algorithm));
    let graphs = model.graph.iter().chain(training).find_map(of_graph);
    Ok(graphs.or_else(|| model.functions.iter().flat_map(|one| &one.nodes).find_map(of_node)))
}

fn of_graph(graph: &Graph) -> Option<String> {
    let tensors = graph.tensors.iter().find_map(of_tensor);
    let tensors = tensors.or_else(|| graph.sparse.iter().find_map(of_sparse));
    tensors.or_else(|| graph.nodes.iter().find_map(of_node))
}

fn of_node(node: &Node) -> Option<String> {
    node.attributes.iter().find_map(|own| {
        let tensors = own.tensor.iter().chain(&own.tensors).find_map(of_tensor);
        let sparse = || own.sparse.iter().chain(&own.sparse_tensors).find_map(of_sparse);
        let graphs = || own.graph.iter().chain(&own.graphs).find_map(of_graph);
        tensors.or_else(sparse).or_else(graphs)
    })
}

fn of_sparse(sparse: &Sparse) -> Option<String> {
    sparse.values.iter().chain(&sparse.indices).find_map(of_tensor)
}

fn of_tensor(tensor: &Tensor) -> Option<String> {
    let named = tensor.external.iter().find(|entry| entry.key == "location").map(|entry| entry.value.clone());
    let is_external = tensor.location == Some(EXTERNAL) || !tensor.external.is_empty();
    is_external.then(|| named.unwrap_or_else(|| "no name".to_owned()))
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::{Attribute, Entry, Function, Graph, Model, Node, Sparse, Tensor, Training, location};

    fn elsewhere() -> Tensor {
        let entry = Entry { key: "location".to_owned(), value: "../../etc/passwd".to_owned() };
        Tensor { external: vec![entry], location: Some(1) }
    }

    #[test]
    fn a_file_that_a_model_names_is_found_wherever_it_stands() {
        let graph = Graph { tensors: vec![elsewhere()], ..Graph::default() };
        let node = |attribute: Attribute| Graph {
            nodes: vec![Node { attributes: vec![attribute] }],
            ..Graph::default()
        };
        let sparse = Sparse { values: vec![Tensor::default()], indices: vec![elsewhere()] };
        let within = [
            node(Attribute { tensor: vec![elsewhere()], ..Attribute::default() }),
            node(Attribute { tensors: vec![elsewhere()], ..Attribute::default() }),
            node(Attribute { graph: vec![graph.clone()], ..Attribute::default() }),
            node(Attribute { graphs: vec![graph.clone()], ..Attribute::default() }),
            node(Attribute { sparse_tensors: vec![sparse.clone()], ..Attribute::default() }),
            Graph { sparse: vec![sparse], ..Graph::default() },
            Graph { tensors: vec![Tensor { location: Some(1), external: vec![] }], ..Graph::default() },
            graph.clone(),
        ];
        let mut models: Vec<Model> =
            within.into_iter().map(|graph| Model { graph: Some(graph), ..Model::default() }).collect();
        let training = Training { algorithm: Some(graph.clone()), ..Training::default() };
        models.push(Model { training: vec![training], ..Model::default() });
        let function =
            Function { nodes: node(Attribute { tensor: vec![elsewhere()], ..Attribute::default() }).nodes };
        models.push(Model { functions: vec![function], ..Model::default() });
        for model in models {
            assert!(location(&model.encode_to_vec()).unwrap().is_some(), "{model:?}");
        }
        assert_eq!(location(&Model::default().encode_to_vec()), Ok(None));
        assert!(location(b"\xff\xff\xff").is_err());
    }
}
