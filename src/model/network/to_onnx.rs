//! ONNX export of a network.

use crate::domain::array::ElementType;
use crate::domain::task::LabelLevel;
use crate::model::activations::GraphActivations;
use crate::model::error::ModelResult;
use crate::model::network::Network;
use crate::model::ops::Nodes;
use crate::onnx::graph::{Dim, Graph, GraphValue};
use crate::onnx::operator;

impl Network {
    /// Exports the network: raw inputs in, logits and predictions of every task out.
    pub fn to_onnx(&self) -> ModelResult<Graph> {
        let mut graph = Graph::new("mtl");
        let x = self.inputs.to_onnx(&mut graph)?;
        let x = match &self.members {
            Some(members) => {
                graph.scope("tabm");
                GraphActivations::plain(members.rows(&mut Nodes { graph: &mut graph }, &x.x)?)
            }
            None => x,
        };
        let shared = self.body.to_onnx(&mut graph, &x)?;
        let mut logits: Vec<Option<GraphValue>> = vec![None; self.tasks.len()];
        let mut features: Vec<Option<GraphActivations>> = vec![None; self.tasks.len()];
        for task in &self.order {
            let head = &self.tasks[*task];
            let mut inputs = vec![shared[*task].x.clone()];
            for other in &head.after {
                let Some(logits) = &logits[*other] else { continue };
                graph.scope(&format!("head.{}.after", head.name));
                inputs.push(self.tasks[*other].head.conditioning_to_onnx(&mut graph, logits)?);
            }
            let x = match inputs.len() {
                1 => shared[*task].clone(),
                _ => {
                    let inputs: Vec<_> = inputs.iter().collect();
                    GraphActivations::plain(operator::concat(&mut graph, &inputs, 1))
                }
            };
            let x = head.layers.to_onnx(&mut graph, &x)?;
            graph.scope(&head.end.name);
            let x = head.head.read_to_onnx(&mut graph, x)?;
            if let Some(writer) = head.head.writer() {
                // Logits are not exported: they would have tokens times vocabulary entries.
                for (port, value) in writer.memory_to_onnx(&mut graph, &x)? {
                    let name = format!("{}_{}", head.name, port.name);
                    graph.output(&name, &value, ElementType::Float32, &port.dims);
                }
                continue;
            }
            let raw = head.head.logits_to_onnx(&mut graph, &x)?;
            let others: Vec<GraphValue> =
                self.body.joined(*task).iter().filter_map(|other| logits[*other].clone()).collect();
            let raw = self.body.join_to_onnx(&mut graph, *task, raw, &others)?;
            let steps = self.signature.tasks[*task].target.label_level() == LabelLevel::Step;
            logits[*task] = Some(if steps { x.with(raw).mask_padding(&mut graph) } else { raw });
            features[*task] = Some(x);
        }
        for (index, (head, signature)) in self.tasks.iter().zip(&self.signature.tasks).enumerate() {
            let (Some(logits), Some(features)) = (&logits[index], &features[index]) else { continue };
            graph.scope(&format!("{}.answer", head.end.name));
            let logits = match &self.members {
                Some(members) => {
                    &members.mean_logits(&mut Nodes { graph: &mut graph }, &signature.target, logits)?
                }
                None => logits,
            };
            let mut answers = head.head.predictions_to_onnx(&mut graph, logits)?;
            let level = signature.target.label_level();
            if level == LabelLevel::Step {
                answers = features.with(answers).mask_padding(&mut graph);
            }
            let dims = |width: usize| match level {
                LabelLevel::Row => vec![Dim::Batch, Dim::Fixed(width)],
                LabelLevel::Step => vec![Dim::Batch, Dim::Dynamic("time".to_owned()), Dim::Fixed(width)],
                LabelLevel::Pixel { height, width: columns } => {
                    vec![Dim::Batch, Dim::Fixed(height), Dim::Fixed(columns), Dim::Fixed(width)]
                }
            };
            let (name, width) = (signature.logits_output(), signature.target.logits());
            graph.output(&name, logits, ElementType::Float32, &dims(width));
            let (name, width) = (signature.prediction_output(), signature.target.prediction_width());
            graph.output(&name, &answers, signature.target.prediction_type(), &dims(width));
        }
        Ok(graph)
    }
}
