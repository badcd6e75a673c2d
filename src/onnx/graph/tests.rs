//! Names, outputs and the format of graphs.

use prost::Message;

use super::{Attribute, Dim, Graph};
use crate::domain::array::ElementType;
use crate::onnx::error::OnnxError;
use crate::onnx::operator;

const COLUMN: [Dim; 2] = [Dim::Batch, Dim::Fixed(2)];

fn graph() -> Graph {
    let mut graph = Graph::new("small");
    let x = graph.input("x", ElementType::Float32, &COLUMN);
    graph.scope("trunk.0");
    let w = graph.weight("trunk.0.weight", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let y = operator::dense(&mut graph, &x, &w, None);
    let y = operator::scale(&mut graph, &y, 2.0);
    let y = operator::scale(&mut graph, &y, 2.0);
    let y = operator::reduce(&mut graph, "ReduceMean", &y, &[1], true);
    let parts = graph.nodes("Split", &[&y], 1, vec![Attribute::int("axis", 1)]);
    graph.output("Mul", &parts[0], ElementType::Float32, &COLUMN);
    graph
}

#[test]
fn the_same_calls_produce_the_same_bytes() {
    let bytes = |graph: Graph| graph.finish(19, &[]).unwrap().encode_to_vec();
    assert_eq!(bytes(graph()), bytes(graph()));
}

#[test]
fn names_are_unique_and_differ_from_outputs() {
    let model = graph().finish(17, &[("mtl.run".to_owned(), "a-1".to_owned())]).unwrap();
    let graph = model.graph.unwrap();
    let names: Vec<&str> = graph.node.iter().map(|node| node.name.as_str()).collect();
    let expected =
        ["/trunk.0/MatMul", "/trunk.0/Mul", "/trunk.0/Mul_1", "/trunk.0/ReduceMean", "/trunk.0/Split"];
    assert_eq!(names[..5], expected);
    assert_eq!(graph.node[5].output, ["Mul"]);
    // Equal constants are shared.
    let weights: Vec<&str> = graph.initializer.iter().map(|weight| weight.name.as_str()).collect();
    assert_eq!(weights, ["trunk.0.weight", "/constant/scalar"]);
    assert_eq!(model.metadata_props[0].value, "a-1");
}

#[test]
fn duplicate_output_names_are_refused() {
    let mut graph = graph();
    let x = graph.scalar(1.0);
    graph.output("x", &x, ElementType::Float32, &[]);
    assert!(matches!(graph.finish(17, &[]), Err(OnnxError::NameTaken { name }) if name == "x"));
}

#[test]
fn the_file_format_follows_the_opset() {
    for (opset, ir_version, reduction_inputs) in [(17, 8, 1), (18, 8, 2), (19, 9, 2), (20, 9, 2), (21, 10, 2)]
    {
        let model = graph().finish(opset, &[]).unwrap();
        assert_eq!(model.ir_version, Some(ir_version));
        assert_eq!(model.opset_import[0].version, Some(opset));
        assert_eq!(model.graph.unwrap().node[3].input.len(), reduction_inputs);
    }
    for unsupported in [16, 22] {
        assert!(matches!(graph().finish(unsupported, &[]), Err(OnnxError::Opset { .. })));
    }
}
